package scenarios

import (
	"cmp"
	"errors"
	"fmt"
	"maps"
	"net/netip"
	"slices"
	"strings"

	"github.com/expr-lang/expr/vm"

	"spafleet/device"
	"spafleet/device/model"
	"spafleet/fleet"
	"spafleet/prov"
	"spafleet/resync"
	"spafleet/scenarios/expression"
	"spafleet/scenarios/tally"
)

// mostExpectations is how many expectations a scenario may have. A run keeps those that
// a device meets in a word of so many bits.
const mostExpectations = 64

// A checker makes the plan of a scenario, and notes what is wrong in it with its
// source.
type checker struct {
	*Plan
	*source
}

func check(s *Scenario, src *source) *checker {
	c := &checker{&Plan{Scenario: s, List: s.Devices, source: src, Kinds: map[string]bool{}, Names: map[string]bool{}, programs: map[*Expectation]*vm.Program{}, steps: map[string]int{}}, src}
	for i := range s.Fleet {
		c.group(&s.Fleet[i])
	}
	checkIdentities(c)
	if n := c.Devices(); n > device.MaxDevices {
		c.mistake(s.file.root().at("fleet"), "fleet", "%d devices; a fleet has at most %d", n, device.MaxDevices)
	}
	c.files()
	c.listeners()
	c.timeline()
	for i := range s.Expect {
		c.expectation(&s.Expect[i], fmt.Sprintf("expect[%d]", i))
	}
	checkThresholds(c)
	checkBug(c)
	checkServerChanges(c)
	if n := len(c.programs); n > mostExpectations {
		c.mistake(s.file.root().at("expect"), "expect", "%d expectations; a scenario has at most %d", n, mostExpectations)
	}
	return c
}

// group makes the fleet's groups of a scenario's group: one for each model and
// firmware, one after the other.
func (c *checker) group(g *Group) {
	path := "fleet." + g.Name
	if len(g.Mix) == 0 && g.Model == "" && g.node != nil {
		return // the reader has said so
	}
	shares := g.Shares()
	checkObserved(c, g)
	c.text(g.RC, g.node.at("rc"), path+".rc", false)
	counts := apportion(shares, g.Count)
	for i, share := range shares {
		row, err := model.NewRow(share.Model, share.Firmware, g.turned(share))
		if err != nil {
			n, key := rowNode(g, share)
			c.mistake(n, path+key, "%s", err)
			continue
		}
		fg := fleet.Group{Name: g.Name, Row: row, Count: counts[i], Off: g.Off, RCURL: g.RC, Addresses: g.Addresses, NAT: g.NAT, Presets: c.presets(row, g.Set, path+".set")}
		if g.Classed(row) {
			if !g.NoLease {
				fg.Lease = resync.Lease{TFTPServer: cmp.Or(g.TFTPServer, c.targetTFTP())}
			}
			fg.Lease.NextServer = g.NextServer
			_ = g.Fill(&fg.Lease, nil) // the reader has looked
		}
		c.firsts = append(c.firsts, c.Devices())
		c.Groups = append(c.Groups, fg)
		c.Makes = append(c.Makes, tally.Make{Group: g.Name, Model: row.Model.Name, Firmware: row.Firmware.Version, Devices: counts[i]})
	}
}

// rowNode returns where the file names what is no row of the models table.
func rowNode(g *Group, s Share) (*node, string) {
	if _, err := model.NewRow(s.Model, s.Firmware, nil); err == nil {
		return g.node.at("switches"), ".switches"
	}
	if s.at != nil {
		return s.at, ".mix"
	}
	if _, err := model.FindModel(s.Model); err != nil {
		return g.node.at("model"), ".model"
	}
	return g.node.at("firmware"), ".firmware"
}

func (c *checker) targetTFTP() string {
	if c.Scenario.Target == nil {
		return ""
	}
	return c.Scenario.Target.TFTP
}

// presets finds the parameters that a group sets.
func (c *checker) presets(row *model.Row, list []Preset, path string) map[string]string {
	sets := map[string]string{}
	for _, preset := range list {
		path, key := path, path+"."+preset.Name
		if preset.Given != "" {
			path, key = preset.Given, preset.Given
		}
		param, ok := row.Lookup(preset.Name)
		if !ok {
			c.mistake(preset.at.at(), path, "unknown device parameter %q of %s: %s", preset.Name, row.Model.Name, device.WhyLacks(row, preset.Name))
			continue
		}
		c.text(preset.Value, preset.value.at(), key, false)
		value := preset.Value
		if !strings.Contains(value, "${") {
			if value, ok = param.Take(value); !ok {
				c.mistake(preset.value.at(), key, "a %s does not take %q for %s (%s)", row.Model.Name, preset.Value, preset.Name, param.Type)
				continue
			}
		}
		sets[param.ID.Name()] = value
	}
	return sets
}

// text checks the ${…} and {{ }} of a value. Not all values are expanded for
// each device.
func (c *checker) text(text string, n *node, path string, each bool) {
	filled, err := expression.Fill(text, c.Scenario.places())
	if err == nil && !each && strings.Contains(filled, "{{") {
		err = errors.New("{{ }} is not in the presets of this spafleet yet; use a step's set, or a file")
	}
	if err == nil && each {
		_, err = expression.ParseTemplate(filled, c.scope(nil))
	}
	if err != nil {
		c.mistake(n, path, "%s", err)
	}
}

// files checks the texts of what the server has.
func (c *checker) files() {
	s := c.Scenario.Server
	if s == nil {
		return
	}
	for _, path := range slices.Sorted(maps.Keys(s.Files)) {
		e := s.Files[path]
		n, key := s.node.at(path), join("server.files", path)
		c.text(path, s.node.keyAt(path), key, true)
		c.text(e.Body, n.at("body"), key, true)
		c.text(e.Key, n.at("key"), key+".key", true)
		c.text(e.Location, n.at("location"), key+".location", true)
		if !slices.ContainsFunc(c.mistakes, func(m Mistake) bool { return m.Path == key || strings.HasPrefix(m.Path, key+".") }) {
			before := len(c.mistakes)
			if c.entry(path, e, key); len(c.mistakes) == before {
				checkBody(c, n.at("body"), e.Body, key)
			}
		}
	}
}

// entry checks what the server checks when it starts, with stand-ins for its
// addresses.
func (c *checker) entry(path string, e prov.Entry, key string) {
	s := c.Scenario.Server
	for _, text := range []*string{&e.Body, &e.Key, &e.Location} {
		*text = c.Scenario.FillAll(*text, "127.0.0.1")
	}
	hooks := &prov.Options{
		Root:   c.Scenario.Folder(),
		Who:    func(netip.Addr) (*device.Unit, bool) { return nil, false },
		Expand: func(text string, _ prov.Asker, _ prov.Rotation) (string, error) { return text, nil },
	}
	if err := prov.CheckEntry(c.Scenario.FillAll(path, "127.0.0.1"), e, hooks); err != nil {
		c.mistake(s.node.keyAt(path), key, "%s", err)
	}
}

// listeners checks what no single key of an HTTPS listener can tell.
func (c *checker) listeners() {
	if c.Scenario.Server == nil {
		return
	}
	ports := map[int]bool{}
	for i := range c.Scenario.Server.HTTPS {
		h := &c.Scenario.Server.HTTPS[i]
		path := fmt.Sprintf("server.https[%d]", i)
		if err := h.Check(); err != nil {
			c.mistake(h.node.at(), path, "%s", err)
		}
		if h.Port != 0 && ports[h.Port] {
			c.mistake(h.node.at("port"), path+".port", "port %d is already that of another listener", h.Port)
		}
		ports[h.Port] = true
	}
	if g := c.Scenario.Server.SIP; g != nil {
		c.text(g.Password, g.node.at("password"), "server.sip.password", true)
	}
}
