package run

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"time"

	"spafleet/fleet/state"
	"spafleet/host"
)

// savedServers is what is saved with the fleet of a scenario: the embedded server
// must be where the devices expect it, and know their keys.
type savedServers struct {
	Servers   []string          `json:"servers,omitempty"` // TFTP, HTTP, then HTTPS in the order of the scenario
	Syslog    string            `json:"syslog,omitempty"`
	SIP       string            `json:"sip,omitempty"`
	Rotations map[string]uint32 `json:"rotations,omitempty"`
}

// of returns where a server was, "" where nothing was saved of it.
func (b *savedServers) of(i int) string {
	if i < len(b.Servers) {
		return b.Servers[i]
	}
	return ""
}

// where adds why a server is where it is.
func (b *savedServers) where(err error) error {
	if err == nil || len(b.Servers) == 0 {
		return err
	}
	return fmt.Errorf("%w; the saved devices have their server at tftp %s, http %s", err, b.Servers[0], b.Servers[1])
}

// openState takes the state file for this run, and looks whether there is a fleet
// to go on from.
func (r *run) openState() error {
	if r.options.State == "" {
		return nil
	}
	r.server.lasting = new(lastingPorts)
	if err := host.CheckWrite(r.options.State); err != nil {
		return fmt.Errorf("state: %w", err)
	}
	var err error
	switch r.unlock, err = host.Lock(r.options.State); {
	case errors.Is(err, host.ErrLocked):
		return fmt.Errorf("state %s: another run uses it; end that one, or give this one a state file of its own", r.options.State)
	case err != nil:
		return fmt.Errorf("state: %w", err)
	}
	saved, err := state.Open(r.options.State)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	if err := json.Unmarshal(saved.Extra, &r.server.saved); err != nil {
		saved.Close()
		return fmt.Errorf("state %s: what was saved with the fleet cannot be read: %w; another program wrote it", r.options.State, err)
	}
	r.saved = saved
	return nil
}

// unlockState lets others have the state file.
func (r *run) unlockState() {
	if r.unlock != nil {
		r.unlock()
	}
}

// closeState closes the file once the fleet has it.
func (r *run) closeState() {
	if r.saved != nil {
		r.saved.Close()
	}
}

// servers returns what is saved with the fleet.
func (r *run) servers() []byte {
	var b savedServers
	if s := r.server.sockets; s != nil {
		b.Servers = []string{s.TFTP().String(), s.HTTP().String()}
		for _, at := range s.HTTPSAt() {
			b.Servers = append(b.Servers, at.String())
		}
	}
	if at := r.server.syslog.at(); at.IsValid() {
		b.Syslog = at.String()
	}
	if at := r.server.sip.at; at.IsValid() {
		b.SIP = at.String()
	}
	if r.server.pairs != nil {
		b.Rotations = r.server.pairs.Rotations()
	}
	text, _ := json.Marshal(&b) // texts and numbers
	return text
}

// resumed returns the fleet time of the snapshot, zero where there was none.
func (r *run) resumed() time.Time {
	if at, ok := r.fleet.Resumed(); ok {
		return at
	}
	return time.Time{}
}

// recount tells the tally the states of the devices of a resumed fleet.
func (r *run) recount() {
	if r.saved == nil {
		return
	}
	for place := range r.fleet.Len() {
		dev := r.fleet.Shard().At(place)
		if v, ok := r.fleet.View(dev); ok {
			r.tally.Resume(dev, v.State, v.Unit.Row.Firmware.Version)
		}
	}
}
