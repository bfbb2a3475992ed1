package forecast

import (
	"cmp"
	"fmt"
	"iter"
	"net/netip"
	"regexp"
	"slices"
	"strings"

	"spafleet/device"
	"spafleet/device/model"
	"spafleet/device/rule"
	"spafleet/fleet"
	"spafleet/resync"
	"spafleet/resync/fetch"
	"spafleet/scenarios"
)

// A Contact is a host that the devices are known to contact before anything has
// run: from presets, leases and steps. What a profile brings later is judged when
// it is about to be contacted.
type Contact struct {
	Host      string   `json:"host"`
	For       []string `json:"for"`       // parameters and keys that name it
	Addresses []string `json:"addresses"` // none: DNS will say
	Where     string   `json:"where"`     // embedded, loopback, link-local, private, public, broadcast, or dns
	Needs     []string `json:"needs"`     // flags without which it is not contacted
}

// Where a contact is.
const (
	whereEmbedded  = "embedded"
	whereLoopback  = "loopback"
	whereLink      = "link-local"
	wherePrivate   = "private"
	wherePublic    = "public"
	whereBroadcast = "broadcast" // or multicast
	whereDNS       = "dns"       // its name says nothing
)

// mostOff is how many devices may contact servers off this machine without
// their operator's word.
const mostOff = 1000

// Guard returns what keeps the devices of a scenario to permitted servers.
func Guard(p *scenarios.Plan, o *scenarios.Machine) *fetch.Guard {
	g := &fetch.Guard{Public: o.Public, LinkLocal: newPlan(p, o.Flags).linkLocal(), OnlyLoopback: atWork(p, o) > mostOff && !o.Operator}
	if t := p.Scenario.Target; t != nil && t.Hosts != nil {
		g.Hosts = t.Texts()
	}
	return g
}

// atWork returns how many devices run, on all machines together.
func atWork(p *scenarios.Plan, o *scenarios.Machine) int {
	if o.Shard.Others() || o.Shard.Whole() {
		return p.Devices()
	}
	return o.Shard.Len(p.Devices())
}

// linkLocal returns the link-local addresses that the scenario itself names.
func (p plan) linkLocal() (list []netip.Addr) {
	p.eachHost(func(host, _ string) {
		for _, a := range p.addressesOf(strings.ToLower(host)) {
			if a.IsLinkLocalUnicast() {
				list = append(list, a.WithZone(""))
			}
		}
	})
	return list
}

// Permitted refuses a scenario if the guard is known to refuse one of its contacts, or
// if it runs commands and may not.
func Permitted(of *scenarios.Plan, g *fetch.Guard, o *scenarios.Machine) error {
	p := newPlan(of, o.Flags)
	for _, c := range commandsOf(&p, o) {
		if c.Needs != "" {
			return fmt.Errorf("%s: nothing was sent: timeline[%d] runs %q on this machine; if you want that: %s", p.Scenario.Name, c.Step, strings.Join(c.Words, " "), c.Needs)
		}
	}
	if p.Scenario.Clock.Mode == fleet.Virtual {
		return nil // nothing is sent at all
	}
	var wrong []string
	for _, c := range p.contacts(g, o) {
		if len(c.Needs) > 0 && c.Where != whereDNS {
			wrong = append(wrong, p.refusal(&c))
		}
	}
	if len(wrong) == 0 {
		return nil
	}
	return fmt.Errorf("%s: nothing was sent:\n  %s", p.Scenario.Name, strings.Join(some(wrong), "\n  "))
}

func (p plan) refusal(c *Contact) string {
	place := c.Host
	if len(c.Addresses) > 0 && c.Addresses[0] != c.Host {
		place += " (" + strings.Join(c.Addresses, ", ") + ")"
	}
	why := fmt.Sprintf("%d devices would contact it", p.Devices())
	switch c.Where {
	case whereBroadcast:
		return fmt.Sprintf("%s, for %s: %s; give %s", place, strings.Join(c.For, ", "), fetch.Broadcast, strings.Join(c.Needs, " "))
	case wherePublic:
		why = fetch.Public.String()
	}
	return fmt.Sprintf("%s, for %s: %s; if you may test this server: %s", place, strings.Join(c.For, ", "), why, strings.Join(c.Needs, " "))
}

// contacts returns the hosts that are known, sorted, with what the guard
// says of each; the name servers come last.
func (p plan) contacts(g *fetch.Guard, o *scenarios.Machine) []Contact {
	found := map[string]*Contact{}
	tell := func(host, purpose string) {
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
	}
	p.eachHost(tell)
	if relay := o.LeasesOf(p.Scenario).Relay; relay.IsValid() {
		tell(relay.Addr().String(), "DHCP")
	}
	list := []Contact{}
	for _, c := range found {
		p.locate(c, g)
		list = append(list, *c)
	}
	slices.SortFunc(list, func(a, b Contact) int { return cmp.Compare(a.Host, b.Host) })
	return append(append(list, ownNameServers(p, list, g)...), p.nameServers(list, g, o)...)
}

// ownNameServers returns those that the devices' parameters and leases name, if any name is
// asked for: those that the guard permits, or where it permits none, all.
func ownNameServers(p plan, contacts []Contact, g *fetch.Guard) (list []Contact) {
	named := slices.IndexFunc(contacts, func(c Contact) bool { return c.Where == whereDNS })
	if named < 0 || p.Scenario.Clock.Mode == fleet.Virtual {
		return nil
	}
	tell := func(text, purpose string) {
		addr, err := netip.ParseAddr(text)
		if err != nil || !addr.Is4() || addr.IsUnspecified() {
			return
		}
		at := slices.IndexFunc(list, func(c Contact) bool { return c.Host == addr.String() })
		if at < 0 {
			c := Contact{Host: addr.String(), Addresses: []string{addr.String()}, Where: whereOf(addr), Needs: []string{}}
			c.permit(p, g, contacts[named].Host, addr)
			at, list = len(list), append(list, c)
		}
		if !slices.Contains(list[at].For, purpose) {
			list[at].For = append(list[at].For, purpose)
		}
	}
	for i := range p.Groups {
		for d := range p.settings(i, p.Groups[i].Count) {
			for _, name := range [...]string{"Primary_DNS", "Secondary_DNS"} {
				text, _ := d.params.Lookup(name)
				tell(text, name)
			}
		}
		lease := p.lease(&p.Groups[i])
		for _, server := range lease.DNS {
			tell(server.String(), "option 6")
		}
	}
	if permitted := slices.DeleteFunc(slices.Clone(list), func(c Contact) bool { return len(c.Needs) > 0 }); len(permitted) > 0 {
		return permitted
	}
	return list
}

// nameServers returns those that are asked for the names among the contacts, or
// where the guard permits none, all that would be.
func (p plan) nameServers(contacts []Contact, g *fetch.Guard, o *scenarios.Machine) []Contact {
	var permitted, list []Contact
	servers := o.NameServers
	if servers == nil {
		servers = p.system.Servers
	}
	for _, server := range servers {
		c := Contact{Host: server.Addr().String(), Addresses: []string{server.Addr().String()}, Where: whereOf(server.Addr()), Needs: []string{}}
		for i := range contacts {
			if name := &contacts[i]; name.Where == whereDNS && p.Scenario.Clock.Mode != fleet.Virtual {
				c.For = append(c.For, "the address of "+name.Host)
				c.permit(p, g, name.Host, server.Addr())
			}
		}
		switch {
		case c.For == nil:
		case len(c.Needs) == 0:
			permitted = append(permitted, c)
		default:
			list = append(list, c)
		}
	}
	if permitted != nil {
		return permitted
	}
	return list
}

// permit notes what a name server needs to be asked for a name.
func (c *Contact) permit(p plan, g *fetch.Guard, name string, server netip.Addr) {
	switch reason, ok := g.JudgeNameServer(name, server); {
	case ok:
	case reason == fetch.Crowd:
		c.need(p.flags.Operator)
	case reason == fetch.Broadcast:
		c.need(oneHost)
	default:
		c.need(p.flags.Public + " " + c.Host)
	}
}

// oneHost is what a broadcast address needs; no flag permits it.
const oneHost = "the address of one host"

// embedded is how the embedded server is called while it has no address yet.
const embedded = "embedded"

// embedded reports whether a host in small letters is the embedded server.
func (p plan) embedded(host string) bool {
	s := p.Scenario.Server
	return s != nil && (host == embedded || host == strings.ToLower(s.Host()))
}

// locate fills in where a contact is and what it needs.
func (p plan) locate(c *Contact, g *fetch.Guard) {
	if p.embedded(c.Host) {
		c.Where = whereEmbedded
		return
	}
	addrs := p.addressesOf(c.Host)
	if len(addrs) == 0 {
		c.Where = whereDNS
		if g.OnlyLoopback {
			c.Needs = append(c.Needs, p.flags.Operator)
		}
		return
	}
	c.Where = whereLoopback
	for _, a := range addrs {
		c.Addresses = append(c.Addresses, a.String())
		where := whereOf(a)
		if where != whereLoopback && c.Where != wherePublic && c.Where != whereBroadcast {
			c.Where = where
		}
		switch reason, ok := (&fetch.Guard{Public: g.Public, LinkLocal: g.LinkLocal}).Judge(c.Host, a); {
		case ok:
		case reason == fetch.Broadcast:
			c.need(oneHost)
			continue
		default:
			c.need(p.flags.Public + " " + c.Host)
		}
		if where != whereLoopback && g.OnlyLoopback {
			c.need(p.flags.Operator)
		}
	}
}

func (c *Contact) need(flag string) {
	if !slices.Contains(c.Needs, flag) {
		c.Needs = append(c.Needs, flag)
	}
}

func whereOf(a netip.Addr) string {
	reason, _ := (*fetch.Guard)(nil).Judge("", a)
	switch {
	case reason == fetch.Broadcast:
		return whereBroadcast
	case fetch.IsLoopback(a):
		return whereLoopback
	case a.IsLinkLocalUnicast():
		return whereLink
	case fetch.IsPrivate(a):
		return wherePrivate
	}
	return wherePublic
}

// addressesOf returns what is known of a host without asking DNS.
func (p plan) addressesOf(host string) []netip.Addr {
	if a, err := netip.ParseAddr(host); err == nil {
		return []netip.Addr{a.Unmap()}
	}
	host = strings.TrimSuffix(host, ".")
	if t := p.Scenario.Target; t != nil {
		if list := t.Known()[host]; list != nil {
			return list
		}
	}
	return slices.DeleteFunc(slices.Clone(p.system.Hosts[host]), func(a netip.Addr) bool { return !a.Is4() }) // devices have no IPv6
}

// eachHost tells every host that the scenario names, and what for.
func (p plan) eachHost(tell func(host, purpose string)) {
	for i := range p.Groups {
		p.hostsOfGroup(i, tell)
	}
	if t := p.Scenario.Target; t != nil {
		for _, h := range t.Hosts {
			tell(cmp.Or(h.Name, addressText(h)), "target.hosts")
		}
	}
	for i := range p.Scenario.Timeline {
		s := &p.Scenario.Timeline[i]
		hostsInText(p.sample(s.URL), s.Action, tell)
		hostsInText(p.sample(s.Visit.Path), s.Action, tell)
		for _, set := range s.Set {
			hostsOfValue(set.Name, p.sample(set.Value), tell)
		}
	}
	if s := p.Scenario.Server; s != nil {
		for path, e := range s.Files {
			hostsInText(p.sample(e.Location), "server.files"+path, tell)
		}
	}
}

func addressText(h scenarios.Host) string {
	if len(h.Addresses) == 0 {
		return ""
	}
	return h.Addresses[0].String()
}

// tftpServer returns what option 66 offers to a group, empty for nothing.
func (p plan) tftpServer(g *fleet.Group) string {
	if g.Lease.TFTPServer == "" && p.Scenario.Server != nil && !p.Scenario.Leaseless(g.Name, g.Row) {
		return embedded
	}
	return p.sample(g.Lease.TFTPServer)
}

// lease returns what a group's devices are told by DHCP.
func (p plan) lease(g *fleet.Group) resync.Lease {
	l := g.Lease
	if own := p.Scenario.Group(g.Name); own != nil {
		_ = own.Fill(&l, func(text string) (string, error) { return p.sample(text), nil })
	}
	l.TFTPServer = p.tftpServer(g)
	return l
}

// leased returns the host that a device asks by a rule without one, and the paths that
// it asks for by its first rule.
func (p plan) leased(g *fleet.Group, unit device.Unit, params device.Params, path string) (host string, paths []string) {
	in := resync.Input{Unit: unit, Params: params, Lease: p.lease(g)}
	return in.Leased(path)
}

// hostsOfGroup tells the hosts of a group's lease, rules and log servers.
func (p plan) hostsOfGroup(group int, tell func(host, purpose string)) {
	g := &p.Groups[group]
	if g.Count == 0 {
		return
	}
	lease := p.lease(g)
	tell(hostOf(lease.TFTPServer), "option 66")
	tell(hostPart(lease.NextServer), "siaddr")
	for option, text := range lease.Options {
		if option != 67 {
			tell(hostOf(text), fmt.Sprint("option ", option))
		}
	}
	hostsInText(p.sample(g.RCURL), "rc", tell)
	for d, name := range p.requests(group) {
		tell(d.URL.Host, name)
	}
	for d := range p.settings(group, g.Count) {
		for _, name := range logServers {
			text, _ := d.params.Lookup(name)
			tell(hostPart(text), name)
		}
		for x := range d.Row.Extras(d.params.Get) {
			tell(hostOf(x.URL), x.Param)
		}
	}
}

// requests yields what the rules of a group's devices may ask for at the start, with the
// rules' names. A text that asks the same server for all devices is looked at once.
func (p plan) requests(group int) iter.Seq2[rule.Decision, string] {
	return func(yield func(rule.Decision, string) bool) {
		seen := map[[2]string]bool{}
		for d := range p.settings(group, p.Groups[group].Count) {
			for _, name := range rules {
				text, _ := d.params.Lookup(name)
				if text == "" || seen[[2]string{name, text}] {
					continue
				}
				if !serverVaries(text) {
					seen[[2]string{name, text}] = true
				}
				for _, a := range device.Alternatives(&d.unit, d.params, text) {
					if !yield(a, name) {
						return
					}
				}
			}
		}
	}
}

// serverVaries reports whether a macro may stand in the scheme or host of a rule's URLs:
// then each device may have another one.
func serverVaries(text string) bool {
	parts := strings.Split(text, "://")
	if len(parts) == 1 {
		return strings.Contains(text, "$") && !strings.HasPrefix(text, "/")
	}
	for _, after := range parts[1:] {
		if host, _, _ := strings.Cut(after, "/"); strings.Contains(host, "$") {
			return true
		}
	}
	return false
}

// presetParams returns what a group's devices are set to at the start.
func (p plan) presetParams(g *fleet.Group) device.Params {
	var sets []device.Set
	for name, value := range g.Presets {
		if id, ok := model.LookupID(name); ok {
			sets = append(sets, device.Set{ID: id, Value: p.sample(value), Has: true})
		}
	}
	var layers device.Layers
	return layers.Preset(g.Row.Factory, sets)
}

// sample fills ${…} with a stand-in for the embedded server.
func (p plan) sample(text string) string { return p.Scenario.FillAll(text, embedded) }

// The parameters that make a device contact somebody.
var (
	profileRules = []string{"Profile_Rule", "Profile_Rule_B", "Profile_Rule_C", "Profile_Rule_D"}
	rules        = slices.Concat(profileRules, []string{"Upgrade_Rule", "Report_Rule", "Custom_CA_RULE"})
	logServers   = []string{"Syslog_Server", "Debug_Server"}
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

// hostOf returns the host of a URL that may lack its scheme.
func hostOf(url string) string {
	if _, rest, ok := strings.Cut(url, "://"); ok {
		url = rest
	}
	host, _, _ := strings.Cut(url, "/")
	return hostPart(host)
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
