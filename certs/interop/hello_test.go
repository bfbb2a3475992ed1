package interop_test

import (
	"bytes"
	"encoding/binary"
	"encoding/hex"
	"fmt"
	"io"
	"net"
	"slices"
	"strings"
	"testing"
	"time"

	"spafleet/bench/extproc"
	"spafleet/certs/ssl"
)

// The suites of the devices' hellos, on the wire.
const (
	nine = "0039 0035 0033 002f 0005 0004 0062 0060 0003" // the guide's table
	two  = "0035 002f"                                    // 7.6.2f
	// OpenSSL 0.9.8
	library98 = "0039 0038 0035 0016 0013 000a 0033 0032 002f 0005 0004 0015 0012 0009 0014 0011 0008 0006 0003"
	// OpenSSL 0.9.7
	library = "0039 0038 0035 0016 0013 000a 0033 0032 002f 0066 0005 0004 0063 0062 0061 0015 0012 0009 0065 0064 0060 0014 0011 0008 0006 0003"
	// In SSL 2.0's format.
	wideNine    = "000039 000035 000033 00002f 000005 000004 000062 000060 000003"
	wideLibrary = "000039 000038 000035 000016 000013 00000a 0700c0 000033 000032 00002f 030080 000066 000005 000004 010080 080080 " +
		"000063 000062 000061 000015 000012 000009 060040 000065 000064 000060 000014 000011 000008 000006 040080 000003 020080"
)

// hellos are what each profile of firmware begins with. TIME is the device's
// clock, CHANCE what differs from hello to hello.
var hellos = []struct {
	phone string
	set   []string
	bytes int
	hello string
}{
	{"SPA2000 2.0.6", nil, 70, "8044 01 0301 001b 0000 0020 " + wideNine + " CHANCE32"},
	{adapter, nil, 70, "8044 01 0301 001b 0000 0020 " + wideNine + " CHANCE32"},
	{"PAP2T 5.1.6(LS)", nil, 70, "8044 01 0301 001b 0000 0020 " + wideNine + " CHANCE32"},
	{oldPhone, nil, 142, "808c 01 0301 0063 0000 0020 " + wideLibrary + " CHANCE32"},
	{midPhone, nil, 142, "808c 01 0301 0063 0000 0020 " + wideLibrary + " CHANCE32"},
	{"SPA504G 7.5.2b", nil, 142, "808c 01 0301 0063 0000 0020 " + wideLibrary + " CHANCE32"},
	{"SPA504G 7.5.2b evidence=field", nil, 66, "160301003d 01000039 0301 TIME CHANCE 00 0012 " + nine + " 0100"},
	{newPhone, nil, 52, "160301002f 0100002b 0301 TIME CHANCE 00 0004 " + two + " 0100"},
	{newPhone, []string{"Enable_SSLv3=Yes"}, 49, "802f 01 0301 0006 0000 0020 000035 00002f CHANCE32"},
	{newPhone, []string{"SSL_Key_Negotiation=Default"}, 100, "160301005f 0100005b 0301 TIME CHANCE 00 0034 " + library + " 0100"},
	{newPhone, []string{"SSL_Key_Negotiation=Default", "Enable_SSLv3=Yes"}, 142, "808c 01 0301 0063 0000 0020 " + wideLibrary + " CHANCE32"},
	{"SPA112 1.4.1(SR5)", nil, 86, "1603010051 0100004d 0301 TIME CHANCE 00 0026 " + library98 + " 0100"},
	{adapter + " tls_hello=tls", nil, 66, "160301003d 01000039 0301 TIME CHANCE 00 0012 " + nine + " 0100"},
	{adapter + " tls_hello=tls tls_versions=ssl3", nil, 66, "160300003d 01000039 0300 TIME CHANCE 00 0012 " + nine + " 0100"},
	{adapter + " tls_hello=tls tls_versions=ssl3-tls1.1", nil, 66, "160301003d 01000039 0302 TIME CHANCE 00 0012 " + nine + " 0100"},
}

// The first bytes of a device are the documented ones: suites in their order, no
// session, no compression, no extensions.
func TestHelloIsTheDocumentedOne(t *testing.T) {
	for _, tt := range hellos {
		var seen [][]byte
		for range 2 {
			seen = append(seen, hello(t, visit{phone: tt.phone, set: tt.set}))
		}
		if slices.Equal(seen[0], seen[1]) {
			t.Errorf("%s: two hellos are the same: %x", tt.phone, seen[0])
		}
		for _, h := range seen {
			if len(h) != tt.bytes {
				t.Errorf("%s: %d bytes, want %d", tt.phone, len(h), tt.bytes)
			}
			compare(t, tt.phone, h, tt.hello)
		}
	}
}

// compare compares a hello with what is wanted.
func compare(t *testing.T, what string, hello []byte, want string) {
	t.Helper()
	clock := binary.BigEndian.AppendUint32(nil, uint32(today.Unix()))
	want = strings.NewReplacer(" ", "", "TIME", hex.EncodeToString(clock), "CHANCE32", strings.Repeat("..", 32), "CHANCE", strings.Repeat("..", 28)).Replace(want)
	got := hex.EncodeToString(hello)
	for i := range want {
		if i >= len(got) || want[i] != '.' && want[i] != got[i] {
			t.Errorf("%s: hello\n%s, want\n%s", what, got, want)
			return
		}
	}
}

// hello returns all that a device sends to a server that hears it and hangs up.
func hello(t *testing.T, v visit) []byte {
	t.Helper()
	l, err := net.Listen("tcp4", "127.0.0.1:0")
	extproc.Must(t, err)
	defer l.Close()
	heard := make(chan []byte, 1)
	go func() {
		heard <- first(l)
	}()
	s := &server{program: "listener", setup: plain, addr: l.Addr().String(), path: "/", read: func() string { return "" }}
	v.unjudged = "it hangs up"
	v.phone += " get_repeats=0" // 7.5.2b would come three times, and it hears one
	v.to(t, s).wants(t, "tls 0 alert 0; create ssl connection failed; https_get failed")
	return <-heard
}

// first returns what the first visitor says until it goes, without an answer.
func first(l net.Listener) []byte {
	c, err := l.Accept()
	if err != nil {
		return nil
	}
	defer c.Close()
	_ = c.SetDeadline(time.Now().Add(10 * time.Second))
	said := make([]byte, 1024)
	n, _ := c.Read(said) // what came is what counts
	_ = c.(*net.TCPConn).CloseWrite()
	more, _ := io.ReadAll(c)
	return append(said[:n], more...)
}

// One suite makes fifty bytes.
func TestHelloOfOneSuite(t *testing.T) {
	v := visit{phone: newPhone}
	u, p := v.device(t)
	c, err := stores.Client(&u, p, today)
	extproc.Must(t, err)
	c.Suites = c.Suites[:1]
	var sent bytes.Buffer
	if err := ssl.Connect(mute{&sent}, c).Handshake(); err == nil {
		t.Fatal("nobody shook hands")
	}
	if sent.Len() != 50 {
		t.Errorf("%d bytes: %x", sent.Len(), sent.Bytes())
	}
	compare(t, "one suite", sent.Bytes(), "160301002d 01000029 0301 TIME CHANCE 00 0002 0035 0100")
}

// A mute connection takes everything and ends.
type mute struct{ sent *bytes.Buffer }

func (m mute) Write(p []byte) (int, error)    { return m.sent.Write(p) }
func (mute) Read([]byte) (int, error)         { return 0, io.EOF }
func (mute) Close() error                     { return nil }
func (mute) LocalAddr() net.Addr              { return nil }
func (mute) RemoteAddr() net.Addr             { return nil }
func (mute) SetDeadline(time.Time) error      { return nil }
func (mute) SetReadDeadline(time.Time) error  { return nil }
func (mute) SetWriteDeadline(time.Time) error { return nil }

// OpenSSL reads the same in it.
func TestHelloAsOpenSSLReadsIt(t *testing.T) {
	o := visit{phone: newPhone}.to(t, mutual.at(t, sserver))
	o.wants(t, ok)
	o.leaves(t, "client_version=0x301 (TLS 1.0)", fmt.Sprintf("gmt_unix_time=0x%08X", today.Unix()), "session_id (len=0)",
		"cipher_suites (len=4)", "{0x00, 0x35} TLS_RSA_WITH_AES_256_CBC_SHA\n", "{0x00, 0x2F} TLS_RSA_WITH_AES_128_CBC_SHA\n", "No Compression (0x00)\n", "No extensions\n")
	if strings.Contains(o.seen(), "extension_type") {
		t.Errorf("extensions: %s", o.excerpt())
	}
}
