package ssl

import (
	"bytes"
	"crypto"
	"crypto/rsa"
	"crypto/tls"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"math/big"
	"strings"
	"testing"
)

// What follows builds a server's flight byte by byte, so that it can be wrong.

func record(typ byte, v Version, body []byte) []byte {
	return append([]byte{typ, byte(v >> 8), byte(v), byte(len(body) >> 8), byte(len(body))}, body...)
}

func message(typ byte, parts ...[]byte) []byte {
	body := bytes.Join(parts, nil)
	return record(typeHandshake, TLS10, append([]byte{typ, byte(len(body) >> 16), byte(len(body) >> 8), byte(len(body))}, body...))
}

func u16(n int) []byte { return binary.BigEndian.AppendUint16(nil, uint16(n)) }
func u24(n int) []byte { return []byte{byte(n >> 16), byte(n >> 8), byte(n)} }

func vec16(p []byte) []byte { return append(u16(len(p)), p...) }
func vec24(p []byte) []byte { return append(u24(len(p)), p...) }

func serverHello(v Version, s Suite, compression byte, more ...byte) []byte {
	return message(msgServerHello, u16(int(v)), make([]byte, 32), []byte{0}, u16(int(s)), []byte{compression}, more)
}

func certificates(chain ...[]byte) []byte {
	var list []byte
	for _, der := range chain {
		list = append(list, vec24(der)...)
	}
	return message(msgCertificate, vec24(list))
}

// keyExchange is a server's, signed as a client would see it whose random is
// made of nothing but zeros, as the server's is.
func keyExchange(p, g, y *big.Int) []byte {
	params := bytes.Join([][]byte{vec16(p.Bytes()), vec16(g.Bytes()), vec16(y.Bytes())}, nil)
	t := transcript{specs[RC4MD5].mac(), specs[RC4SHA].mac()}
	t.write(make([]byte, 64))
	t.write(params)
	signature, err := material()["server"].key.Sign(nil, t.digest(nil), crypto.MD5SHA1)
	if err != nil {
		panic(err)
	}
	return message(msgServerKeyExchange, params, vec16(signature))
}

var done = message(msgServerHelloDone)

// zeros is chance of the simplest kind.
type zeros struct{}

func (zeros) Read(p []byte) (int, error) {
	clear(p)
	return len(p), nil
}

// A refusal is how a client ends a connection.
type refusal struct {
	alert Alert  // NoAlert: it said nothing
	cause string // a part of it
}

// meet lets a client meet a flight and returns what it said last.
func meet(t *testing.T, c Client, flight ...[]byte) (refusal, *tape, State) {
	t.Helper()
	c.Rand = zeros{}
	line := newTape(flight...)
	conn := Connect(line, &c)
	err := conn.Handshake()
	var e *Error
	if !errors.As(err, &e) {
		t.Fatalf("%v is a %T", err, err)
	}
	if again := conn.Handshake(); !errors.Is(again, err) {
		t.Errorf("the handshake returns %v the second time", again)
	}
	if _, err := conn.Write([]byte("x")); !errors.Is(err, e) {
		t.Errorf("a write returns %v after %v", err, e)
	}
	types, bodies := records(t, line.heard.Bytes())
	got := refusal{alert: NoAlert, cause: err.Error()}
	switch last := len(types) - 1; {
	case types[last] != typeAlert:
	case bytes.IndexByte(types, typeChangeCipherSpec) >= 0:
		got.alert = e.Alert // the wire's is encrypted
	case bodies[last][0] == levelFatal:
		got.alert = Alert(bodies[last][1])
	}
	if e.Sent != (got.alert != NoAlert) || e.Sent && e.Alert != got.alert {
		t.Errorf("the error says %v, sent %v, and the wire says %v", e.Alert, e.Sent, got.alert)
	}
	return got, line, conn.State()
}

func TestClientRefusesWhatDevicesRefuse(t *testing.T) {
	leaf := material()["server"].cert.Raw
	good := func(s Suite) [][]byte { return [][]byte{serverHello(TLS10, s, 0), certificates(leaf)} }
	p, two, five := groups[1024], big.NewInt(2), big.NewInt(5)
	minus := func(n int64) *big.Int { return new(big.Int).Sub(p, big.NewInt(n)) }
	rsaClient := Client{Min: TLS10, Max: TLS10, Suites: []Suite{AES128SHA, ExportRC4MD5}}
	dheClient := Client{Min: TLS10, Max: TLS10, Suites: []Suite{DHEAES128SHA}}
	bad := message(msgServerKeyExchange, vec16(p.Bytes()), vec16(two.Bytes()), vec16(five.Bytes()), vec16(make([]byte, 128)))
	tests := []struct {
		name   string
		client Client
		flight [][]byte
		want   refusal
	}{
		{"nothing", rsaClient, nil, refusal{NoAlert, "closed the connection"}},
		{"half a record", rsaClient, [][]byte{done[:4]}, refusal{NoAlert, "closed the connection"}},
		{"no SSL", rsaClient, [][]byte{[]byte("HTTP/1.1 400 Bad Request")}, refusal{NoAlert, "no SSL"}},
		{"goodbye", rsaClient, [][]byte{record(typeAlert, TLS10, []byte{1, 0})}, refusal{NoAlert, "goodbye"}},
		{"an alert of three bytes", rsaClient, [][]byte{record(typeAlert, TLS10, []byte{1, 0, 0})}, refusal{DecodeError, "3 bytes"}},
		{"an alert of level 3", rsaClient, [][]byte{record(typeAlert, TLS10, []byte{3, 0})}, refusal{IllegalParameter, "level 3"}},
		{"warnings without end", rsaClient, [][]byte{bytes.Repeat(record(typeAlert, TLS10, []byte{1, 112}), 40)}, refusal{UnexpectedMessage, "too many warnings"}},
		{"empty records without end", rsaClient, [][]byte{bytes.Repeat(record(typeHandshake, TLS10, nil), 40)}, refusal{UnexpectedMessage, "too many empty records"}},
		{"HelloRequests without end", rsaClient, [][]byte{bytes.Repeat(message(msgHelloRequest), 40)}, refusal{UnexpectedMessage, "too many HelloRequests"}},
		{"a record too long", rsaClient, [][]byte{record(typeHandshake, TLS10, make([]byte, maxPlain+1))}, refusal{RecordOverflow, "16385 bytes"}},
		{"a message too long", rsaClient, [][]byte{record(typeHandshake, TLS10, []byte{2, 1, 0x90, 1})}, refusal{IllegalParameter, "102401 bytes"}},
		{"data", rsaClient, [][]byte{record(typeData, TLS10, []byte("x"))}, refusal{UnexpectedMessage, "type 23"}},
		{"new keys at once", rsaClient, [][]byte{record(typeChangeCipherSpec, TLS10, []byte{1})}, refusal{UnexpectedMessage, "type 20"}},
		{"a certificate first", rsaClient, [][]byte{certificates(leaf)}, refusal{UnexpectedMessage, "type 11"}},
		{"a hello too short", rsaClient, [][]byte{message(msgServerHello, make([]byte, 37))}, refusal{DecodeError, "too short"}},
		{"TLS 1.1", rsaClient, [][]byte{serverHello(TLS11, AES128SHA, 0)}, refusal{ProtocolVersion, "tls1.1"}},
		{"SSL 3.0", rsaClient, [][]byte{serverHello(SSL30, AES128SHA, 0)}, refusal{HandshakeFailure, "ssl3"}},
		{"TLS 4.7", rsaClient, [][]byte{serverHello(0x407, AES128SHA, 0)}, refusal{ProtocolVersion, "0x0407"}},
		{"a suite not offered", rsaClient, [][]byte{serverHello(TLS10, AES256SHA, 0)}, refusal{IllegalParameter, "not offered"}},
		{"a suite for export", rsaClient, [][]byte{serverHello(TLS10, ExportRC4MD5, 0)}, refusal{HandshakeFailure, "EXP-RC4-MD5"}},
		{"compression", rsaClient, [][]byte{serverHello(TLS10, AES128SHA, 1)}, refusal{IllegalParameter, "compression 1"}},
		{"extensions", rsaClient, [][]byte{serverHello(TLS10, AES128SHA, 0, 0, 0)}, refusal{DecodeError, "extensions"}},
		{"a record of another version", rsaClient, [][]byte{serverHello(TLS10, AES128SHA, 0), record(typeHandshake, TLS11, []byte{1})}, refusal{ProtocolVersion, "agreed was tls1.0"}},
		{"no certificate", rsaClient, [][]byte{serverHello(TLS10, AES128SHA, 0), certificates()}, refusal{CertificateUnknown, "no certificate"}},
		{"a certificate cut off", rsaClient, [][]byte{serverHello(TLS10, AES128SHA, 0), message(msgCertificate, u24(5), u24(9), u16(1))}, refusal{DecodeError, "wrong lengths"}},
		{"a certificate that is none", rsaClient, [][]byte{serverHello(TLS10, AES128SHA, 0), certificates([]byte("certificate"))}, refusal{BadCertificate, "error 6"}},
		{"a key exchange without need", rsaClient, append(good(AES128SHA), keyExchange(p, two, five)), refusal{UnexpectedMessage, "type 12"}},
		{"a request too short", rsaClient, append(good(AES128SHA), message(msgCertificateRequest, []byte{1, 1, 0, 9})), refusal{DecodeError, "request"}},
		{"a name too long", rsaClient, append(good(AES128SHA), message(msgCertificateRequest, []byte{1, 1, 0, 3, 0, 9, 9})), refusal{DecodeError, "request"}},
		{"an end that says more", rsaClient, append(good(AES128SHA), message(msgServerHelloDone, []byte{0})), refusal{DecodeError, "says something"}},
		{"a ticket", rsaClient, append(good(AES128SHA), done, message(4, make([]byte, 6))), refusal{UnexpectedMessage, "type 22"}},
		{"new keys that are not 1", rsaClient, append(good(AES128SHA), done, record(typeChangeCipherSpec, TLS10, []byte{2})), refusal{IllegalParameter, "02"}},
		{"a finished message in clear", rsaClient, append(good(AES128SHA), done, record(typeChangeCipherSpec, TLS10, []byte{1}), message(msgFinished, make([]byte, 12))), refusal{BadRecordMAC, "wrong"}},
		{"no key exchange", dheClient, append(good(DHEAES128SHA), done), refusal{UnexpectedMessage, "type 14"}},
		{"a key exchange cut off", dheClient, append(good(DHEAES128SHA), message(msgServerKeyExchange, u16(9))), refusal{DecodeError, "wrong lengths"}},
		{"a wrong signature", dheClient, append(good(DHEAES128SHA), bad), refusal{DecryptError, "signature"}},
		{"a prime of 0", dheClient, append(good(DHEAES128SHA), keyExchange(new(big.Int), two, five)), refusal{IllegalParameter, "no secret"}},
		{"an even prime", dheClient, append(good(DHEAES128SHA), keyExchange(minus(1), two, five)), refusal{IllegalParameter, "no secret"}},
		{"a generator of 1", dheClient, append(good(DHEAES128SHA), keyExchange(p, big.NewInt(1), five)), refusal{IllegalParameter, "no secret"}},
		{"a public value of 0", dheClient, append(good(DHEAES128SHA), keyExchange(p, two, new(big.Int))), refusal{IllegalParameter, "no secret"}},
		{"a public value of p-1", dheClient, append(good(DHEAES128SHA), keyExchange(p, two, minus(1))), refusal{IllegalParameter, "no secret"}},
		{"a prime of 16,000 bits", dheClient, append(good(DHEAES128SHA), keyExchange(new(big.Int).Lsh(p, 15000), two, five)), refusal{HandshakeFailure, "16024 bits"}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			got, _, _ := meet(t, tt.client, tt.flight...)
			if got.alert != tt.want.alert || !strings.Contains(got.cause, tt.want.cause) {
				t.Errorf("%v, %q; want %v, ...%s...", got.alert, got.cause, tt.want.alert, tt.want.cause)
			}
		})
	}
}

func TestFatalAlertsEndTheHandshake(t *testing.T) {
	c := &Client{Suites: []Suite{AES128SHA}}
	err := Connect(newTape(record(typeAlert, TLS10, []byte{2, 70})), c).Handshake()
	var e *Error
	if !errors.As(err, &e) || e.Alert != ProtocolVersion || e.Sent || err.Error() != "the other side sent alert protocol_version" {
		t.Errorf("%#v: %v", err, err)
	}
}

// All of OpenSSL's numbers, each with its alert in TLS and in SSL 3.0.
func TestRefusedCertificates(t *testing.T) {
	tests := []struct {
		number      int
		tls10, ssl3 Alert
	}{
		{2, UnknownCA, BadCertificate}, {7, DecryptError, HandshakeFailure}, {9, BadCertificate, BadCertificate},
		{10, CertificateExpired, CertificateExpired}, {12, CertificateExpired, CertificateExpired}, {17, InternalError, HandshakeFailure},
		{18, UnknownCA, BadCertificate}, {19, UnknownCA, BadCertificate}, {20, UnknownCA, BadCertificate}, {21, UnknownCA, BadCertificate},
		{23, CertificateRevoked, CertificateRevoked}, {24, UnknownCA, BadCertificate}, {25, UnknownCA, BadCertificate},
		{26, UnsupportedCertificate, UnsupportedCertificate}, {50, HandshakeFailure, HandshakeFailure}, {68, BadCertificate, BadCertificate}, {99, CertificateUnknown, CertificateUnknown},
	}
	leaf := material()["server"].cert.Raw
	for _, tt := range tests {
		for v, want := range map[Version]Alert{TLS10: tt.tls10, SSL30: tt.ssl3} {
			var seen [][]byte
			verify := func(chain [][]byte) (*rsa.PublicKey, int) { seen = chain; return nil, tt.number }
			flight := bytes.Join([][]byte{serverHello(v, AES128SHA, 0), certificates(leaf, []byte("root")), done}, nil)
			for i := 0; i+3 < len(flight); i += headerLen + int(binary.BigEndian.Uint16(flight[i+3:])) {
				flight[i+2] = byte(v)
			}
			got, _, state := meet(t, Client{Max: v, Suites: []Suite{AES128SHA}, Verify: verify}, flight)
			if got.alert != want || !strings.Contains(got.cause, fmt.Sprintf("error %d,", tt.number)) {
				t.Errorf("error %d in %v: %v, %s; want %v", tt.number, v, got.alert, got.cause, want)
			}
			if AlertFor(tt.number).In(v) != want {
				t.Errorf("AlertFor(%d).In(%v) = %v, want %v", tt.number, v, AlertFor(tt.number).In(v), want)
			}
			if len(seen) != 2 || !bytes.Equal(seen[0], leaf) || string(seen[1]) != "root" || len(state.Chain) != 2 {
				t.Errorf("verify saw %q", seen)
			}
		}
	}
	if AlertFor(0) != NoAlert {
		t.Error("an accepted certificate has an alert")
	}
}

func TestLongPrime(t *testing.T) {
	leaf := material()["server"].cert.Raw
	flight := bytes.Join([][]byte{serverHello(TLS10, DHEAES128SHA, 0), certificates(leaf), keyExchange(groups[2048], big.NewInt(2), big.NewInt(5)), done}, nil)
	for reaction, want := range map[Reaction]Alert{ReactAlert: HandshakeFailure, ReactClose: NoAlert, ReactSilence: NoAlert} {
		client := Client{Suites: []Suite{DHEAES128SHA}, MostDHBits: 1024, OnLongDH: reaction}
		got, line, state := meet(t, client, flight, []byte("and more"))
		if got.alert != want || !strings.Contains(got.cause, "2048 bits is too long") || state.DHBits != 2048 {
			t.Errorf("%v: %v %s, state %+v", reaction, got.alert, got.cause, state)
		}
		if line.closed != (reaction == ReactClose) {
			t.Errorf("%v: closed: %v", reaction, line.closed)
		}
		if silent := reaction == ReactSilence; silent != (line.says.Len() == 0) && len(flight) > flightLen {
			t.Errorf("%v: %d bytes were not read", reaction, line.says.Len())
		}
	}
	client := Client{Suites: []Suite{DHEAES128SHA}, MostDHBits: 2048}
	if got, _, _ := meet(t, client, flight); !strings.Contains(got.cause, "closed the connection") {
		t.Errorf("a prime as long as allowed: %s", got.cause)
	}
}

func TestThinkCanEndAHandshake(t *testing.T) {
	tired := errors.New("tired")
	client := &Client{Suites: []Suite{AES128SHA}, Think: func(bits int) error {
		if bits != 1024 {
			t.Errorf("the key has %d bits", bits)
		}
		return tired
	}}
	line := newTape(serverHello(TLS10, AES128SHA, 0), certificates(material()["server"].cert.Raw), done)
	if err := Connect(line, client).Handshake(); !errors.Is(err, tired) {
		t.Errorf("%v", err)
	}
	if types, _ := records(t, line.heard.Bytes()); len(types) != 1 {
		t.Errorf("records %x were sent, want the hello alone", types)
	}
}

// clash shakes hands between a client and a server that do not go together.
func clash(t *testing.T, c *Client, s *Server) (clientErr, serverErr *Error) {
	t.Helper()
	a, b := loopback(t)
	ce, se := exchange(Connect(a, c), Accept(b, s))
	_, _ = errors.As(ce, &clientErr), errors.As(se, &serverErr)
	if clientErr == nil || serverErr == nil {
		t.Fatalf("client: %v, server: %v", ce, se)
	}
	return clientErr, serverErr
}

func TestServerRefuses(t *testing.T) {
	refuseAll := func([][]byte) (*rsa.PublicKey, int) { return nil, 21 }
	mismatch := certificate("device")
	mismatch.Key = certificate("other").Key
	tests := []struct {
		name   string
		client Client
		server Server
		want   Alert
	}{
		{"an old version", Client{Max: TLS10}, Server{Min: TLS11, Max: TLS11}, ProtocolVersion},
		{"SSL 3.0", Client{Max: SSL30}, Server{Min: TLS10}, HandshakeFailure},
		{"suites it does not have", Client{Suites: []Suite{RC4MD5}}, Server{Suites: []Suite{AES128SHA}}, HandshakeFailure},
		{"DHE without a prime", Client{Suites: []Suite{DHEAES128SHA}}, Server{}, HandshakeFailure},
		{"no certificate", Client{}, Server{Ask: AskFirst, Verify: refuseAll}, HandshakeFailure},
		{"no certificate in SSL 3.0", Client{Max: SSL30}, Server{Ask: AskFirst, Verify: refuseAll}, HandshakeFailure},
		{"no certificate in the second handshake", Client{}, Server{Ask: AskLater, Verify: refuseAll}, HandshakeFailure},
		{"a certificate", Client{Certificate: certificate("device")}, Server{Ask: AskFirst, Verify: refuseAll}, UnknownCA},
		{"a key of another certificate", Client{Certificate: mismatch}, Server{Ask: AskFirst}, DecryptError},
		{"a client that does not shake hands again", Client{OnHelloRequest: RefuseHello}, Server{Ask: AskLater}, HandshakeFailure},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			if tt.client.Suites == nil {
				tt.client.Suites = allSuites
			}
			if tt.server.Suites == nil {
				tt.server.Suites = allSuites
			}
			tt.server.Certificate = certificate("server")
			ce, se := clash(t, &tt.client, &tt.server)
			if ce.Alert != tt.want || ce.Sent || se.Alert != tt.want || !se.Sent {
				t.Errorf("client: %v, server: %v; want %v from the server", ce, se, tt.want)
			}
		})
	}
}

func TestServerChoosesItsFirstSuite(t *testing.T) {
	a, b := loopback(t)
	client := Connect(a, &Client{Suites: []Suite{RC4MD5, 0x00ff, AES128SHA, AES256SHA}, SSL2Hello: true, Certificate: certificate("device")})
	server := Accept(b, &Server{Suites: []Suite{DHEAES128SHA, AES256SHA, RC4MD5}, Certificate: certificate("server"), DHBits: 512, Ask: AskFirst})
	if ce, se := exchange(client, server); ce != nil || se != nil {
		t.Fatalf("client: %v, server: %v", ce, se)
	}
	if s := client.State(); s.Suite != AES256SHA || !s.Answered {
		t.Errorf("state: %+v", s)
	}
}

func TestToyPrime(t *testing.T) {
	for bits, p := range groups {
		half := new(big.Int).Rsh(p, 1)
		if p.BitLen() != bits || !p.ProbablyPrime(10) || !half.ProbablyPrime(10) {
			t.Errorf("the prime of %d bits is no safe prime of that length", bits)
		}
	}
	a, b := loopback(t)
	client := Connect(a, &Client{Suites: []Suite{DHEAES128SHA}, MostDHBits: 512})
	server := Accept(b, &Server{Suites: allSuites, Certificate: certificate("server"), DHBits: 512})
	if ce, se := exchange(client, server); ce != nil || se != nil || client.State().DHBits != 512 {
		t.Errorf("client: %v, server: %v", ce, se)
	}
}

func TestSecondHandshakes(t *testing.T) {
	tests := []struct {
		on    Renegotiation
		alert Alert // that ends it; CloseNotify: none does
		sent  bool  // by the client
	}{
		{Renegotiate, CloseNotify, false},
		{RefuseHello, HandshakeFailure, false},
		{FailCertified, HandshakeFailure, true},
	}
	for _, tt := range tests {
		for _, v := range allVersions {
			if v == SSL30 && tt.on == RefuseHello {
				continue // SSL 3.0 has no word for it: the client says nothing
			}
			a, b := loopback(t)
			client := Connect(a, &Client{Max: v, Suites: []Suite{AES128SHA}, OnHelloRequest: tt.on, Certificate: certificate("device"), EmptyFragments: true})
			server := Accept(b, &Server{Max: TLS11, Suites: allSuites, Certificate: certificate("server"), Ask: AskLater})
			ce, se := exchange(client, server)
			if tt.alert == CloseNotify {
				if ce != nil || se != nil || !client.State().Answered || len(server.State().Chain) != 1 {
					t.Errorf("%v %v: client: %v, server: %v", tt.on, v, ce, se)
				}
				continue
			}
			var e *Error
			if !errors.As(ce, &e) || e.Alert != tt.alert || e.Sent != tt.sent {
				t.Errorf("%v %v: client: %v, server: %v", tt.on, v, ce, se)
			}
		}
	}
}

// A client that ignores the HelloRequest stalls, as do those that Apache logs.
func TestIgnoredHelloRequestStalls(t *testing.T) {
	a, b := loopback(t)
	client := Connect(a, &Client{Suites: []Suite{AES128SHA}, OnHelloRequest: IgnoreHello})
	server := Accept(b, &Server{Suites: allSuites, Certificate: certificate("server"), Ask: AskLater})
	got := make(chan error, 1)
	go func() { got <- answerOnce(server) }()
	if _, err := io.WriteString(client, question); err != nil {
		t.Fatal(err)
	}
	typ, body, err := client.readRecord()
	if err != nil || typ != typeHandshake || client.gotHandshake(body) != nil {
		t.Fatalf("type %d, %x, %v", typ, body, err)
	}
	client.Close()
	if err := <-got; err == nil || !strings.Contains(err.Error(), "goodbye") {
		t.Errorf("the server says %v", err)
	}
}

// What the client still says before it hears the HelloRequest is not lost, nor
// what the server says before it hears the client's second hello.
func TestDataAroundASecondHandshake(t *testing.T) {
	a, b := loopback(t)
	client := Connect(a, &Client{Suites: []Suite{AES128SHA}, Certificate: certificate("device"), EmptyFragments: true})
	server := Accept(b, &Server{Suites: allSuites, Certificate: certificate("server"), Ask: AskLater})
	const parts = 5
	got := make(chan string, 1)
	go func() {
		all, err := io.ReadAll(io.LimitReader(server, parts*int64(len(question))))
		if err != nil {
			t.Error(err)
		}
		_, _ = io.WriteString(server, reply)
		server.Close()
		got <- string(all)
	}()
	for range parts {
		if _, err := io.WriteString(client, question); err != nil {
			t.Fatal(err)
		}
	}
	if all, err := io.ReadAll(client); err != nil || string(all) != reply {
		t.Errorf("the client read %q, %v", all, err)
	}
	if all := <-got; all != strings.Repeat(question, parts) {
		t.Errorf("the server read %q", all)
	}
}

func TestDataBeforeTheSecondServerHello(t *testing.T) {
	a, b := loopback(t)
	client := Connect(a, &Client{Suites: []Suite{AES128SHA}, Certificate: certificate("device")})
	server := Accept(b, &Server{Suites: allSuites, Certificate: certificate("server"), Ask: AskLater})
	ended := make(chan error, 1)
	go func() {
		defer server.Close()
		ended <- func() error {
			if err := server.Handshake(); err != nil {
				return err
			}
			server.seal(typeHandshake, []byte{msgHelloRequest, 0, 0, 0})
			if err := server.flush(); err != nil {
				return err
			}
			if _, err := io.WriteString(server, "under way, "); err != nil {
				return err
			}
			if err := server.shake(); err != nil {
				return err
			}
			_, err := io.WriteString(server, "and after")
			return err
		}()
	}()
	got, err := io.ReadAll(client)
	if se := <-ended; err != nil || se != nil || string(got) != "under way, and after" || !client.State().Answered {
		t.Errorf("%q, client: %v, server: %v", got, err, se)
	}
}

func TestGoRefusesWhatItAlwaysRefused(t *testing.T) {
	a, b := loopback(t)
	client := Connect(a, &Client{Suites: []Suite{AES128SHA}})
	ce, _ := exchange(client, tls.Server(b, &tls.Config{Certificates: []tls.Certificate{theirCertificate("server")}}))
	var e *Error
	if !errors.As(ce, &e) || e.Alert != ProtocolVersion || e.Sent {
		t.Errorf("a server of TLS 1.2 and later: %v", ce)
	}
}
