package page

import (
	"html/template"
	"io"
	"net/url"
	"slices"
	"strings"
	"time"
	"unicode/utf8"
)

// A Device is one device and what it does. Times are fleet time; a zero one is not known.
type Device struct {
	Frame
	Index    int
	MAC      string
	Serial   string
	Address  string
	Model    string
	Firmware string // that it has now
	Hardware string
	Group    string // of the scenario; "": there is only one
	Power    string // on, off or booting
	Web      string // where its own pages are; "": they do not answer
	Now      time.Time

	State   string
	Moves   []Move // when it came to which state, oldest first
	Waits   string // what it does or waits for, as a sentence; "": nothing is known
	Timers  []Timer
	Resyncs Result
	Lines   int // of the model; 0: none
	// Registered is how many of those are.
	Registered  int
	Certificate Certificate
	Events      []Event // the last ones, oldest first

	Params  Params
	Actions []Action
	Keypad  *Keypad // nil: it has none
}

// A Move is when a device came to a state.
type Move struct {
	State string
	At    time.Time
	Event string // keyed, secured …; "": it began there
}

// A Timer is what a device does at a time: its next resync, a retry, a registration.
type Timer struct {
	Name string
	At   time.Time // zero: it is not set
	Why  string    // by Resync_Periodic; "": nothing is known
}

// A Certificate is what a device shows to servers.
type Certificate struct {
	Says     string // what its own pages say of it
	Subject  string // "": there is none, or it was not made yet
	Issuer   string
	From, To time.Time
	Note     string // "": nothing to note
}

// An Event is what a device did, as a sentence.
type Event struct {
	Key   string // the same for the same event; "": events have none
	At    time.Time
	Text  string
	Begin bool // it begins a boot, a resync and so on
	Wrong bool
}

// Params are a device's parameters that a search for a part of their name found.
type Params struct {
	Search string
	Rows   []Param
}

// A Param is one parameter.
type Param struct {
	Name, Value string
	Origin      Origin
	// Default is the model's own value, where the device has another.
	Default string
}

// An Origin is where a parameter's value is from.
type Origin uint8

// Where values are from.
const (
	Default Origin = iota // the model's factory values
	Shared                // a profile that devices share
	Own                   // the device alone
)

var originNames = [...]string{"default", "shared profile", "own"}

// String names an origin.
func (o Origin) String() string { return originNames[min(int(o), len(originNames)-1)] }

// A Keypad is a telephone at a device.
type Keypad struct {
	OffHook bool
	Typed   string   // since it was taken off hook
	Said    []string // what the menu has said, oldest first
}

// WriteDevice writes the page of a device.
func WriteDevice(w io.Writer, d *Device) error {
	return write(w, "device", d.MAC, d.Frame, d.view())
}

// WriteLiveDevice writes the live part of that page.
func WriteLiveDevice(w io.Writer, d *Device) error { return part(w, "live-device", d.view()) }

// device is what the template shows.
type device struct {
	*Device
	Life    template.HTML
	Summary string
	Story   []chapter // the latest first
	Set     []Param   // other than the default
	Rest    []Param   // the default
	Hidden  int       // parameters that the page has no room for
}

// The most bytes of a value that the page shows, and of all parameters together, so that
// no page is larger than browsers and telephones like.
const (
	mostOfValue  = 400
	mostOfParams = 150_000
	mostEvents   = 100
)

func (d *Device) view() *device {
	v := &device{Device: d, Life: drawLife(d), Summary: d.summary()}
	v.tell()
	v.fill()
	return v
}

// A chapter is an event that begins one, and those up to the next.
type chapter struct {
	Key    string
	Events []Event
}

// tell takes the last events, by chapters.
func (v *device) tell() {
	for _, e := range v.Events[max(0, len(v.Events)-mostEvents):] {
		if e.Begin || len(v.Story) == 0 {
			v.Story = append(v.Story, chapter{Key: e.Key})
		}
		last := &v.Story[len(v.Story)-1]
		last.Events = append(last.Events, e)
	}
	slices.Reverse(v.Story)
}

// fill takes the parameters that the page has room for, those that differ first.
func (v *device) fill() {
	room := mostOfParams
	for _, differs := range []bool{true, false} {
		for _, p := range v.Params.Rows {
			if (p.Origin != Default) != differs {
				continue
			}
			switch room -= p.size(); {
			case room < 0:
				v.Hidden++
			case differs:
				v.Set = append(v.Set, p)
			default:
				v.Rest = append(v.Rest, p)
			}
		}
	}
}

// size returns how many bytes the row of a parameter takes at most.
func (p *Param) size() int {
	const markup = 120
	return markup + len(template.HTMLEscapeString(p.Name+p.Shown()+p.ShownDefault()))
}

// Shown is the value as far as the page shows it.
func (p Param) Shown() string { return beginning(p.Value) }

// More is how many bytes of the value are not shown.
func (p Param) More() int { return len(p.Value) - len(p.Shown()) }

// ShownDefault is the model's own value as far as the page shows it.
func (p Param) ShownDefault() string { return beginning(p.Default) }

// cut is a text as far as a page shows it.
func cut(text string) string {
	if short := beginning(text); len(short) < len(text) {
		return short + "…"
	}
	return text
}

// beginning cuts a text where a letter begins, by what it takes in HTML.
func beginning(text string) string {
	taken := 0
	for i, letter := range text {
		size := utf8.RuneLen(letter)
		if strings.ContainsRune(`<>&"'+`, letter) {
			size = len("&#34;")
		}
		if taken += max(size, 1); taken > mostOfValue {
			return text[:i]
		}
	}
	return text
}

// Whys reports whether it is known of a timer why it is set.
func (d *Device) Whys() bool {
	return slices.ContainsFunc(d.Timers, func(t Timer) bool { return t.Why != "" })
}

func (d *Device) summary() string {
	text := "Phone " + d.MAC + ": " + d.State
	if d.Power != "on" {
		text += ", power " + d.Power
	}
	return text
}

// WebURL is the link to the device's own pages. Only http and https lead anywhere.
func (d *Device) WebURL() string {
	u, err := url.Parse(d.Web)
	if err != nil || u.Scheme != "http" && u.Scheme != "https" {
		return ""
	}
	return d.Web
}

// Class is that of the device's state.
func (d *Device) Class() string { return classOf(d.State) }

// came returns when and how the device last came to each state.
func (d *Device) came() map[string]Move {
	last := map[string]Move{}
	for _, m := range d.Moves {
		last[m.State] = m
	}
	return last
}

// Keys are those of a telephone, in their order.
func (d *Device) Keys() []string {
	return []string{"1", "2", "3", "4", "5", "6", "7", "8", "9", "*", "0", "#"}
}
