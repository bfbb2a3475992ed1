package trust_test

import (
	"crypto"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"net"
	"net/netip"
	"reflect"
	"sync"
	"syscall"
	"testing"
	"time"

	"spafleet/certs"
	"spafleet/certs/ssl"
	"spafleet/certs/trust"
	"spafleet/device"
	"spafleet/device/model"
	"spafleet/device/profile"
)

// A meeting is one cell of the matrix: a device and a server.
type meeting struct {
	row    string // MODEL FIRMWARE switch=value …
	set    string // parameters
	host   string // of the URL; "": the server's name
	server ssl.Server
}

func (m meeting) String() string {
	s := &m.server
	return fmt.Sprintf("%s %s, %s, server %v to %v, %v, DH %d, asks %d", m.row, m.set, m.host, s.Min, s.Max, s.Suites, s.DHBits, s.Ask)
}

const serverName = "prov.example.com"

var serverAddr = netip.MustParseAddr("127.0.0.1")

// party are the devices with their certificates.
var party = &trust.Devices{PKI: testPKI, Holder: &certs.Holder{PKI: testPKI}}

func (m meeting) visit(t testing.TB) trust.Visit {
	row := rowOf(t, modelOf(m.row), switchesOf(m.row)...)
	v := trust.Visit{Unit: unitOf(row), Params: set(t, row, m.set), Now: today, Host: m.host, Addr: serverAddr, Found: []netip.Addr{serverAddr}}
	if v.Host == "" {
		v.Host = serverName
	}
	return v
}

// judge judges the meeting, and then holds it.
func (m meeting) judge(t *testing.T) {
	t.Helper()
	v := m.visit(t)
	judged, err := party.Judge(v, trust.ServerOf(&m.server))
	if err != nil {
		t.Fatalf("%v: %v", m, err)
	}
	patience := 20 * time.Second
	if waits := judged.By == trust.Nobody && !judged.OK; waits || v.Unit.Row.Behaviour.TLS.OnLongDH == model.ReactSilence {
		patience = 200 * time.Millisecond
	}
	judged.Client, judged.Asked, judged.Shown = 0, false, 0 // is not told by a handshake that failed
	if real := m.hold(t, v, patience); !reflect.DeepEqual(judged, real) {
		t.Errorf("%v:\njudged %+v\nreally %+v", m, judged, real)
	}
}

// hold has the two shake hands over loopback and say a word each.
func (m meeting) hold(t *testing.T, v trust.Visit, patience time.Duration) trust.Verdict {
	t.Helper()
	client, err := party.Client(v.Unit, v.Params, v.Now)
	if err != nil {
		t.Fatal(err)
	}
	near, far := pipe(t)
	var serving sync.WaitGroup
	defer serving.Wait()
	defer near.Close()
	serving.Go(func() { answer(ssl.Accept(far, &m.server)) })
	if err := near.SetDeadline(time.Now().Add(patience)); err != nil {
		t.Fatal(err)
	}

	conn := ssl.Connect(near, client)
	err = conn.Handshake()
	state := conn.State()
	verdict := trust.Verdict{Version: state.Version, Suite: state.Suite, Alert: ssl.NoAlert}
	leaf := m.server.Certificate.Chain[0]
	switch {
	case err != nil:
		end(&verdict, err)
		verdict.Log = trust.LogLines(verdict.Number, v.Host)
		return verdict
	case !trust.NameFits(v.Unit.Row, leaf, v.Host), !trust.AddressFits(v.Unit.Row, leaf, v.Addr, v.Found):
		verdict.Number, verdict.By, verdict.Log = trust.WrongName, trust.TheDevice, trust.LogLines(trust.WrongName, v.Host)
		return verdict
	}
	if err := ask(conn); err != nil {
		end(&verdict, err)
		return verdict
	}
	verdict.OK, verdict.Protection = true, profile.TLS
	if s := conn.State(); s.Asked && s.Answered && party.Holder.Kind(v.Unit) == certs.OwnCertificate {
		verdict.Protection |= profile.Mutual
	}
	return verdict
}

// answer is the server: it reads a word and says one.
func answer(conn net.Conn) {
	defer conn.Close()
	if _, err := io.ReadFull(conn, make([]byte, 4)); err == nil {
		io.WriteString(conn, "pong")
	}
}

func ask(conn net.Conn) error {
	if _, err := io.WriteString(conn, "ping"); err != nil {
		return err
	}
	_, err := io.ReadFull(conn, make([]byte, 4))
	return err
}

// pipe is a connection over loopback.
func pipe(t *testing.T) (near, far net.Conn) {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	if near, err = net.Dial("tcp", l.Addr().String()); err != nil {
		t.Fatal(err)
	}
	if far, err = l.Accept(); err != nil {
		t.Fatal(err)
	}
	return near, far
}

// end reads off an error who ended a connection, and how.
func end(v *trust.Verdict, err error) {
	var e *ssl.Error
	var timeout net.Error
	switch {
	case errors.As(err, &timeout) && timeout.Timeout() && !errors.As(err, &e):
	case errors.Is(err, io.EOF), errors.Is(err, io.ErrUnexpectedEOF), errors.Is(err, syscall.ECONNRESET): // it hung up
		v.By = trust.TheServer
	case errors.As(err, &e) && (e.Sent || e.Alert == ssl.NoAlert):
		v.By, v.Alert, v.Number, v.DHBits = trust.TheDevice, e.Alert, e.Verify, e.DHBits
	case errors.As(err, &e):
		v.By, v.Alert = trust.TheServer, e.Alert
	}
}

var allSuites = []ssl.Suite{ssl.DHEAES256SHA, ssl.DHEAES128SHA, ssl.AES256SHA, ssl.AES128SHA, ssl.RC4SHA, ssl.RC4MD5, ssl.DES3SHA}

// sipuraServer shows a certificate that every device of the tests trusts.
func sipuraServer(t testing.TB, r certs.ServerRequest) *ssl.Certificate {
	t.Helper()
	if r.CA == "" {
		r.CA = certs.Sipura1
	}
	if r.CN == "" && len(r.SAN) == 0 {
		r.CN = serverName
	}
	r.Bits = 1024
	c, err := testPKI.Server(r)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// clientVerify knows the four authorities of devices, and the test's day.
func clientVerify(t testing.TB) trust.Verify {
	t.Helper()
	roots, err := testPKI.Bundle()
	if err != nil {
		t.Fatal(err)
	}
	list, err := trust.ReadAuthorities(roots)
	if err != nil {
		t.Fatal(err)
	}
	verify, err := trust.Clients(list, func() time.Time { return today })
	if err != nil {
		t.Fatal(err)
	}
	return verify
}

var matrixRows = []string{
	"SPA2000 2.0.6", "PAP2T 5.1.6(LS)", adapter, oldPhone, newPhone, "SPA504G 7.5.2", "SPA112 1.3.1(003)", "SPA504G 7.5.7",
	newPhone + " tls_versions=ssl3", newPhone + " tls_versions=tls1.0-tls1.1", adapter + " dh_exceeded=close", newPhone + " tls_suites=library",
}

// What is judged of versions and suites is what handshakes lead to.
func TestJudgeOfVersionsAndSuites(t *testing.T) {
	t.Parallel()
	shown := sipuraServer(t, certs.ServerRequest{})
	versions := [][2]ssl.Version{{ssl.SSL30, ssl.SSL30}, {ssl.TLS10, ssl.TLS10}, {ssl.TLS11, ssl.TLS11}, {ssl.SSL30, ssl.TLS11}, {ssl.TLS10, ssl.TLS11}}
	choices := []struct {
		suites []ssl.Suite
		dh     int
	}{
		{allSuites, 0}, {allSuites, 512}, {allSuites, 1024}, {allSuites, 2048}, {[]ssl.Suite{ssl.AES128SHA, ssl.AES256SHA}, 0},
		{[]ssl.Suite{ssl.RC4MD5}, 0}, {[]ssl.Suite{ssl.DES3SHA}, 0}, {[]ssl.Suite{ssl.DHEAES128SHA}, 0}, {[]ssl.Suite{ssl.DHEDES3SHA}, 512},
	}
	for _, row := range matrixRows {
		for _, v := range versions {
			for _, c := range choices {
				meeting{row: row, server: ssl.Server{Min: v[0], Max: v[1], Suites: c.suites, DHBits: c.dh, Certificate: shown}}.judge(t)
			}
		}
	}
	silent := meeting{row: adapter + " dh_exceeded=silence", server: ssl.Server{Suites: allSuites, DHBits: 2048, Certificate: shown}}
	silent.judge(t)
	for _, set := range []string{"Enable_SSLv3=Yes", "SSL_Key_Negotiation=Default"} {
		meeting{row: newPhone, set: set, server: ssl.Server{Min: ssl.SSL30, Max: ssl.SSL30, Suites: allSuites, Certificate: shown}}.judge(t)
		meeting{row: newPhone, set: set, server: ssl.Server{Suites: allSuites, DHBits: 512, Certificate: shown}}.judge(t)
	}
}

// The same of the server's certificate and name.
func TestJudgeOfServers(t *testing.T) {
	t.Parallel()
	requests := []certs.ServerRequest{
		{}, {CA: certs.Linksys1}, {CA: certs.CiscoSB1}, {CA: certs.CiscoSB2}, {CA: certs.VerisignServer}, {CA: certs.Public},
		{From: day("2006-01-01"), To: day("2010-01-01")}, {From: day("2021-01-01"), To: day("2030-01-01")}, {Hash: crypto.SHA256},
		{CN: "*.example.com"}, {CN: "other.example.com"}, {CN: "127.0.0.1"}, {CN: serverName + "/x"}, {SAN: []string{"other.example.com"}},
	}
	rows := append([]string{newPhone + " cert_early=refuse cert_purpose=refuse", newPhone + " name_check=off", adapter + " name_check=cn"}, matrixRows...)
	for _, r := range requests {
		shown := sipuraServer(t, r)
		for _, row := range rows {
			for _, v := range []ssl.Version{ssl.SSL30, ssl.TLS10} {
				meeting{row: row, server: ssl.Server{Min: ssl.SSL30, Max: v, Suites: allSuites, Certificate: shown}}.judge(t)
			}
		}
	}
	for _, row := range rows {
		for _, v := range []ssl.Version{ssl.SSL30, ssl.TLS10} {
			meeting{row: row, server: ssl.Server{Min: ssl.SSL30, Max: v, NoSSL2: true, Suites: allSuites, Certificate: sipuraServer(t, certs.ServerRequest{})}}.judge(t)
		}
	}
	for _, host := range []string{"PROV.example.com", "127.0.0.1", "other.example.com"} {
		for _, row := range matrixRows {
			meeting{row: row, host: host, server: ssl.Server{Suites: allSuites, Certificate: sipuraServer(t, certs.ServerRequest{})}}.judge(t)
		}
	}
}

// The same of the device's certificate.
func TestJudgeOfClients(t *testing.T) {
	t.Parallel()
	shown := sipuraServer(t, certs.ServerRequest{})
	all := clientVerify(t)
	noMD5 := trust.Hashed(all, x509.MD5WithRSA)
	some, err := trust.Clients(nil, func() time.Time { return today })
	if err != nil {
		t.Fatal(err)
	}
	for _, row := range []string{adapter, oldPhone, newPhone + " client_root=late", newPhone + " tls_versions=ssl3", "PAP2 3.1.23(LS)", "SPA504G 7.5.7",
		newPhone + " hello_request=refuse", newPhone + " hello_request=ignore"} {
		ca := certs.Sipura1
		if row == "PAP2 3.1.23(LS)" {
			ca = certs.Linksys1
		}
		shown := shown
		if ca != certs.Sipura1 {
			shown = sipuraServer(t, certs.ServerRequest{CA: ca})
		}
		for _, kind := range []string{"auto", "generic", "none", "bad_signature", "wrong_key", "expired", "foreign"} {
			for _, asks := range []ssl.Asking{ssl.AskNever, ssl.AskFirst, ssl.AskLater} {
				for _, verify := range []trust.Verify{nil, all, some, trust.AnyClient, noMD5} {
					meeting{row: row + " client_certificate=" + kind, server: ssl.Server{Min: ssl.SSL30, Max: ssl.TLS10, Suites: allSuites, Certificate: shown, Ask: asks, Verify: verify}}.judge(t)
				}
			}
		}
	}
	silent := meeting{row: newPhone + " tls_versions=ssl3 hello_request=refuse", server: ssl.Server{Min: ssl.SSL30, Suites: allSuites, Certificate: shown, Ask: ssl.AskLater}}
	silent.judge(t)
}

// What package ssl's server does not do is judged by what was measured with
// others: OpenSSL 3, nginx.
func TestJudgeOfOtherServers(t *testing.T) {
	chain := sipuraServer(t, certs.ServerRequest{}).Chain
	verify := clientVerify(t)
	some, err := trust.Clients(nil, func() time.Time { return today })
	if err != nil {
		t.Fatal(err)
	}
	modern := []ssl.Suite{0xc02f, ssl.AES256SHA}
	tests := []struct {
		what, row string
		server    trust.Server
		want      string
	}{
		{"TLS 1.2 only", newPhone, trust.Server{Min: trust.TLS12, Max: trust.TLS12, Suites: modern}, "0 70 the server [create ssl connection failed]"},
		{"TLS 1.2 only, for SSL 3.0", newPhone + " tls_versions=ssl3", trust.Server{Min: trust.TLS12, Max: trust.TLS12, Suites: modern}, "0 40 the server [create ssl connection failed]"},
		{"up to TLS 1.2", newPhone, trust.Server{Min: ssl.TLS10, Max: trust.TLS12, Suites: modern}, "ok tls1.0 AES256-SHA tls"},
		{"new suites only", newPhone, trust.Server{Min: ssl.TLS10, Max: trust.TLS12, Suites: modern[:1]}, "0 40 the server [create ssl connection failed]"},
		{"the server's order", adapter, trust.Server{Suites: []ssl.Suite{ssl.RC4SHA, ssl.AES256SHA}}, "ok tls1.0 RC4-SHA tls"},
		{"the client's order", adapter, trust.Server{Suites: []ssl.Suite{ssl.RC4SHA, ssl.AES256SHA}, ClientOrder: true}, "ok tls1.0 AES256-SHA tls"},
		{"the client's order, a long prime", adapter, trust.Server{Suites: allSuites, ClientOrder: true, DHBits: 2048}, "0 40 the device [create ssl connection failed]"},
		{"export suites", adapter, trust.Server{Suites: []ssl.Suite{ssl.ExportRC4MD5}}, "0 40 the server [create ssl connection failed]"},
		{"level 1", newPhone, trust.Server{Suites: allSuites, Level: 1}, "0 80 the server [create ssl connection failed]"},
		{"level 1, for SSL 3.0", newPhone + " tls_versions=ssl3", trust.Server{Suites: allSuites, Level: 1}, "0 40 the server [create ssl connection failed]"},
		{"level 1, TLS 1.2, SHA-1", newPhone + " tls_versions=tls1.2", trust.Server{Max: trust.TLS12, Suites: modern, Level: 1, Ask: ssl.AskFirst, Verify: verify}, "0 42 the server [create ssl connection failed]"},
		{"level 2, TLS 1.2, RSA 1024", newPhone + " tls_versions=tls1.2", trust.Server{Max: trust.TLS12, Suites: modern, Level: 2, Ask: ssl.AskFirst, Verify: verify, Status400: true}, "400 66"},
		{"level 2, TLS 1.2, none asked", newPhone + " tls_versions=tls1.2", trust.Server{Max: trust.TLS12, Suites: modern, Level: 2}, "ok Version(0x0303) AES256-SHA tls"},
		{"nginx, own", newPhone, trust.Server{Suites: allSuites, Ask: ssl.AskFirst, Verify: verify, Status400: true}, "ok tls1.0 AES256-SHA tls+mutual"},
		{"nginx, none", newPhone + " client_certificate=none", trust.Server{Suites: allSuites, Ask: ssl.AskFirst, Verify: verify, Status400: true}, "400 4"},
		{"nginx, bad signature", newPhone + " client_certificate=bad_signature", trust.Server{Suites: allSuites, Ask: ssl.AskFirst, Verify: verify, Status400: true}, "400 7"},
		{"nginx, wrong key", newPhone + " client_certificate=wrong_key", trust.Server{Suites: allSuites, Ask: ssl.AskFirst, Verify: verify, Status400: true}, "0 51 the server [create ssl connection failed]"},
		{"nginx, unknown issuer", newPhone, trust.Server{Suites: allSuites, Ask: ssl.AskFirst, Verify: some, Status400: true}, "400 20"},
		{"nginx, unknown issuer, later", newPhone, trust.Server{Suites: allSuites, Ask: ssl.AskLater, Verify: some, Status400: true}, "400 20"},
		{"nginx, generic", newPhone + " client_certificate=generic", trust.Server{Suites: allSuites, Ask: ssl.AskFirst, Verify: verify, Status400: true}, "ok tls1.0 AES256-SHA tls"},
		{"later, strict", newPhone, trust.Server{Suites: allSuites, Ask: ssl.AskLater, Verify: verify, Strict: true}, "0 40 the server []"},
	}
	for _, tt := range tests {
		tt.server.Chain = chain
		v, err := party.Judge(meeting{row: tt.row}.visit(t), &tt.server)
		if err != nil {
			t.Fatal(err)
		}
		got := fmt.Sprintln(v.Number, uint8(v.Alert), v.By, v.Log)
		switch {
		case v.OK:
			got = fmt.Sprintln("ok", v.Version, v.Suite, v.Protection)
		case v.Status != 0:
			got = fmt.Sprintln(v.Status, v.Client)
		}
		if got != tt.want+"\n" {
			t.Errorf("%s: %swant %s", tt.what, got, tt.want)
		}
	}
}

// TLS 1.2 is spoken by crypto/tls, against its own server. The alert by which a
// client is refused is that server's.
func TestJudgeOfTLS12(t *testing.T) {
	t.Parallel()
	verify := clientVerify(t)
	type cell struct {
		row    string
		shown  *ssl.Certificate
		least  uint16
		suite  uint16
		asks   tls.ClientAuthType
		verify trust.Verify
	}
	good, other := sipuraServer(t, certs.ServerRequest{}), sipuraServer(t, certs.ServerRequest{CN: "other"})
	var cells []cell
	for _, kind := range []string{"auto", "none", "bad_signature", "wrong_key", "foreign"} {
		cells = append(cells, cell{newPhone + " tls_versions=tls1.2 client_certificate=" + kind, good, tls.VersionTLS12, tls.TLS_RSA_WITH_AES_256_CBC_SHA, tls.RequestClientCert, verify})
	}
	for _, suite := range []uint16{tls.TLS_RSA_WITH_AES_128_CBC_SHA, tls.TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256, tls.TLS_RSA_WITH_3DES_EDE_CBC_SHA} {
		for _, list := range []string{"rsa", "library"} {
			cells = append(cells, cell{newPhone + " tls_versions=tls1.0-tls1.2 tls_suites=" + list, good, tls.VersionTLS10, suite, tls.NoClientCert, nil})
		}
	}
	for _, shown := range []*ssl.Certificate{other, sipuraServer(t, certs.ServerRequest{CA: certs.Public}), sipuraServer(t, certs.ServerRequest{CA: certs.Linksys1})} {
		cells = append(cells, cell{newPhone + " tls_versions=tls1.2", shown, tls.VersionTLS12, tls.TLS_RSA_WITH_AES_256_CBC_SHA, tls.NoClientCert, nil})
	}
	cells = append(cells, cell{newPhone + " tls_versions=tls1.2", good, tls.VersionTLS13, tls.TLS_RSA_WITH_AES_256_CBC_SHA, tls.NoClientCert, nil})
	for _, c := range cells {
		s := &trust.Server{Min: ssl.Version(c.least), Max: ssl.Version(max(c.least, tls.VersionTLS12)), Suites: []ssl.Suite{ssl.Suite(c.suite)}, Chain: c.shown.Chain, Verify: c.verify}
		if c.asks != tls.NoClientCert {
			s.Ask = ssl.AskFirst
		}
		v := meeting{row: c.row}.visit(t)
		judged, err := party.Judge(v, s)
		if err != nil {
			t.Fatal(err)
		}
		config := &tls.Config{
			MinVersion: c.least, MaxVersion: max(c.least, tls.VersionTLS12), CipherSuites: []uint16{c.suite}, ClientAuth: c.asks,
			Certificates: []tls.Certificate{{Certificate: c.shown.Chain, PrivateKey: c.shown.Key}},
			VerifyPeerCertificate: func(chain [][]byte, _ [][]*x509.Certificate) error {
				if c.verify == nil {
					return nil
				}
				if _, number := c.verify(chain); number != 0 {
					return fmt.Errorf("error %d", number)
				}
				return nil
			},
		}
		real := modernMeeting(t, v, config, c.shown.Chain[0])
		judged.Client, judged.Asked, judged.Shown = 0, false, 0 // is not told by a handshake
		if judged.By == trust.TheServer && judged.Version != 0 {
			judged.Alert, real.Alert = 0, 0
		}
		if !reflect.DeepEqual(judged, real) {
			t.Errorf("%s, suite %04x:\njudged %+v\nreally %+v", c.row, c.suite, judged, real)
		}
	}
}

func modernMeeting(t *testing.T, v trust.Visit, config *tls.Config, leaf []byte) trust.Verdict {
	t.Helper()
	client, err := party.Modern(v.Unit, v.Params, v.Now)
	if err != nil {
		t.Fatal(err)
	}
	asked, show := false, client.GetClientCertificate
	client.GetClientCertificate = func(r *tls.CertificateRequestInfo) (*tls.Certificate, error) {
		asked = true
		return show(r)
	}
	near, far := pipe(t)
	var serving sync.WaitGroup
	defer serving.Wait()
	defer near.Close()
	serving.Go(func() { answer(tls.Server(far, config)) })
	if err := near.SetDeadline(time.Now().Add(20 * time.Second)); err != nil {
		t.Fatal(err)
	}
	conn := tls.Client(near, client)
	verdict := trust.Verdict{Alert: ssl.NoAlert}
	err = conn.Handshake()
	var refused *trust.VerifyError
	state := conn.ConnectionState()
	verdict.Version, verdict.Suite = ssl.Version(state.Version), ssl.Suite(state.CipherSuite)
	switch {
	case err != nil:
		sent := false
		if verdict.Alert, sent = trust.ModernAlert(err); sent {
			verdict.By = trust.TheDevice
		} else {
			verdict.By = trust.TheServer
		}
		if errors.As(err, &refused) {
			verdict.Number = refused.Number
		}
	case !trust.NameFits(v.Unit.Row, leaf, v.Host):
		verdict.Number, verdict.By = trust.WrongName, trust.TheDevice
	default:
		if err := ask(conn); err != nil {
			t.Errorf("%v", err)
		}
		verdict.OK, verdict.Protection = true, profile.TLS
		if asked && party.Holder.Kind(v.Unit) == certs.OwnCertificate {
			verdict.Protection |= profile.Mutual
		}
		return verdict
	}
	verdict.Log = trust.LogLines(verdict.Number, v.Host)
	return verdict
}

// A fleet is judged in virtual time: a visit must cost no signature.
func BenchmarkJudge(b *testing.B) {
	server := &ssl.Server{Suites: allSuites, Certificate: sipuraServer(b, certs.ServerRequest{}), Ask: ssl.AskFirst, Verify: clientVerify(b)}
	s, v := trust.ServerOf(server), meeting{row: newPhone}.visit(b)
	b.ReportAllocs()
	i := 0
	for b.Loop() {
		u := device.NewUnit(v.Unit.Row, 1, device.Index(i%5000), serverAddr)
		v.Unit = &u
		if verdict, err := party.Judge(v, s); err != nil || !verdict.OK {
			b.Fatal(err, verdict)
		}
		i++
	}
}
