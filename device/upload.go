package device

import (
	"encoding/json"

	"spafleet/device/model"
)

// An Upload is a firmware image that came by a page of the device: what a look at it found.
type Upload struct {
	Name    string // of the file
	Bytes   int
	Magic   string // with which it begins
	Version string
	Made    bool   // by this program
	Part    string // of it that is damaged; "": none
	Damage  string
}

// Install returns the command to install it.
func (u Upload) Install(cause model.Cause) Command {
	b, err := json.Marshal(u)
	if err != nil {
		panic(err) // of texts and numbers
	}
	return Command{Order: Install, Cause: cause, Argument: string(b)}
}

// Upload returns the image that an Install is about.
func (c *Command) Upload() (u Upload) {
	_ = json.Unmarshal([]byte(c.Argument), &u) // another order has none
	return u
}

// Text returns what an event says of a command: its order and what it is about.
func (c *Command) Text() string {
	switch {
	case c.Order == Install:
		return c.Order.String() + " " + c.Upload().Name
	case c.Order == SetDirectory:
		return c.Order.String() + " " + c.entriesText()
	case c.Argument == "":
		return c.Order.String()
	}
	return c.Order.String() + " " + c.Argument
}
