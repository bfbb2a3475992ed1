package scenarios

import (
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"spafleet/device"
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
	f := s.Fault
	limit := func(to *fault.Limit) func(*node, string) {
		return r.scalarAs(func(text string) error {
			size, err := ParseSize(text)
			*to = fault.After(int64(size))
			return err
		})
	}
	down := ""
	r.walk(n, path,
		key{"of", r.text(&s.Of)},
		key{"match", r.scalarAs(func(t string) (err error) { f.Match, err = parseMatch(t); return })},
		key{"nth", r.scalarAs(func(t string) (err error) { f.Nth, err = fault.ParseOrdinals(t); return })},
		key{"per", r.scalarAs(func(t string) (err error) { f.PerFleet, err = parsePer(t); return })},
		key{"chance", r.scalarAs(func(t string) (err error) { f.Chance, err = fault.ParseShare(t); return })},
		key{"lose", r.scalarAs(func(t string) (err error) { f.Lose, err = fault.ParsePackets(t); return })},
		key{"duplicate", r.scalarAs(func(t string) (err error) { f.Duplicate, err = fault.ParsePackets(t); return })},
		key{"reorder", r.scalarAs(func(t string) (err error) { f.Reorder, err = fault.ParsePackets(t); return })},
		key{"delay", r.scalarAs(func(t string) error {
			l, err := parseLatency(t)
			f.Delay = fault.Delay(l)
			return err
		})},
		key{"bandwidth", r.scalarAs(func(t string) (err error) { f.Bandwidth, err = fault.ParseBandwidth(t); return })},
		key{"reset_after", limit(&f.ResetAfter)},
		key{"close_after", limit(&f.CloseAfter)},
		key{"truncate", limit(&f.Truncate)},
		key{"status", r.scalarAs(func(t string) (err error) { f.HasStatus = true; f.Status, err = parseCode(t, 599); return })},
		key{"alert", r.scalarAs(func(t string) (err error) { f.Alert, err = parseCode(t, 255); return })},
		key{"stall_after", limit(&f.StallAfter)},
		key{"corrupt", r.boolean(&f.Corrupt)},
		key{"hostile", r.scalarAs(func(t string) (err error) { f.Hostile, err = fault.ParseHostile(t); return })},
		key{"down", r.text(&down)},
	)
	f.Down = down == "all"
	if down != "" && !f.Down {
		r.mistake(n.at("down"), join(path, "down"), "%q: write all; this spafleet has one server", down)
	}
}

func parseMatch(text string) (fault.Match, error) {
	m, err := fault.ParseMatch(text)
	if err == nil && (m.Scheme == "sip" || m.Scheme == "dhcp") {
		err = fmt.Errorf("%s is not in this spafleet yet", m.Scheme)
	}
	return m, err
}

func parsePer(text string) (fleet bool, err error) {
	switch text {
	case "device", "fleet":
		return text == "fleet", nil
	}
	return false, fmt.Errorf("%q is neither device nor fleet", text)
}

func parseCode(text string, most int) (int, error) {
	n, err := strconv.ParseUint(text, 10, 16)
	if err != nil || int(n) > most {
		return 0, fmt.Errorf("%q is not a code from 0 to %d", text, most)
	}
	return int(n), nil
}

// ofServer are the keys of a fault that the embedded server carries out.
var ofServer = []string{"status", "alert", "stall_after", "corrupt", "hostile", "down"}

// fault checks that what a fault does fits what it is done to.
func (p *plan) fault(i int, path string) {
	s := &p.story.Timeline[i]
	f := s.Fault
	if f.node != nil && f.node.kind != mapping {
		return // the reader has said so
	}
	wrong := func(key string, err error) {
		if err != nil {
			p.reader.mistake(f.node.at(key), strings.TrimSuffix(join(path, key), "."), "%s", err)
		}
	}
	if !f.OfNetwork() && !f.OfServer() && !f.written() {
		wrong("", errors.New("a fault does something: lose, duplicate, reorder, delay, bandwidth, reset_after, close_after, truncate, or what the embedded server does wrong"))
	}
	for _, key := range ofServer {
		if f.has(key) && p.story.Server == nil {
			wrong(key, fmt.Errorf("%s is done by the embedded server; a target can only be given faults of the network", key))
		}
	}
	if f.PerFleet && f.Nth == nil {
		wrong("per", errors.New("per says how nth is counted, and there is no nth"))
	}
	for _, c := range unfit {
		if f.has(c.key) && c.is(f) {
			wrong(c.key, errors.New(c.why))
		}
	}
	wrong("lose", p.blockExists(f, f.Lose))
	wrong("duplicate", p.blockExists(f, f.Duplicate))
	wrong("reorder", p.blockExists(f, f.Reorder))
}

// written reports whether a story gives an effect, be it a wrong one.
func (f *Fault) written() bool {
	chooses := []string{"of", "match", "nth", "per", "chance"}
	return f.node != nil && slices.ContainsFunc(f.node.keys, func(k *node) bool { return !slices.Contains(chooses, k.text) })
}

// has reports whether a fault has an effect, as a key calls it.
func (f *Fault) has(key string) bool {
	return map[string]bool{
		"lose": f.Lose.Given(), "duplicate": f.Duplicate.Given(), "reorder": f.Reorder.Given(),
		"reset_after": f.ResetAfter.Given, "close_after": f.CloseAfter.Given, "truncate": f.Truncate.Given,
		"status": f.HasStatus, "alert": f.Alert != 0, "stall_after": f.StallAfter.Given, "corrupt": f.Corrupt,
		"hostile": f.Hostile != "", "down": f.Down,
	}[key]
}

func (f *Fault) of(schemes ...string) bool { return slices.Contains(schemes, f.Match.Scheme) }

// numbersBlocks reports whether packets are meant by TFTP's numbers.
func numbersBlocks(p fault.Packets) bool { return p.Unit == fault.Block || p.Unit == fault.Ack }

// unfit are effects that cannot happen to what a fault names.
var unfit = []struct {
	key string
	is  func(*Fault) bool
	why string
}{
	{"lose", func(f *Fault) bool { return numbersBlocks(f.Lose) && !f.of("", "tftp") }, "blocks and ACKs have numbers in TFTP only; name packets by packet"},
	{"duplicate", func(f *Fault) bool { return numbersBlocks(f.Duplicate) && !f.of("", "tftp") }, "blocks and ACKs have numbers in TFTP only; name packets by packet"},
	{"reorder", func(f *Fault) bool { return numbersBlocks(f.Reorder) && !f.of("", "tftp") }, "blocks and ACKs have numbers in TFTP only; name packets by packet"},
	{"reset_after", func(f *Fault) bool { return f.of("tftp", "dns") }, "a reset needs a connection, which HTTP has"},
	{"close_after", func(f *Fault) bool { return f.of("tftp", "dns") }, "a half-close needs a connection, which HTTP has"},
	{"truncate", func(f *Fault) bool { return f.of("dns") }, "an answer of DNS is one packet"},
	{"status", func(f *Fault) bool { return f.of("tftp") && f.Status > 8 }, "a TFTP error is 0 to 8"},
	{"status", func(f *Fault) bool { return !f.of("tftp") && f.Status < 200 }, "a status is 200 to 599; the errors of TFTP, 0 to 8, need match: tftp"},
	{"status", func(f *Fault) bool { return f.of("dns") }, "DNS has no status here"},
	{"alert", func(f *Fault) bool { return !f.of("", "https") }, "an alert is of HTTPS: match: https"},
	{"alert", func(f *Fault) bool { return f.Match.Path() != "" }, "an alert answers the hello, which names no path: leave it out"},
	{"hostile", func(f *Fault) bool { return f.Hostile == fault.Storm && !f.of("", "tftp") }, "a storm is of TFTP's blocks: match: tftp"},
	{"hostile", func(f *Fault) bool {
		return f.of("tftp") && (f.Hostile == fault.Length || f.Hostile == fault.Headers)
	}, "TFTP has neither lengths nor headers"},
	{"hostile", func(f *Fault) bool { return f.of("dns") }, "the embedded server does not speak DNS"},
	{"down", func(f *Fault) bool {
		return f.Match.Path() != "" || f.Nth != nil || f.Chance > 0 || f.of("dns") || f.node.has("of")
	}, "down is the whole server: match may name tftp, http or https, and of, nth and chance do not go with it"},
}

// has reports whether a map has a key. A nil node has none.
func (n *node) has(key string) bool { return n != nil && n.get(key) != nil }

// blockExists says what is wrong with packets that no file of the server has.
// Files whose size is known only when they are asked for may have any.
func (p *plan) blockExists(f *Fault, packets fault.Packets) error {
	if packets.Unit != fault.Block || p.story.Server == nil || numbersBlocks(packets) && !f.of("", "tftp") {
		return nil
	}
	longest := 0
	for path, e := range p.story.Server.Files {
		if strings.ContainsAny(path, "{$") && f.Match.Path() != "" || strings.Contains(e.Body, "{{") || strings.Contains(e.Body, "${") || e.Key != "" || e.Gzip || e.Bound || e.File != "" {
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
func (p *plan) clearing(i int, path string) {
	s := &p.story.Timeline[i]
	if at, ok := p.steps[s.Clear]; ok && p.story.Timeline[at].Fault != nil {
		return
	}
	var names []string
	for name, at := range p.steps {
		if p.story.Timeline[at].Fault != nil {
			names = append(names, name)
		}
	}
	p.reader.mistake(s.node.at("clear"), path, "no fault is called %q%s", s.Clear, model.DidYouMean(s.Clear, names))
}

// disturbed is a fault of a story that was begun.
type disturbed struct {
	network, server *fault.Active // nil where it has nothing of that
	down            bool
}

// disturb begins the fault of a step for some devices.
func (p *play) disturb(i int, devices []device.Index) {
	s := &p.story.Timeline[i]
	f := s.Fault.Fault
	f.Number = uint32(i)
	if !p.chosen[i].everyone() {
		chosen := make(map[uint32]bool, len(devices))
		for _, d := range devices {
			chosen[uint32(d)] = true
		}
		f.Devices = func(d uint32) bool { return chosen[d] }
	}
	d := &disturbed{}
	if f.OfNetwork() {
		d.network = p.faults.Start(f)
	}
	if f.OfServer() {
		d.server = p.wrongs.Start(f)
		if d.down = f.Down && p.server != nil; d.down && f.Match.Scheme != "tftp" {
			p.server.Down(f.Match.Scheme)
		}
	}
	p.disturbs[i] = d
}

// foresee begins the faults that are there from the start, before any device can
// act.
func (p *play) foresee() {
	for i := range p.story.Timeline {
		s := &p.story.Timeline[i]
		if at, known := p.fixed(s.At); s.Fault != nil && s.When == nil && known && at == 0 {
			p.fire(i, 0)
		}
	}
}

// calm ends the fault of a step, if it was begun.
func (p *play) calm(i int) {
	d := p.disturbs[i]
	if d == nil {
		return
	}
	if d.network != nil {
		d.network.Stop()
	}
	if d.server != nil {
		d.server.Stop()
	}
	if d.down {
		d.down = false
		if err := p.server.Up(p.story.Timeline[i].Fault.Match.Scheme); err != nil {
			p.notes = append(p.notes, "the server could not come back: "+err.Error())
		}
	}
}

// befell returns how many exchanges the fault of a step has befallen.
func (p *play) befell(i int) int {
	n := 0
	if d := p.disturbs[i]; d != nil {
		for _, a := range []*fault.Active{d.network, d.server} {
			if a != nil {
				n += a.Befell()
			}
		}
	}
	return n
}

// everyone reports whether a selector leaves nobody out.
func (s *selector) everyone() bool { return s.most.text == "" && s.groups == nil && s.where == nil }
