package scenarios

import (
	"cmp"
	"fmt"
	"net/netip"
	"regexp"
	"slices"
	"strings"

	"spafleet/device"
	"spafleet/device/rule"
	"spafleet/fleet"
	"spafleet/resync/fetch"
)

// A Contact is a host that the devices are known to contact before anything has
// run: from presets, leases and steps. What a profile brings later is judged when
// it is about to be contacted.
type Contact struct {
	Host      string   `json:"host"`
	For       []string `json:"for"`       // parameters and keys that name it
	Addresses []string `json:"addresses"` // none: DNS will say
	Where     string   `json:"where"`     // embedded, loopback, private, public, or dns
	Needs     []string `json:"needs"`     // flags without which it is not contacted
}

// Where a contact is.
const (
	whereEmbedded = "embedded"
	whereLoopback = "loopback"
	wherePrivate  = "private"
	wherePublic   = "public"
	whereDNS      = "dns" // its name says nothing
)

// mostOff is how many devices may contact servers off this machine without
// their operator's word.
const mostOff = 1000

// newGuard returns what keeps a story's devices to permitted servers.
func (p *plan) newGuard(o *Options) *fetch.Guard {
	g := &fetch.Guard{Public: o.Public, OnlyLoopback: p.devices() > mostOff && !o.Operator}
	if t := p.story.Target; t != nil && t.Hosts != nil {
		g.Hosts = onlyHosts(t.Hosts)
	}
	return g
}

// permitted refuses a story of which it is known that the guard would refuse its
// contacts.
func (p *plan) permitted(g *fetch.Guard) error {
	if p.story.Clock.Mode == fleet.Virtual {
		return nil // nothing is sent at all
	}
	var wrong []string
	for _, c := range p.contacts(g) {
		if len(c.Needs) > 0 && c.Where != whereDNS {
			wrong = append(wrong, p.refusal(&c))
		}
	}
	if len(wrong) == 0 {
		return nil
	}
	return fmt.Errorf("%s: nothing was sent:\n  %s", p.story.Name, strings.Join(wrong, "\n  "))
}

func (p *plan) refusal(c *Contact) string {
	place := c.Host
	if len(c.Addresses) > 0 && c.Addresses[0] != c.Host {
		place += " (" + strings.Join(c.Addresses, ", ") + ")"
	}
	why := fmt.Sprintf("%d devices would contact it", p.devices())
	if c.Where == wherePublic {
		why = "it is public"
	}
	return fmt.Sprintf("%s, for %s: %s; if you may test this server: %s", place, strings.Join(c.For, ", "), why, strings.Join(c.Needs, " "))
}

// contacts returns the hosts that are known, sorted, with what the guard makes
// of them.
func (p *plan) contacts(g *fetch.Guard) []Contact {
	found := map[string]*Contact{}
	p.eachHost(func(host, purpose string) {
		host = strings.ToLower(host)
		if host == "" || strings.ContainsAny(host, "{}$ ") {
			return // known only when a device fills it in
		}
		if found[host] == nil {
			found[host] = &Contact{Host: host, For: []string{}, Addresses: []string{}, Needs: []string{}}
		}
		if c := found[host]; !slices.Contains(c.For, purpose) {
			c.For = append(c.For, purpose)
		}
	})
	list := []Contact{}
	for _, c := range found {
		p.locate(c, g)
		list = append(list, *c)
	}
	slices.SortFunc(list, func(a, b Contact) int { return cmp.Compare(a.Host, b.Host) })
	return list
}

// embedded is how the embedded server is called while it has no address yet.
const embedded = "embedded"

// locate fills in where a contact is and what it needs.
func (p *plan) locate(c *Contact, g *fetch.Guard) {
	if s := p.story.Server; s != nil && (c.Host == embedded || c.Host == strings.ToLower(s.name())) {
		c.Where = whereEmbedded
		return
	}
	addrs := p.addressesOf(c.Host)
	if len(addrs) == 0 {
		c.Where = whereDNS
		if g.OnlyLoopback {
			c.Needs = append(c.Needs, "--i-operate-this-server")
		}
		return
	}
	c.Where = whereLoopback
	for _, a := range addrs {
		c.Addresses = append(c.Addresses, a.String())
		where := whereOf(a)
		if where != whereLoopback && c.Where != wherePublic {
			c.Where = where
		}
		if _, ok := (&fetch.Guard{Public: g.Public}).Judge(c.Host, a); !ok {
			c.need("--allow-public " + c.Host)
		}
		if where != whereLoopback && g.OnlyLoopback {
			c.need("--i-operate-this-server")
		}
	}
}

func (c *Contact) need(flag string) {
	if !slices.Contains(c.Needs, flag) {
		c.Needs = append(c.Needs, flag)
	}
}

func whereOf(a netip.Addr) string {
	switch {
	case fetch.IsLoopback(a):
		return whereLoopback
	case fetch.IsPrivate(a):
		return wherePrivate
	}
	return wherePublic
}

// addressesOf returns what is known of a host without asking DNS.
func (p *plan) addressesOf(host string) []netip.Addr {
	if a, err := netip.ParseAddr(host); err == nil {
		return []netip.Addr{a.Unmap()}
	}
	if t := p.story.Target; t != nil {
		return hostAddresses(t.Hosts)[strings.TrimSuffix(host, ".")]
	}
	return nil
}

// eachHost tells every host that the story names, and what for.
func (p *plan) eachHost(tell func(host, purpose string)) {
	for i := range p.groups {
		p.hostsOfGroup(&p.groups[i], tell)
	}
	if t := p.story.Target; t != nil {
		for _, h := range t.Hosts {
			tell(cmpOr(h.Name, addressText(h)), "target.hosts")
		}
	}
	for i := range p.story.Timeline {
		s := &p.story.Timeline[i]
		hostsInText(p.sample(s.URL), s.Action, tell)
		for _, set := range s.Set {
			hostsOfValue(set.Name, p.sample(set.Value), tell)
		}
	}
	if s := p.story.Server; s != nil {
		for path, e := range s.Files {
			hostsInText(p.sample(e.Location), "server.files"+path, tell)
		}
	}
}

func addressText(h Host) string {
	if len(h.Addresses) == 0 {
		return ""
	}
	return h.Addresses[0].String()
}

// hostsOfGroup tells the hosts of a group's lease, rules and log servers.
func (p *plan) hostsOfGroup(g *fleet.Group, tell func(host, purpose string)) {
	if g.Count == 0 {
		return
	}
	lease := g.Lease.TFTPServer
	if lease == "" && p.story.Server != nil && !p.leaseless(g.Name) {
		lease = embedded
	}
	tell(hostPart(lease), "option 66")
	hostsInText(p.sample(g.RCURL), "rc", tell)
	params := p.presetParams(g)
	unit := device.NewUnit(g.Row, p.story.Seed, 0, netip.IPv4Unspecified())
	for _, name := range rules {
		text, _ := params.Lookup(name)
		for _, d := range alternativesOf(text, &unit, params) {
			tell(d.URL.Host, name)
		}
	}
	for _, name := range logServers {
		text, _ := params.Lookup(name)
		tell(hostPart(text), name)
	}
}

func (p *plan) leaseless(group string) bool {
	return slices.ContainsFunc(p.story.Fleet, func(g Group) bool { return g.Name == group && g.NoLease })
}

// presetParams returns what a group's devices are set to at the start.
func (p *plan) presetParams(g *fleet.Group) device.Params {
	sets := slices.Clone(g.Presets)
	for i := range sets {
		sets[i].Value = p.sample(sets[i].Value)
	}
	var layers device.Layers
	return layers.Preset(g.Row.Factory, sets)
}

// sample fills ${…} with a stand-in for the embedded server.
func (p *plan) sample(text string) string {
	places := p.places()
	for name := range places {
		places[name] = embedded
	}
	if filled, err := placeholders(text, places); err == nil {
		return filled
	}
	return text
}

func alternativesOf(text string, u *device.Unit, params device.Params) []rule.Decision {
	all, err := rule.Alternatives(text, device.Env{Unit: u, Params: params}, u.Row.Dialect())
	if err != nil {
		return nil
	}
	return all
}

// The parameters that make a device contact somebody.
var (
	rules      = []string{"Profile_Rule", "Profile_Rule_B", "Profile_Rule_C", "Profile_Rule_D", "Upgrade_Rule", "Report_Rule", "Custom_CA_RULE"}
	logServers = []string{"Syslog_Server", "Debug_Server"}
)

// hostsOfValue tells the hosts in a parameter's new value.
func hostsOfValue(name, value string, tell func(host, purpose string)) {
	switch {
	case slices.Contains(logServers, name):
		tell(hostPart(value), name)
	case slices.Contains(rules, name):
		hostsInText(value, name, tell)
	}
}

func hostPart(text string) string {
	host, _, _ := strings.Cut(strings.TrimSpace(text), ":")
	return host
}

var urlHost = regexp.MustCompile(`(?i)\b(?:tftp|https?)://([^/:\s|"'<>\]\)]+)`)

// hostsInText tells the hosts of the URLs in any text.
func hostsInText(text, purpose string, tell func(host, purpose string)) {
	for _, m := range urlHost.FindAllStringSubmatch(text, -1) {
		tell(m[1], purpose)
	}
}

// refusals says in notes which contacts were refused while the story ran.
func refusals(g *fetch.Guard) []string {
	var notes []string
	list, more := g.Refusals()
	for i, r := range list {
		if i == mostRefusalNotes {
			more += sumOf(list[i:])
			break
		}
		notes = append(notes, fmt.Sprintf("%d × %s%s", r.Count, &fetch.RefusedError{Host: r.Host, Addr: r.Addr, Reason: r.Reason}, remedy(&r)))
	}
	if more > 0 {
		notes = append(notes, fmt.Sprintf("%d × contact with other hosts refused", more))
	}
	return notes
}

const mostRefusalNotes = 5

func sumOf(list []fetch.Refusal) (n int) {
	for _, r := range list {
		n += r.Count
	}
	return n
}

func remedy(r *fetch.Refusal) string {
	switch r.Reason {
	case fetch.Public:
		return "; if you may test this server: --allow-public " + r.Host
	case fetch.Crowd:
		return "; if you run this server: --i-operate-this-server"
	}
	return ""
}
