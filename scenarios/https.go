package scenarios

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
	"spafleet/device/model"
	"spafleet/prov"
)

// An HTTPS is a listener of the embedded server: one certificate on one port, as
// the devices need, which name no server when they connect. The zero HTTPS shows
// a certificate of Sipura 1 for the server's name, in TLS 1.0 with every suite,
// and asks no client.
type HTTPS struct {
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
	Client   string // "" or none, request, require, match, renegotiate
	Roots    []certs.Name
	node     *node
}

var (
	serverAuthorities = []certs.Name{certs.Sipura1, certs.Linksys1, certs.CiscoSB1, certs.CiscoSB2, certs.VerisignServer, certs.Public}
	clientAuthorities = []certs.Name{certs.SipuraClient1, certs.LinksysClient1, certs.CiscoSBClient1, certs.CiscoSBClient2}
	askings           = []string{"none", "request", "require", "match", "renegotiate"}
	versionNames      = []string{"ssl3", "tls1.0", "tls1.1", "tls1.2"} // from 0x0300 on
	hashes            = map[string]crypto.Hash{"md5": crypto.MD5, "sha1": crypto.SHA1, "sha256": crypto.SHA256}
	spoken            = []ssl.Suite{ssl.AES256SHA, ssl.AES128SHA, ssl.DHEAES256SHA, ssl.DHEAES128SHA, ssl.RC4SHA, ssl.RC4MD5, ssl.DES3SHA, ssl.DHEDES3SHA}
)

// https reads a listener, or a list of them.
func (r *reader) https(s *Server, n *node, path string) {
	if n.kind == list {
		r.each(n, path, func(n *node, path string) { s.HTTPS = append(s.HTTPS, r.secureListener(n, path)) })
		return
	}
	s.HTTPS = append(s.HTTPS, r.secureListener(n, path))
}

func (r *reader) secureListener(n *node, path string) HTTPS {
	h := HTTPS{node: n}
	if n.kind == scalar && n.text == "true" {
		return h
	}
	r.walk(n, path,
		key{"port", r.number(&h.Port, 0, 65535)},
		key{"ca", r.scalarAs(func(text string) (err error) {
			h.CA, err = ParseServerAuthority(text)
			return err
		})},
		key{"cn", func(n *node, path string) {
			h.CN = new(string)
			r.text(h.CN)(n, path)
		}},
		key{"san", func(n *node, path string) {
			r.texts(n, path, func(text string) error { h.SAN = append(h.SAN, text); return nil })
		}},
		key{"valid", r.scalarAs(func(text string) error { return h.valid(text) })},
		key{"bits", r.number(&h.Bits, 1024, 4096)},
		key{"hash", r.scalarAs(func(text string) error {
			hash, ok := hashes[text]
			h.Hash = hash
			return oneOf(ok, text, "md5, sha1, sha256")
		})},
		key{"versions", func(n *node, path string) { r.texts(n, path, h.addVersion) }},
		key{"ciphers", func(n *node, path string) { r.texts(n, path, h.addCipher) }},
		key{"dh", r.number(&h.DH, 0, 2048)},
		key{"client", r.scalarAs(func(text string) (err error) {
			h.Client, err = ParseClient(text)
			return err
		})},
		key{"roots", func(n *node, path string) {
			r.texts(n, path, func(text string) error {
				root, err := authority(text, clientAuthorities)
				h.Roots = append(h.Roots, root)
				return err
			})
		}},
	)
	return h
}

// ParseServerAuthority reads the name of an authority that signs servers.
func ParseServerAuthority(text string) (certs.Name, error) { return authority(text, serverAuthorities) }

// ParseClient reads what a listener does about client certificates.
func ParseClient(text string) (string, error) {
	return text, oneOf(slices.Contains(askings, text), text, strings.Join(askings, ", "))
}

func oneOf(ok bool, text, choices string) error {
	if ok {
		return nil
	}
	return fmt.Errorf("%q is not one of %s", text, choices)
}

func authority(text string, known []certs.Name) (certs.Name, error) {
	if slices.Contains(known, certs.Name(text)) {
		return certs.Name(text), nil
	}
	var names []string
	for _, n := range known {
		names = append(names, string(n))
	}
	return "", fmt.Errorf("%q is not one of %s%s", text, strings.Join(names, ", "), model.DidYouMean(text, names))
}

// number reads a whole number within bounds.
func (r *reader) number(to *int, least, most int) func(*node, string) {
	return r.scalarAs(func(text string) error {
		n, err := strconv.Atoi(text)
		if err != nil || n < least || n > most {
			return fmt.Errorf("%q is not a number from %d to %d", text, least, most)
		}
		*to = n
		return nil
	})
}

// texts reads a list of words, or one word.
func (r *reader) texts(n *node, path string, take func(text string) error) {
	if n.kind == scalar {
		r.scalarAs(take)(n, path)
		return
	}
	r.each(n, path, func(n *node, path string) { r.scalarAs(take)(n, path) })
}

// valid reads FROM..TO, days of the calendar; either may be left out.
func (h *HTTPS) valid(text string) error {
	from, to, ok := strings.Cut(text, "..")
	for _, end := range []struct {
		text string
		to   *time.Time
	}{{from, &h.From}, {to, &h.To}} {
		if end.text == "" {
			continue
		}
		day, err := time.Parse(time.DateOnly, end.text)
		ok = ok && err == nil
		*end.to = day
	}
	if !ok {
		return fmt.Errorf("%q is not FROM..TO, such as 2008-01-01..2015-06-30", text)
	}
	return nil
}

func (h *HTTPS) addVersion(text string) error {
	i := slices.Index(versionNames, text)
	if i < 0 {
		return oneOf(false, text, strings.Join(versionNames, ", "))
	}
	version := int(ssl.SSL30) + i
	if h.Least == 0 || version < h.Least {
		h.Least = version
	}
	h.Most = max(h.Most, version)
	return nil
}

func (h *HTTPS) addCipher(text string) error {
	var names []string
	for _, s := range spoken {
		if s.String() == text {
			h.Suites = append(h.Suites, s)
			return nil
		}
		names = append(names, s.String())
	}
	return oneOf(false, text, strings.Join(names, ", "))
}

// Listener makes the listener of a server called name, at host. Now is the time
// at which the certificates of clients are judged.
func (h *HTTPS) Listener(p *certs.PKI, name, host string, now func() time.Time) (prov.HTTPS, error) {
	cert, err := h.certificate(p, name)
	if err != nil {
		return prov.HTTPS{}, err
	}
	clients, names, err := h.clients(p, now)
	if err != nil {
		return prov.HTTPS{}, err
	}
	least, most := h.Least, h.Most
	if most == 0 {
		least, most = int(ssl.TLS10), int(ssl.TLS10)
	}
	l := prov.HTTPS{Name: string(h.authority()), Addr: net.JoinHostPort(host, strconv.Itoa(h.Port)), Match: h.Client == "match"}
	if least <= int(ssl.TLS11) {
		s := &ssl.Server{Min: ssl.Version(least), Max: ssl.Version(min(most, int(ssl.TLS11))), Suites: h.suites(), Certificate: cert,
			DHBits: h.DH, Names: names, Verify: clients}
		s.Ask = map[string]ssl.Asking{"request": ssl.AskFirst, "require": ssl.AskFirst, "match": ssl.AskFirst, "renegotiate": ssl.AskLater}[h.Client]
		l.SSL = s
	}
	if most > int(ssl.TLS11) {
		l.TLS = h.modern(cert, clients)
	}
	return l, nil
}

func (h *HTTPS) certificate(p *certs.PKI, name string) (*ssl.Certificate, error) {
	r := certs.ServerRequest{CA: h.authority(), CN: name, SAN: h.SAN, Hash: h.Hash, Bits: h.Bits, From: h.From, To: h.To}
	if h.CN != nil {
		r.CN = *h.CN
	}
	return p.Server(r)
}

// suites returns what the listener takes, in its order; those with DHE first,
// where it has a prime.
func (h *HTTPS) suites() []ssl.Suite {
	if len(h.Suites) > 0 {
		return h.Suites
	}
	dhe := []ssl.Suite{ssl.DHEAES256SHA, ssl.DHEAES128SHA, ssl.DHEDES3SHA}
	rest := slices.DeleteFunc(slices.Clone(spoken), func(s ssl.Suite) bool { return slices.Contains(dhe, s) })
	if h.DH == 0 {
		return rest
	}
	return append(dhe, rest...)
}

// clients returns how client certificates are judged, and the names of the
// authorities that clients are told.
func (h *HTTPS) clients(p *certs.PKI, now func() time.Time) (verify certs.Verify, names [][]byte, err error) {
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
		return certs.AnyClient, names, nil
	}
	verify, err = certs.Clients(anchors, now)
	return verify, names, err
}

// modern is the listener for TLS 1.2.
func (h *HTTPS) modern(cert *ssl.Certificate, clients certs.Verify) *tls.Config {
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
			return fmt.Errorf("client certificate: verify error %d", number)
		}
		return nil
	}
	return c
}

// secure checks what no single key can tell.
func (p *plan) secure() {
	if p.story.Server == nil {
		return
	}
	for i := range p.story.Server.HTTPS {
		h := &p.story.Server.HTTPS[i]
		if err := h.check(); err != nil {
			p.reader.mistake(h.node, fmt.Sprintf("server.https[%d]", i), "%s", err)
		}
	}
}

func (h *HTTPS) check() error {
	asks := h.Client != "" && h.Client != "none"
	switch {
	case !asks && len(h.Roots) > 0:
		return errors.New("roots are for clients, and nobody is asked for a certificate: add client: require")
	case h.DH != 0 && h.DH != 512 && h.DH != 1024 && h.DH != 2048:
		return fmt.Errorf("dh is 512, 1024 or 2048 bits, not %d", h.DH)
	case h.Client == "renegotiate" && h.Most > int(ssl.TLS11):
		return errors.New("renegotiate is for versions up to tls1.1")
	}
	return nil
}

// secureKeys returns what ${…} calls the listeners, by their authority.
func (s *Server) secureKeys() []string {
	var keys []string
	for i := range s.HTTPS {
		keys = append(keys, "server.https."+string(s.HTTPS[i].authority()))
	}
	return keys
}

func (h *HTTPS) authority() certs.Name {
	if h.CA == "" {
		return certs.Sipura1
	}
	return h.CA
}

// cert reads what certificates a group's devices have: a word, as the switch
// client_certificate has it, or a folder of one's own.
func (r *reader) cert(g *Group, n *node, path string) {
	if n.kind == mapping {
		r.walk(n, path, key{"dir", r.text(&g.Cert)})
		return
	}
	r.scalarAs(func(text string) error {
		word := strings.ReplaceAll(text, "-", "_")
		if _, err := model.NewRow("SPA2102", "", map[string]string{"client_certificate": word}); err != nil {
			return fmt.Errorf("%q is not one of auto, generic, none, bad-signature, wrong-key, expired, foreign; or a map with dir", text)
		}
		g.Turn("client_certificate", word)
		return nil
	})(n, path)
}
