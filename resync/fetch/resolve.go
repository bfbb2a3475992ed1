package fetch

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"os"
	"strings"
	"sync"
	"time"

	"spafleet/device"
	"spafleet/device/phase"
	"spafleet/host"
	"spafleet/resync"
	"spafleet/resync/fault"

	"github.com/miekg/dns"
)

// Resolve returns the IPv4 addresses of a name: those of Hosts, of the name
// servers' own list, or else the A records (provisioning asks for no others:
// documented), in the order of the answer. A device that keeps names, see [Asker],
// is answered from what it kept.
//
// Without any address the error is a *[resync.Error] with result NoDNS; when ctx
// ends it is the context's; otherwise see [LocalLimit].
func (s *Sockets) Resolve(ctx context.Context, name string) ([]netip.Addr, error) {
	begun := s.now()
	if err := s.Guard.AdmitName(name); err != nil {
		return nil, &resync.Error{Result: device.NoDNS, Phase: phase.Lookup, Cause: err}
	}
	addrs, err := s.lookup(ctx, name)
	end := s.now()
	if err != nil && ctx.Err() != nil {
		return nil, ctx.Err()
	}
	if _, ok := LocalLimit(err); ok {
		return nil, fmt.Errorf("resolve %s: %w", name, err)
	}
	addrs = onlyIPv4(addrs)
	if err == nil && len(addrs) == 0 {
		err = fmt.Errorf("resolve %s: no IPv4 address", name)
	}
	if err != nil {
		return nil, &resync.Error{Result: device.NoDNS, Phase: phase.Lookup, Took: device.Phases{DNS: int64(end.Sub(begun))}, Cause: err}
	}
	return addrs, nil
}

// onlyIPv4 returns the IPv4 addresses in a slice of their own.
func onlyIPv4(addrs []netip.Addr) []netip.Addr {
	var four []netip.Addr
	for _, a := range addrs {
		if a = a.Unmap(); a.Is4() {
			four = append(four, a)
		}
	}
	return four
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
		return who.Behaviour.DNS.Wait, who.Behaviour.DNS.Tries
	}
	system := s.nameServers()
	return system.Wait, system.Tries
}

// question asks name servers for a whole name, one after the other or all at once. What
// one says of the name is the answer, be it that there is none; who cannot say is passed
// over.
func (s *Sockets) question(ctx context.Context, name, full string) (addrs []netip.Addr, lasts time.Duration, err error) {
	if _, ok := dns.IsDomainName(full); !ok || strings.ContainsFunc(full, func(r rune) bool { return r <= ' ' || r > '~' }) {
		return nil, 0, fmt.Errorf("resolve %s: not a name", name)
	}
	who, _ := AskerOf(ctx)
	servers := who.servers(s.nameServers().Servers)
	if len(servers) == 0 {
		return nil, 0, fmt.Errorf("resolve %s: there is no name server", name)
	}
	round := s.askInTurn
	if who.Parallel {
		round = s.askAtOnce
	}
	_, tries := s.patience(ctx)
	for range tries {
		r := round(ctx, name, full, servers)
		if err = r.err; r.last(ctx) {
			return r.addrs, r.lasts, err
		}
	}
	return nil, 0, err
}

// A reply is what came of a question to one name server.
type reply struct {
	addrs []netip.Addr
	lasts time.Duration
	err   error
}

// last reports whether no other server is to be asked.
func (r *reply) last(ctx context.Context) bool {
	var no *answerError
	_, local := LocalLimit(r.err)
	return r.err == nil || ctx.Err() != nil || local || errors.As(r.err, &no) && (no.rcode == dns.RcodeSuccess || no.rcode == dns.RcodeNameError)
}

// askInTurn asks one server after the other until one answers.
func (s *Sockets) askInTurn(ctx context.Context, name, full string, servers []netip.AddrPort) (r reply) {
	for _, server := range servers {
		if r = s.ask(ctx, name, full, server); r.last(ctx) {
			break
		}
	}
	return r
}

// askAtOnce asks all servers the same, and takes the first answer.
func (s *Sockets) askAtOnce(ctx context.Context, name, full string, servers []netip.AddrPort) (r reply) {
	asking, stop := context.WithCancel(ctx)
	replies := make(chan reply, len(servers))
	var all sync.WaitGroup
	defer all.Wait()
	defer stop()
	for _, server := range servers {
		all.Go(func() { replies <- s.ask(asking, name, full, server) })
	}
	for range servers {
		if r = <-replies; r.last(ctx) {
			break
		}
	}
	return r
}

// ask asks one server, if the guard admits it.
func (s *Sockets) ask(ctx context.Context, name, full string, server netip.AddrPort) (r reply) {
	if r.err = s.Guard.admitNameServer(name, server.Addr()); r.err != nil {
		return r
	}
	answer, err := s.exchangeDNS(ctx, full, server)
	if err != nil {
		return reply{err: err}
	}
	r.addrs, r.lasts, r.err = read(answer, name)
	return r
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
	if network == "tcp" {
		conn = s.Capture.Stream(who.Unit, conn)
	} else {
		conn = s.Capture.Packets(who.Unit, conn)
	}
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

// lookup returns the addresses of a name. A name that the device has kept is no
// question, and no fault happens to it.
func (s *Sockets) lookup(ctx context.Context, name string) ([]netip.Addr, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	who, known := AskerOf(ctx)
	if addrs, ok := s.names.recall(who, name); ok {
		return addrs, nil
	}
	if known && !who.Faultless && s.Faults != nil {
		if err := s.disturb(ctx, who.Device, name); err != nil {
			return nil, err
		}
	}
	addrs, lasts, err := s.find(ctx, name)
	if err == nil {
		s.names.keep(who, name, addrs, lasts)
	}
	return addrs, err
}

// disturb lets the faults of a question to DNS happen, also for names in Hosts.
func (s *Sockets) disturb(ctx context.Context, dev device.Index, name string) error {
	t := s.Faults.Exchange(fault.Exchange{Device: uint32(dev), Scheme: "dns", Path: name})
	if t == nil {
		return nil
	}
	late, found := t.Lookup(s.patience(ctx))
	if err := host.Sleep(ctx, late); err != nil || found {
		return err
	}
	return fmt.Errorf("resolve %s: no answer: %w", name, os.ErrDeadlineExceeded)
}
