package main

import (
	"bufio"
	"bytes"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"os/exec"
	"strings"
	"testing"
	"time"

	"spafleet/bench/extproc"
	"spafleet/device/profile"
)

const goodBody = "<flat-profile><GPP_C>applied</GPP_C></flat-profile>"

// Whatever a server does, a device fails with the text of its firmware, applies
// nothing, and the program goes on.
func TestBadServersGiveTheDevicesWording(t *testing.T) {
	silent := listener(t, func(c net.Conn) { _, _ = io.Copy(io.Discard, c) })
	garbage := listener(t, func(c net.Conn) { fmt.Fprint(c, "\x15\x03\x01\x00\x02\x02\x28 what?\r\n\r\n") })
	endless := listener(t, func(c net.Conn) {
		_, _ = bufio.NewReader(c).ReadString('\n')
		fmt.Fprint(c, "HTTP/1.1 200 OK\r\n\r\n")
		for _, err := c.Write(make([]byte, 64<<10)); err == nil; {
			_, err = c.Write(make([]byte, 64<<10))
		}
	})
	headers := listener(t, func(c net.Conn) {
		_, _ = bufio.NewReader(c).ReadString('\n')
		fmt.Fprint(c, "HTTP/1.1 200 OK\r\n")
		for _, err := fmt.Fprintf(c, "X: %s\r\n", strings.Repeat("x", 1000)); err == nil; {
			_, err = fmt.Fprintf(c, "X: %s\r\n", strings.Repeat("x", 1000))
		}
	})
	// It waits for the end of a request, which no hello holds; one in eight holds the
	// end of a line, by chance.
	plain := listener(t, func(c net.Conn) {
		r := bufio.NewReader(c)
		for line, err := r.ReadString('\n'); err == nil && strings.TrimSpace(line) != ""; {
			line, err = r.ReadString('\n')
		}
	})
	server := httptest.NewServer(badServer(forgotten(t)))
	t.Cleanup(server.Close) // when the parallel tests have ended
	tests := []struct{ name, rule, err, result string }{
		{"an HTML page", server.URL + "/page.html", "corrupt file", "corrupt"},
		{"a truncated profile", server.URL + "/truncated.xml", "corrupt file", "corrupt"},
		{"a body shorter than its length", server.URL + "/short.xml", "corrupt file", "corrupt"},
		{"an empty file", server.URL + "/empty.xml", "corrupt file", "corrupt"},
		{"40 MB", server.URL + "/40mb.xml", "file size exceeds internal buffer", "corrupt"},
		{"a gzip bomb", server.URL + "/bomb.gz", "file size exceeds internal buffer", "corrupt"},
		{"a wrong key", "[--key wrong] " + server.URL + "/locked.enc", "file decrypt error", "decrypt"},
		{"a plain file under a key", "[--key k] " + server.URL + "/good.xml", "expecting an encrypted file", "corrupt"},
		{"the digest of OpenSSL 3", "[--key k] " + server.URL + "/sha256.enc", "file decrypt error", "decrypt"},
		{"a redirect loop", server.URL + "/loop", "http_get failed", "status"},
		{"status 500", server.URL + "/500", "http_get failed", "status"},
		{"status 404", server.URL + "/none", "file not found", "not_found"},
		{"a server that never answers", "http://" + silent + "/x", "http_get failed", "timeout"},
		{"garbage", "http://" + garbage + "/x", "http_get failed", "corrupt"},
		{"an endless body", "http://" + endless + "/x", "file size exceeds internal buffer", "corrupt"},
		{"endless headers", "http://" + headers + "/x", "http_get failed", "corrupt"},
		{"nobody there", "http://" + free(t) + "/x", "http_get failed", "connect"},
		{"nobody there by TFTP", "tftp://127.0.0.1:1/x", "tftp_get failed", "timeout"},
		{"https without SSL", "https://" + garbage + "/x", "https_get failed", "tls"},
		{"https to a plain server that waits for a request", "https://" + plain + "/good.xml", "https_get failed", "timeout"},
		{"https and never an answer", "https://" + silent + "/x", "https_get failed", "timeout"},
		{"https where nobody is", "https://" + free(t) + "/x", "https_get failed", "connect"},
		{"a scheme of another world", "ftp://127.0.0.1/x", "ftp scheme not supported", "scheme"},
		{"a rule that is none", "(oops", "parse error", "rule"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			began := time.Now()
			r := runJSON(t, "run", "--model", "SPA504G", "--count", "3", "--profile-rule", tt.rule, "--set", "Resync_Random_Delay=0",
				"--switch", "client_certificate=none", "--switch", "http_read_wait=200ms", "--switch", "tftp_wait=50ms", "--switch", "tftp_tries=2", "--duration", "3s", "--json")
			if r.Resyncs.OK != 0 || r.Resyncs.Failed != 3 {
				t.Fatalf("resyncs %+v", r.Resyncs)
			}
			e := r.Findings.Errors[0]
			if e.Err != tt.err || e.Result != tt.result {
				t.Errorf("the devices say %q (%s), want %q (%s)", e.Err, e.Result, tt.err, tt.result)
			}
			if took := time.Since(began); took > 20*time.Second {
				t.Errorf("it took %s", took)
			}
			if strings.Contains(tt.name, "OpenSSL") && !strings.Contains(e.Hint, "-md md5") {
				t.Errorf("hint %q does not say -md md5", e.Hint)
			}
		})
	}
}

// badServer answers as no provisioning server should.
func badServer(sha256 []byte) http.Handler {
	mux := http.NewServeMux()
	serve := func(path string, body []byte) {
		mux.HandleFunc(path, func(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write(body) })
	}
	serve("/page.html", []byte("<!DOCTYPE html><html><head><title>Login</title></head><body>Please log in</body></html>"))
	serve("/truncated.xml", []byte(goodBody[:len(goodBody)-5]))
	serve("/empty.xml", nil)
	serve("/good.xml", []byte(goodBody))
	serve("/40mb.xml", bytes.Repeat([]byte("<GPP_A>x</GPP_A>"), 40<<20/16))
	serve("/bomb.gz", profile.Gzip(bytes.Repeat([]byte(" "), 40<<20)))
	serve("/locked.enc", profile.Encrypt([]byte(goodBody), "right", [8]byte{1}))
	serve("/sha256.enc", sha256)
	mux.HandleFunc("/short.xml", func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Length", "1000")
		_, _ = io.WriteString(w, goodBody)
	})
	mux.HandleFunc("/loop", func(w http.ResponseWriter, r *http.Request) { http.Redirect(w, r, "/loop", http.StatusFound) })
	mux.HandleFunc("/500", func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusInternalServerError) })
	return mux
}

// forgotten encrypts goodBody as openssl 3 does where -md md5 is forgotten.
func forgotten(t *testing.T) []byte {
	t.Helper()
	cmd := exec.Command(extproc.Need(t, "openssl", "openssl"), "enc", "-aes-256-cbc", "-md", "sha256", "-k", "k", "-S", "0102030405060708") // of the salts of chance one in 256 looks well padded
	cmd.Stdin = strings.NewReader(goodBody)
	out, err := cmd.Output()
	if err != nil {
		t.Fatal(err)
	}
	head := []byte("Salted__\x01\x02\x03\x04\x05\x06\x07\x08") // which openssl 3 leaves out where it is told the salt
	return append(head, bytes.TrimPrefix(out, head)...)
}

// listener serves raw connections until the test ends.
func listener(t *testing.T, serve func(net.Conn)) string {
	t.Helper()
	l, err := net.Listen("tcp4", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			go func() {
				defer c.Close()
				serve(c)
			}()
		}
	}()
	t.Cleanup(func() {
		l.Close()
		<-ended
	})
	return l.Addr().String()
}
