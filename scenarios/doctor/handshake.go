package doctor

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"maps"
	"net/netip"
	"slices"
	"strings"
	"sync"
	"time"

	"spafleet/certs"
	"spafleet/certs/ssl"
	"spafleet/certs/trust"
	"spafleet/device"
	"spafleet/device/measure"
	"spafleet/device/model"
	"spafleet/device/phase"
	"spafleet/resync"
	"spafleet/scenarios/doctor/finding"
)

// A greetingKey is what a server's answer to a hello depends on.
type greetingKey struct {
	server netip.AddrPort
	hello  string
}

// A greeting is what a server answered to a hello, once for all devices that send it.
type greeting struct {
	once  sync.Once
	state ssl.State
	err   error // of the handshake
}

// shown reports whether the server took the hello and showed its certificates.
func (g *greeting) shown() bool { return len(g.state.Chain) > 0 }

// A handshake is one of a device's with a server, in parts that many devices share.
type handshake struct{ *visit }

// greet returns what a server says to the device's hello.
func (v *handshake) greet(ctx context.Context, r *resync.Request) (*greeting, error) {
	hello, err := v.hello(r)
	if err != nil {
		return nil, err
	}
	key := greetingKey{r.Server, hello}
	v.mu.Lock()
	g := v.greetings[key]
	if g == nil {
		g = &greeting{}
		v.greetings[key] = g
	}
	v.mu.Unlock()
	g.once.Do(func() { g.state, g.err = v.net.Greet(v.ctx, r) })
	if ctx.Err() != nil {
		return nil, ctx.Err()
	}
	return g, nil
}

// hello returns what tells the device's hello from those of others.
func (v *handshake) hello(r *resync.Request) (string, error) {
	if trust.Speaks12(v.row) {
		return v.row.Model.Name + " " + v.row.Firmware.Version, nil
	}
	c, err := v.Certs.Client(&v.unit, r.Params, time.Unix(0, r.Now))
	if err != nil {
		return "", err
	}
	return fmt.Sprint(c.Min, c.Max, c.Suites, c.SSL2Hello, c.SSL2Specs), nil
}

// fails returns how the device's handshake with the server of a request fails, as
// the transfer has it; nil where it goes well, as far as the device decides. What the
// server thinks of the device's certificate is not known then.
func (v *handshake) fails(ctx context.Context, r *resync.Request) (*trouble, error) {
	g, err := v.greet(ctx, r)
	if err != nil {
		return nil, err
	}
	v.greeting, v.secure = g, true
	var fe *resync.Error
	switch {
	case g.err != nil && (!errors.As(g.err, &fe) || fe.Phase != phase.TLS || fe.Result == device.Timeout):
		return nil, g.err // it was not reached
	case g.err != nil && !g.shown():
		return v.refusedHello(r, fe), fe
	}
	t, verdict, err := v.judge(ctx, r, g)
	if err != nil || t == nil {
		return nil, err
	}
	return t, &resync.Error{Result: device.TLSFailed, Phase: phase.TLS, Cause: errors.New(t.detail),
		TLS: resync.Handshake{Verify: verdict.Number, Sent: true, Hint: t.hint}}
}

// refusedHello says why a server refuses the device's hello.
func (v *handshake) refusedHello(r *resync.Request, fe *resync.Error) *trouble {
	t := &trouble{check: "tls-version", severity: finding.Breaks, basis: v.basis("tls_versions"), evidence: alertText(fe)}
	if ssl.Alert(fe.TLS.Alert) == ssl.InternalError {
		t.hint = fe.TLS.Hint
	}
	o := v.other(r)
	client, err := v.Certs.Client(&v.unit, r.Params, v.began)
	suites := func(what string) {
		t.check, t.basis = "tls-suite", v.basis("tls_suites")
		t.detail = "the server has no cipher suite of those that this firmware offers; it speaks TLS 1.0 with " + what
	}
	switch {
	case err != nil || o.old.Version == 0 && o.young.Version == 0:
		t.detail = fmt.Sprintf("the server speaks no version of TLS that %s has%s", v.name(), o.speaks())
	case o.old.Version == 0:
		suites(tls.CipherSuiteName(uint16(o.young.Suite)) + " and the like")
	case o.old.Version < client.Min || o.old.Version > max(client.Max, ssl.TLS10):
		t.detail = fmt.Sprintf("this firmware speaks %s at most, and the server %s", client.Max, o.old.Version)
	case slices.Contains(client.Suites, o.old.Suite):
		t.basis = v.basis("tls_hello")
		t.detail = fmt.Sprintf("the server refuses a hello in the format of SSL 2.0, which this firmware sends; one in the format of TLS it answers with %s", o.old.Version)
	default:
		suites(o.old.Suite.String())
	}
	return t
}

func alertText(fe *resync.Error) string {
	if fe.TLS.Alert == 0 {
		return "the connection was closed without an alert"
	}
	return fmt.Sprintf("alert %d, %s", fe.TLS.Alert, ssl.Alert(fe.TLS.Alert))
}

// Others are what a server says to hellos that no device here sends: so it is known
// whether a refused hello lacks a version or a suite.
type others struct {
	once   sync.Once
	old    ssl.State // to TLS 1.0 with all suites of the devices' time; no version: nothing is agreed on
	young  ssl.State // to TLS 1.0 with suites of elliptic curves
	modern ssl.State // to TLS 1.2
}

func (v *handshake) other(r *resync.Request) *others {
	v.mu.Lock()
	o := v.others[r.Server]
	if o == nil {
		o = &others{}
		v.others[r.Server] = o
	}
	v.mu.Unlock()
	o.once.Do(func() {
		o.old = v.greetAs(r, map[string]string{"tls_suites": "library98", "tls_versions": "ssl3-tls1.0", "tls_hello": "tls"})
		o.modern = v.greetAs(r, map[string]string{"tls_suites": "library", "tls_versions": "tls1.2"})
		if o.old.Version == 0 {
			o.young = v.greetYoung(r)
		}
	})
	return o
}

// speaks says what else the server speaks, as the end of a sentence.
func (o *others) speaks() string {
	if o.modern.Version == 0 {
		return ""
	}
	return "; it speaks TLS 1.2"
}

// greetYoung shakes hands by TLS 1.0 with suites that no device has.
func (v *handshake) greetYoung(r *resync.Request) ssl.State {
	ctx, stop := context.WithTimeout(v.ctx, v.patience)
	defer stop()
	d := tls.Dialer{Config: &tls.Config{InsecureSkipVerify: true, MinVersion: tls.VersionTLS10, MaxVersion: tls.VersionTLS10, SessionTicketsDisabled: true,
		CipherSuites: []uint16{tls.TLS_ECDHE_RSA_WITH_AES_256_CBC_SHA, tls.TLS_ECDHE_RSA_WITH_AES_128_CBC_SHA}}}
	conn, err := d.DialContext(ctx, "tcp4", r.Server.String())
	if err != nil {
		return ssl.State{}
	}
	defer conn.Close()
	now := conn.(*tls.Conn).ConnectionState() //nolint:forcetypeassert // the Dialer promises it
	return ssl.State{Version: ssl.Version(now.Version), Suite: ssl.Suite(now.CipherSuite)}
}

// greetAs returns what the server says to the device with other switches.
func (v *handshake) greetAs(r *resync.Request, switches map[string]string) ssl.State {
	row, err := v.turned(switches)
	if err != nil {
		return ssl.State{}
	}
	as, u := *r, v.unit
	u.Row = v.hurried(row)
	as.Unit = &u
	state, _ := v.net.Greet(v.ctx, &as)
	if len(state.Chain) == 0 {
		return ssl.State{}
	}
	return state
}

// turned returns the device's row with further switches turned.
func (v *handshake) turned(switches map[string]string) (*model.Row, error) {
	all := map[string]string{}
	for _, s := range v.row.Switches {
		if s.Turned {
			all[s.Name] = s.Value
		}
	}
	maps.Copy(all, switches)
	return model.NewRow(v.row.Model.Name, v.row.Firmware.Version, all)
}

// judge returns what of a server's hello and certificates is bad for the device, nil for
// nothing: by its own clock, and where that is not set by the right one too.
func (v *handshake) judge(ctx context.Context, r *resync.Request, g *greeting) (*trouble, trust.Verdict, error) {
	s := &trust.Server{Min: g.state.Version, Max: g.state.Version, Suites: []ssl.Suite{g.state.Suite}, DHBits: g.state.DHBits, Chain: g.state.Chain}
	devices := v.Certs
	if r.CA != "" {
		devices = devices.With(r.CA)
	}
	at := trust.Visit{Unit: &v.unit, Params: r.Params, Now: time.Unix(0, r.Now), Host: r.Host, Addr: r.Server.Addr()}
	if name, ok := trust.NameToResolve(v.row, g.state.Chain[0]); ok {
		at.Found, _ = v.net.Resolve(v.asking(ctx), name) // a name that is not found has no address
	}
	verdict, err := devices.Judge(at, s)
	if err != nil {
		return nil, verdict, err
	}
	if !verdict.OK {
		return v.blamed(devices, &verdict, &at, g), verdict, nil
	}
	if right := time.Unix(0, v.Now()); right.Sub(at.Now) > time.Hour {
		at.Now = right
		if later, err := devices.Judge(at, s); err == nil && !later.OK {
			t := v.blamed(devices, &later, &at, g)
			if t.severity, t.detail = finding.Warns, "once the device knows the time: "+t.detail; !v.has(t.check) {
				v.note(t)
			}
		}
	}
	return nil, verdict, nil
}

// blamed says which check finds what a verdict says.
func (v *handshake) blamed(devices *trust.Devices, verdict *trust.Verdict, at *trust.Visit, g *greeting) *trouble {
	f := trust.Failure{Number: verdict.Number, Alert: verdict.Alert, Sent: verdict.By == trust.TheDevice, Chain: g.state.Chain, DHBits: verdict.DHBits, Host: at.Host, Now: at.Now}
	t := &trouble{severity: finding.Breaks, detail: devices.Hint(v.row, f), evidence: chainText(g.state.Chain)}
	switch {
	case verdict.DHBits > 0:
		t.check, t.basis = "tls-key-exchange", v.basis("dh_limit")
		t.detail, _, _ = strings.Cut(t.detail, ": use ") // the check has the cures
		t.evidence = fmt.Sprintf("%s with a prime of %d bits", g.state.Suite, verdict.DHBits)
	case verdict.Number == trust.WrongName:
		t.check, t.basis = "cert-name", v.basis("name_check")
	case verdict.Number != 0:
		v.refusedCertificate(t, verdict.Number, at, g)
	default:
		t.check, t.basis, t.evidence = "tls-suite", v.basis("tls_suites"), fmt.Sprintf("%s by %s", g.state.Suite, g.state.Version)
	}
	return t
}

// refusedCertificate says which check finds an error of OpenSSL's.
func (v *handshake) refusedCertificate(t *trouble, number int, at *trust.Visit, g *greeting) {
	t.evidence += fmt.Sprintf("; error %d", number)
	switch number {
	case trust.BadSignature:
		if t.check = "cert-root"; v.readsOtherwise(at, g) {
			t.check, t.basis = "cert-signature", v.basis("cert_sha256")
		}
	case trust.NotYetValid:
		t.check, t.basis = "cert-dates", v.basis("cert_early")
	case trust.Expired:
		t.check, t.basis = "cert-dates", v.basis("cert_time")
	case trust.SelfSigned, trust.SelfSignedInChain:
		t.check, t.basis = "cert-root", v.basis("ca_table")
	case trust.NoLocalIssuer, trust.NoIssuer:
		t.check, t.basis = "cert-root", v.basis("ca_table")
		v.unknownIssuer(t, g.state.Chain)
	default:
		t.check = "cert-chain"
	}
}

// unknownIssuer says what it means that the device does not have the issuer of the last
// certificate.
func (v *handshake) unknownIssuer(t *trouble, chain [][]byte) {
	last, err := certs.ReadCertificate(chain[len(chain)-1])
	if err != nil {
		return
	}
	if real := v.realName(last); real != "" {
		t.severity = finding.Note
		t.detail = fmt.Sprintf("the certificate is of %q, which this firmware trusts; this program lacks the maker's certificate, so it cannot check that, nor ask for more", real)
		t.hint = "give the authority's certificate to be trusted"
		return
	}
	if missing := missingAbove(last, len(chain)); missing != "" {
		t.check, t.basis, t.detail = "cert-chain", "", missing
	}
}

// readsOtherwise reports whether the certificates are fine but for the hash of their
// signatures.
func (v *handshake) readsOtherwise(at *trust.Visit, g *greeting) bool {
	row, err := v.turned(map[string]string{"cert_sha256": "accept"})
	if err != nil || !v.row.Behaviour.TLS.RefuseSHA256 {
		return false
	}
	_, number := v.Certs.Verify(row, g.state.Chain, at.Now)
	return number != trust.BadSignature
}

// missingAbove says which certificate a server should have sent, "" where none is known
// to be missing.
func missingAbove(last *certs.Certificate, sent int) string {
	if !last.ByIntermediate() {
		return ""
	}
	return fmt.Sprintf("the server sends %s, and not the one of %.80q that signed it: the device has certificates of root authorities alone, and gets no others",
		measure.Counted(sent, "certificate"), last.Issuer.CommonName)
}

// realName returns the maker's own authority that signed a certificate, where the device
// trusts it; "" for none. This program has authorities of its own in their place, whose
// names begin with a word more.
func (v *handshake) realName(c *certs.Certificate) string {
	if v.Certs.PKI == nil {
		return ""
	}
	for _, t := range trust.Trusted(v.row) {
		a, err := v.Certs.PKI.Authority(t.Authority)
		if err != nil {
			continue
		}
		if name := makersName(a); name == c.Issuer.CommonName {
			return name
		}
	}
	return ""
}

// chainText is what the server showed, each certificate by its name and its issuer's.
func chainText(chain [][]byte) string {
	var parts []string
	for i, der := range chain {
		if i == 3 {
			parts = append(parts, fmt.Sprintf("%d more", len(chain)-i))
			break
		}
		c, err := certs.ReadCertificate(der)
		if err != nil {
			parts = append(parts, "one that cannot be read")
			continue
		}
		parts = append(parts, fmt.Sprintf("%.40q by %.40q, %s, until %s", c.Subject.CommonName, c.Issuer.CommonName, c.SignatureAlgorithm, c.NotAfter.UTC().Format(time.DateOnly)))
	}
	return strings.Join(parts, "; ")
}
