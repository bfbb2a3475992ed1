package resync

import (
	"fmt"
	"maps"
	"net/netip"
	"slices"
	"strconv"
	"strings"

	"spafleet/device"
	"spafleet/device/rule"
)

// A Lease is what the network told the device about itself and its servers: by DHCP,
// or as if by DHCP. It is shared between devices, and must not be changed.
type Lease struct {
	// TFTPServer is DHCP option 66: host or host:port (the port is for tests;
	// no real option has one), or a URL with macros. Empty: none was offered.
	TFTPServer string
	// NextServer is the server in the lease's siaddr: host or host:port. Phones ask
	// it for an SCCP configuration where there is no TFTPServer. Empty: none.
	NextServer string
	// Options are the other options that are text to the device, by number: 43, 60, 67,
	// 125, 150, 159 and 160.
	Options    map[uint8]string
	DNS        []netip.Addr // option 6
	LogServers []netip.Addr // option 7
	NTP        []netip.Addr // option 42
	Domain     string       // option 15
	Netmask    netip.Addr   // option 1; zero: none
	Gateway    netip.Addr   // option 3; zero: none
}

// Unserved reports whether a lease has no option 66, and names a server all the
// same.
func (l Lease) Unserved() bool { return l.TFTPServer == "" && l.NextServer != "" }

// nextServer returns the host in siaddr, and its port, 0 for the usual one.
func (l Lease) nextServer() (host string, port uint16) {
	host, number, _ := strings.Cut(l.NextServer, ":")
	n, err := strconv.ParseUint(number, 10, 16)
	if err != nil {
		return host, 0
	}
	return host, uint16(n)
}

// An optionForm is what an option of a lease holds.
type optionForm uint8

const (
	anyText optionForm = iota + 1
	oneAddress
	someAddresses
)

// leaseOptions are the options that mean something to a device, and what they hold.
var leaseOptions = map[uint8]optionForm{
	1: oneAddress, 3: oneAddress, 6: someAddresses, 7: someAddresses, 15: anyText, 42: someAddresses,
	43: anyText, 60: anyText, 66: anyText, 67: anyText, 125: anyText, 150: anyText, 159: anyText, 160: anyText,
}

// Takes reports whether an option means something to a device.
func (*Lease) Takes(option uint8) bool { return leaseOptions[option] != 0 }

// mostAddresses is how many addresses of one option count: a device has no room for
// more (inferred).
const mostAddresses = 8

// Set puts an option into a lease, from the text that a person writes: an address,
// several with blanks or commas between, or text. The caller changes a lease of its own.
func (l *Lease) Set(option uint8, text string) error {
	form := leaseOptions[option]
	switch form {
	case 0:
		return fmt.Errorf("DHCP option %d means nothing to these devices; there are %s", option, knownOptions())
	case anyText:
		l.setText(option, text)
		return nil
	}
	var list []netip.Addr
	for _, word := range strings.FieldsFunc(text, isBetween) {
		addr, err := netip.ParseAddr(word)
		if err != nil || !addr.Is4() {
			return fmt.Errorf("DHCP option %d: %q is not an IPv4 address", option, word)
		}
		list = append(list, addr)
	}
	if form == oneAddress && len(list) != 1 || len(list) == 0 {
		return fmt.Errorf("DHCP option %d: %q is no address", option, text)
	}
	l.setAddresses(option, list)
	return nil
}

// knownOptions lists the options that mean something to a device.
func knownOptions() string {
	var list []string
	for _, option := range slices.Sorted(maps.Keys(leaseOptions)) {
		list = append(list, strconv.Itoa(int(option)))
	}
	return strings.Join(list, " ")
}

// Take puts an option into a lease as a DHCP server sends it. What is no such thing is
// left out.
func (l *Lease) Take(option uint8, value []byte) {
	form := leaseOptions[option]
	if form == anyText && option != 150 {
		text, _, _ := strings.Cut(string(value), "\x00")
		l.setText(option, text)
		return
	}
	var list []netip.Addr
	for ; len(value) >= 4 && len(list) < mostAddresses; value = value[4:] {
		list = append(list, netip.AddrFrom4([4]byte(value)))
	}
	switch {
	case form == 0 || len(list) == 0:
	case option == 150:
		l.setText(option, list[0].String())
	default:
		l.setAddresses(option, list)
	}
}

func isBetween(r rune) bool { return r == ',' || r == ' ' }

func (l *Lease) setText(option uint8, text string) {
	switch option {
	case 15:
		l.Domain = text
	case 66:
		l.TFTPServer = text
	default:
		if l.Options = maps.Clone(l.Options); l.Options == nil {
			l.Options = map[uint8]string{}
		}
		l.Options[option] = text
	}
}

func (l *Lease) setAddresses(option uint8, list []netip.Addr) {
	list = list[:min(len(list), mostAddresses)]
	switch option {
	case 1:
		l.Netmask = list[0]
	case 3:
		l.Gateway = list[0]
	case 6:
		l.DNS = list
	case 7:
		l.LogServers = list
	case 42:
		l.NTP = list
	}
}

// text returns what an option says as a device reads it: up to the first NUL, without
// blanks around it.
func (l *Lease) text(option uint8) string {
	text := l.TFTPServer
	if option != 66 {
		text = l.Options[option]
	}
	text, _, _ = strings.Cut(text, "\x00")
	return strings.TrimSpace(text)
}

// An offer is what a lease says of where files are.
type offer struct {
	option uint8 // 0: siaddr
	url    rule.URL
	whole  bool // the path is that of a file, not where files are
}

// vendors are the options that are of use only where they hold a URL: what is in them
// is not known.
var vendors = []uint8{43, 60, 125}

// offered returns what a lease says of where files are: the first option of
// DHCP_Option_To_Use that can be read (documented), 66 alone where the firmware has
// no such parameter, and by switch the next server.
func (s *scope) offered() (offer, bool) {
	order, ok := s.params.Lookup("DHCP_Option_To_Use")
	if !ok {
		order = "66"
	}
	for word := range strings.SplitSeq(order, ",") {
		n, err := strconv.ParseUint(strings.TrimSpace(word), 10, 8)
		if err != nil {
			continue
		}
		if o, ok := s.reads(uint8(n), s.in.Lease.text(uint8(n))); ok {
			return o, true
		}
	}
	if s.in.Unit.Row.Behaviour.Lease.NextServer {
		if o, ok := s.reads(0, s.in.Lease.NextServer); ok {
			return o, true
		}
	}
	return offer{}, false
}

// reads reads an option; false: it names no server. Of several addresses the first
// counts (inferred).
func (s *scope) reads(option uint8, text string) (offer, bool) {
	o := offer{option: option}
	if option == 150 {
		text, _, _ = strings.Cut(strings.ReplaceAll(text, ",", " "), " ")
	}
	if text == "" || slices.Contains(vendors, option) && !strings.Contains(text, "://") {
		return o, false
	}
	d, err := s.command(text)
	if err != nil || d.URL.Host == "" {
		return o, false
	}
	o.url = d.URL
	o.whole = s.in.Unit.Row.Behaviour.Lease.Whole(text)
	return o, true
}

// fromLease takes the server that the lease names, and for Profile_Rule the path that
// its option has. Without one nothing is sent, and what the device calls that is not
// known: a switch.
func (s *scope) fromLease(t *target) *failure {
	o, ok := s.offered()
	if !ok {
		return &failure{s.in.Unit.Row.Behaviour.Errs.NoServer, device.NoDNS}
	}
	same := t.scheme == "" || t.scheme == o.url.Scheme || t.scheme == "tftp" && o.url.Scheme == ""
	if t.scheme == "" {
		t.scheme = o.url.Scheme
	}
	if t.scheme == "" && s.in.Unit.Row.Behaviour.Lease.Transport {
		if t.scheme = s.lookup("Transport_Protocol"); t.scheme == "none" {
			t.scheme = ""
		}
	}
	t.host = o.url.Host
	if t.port == 0 && same && (o.url.Scheme != "" || t.scheme == "" || t.scheme == "tftp") {
		t.port = o.url.Port
	}
	if t.letter == 'A' {
		s.offeredPath(t, &o)
	}
	return nil
}

// offeredPath completes the path of Profile_Rule: a URL in an option can be that of
// the file, or of where the rule's path is (documented for phones SPA5xx).
func (s *scope) offeredPath(t *target, o *offer) {
	file := s.in.Lease.text(67)
	switch {
	case o.url.Path == "" && file != "" && s.in.Unit.Row.Behaviour.Lease.BootFile:
		t.path = "/" + strings.TrimPrefix(s.expand(file), "/")
	case o.url.Path == "":
		t.others = s.in.Unit.Row.Behaviour.Lease.CiscoPath
	case o.whole:
		t.path = o.url.Path
	default:
		t.path = strings.TrimSuffix(o.url.Path, "/") + t.path
	}
}

// paths returns where a file is looked for, one after the other while there is none.
func (s *scope) paths(t *target) []string {
	cisco := s.expand("/Cisco/$PN/$MA.cfg")
	switch t.others {
	case "after":
		return []string{t.path, cisco}
	case "before":
		return []string{cisco, t.path}
	}
	return []string{t.path}
}

// Leased returns where a device looks for its profile when a rule gives the path alone:
// the host that its lease names, "" for none, and the paths one after the other.
func (in *Input) Leased(path string) (host string, paths []string) {
	s := scope{in: in, params: in.Params}
	t := target{letter: 'A', path: path}
	if s.fromLease(&t) != nil {
		return "", nil
	}
	return t.host, s.paths(&t)
}
