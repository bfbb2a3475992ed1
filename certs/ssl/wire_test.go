package ssl

import (
	"bytes"
	"encoding/binary"
	"encoding/hex"
	"errors"
	"io"
	"net"
	"strings"
	"testing"
	"time"
)

// A tape is a connection whose other side says what it was told to say, whatever
// it hears, and then closes.
type tape struct {
	net.Conn // nil: nothing else may be called
	says     *bytes.Reader
	heard    bytes.Buffer
	closed   bool
}

func (t *tape) Read(p []byte) (int, error) {
	if t.closed {
		return 0, net.ErrClosed
	}
	return t.says.Read(p)
}
func (t *tape) Write(p []byte) (int, error) { return t.heard.Write(p) }
func (t *tape) Close() error                { t.closed = true; return nil }

func newTape(says ...[]byte) *tape { return &tape{says: bytes.NewReader(bytes.Join(says, nil))} }

// counting is a source of chance whose bytes count up.
type counting byte

func (c *counting) Read(p []byte) (int, error) {
	for i := range p {
		p[i] = byte(*c)
		*c++
	}
	return len(p), nil
}

// records takes what was sent apart into records.
func records(t *testing.T, sent []byte) (types []byte, bodies [][]byte) {
	t.Helper()
	for len(sent) > 0 {
		n := headerLen + int(binary.BigEndian.Uint16(sent[3:]))
		types, bodies = append(types, sent[0]), append(bodies, sent[headerLen:n])
		sent = sent[n:]
	}
	return types, bodies
}

func hello(t *testing.T, c *Client) []byte {
	t.Helper()
	line := newTape()
	if err := Connect(line, c).Handshake(); !errors.Is(err, io.ErrUnexpectedEOF) {
		t.Fatal(err)
	}
	return line.heard.Bytes()
}

func fixed() time.Time { return time.Unix(0x3f2e1d0c, 0) }

func TestGoldenHello(t *testing.T) {
	const chance = "0405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f"
	tests := map[string]struct {
		client Client
		want   string
	}{
		"SPA50x 7.6.2": {
			Client{Min: TLS10, Max: TLS10, Suites: []Suite{AES256SHA, AES128SHA}, Now: fixed},
			"160301002f 0100002b 0301 3f2e1d0c" + chance + "00 0004 0035002f 0100",
		},
		"SSL 3.0 allowed, up to TLS 1.0": {
			Client{Min: SSL30, Max: TLS10, Suites: []Suite{AES256SHA, AES128SHA}},
			"160301002f 0100002b 0301 00010203" + chance + "00 0004 0035002f 0100",
		},
		"SSL 3.0": {
			Client{Max: SSL30, Suites: []Suite{RC4MD5}, Now: fixed},
			"160300002d 01000029 0300 3f2e1d0c" + chance + "00 0002 0004 0100",
		},
		"TLS 1.1 in a record of TLS 1.0": {
			Client{Max: TLS11, Suites: []Suite{RC4MD5}, Now: fixed},
			"160301002d 01000029 0302 3f2e1d0c" + chance + "00 0002 0004 0100",
		},
		"format of SSL 2.0": {
			Client{SSL2Hello: true, Suites: []Suite{AES256SHA, RC4SHA}, Now: fixed},
			"802f 01 0301 0006 0000 0020 000035 000005 00010203" + chance,
		},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			tt.client.Rand = new(counting)
			if got, want := hex.EncodeToString(hello(t, &tt.client)), strings.ReplaceAll(tt.want, " ", ""); got != want {
				t.Errorf("got  %s\nwant %s", got, want)
			}
		})
	}
}

// The sizes are those of captures and of the documented list.
func TestHelloSizes(t *testing.T) {
	nine := []Suite{DHEAES256SHA, AES256SHA, DHEAES128SHA, AES128SHA, RC4SHA, RC4MD5, Export1024DESSHA, Export1024RC4MD5, ExportRC4MD5}
	for n, want := range map[int]int{1: 50, 2: 52, 9: 66} {
		if got := len(hello(t, &Client{Suites: nine[:n]})); got != want {
			t.Errorf("%d suites: %d bytes, want %d", n, got, want)
		}
	}
}

// An eavesdropper keeps a copy of what is written.
type eavesdropper struct {
	net.Conn
	heard  bytes.Buffer
	writes int
}

func (e *eavesdropper) Write(p []byte) (int, error) {
	e.heard.Write(p)
	e.writes++
	return e.Conn.Write(p)
}

func TestEmptyRecordsGoBeforeDataWhereOpenSSLSentThem(t *testing.T) {
	tests := []struct {
		version Version
		suite   Suite
		want    []int // lengths of the records with data, with headers
	}{
		{SSL30, AES128SHA, []int{37, 53}},
		{TLS10, AES256SHA, []int{37, 53}},
		{TLS10, DES3SHA, []int{29, 45}},
		{TLS10, RC4SHA, []int{43}},
		{TLS11, AES256SHA, []int{69}},
	}
	for _, tt := range tests {
		a, b := loopback(t)
		wire := &eavesdropper{Conn: a}
		client := Connect(wire, &Client{Min: tt.version, Max: tt.version, Suites: []Suite{tt.suite}, EmptyFragments: true})
		server := Accept(b, &Server{Max: TLS11, Suites: allSuites, Certificate: certificate("server")})
		if ce, se := exchange(client, server); ce != nil || se != nil {
			t.Fatalf("client: %v, server: %v", ce, se)
		}
		types, bodies := records(t, wire.heard.Bytes())
		var got []int
		for i, typ := range types {
			if typ == typeData {
				got = append(got, headerLen+len(bodies[i]))
			}
		}
		if len(got) != len(tt.want) || got[0] != tt.want[0] || got[len(got)-1] != tt.want[len(got)-1] {
			t.Errorf("%v %v: records of %v bytes, want %v", tt.version, tt.suite, got, tt.want)
		}
		if want := "\x16\x16\x14\x16\x17"; !strings.HasPrefix(string(types), want) || types[len(types)-1] != typeAlert {
			t.Errorf("records %x, want %x first and an alert last", types, want)
		}
		// The hello, the second flight, the question, the goodbye.
		if wire.writes != 4 {
			t.Errorf("%d writes, want 4", wire.writes)
		}
	}
}

func TestLongDataComesThrough(t *testing.T) {
	for _, suite := range []Suite{RC4MD5, AES256SHA} {
		for _, v := range allVersions {
			a, b := loopback(t)
			client := Connect(a, &Client{Max: v, Suites: []Suite{suite}, EmptyFragments: true})
			server := Accept(b, &Server{Max: v, Suites: allSuites, Certificate: certificate("server")})
			data := make([]byte, 300_001)
			_, _ = new(counting).Read(data)
			go func() {
				if _, err := client.Write(data); err != nil {
					t.Error(err)
				}
				client.Close()
			}()
			got, err := io.ReadAll(server)
			if err != nil || !bytes.Equal(got, data) {
				t.Errorf("%v %v: %d bytes, %v", v, suite, len(got), err)
			}
			if server.raw != nil {
				t.Errorf("%v %v: a buffer is kept after the last byte", v, suite)
			}
		}
	}
}

// An unplugged line carries a few writes.
type unplugged struct {
	*tape
	writes int
}

var errUnplugged = errors.New("unplugged")

func (u *unplugged) Write(p []byte) (int, error) {
	if u.writes--; u.writes < 0 {
		return 0, errUnplugged
	}
	return u.tape.Write(p)
}

// A server that hangs up has said why: what the client then sends goes nowhere,
// and the alert is the news.
func TestAlertIsHeardWhereNothingCanBeSent(t *testing.T) {
	line := &unplugged{newTape(serverHello(TLS10, AES256SHA, 0), certificates(material()["server"].cert.Raw), done,
		record(typeAlert, TLS10, []byte{levelFatal, byte(InternalError)})), 1}
	err := Connect(line, &Client{Suites: []Suite{AES256SHA}}).Handshake()
	var e *Error
	if !errors.As(err, &e) || e.Alert != InternalError || e.Sent {
		t.Errorf("%v, want the alert %v", err, InternalError)
	}
}

// Without an alert the error is that of sending.
func TestErrorOfSendingIsTheNewsWithoutAnAlert(t *testing.T) {
	flight := [][]byte{serverHello(TLS10, AES256SHA, 0), certificates(material()["server"].cert.Raw), message(msgCertificateRequest, []byte{1, typeRSASign}, u16(0)), done}
	for writes := range 2 {
		line := &unplugged{newTape(flight...), writes}
		err := Connect(line, &Client{Suites: []Suite{AES256SHA}, Certificate: certificate("device")}).Handshake()
		if !errors.Is(err, errUnplugged) {
			t.Errorf("after %d writes: %v", writes, err)
		}
	}
}

// The second flight is one write, after the signature.
func TestTheSecondFlightIsOnePiece(t *testing.T) {
	flight := [][]byte{serverHello(TLS10, AES256SHA, 0), certificates(material()["server"].cert.Raw), message(msgCertificateRequest, []byte{1, typeRSASign}, u16(0)), done}
	const many = 100
	line := &unplugged{newTape(flight...), many}
	_ = Connect(line, &Client{Suites: []Suite{AES256SHA}, Certificate: certificate("device")}).Handshake() // the server is silent at last
	if n := many - line.writes; n != 2 {                                                                   // the hello is one
		t.Errorf("%d writes, want 2", n)
	}
}
