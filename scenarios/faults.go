package scenarios

import (
	"cmp"
	"errors"
	"fmt"
	"slices"
	"strings"

	"spafleet/device/measure"
	"spafleet/device/model"
	"spafleet/resync/fault"
)

// A Fault is what a step does to exchanges.
type Fault struct {
	fault.Fault
	node *node
}

// fault reads what a step's fault is, and to whose exchanges.
func (r *reader) fault(s *Step, n *node, path string) {
	s.Fault = &Fault{node: n}
	r.walk(n, path, faultKeys(r, s, s.Fault)...)
}

// faultKeys are those of a fault.
func faultKeys(r *reader, s *Step, f *Fault) []key {
	keys := []key{
		{"of", "whose exchanges: " + aboutOf + " (`all`)", r.text(&s.Of)},
		{"match", "`[tftp|http|https|dns|sip] [PATH]` (every exchange); in PATH, `*` matches anything, and `$MA` and other macros match what a device puts there. An exchange of SIP is a transaction, and its path the method: `sip /REGISTER`, `sip /NOTIFY`", r.scalarAs(matchForm, func(t string) (err error) { f.Match, err = parseMatch(t); return })},
		{"nth", "counted from 1 since the fault began: `1-2`, `3`, `4-`, `1,3` (each one)", r.scalarAs(fault.OrdinalsForm, func(t string) (err error) { f.Nth, err = fault.ParseOrdinals(t); return })},
		{"per", "count for each `device` (the default), or for the `fleet`, which shards cannot", r.scalarAs(measure.Form{Words: []string{"device", "fleet"}}, func(t string) (err error) { f.PerFleet, err = parsePer(t); return })},
		{"chance", "a share of them: `20%`; the same seed disturbs the same ones", r.scalarAs(measure.ShareForm, func(t string) (err error) { f.Chance, err = fault.ParseShare(t); return })},
	}
	for _, e := range fault.Table() {
		keys = append(keys, key{e.Key, e.About, r.scalarAs(e.Form, func(t string) error { return e.Parse(&f.Effects, t) })})
	}
	return keys
}

// matchForm is that of parseMatch.
var matchForm = measure.Form{Words: []string{"tftp", "http", "https", "dns", "sip"}, Pattern: `((tftp|http|https|sip) +)?/[^ ]*`, Like: []string{"tftp /$MA.cfg", "http /fw/*", "sip /REGISTER"}}

func parseMatch(text string) (fault.Match, error) {
	m, err := fault.ParseMatch(text)
	switch method := strings.TrimPrefix(m.Path(), "/"); {
	case err != nil:
	case m.Scheme == "dhcp":
		err = fmt.Errorf("%s is not in this spafleet yet", m.Scheme)
	case m.Scheme == "sip" && method != "" && !strings.Contains(method, "*") && !slices.Contains(methods, method):
		err = fmt.Errorf("SIP has no method %q%s", method, model.DidYouMean(strings.ToUpper(method), methods))
	}
	return m, err
}

// methods are those of SIP that devices and registrars know.
var methods = []string{"REGISTER", "NOTIFY", "OPTIONS", "SUBSCRIBE", "INVITE", "ACK", "BYE", "CANCEL", "INFO", "MESSAGE", "PRACK", "PUBLISH", "REFER", "UPDATE"}

func parsePer(text string) (fleet bool, err error) {
	switch text {
	case "device", "fleet":
		return text == "fleet", nil
	}
	return false, fmt.Errorf("%q is neither device nor fleet", text)
}

// fault checks that what a fault does fits what it is done to.
func (c *checker) fault(i int, path string) {
	s := &c.Scenario.Timeline[i]
	f := s.Fault
	if f.node != nil && f.node.kind != mapping {
		return // the reader has said so
	}
	f.weigh(c.Scenario, func(key string, err error) {
		if err != nil {
			c.mistake(f.node.at(key), strings.TrimSuffix(join(path, key), "."), "%s", err)
		}
	})
}

// Read reads a fault that a run of a scenario is given while it is under way, by the keys of
// a step's fault without of. Some says that it is not for all devices. The error names the
// key.
func (f *Fault) Read(s *Scenario, texts map[string]string, some bool) error {
	for key, text := range texts {
		if err := f.take(key, text); err != nil {
			return fmt.Errorf("%s: %w", key, err)
		}
	}
	if some {
		f.Devices = func(uint32) bool { return true }
	}
	var first error
	f.weigh(s, func(key string, err error) {
		if key != "" && err != nil {
			err = fmt.Errorf("%s: %w", key, err)
		}
		first = cmp.Or(first, err)
	})
	f.Devices = nil
	return first
}

// take reads the text of one key.
func (f *Fault) take(key, text string) (err error) {
	switch key {
	case "match":
		f.Match, err = parseMatch(text)
	case "nth":
		f.Nth, err = fault.ParseOrdinals(text)
	case "per":
		f.PerFleet, err = parsePer(text)
	case "chance":
		f.Chance, err = fault.ParseShare(text)
	default:
		keys := []string{"match", "nth", "per", "chance"}
		for _, e := range fault.Table() {
			if keys = append(keys, e.Key); e.Key == key {
				return e.Parse(&f.Effects, text)
			}
		}
		err = fmt.Errorf("a fault has no such key%s; there are %s", model.DidYouMean(key, keys), strings.Join(keys, ", "))
	}
	return err
}

// weigh tells what is wrong with a fault, by its key.
func (f *Fault) weigh(s *Scenario, wrong func(key string, err error)) {
	if !f.OfNetwork() && !f.OfServer() && !f.written() {
		wrong("", fmt.Errorf("a fault does something: %s, or what the built-in server does wrong", strings.Join(networkEffects(), ", ")))
	}
	if f.PerFleet && f.Nth == nil {
		wrong("per", errors.New("per says how nth is counted, and there is no nth"))
	}
	for _, e := range fault.Table() {
		if !e.Given(&f.Effects) {
			continue
		}
		if e.OfServer && s.Server == nil {
			wrong(e.Key, fmt.Errorf("%s is done by the built-in server; a target can only be given faults of the network", e.Key))
		}
		if why := f.mistake(&e); why != "" {
			wrong(e.Key, errors.New(why))
		}
		if b := s.Server; e.Key == "down" && b != nil && f.Replica > max(b.Replicas, 1) {
			wrong(e.Key, fmt.Errorf("there is no replica %d; server.replicas is %d", f.Replica, max(b.Replicas, 1)))
		}
	}
	wrong("lose", f.blockExists(s, f.Lose))
	wrong("duplicate", f.blockExists(s, f.Duplicate))
	wrong("reorder", f.blockExists(s, f.Reorder))
}

// written reports whether a scenario gives an effect, be it a wrong one.
func (f *Fault) written() bool {
	chooses := []string{"of", "match", "nth", "per", "chance"}
	return f.node != nil && slices.ContainsFunc(f.node.keys, func(k *node) bool { return !slices.Contains(chooses, k.text) })
}

// mistake says why a fault cannot have an effect, "" where it can.
func (f *Fault) mistake(e *fault.Effect) string {
	if e.Key == "down" && f.node.has("of") {
		return "down is the whole server: match may name tftp, http, https or sip, and of, nth and chance do not go with it"
	}
	return e.Mistake(&f.Fault)
}

// networkEffects returns the keys of what happens between device and server.
func networkEffects() (keys []string) {
	for _, e := range fault.Table() {
		if !e.OfServer {
			keys = append(keys, e.Key)
		}
	}
	return keys
}

// has reports whether a map has a key. A nil node has none.
func (n *node) has(key string) bool { return n != nil && n.get(key) != nil }

// blockExists says what is wrong with packets that no file of the server has.
// Files whose size is known only when they are asked for may have any.
func (f *Fault) blockExists(s *Scenario, packets fault.Packets) error {
	if packets.Unit != fault.Block || s.Server == nil || f.Match.Scheme != "" && f.Match.Scheme != "tftp" {
		return nil
	}
	longest := 0
	for path, e := range s.Server.Files {
		if strings.ContainsAny(path, "{$") && f.Match.Path() != "" || strings.Contains(e.Body, "{{") || strings.Contains(e.Body, "${") || e.Key != "" || e.Gzip || e.Bound || e.UCS2 || e.File != "" {
			return nil
		}
		if f.Match.Covers(fault.Exchange{Scheme: "tftp", Path: path}) {
			longest = max(longest, max(len(e.Body), e.Size)/512+1)
		}
	}
	if longest == 0 || int(packets.Range.From) <= longest {
		return nil
	}
	return fmt.Errorf("no file that TFTP serves here has a block %d; the longest has %d", packets.Range.From, longest)
}

// clearing checks that a step ends a fault that there is.
func (c *checker) clearing(i int, path string) {
	s := &c.Scenario.Timeline[i]
	if at, ok := c.steps[s.Clear]; ok && c.Scenario.Timeline[at].Fault != nil {
		return
	}
	var names []string
	for name, at := range c.steps {
		if c.Scenario.Timeline[at].Fault != nil {
			names = append(names, name)
		}
	}
	c.mistake(s.node.at("clear"), path, "no fault is called %q%s", s.Clear, model.DidYouMean(s.Clear, names))
}
