package probe

import (
	"crypto"
	"crypto/x509"
	"encoding/binary"
	"net"
	"slices"
	"strings"
	"time"

	"spafleet/certs"
	"spafleet/certs/ssl"
	"spafleet/certs/trust"
	"spafleet/device"
	"spafleet/device/model"
)

// longAgo is before the clock of a phone begins that nobody has set.
var longAgo = [2]time.Time{time.Date(1960, 1, 1, 0, 0, 0, 0, time.UTC), time.Date(1965, 1, 1, 0, 0, 0, 0, time.UTC)}

// tlsCertificates shows the phone certificates of an authority that it trusts, each with one
// fault. One that has ended did so before 1970, so that no clock takes it for a good one.
func tlsCertificates(t tlsTrial) {
	if t.s.phone.authority.early {
		t.fact("certificate that is valid now", "refused as not valid yet, as the phone's clock is not set")
		t.settle("cert_early", "refuse")
		return
	}
	now := time.Now()
	for _, one := range []struct {
		name, what   string
		taken, else_ string
		request      certs.ServerRequest
	}{
		{"cert_time", "certificate that ended in 1965", "ignore", "check", certs.ServerRequest{From: longAgo[0], To: longAgo[1]}},
		{"", "certificate that ended yesterday", "", "", certs.ServerRequest{To: now.AddDate(0, 0, -1).Truncate(24 * time.Hour)}},
		{"cert_early", "certificate that begins in five years", "forgive", "refuse", certs.ServerRequest{From: now.AddDate(5, 0, 0).Truncate(24 * time.Hour)}},
		{"cert_purpose", "certificate for clients", "forgive", "refuse", certs.ServerRequest{ForClients: true}},
		{"cert_sha256", "certificate signed with SHA-256", "accept", "refuse", certs.ServerRequest{Hash: crypto.SHA256}},
	} {
		c := t.shows(one.what, one.request)
		switch {
		case one.name == "":
		case c.through:
			t.settle(one.name, one.taken)
		default:
			t.settle(one.name, one.else_)
		}
	}
}

// wrongName is one that the phone did not ask for and that no name server knows.
const wrongName = "other.invalid"

// tlsNames shows certificates with other names. A phone that looks a name up instead of
// comparing it takes one with the address where it was sent to a name.
func tlsNames(t tlsTrial) {
	at := t.s.at("http").Addr().String()
	wrong := t.shows("another CN", certs.ServerRequest{CN: wrongName})
	t.shows("another CN, and the address as SAN", certs.ServerRequest{CN: wrongName, SAN: []string{at}})
	t.shows("no name", certs.ServerRequest{Subject: []byte{0x30, 0}})
	t.shows("the address as CN, with /other behind it", certs.ServerRequest{CN: at + "/other"})
	switch {
	case wrong.asked:
		t.settle("name_check", "off")
	case !wrong.through:
	case t.s.q.Name == "":
		t.settle("name_check", "cn", "cn_dns")
	default:
		t.looksUp(at)
	}
}

// looksUp sends the phone to a name.
func (t tlsTrial) looksUp(at string) {
	show := func(what, cn string) *call {
		c := t.secure(t.s.q.Name, showing(t.certificate(certs.ServerRequest{CN: cn})))
		t.fact(what, "%s", c.taken())
		return c
	}
	show("URL with a name, CN with it in capitals", strings.ToUpper(t.s.q.Name))
	_, domain, _ := strings.Cut(t.s.q.Name, ".")
	show("URL with a name, CN with a wildcard", "*."+domain)
	switch c := show("URL with a name, CN with the address", at); {
	case c.asked:
		t.settle("name_check", "cn_dns")
	case c.through:
		t.settle("name_check", "cn")
	}
}

// asking speaks to a phone that it asks for a certificate, first or in a second handshake.
func (t tlsTrial) asking(when ssl.Asking) *ssl.Server {
	s := &ssl.Server{Certificate: t.certificate(certs.ServerRequest{}), Ask: when, Verify: trust.AnyClient}
	if t.failed == nil {
		for _, name := range certs.Authorities() {
			if a, err := t.s.q.PKI.Authority(name); err == nil && name.SignsDevices() {
				s.Names = append(s.Names, a.Cert.RawSubject)
			}
		}
	}
	return s
}

// tlsClient asks for the phone's certificate, and looks who signed it, when it holds and
// whether the phone has its key.
func tlsClient(t tlsTrial) {
	c := t.secure("", old(t.asking(ssl.AskFirst)))
	t.fact("server that asks for a certificate", "%s", c.taken())
	if len(c.state.Chain) == 0 {
		if c.through {
			t.fact("client certificate", "none")
			t.settle("client_certificate", "none")
			t.settle("generic_certificate", "sipura", "cisco")
		}
		return
	}
	t.fact("certificates in its chain", "%d", len(c.state.Chain))
	d, err := certs.Describe(c.state.Chain[0])
	if err != nil {
		t.fact("client certificate", "%v", err)
		return
	}
	for line := range strings.SplitSeq(strings.TrimSpace(d.String()), "\n") {
		what, text, _ := strings.Cut(line, " ")
		text = strings.TrimSpace(text)
		if strings.HasPrefix(text, "subjectKeyIdentifier") {
			text = "subjectKeyIdentifier" // the rest is the unit's alone, as the serial number is
		}
		if what != "serial" {
			t.fact("client certificate: "+what, "%s", text)
		}
	}
	t.judgeClient(c, d)
}

// judgeClient settles what a client certificate shows.
func (t tlsTrial) judgeClient(c *call, d *certs.Description) {
	if d.Device != nil && d.Device.Generic {
		t.settle("client_certificate", "generic")
		t.settle("generic_certificate", map[bool]string{false: "sipura", true: "cisco"}[strings.HasPrefix(d.Device.MAC, "cisco")])
		return
	}
	t.settle("generic_certificate", "sipura", "cisco")
	root := t.rootOf(d.Issuer)
	number := t.proof(c.state.Chain)
	switch {
	case !c.through && c.alert == ssl.NoAlert:
		t.fact("proof of the key", "%v", c.err)
		t.settle("client_certificate", "wrong_key")
	case d.NotAfter.Before(time.Now()):
		t.settle("client_certificate", "expired")
	case root == "":
		t.settle("client_certificate", "foreign")
	case number == 0:
		t.settle("client_certificate", "auto")
	case number == trust.BadSignature:
		t.settle("client_certificate", "bad_signature")
	default: // signed by the makers' own authority, perhaps
		t.settle("client_certificate", "auto", "bad_signature")
	}
	if root != "" {
		t.settleRoot(root)
	}
}

// proof judges a client's certificate by the authorities of --certs.
func (t tlsTrial) proof(chain [][]byte) int {
	var roots []*x509.Certificate
	for _, name := range certs.Authorities() {
		if a, err := t.s.q.PKI.Authority(name); err == nil && name.SignsDevices() {
			roots = append(roots, a.Cert)
		}
	}
	verify, err := trust.Clients(roots, time.Now)
	if err != nil {
		t.fail("%w", err)
		return trust.NoLocalIssuer
	}
	_, number := verify(chain)
	return number
}

// rootOf returns which maker's authority has a name; "" for none. Those of --certs have TEST in
// theirs.
func (t tlsTrial) rootOf(issuer string) certs.Name {
	makers := func(text string) string { return strings.ReplaceAll(text, "TEST ", "") }
	for _, name := range certs.Authorities() {
		a, err := t.s.q.PKI.Authority(name)
		if err != nil || !name.SignsDevices() {
			continue
		}
		if d, err := certs.Describe(a.Cert.Raw); err == nil && makers(d.Subject) == makers(issuer) {
			return name
		}
	}
	return ""
}

// settleRoot settles the values with which the unit's certificate is of an authority.
func (t tlsTrial) settleRoot(root certs.Name) {
	var fit []string
	for _, value := range []string{"by_serial", "early", "late"} {
		row, err := model.NewRow(t.s.phone.row.Model.Name, t.s.phone.row.Firmware.Version, map[string]string{"client_root": value})
		if err != nil {
			t.fail("%w", err)
			return
		}
		if certs.ClientRootOf(&device.Unit{Row: row, MAC: t.s.phone.mac, Serial: t.s.phone.agent.Serial}) == root {
			fit = append(fit, value)
		}
	}
	t.settle("client_root", fit...)
}

// tlsClock looks at the time in the phone's hello. Where its form has none, a second hello
// has it. With another NTP server, and after a restart, the clock is set or it is not.
func tlsClock(t tlsTrial) {
	t.boots = true
	set, ok := t.clock("")
	if !ok {
		return
	}
	_, known := t.s.back["Primary_NTP_Server"]
	_, second := t.s.back["Secondary_NTP_Server"]
	switch servers := t.s.back["Primary_NTP_Server"] + t.s.back["Secondary_NTP_Server"]; {
	case !known || !second:
		t.settle("cert_clock", map[bool][]string{true: {"ntp", "always"}, false: {"ntp", "never"}}[set]...)
	case set && strings.TrimSpace(servers) == "":
		t.settle("cert_clock", "always")
	case set:
		t.set("Primary_NTP_Server", "", "Secondary_NTP_Server", "")
		t.restart()
		if set, ok = t.clock(" without NTP servers"); ok {
			t.settle("cert_clock", map[bool]string{true: "always", false: "ntp"}[set])
		}
	case t.serveNTP():
		t.set("Primary_NTP_Server", t.s.at("http").Addr().String())
		t.restart()
		if set, ok = t.clock(" with an NTP server"); ok {
			t.settle("cert_clock", map[bool]string{true: "ntp", false: "never"}[set])
		}
	default:
		t.settle("cert_clock", "ntp", "never")
	}
}

// clock returns whether the phone's clock is set.
func (t tlsTrial) clock(when string) (set, ok bool) {
	c := t.secure("", listening)
	if c.hello == nil {
		return false, false
	}
	random := c.hello.random
	if c.hello.ssl2 {
		c = t.again()
		random = c.state.Random[:]
	}
	at, set, ok := clockOf(random, time.Now())
	if !ok {
		t.fact("time in the hello"+when, "none")
		return false, false
	}
	t.fact("time in the hello"+when, "%s", map[bool]string{true: "right", false: at.Format(time.DateTime)}[set])
	return set, true
}

// serveNTP answers NTP until the trial ends. False: the port cannot be had.
func (t tlsTrial) serveNTP() bool {
	if t.failed != nil {
		return false
	}
	conn, err := t.s.q.Network.ListenPacket(123)
	if err != nil {
		t.fact("NTP server", "port 123 of UDP could not be opened here: %v", err)
		return false
	}
	t.atEnd(func() { conn.Close() })
	t.s.server.works.Go(func() { answerNTP(conn) })
	return true
}

// answerNTP gives each client the time, as a server of stratum 1.
func answerNTP(conn net.PacketConn) {
	const since1900 = 2208988800
	b := make([]byte, 512)
	for {
		n, from, err := conn.ReadFrom(b)
		if err != nil {
			return
		}
		if n < 48 {
			continue
		}
		now := time.Now()
		stamp := binary.BigEndian.AppendUint32(nil, uint32(now.Unix()+since1900))
		stamp = binary.BigEndian.AppendUint32(stamp, uint32(uint64(now.Nanosecond())<<32/uint64(time.Second)))
		out := append([]byte{b[0]&0x38 | 4, 1, b[2], 0xec, 0, 0, 0, 0, 0, 0, 0, 0}, "LOCL"...)
		out = slices.Concat(out, stamp, b[40:48], stamp, stamp)
		_, _ = conn.WriteTo(out, from) // as UDP does: it may be lost
	}
}
