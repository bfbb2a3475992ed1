package ssl

import (
	"bytes"
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
	"sync"
	"syscall"
	"testing"
	"time"
)

// need finds a program of somebody else's. Without it the test is skipped,
// except in CI, where a test that does not run is a failure.
func need(t *testing.T, program, debianPackage string) string {
	t.Helper()
	path, err := exec.LookPath(program)
	if err != nil {
		if os.Getenv("CI") != "" {
			t.Fatalf("%s is missing: install the Debian package %s", program, debianPackage)
		}
		t.Skipf("%s is missing: install the Debian package %s", program, debianPackage)
	}
	return path
}

// output is what a process printed so far.
type output struct {
	mu  sync.Mutex
	buf bytes.Buffer
}

func (o *output) Write(p []byte) (int, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.buf.Write(p)
}

func (o *output) String() string {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.buf.String()
}

// A peer is a server of somebody else's that runs on loopback.
type peer struct {
	addr  string
	log   *output
	input io.Writer
}

// start runs a server until the test ends, and waits until it takes connections.
// The arguments are those after ADDR and PORT were filled in.
func start(t *testing.T, program string, args ...string) peer {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	p := peer{addr: l.Addr().String(), log: &output{}}
	l.Close()
	_, port, _ := net.SplitHostPort(p.addr)
	fill := strings.NewReplacer("ADDR", p.addr, "PORT", port)
	for i := range args {
		args[i] = fill.Replace(args[i])
	}
	cmd := exec.Command(program, args...)
	cmd.Env = append(os.Environ(), "NSS_SSL_ENABLE_RENEGOTIATION=u")
	cmd.Stdout, cmd.Stderr = p.log, p.log
	stdin, err := cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	p.input = stdin
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	ended := make(chan struct{})
	go func() {
		_ = cmd.Wait()
		close(ended)
	}()
	t.Cleanup(func() {
		_ = cmd.Process.Signal(syscall.SIGTERM) // it may have ended before
		<-ended
		if t.Failed() {
			t.Logf("%s %s: %s", program, strings.Join(args, " "), p.log)
		}
	})
	waitFor(t, program+" answers", func() bool {
		select {
		case <-ended:
			t.Fatalf("%s ended: %s", program, p.log)
		default:
		}
		c, err := net.DialTimeout("tcp", p.addr, time.Second)
		if err == nil {
			c.Close()
		}
		return err == nil
	})
	return p
}

// waitFor polls a condition of another process.
func waitFor(t *testing.T, what string, held func() bool) {
	t.Helper()
	deadline := time.NewTimer(20 * time.Second)
	defer deadline.Stop()
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	for !held() {
		select {
		case <-tick.C:
		case <-deadline.C:
			t.Fatalf("%s: not within 20 s", what)
		}
	}
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
	openssl := need(t, "openssl", "openssl")
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
	selfserv := need(t, "selfserv", "libnss3-tools")
	dir := files(t)
	db := "sql:" + nssStore(t, dir)
	for auth, more := range map[string][]string{"none": nil, "shown": {"-r", "-r"}} {
		args := append([]string{"-d", db, "-n", "server", "-p", "PORT", "-V", "ssl3:tls1.1", "-H", "1", "-W", "1", "-v", "-c", ":0004:0005:000A:002F:0035:0016:0033:0039"}, more...)
		server := start(t, selfserv, args...)
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
