package scenarios

import (
	"errors"
	"fmt"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"

	"spafleet/device/inventory"
	"spafleet/device/measure"
	"spafleet/device/model"
	"spafleet/fleet"
	"spafleet/scenarios/report"
)

// A reader turns a file into a scenario.
type reader struct{ *source }

func (r *reader) scenario(s *Scenario, root *node) {
	known := r.walk(root, "",
		key{"format", r.scalarAs(func(text string) error {
			if text != "1" {
				return fmt.Errorf("format %s is not known to this spafleet", text)
			}
			return nil
		})},
		key{"name", r.plain(&s.Name)},
		key{"about", r.plain(&s.About)},
		key{"params", func(*node, string) {}}, // they were read before
		key{"seed", r.scalarAs(func(text string) (err error) {
			if s.Seed, err = strconv.ParseUint(text, 10, 64); err != nil {
				return fmt.Errorf("%q is not a whole number", text)
			}
			return nil
		})},
		key{"clock", func(n *node, path string) { r.clock(s, n, path) }},
		key{"duration", r.duration(&s.Duration)},
		key{"limits", func(n *node, path string) { r.limits(s, n, path) }},
		key{"fleet", func(n *node, path string) { r.fleet(s, n, path) }},
		key{"devices", func(n *node, path string) { s.Devices = r.devices(n, path) }},
		key{"server", func(n *node, path string) { s.Server = r.server(n, path) }},
		key{"target", func(n *node, path string) { s.Target = r.target(n, path) }},
		key{"timeline", func(n *node, path string) {
			r.each(n, path, func(n *node, path string) { s.Timeline = append(s.Timeline, r.step(n, path)) })
		}},
		key{"thresholds", func(n *node, path string) { r.thresholds(s, n, path) }},
		key{"expect", func(n *node, path string) {
			r.each(n, path, func(n *node, path string) { s.Expect = append(s.Expect, r.expectation(n, path, false)) })
		}},
		key{"bug", func(n *node, path string) { s.Bug = readBug(r.source, n, path) }},
	)
	if s.Server != nil && s.Target != nil {
		r.mistake(root.key("target"), "", "a scenario has a server or a target, not both")
	}
	if listed := root.get("devices") != nil; listed {
		r.listed(s, root.get("fleet"))
	} else if known && (root.get("fleet") == nil || root.get("fleet").empty()) {
		r.mistake(root.key("fleet"), "", "no fleet: which devices?")
	}
	clock := root.get("clock")
	if s.Server != nil && (clock == nil || clock.kind == mapping && clock.get("mode") == nil) {
		s.Clock.Mode = fleet.Virtual
	}
	if s.Target != nil && s.Clock.Mode == fleet.Virtual {
		r.mistake(root.key("clock"), "clock", "in virtual time only the built-in server answers; a target needs real, mixed or a speed")
	}
}

// thresholds reads a map from metrics to a limit or a list of them.
func (r *reader) thresholds(s *Scenario, n *node, path string) {
	if !r.is(n, mapping, path, "a map of metrics") {
		return
	}
	r.named(n, path, func(k, value *node, path string) {
		if _, err := report.ParseThreshold(k.text, ""); err != nil && readsMetric(r.source, k, err) {
			return
		}
		if value.kind != list {
			r.threshold(s, k, value, path)
			return
		}
		r.each(value, path, func(n *node, path string) { r.threshold(s, k, n, path) })
	})
}

// readsMetric notes what is wrong in the name of a metric or its tags, and reports
// whether it is wrong.
func readsMetric(s *source, k *node, err error) bool {
	at := *k
	var inside interface{ Word() string }
	if errors.As(err, &inside) {
		if i := strings.LastIndex(k.text, inside.Word()); i >= 0 && k.width == utf8.RuneCountInString(k.text) {
			at.col, at.width = at.col+utf8.RuneCountInString(k.text[:i]), utf8.RuneCountInString(inside.Word())
		}
	} else if !strings.Contains(err.Error(), "metric") && !strings.Contains(err.Error(), "spafleet yet") {
		return false // it is the limit, which is looked at next
	}
	s.mistake(&at, "thresholds", "%s", err)
	return true
}

// threshold reads a limit of a metric: a text, or a map with it.
func (r *reader) threshold(s *Scenario, metric, n *node, path string) {
	var abort bool
	var delay time.Duration
	limit := func(n *node, path string) {
		r.scalarAs(func(text string) error {
			t, err := report.ParseThreshold(metric.text, text)
			s.Thresholds = append(s.Thresholds, t)
			return err
		})(n, path)
	}
	if n.kind != mapping {
		limit(n, path)
		return
	}
	before := len(s.Thresholds)
	r.walk(n, path, key{"threshold", limit}, key{"abort_on_fail", r.boolean(&abort)}, key{"delay_eval", r.duration(&delay)})
	if len(s.Thresholds) == before {
		r.mistake(n, path, "the map needs threshold: a limit such as rate<1%%")
		return
	}
	t := &s.Thresholds[before]
	if t.Abort, t.Delay = abort, delay; abort && t.NeedsEnd() {
		r.mistake(n.key("abort_on_fail"), path, "a limit that only the end can meet, such as count>0, would end the run at its beginning")
	}
	if delay > 0 && !abort {
		r.mistake(n.key("delay_eval"), path, "delay_eval says when abort_on_fail begins, and that is not there")
	}
}

func (r *reader) limits(s *Scenario, n *node, path string) {
	r.walk(n, path,
		key{"rate", r.scalarAs(func(text string) (err error) {
			s.Rate, err = measure.Rate(text)
			return err
		})},
		key{"outstanding", r.count(&s.Most)},
		key{"lateness", r.duration(&s.Lateness)},
	)
}

func (r *reader) fleet(s *Scenario, n *node, path string) {
	if n.empty() || !r.is(n, mapping, path, "a map of groups") {
		return
	}
	for i, k := range n.keys {
		if k.kind == refused {
			continue
		}
		p := join(path, k.text)
		if !inventory.IsGroupName(k.text) {
			r.mistake(k, p, "%q is not a group's name: lower-case letters, digits and hyphens, and not all", k.text)
			continue
		}
		s.Fleet = append(s.Fleet, r.group(k.text, n.values[i], p))
	}
}

func (r *reader) group(name string, n *node, path string) Group {
	g := Group{Name: name, Count: 1, node: n}
	known := r.walk(n, path,
		key{"model", r.text(&g.Model)},
		key{"firmware", r.text(&g.Firmware)},
		key{"count", r.count(&g.Count)},
		key{"mix", func(n *node, path string) { g.Mix = r.mix(n, path) }},
		key{"mac", r.scalarAs(func(text string) (err error) {
			g.MACs, err = inventory.ParseMACRange(text)
			return err
		})},
		key{"serial", r.scalarAs(func(text string) (err error) {
			g.Serials, err = inventory.ParseSerialRange(text)
			return err
		})},
		key{"addresses", r.scalarAs(func(text string) (err error) {
			g.Addresses, err = parsePrefix(text)
			return err
		})},
		key{"set", func(n *node, path string) { g.Set = r.presets(n, path) }},
		key{"switches", func(n *node, path string) { r.switches(&g, n, path) }},
		key{"evidence", r.scalarAs(g.Evidence)},
		key{"lease", func(n *node, path string) { r.lease(&g, n, path) }},
		key{"rc", r.text(&g.RC)},
		key{"cert", func(n *node, path string) { r.cert(&g, n, path) }},
		key{"powered", func(n *node, path string) {
			on := true
			r.boolean(&on)(n, path)
			g.Off = !on
		}},
	)
	mix := n.get("mix")
	if root := r.tree; root != nil && root.get("devices") != nil {
		r.listedGroup(n, path)
		return g
	}
	if known && (n.get("model") == nil) == (mix == nil) {
		r.mistake(n, path, "a group has a model or a mix, one of them")
	}
	if len(g.Mix) > 0 && g.Mix[0].Percent == 0 && n.get("count") != nil {
		r.mistake(n.key("count"), path, "the mix has counts of its own: count goes with shares")
	}
	if mix != nil && n.get("firmware") != nil {
		r.mistake(n.key("firmware"), path, "a mix names its firmware: MODEL FIRMWARE")
	}
	return g
}

func (r *reader) mix(n *node, path string) []Share {
	if n.kind == refused {
		return nil
	}
	if n.kind != mapping || len(n.keys) == 0 {
		r.mistake(n, path, "a mix is a map such as {SPA2102 5.2.10: 60%%, PAP2T 5.1.6(LS): 40%%}")
		return nil
	}
	var shares []Share
	total, wrong := 0.0, false
	for i, k := range n.keys {
		share := Share{at: k}
		share.Model, share.Firmware, _ = strings.Cut(k.text, " ")
		var q report.Quantity
		before := len(r.mistakes)
		r.scalarAs(func(text string) (err error) {
			q, err = ParseQuantity(text)
			return err
		})(n.values[i], join(path, k.text))
		if len(r.mistakes) > before || n.values[i].kind == refused {
			wrong = true
			continue
		}
		if q.Percent {
			share.Percent = q.N
			total += q.N
		} else {
			share.Count = int(q.N)
		}
		if len(shares) > 0 && (shares[0].Percent > 0) != q.Percent {
			r.mistake(n.values[i], path, "a mix has all counts or all shares")
			wrong = true
		}
		shares = append(shares, share)
	}
	if !wrong && total > 0 && (total < 99.99 || total > 100.01) {
		r.mistake(n.values[len(n.values)-1], path, "the shares add up to %g%%, not 100%%", total)
	}
	return shares
}

func (r *reader) presets(n *node, path string) []Preset {
	if !r.is(n, mapping, path, "a map of device parameters") {
		return nil
	}
	var list []Preset
	for i, k := range n.keys {
		p := Preset{Name: k.text, at: k, value: n.values[i]}
		r.text(&p.Value)(n.values[i], join(path, k.text))
		list = append(list, p)
	}
	return list
}

func (r *reader) switches(g *Group, n *node, path string) {
	for _, p := range r.presets(n, path) {
		g.Turn(p.Name, p.Value)
	}
}

func (r *reader) lease(g *Group, n *node, path string) {
	if n.kind == scalar {
		g.NoLease = n.text == "none"
		if !g.NoLease {
			r.mistake(n, path, "%q is not none, nor a map of DHCP options", n.text)
		}
		return
	}
	if !r.is(n, mapping, path, "none, nor a map of DHCP options") {
		return
	}
	for i, k := range n.keys {
		option, err := strconv.ParseUint(k.text, 10, 8)
		switch {
		case k.kind == refused:
		case k.text == "siaddr":
			r.text(&g.NextServer)(n.values[i], join(path, k.text))
		case err != nil:
			r.mistake(k, path, "%q is neither a DHCP option number nor siaddr", k.text)
		case option == 66:
			r.text(&g.TFTPServer)(n.values[i], join(path, k.text))
		default:
			r.mistake(k, path, "DHCP option %d is not in this spafleet yet; 66 is", option)
		}
	}
	g.NoLease = g.NextServer != "" && g.TFTPServer == ""
}

// clock reads the scenario's clock: a word, or a map with the date of the start.
func (r *reader) clock(s *Scenario, n *node, path string) {
	word := func(text string) (err error) {
		start := s.Clock.Start
		s.Clock, err = ParseClock(text)
		s.Clock.Start = start
		return err
	}
	if n.kind != mapping {
		r.scalarAs(word)(n, path)
		return
	}
	r.walk(n, path, key{"mode", r.scalarAs(word)}, key{"start", r.scalarAs(func(text string) (err error) {
		s.Clock.Start, err = parseStart(text)
		return err
	})})
}

// cert reads what certificates a group's devices have: a word, as the switch
// client_certificate has it, or a folder of one's own.
func (r *reader) cert(g *Group, n *node, path string) {
	if n.kind == mapping {
		r.walk(n, path, key{"dir", r.text(&g.Cert)})
		return
	}
	r.scalarAs(func(text string) error {
		word := strings.ReplaceAll(text, "-", "_")
		if _, err := model.NewRow("SPA2102", "", map[string]string{"client_certificate": word}); err != nil {
			return fmt.Errorf("%q is not one of auto, generic, none, bad-signature, wrong-key, expired, foreign; or a map with dir", text)
		}
		g.Turn("client_certificate", word)
		return nil
	})(n, path)
}

// read makes a scenario of the tree of a file, and checks it. Cured says that a cure is
// merged into it.
func (r *reader) read(root *node, cured bool) (*Scenario, error) {
	s := &Scenario{Seed: 1, Name: strings.TrimSuffix(filepath.Base(r.name), filepath.Ext(r.name)), file: r.source, cured: cured}
	r.tree = root
	r.scenario(s, root)
	c := check(s, r.source)
	r.params.unused()
	if len(r.mistakes) > 0 {
		c.ends()
		return nil, r.sorted()
	}
	if cure(s, r.source); len(r.mistakes) > 0 {
		return nil, r.sorted()
	}
	return s, nil
}

// devices reads the list that a scenario names.
func (r *reader) devices(n *node, path string) (list *inventory.List) {
	r.scalarAs(func(name string) (err error) {
		list, err = inventory.ReadFile(name)
		return err
	})(n, path)
	return list
}

// listedGroup refuses what the list of devices says of a group.
func (r *reader) listedGroup(n *node, path string) {
	for _, key := range []string{"model", "firmware", "count", "mix", "mac", "serial"} {
		if n.get(key) != nil {
			r.mistake(n.key(key), path, "the list of devices says who the devices of a group are; leave %s out", key)
		}
	}
}

// listed makes the groups of the list the fleet, with what the file sets for them.
func (r *reader) listed(s *Scenario, fleet *node) {
	if s.Devices == nil {
		return // a mistake already
	}
	said := s.Fleet
	s.List(s.Devices)
	var names []string
	for i := range s.Fleet {
		names = append(names, s.Fleet[i].Name)
	}
	for _, own := range said {
		at := slices.Index(names, own.Name)
		if at < 0 {
			r.mistake(fleet.key(own.Name), join("fleet", own.Name), "no device of %s is in a group %q%s; its groups: %s",
				s.Devices.Name(), own.Name, model.DidYouMean(own.Name, names), strings.Join(names[:min(len(names), mostNamed)], ", "))
			continue
		}
		if own.Addresses.IsValid() && s.Devices.HasAddresses() {
			r.mistake(own.node.key("addresses"), join("fleet", own.Name), "the list of devices says where they live; leave addresses out")
		}
		own.Count, own.Mix = s.Fleet[at].Count, s.Fleet[at].Mix
		s.Fleet[at] = own
	}
}

// mostNamed is how many groups a mistake names.
const mostNamed = 10
