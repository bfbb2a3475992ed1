package dhcp

import (
	"bytes"
	"encoding/binary"
	"net"
	"net/netip"
	"time"

	"github.com/insomniacslk/dhcp/dhcpv4"
)

// A Lease is what a server says to a device.
type Lease struct {
	Address    netip.Addr
	Server     netip.Addr       // that gave it
	NextServer netip.Addr       // siaddr; zero: none
	Lasts      time.Duration    // 0: for ever
	Options    map[uint8][]byte // those of the device's option 55 and some more, each of up to MostOfOption bytes
}

const (
	// MostOfMessage is how many bytes a message may have.
	MostOfMessage = 1500
	// MostOfOption is how many bytes of an option count.
	MostOfOption = 255

	forEver    = 0xffffffff
	leastLease = 3 * time.Second // a shorter one would keep its device busy
)

// A message is what counts of a server's message.
type message struct {
	kind  dhcpv4.MessageType
	xid   uint32
	lease Lease
	times struct {
		renew, rebind time.Duration
		ends          bool
	}
}

// XID returns the transaction of a server's message, false where this is none.
func XID(text []byte) (uint32, bool) {
	if len(text) < 240 || len(text) > MostOfMessage || text[0] != byte(dhcpv4.OpcodeBootReply) {
		return 0, false
	}
	return binary.BigEndian.Uint32(text[4:]), true
}

// read reads a server's message for a device.
func read(a *Asker, text []byte) (m message, flaw Flaw) {
	xid, ok := XID(text)
	if !ok {
		return m, Malformed
	}
	p, err := dhcpv4.FromBytes(text)
	switch {
	case err != nil:
		return m, Malformed
	case xid != a.XID || !bytes.Equal(p.ClientHWAddr, a.MAC[:]):
		return m, Foreign
	}
	if err := overload(p, text); err != nil {
		return m, Malformed
	}
	m.kind, m.xid = p.MessageType(), xid
	m.lease = Lease{Address: address(p.YourIPAddr), Server: address(p.Options[54]), NextServer: address(p.ServerIPAddr), Options: map[uint8][]byte{}}
	for option, value := range p.Options {
		if len(value) > 0 && wanted(a, option) {
			m.lease.Options[option] = value[:min(len(value), MostOfOption)]
		}
	}
	if _, ok := m.lease.Options[67]; !ok && p.BootFileName != "" {
		m.lease.Options[67] = []byte(p.BootFileName)
	}
	m.lease.Lasts, m.times.ends = seconds(p.Options[51])
	m.times.renew, _ = seconds(p.Options[58])
	m.times.rebind, _ = seconds(p.Options[59])
	return m, Sound
}

// overload reads the options in the fields of the names, where option 52 says that there
// are some (RFC 2131 §4.1; that these units read them: inferred).
func overload(p *dhcpv4.DHCPv4, text []byte) error {
	const file, server = 1, 2
	which := p.Options[52]
	if len(which) != 1 {
		return nil
	}
	for _, field := range []struct {
		bit  byte
		at   []byte
		name *string
	}{{file, text[108:236], &p.BootFileName}, {server, text[44:108], &p.ServerHostName}} {
		if which[0]&field.bit == 0 {
			continue
		}
		*field.name = ""
		if err := p.Options.FromBytes(field.at); err != nil {
			return err
		}
	}
	return nil
}

// wanted reports whether an option is kept: what was asked for, and what may name a
// server without that.
func wanted(a *Asker, option uint8) bool {
	return bytes.IndexByte(a.Options, option) >= 0 || bytes.IndexByte([]byte{1, 43, 60, 67, 125}, option) >= 0
}

// address returns an IPv4 address that a host can have, zero for anything else.
func address(ip net.IP) netip.Addr {
	a, ok := netip.AddrFromSlice(ip)
	if a = a.Unmap(); !ok || !a.Is4() || a.As4()[0] == 0 || a.As4()[0] >= 224 {
		return netip.Addr{}
	}
	return a
}

// seconds reads a time, 0 for none and for ever; ends is false where it is not a time that
// passes.
func seconds(value []byte) (d time.Duration, ends bool) {
	if len(value) != 4 {
		return 0, true
	}
	n := binary.BigEndian.Uint32(value)
	if n == forEver {
		return 0, false
	}
	return time.Duration(n) * time.Second, true
}

// Receive takes a message that came for the device. What is not a server's answer to it
// changes nothing.
func (c *Client) Receive(a *Asker, now int64, text []byte) Result {
	m, flaw := read(a, text)
	if flaw == Sound {
		flaw = c.judge(&m)
	}
	if flaw != Sound {
		return Result{Flaw: flaw}
	}
	switch m.kind {
	case dhcpv4.MessageTypeOffer:
		c.state, c.tries = requesting, 0 // the first offer counts (inferred)
		c.addr, c.server = m.lease.Address.As4(), m.lease.Server.As4()
		return c.request(a, now)
	case dhcpv4.MessageTypeAck:
		return c.bind(now, &m)
	}
	had := c.state >= bound
	*c = Client{begun: now, state: selecting, next: now + wait(0, a.Draw())} // a server that refuses all is not asked without a pause
	if had {
		return Result{Outcome: Taken}
	}
	return Result{Outcome: Refused}
}

// judge looks for what makes a message of no use to the device now.
func (c *Client) judge(m *message) Flaw {
	switch {
	case m.kind == dhcpv4.MessageTypeOffer && c.state != selecting, m.kind == dhcpv4.MessageTypeAck && !c.asks(),
		m.kind == dhcpv4.MessageTypeNak && !c.asks(),
		m.kind != dhcpv4.MessageTypeOffer && m.kind != dhcpv4.MessageTypeAck && m.kind != dhcpv4.MessageTypeNak:
		return Unasked
	case !m.lease.Server.IsValid(), m.kind != dhcpv4.MessageTypeOffer && c.state == requesting && m.lease.Server.As4() != c.server:
		return NoServer
	case m.kind == dhcpv4.MessageTypeNak:
		return Sound
	case !m.lease.Address.IsValid():
		return NoAddress
	case m.times.ends && m.lease.Lasts == 0:
		return NoTime
	}
	return Sound
}

// asks reports whether a REQUEST is on its way.
func (c *Client) asks() bool {
	return c.state == requesting || c.state == returning || c.state == renewing || c.state == rebinding
}

// bind takes a lease. Without times of the server's that make sense, half and seven
// eighths of it count (RFC 2131 §4.4.5).
func (c *Client) bind(now int64, m *message) Result {
	c.server = m.lease.Server.As4()
	c.state, c.tries, c.addr, c.next = bound, 0, m.lease.Address.As4(), 0
	lasts := m.lease.Lasts
	if lasts == 0 {
		return Result{Outcome: Leased, Lease: &m.lease}
	}
	lasts = max(lasts, leastLease)
	renew, rebind := m.times.renew, m.times.rebind
	if renew < time.Second || renew >= rebind || rebind >= lasts {
		renew, rebind = lasts/2, lasts*7/8
	}
	c.times.renew, c.times.rebind, c.times.end = now+int64(renew), now+int64(rebind), now+int64(lasts)
	c.next = c.times.renew
	return Result{Outcome: Leased, Lease: &m.lease}
}
