package doctor_test

import (
	"bytes"
	"compress/gzip"
	"compress/zlib"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"crypto/x509/pkix"
	"fmt"
	"io"
	"math/big"
	"net/netip"
	"os"
	"os/exec"
	"os/user"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"go.uber.org/goleak"

	"spafleet/bench/extproc"
	"spafleet/certs"
	"spafleet/certs/trust"
)

// host is the server's name in the URL of all questions.
const host = "prov.example.test"

// profileText is a profile that all models take whole.
const profileText = "<flat-profile><GPP_A>doctor</GPP_A></flat-profile>"

var pki = certs.New(1)

// A server is the nginx that all tests ask, with each configuration of testdata at an
// address of its own.
type server struct {
	dir   string
	at    map[string]netip.AddrPort // by the configuration's name
	certs *trust.Devices
	nginx *extproc.Process
}

var running struct {
	sync.Mutex
	*server
}

func TestMain(m *testing.M) {
	code := m.Run()
	if s := running.server; s != nil {
		s.nginx.Stop()
		os.RemoveAll(s.dir)
	}
	if code == 0 {
		if err := goleak.Find(); err != nil {
			fmt.Fprintln(os.Stderr, err)
			code = 1
		}
	}
	os.Exit(code)
}

// nginx returns the server, which the first test starts.
func nginx(t *testing.T) *server {
	t.Helper()
	running.Lock()
	defer running.Unlock()
	if running.server == nil {
		program := extproc.Need(t, "nginx", "nginx-light")
		running.server = start(t, program)
	}
	return running.server
}

func start(t *testing.T, program string) *server {
	t.Helper()
	dir, err := os.MkdirTemp("", "spafleet-doctor-")
	ok(t, err)
	ok(t, os.Chmod(dir, 0o755))
	s := &server{dir: dir, at: map[string]netip.AddrPort{}, certs: &trust.Devices{PKI: pki, Holder: &certs.Holder{PKI: pki}}}
	s.material(t)
	files, err := filepath.Glob("testdata/*.conf")
	ok(t, err)
	var blocks strings.Builder
	for _, file := range files {
		addr, err := extproc.Address()
		ok(t, err)
		s.at[strings.TrimSuffix(filepath.Base(file), ".conf")] = netip.MustParseAddrPort(addr)
	}
	for _, file := range files {
		text, err := os.ReadFile(file)
		ok(t, err)
		name := strings.TrimSuffix(filepath.Base(file), ".conf")
		blocks.WriteString(strings.NewReplacer("ADDR", s.at[name].String(), "DIR", dir, "PORT", fmt.Sprint(s.at["right"].Port())).Replace(string(text)))
	}
	u, err := user.Current()
	ok(t, err)
	var b strings.Builder
	fmt.Fprintf(&b, "daemon off;\nworker_processes 1;\nuser %s;\npid %s/pid;\nerror_log %s/error.log info;\nevents { worker_connections 1024; }\nhttp {\n", u.Username, dir, dir)
	fmt.Fprintf(&b, "log_format who '$server_port $remote_addr $request_method $request_uri \"$http_user_agent\" $status';\naccess_log %s/access.log who;\nssl_session_cache off;\ndefault_type application/octet-stream;\n", dir)
	for _, temp := range []string{"client_body", "proxy", "fastcgi", "uwsgi", "scgi"} {
		fmt.Fprintf(&b, "%s_temp_path %s/%s;\n", temp, dir, temp)
	}
	s.write(t, "nginx.conf", []byte(b.String()+blocks.String()+"}\n"))
	s.nginx, err = extproc.Start(exec.Command(program, "-c", filepath.Join(dir, "nginx.conf"), "-p", dir))
	ok(t, err)
	ok(t, s.nginx.Until("it listens", func() bool {
		return extproc.Accepts(s.at["right"].String())() && extproc.Accepts(s.at["plain"].String())()
	}))
	return s
}

func ok(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func (s *server) write(t *testing.T, name string, data []byte) {
	t.Helper()
	path := filepath.Join(s.dir, name)
	ok(t, os.MkdirAll(filepath.Dir(path), 0o755))
	ok(t, os.WriteFile(path, data, 0o644))
}

// material writes the files that the configurations name.
func (s *server) material(t *testing.T) {
	t.Helper()
	s.write(t, "web/profile.xml", []byte(profileText))
	s.write(t, "web/index.html", []byte("<!DOCTYPE html><html><body>Welcome</body></html>"))
	s.write(t, "empty/index.html", []byte("<!DOCTYPE html><html><body>Welcome</body></html>"))
	s.write(t, "users", []byte("phone:{PLAIN}word\n"))
	s.write(t, "profile.gz", packed(t, func(w io.Writer) io.WriteCloser { return gzip.NewWriter(w) }))
	s.write(t, "profile.zlib", packed(t, func(w io.Writer) io.WriteCloser { return zlib.NewWriter(w) }))
	prime, err := os.ReadFile("testdata/dh2048.pem")
	ok(t, err)
	s.write(t, "dh2048.pem", prime)

	key, err := rsa.GenerateKey(rand.Reader, 2048)
	ok(t, err)
	pem, err := certs.EncodeKey(key)
	ok(t, err)
	s.write(t, "server.key", pem)
	for name, r := range map[string]certs.ServerRequest{
		"right": {CN: host}, "wrong-name": {CN: "other.example.test"}, "sha256-leaf": {CN: host, Hash: sha256Hash},
		"unknown-root": {CA: certs.Public, CN: host, Hash: sha1Hash}, "ended": {CN: host, To: time.Date(2019, 1, 1, 0, 0, 0, 0, time.UTC)},
	} {
		if r.CA == "" {
			r.CA = certs.Sipura1
		}
		r.Key = &key.PublicKey
		c, err := pki.Server(r)
		ok(t, err)
		s.write(t, name+".crt", certs.EncodeCertificates(c.Chain))
	}
	s.ownAuthorities(t, key)

	all, err := pki.Bundle()
	ok(t, err)
	s.write(t, "clients.pem", all)
	var later [][]byte
	for _, n := range []certs.Name{certs.CiscoSBClient1, certs.CiscoSBClient2} {
		a, err := pki.Authority(n)
		ok(t, err)
		later = append(later, a.Cert.Raw)
	}
	s.write(t, "clients-lacking.pem", certs.EncodeCertificates(later))
}

func packed(t *testing.T, by func(io.Writer) io.WriteCloser) []byte {
	t.Helper()
	var b bytes.Buffer
	w := by(&b)
	_, err := io.WriteString(w, profileText)
	ok(t, err)
	ok(t, w.Close())
	return b.Bytes()
}

// ownAuthorities makes authorities of the operator's own, which the devices trust: one
// signed with SHA-1 that has another one below it, and one signed with SHA-256.
func (s *server) ownAuthorities(t *testing.T, server *rsa.PrivateKey) {
	t.Helper()
	above, err := rsa.GenerateKey(rand.Reader, 2048)
	ok(t, err)
	below, err := rsa.GenerateKey(rand.Reader, 2048)
	ok(t, err)
	serial := int64(0)
	issue := func(name string, hash x509.SignatureAlgorithm, of, by *rsa.PrivateKey, parent *x509.Certificate) *x509.Certificate {
		serial++
		c := &x509.Certificate{SerialNumber: big.NewInt(serial), Subject: pkix.Name{CommonName: name}, NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour),
			SignatureAlgorithm: hash, IsCA: name != host, BasicConstraintsValid: true}
		if parent == nil {
			parent = c
		} else if parent.Subject.CommonName != parent.Issuer.CommonName {
			c.IssuingCertificateURL = []string{"http://ca.example.test/below.crt"}
		}
		der, err := x509.CreateCertificate(rand.Reader, c, parent, &of.PublicKey, by)
		ok(t, err)
		c, err = x509.ParseCertificate(der)
		ok(t, err)
		return c
	}
	root := issue("Operator Root", x509.SHA1WithRSA, above, above, nil)
	middle := issue("Operator Middle", x509.SHA1WithRSA, below, above, root)
	leaf := issue(host, x509.SHA1WithRSA, server, below, middle)
	modern := issue("Operator Modern Root", x509.SHA256WithRSA, above, above, nil)
	plain := issue(host, x509.SHA1WithRSA, server, above, modern)
	s.write(t, "leaf-alone.crt", certs.EncodeCertificates([][]byte{leaf.Raw}))
	s.write(t, "whole-chain.crt", certs.EncodeCertificates([][]byte{leaf.Raw, middle.Raw}))
	s.write(t, "sha256-root.crt", certs.EncodeCertificates([][]byte{plain.Raw}))
	s.certs.Extra = []*x509.Certificate{root, modern}
}
