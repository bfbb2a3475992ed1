package fetch

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"strings"
	"sync"
	"time"

	"github.com/hashicorp/golang-lru/v2/simplelru"
	"github.com/miekg/dns"

	"spafleet/device"
	"spafleet/device/model"
	"spafleet/host"
)

// NameServers are the servers that devices ask for names. A device's
// own parameters for them (Primary_DNS and its like) have no say yet: these are
// what its lease would tell it.
type NameServers struct {
	Servers []netip.AddrPort // in the order in which they are asked; none: no name is found
	Search  []string         // endings for names with fewer dots than Dots
	Dots    int
	Wait    time.Duration // for an answer of one server, where no device asks
	Tries   int           // of all servers, likewise
	// Hosts are the names of the system's own list, in lower case and without a dot
	// at the end.
	Hosts map[string][]netip.Addr
}

// Where the system keeps what it knows of names.
const (
	resolvConf = "/etc/resolv.conf"
	hostsFile  = "/etc/hosts"
	mostHosts  = 64 << 20 // bytes; lists of blocked names are long
)

// SystemNames returns the name servers of this machine and its list of hosts. As
// elsewhere, a machine that names no server is one itself.
func SystemNames() *NameServers {
	c, err := dns.ClientConfigFromFile(resolvConf)
	if err != nil {
		c = &dns.ClientConfig{Port: "53", Ndots: 1, Timeout: 5, Attempts: 2}
	}
	n := &NameServers{Search: c.Search, Dots: c.Ndots, Wait: time.Duration(c.Timeout) * time.Second, Tries: c.Attempts}
	for _, s := range c.Servers {
		if addr, err := netip.ParseAddr(s); err == nil {
			n.Servers = append(n.Servers, netip.AddrPortFrom(addr, 53))
		}
	}
	if n.Servers == nil {
		n.Servers = []netip.AddrPort{netip.MustParseAddrPort("127.0.0.1:53")}
	}
	text, _ := host.ReadFile(hostsFile, mostHosts) // without the file there are no such names
	n.Hosts = hosts(string(text))
	return n
}

// hosts reads a list of an address and its names in each line.
func hosts(text string) map[string][]netip.Addr {
	known := map[string][]netip.Addr{}
	for s := bufio.NewScanner(strings.NewReader(text)); s.Scan(); {
		line, _, _ := strings.Cut(s.Text(), "#")
		words := strings.Fields(line)
		if len(words) == 0 {
			continue
		}
		addr, err := netip.ParseAddr(words[0])
		if err != nil {
			continue
		}
		for _, name := range words[1:] {
			name = plainName(name)
			known[name] = append(known[name], addr)
		}
	}
	return known
}

// An Asker is the device that a name is asked for.
type Asker struct {
	Device device.Index
	Now    int64 // fleet time
	Booted int64 // fleet time of its last boot, which forgets all names
	Keeps  bool  // it keeps an address for as long as the name server says
	// How long and how often the device asks; nil: as NameServers say.
	Behaviour *model.Behaviour
	// Source returns the address from which the device asks a name server; not
	// valid, or nil: one of the system's choice.
	Source func(server netip.Addr) netip.Addr
	// Faultless: the faults of the device do not happen to the question, which is
	// none for its provisioning.
	Faultless bool
}

// source returns the address from which a name server is asked.
func (a Asker) source(server netip.Addr) netip.Addr {
	if a.Source == nil {
		return netip.Addr{}
	}
	return a.Source(server)
}

type askerKey struct{}

// For returns a context in which names are resolved for a device: its faults
// happen to the questions, and what it has kept it does not ask again.
func For(ctx context.Context, a Asker) context.Context { return context.WithValue(ctx, askerKey{}, a) }

// AskerOf returns the device for which a context resolves names; false: none.
func AskerOf(ctx context.Context) (a Asker, ok bool) {
	a, ok = ctx.Value(askerKey{}).(Asker)
	return a, ok
}

// A dnsCache is what devices keep of names, in fleet time. Its zero value is ready.
type dnsCache struct {
	mu   sync.Mutex
	kept *simplelru.LRU[dnsKey, keptAddrs] // nil until the first is kept
}

type dnsKey struct {
	dev  device.Index
	name string
}

type keptAddrs struct {
	addrs        []netip.Addr
	since, until int64
}

// mostKept bounds a dnsCache to some tens of megabytes. Of more, the names that were
// wanted longest ago are forgotten, and their devices ask again.
const mostKept = 1 << 18

func (c *dnsCache) recall(a Asker, name string) ([]netip.Addr, bool) {
	if !a.Keeps {
		return nil, false
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.kept == nil {
		return nil, false
	}
	k, ok := c.kept.Get(dnsKey{a.Device, plainName(name)})
	return k.addrs, ok && a.Booted <= k.since && a.Now < k.until
}

func (c *dnsCache) keep(a Asker, name string, addrs []netip.Addr, lasts time.Duration) {
	if !a.Keeps || lasts <= 0 {
		return
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.kept == nil {
		c.kept, _ = simplelru.NewLRU[dnsKey, keptAddrs](mostKept, nil) // it refuses no positive size
	}
	c.kept.Add(dnsKey{a.Device, plainName(name)}, keptAddrs{addrs, a.Now, a.Now + int64(lasts)})
}

// An answerError is what a name server said instead of an address.
type answerError struct {
	name  string
	rcode int
}

func (e *answerError) Error() string {
	if e.rcode == dns.RcodeSuccess {
		return fmt.Sprintf("resolve %s: no IPv4 address", e.name)
	}
	return fmt.Sprintf("resolve %s: the name server says %s", e.name, dns.RcodeToString[e.rcode])
}

// find asks for a name, undisturbed, and returns how long the answer lasts.
func (s *Sockets) find(ctx context.Context, name string) (addrs []netip.Addr, lasts time.Duration, err error) {
	if addrs, ok := s.Hosts[plainName(name)]; ok {
		return addrs, 0, nil
	}
	system := s.nameServers()
	if addrs, ok := system.Hosts[plainName(name)]; ok {
		return addrs, 0, nil
	}
	c := dns.ClientConfig{Search: system.Search, Ndots: system.Dots}
	for _, full := range c.NameList(name) {
		var no *answerError
		if addrs, lasts, err = s.question(ctx, name, full); err == nil || !errors.As(err, &no) {
			return addrs, lasts, err
		}
	}
	if err == nil {
		err = fmt.Errorf("resolve %s: not a name", name)
	}
	return nil, 0, err
}

// nameServers returns those that are asked.
func (s *Sockets) nameServers() *NameServers {
	s.systemOnce.Do(func() {
		if s.system = s.NameServers; s.system == nil {
			s.system = SystemNames()
		}
	})
	return s.system
}

// patience returns how long an answer of a name server is waited for, and how often
// all of them are asked.
func (s *Sockets) patience(ctx context.Context) (wait time.Duration, tries int) {
	if who, ok := AskerOf(ctx); ok && who.Behaviour != nil {
		return who.Behaviour.DNSWait, who.Behaviour.DNSTries
	}
	system := s.nameServers()
	return system.Wait, system.Tries
}

// question asks one name server after the other for a whole name. What one says
// of the name is the answer, be it that there is none; who cannot say is passed
// over.
func (s *Sockets) question(ctx context.Context, name, full string) (addrs []netip.Addr, lasts time.Duration, err error) {
	if _, ok := dns.IsDomainName(full); !ok || strings.ContainsFunc(full, func(r rune) bool { return r <= ' ' || r > '~' }) {
		return nil, 0, fmt.Errorf("resolve %s: not a name", name)
	}
	err = fmt.Errorf("resolve %s: there is no name server", name)
	_, tries := s.patience(ctx)
	for range tries {
		for _, server := range s.system.Servers {
			if err = s.Guard.admitNameServer(name, server.Addr()); err != nil {
				continue
			}
			var answer *dns.Msg
			if answer, err = s.exchangeDNS(ctx, full, server); err == nil {
				addrs, lasts, err = read(answer, name)
			}
			var no *answerError
			if err == nil || ctx.Err() != nil || errors.As(err, &no) && (no.rcode == dns.RcodeSuccess || no.rcode == dns.RcodeNameError) {
				return addrs, lasts, err
			}
			if _, local := LocalLimit(err); local {
				return nil, 0, err
			}
		}
	}
	return nil, 0, err
}

// read takes the addresses from an answer. They last as long as that part of the
// answer which lasts least, be it another name for this one.
func read(answer *dns.Msg, name string) (addrs []netip.Addr, lasts time.Duration, err error) {
	least := uint32(1<<31 - 1)
	for _, r := range answer.Answer {
		least = min(least, r.Header().Ttl)
		if a, ok := r.(*dns.A); ok {
			if addr, ok := netip.AddrFromSlice(a.A); ok {
				addrs = append(addrs, addr.Unmap())
			}
		}
	}
	if answer.Rcode != dns.RcodeSuccess || len(addrs) == 0 {
		return nil, 0, &answerError{name, answer.Rcode}
	}
	return addrs, time.Duration(least) * time.Second, nil
}

// exchangeDNS asks one server, again over TCP where the answer is cut short.
func (s *Sockets) exchangeDNS(ctx context.Context, full string, server netip.AddrPort) (*dns.Msg, error) {
	m := new(dns.Msg).SetQuestion(full, dns.TypeA)
	answer, err := s.exchangeOver(ctx, "udp", m, server)
	if err == nil && answer.Truncated {
		answer, err = s.exchangeOver(ctx, "tcp", m, server)
	}
	if err != nil {
		return nil, fmt.Errorf("ask name server %s: %w", server, err)
	}
	return answer, nil
}

// mostAnswers bounds how many answers to other questions are read, so that a flood
// of them ends the question before its wait does.
const mostAnswers = 100

func (s *Sockets) exchangeOver(ctx context.Context, network string, m *dns.Msg, server netip.AddrPort) (*dns.Msg, error) {
	wait, _ := s.patience(ctx)
	who, _ := AskerOf(ctx)
	dial := s.DialNameServer
	if dial == nil {
		dial = func(ctx context.Context, source netip.Addr, network, address string) (net.Conn, error) {
			return dialFrom(ctx, source, network, address, wait)
		}
	}
	conn, err := dial(undated{ctx}, who.source(server.Addr()), network, server.String())
	if err != nil {
		return nil, err
	}
	defer conn.Close()
	if err := conn.SetDeadline(s.now().Add(wait)); err != nil {
		return nil, err
	}
	defer wake(ctx, conn)()
	c := dns.Conn{Conn: conn}
	if err := c.WriteMsg(m); err != nil {
		return nil, err
	}
	for range mostAnswers {
		answer, err := c.ReadMsg()
		if err != nil && answer == nil {
			return nil, err
		}
		if err == nil && answers(answer, m) {
			return answer, nil
		}
	}
	return nil, errNoAnswer
}

// dialFrom connects from a source address, where that is valid.
func dialFrom(ctx context.Context, source netip.Addr, network, address string, wait time.Duration) (net.Conn, error) {
	d := net.Dialer{Timeout: wait}
	if source.IsValid() {
		d.LocalAddr = net.UDPAddrFromAddrPort(netip.AddrPortFrom(source, 0))
		if network == "tcp" {
			d.LocalAddr = net.TCPAddrFromAddrPort(netip.AddrPortFrom(source, 0))
		}
	}
	return d.DialContext(ctx, network, address)
}

// answers reports whether one message is the answer to another; anybody may send
// datagrams.
func answers(answer, question *dns.Msg) bool {
	return answer.Response && answer.Id == question.Id && len(answer.Question) == 1 &&
		strings.EqualFold(answer.Question[0].Name, question.Question[0].Name) && answer.Question[0].Qtype == dns.TypeA
}
