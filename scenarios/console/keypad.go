package console

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"sync"

	"spafleet/device"
	"spafleet/device/model"
	"spafleet/fleet"
	"spafleet/ivr"
	"spafleet/scenarios/console/page"
)

// The bounds of what callers can make a console hold.
const (
	mostCalls = 256 // devices with a call
	mostKeys  = 32  // of one request, and of those that are shown
	mostSaid  = 8   // sentences that are shown
)

// errNoMenu says that a device has no voice menu, and errKeys that a telephone lacks keys.
var (
	errNoMenu = errors.New("its model has no voice menu")
	errKeys   = fmt.Errorf("that cannot be dialled: give 1 to %d of the digits, * and #", mostKeys)
)

// keypads are the telephones at devices. The zero value is ready.
type keypads struct {
	mu    sync.Mutex
	calls map[device.Index]*call
	count int
}

// A call is a person at the keypad of a device.
type call struct {
	mu    sync.Mutex
	order int // of the calls
	off   bool
	menu  ivr.Menu
	typed string
	said  []string
}

// of returns the call of a device, which may be a new one. The oldest makes room.
func (k *keypads) of(dev device.Index) *call {
	k.mu.Lock()
	defer k.mu.Unlock()
	if c := k.calls[dev]; c != nil {
		return c
	}
	if k.calls == nil {
		k.calls = map[device.Index]*call{}
	}
	if len(k.calls) >= mostCalls {
		oldest := dev
		for other, c := range k.calls {
			if o := k.calls[oldest]; o == nil || c.order < o.order {
				oldest = other
			}
		}
		delete(k.calls, oldest)
	}
	k.count++
	c := &call{order: k.count}
	k.calls[dev] = c
	return c
}

// known returns the call of a device, nil for none.
func (k *keypads) known(dev device.Index) *call {
	k.mu.Lock()
	defer k.mu.Unlock()
	return k.calls[dev]
}

// Keypad returns the telephone at a device, nil where it has no voice menu.
func (s *source) Keypad(v *device.View) *page.Keypad {
	if !ivr.Has(v.Unit.Row.Model) {
		return nil
	}
	pad := &page.Keypad{OffHook: v.InUse}
	if c := s.keypads.known(v.Unit.Index); c != nil {
		c.mu.Lock()
		defer c.mu.Unlock()
		pad.Typed, pad.Said = c.typed, append([]string(nil), c.said...)
	}
	return pad
}

// Press takes the handset off where it is on the hook, and presses keys. It returns what
// the menu says.
func (s *source) Press(ctx context.Context, dev device.Index, keys string) ([]string, error) {
	v, ok := s.View(dev)
	switch {
	case len(keys) > mostKeys || keys == "" || !ivr.AreKeys(keys):
		return nil, errKeys
	case !ok || !ivr.Has(v.Unit.Row.Model):
		return nil, errNoMenu
	case !v.Answers():
		return nil, fleet.ErrNoPower
	}
	c := s.keypads.of(dev)
	c.mu.Lock()
	defer c.mu.Unlock()
	if !v.InUse || !c.off {
		c.off, c.menu, c.typed, c.said = true, ivr.Menu{}, "", nil
		if err := s.Ask(ctx, dev, device.Command{Order: device.HookOff, Cause: model.ByKeypad}); err != nil {
			return nil, err
		}
	}
	var said []string
	err := c.menu.Dial(s.looking(dev), keys, func(a ivr.Action) error {
		heard, err := s.obey(ctx, dev, c, a)
		said = append(said, heard...)
		return err
	})
	c.typed += keys
	c.typed = c.typed[max(0, len(c.typed)-mostKeys):]
	return said, err
}

// looking returns how a device is looked at.
func (s *source) looking(dev device.Index) func() device.View {
	return func() device.View { v, _ := s.View(dev); return v }
}

// PressAll has a caller at each of some devices press keys and hang up, as the step ivr of a
// scenario does, and returns at how many there is a menu. It does not wait for devices.
func (s *source) PressAll(ctx context.Context, list []device.Index, keys string) (menus int, err error) {
	if len(keys) > mostKeys || keys == "" || !ivr.AreKeys(keys) {
		return 0, errKeys
	}
	for _, dev := range list {
		look := s.looking(dev)
		v := look()
		if !ivr.Has(v.Unit.Row.Model) || !v.Answers() {
			continue
		}
		var menu ivr.Menu
		obey := func(a ivr.Action) error {
			if a.Command == nil {
				return nil
			}
			return s.Do(ctx, dev, *a.Command)
		}
		err := menu.Dial(look, keys, obey)
		for _, a := range menu.HangUp(look()) {
			err = cmp.Or(err, obey(a))
		}
		if err != nil {
			return menus, err
		}
		menus++
	}
	return menus, nil
}

// HangUp puts the handset of a device back: what was saved in the menu takes effect now.
func (s *source) HangUp(ctx context.Context, dev device.Index) error {
	v, ok := s.View(dev)
	if !ok {
		return fmt.Errorf("there is no device %d", dev)
	}
	if err := s.Ask(ctx, dev, device.Command{Order: device.HookOn, Cause: model.ByKeypad}); err != nil {
		return err
	}
	c := s.keypads.known(dev)
	if c == nil {
		return nil
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	c.off, c.typed = false, ""
	for _, a := range c.menu.HangUp(v) {
		if _, err := s.obey(ctx, dev, c, a); err != nil {
			return err
		}
	}
	return nil
}

// obey does what came of a key, and returns what the menu says.
func (s *source) obey(ctx context.Context, dev device.Index, c *call, a ivr.Action) (said []string, err error) {
	if a.Say != "" {
		said = []string{s.Shown(a.Say)}
		c.said = append(c.said, said...)
		c.said = c.said[max(0, len(c.said)-mostSaid):]
	}
	if a.Command != nil {
		err = s.Ask(ctx, dev, *a.Command)
	}
	return said, err
}
