package device

import (
	"hash/fnv"
	"io"
	"slices"

	"spafleet/device/profile"
	"spafleet/device/rule"
	"spafleet/fsm"
)

// Via says by which way a change came to a device.
type Via uint8

const (
	ViaDHCP   Via = iota + 1 // a file that the device's own rules fetched
	ViaURL                   // a file that the URL of a command fetched
	ViaEdit                  // web page, keypad, API
	ViaRC                    // remote customization
	ViaPreset                // the tester, before the device's life began
)

// String returns dhcp, url, edit, rc or preset.
func (v Via) String() string { return [...]string{"", "dhcp", "url", "edit", "rc", "preset"}[v] }

// A Life is where a device stands in its provisioning life.
type Life struct {
	State  fsm.State
	Proven bool // the present keys and directory have delivered a file
}

// A Change is one change set: an applied file, the assignments of a rule, an
// edit, or a preset.
type Change struct {
	Unit          *Unit
	Before, After Params
	Via           Via
	File          profile.Protection // of the applied file; 0 for a plain one and for other changes
}

// profileRules are the four rules of a resync, in order.
var profileRules = [...]string{"Profile_Rule", "Profile_Rule_B", "Profile_Rule_C", "Profile_Rule_D"}

// Apply fires the events that a change causes, each at most once, and returns
// what became of the life and the events that were taken, in order.
func (l Life) Apply(c Change) (Life, []fsm.Event) {
	var taken []fsm.Event
	for _, e := range c.causes(l.State) {
		next, ok := fsm.Next(l.State, e)
		if !ok {
			continue
		}
		l.State = next
		l.Proven = l.Proven && e != fsm.Rotated && e != fsm.Keyed && e != fsm.Unkeyed
		taken = append(taken, e)
	}
	return l, taken
}

// causes returns the events whose guards hold, in the lifecycle's order; of
// customized, which comes first, only where the state takes it. Secured
// is not among them: a change proves nothing by itself.
func (c Change) causes(from fsm.State) []fsm.Event {
	var events []fsm.Event
	targeted := c.File&profile.Targeted != 0
	before, wasStrong := strength(c.Unit, c.Before)
	after, isStrong := strength(c.Unit, c.After)
	if _, ok := fsm.Next(from, fsm.Customized); ok && customized(c.Unit, c.After) {
		events = append(events, fsm.Customized)
	}
	if targeted {
		events = append(events, fsm.Targeted)
	}
	if isStrong && !wasStrong {
		events = append(events, fsm.Keyed)
	}
	if isStrong && wasStrong && before != after {
		events = append(events, fsm.Rotated)
	}
	if wasStrong && !isStrong && !targeted {
		events = append(events, fsm.Unkeyed)
	}
	return events
}

// Secure fires secured: at the end of a successful attempt, a file that a strong
// rule requested after the last keyed or rotated came keyed or mutual and was
// applied. The caller has seen to all of this.
func (l Life) Secure() (Life, bool) {
	next, ok := fsm.Next(l.State, fsm.Secured)
	if ok {
		l = Life{State: next, Proven: true}
	}
	return l, ok
}

// FactoryReset fires factory-reset, which every state takes.
func (l Life) FactoryReset() Life {
	next, _ := fsm.Next(l.State, fsm.FactoryReset)
	return Life{State: next}
}

// customized reports whether a profile rule that is not the factory's holds a
// URL. A malformed rule holds none: it could never be followed.
func customized(u *Unit, p Params) bool {
	for _, name := range profileRules {
		param, ok := u.Row.Factory.Lookup(name)
		if !ok {
			continue
		}
		text := p.Get(param.ID)
		if text == param.Default || text == "" {
			continue
		}
		if slices.ContainsFunc(Alternatives(u, p, text), func(d rule.Decision) bool { return d.HasURL }) {
			return true
		}
	}
	return false
}

// Strong reports whether a rule is strong: any of its alternatives, true or not,
// has a key that is not empty, or asks by https.
func Strong(u *Unit, p Params, text string) bool {
	return rule.Read(text, u.Row.Dialect()).MayBeStrong() && slices.ContainsFunc(Alternatives(u, p, text), rule.Decision.Strong)
}

// strength returns a hash of the keys, hosts and paths of all strong
// alternatives, and whether there are any.
func strength(u *Unit, p Params) (sum uint64, found bool) {
	h := fnv.New64a()
	for _, name := range profileRules {
		text, _ := p.Lookup(name)
		if text == "" || !rule.Read(text, u.Row.Dialect()).MayBeStrong() {
			continue
		}
		for _, d := range Alternatives(u, p, text) {
			if !d.Strong() {
				continue
			}
			found = true
			for _, part := range [...]string{d.Options.Key, d.URL.Host, d.URL.Path} {
				io.WriteString(h, part)
				h.Write([]byte{0})
			}
		}
	}
	return h.Sum64(), found
}

// Alternatives returns what a device could do about a rule with the values stored
// now; none where the rule is malformed, for it could never be followed. Timers and
// the like read as at rest.
func Alternatives(u *Unit, p Params, text string) []rule.Decision {
	if text == "" {
		return nil
	}
	all, err := rule.Alternatives(text, Env{Unit: u, Params: p}, u.Row.Dialect())
	if err != nil {
		return nil
	}
	return all
}
