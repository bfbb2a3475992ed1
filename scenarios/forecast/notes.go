package forecast

import (
	"cmp"
	"crypto/x509"
	"fmt"
	"net/netip"
	"slices"
	"strings"

	"spafleet/certs"
	"spafleet/certs/trust"
	"spafleet/device"
	"spafleet/device/measure"
	"spafleet/device/model"
	"spafleet/device/rule"
	"spafleet/device/rulecheck"
	"spafleet/fleet"
	"spafleet/scenarios"
)

// mostNotes is how many notes of one kind are given.
const mostNotes = 8

// Notes returns what a person should know of a scenario before it runs: firmware that
// no source names, or whose behaviour rests on no image, devices without a server, odd rules, images that are
// missing and reboot phones for it, units with defective certificates, authorities that
// a firmware cannot read.
func Notes(of *scenarios.Plan, o *scenarios.Machine) ([]string, error) {
	p := newPlan(of, o.Flags)
	notes := slices.Concat(p.assumptions(), p.imageless(), observed(p), p.shared(o), some(p.strangePrefixes()), some(p.serverless(o)), some(p.oddRules()), some(missingImages(p)), p.modelTimes(), some(served(p)))
	own, err := p.Scenario.Certificates(o.Own)
	if err != nil {
		return nil, err
	}
	d := &trust.Devices{PKI: o.PKI, Extra: o.Trust}
	if t := p.Scenario.Target; t != nil {
		if err := t.Open(d); err != nil {
			return nil, err
		}
	}
	h := &certs.Holder{PKI: cmp.Or(d.PKI, certs.New(1)), Own: own}
	secure := p.Scenario.Server != nil && len(p.Scenario.Server.HTTPS) > 0
	var unreadable []string
	for _, g := range p.shares(o.Shard) {
		if !g.Row.Speaks("https") || !secure && !p.speaksHTTPS(g.number) {
			continue
		}
		if n := p.count(h, g, certs.DefectiveCertificate); n > 0 && certs.MayBeDefective(g.Row) {
			notes = append(notes, fmt.Sprintf("about %d of %d %s have a defective certificate (documented; how many is %s, and what is wrong %s): a server that verifies clients refuses them; switch defect_share=0 makes all of them sound",
				n, g.count, kindOf(g.Row), g.Row.Switch("defect_share").Evidence, g.Row.Switch("defect").Evidence))
		}
		list, err := authorities(d, g.Row)
		if err != nil {
			return nil, err
		}
		for _, a := range list {
			if why := trust.Unreadable(g.Row, a); why != "" {
				unreadable = append(unreadable, fmt.Sprintf("%s cannot read the authority %.80q: %s", kindOf(g.Row), cmp.Or(a.Subject.CommonName, a.Subject.String()), why))
			}
		}
	}
	notes = append(notes, some(unreadable)...)
	p.Scenario.Hide(&notes) // rules and files may hold secrets
	return notes, nil
}

// modelTimes returns a note on limits for durations that only the model decides.
func (p plan) modelTimes() []string {
	var metrics []string
	for i := range p.Scenario.Thresholds {
		if t := &p.Scenario.Thresholds[i]; t.Measures() && !slices.Contains(metrics, t.Metric) {
			metrics = append(metrics, t.Metric)
		}
	}
	if p.Scenario.Clock.Mode != fleet.Virtual || metrics == nil {
		return nil
	}
	return []string{fmt.Sprintf("thresholds on %s: in virtual time a round trip takes 5 ms and what faults add, so a limit for a duration measures the model, not a server", strings.Join(metrics, ", "))}
}

// assumptions returns, for each firmware that no source names, which one it is taken
// to behave like.
func (p *plan) assumptions() []string {
	var list []string
	for _, g := range p.Groups {
		if text := g.Row.Assumption(); text != "" && !slices.Contains(list, text) {
			list = append(list, text)
		}
	}
	return some(list)
}

// imageless returns the groups whose behaviour rests on no firmware image, by the
// user's word.
func (p *plan) imageless() []string {
	var groups []string
	for _, g := range p.Groups {
		if g.Row.Switch("evidence").Value == "field" && !slices.Contains(groups, g.Name) {
			groups = append(groups, g.Name)
		}
	}
	if groups == nil {
		return nil
	}
	return []string{fmt.Sprintf("evidence=field: the behaviour of %s rests on documents, reports and inferences, not on what was read in firmware images", strings.Join(groups, ", "))}
}

// observed says which groups have switches of a real phone.
func observed(p plan) (notes []string) {
	for i := range p.Scenario.Fleet {
		notes = append(notes, p.Scenario.Fleet[i].Observed()...)
	}
	return some(notes)
}

// shared says which devices are behind an address together.
func (p plan) shared(o *scenarios.Machine) (notes []string) {
	for _, s := range fleet.NewAddresses(o.Addresses, p.List, p.Groups).Shared() {
		note := fmt.Sprintf("%d devices have %s of %s, as behind NAT: a server can tell them apart only by what they ask for, and nobody reaches their web pages", s.Devices, measure.Counted(s.Addresses, "address"), s.Prefix)
		if sc := p.Scenario; o.SIP.Register || sc.Server != nil && sc.Server.SIP != nil || sc.Target != nil && sc.Target.SIP {
			note += "; what comes by SIP is lost too, so they do not register, and hear no NOTIFY"
		}
		notes = append(notes, note)
	}
	return notes
}

// strangePrefixes returns notes on MAC addresses that begin as no address of the model
// was seen to.
func (p plan) strangePrefixes() (notes []string) {
	for i := range p.Groups {
		g := &p.Groups[i]
		if own := slices.ContainsFunc(p.Scenario.Fleet, func(s scenarios.Group) bool { return s.Name == g.Name && s.MACs.Room() > 0 }); !own || g.Count == 0 {
			continue
		}
		m := g.Row.Model
		if mac := p.List.MAC(m, p.Scenario.Seed, p.Device(i, 0)); !m.HasPrefix(uint32(mac[0])<<16 | uint32(mac[1])<<8 | uint32(mac[2])) {
			notes = append(notes, fmt.Sprintf("%s of %s: no unit is known whose MAC address begins with %.6s; those known begin with %s", kindOf(g.Row), g.Name, mac, strings.ToLower(strings.Join(strings.Fields(m.OUI.Value+" "+m.SeriesOUI.Value), ", "))))
		}
	}
	return notes
}

// serverless returns notes on devices that know no server when they start: no lease
// offers one, and no rule names one. A scenario whose steps name one means it so. What a
// DHCP server says is not known yet.
func (p plan) serverless(o *scenarios.Machine) (notes []string) {
	if o.LeasesOf(p.Scenario).On() || slices.ContainsFunc(p.Scenario.Timeline, func(s scenarios.Step) bool {
		return s.URL != "" || len(s.Set) > 0 || s.Visit.Path != "" || s.Keys != ""
	}) {
		return nil
	}
	for i := range p.Groups {
		g := &p.Groups[i]
		if g.Count == 0 || g.RCURL != "" || p.tftpServer(g) != "" {
			continue
		}
		without := 0
		for d := range p.settings(i, p.few(i)) {
			if host, _ := p.leased(g, d.unit, d.params, "/"); host == "" && !d.namesServer() {
				without += d.count
			}
		}
		if without == 0 {
			continue
		}
		about := ""
		if without < g.Count {
			about = fmt.Sprintf("about %d of %d ", without, g.Count)
		}
		notes = append(notes, fmt.Sprintf("%s%s of %s have no server when they start: no option 66, and no rule with a host. They send nothing until a page or a key names one (inferred)%s",
			about, kindOf(g.Row), cmp.Or(g.Name, "the fleet"), p.searches(g)))
	}
	return notes
}

// searches says what real devices do then. By the siaddr of a lease those of this fleet
// look for SCCP files too.
func (p plan) searches(g *fleet.Group) string {
	if g.Lease.NextServer != "" && g.Row.Generation == 3 {
		return ""
	}
	return searches[g.Row.Generation][g.Row.Model.Family.Phone]
}

// searches are what real devices do then, by generation and whether they are phones.
var searches = map[int]map[bool]string{
	2: {true: "; real ones also look for an SPA9000 by multicast (documented), which is not emulated"},
	3: {true: "; real ones also ask TFTP for SEP and XMLDefault files (field), which is not emulated"},
}

// namesServer reports whether a rule that a device begins with names a host.
func (s *setting) namesServer() bool {
	for _, name := range rules {
		text, _ := s.params.Lookup(name)
		if slices.ContainsFunc(device.Alternatives(&s.unit, s.params, text), func(d rule.Decision) bool { return d.URL.Host != "" }) {
			return true
		}
	}
	return false
}

// authorities returns those of the user that a firmware trusts.
func authorities(d *trust.Devices, r *model.Row) ([]*x509.Certificate, error) {
	list := slices.Clone(d.Extra)
	if d.PKI == nil {
		return list, nil // the built-in ones can be read
	}
	for _, t := range trust.Trusted(r) {
		a, err := d.PKI.Authority(t.Authority)
		if err != nil {
			return nil, err
		}
		list = append(list, a.Cert)
	}
	return list, nil
}

func kindOf(r *model.Row) string { return r.Model.Name + " " + r.Firmware.Version }

// some returns the first notes, each once, and how many there are more.
func some(notes []string) []string {
	slices.Sort(notes)
	notes = slices.Compact(notes)
	if more := len(notes) - mostNotes; more > 0 {
		notes = append(notes[:mostNotes:mostNotes], fmt.Sprintf("%d more like these", more))
	}
	return notes
}

// oddRules returns what is odd in the rules that the scenario presets.
func (p plan) oddRules() (notes []string) {
	for i := range p.Groups {
		for d := range p.settings(i, p.few(i)) {
			notes = append(notes, p.oddRulesOf(&d)...)
		}
	}
	return notes
}

func (p plan) oddRulesOf(d *setting) (notes []string) {
	env := device.Env{Unit: &d.unit, Params: d.params}
	for _, name := range rules {
		if _, ok := d.Presets[name]; !ok && !p.List.Sets(name) {
			continue
		}
		text, _ := env.Params.Lookup(name)
		for _, f := range rulecheck.Rule(env, text) {
			notes = append(notes, fmt.Sprintf("%s of %s: %s", name, kindOf(d.Row), f))
		}
	}
	return notes
}

// count estimates how many devices of a group have a certificate of one of some kinds.
func (p plan) count(h *certs.Holder, g groupShare, kinds ...certs.Kind) int {
	n := min(g.count, mostSampled)
	with := 0
	for i := range n {
		u := p.List.Unit(g.Row, p.Scenario.Seed, p.Device(g.number, i*g.Count/n), netip.IPv4Unspecified())
		if slices.Contains(kinds, h.Kind(&u)) {
			with++
		}
	}
	return with * g.count / n
}
