package prov

import (
	"crypto"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"net"
	"slices"
	"strconv"
	"strings"
	"time"

	"spafleet/certs"
	"spafleet/certs/ssl"
	"spafleet/certs/trust"
	"spafleet/device/model"
)

// An HTTPSConfig describes a listener by authorities and names of a PKI: one
// certificate on one port, as the devices need, which name no server when they
// connect. The zero HTTPSConfig shows a certificate of Sipura 1 for the server's
// name, in TLS 1.0 with every suite, and asks clients for none.
type HTTPSConfig struct {
	Port     int // 0: a free one
	CA       certs.Name
	CN       *string // nil: the server's name
	SAN      []string
	From, To time.Time // zero: always
	Bits     int
	Hash     crypto.Hash
	Least    int // versions, as on the wire
	Most     int
	Suites   []ssl.Suite
	DH       int    // bits of the prime; 0: no DHE
	Strict   bool   // it hangs up on hellos in the format of SSL 2.0
	Client   string // "" or none, request, require, match, renegotiate
	Roots    []certs.Name
	Weakest  crypto.Hash // of client certificates that it takes; 0: MD5
}

var (
	serverAuthorities = []certs.Name{certs.Sipura1, certs.Linksys1, certs.CiscoSB1, certs.CiscoSB2, certs.VerisignServer, certs.Public}
	clientAuthorities = []certs.Name{certs.SipuraClient1, certs.LinksysClient1, certs.CiscoSBClient1, certs.CiscoSBClient2}
	askings           = []string{"none", "request", "require", "match", "renegotiate"}
	suites            = []ssl.Suite{ssl.AES256SHA, ssl.AES128SHA, ssl.DHEAES256SHA, ssl.DHEAES128SHA, ssl.RC4SHA, ssl.RC4MD5, ssl.DES3SHA, ssl.DHEDES3SHA}
)

// ServerSuites returns the suites that a listener can offer, in its order.
func ServerSuites() []ssl.Suite { return slices.Clone(suites) }

// ParseServerAuthority reads the name of an authority that signs servers.
func ParseServerAuthority(text string) (certs.Name, error) { return authority(text, serverAuthorities) }

// ParseClientAuthority reads the name of an authority that signs devices.
func ParseClientAuthority(text string) (certs.Name, error) { return authority(text, clientAuthorities) }

// ServerAuthorities returns the names that ParseServerAuthority reads.
func ServerAuthorities() []string { return texts(serverAuthorities) }

// ClientAuthorities returns the names that ParseClientAuthority reads.
func ClientAuthorities() []string { return texts(clientAuthorities) }

// ClientRequests returns the words that ParseClient reads.
func ClientRequests() []string { return slices.Clone(askings) }

// ParseClient reads what a listener does about client certificates.
func ParseClient(text string) (string, error) {
	if !slices.Contains(askings, text) {
		return text, fmt.Errorf("%q is not one of %s", text, strings.Join(askings, ", "))
	}
	return text, nil
}

func texts(names []certs.Name) (list []string) {
	for _, n := range names {
		list = append(list, string(n))
	}
	return list
}

func authority(text string, known []certs.Name) (certs.Name, error) {
	if slices.Contains(known, certs.Name(text)) {
		return certs.Name(text), nil
	}
	names := texts(known)
	return "", fmt.Errorf("%q is not one of %s%s", text, strings.Join(names, ", "), model.DidYouMean(text, names))
}

// Listener makes the listener of a server called name, at host. Now is the time
// at which the certificates of clients are judged.
func (h *HTTPSConfig) Listener(p *certs.PKI, name, host string, now func() time.Time) (HTTPS, error) {
	cert, err := h.certificate(p, name)
	if err != nil {
		return HTTPS{}, err
	}
	clients, names, err := h.Clients(p, now)
	if err != nil {
		return HTTPS{}, err
	}
	least, most := h.Least, h.Most
	if most == 0 {
		least, most = int(ssl.TLS10), int(ssl.TLS10)
	}
	l := HTTPS{Name: string(h.Authority()), Addr: net.JoinHostPort(host, strconv.Itoa(h.Port)), Match: h.Client == "match"}
	if least <= int(ssl.TLS11) {
		s := &ssl.Server{Min: ssl.Version(least), Max: ssl.Version(min(most, int(ssl.TLS11))), Suites: h.suites(), Certificate: cert,
			NoSSL2: h.Strict, DHBits: h.DH, Names: names, Verify: clients}
		s.Ask = map[string]ssl.Asking{"request": ssl.AskFirst, "require": ssl.AskFirst, "match": ssl.AskFirst, "renegotiate": ssl.AskLater}[h.Client]
		l.SSL = s
	}
	if most > int(ssl.TLS11) {
		l.TLS = h.modern(cert, clients)
	}
	return l, nil
}

func (h *HTTPSConfig) certificate(p *certs.PKI, name string) (*ssl.Certificate, error) {
	r := certs.ServerRequest{CA: h.Authority(), CN: name, SAN: h.SAN, Hash: h.Hash, Bits: h.Bits, From: h.From, To: h.To}
	if h.CN != nil {
		r.CN = *h.CN
	}
	return p.Server(r)
}

// suites returns what the listener takes, in its order; those with DHE first,
// where it has a prime.
func (h *HTTPSConfig) suites() []ssl.Suite {
	if len(h.Suites) > 0 {
		return h.Suites
	}
	dhe := []ssl.Suite{ssl.DHEAES256SHA, ssl.DHEAES128SHA, ssl.DHEDES3SHA}
	rest := slices.DeleteFunc(slices.Clone(suites), func(s ssl.Suite) bool { return slices.Contains(dhe, s) })
	if h.DH == 0 {
		return rest
	}
	return append(dhe, rest...)
}

// Clients returns how client certificates are judged, and the names of the
// authorities that clients are told.
func (h *HTTPSConfig) Clients(p *certs.PKI, now func() time.Time) (verify trust.Verify, names [][]byte, err error) {
	roots := h.Roots
	if len(roots) == 0 {
		roots = clientAuthorities
	}
	var anchors []*x509.Certificate
	for _, name := range roots {
		a, err := p.Authority(name)
		if err != nil {
			return nil, nil, err
		}
		anchors = append(anchors, a.Cert)
		names = append(names, a.Cert.RawSubject)
	}
	if h.Client == "request" {
		return trust.AnyClient, names, nil
	}
	verify, err = trust.Clients(anchors, now)
	if weak := weaker[h.Weakest]; weak != nil {
		verify = trust.Hashed(verify, weak...)
	}
	return verify, names, err
}

// weaker are the signatures that a server refuses, by the weakest hash that it takes.
var weaker = map[crypto.Hash][]x509.SignatureAlgorithm{
	crypto.SHA1: {x509.MD5WithRSA}, crypto.SHA256: {x509.MD5WithRSA, x509.SHA1WithRSA},
}

// Judged describes both sides of a listener to [trust.Devices.Judge]: that up to TLS 1.1,
// and that of TLS 1.2. One that it does not have is nil.
func (h *HTTPSConfig) Judged(p *certs.PKI, name string, now func() time.Time) (server, modern *trust.Server, err error) {
	l, err := h.Listener(p, name, "127.0.0.1", now)
	if err != nil {
		return nil, nil, err
	}
	if l.SSL != nil {
		server = trust.ServerOf(l.SSL)
	}
	if l.TLS == nil {
		return server, nil, nil
	}
	modern = &trust.Server{Min: trust.TLS12, Max: trust.TLS12, Chain: l.TLS.Certificates[0].Certificate}
	for _, suite := range l.TLS.CipherSuites {
		modern.Suites = append(modern.Suites, ssl.Suite(suite))
	}
	if l.TLS.ClientAuth != tls.NoClientCert {
		modern.Ask = ssl.AskFirst
		modern.Verify, _, err = h.Clients(p, now)
	}
	return server, modern, err
}

// modern is the listener for TLS 1.2.
func (h *HTTPSConfig) modern(cert *ssl.Certificate, clients trust.Verify) *tls.Config {
	c := &tls.Config{
		MinVersion: tls.VersionTLS12, MaxVersion: tls.VersionTLS12, SessionTicketsDisabled: true,
		Certificates: []tls.Certificate{{Certificate: cert.Chain, PrivateKey: cert.Key}},
		CipherSuites: []uint16{tls.TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256, tls.TLS_RSA_WITH_AES_256_CBC_SHA, tls.TLS_RSA_WITH_AES_128_CBC_SHA},
	}
	if h.Client == "" || h.Client == "none" {
		return c
	}
	c.ClientAuth = tls.RequestClientCert
	c.VerifyPeerCertificate = func(chain [][]byte, _ [][]*x509.Certificate) error {
		if _, number := clients(chain); number != 0 {
			return &clientRefused{number}
		}
		return nil
	}
	return c
}

// Check returns what contradicts itself in a config.
func (h *HTTPSConfig) Check() error {
	asks := h.Client != "" && h.Client != "none"
	switch {
	case !asks && len(h.Roots) > 0:
		return errors.New("roots are for clients, and no client is asked for a certificate: add client: require")
	case (!asks || h.Client == "request") && h.Weakest != 0:
		return errors.New("client_hash is for client certificates, and none is judged: add client: require")
	case h.DH != 0 && h.DH != 512 && h.DH != 1024 && h.DH != 2048:
		return fmt.Errorf("dh is 512, 1024 or 2048 bits, not %d", h.DH)
	case h.Client == "renegotiate" && h.Most > int(ssl.TLS11):
		return errors.New("renegotiate is for versions up to tls1.1")
	}
	return nil
}

// Authority returns the authority that signs the certificate.
func (h *HTTPSConfig) Authority() certs.Name {
	if h.CA == "" {
		return certs.Sipura1
	}
	return h.CA
}
