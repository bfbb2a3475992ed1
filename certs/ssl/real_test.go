package ssl

import (
	"bufio"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"spafleet/bench/extproc"
)

// A running is a server of somebody else's that runs on loopback.
type running struct {
	addr  string
	log   *extproc.Process
	input io.Writer
}

// start runs a server until the test ends, and waits until it takes connections.
// The arguments are those after ADDR and PORT were filled in.
func start(t *testing.T, program string, args ...string) running {
	t.Helper()
	addr, err := extproc.Address()
	extproc.Must(t, err)
	_, port, _ := net.SplitHostPort(addr)
	fill := strings.NewReplacer("ADDR", addr, "PORT", port)
	for i := range args {
		args[i] = fill.Replace(args[i])
	}
	cmd := exec.Command(program, args...)
	cmd.Env = append(os.Environ(), "NSS_SSL_ENABLE_RENEGOTIATION=u")
	stdin, err := cmd.StdinPipe()
	extproc.Must(t, err)
	return running{addr, extproc.Run(t, cmd, extproc.Accepts(addr)), stdin}
}

// startNSS starts NSS's server. It takes connections long before it answers: it
// first makes DH parameters, which takes a busy machine many seconds.
func startNSS(t *testing.T, args ...string) running {
	t.Helper()
	server := start(t, extproc.Need(t, "selfserv", "libnss3-tools"), append([]string{"-n", "server", "-p", "PORT", "-v"}, args...)...)
	extproc.Must(t, server.log.Until("it is ready", func() bool { return strings.Contains(server.log.Output(), "About to call accept.") }))
	return server
}

// files writes the tests' authority and certificates where servers can read them.
func files(t *testing.T) string {
	t.Helper()
	dir := t.TempDir()
	for name, m := range material() {
		cert := pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: m.cert.Raw})
		key := pem.EncodeToMemory(&pem.Block{Type: "RSA PRIVATE KEY", Bytes: x509.MarshalPKCS1PrivateKey(m.key)})
		write(t, filepath.Join(dir, name+".crt"), cert)
		write(t, filepath.Join(dir, name+".key"), key)
	}
	return dir
}

func write(t *testing.T, path string, content []byte) {
	t.Helper()
	if err := os.WriteFile(path, content, 0o600); err != nil {
		t.Fatal(err)
	}
}

func run(t *testing.T, program string, args ...string) {
	t.Helper()
	if out, err := exec.Command(program, args...).CombinedOutput(); err != nil {
		t.Fatalf("%s %s: %v\n%s", program, strings.Join(args, " "), err, out)
	}
}

func dial(t *testing.T, addr string, c *Client) *Conn {
	t.Helper()
	conn, err := net.Dial("tcp", addr)
	if err != nil {
		t.Fatal(err)
	}
	if err := conn.SetDeadline(time.Now().Add(20 * time.Second)); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { conn.Close() })
	return Connect(conn, c)
}

// get asks for a page and returns all that comes.
func get(t *testing.T, c *Conn) string {
	t.Helper()
	if _, err := io.WriteString(c, question); err != nil {
		t.Fatal(err)
	}
	got, err := io.ReadAll(c)
	if err != nil && !errors.Is(err, io.ErrUnexpectedEOF) {
		t.Errorf("after %q: %v", got, err)
	}
	if err := c.Close(); err != nil {
		t.Error(err)
	}
	return string(got)
}

func TestClientAgainstOpenSSL(t *testing.T) {
	openssl := extproc.Need(t, "openssl", "openssl")
	dir := files(t)
	dh := filepath.Join(dir, "dh.pem")
	write(t, dh, dhFile(groups[1024]))
	for _, key := range []string{"server", "server2048"} {
		server := start(t, openssl, "s_server", "-accept", "ADDR", "-www", "-cert", filepath.Join(dir, key+".crt"), "-key", filepath.Join(dir, key+".key"),
			"-CAfile", filepath.Join(dir, "ca.crt"), "-verify", "1", "-cipher", "ALL:@SECLEVEL=0", "-dhparam", dh)
		for _, v := range []Version{TLS10, TLS11} {
			for _, suite := range []Suite{AES128SHA, AES256SHA, DHEAES128SHA, DHEAES256SHA} {
				for _, device := range []string{"", "device", "device2048"} {
					t.Run(fmt.Sprint(key, v, suite, device), func(t *testing.T) {
						c := &Client{Min: v, Max: v, Suites: []Suite{ExportRC4MD5, suite}, EmptyFragments: true, Now: time.Now}
						if device != "" {
							c.Certificate = certificate(device)
						}
						conn := dial(t, server.addr, c)
						page := get(t, conn)
						if want := map[Version]string{TLS10: "TLSv1", TLS11: "TLSv1.1"}[v]; !strings.Contains(page, "Protocol  : "+want+"\n") || !strings.Contains(page, "Cipher    : "+suite.String()+"\n") {
							t.Errorf("the server's page: %s", page)
						}
						if seen := strings.Contains(page, "Subject: O=TEST, CN="+device+"\n"); device != "" && !seen {
							t.Errorf("the server does not show the certificate of %q: %s", device, page)
						}
						if s := conn.State(); !s.Asked || s.Answered != (device != "") || len(s.Names) != 1 || specs[suite].dhe && s.DHBits != 1024 {
							t.Errorf("state: %+v", s)
						}
					})
				}
			}
		}
	}
}

func TestClientAgainstNSS(t *testing.T) {
	dir := files(t)
	db := "sql:" + nssStore(t, dir)
	for auth, more := range map[string][]string{"none": nil, "shown": {"-r", "-r"}} {
		args := append([]string{"-d", db, "-V", "ssl3:tls1.1", "-H", "1", "-W", "1", "-c", ":0004:0005:000A:002F:0035:0016:0033:0039"}, more...)
		server := startNSS(t, args...)
		for _, v := range allVersions {
			for _, suite := range allSuites {
				t.Run(fmt.Sprint(v, suite, auth), func(t *testing.T) {
					c := &Client{Min: v, Max: v, Suites: []Suite{suite}, EmptyFragments: true}
					if auth == "shown" {
						c.Certificate = certificate("device")
					}
					conn := dial(t, server.addr, c)
					if page := get(t, conn); !strings.HasPrefix(page, "HTTP/1.0 200 OK") {
						t.Errorf("the server's page: %q", page)
					}
					if s := conn.State(); s.Version != v || s.Suite != suite || s.Answered != (auth == "shown") {
						t.Errorf("state: %+v", s)
					}
				})
			}
		}
	}
}

func TestSSL2HelloAgainstOpenSSL(t *testing.T) {
	openssl := extproc.Need(t, "openssl", "openssl")
	dir := files(t)
	server := start(t, openssl, "s_server", "-accept", "ADDR", "-www", "-cert", filepath.Join(dir, "server.crt"), "-key", filepath.Join(dir, "server.key"), "-cipher", "ALL:@SECLEVEL=0")
	conn := dial(t, server.addr, &Client{Suites: []Suite{DHEAES256SHA, AES256SHA, RC4MD5}, SSL2Hello: true})
	if page := get(t, conn); !strings.Contains(page, "Cipher    : DHE-RSA-AES256-SHA\n") {
		t.Errorf("the server's page: %s", page)
	}
}

// OpenSSL's server asks for a certificate in the middle of a connection, while
// data of its own is under way.
func TestSecondHandshakeWithOpenSSL(t *testing.T) {
	openssl := extproc.Need(t, "openssl", "openssl")
	dir := files(t)
	tests := map[string]struct {
		on    Renegotiation
		flags []string
		alert Alert // that ends it; CloseNotify: none does
		sent  bool
	}{
		"shaken":            {Renegotiate, []string{"-legacy_renegotiation"}, CloseNotify, false},
		"without RFC 5746":  {Renegotiate, nil, HandshakeFailure, false},
		"refused":           {RefuseHello, []string{"-legacy_renegotiation"}, HandshakeFailure, false},
		"as firmware 7.5.7": {FailCertified, []string{"-legacy_renegotiation"}, HandshakeFailure, true},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			server := start(t, openssl, append([]string{"s_server", "-accept", "ADDR", "-cert", filepath.Join(dir, "server.crt"), "-key", filepath.Join(dir, "server.key"),
				"-CAfile", filepath.Join(dir, "ca.crt"), "-cipher", "ALL:@SECLEVEL=0", "-tls1"}, tt.flags...)...)
			conn := dial(t, server.addr, &Client{Suites: []Suite{AES256SHA}, OnHelloRequest: tt.on, EmptyFragments: true, Certificate: certificate("device")})
			if _, err := io.WriteString(conn, "a question\n"); err != nil {
				t.Fatal(err)
			}
			extproc.Must(t, server.log.Until("the question comes", func() bool { return strings.Contains(server.log.Output(), "a question") }))
			lines := bufio.NewReader(conn)
			say := func(line string) { _, _ = io.WriteString(server.input, line+"\n") }
			say("before")
			if got, err := lines.ReadString('\n'); got != "before\n" {
				t.Fatalf("%q, %v", got, err)
			}
			say("R") // s_server's command to shake hands again and ask
			if tt.alert != CloseNotify {
				_, err := lines.ReadString('\n')
				var e *Error
				if !errors.As(err, &e) || e.Alert != tt.alert || e.Sent != tt.sent {
					t.Errorf("%v", err)
				}
				return
			}
			read := make(chan string, 1)
			go func() {
				line, err := lines.ReadString('\n')
				read <- fmt.Sprint(line, err)
			}()
			extproc.Must(t, server.log.Until("the certificate comes", func() bool { return strings.Contains(server.log.Output(), "CN = device") }))
			say("after")
			if got := <-read; got != "after\n<nil>" {
				t.Errorf("%q", got)
			}
			if _, err := io.WriteString(conn, "thanks\n"); err != nil {
				t.Error(err)
			}
			extproc.Must(t, server.log.Until("the thanks come", func() bool { return strings.Contains(server.log.Output(), "thanks") }))
			if !conn.State().Answered || len(conn.State().Names) != 1 {
				t.Errorf("state: %+v", conn.State())
			}
		})
	}
}

// A client that would rather speak TLS 1.0 finds an NSS that has SSL 3.0 only.
func TestFallingBackToSSL3WithNSS(t *testing.T) {
	server := startNSS(t, "-d", "sql:"+nssStore(t, files(t)), "-V", "ssl3:ssl3", "-c", ":0004:0035")
	conn := dial(t, server.addr, &Client{Suites: []Suite{AES256SHA, RC4MD5}, EmptyFragments: true})
	if page := get(t, conn); !strings.HasPrefix(page, "HTTP/1.0 200 OK") || conn.State().Version != SSL30 {
		t.Errorf("the server's page: %q, state %+v", page, conn.State())
	}
	refused := dial(t, server.addr, &Client{Min: TLS10, Suites: []Suite{AES256SHA}})
	var e *Error
	if err := refused.Handshake(); !errors.As(err, &e) || e.Alert != HandshakeFailure || !e.Sent {
		t.Errorf("a client of TLS 1.0 alone: %v", err)
	}
}

// NSS asks after it has read the request, and waits with its answer.
func TestSecondHandshakeWithNSS(t *testing.T) {
	dir := files(t)
	server := startNSS(t, "-d", "sql:"+nssStore(t, dir), "-V", "ssl3:tls1.1", "-c", ":0004:000A:002F:0035", "-r", "-r", "-r", "-r")
	for _, v := range allVersions {
		for _, suite := range []Suite{RC4MD5, DES3SHA, AES256SHA} {
			t.Run(fmt.Sprint(v, suite), func(t *testing.T) {
				conn := dial(t, server.addr, &Client{Min: v, Max: v, Suites: []Suite{suite}, Certificate: certificate("device"), EmptyFragments: true})
				if err := conn.Handshake(); err != nil || conn.State().Asked {
					t.Fatalf("%v, %+v", err, conn.State())
				}
				if page := get(t, conn); !strings.HasPrefix(page, "HTTP/1.0 200 OK") || !conn.State().Answered {
					t.Errorf("the server's page: %q, state %+v", page, conn.State())
				}
			})
		}
	}
}

// OpenSSL's own client meets the small server.
func TestServerAgainstOpenSSL(t *testing.T) {
	openssl := extproc.Need(t, "openssl", "openssl")
	dir := files(t)
	for _, asking := range []Asking{AskNever, AskFirst, AskLater} {
		for _, v := range []Version{TLS10, TLS11} {
			for _, suite := range []Suite{AES128SHA, AES256SHA, DHEAES128SHA, DHEAES256SHA} {
				t.Run(fmt.Sprint(asking, v, suite), func(t *testing.T) {
					l, err := net.Listen("tcp", "127.0.0.1:0")
					if err != nil {
						t.Fatal(err)
					}
					listener := &Listener{Listener: l, Server: &Server{Max: TLS11, Suites: allSuites, Certificate: certificate("server"), DHBits: 1024, Ask: asking}}
					defer listener.Close()
					var state State
					served := make(chan error, 1)
					go func() {
						conn, err := listener.Accept()
						if err == nil {
							_ = conn.SetDeadline(time.Now().Add(20 * time.Second))
							err = answerOnce(conn)
							state = conn.(*Conn).State()
						}
						served <- err
					}()
					cmd := exec.Command(openssl, "s_client", "-connect", l.Addr().String(), "-quiet", "-legacy_server_connect", "-legacy_renegotiation", "-cipher", suite.String()+":@SECLEVEL=0",
						"-cert", filepath.Join(dir, "device.crt"), "-key", filepath.Join(dir, "device.key"), map[Version]string{TLS10: "-tls1", TLS11: "-tls1_1"}[v])
					cmd.Stdin = strings.NewReader(question)
					out, err := cmd.CombinedOutput()
					if e := <-served; e != nil || !strings.HasSuffix(string(out), reply) {
						t.Fatalf("the server: %v; s_client: %v, %s", e, err, out)
					}
					if state.Version != v || state.Suite != suite || (len(state.Chain) == 1) != (asking != AskNever) {
						t.Errorf("state: %+v", state)
					}
				})
			}
		}
	}
}
