package interop_test

import (
	"cmp"
	"crypto/rand"
	"crypto/rsa"
	"encoding/asn1"
	"encoding/pem"
	"fmt"
	"math/big"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"spafleet/bench/extproc"
	"spafleet/certs"
	"spafleet/certs/ssl"
	"spafleet/certs/trust"
)

// A setup is how a server is configured, in no server's words. What is left zero
// is how a server must be for these devices: TLS 1.0 to 1.2, security level 0, a
// certificate of Sipura 1 for prov.example.test, no question about theirs.
type setup struct {
	name     string
	on       string // the programs that run it, each a word
	cert     certs.ServerRequest
	min, max ssl.Version
	ciphers  string // in OpenSSL's words; "": AES256-SHA:AES128-SHA
	level    int    // OpenSSL's security level
	dh       int    // bits of the prime that is configured; 0: none is
	ask      asking
	roots    []certs.Name // that sign clients; nil: all
	later    bool         // it asks in a second handshake, after the request
	strict   bool         // and does so only with clients that know RFC 5746
	vhosts   []*setup     // on nginx, on the same port, by name, and before it
	// directives are what is added to the listener, by program, where ADDR, DIR and
	// ROOTS are its address, the folder of its key, and the file of roots.
	directives map[string]string
}

// Asking is whether a server asks for the client's certificate.
type asking string

const (
	never    asking = ""
	optional asking = "optional"
	required asking = "required"
)

// setups are all configurations. They are listed before the first test runs, so
// that each program starts once with all of its own.
var setups []*setup

// configure adds a setup.
func configure(s setup) *setup {
	if slices.ContainsFunc(setups, func(o *setup) bool { return o.name == s.name }) {
		panic("two setups are called " + s.name)
	}
	s.cert.CA = cmp.Or(s.cert.CA, certs.Sipura1)
	if s.cert.CN == "" && s.cert.Subject == nil {
		s.cert.CN = host
	}
	s.min, s.max = cmp.Or(s.min, ssl.TLS10), cmp.Or(s.max, trust.TLS12)
	s.ciphers = cmp.Or(s.ciphers, "AES256-SHA:AES128-SHA")
	setups = append(setups, &s)
	return &s
}

// runsOn says whether a program has a setup.
func (s *setup) runsOn(program string) bool { return slices.Contains(strings.Fields(s.on), program) }

func setupsOf(program string) []*setup {
	return slices.DeleteFunc(slices.Clone(setups), func(s *setup) bool { return !s.runsOn(program) })
}

// cipherString returns the ciphers with the security level, as OpenSSL reads it.
func (s *setup) cipherString() string {
	return fmt.Sprintf("%s:@SECLEVEL=%d", s.ciphers, s.level)
}

// versions are what servers call the protocols.
var versions = []struct {
	version ssl.Version
	openssl string
}{{ssl.TLS10, "TLSv1"}, {ssl.TLS11, "TLSv1.1"}, {trust.TLS12, "TLSv1.2"}}

// protocols returns the names of a setup's versions.
func (s *setup) protocols() []string {
	var names []string
	for _, v := range versions {
		if v.version >= s.min && v.version <= s.max {
			names = append(names, v.openssl)
		}
	}
	return names
}

// files are what a server reads: PEM, and the folder with the profile.
type files struct{ cert, key, both, roots, dh, web, profile string }

// files writes what a setup needs.
func (s *setup) files() (f files, err error) {
	c, err := s.certificate()
	if err != nil {
		return f, err
	}
	key, err := certs.EncodeKey(c.Key)
	if err != nil {
		return f, err
	}
	roots, err := s.clientRoots()
	if err != nil {
		return f, err
	}
	chain, dh := certs.EncodeCertificates(c.Chain), []byte{}
	if s.dh > 0 {
		dh = dhParams(s.dh)
	}
	profile := "<flat-profile><GPP_A>" + s.name + "</GPP_A></flat-profile>"
	for _, part := range []struct {
		path *string
		name string
		data []byte
	}{
		// Apache and HAProxy read the prime where the certificate stands.
		{&f.cert, "server.crt", slices.Concat(chain, dh)}, {&f.key, "server.key", key}, {&f.both, "server.pem", slices.Concat(chain, key, dh)},
		{&f.roots, "clients.pem", certs.EncodeCertificates(roots)}, {&f.dh, "dh.pem", dh}, {new(string), "short.pem", dhParams(1024)}, {&f.profile, "web/profile.xml", []byte(profile)},
	} {
		if *part.path, err = write(s.name+"/"+part.name, part.data); err != nil {
			return f, err
		}
	}
	f.web = strings.TrimSuffix(f.profile, "/profile.xml")
	return f, nil
}

// added returns a setup's directives for a program.
func (s *setup) added(program, addr string, f files) string {
	return strings.NewReplacer("ADDR", addr, "DIR", filepath.Dir(f.key), "ROOTS", f.roots).Replace(s.directives[program])
}

// certificate returns what the server shows. All servers have the same keys.
func (s *setup) certificate() (*ssl.Certificate, error) {
	r := s.cert
	key, err := serverKeys[cmp.Or(r.Bits, 2048)]()
	if err != nil {
		return nil, err
	}
	r.Key = &key.PublicKey
	c, err := pki.Server(r)
	if err != nil {
		return nil, err
	}
	return &ssl.Certificate{Chain: c.Chain, Key: key}, nil
}

var serverKeys = map[int]func() (*rsa.PrivateKey, error){
	1024: sync.OnceValues(func() (*rsa.PrivateKey, error) { return rsa.GenerateKey(rand.Reader, 1024) }),
	2048: sync.OnceValues(func() (*rsa.PrivateKey, error) { return rsa.GenerateKey(rand.Reader, 2048) }),
	4096: sync.OnceValues(func() (*rsa.PrivateKey, error) { return rsa.GenerateKey(rand.Reader, 4096) }),
}

func (s *setup) clientRoots() ([][]byte, error) {
	if s.roots == nil {
		return pki.ClientRoots()
	}
	var list [][]byte
	for _, n := range s.roots {
		a, err := pki.Authority(n)
		if err != nil {
			return nil, err
		}
		list = append(list, a.Cert.Raw)
	}
	return list, nil
}

// A named suite has its name in OpenSSL's words.
type named struct {
	name   string
	number ssl.Suite
}

// opensslSuites are those that a device may meet, in the order of ALL.
var opensslSuites = []named{
	{"ECDHE-RSA-AES256-GCM-SHA384", 0xc030}, {"ECDHE-RSA-AES128-GCM-SHA256", 0xc02f}, {"ECDHE-RSA-AES256-SHA", 0xc014},
	{"DHE-RSA-AES256-SHA", ssl.DHEAES256SHA}, {"ECDHE-RSA-AES128-SHA", 0xc013}, {"DHE-RSA-AES128-SHA", ssl.DHEAES128SHA},
	{"AES256-GCM-SHA384", 0x009d}, {"AES128-GCM-SHA256", 0x009c}, {"AES256-SHA", ssl.AES256SHA}, {"AES128-SHA", ssl.AES128SHA},
}

// nssSuites are those of NSS, in its order.
var nssSuites = []named{
	{"AES128-SHA", ssl.AES128SHA}, {"AES256-SHA", ssl.AES256SHA}, {"DES-CBC3-SHA", ssl.DES3SHA}, {"RC4-SHA", ssl.RC4SHA}, {"RC4-MD5", ssl.RC4MD5},
}

// suites returns what a program has of the setup's ciphers, in its order.
func (s *setup) suites(program string) (list []ssl.Suite) {
	has := opensslSuites
	if program == nss {
		has = nssSuites
	}
	for _, suite := range has {
		if s.ciphers == "ALL" || slices.Contains(strings.Split(s.ciphers, ":"), suite.name) {
			list = append(list, suite.number)
		}
	}
	return list
}

// described returns what a judge has to know of the setup as a program runs it.
func (s *setup) described(program string) (*trust.Server, error) {
	c, err := s.certificate()
	if err != nil {
		return nil, err
	}
	d := &trust.Server{Min: s.min, Max: s.max, Suites: s.suites(program), DHBits: s.dh, Chain: c.Chain, Status400: program == nginx, Level: s.level, Strict: s.strict}
	if program == apache && s.dh == 0 { // it takes a prime as long as its key
		d.DHBits = cmp.Or(s.cert.Bits, 2048)
	}
	if s.ask == never {
		return d, nil
	}
	d.Ask = ssl.AskFirst
	if s.later {
		d.Ask = ssl.AskLater
	}
	roots, err := s.clientRoots()
	if err != nil {
		return nil, err
	}
	list, err := trust.ReadAuthorities(certs.EncodeCertificates(roots))
	if err != nil {
		return nil, err
	}
	known, err := trust.Clients(list, time.Now)
	if err != nil {
		return nil, err
	}
	d.Verify = func(chain [][]byte) (*rsa.PublicKey, int) {
		if len(chain) == 0 && s.ask == optional {
			return nil, 0
		}
		return known(chain)
	}
	return d, nil
}

// dhParams returns the prime of RFC 2409 or RFC 3526 with that many bits, as
// servers read it. Such a prime is 2^n - 2^(n-64) - 1 + 2^64 (floor(2^(n-130) pi) + c).
func dhParams(bits int) []byte {
	c := map[int]int64{1024: 129093, 2048: 124476}[bits]
	one := big.NewInt(1)
	power := func(n int) *big.Int { return new(big.Int).Lsh(one, uint(n)) }
	p := power(bits)
	p.Sub(p, power(bits-64)).Sub(p, one)
	middle := pi(bits - 130)
	p.Add(p, middle.Add(middle, big.NewInt(c)).Lsh(middle, 64))
	der, err := asn1.Marshal(struct{ P, G *big.Int }{p, big.NewInt(2)})
	if err != nil {
		panic(err) // of two numbers
	}
	return pem.EncodeToMemory(&pem.Block{Type: "DH PARAMETERS", Bytes: der})
}

// pi returns floor(2^n pi), by Machin's formula.
func pi(n int) *big.Int {
	const spare = 64
	arctan := func(x int64) *big.Int { // of 1/x
		term := new(big.Int).Lsh(big.NewInt(1), uint(n+spare))
		term.Quo(term, big.NewInt(x))
		sum, square, part := new(big.Int), big.NewInt(x*x), new(big.Int)
		for k := int64(1); term.Sign() != 0; k += 2 {
			part.Quo(term, big.NewInt(k))
			if k%4 == 1 {
				sum.Add(sum, part)
			} else {
				sum.Sub(sum, part)
			}
			term.Quo(term, square)
		}
		return sum
	}
	a, b := arctan(5), arctan(239)
	a.Lsh(a, 2).Sub(a, b).Lsh(a, 2)
	return a.Rsh(a, spare)
}

// The programs.
const (
	nginx   = "nginx"
	apache  = "apache"
	haproxy = "haproxy"
	sserver = "s_server"
	nss     = "selfserv"
)

// programs start a server each, once, with all setups that run on it.
var programs = map[string]func() (map[*setup]*server, error){
	nginx: sync.OnceValues(startNginx), apache: sync.OnceValues(startApache), haproxy: sync.OnceValues(startHAProxy),
	sserver: sync.OnceValues(startSServer), nss: sync.OnceValues(startNSS),
}

// at returns where a setup runs on a program.
func (s *setup) at(t testing.TB, program string) *server {
	t.Helper()
	all, err := programs[program]()
	extproc.Must(t, err)
	if all[s] == nil {
		t.Fatalf("the setup %s does not run on %s", s.name, program)
	}
	return all[s]
}
