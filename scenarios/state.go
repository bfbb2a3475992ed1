package scenarios

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"spafleet/fleet/state"
	"time"
)

// beside is what a story keeps beside its fleet: the embedded server must be
// found where the devices have its addresses, and know their keys.
type beside struct {
	Servers   []string          `json:"servers,omitempty"` // TFTP, HTTP, then HTTPS in the order of the story
	Rotations map[string]uint32 `json:"rotations,omitempty"`
}

// at returns where a server was, or where the story has it.
func (b *beside) at(i int, story string) string {
	if i < len(b.Servers) {
		return b.Servers[i]
	}
	return story
}

// where adds why a server is where it is.
func (b *beside) where(err error) error {
	if err == nil || len(b.Servers) == 0 {
		return err
	}
	return fmt.Errorf("%w; the saved devices have their server at tftp %s, http %s", err, b.Servers[0], b.Servers[1])
}

// openState looks whether there is a fleet to go on from.
func (p *play) openState() error {
	if p.options.State == "" {
		return nil
	}
	saved, err := state.Open(p.options.State)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	if err := json.Unmarshal(saved.Extra, &p.beside); err != nil {
		saved.Close()
		return fmt.Errorf("state %s: what stands beside the fleet cannot be read: %w; it is of another program", p.options.State, err)
	}
	p.saved = saved
	return nil
}

// closeState closes the file once the fleet has it.
func (p *play) closeState() {
	if p.saved != nil {
		p.saved.Close()
	}
}

// keepBeside returns what is saved beside the fleet.
func (p *play) keepBeside() []byte {
	var b beside
	if s := p.server; s != nil {
		b.Servers = []string{s.TFTP().String(), s.HTTP().String()}
		for _, at := range s.HTTPSAt() {
			b.Servers = append(b.Servers, at.String())
		}
	}
	if p.pairs != nil {
		b.Rotations = p.pairs.Rotations()
	}
	text, _ := json.Marshal(&b) // texts and numbers
	return text
}

// resumed returns the fleet time of the snapshot, zero where there was none.
func (p *play) resumed() time.Time {
	if at, ok := p.fleet.Resumed(); ok {
		return at
	}
	return time.Time{}
}

// recount tells the tally where the devices stand that go on.
func (p *play) recount() {
	if p.saved == nil {
		return
	}
	for place := range p.fleet.Len() {
		dev := p.fleet.Shard().At(place)
		p.tally.Resume(dev, p.fleet.State(dev))
	}
}
