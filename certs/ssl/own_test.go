package ssl

import (
	"crypto/rsa"
	"crypto/sha256"
	"crypto/x509"
	"crypto/x509/pkix"
	"errors"
	"fmt"
	"io"
	"math/big"
	"math/rand/v2"
	"net"
	"sync"
	"testing"
	"time"
)

// issued is a certificate with its key, made once for all tests.
type issued struct {
	key  *rsa.PrivateKey
	cert *x509.Certificate
}

var material = sync.OnceValue(func() map[string]issued {
	made := map[string]issued{}
	make1 := func(name string, bits int, alg x509.SignatureAlgorithm, ca string) {
		key := keyNamed(name, bits)
		tmpl := &x509.Certificate{
			SerialNumber: big.NewInt(int64(len(made) + 1)), Subject: pkix.Name{CommonName: name, Organization: []string{"TEST"}},
			NotBefore: time.Unix(1e9, 0), NotAfter: time.Unix(4e9, 0), SignatureAlgorithm: alg,
			SubjectKeyId: []byte(name), BasicConstraintsValid: true, IsCA: ca == "", DNSNames: []string{"localhost"},
		}
		parent, signer := tmpl, key
		if ca != "" {
			parent, signer = made[ca].cert, made[ca].key
		}
		der, err := x509.CreateCertificate(nil, tmpl, parent, &key.PublicKey, signer)
		if err != nil {
			panic(err)
		}
		cert, err := x509.ParseCertificate(der)
		if err != nil {
			panic(err)
		}
		made[name] = issued{key, cert}
	}
	make1("ca", 1024, x509.SHA1WithRSA, "")
	make1("server", 1024, x509.SHA1WithRSA, "ca")
	make1("server2048", 2048, x509.SHA256WithRSA, "ca")
	make1("device", 1024, x509.SHA1WithRSA, "ca")
	make1("device2048", 2048, x509.SHA256WithRSA, "ca")
	make1("other", 1024, x509.SHA1WithRSA, "ca")
	return made
})

// keyNamed makes a key that is the same in each process, so that the seeds of a
// fuzz target mean the same to all of its workers.
func keyNamed(name string, bits int) *rsa.PrivateKey {
	chance := rand.NewChaCha8(sha256.Sum256([]byte(name)))
	prime := func() *big.Int {
		b := make([]byte, bits/16)
		_, _ = chance.Read(b)
		b[0] |= 0xc0
		b[len(b)-1] |= 1
		p := new(big.Int).SetBytes(b)
		for gcd := new(big.Int); ; p.Add(p, big.NewInt(2)) {
			if p.ProbablyPrime(0) && gcd.GCD(nil, nil, new(big.Int).Sub(p, big.NewInt(1)), big.NewInt(65537)).IsInt64() && gcd.Int64() == 1 {
				return p
			}
		}
	}
	p, q, one := prime(), prime(), big.NewInt(1)
	phi := new(big.Int).Mul(new(big.Int).Sub(p, one), new(big.Int).Sub(q, one))
	key := &rsa.PrivateKey{PublicKey: rsa.PublicKey{N: new(big.Int).Mul(p, q), E: 65537}, Primes: []*big.Int{p, q}}
	key.D = new(big.Int).ModInverse(big.NewInt(65537), phi)
	key.Precompute()
	if err := key.Validate(); err != nil {
		panic(err)
	}
	return key
}

func certificate(name string) *Certificate {
	m := material()[name]
	return &Certificate{Chain: [][]byte{m.cert.Raw}, Key: NewKey(m.key)}
}

// loopback returns both ends of a TCP connection.
func loopback(t testing.TB) (client, server net.Conn) {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	done := make(chan error, 1)
	go func() {
		var err error
		client, err = net.Dial("tcp", l.Addr().String())
		done <- err
	}()
	server, err = l.Accept()
	if e := <-done; err != nil || e != nil {
		t.Fatal(err, e)
	}
	deadline := time.Now().Add(20 * time.Second)
	if err := errors.Join(client.SetDeadline(deadline), server.SetDeadline(deadline)); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { client.Close(); server.Close() })
	return client, server
}

// exchange has the client say something and the server answer it, and returns
// what each met.
func exchange(client, server net.Conn) (clientErr, serverErr error) {
	var wg sync.WaitGroup
	wg.Go(func() { serverErr = answerOnce(server) })
	clientErr = askOnce(client)
	wg.Wait()
	return clientErr, serverErr
}

const question, reply = "GET / HTTP/1.0\r\n\r\n", "HTTP/1.0 200 OK\r\n\r\nprofile"

func askOnce(c net.Conn) error {
	defer c.Close()
	if _, err := io.WriteString(c, question); err != nil {
		return err
	}
	got, err := io.ReadAll(c)
	if err == nil && string(got) != reply {
		err = fmt.Errorf("the answer is %q", got)
	}
	return err
}

func answerOnce(c net.Conn) error {
	defer c.Close()
	got := make([]byte, len(question))
	if _, err := io.ReadFull(c, got); err != nil {
		return err
	}
	if string(got) != question {
		return fmt.Errorf("the question was %q", got)
	}
	_, err := io.WriteString(c, reply)
	return err
}

var (
	allVersions = []Version{SSL30, TLS10, TLS11}
	allSuites   = []Suite{RC4MD5, RC4SHA, DES3SHA, DHEDES3SHA, AES128SHA, DHEAES128SHA, AES256SHA, DHEAES256SHA}
)

func TestOwnClientAndOwnServerSpeakEverySuiteInEveryVersion(t *testing.T) {
	for _, v := range allVersions {
		for _, suite := range allSuites {
			for _, auth := range []string{"none", "asked", "shown", "later"} {
				t.Run(fmt.Sprint(v, suite, auth), func(t *testing.T) {
					t.Parallel()
					client := &Client{Min: v, Max: v, Suites: []Suite{suite}, EmptyFragments: true}
					server := &Server{Min: SSL30, Max: TLS11, Suites: allSuites, Certificate: certificate("server"), DHBits: 1024}
					ca := material()["ca"].cert
					if auth != "none" {
						server.Ask, server.Names = AskFirst, [][]byte{ca.RawSubject, ca.RawIssuer}
					}
					if auth == "later" {
						server.Ask = AskLater
					}
					if auth == "shown" || auth == "later" {
						client.Certificate = certificate("device")
					}
					a, b := loopback(t)
					cc, sc := Connect(a, client), Accept(b, server)
					if ce, se := exchange(cc, sc); ce != nil || se != nil {
						t.Fatalf("client: %v, server: %v", ce, se)
					}
					cs, ss := cc.State(), sc.State()
					if cs.Version != v || cs.Suite != suite || ss.Version != v || ss.Suite != suite {
						t.Errorf("client: %v %v, server: %v %v", cs.Version, cs.Suite, ss.Version, ss.Suite)
					}
					if shown := client.Certificate != nil; cs.Answered != shown || len(ss.Chain) == 1 != shown {
						t.Errorf("answered: %v, the server saw %d certificates", cs.Answered, len(ss.Chain))
					}
					if asked := auth != "none"; cs.Asked != asked || asked && (len(cs.Names) != 2 || string(cs.Names[0]) != string(ca.RawSubject)) {
						t.Errorf("asked: %v, with %d names", cs.Asked, len(cs.Names))
					}
					if want := 1024; specs[suite].dhe && (cs.DHBits != want || ss.DHBits != want) || !specs[suite].dhe && cs.DHBits != 0 {
						t.Errorf("prime of %d bits", cs.DHBits)
					}
				})
			}
		}
	}
}

// A client that allows SSL 3.0 takes it where the server has no better, with the
// version of its hello in the secret all the same.
func TestVersionsAreNegotiated(t *testing.T) {
	tests := []struct{ clientMin, clientMax, serverMin, serverMax, want Version }{
		{SSL30, TLS10, SSL30, SSL30, SSL30},
		{0, 0, 0, 0, TLS10},
		{SSL30, TLS11, TLS10, TLS10, TLS10},
		{TLS10, TLS10, SSL30, TLS11, TLS10},
		{SSL30, TLS11, TLS11, TLS11, TLS11},
	}
	for _, tt := range tests {
		for _, ssl2 := range []bool{false, true} {
			a, b := loopback(t)
			client := Connect(a, &Client{Min: tt.clientMin, Max: tt.clientMax, Suites: allSuites, SSL2Hello: ssl2, Certificate: certificate("device2048")})
			server := Accept(b, &Server{Min: tt.serverMin, Max: tt.serverMax, Suites: allSuites, Certificate: certificate("server2048"), Ask: AskFirst})
			if ce, se := exchange(client, server); ce != nil || se != nil {
				t.Fatalf("%v: client: %v, server: %v", tt, ce, se)
			}
			if v := client.State().Version; v != tt.want || server.State().Version != v {
				t.Errorf("%v: %v", tt, v)
			}
		}
	}
}
