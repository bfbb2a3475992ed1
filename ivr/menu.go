// Package ivr is the spoken menu that a device offers to the keypad of a phone:
// four stars enter it, an option's number and pound runs the option.
//
// It is a state machine without sound, I/O or clock: [Menu.Key] takes a key and
// the moment of it and returns what is said and what the device is asked to do.
// The options are a table ([Options]). Start with the zero [Menu], which is one
// call, and pass it every key until [Menu.HangUp].
//
// What is known of the real menus is in device-surface.md §3; the wording of what
// is spoken is ours, since no recording or text of it was found.
package ivr

import (
	"time"

	"spafleet/device"
	"spafleet/device/model"
)

// A Menu is one call into the menu. Its zero value is a phone on hook.
type Menu struct {
	state  state
	typed  string // keys since the state was entered
	star   bool   // the last key was a star
	last   int64  // fleet time of the last key
	item   *item  // the option that asks, where one does
	value  string // what is to be saved
	saved  []device.Set
	reset  effect // resetsAll or resetsUser, once one was confirmed
	reboot bool
}

// An Action is something that comes of a key: words, or a command to the device
// whose menu this is, or both.
type Action struct {
	Say     string
	Command *device.Command
	Refused bool // Say is why what the caller asked for is not done
}

// state is what the next key means.
type state uint8

const (
	outside  state = iota // not in the menu: stars are counted
	choosing              // the number of an option
	proving               // the password
	entering              // a value
	deciding              // what becomes of the value
	confirming
)

// A call of a minute without keys has left the menu; a second star within half
// a second leaves an entry (device-surface.md §3.2: documented).
const (
	session    = int64(time.Minute)
	doubleStar = int64(500 * time.Millisecond)
)

// maxTyped is more than any number or address needs; later digits are lost.
const maxTyped = 64

// Has reports whether a model offers the menu: those with sockets for phones,
// and the phones without display (device-surface.md §3: documented).
func Has(m *model.Model) bool {
	switch m.Name {
	case "SPA901", "SPA301", "SPA501G":
		return true
	}
	return !m.Family.Phone
}

// Key takes one key, pressed at a fleet time in nanoseconds: '0' to '9', '*' or '#',
// or a letter, which is the digit's key that bears it. Other keys do nothing. v is the
// device at that moment. A boot ends the call, and what was saved in it is lost.
func (m *Menu) Key(v device.View, key byte, at int64) []Action {
	if !isKey(key) || !Has(v.Unit.Row.Model) {
		return nil
	}
	key = onKeypad(key)
	m.bootsAway(v)
	if !v.Answers() {
		return nil
	}
	gap := at - m.last
	double := m.star && key == '*' && gap <= doubleStar
	m.last, m.star = at, key == '*'
	if gap >= session {
		m.enter(outside)
	}
	switch m.state {
	case choosing:
		return m.choose(v, key)
	case proving:
		return m.prove(v, key)
	case entering:
		return m.entry(key, double)
	case deciding:
		return m.decide(v, key)
	case confirming:
		return m.confirm(v, key)
	}
	return m.knock(key)
}

// Dial presses keys one after the other, with the device as it is before each, and has done
// what comes of them. It ends at the first error of do.
func (m *Menu) Dial(look func() device.View, keys string, do func(Action) error) error {
	for i := range len(keys) {
		v := look()
		for _, a := range m.Key(v, keys[i], v.Now) {
			if err := do(a); err != nil {
				return err
			}
		}
	}
	return nil
}

// HangUp ends the call. What was saved takes effect now (device-surface.md §3.2:
// documented), also where the menu was left before by silence (inferred). A factory
// reset takes all of it away.
func (m *Menu) HangUp(v device.View) []Action {
	m.bootsAway(v)
	call := *m
	*m = Menu{}
	if call.reset == resetsAll {
		return []Action{do("", device.Command{Order: device.FactoryReset})}
	}
	if call.reset == resetsUser {
		saved := call.saved
		call.saved = userSets(v)
		for _, s := range saved {
			call.saved = put(call.saved, s)
		}
	}
	var actions []Action
	if len(call.saved) > 0 {
		actions = append(actions, do("", device.Command{Order: device.SetParams, Sets: call.saved}))
	}
	if call.reboot {
		actions = append(actions, do("", device.Command{Order: device.Reboot}))
	}
	return actions
}

// bootsAway ends the call where the device has booted since its last key, or
// answers nothing.
func (m *Menu) bootsAway(v device.View) {
	if !v.Answers() || v.Booted > m.last {
		*m = Menu{}
	}
}

// AreKeys reports whether a telephone has all of these keys: digits, the letters on
// them, star and pound.
func AreKeys(text string) bool {
	for i := range len(text) {
		if !isKey(text[i]) {
			return false
		}
	}
	return true
}

func isKey(key byte) bool { return isDigit(onKeypad(key)) || key == '*' || key == '#' }

func isDigit(key byte) bool { return '0' <= key && key <= '9' }

func (m *Menu) enter(s state) { m.state, m.typed, m.star = s, "", false }

// keep adds a key to what is typed.
func (m *Menu) keep(key byte) {
	if len(m.typed) < maxTyped {
		m.typed += string(key)
	}
}

func say(text string) []Action { return []Action{{Say: text}} }

// refuse says why an option is not done, and returns to the choice of one.
func (m *Menu) refuse(text string) []Action {
	m.enter(choosing)
	return []Action{{Say: text, Refused: true}}
}

// back says something and returns to the choice of an option.
func (m *Menu) back(text string) []Action {
	m.enter(choosing)
	return say(text)
}

func do(text string, c device.Command) Action {
	c.Cause = model.ByKeypad
	return Action{Say: text, Command: &c}
}
