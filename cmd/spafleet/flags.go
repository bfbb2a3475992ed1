package main

import (
	"cmp"
	"fmt"
	"net"
	"net/netip"
	"net/url"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/pflag"

	"spafleet/device/measure"
	"spafleet/fleet"
	"spafleet/resync"
	"spafleet/resync/fetch"
	"spafleet/scenarios"
)

// durationFlag reads durations above 0 in the scenario file's units: 30s, 2m, 1d.
type durationFlag struct{ d *time.Duration }

func (f durationFlag) String() string {
	if f.d == nil || *f.d == 0 {
		return ""
	}
	return f.d.String()
}

func (f durationFlag) Set(text string) (err error) {
	*f.d, err = measure.Positive(text)
	return err
}

func (f durationFlag) Type() string { return "duration" }

// countFlag reads counts: 200, 10k, 1M.
type countFlag struct{ n *int }

func (f countFlag) String() string {
	if f.n == nil {
		return "0"
	}
	return strconv.Itoa(*f.n)
}

func (f countFlag) Set(text string) (err error) {
	*f.n, err = measure.Count(text)
	if err == nil && *f.n == 0 {
		err = fmt.Errorf("a fleet of 0 devices does nothing; give at least 1")
	}
	return err
}

func (f countFlag) Type() string { return "count" }

// rateFlag reads rates: 50/s, 600/m.
type rateFlag struct{ perSecond *float64 }

func (f rateFlag) String() string {
	if f.perSecond == nil || *f.perSecond == 0 {
		return ""
	}
	return rateText(*f.perSecond) + "/s"
}

func (f rateFlag) Set(text string) (err error) {
	*f.perSecond, err = measure.Rate(text)
	if err == nil && *f.perSecond <= 0 {
		err = fmt.Errorf("a rate of 0 starts nothing; give one such as 50/s")
	}
	return err
}

func (f rateFlag) Type() string { return "rate" }

// evidenceFlag reads what the firmware's behaviour may rest on.
type evidenceFlag struct{ word string }

func (f *evidenceFlag) String() string { return f.word }

func (f *evidenceFlag) Set(text string) error {
	f.word = text
	return new(scenarios.Group).Evidence(text)
}

func (f *evidenceFlag) Type() string { return "KIND" }

func (f *evidenceFlag) register(flags *pflag.FlagSet) {
	flags.Var(f, "evidence", "`KIND` of facts that the firmware's behaviour rests on: field (documents, what was seen, inferences), or all, with what was read in firmware images (default all)")
}

// turned is the switch that it turns, nil if it was not given.
func (f *evidenceFlag) turned() map[string]string {
	if f.word == "" {
		return nil
	}
	return map[string]string{"evidence": f.word}
}

// apply sets it for all groups of a scenario, if it was given.
func (f *evidenceFlag) apply(s *scenarios.Scenario) {
	for i := range s.Fleet {
		if f.word != "" {
			_ = s.Fleet[i].Evidence(f.word) // Set has tried it
		}
	}
}

// prefixFlag reads an address prefix.
type prefixFlag struct{ p *netip.Prefix }

func (f prefixFlag) String() string {
	if f.p == nil || !f.p.IsValid() {
		return ""
	}
	return f.p.String()
}

func (f prefixFlag) Set(text string) (err error) {
	if *f.p, err = netip.ParsePrefix(text); err != nil {
		return fmt.Errorf("%q is not an address prefix such as 127.64.0.0/16", text)
	}
	return nil
}

func (f prefixFlag) Type() string { return "prefix" }

// hostsFlag gathers hosts by name or address.
type hostsFlag struct{ list *[]string }

func (f hostsFlag) String() string {
	if f.list == nil {
		return ""
	}
	return strings.Join(*f.list, ",")
}

func (f hostsFlag) Set(text string) error {
	if _, err := netip.ParseAddr(text); err != nil && (text == "" || strings.ContainsAny(text, " /:*,")) {
		return fmt.Errorf("%q is not a host; give a name or an address alone, such as prov.example.com", text)
	}
	*f.list = append(*f.list, text)
	return nil
}

func (f hostsFlag) Type() string { return "host" }

// serversFlag gathers name servers.
type serversFlag struct{ list *[]netip.AddrPort }

func (f serversFlag) String() string {
	if f.list == nil {
		return ""
	}
	var words []string
	for _, s := range *f.list {
		words = append(words, s.String())
	}
	return strings.Join(words, ",")
}

func (f serversFlag) Set(text string) error {
	server, err := netip.ParseAddrPort(text)
	if err != nil {
		addr, bare := netip.ParseAddr(text)
		if bare != nil {
			return fmt.Errorf("%q is not an address, such as 10.0.0.1 or 127.0.0.1:5353", text)
		}
		server = netip.AddrPortFrom(addr, 53)
	}
	*f.list = append(*f.list, server)
	return nil
}

func (f serversFlag) Type() string { return "server" }

// webFlags say where the devices' web servers answer, and their SIP ports.
type webFlags struct {
	sip  sipFlags
	port string
	side string
}

func (w *webFlags) register(flags *pflag.FlagSet, port string) {
	flags.StringVar(&w.port, "listen-web", port, "`PORT` of the devices' web servers; 0 for a free one, empty for none")
	flags.StringVar(&w.side, "web-side", "lan", "`SIDE` of a router that web requests come from: lan or wan")
}

func (w *webFlags) web() (fleet.Web, error) {
	if w.side != "lan" && w.side != "wan" {
		return fleet.Web{}, fmt.Errorf("--web-side %q is neither lan nor wan", w.side)
	}
	if w.port == "" {
		return fleet.Web{}, nil
	}
	port, err := strconv.ParseUint(w.port, 10, 16)
	if err != nil {
		return fleet.Web{}, fmt.Errorf("--listen-web %q is not a port", w.port)
	}
	return fleet.Web{Listen: true, Port: uint16(port), WAN: w.side == "wan"}, nil
}

// sipFlags say whether lines register, and at which ports they hear SIP.
type sipFlags struct {
	on   bool
	port uint16
}

func (f *sipFlags) register(flags *pflag.FlagSet) {
	flags.BoolVar(&f.on, "sip", false, "lines that have an account register by SIP, and hear NOTIFYs")
	flags.Uint16Var(&f.port, "sip-port", 5060, "`PORT` of the devices' first lines, in the place of 5060; those of other lines follow it")
}

// highestSIPPort leaves room for the other lines.
const highestSIPPort = 65400

// apply has the lines of a scenario's devices register.
func (f *sipFlags) apply(s *scenarios.Scenario) error {
	switch {
	case f.port == 0:
		return fmt.Errorf("--sip-port 0: give the port that stands for 5060, such as 15060")
	case f.port > highestSIPPort:
		return fmt.Errorf("--sip-port %d: the ports of other lines follow it; give one up to %d, such as 15060", f.port, highestSIPPort)
	case !f.on:
	case s.Server != nil:
		s.Server.Register()
	case s.Clock.Mode == fleet.Virtual:
		return fmt.Errorf("--sip: in virtual time only the built-in server has a registrar; leave out --virtual, or use a scenario with server: {sip: true}")
	}
	return nil
}

// balancerFlags say what stands before the server under test.
type balancerFlags struct {
	version      string
	forwardedFor bool
}

func (f *balancerFlags) register(flags *pflag.FlagSet) {
	flags.StringVar(&f.version, "proxy-protocol", "", "begin each connection of HTTP and HTTPS with a PROXY header of this `VERSION`, v1 or v2, as a load balancer does; it has the device's own address")
	flags.BoolVar(&f.forwardedFor, "forwarded-for", false, "put the device's own address into X-Forwarded-For of each HTTP request, as a load balancer does")
}

// apply puts a load balancer before the server of a scenario.
func (f *balancerFlags) apply(s *scenarios.Scenario) error {
	given := fetch.Balancer{ForwardedFor: f.forwardedFor}
	flag := "--forwarded-for"
	if f.version != "" {
		flag = "--proxy-protocol " + f.version
		if err := given.SetProxyProtocol(f.version); err != nil {
			return fmt.Errorf("--proxy-protocol %w", err)
		}
	}
	switch {
	case given == (fetch.Balancer{}):
		return nil
	case s.Server != nil || s.Clock.Mode == fleet.Virtual:
		return fmt.Errorf("%s: the built-in server stands behind no load balancer; give it with a server of your own", flag)
	}
	s.Target = cmp.Or(s.Target, &scenarios.Target{})
	b := &s.Target.Balancer
	b.ForwardedFor = b.ForwardedFor || given.ForwardedFor
	b.ProxyProtocol = cmp.Or(given.ProxyProtocol, b.ProxyProtocol)
	return nil
}

// hostPort checks host[:port] of a flag.
func hostPort(name, text string) error {
	host, port, hasPort := strings.Cut(text, ":")
	if _, err := strconv.ParseUint(port, 10, 16); host == "" || strings.ContainsAny(host, " /") || hasPort && err != nil {
		return fmt.Errorf("--%s %q is not host or host:port", name, text)
	}
	if ip := net.ParseIP(host); ip == nil && strings.Trim(host, "0123456789.") == "" {
		return fmt.Errorf("--%s %q: %s is not an IPv4 address", name, text, host)
	}
	return nil
}

// option66 checks --tftp-server: host, host:port or a URL.
func option66(text string) error {
	if u, err := url.Parse(text); err == nil && u.Host != "" {
		return nil
	}
	return hostPort("tftp-server", text)
}

// presets reads NAME=VALUE texts in their order.
func presets(texts []string) ([]scenarios.Preset, error) {
	var list []scenarios.Preset
	for _, t := range texts {
		name, value, ok := strings.Cut(t, "=")
		if !ok || name == "" {
			return nil, fmt.Errorf("--set %q is not NAME=VALUE", t)
		}
		list = append(list, scenarios.Preset{Name: name, Value: value, Given: "--set " + name})
	}
	return list, nil
}

// leaseFlags are what DHCP says to the devices.
type leaseFlags struct {
	tftpServer string
	lease      []string
	dhcp       fleet.DHCP
}

// dhcpFlag says where a DHCP server is.
type dhcpFlag struct{ to *fleet.DHCP }

func (f dhcpFlag) String() string {
	if f.to == nil {
		return ""
	}
	return f.to.String()
}

func (f dhcpFlag) Set(text string) error { return f.to.Set(text) }

func (f dhcpFlag) Type() string { return "server" }

func (l *leaseFlags) register(flags *pflag.FlagSet) {
	flags.StringVar(&l.tftpServer, "tftp-server", "", "DHCP option 66: `HOST` or HOST:PORT of the TFTP server, or a URL")
	flags.StringArrayVar(&l.lease, "lease", nil, "another DHCP option by its number, `OPTION=VALUE`, such as 160=http://prov.example/$MA.cfg, or siaddr=HOST; may be repeated")
}

// options reads OPTION=VALUE texts.
func (l *leaseFlags) options() (options map[uint8]string, siaddr string, err error) {
	options = map[uint8]string{}
	for _, text := range l.lease {
		name, value, ok := strings.Cut(text, "=")
		number, err := strconv.ParseUint(name, 10, 8)
		switch {
		case ok && name == "siaddr":
			siaddr = value
			continue
		case !ok || err != nil:
			return nil, "", fmt.Errorf("--lease %q is neither OPTION=VALUE, with the number of a DHCP option, nor siaddr=HOST", text)
		case number == 66:
			return nil, "", fmt.Errorf("--lease %s: option 66 is --tftp-server", text)
		}
		if err := new(resync.Lease).Set(uint8(number), value); err != nil {
			return nil, "", fmt.Errorf("--lease %s: %w", text, err)
		}
		options[uint8(number)] = value
	}
	return options, siaddr, nil
}
