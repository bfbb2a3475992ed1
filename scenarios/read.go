package scenarios

import (
	"errors"
	"fmt"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"spafleet/device/inventory"
	"spafleet/device/measure"
	"spafleet/device/model"
	"spafleet/fleet"
	"spafleet/resync"
	"spafleet/scenarios/report"
)

// A reader turns a file into a scenario.
type reader struct{ *source }

func (r *reader) scenario(s *Scenario, root *node) {
	known := r.walk(root, "", scenarioKeys(r, s)...)
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
	if s.Target != nil && s.Target.DHCP.On() && (s.Clock.Mode == fleet.Mixed || s.Clock.Speed > 1) {
		r.mistake(root.key("clock"), "clock", "a DHCP server is asked in real time alone: target.dhcp needs real, without a speed")
	}
}

// scenarioKeys are those of the whole file.
func scenarioKeys(r *reader, s *Scenario) []key {
	return []key{
		{"format", "the format of the file (1)", r.scalarAs(measure.Form{Words: []string{"1"}}, func(text string) error {
			if text != "1" {
				return fmt.Errorf("format %s is not known to this spafleet", text)
			}
			return nil
		})},
		{"name", "for lists and reports (the name of the file)", r.plain(&s.Name)},
		{"about", "one or two sentences for lists and reports", r.plain(&s.About)},
		// They were read before.
		{"params", "values that are named in several places, or come from outside", value{paramsForm, func(*node, string) {}}},
		{"seed", "MAC addresses, serial numbers, samples and secrets follow from it (1)", r.scalarAs(measure.Form{Pattern: "[0-9]+"}, func(text string) (err error) {
			if s.Seed, err = strconv.ParseUint(text, 10, 64); err != nil {
				return fmt.Errorf("%q is not a whole number", text)
			}
			return nil
		})},
		{"clock", "how time passes: `real`, `virtual`, `mixed`, a speed such as `60x`, or a map with `mode` and `start` (`virtual` with `server`, else `real`)", r.clock(s)},
		{"duration", "the run lasts this long; without it, the run ends when all steps and expectations are done, or when no device has anything left to do before the last deadline", r.duration(&s.Duration)},
		{"limits", "limits of this machine", r.limits(s)},
		{"fleet", "groups of devices, by name", value{groupsForm, func(n *node, path string) { r.fleet(s, n, path) }}},
		{"devices", "in the place of models and counts: your own devices, as the name of a file or as text, see [below](#your-own-devices)", r.devices(s)},
		{"server", "the built-in server; a scenario has a server or a target", value{serverForm, func(n *node, path string) { s.Server = r.server(n, path) }}},
		{"target", "the server under test", value{targetForm, func(n *node, path string) { s.Target = r.target(n, path) }}},
		{"timeline", "steps: what happens, and when", value{inList(stepForm), func(n *node, path string) {
			r.each(n, path, func(n *node, path string) { s.Timeline = append(s.Timeline, r.step(n, path)) })
		}}},
		{"expect", "expectations of the devices", value{inList(expectationForm), func(n *node, path string) {
			r.each(n, path, func(n *node, path string) { s.Expect = append(s.Expect, r.expectation(n, path, false)) })
		}}},
		{"thresholds", "limits for the figures of the whole run: a metric, and its limit or a list of limits", value{thresholdsForm(), func(n *node, path string) { r.thresholds(s, n, path) }}},
		{"bug", "a bug of the field, and what proves it", value{bugForm(), func(n *node, path string) { s.Bug = readBug(r.source, n, path) }}},
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
	at := k
	var part interface{ Word() string }
	if errors.As(err, &part) {
		at = inside(k, part.Word())
	} else if !strings.Contains(err.Error(), "metric") && !strings.Contains(err.Error(), "spafleet yet") {
		return false // it is the limit, which is looked at next
	}
	s.mistake(at, "thresholds", "%s", err)
	return true
}

// threshold reads a limit of a metric: a text, or a map with it.
func (r *reader) threshold(s *Scenario, metric, n *node, path string) {
	var abort bool
	var delay time.Duration
	limit := r.scalarAs(measure.Form{}, func(text string) error {
		t, err := report.ParseThreshold(metric.text, text)
		s.Thresholds = append(s.Thresholds, t)
		return err
	})
	if n.kind != mapping {
		limit.read(n, path)
		return
	}
	before := len(s.Thresholds)
	r.walk(n, path, thresholdKeys(r, limit, &abort, &delay)...)
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

// thresholdKeys are those of a threshold that is more than its limit.
func thresholdKeys(r *reader, limit value, abort *bool, delay *time.Duration) []key {
	return []key{
		{"threshold", "the limit, such as `rate<1%`", limit},
		{"abort_on_fail", "`true`: to be outside of it ends the run at once", r.boolean(abort)},
		{"delay_eval", "`abort_on_fail` begins after so much of the run", r.duration(delay)},
	}
}

func (r *reader) limits(s *Scenario) value {
	return r.inMap("limits", func() []key {
		return []key{
			{"rate", "most starts of resyncs per second (no limit)", r.scalarAs(measure.RateForm, func(text string) (err error) {
				s.Rate, err = measure.Rate(text)
				return err
			})},
			{"outstanding", "most attempts at once (what the machine allows)", r.count(&s.Most)},
			{"lateness", "if the 99th percentile of lateness is above this, the run is invalid (100ms)", r.duration(&s.Lateness)},
		}
	})
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
	known := r.walk(n, path, groupKeys(r, &g)...)
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

// groupKeys are those of a group.
func groupKeys(r *reader, g *Group) []key {
	return []key{
		{"model", "one model, of those of `spafleet models list`", value{modelForm(), r.text(&g.Model).read}},
		{"firmware", "its firmware (the newest known)", value{firmwareForm(), r.text(&g.Firmware).read}},
		{"count", "how many devices: `200`, `10k`, `1M` (1)", r.count(&g.Count)},
		{"mix", "several models: a map of `MODEL FIRMWARE` to counts, or to shares in percent of `count`", value{mixForm(), func(n *node, path string) { g.Mix = r.mix(n, path) }}},
		{"mac", "MAC addresses: `FIRST-LAST`, or `FIRST`; the devices have them one after the other (they follow from the seed, by model)", r.scalarAs(macForm, func(text string) (err error) {
			g.MACs, err = inventory.ParseMACRange(text)
			return err
		})},
		{"serial", "serial numbers, in the same way. They count in their last digits, and must have the form of the model's: `FM500F100000-FM500F199999`", r.scalarAs(serialForm, func(text string) (err error) {
			g.Serials, err = inventory.ParseSerialRange(text)
			return err
		})},
		{"addresses", "prefix in which the devices live, from its first address on: `127.65.0.0/16`. Groups with the same prefix live there together; other prefixes may not overlap. Where there are more devices than addresses, several share one as behind NAT: `--plan` says so, a server can tell them apart only by what they ask for, and their web servers cannot be reached. Each group has `addresses`, or none has (`--addresses`)", r.scalarAs(prefixForm, func(text string) (err error) {
			g.Addresses, err = parsePrefix(text)
			return err
		})},
		{"nat", "how many addresses have how many devices behind them, as NAT: `{1: 200, 5: 12}` is 200 addresses with one device and 12 with five. It goes with `addresses` and holds for all groups that live there, whose devices are mixed; of other numbers of devices it is the proportion (each has its own as long as there are some)", value{natForm(), func(n *node, path string) { readNAT(r, g, n, path) }}},
		{"set", "presets: parameters that are set before the start and survive a factory reset", value{parametersForm, func(n *node, path string) { g.Set = r.presets(n, path) }}},
		{"switches", "firmware switches, see `spafleet models show MODEL`; with `from`, those of a file of what a real phone was [observed to do](#switches-of-a-real-phone)", value{switchesForm, func(n *node, path string) { r.switches(g, n, path) }}},
		{"evidence", "`field`: switches have the values that hold without what was read in firmware images (`all`)", r.scalarAs(measure.Form{Words: []string{"all", "field"}}, g.Evidence)},
		{"lease", "what DHCP says: a map of option numbers and `siaddr`, see [the lease](#lease) (`66` is the built-in server, or `target.tftp`); or `none`: the devices have their addresses all the same, but no option 66. A rule without a host then sends nothing, and what the device calls that is not known (switch `no_server_err`)", value{leaseForm, func(n *node, path string) { r.lease(g, n, path) }}},
		{"powered", "`false`: the devices are off until a `power_on` step (`true`)", r.scalarAs(measure.BoolForm, func(text string) error {
			powered := true
			err := readBool(text, &powered)
			g.Off = !powered
			return err
		})},
		{"cert", "device certificates: `auto`, `generic`, `none`, `bad-signature`, `wrong-key`, `expired`, `foreign`, or `{dir: …}` with your own files MAC.pem (`auto`)", r.cert(g)},
		{"rc", "URL for remote customization, with macros. Devices with firmware 5.0 or later ask there on their first boot. The values become their factory values; the element `Customization` names the company. Until then they are *Pending* and contact no other server by themselves", r.text(&g.RC)},
	}
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
		r.quantity(&q).read(n.values[i], join(path, k.text))
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
		r.text(&p.Value).read(n.values[i], join(path, k.text))
		list = append(list, p)
	}
	return list
}

func (r *reader) switches(g *Group, n *node, path string) {
	for _, p := range r.presets(n, path) {
		if p.Name == "from" {
			readObserved(r.source, g, p.Value, p.value, join(path, p.Name))
			continue
		}
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
		at := join(path, k.text)
		switch {
		case k.kind == refused:
		case k.text == "class":
			r.text(&g.Class).read(n.values[i], at)
		case k.text == "siaddr":
			r.text(&g.NextServer).read(n.values[i], at)
		case err != nil:
			r.mistake(k, path, "%q is neither a DHCP option number nor siaddr nor class", k.text)
		case option == 66:
			r.text(&g.TFTPServer).read(n.values[i], at)
		default:
			r.option(g, uint8(option), n.values[i], at)
		}
	}
	g.NoLease = g.TFTPServer == "" && g.OtherServer()
}

// option reads an option of a lease. What ${…} stands for in it is not known yet.
func (r *reader) option(g *Group, option uint8, n *node, path string) {
	var text string
	r.text(&text).read(n, path)
	if lease := new(resync.Lease); !strings.Contains(text, "${") || !lease.Takes(option) {
		if err := lease.Set(option, text); err != nil {
			r.mistake(n, path, "%s", err)
			return
		}
	}
	if g.Options == nil {
		g.Options = map[uint8]string{}
	}
	g.Options[option] = text
}

// clock reads the scenario's clock: a word, or a map with the date of the start.
func (r *reader) clock(s *Scenario) value {
	word := r.scalarAs(clockForm, func(text string) (err error) {
		start := s.Clock.Start
		s.Clock, err = ParseClock(text)
		s.Clock.Start = start
		return err
	})
	return r.orMap(word, r.inMap("clock", func() []key {
		return []key{
			{"mode", "`real`, `virtual`, `mixed` or a speed such as `60x`", word},
			{"start", "the date at which the fleet starts: `2021-03-27`, `2021-03-27 23:30`, or with a zone `2021-03-27T23:30:00+01:00`, else in GMT (2020-01-01 in simulated time, now in real time)", r.scalarAs(startForm, func(text string) (err error) {
				s.Clock.Start, err = parseStart(text)
				return err
			})},
		}
	}))
}

// certWords are those of cert, as the switch client_certificate has them.
var certWords = sync.OnceValue(func() []string {
	var words []string
	for _, s := range switches() {
		if s.Name == "client_certificate" {
			for _, w := range s.Form().Words {
				words = append(words, strings.ReplaceAll(w, "_", "-"))
			}
		}
	}
	return words
})

// cert reads what certificates a group's devices have: a word, as the switch
// client_certificate has it, or a folder of one's own.
func (r *reader) cert(g *Group) value {
	words := certWords()
	word := r.scalarAs(measure.Form{Words: words}, func(text string) error {
		if !slices.Contains(words, text) {
			return fmt.Errorf("%q is not one of %s; or a map with dir", text, strings.Join(words, ", "))
		}
		g.Turn("client_certificate", strings.ReplaceAll(text, "-", "_"))
		return nil
	})
	return r.orMap(word, r.inMap("cert", func() []key {
		return []key{{"dir", "folder with the devices' own certificates, MAC.pem", r.text(&g.Cert)}}
	}))
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

// devices reads the list that a scenario names or has.
func (r *reader) devices(s *Scenario) value {
	return value{anyText, func(n *node, path string) {
		if n.kind == scalar && strings.Contains(strings.TrimSpace(n.text), "\n") {
			s.Devices = inlineList(r.source, n, path)
			return
		}
		r.scalarAs(measure.Form{}, func(name string) (err error) {
			if r.folder == nil || !r.folder.sealed {
				s.Devices, err = inventory.ReadFile(name)
				return err
			}
			text, err := r.folder.open(name)
			if err == nil {
				s.Devices, err = inventory.Read([]byte(text.text), name, "")
			}
			return err
		}).read(n, path)
	}}
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
