package ssl

import (
	"cmp"
	"crypto"
	"crypto/rand"
	"crypto/rsa"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"math/big"
	"net"
	"slices"
)

const (
	typeRSASign = 1
	maxRSABits  = 16 << 10 // OpenSSL's limits: what is longer is not computed
	maxDHBits   = 10000
)

func (c *Client) newest() Version { return cmp.Or(c.Max, TLS10) }

// client is the client's side of a handshake.
func (h *handshake) client() error {
	c := h.c.client
	if err := h.sendClientHello(c); err != nil {
		return err
	}
	if err := h.readServerHello(c); err != nil {
		return err
	}
	p, err := h.expect(msgCertificate)
	if err != nil {
		return err
	}
	if err := h.keepCertificates(p); err != nil {
		return err
	}
	if len(h.state.Chain) == 0 {
		return refuse(CertificateUnknown, "the server showed no certificate")
	}
	key, err := h.judge(c.Verify)
	if err != nil {
		return err
	}
	var dh *dhParams
	if h.spec.dhe {
		if dh, err = h.readServerKeyExchange(c, key); err != nil {
			return err
		}
	}
	if err := h.readRequestAndDone(c); err != nil {
		return err
	}
	if c.Think != nil {
		if err := c.Think(key.N.BitLen()); err != nil {
			return err
		}
	}
	if err := h.answer(c, key, dh); err != nil {
		return err
	}
	return h.readFinished(byServer)
}

func (h *handshake) sendClientHello(c *Client) error {
	if len(c.Suites) == 0 {
		return errors.New("the client has no suites to offer")
	}
	h.c.chance(h.clientRandom[:])
	h.hello = c.newest()
	if h.again {
		h.hello = h.c.version
	}
	if c.SSL2Hello && !h.again {
		h.state.Random = h.clientRandom
		return h.sendSSL2Hello(c)
	}
	if c.Now != nil {
		binary.BigEndian.PutUint32(h.clientRandom[:], uint32(c.Now().Unix()))
	}
	h.state.Random = h.clientRandom
	h.start(msgClientHello)
	h.msg = binary.BigEndian.AppendUint16(h.msg, uint16(h.hello))
	h.msg = append(h.msg, h.clientRandom[:]...)
	h.msg = append(h.msg, 0) // no session
	h.msg = binary.BigEndian.AppendUint16(h.msg, uint16(2*len(c.Suites)))
	for _, s := range c.Suites {
		h.msg = binary.BigEndian.AppendUint16(h.msg, uint16(s))
	}
	h.msg = append(h.msg, 1, 0) // no compression
	h.finish()
	return h.c.flush()
}

// sendSSL2Hello sends the hello of OpenSSL's SSLv23_client_method, with a
// challenge of 32 bytes that becomes the client's random.
func (h *handshake) sendSSL2Hello(c *Client) error {
	specs := c.SSL2Specs
	if specs == nil {
		for _, s := range c.Suites {
			specs = append(specs, uint32(s))
		}
	}
	m := append(h.msg[:0], 0, 0, msgClientHello)
	m = binary.BigEndian.AppendUint16(m, uint16(h.hello))
	m = binary.BigEndian.AppendUint16(m, uint16(3*len(specs)))
	m = append(m, 0, 0, 0, 32)
	for _, s := range specs {
		m = append(m, byte(s>>16), byte(s>>8), byte(s))
	}
	m = append(m, h.clientRandom[:]...)
	binary.BigEndian.PutUint16(m, 0x8000|uint16(len(m)-2))
	h.transcript.write(m[2:])
	h.c.out = append(buffer(len(m))[:0], m...)
	return h.c.flush()
}

func (h *handshake) readServerHello(c *Client) error {
	p, err := h.expect(msgServerHello)
	if err != nil {
		return err
	}
	v := Version(p.number(2))
	copy(h.serverRandom[:], p.bytes(32))
	session := p.number(1)
	p.bytes(session)
	suite, compression := Suite(p.number(2)), p.number(1)
	switch {
	case p.bad:
		return refuse(DecodeError, "the server's hello is too short")
	case h.again && v != h.c.version:
		return refuse(ProtocolVersion, "the server changed the version to %v", v)
	case v < c.Min || v < SSL30 || v > c.newest():
		h.c.setVersion(v)
		return refuse(ProtocolVersion, "the server chose the version %v", v)
	}
	h.c.setVersion(v)
	h.early = false
	h.spec = specs[suite]
	h.state.Version, h.state.Suite = v, suite
	switch {
	case session > 32 || !slices.Contains(c.Suites, suite):
		return refuse(IllegalParameter, "the server chose the suite %v, which was not offered", suite)
	case h.spec == nil:
		return refuse(HandshakeFailure, "the suite %v is not spoken here", suite)
	case compression != 0:
		return refuse(IllegalParameter, "the server chose the compression %d", compression)
	case !p.over():
		return refuse(DecodeError, "the server's hello has extensions, and none were offered")
	}
	return nil
}

// setVersion makes a version that of all records to come.
func (c *Conn) setVersion(v Version) {
	if v>>8 == SSL30>>8 {
		c.version, c.agreed = v, true
	}
}

// A dhParams is a prime, a generator and the server's public value.
type dhParams struct{ p, g, y *big.Int }

func (h *handshake) readServerKeyExchange(c *Client, key *rsa.PublicKey) (*dhParams, error) {
	m, err := h.expect(msgServerKeyExchange)
	if err != nil {
		return nil, err
	}
	all := m.rest
	var n [3]*big.Int
	for i := range n {
		n[i] = new(big.Int).SetBytes(m.bytes(m.number(2)))
	}
	params := all[:len(all)-len(m.rest)]
	signature := m.bytes(m.number(2))
	if !m.over() {
		return nil, refuse(DecodeError, "the server's key exchange has wrong lengths")
	}
	dh := &dhParams{n[0], n[1], n[2]}
	h.state.DHBits = dh.p.BitLen()
	if c.MostDHBits > 0 && h.state.DHBits > c.MostDHBits {
		return nil, h.longDH(c)
	}
	if err := dh.check(); err != nil {
		return nil, err
	}
	if rsa.VerifyPKCS1v15(key, crypto.MD5SHA1, h.paramsDigest(params), signature) != nil {
		return nil, refuse(DecryptError, "the signature of the server's key exchange is wrong")
	}
	return dh, nil
}

// longDH reacts to a prime that is too long for the client.
func (h *handshake) longDH(c *Client) error {
	const text = "a prime of %d bits is too long"
	refusal := refuse(NoAlert, text, h.state.DHBits)
	switch c.OnLongDH {
	case ReactClose:
		_ = h.c.Conn.Close() // the prime is the news
	case ReactSilence:
		_, err := io.Copy(io.Discard, h.c.Conn)
		refusal = refuse(NoAlert, text+", and the client says nothing: %w", h.state.DHBits, cmp.Or(err, io.ErrUnexpectedEOF))
	case ReactAlert:
		refusal = refuse(HandshakeFailure, text, h.state.DHBits)
	}
	refusal.DHBits = h.state.DHBits
	return refusal
}

// check refuses numbers that make no secret, or that take too long to compute with.
func (d *dhParams) check() error {
	one := big.NewInt(1)
	last := new(big.Int).Sub(d.p, one)
	switch {
	case d.p.BitLen() > maxDHBits:
		return refuse(HandshakeFailure, "a prime of %d bits is not computed with", d.p.BitLen())
	case d.p.BitLen() < 3 || d.p.Bit(0) == 0,
		d.g.Cmp(one) <= 0 || d.g.Cmp(last) >= 0,
		d.y.Cmp(one) <= 0 || d.y.Cmp(last) >= 0:
		return refuse(IllegalParameter, "the server's Diffie-Hellman numbers make no secret")
	}
	return nil
}

// paramsDigest returns the digest of the server's Diffie-Hellman numbers that it
// signs.
func (h *handshake) paramsDigest(params []byte) []byte {
	t := transcript{specs[RC4MD5].mac(), specs[RC4SHA].mac()}
	t.write(h.clientRandom[:])
	t.write(h.serverRandom[:])
	t.write(params)
	return t.digest(nil)
}

// readRequestAndDone reads the end of the server's first flight: whether it asks
// for a certificate.
func (h *handshake) readRequestAndDone(c *Client) error {
	m, err := h.nextIf(msgCertificateRequest)
	if err != nil {
		return err
	}
	if m != nil {
		if err := h.readRequest(h.take(m)); err != nil {
			return err
		}
		if h.again && c.OnHelloRequest == FailCertified {
			return refuse(HandshakeFailure, "this firmware fails where a second handshake asks for a certificate")
		}
	}
	p, err := h.expect(msgServerHelloDone)
	if err == nil && len(p.rest) > 0 {
		err = refuse(DecodeError, "the end of the server's hello says something")
	}
	return err
}

func (h *handshake) readRequest(p *parser) error {
	p.bytes(p.number(1)) // kinds of certificates: OpenSSL sends the one it has
	names := parser{rest: slices.Clone(p.bytes(p.number(2)))}
	for len(names.rest) > 0 && !names.bad {
		h.state.Names = append(h.state.Names, names.bytes(names.number(2)))
	}
	if names.bad || !p.over() {
		h.state.Names = nil
		return refuse(DecodeError, "the request for a certificate has wrong lengths")
	}
	h.state.Asked = true
	return nil
}

// answer sends the client's second flight, in one piece as OpenSSL does
// (inferred). It would take less time to send the certificate before it is signed
// for, but servers can tell: nginx then hangs up on a certificate with a wrong
// signature, where else it answers 400.
func (h *handshake) answer(c *Client, key *rsa.PublicKey, dh *dhParams) error {
	shown := c.Certificate
	if !h.state.Asked || shown != nil && len(shown.Chain) == 0 {
		shown = nil
	}
	h.state.Answered = shown != nil
	h.showCertificate(shown)
	if err := h.exchangeKey(key, dh); err != nil {
		return err
	}
	if shown != nil {
		if err := h.proveKey(shown.Key); err != nil {
			return err
		}
	}
	return h.heard(h.sendFinished(byClient))
}

// heard looks for the reason why nothing could be sent: a server that refuses a
// certificate may have closed, and its alert has come all the same.
func (h *handshake) heard(err error) error {
	var own *Error
	var timeout net.Error
	if err == nil || errors.As(err, &own) || errors.As(err, &timeout) && timeout.Timeout() {
		return err
	}
	var e *Error
	if _, _, said := h.c.readRecord(); errors.As(said, &e) && e.Alert != NoAlert && !e.Sent {
		return said
	}
	return err
}

func (h *handshake) showCertificate(shown *Certificate) {
	switch {
	case !h.state.Asked:
	case shown != nil:
		h.sendCertificates(shown.Chain)
	case h.c.version == SSL30:
		h.c.seal(typeAlert, []byte{levelWarning, byte(NoCertificate)})
	default:
		h.sendCertificates(nil)
	}
}

// exchangeKey sends the client's part of the secret and derives the keys.
func (h *handshake) exchangeKey(key *rsa.PublicKey, dh *dhParams) error {
	premaster, sent, err := h.premaster(key, dh)
	if err != nil {
		return err
	}
	h.start(msgClientKeyExchange)
	if dh == nil && h.c.version == SSL30 {
		h.msg = append(h.msg, sent...)
	} else {
		h.add16(sent)
	}
	h.finish()
	h.deriveMaster(premaster)
	if h.c.client.KeyLog != nil {
		if _, err := fmt.Fprintf(h.c.client.KeyLog, "CLIENT_RANDOM %x %x\n", h.clientRandom, h.master); err != nil {
			return err
		}
	}
	return nil
}

// premaster returns a secret, and the bytes that bring it to the server.
func (h *handshake) premaster(key *rsa.PublicKey, dh *dhParams) (secret, sent []byte, err error) {
	if dh != nil {
		x := h.c.exponent(dh.p)
		return new(big.Int).Exp(dh.y, x, dh.p).Bytes(), new(big.Int).Exp(dh.g, x, dh.p).Bytes(), nil
	}
	secret = make([]byte, masterLen)
	h.c.chance(secret)
	binary.BigEndian.PutUint16(secret, uint16(h.hello))
	sent, err = encrypt(cmp.Or(h.c.source(), rand.Reader), key, secret)
	return secret, sent, err
}

// exponent draws a secret exponent of 256 bits, or of less for a toy prime.
func (c *Conn) exponent(p *big.Int) *big.Int {
	b := make([]byte, min(32, (p.BitLen()+7)/8))
	c.chance(b)
	b[0] |= 1 // not 0
	return new(big.Int).SetBytes(b)
}

// encrypt is PKCS #1 v1.5. The standard library's takes no chance but its own,
// and no key below 1,024 bits.
func encrypt(source io.Reader, key *rsa.PublicKey, secret []byte) ([]byte, error) {
	bits := key.N.BitLen()
	if bits > maxRSABits || bits < 8*(len(secret)+11) {
		return nil, refuse(HandshakeFailure, "a server's key of %d bits is not computed with", bits)
	}
	padded := make([]byte, key.Size())
	padding := padded[2 : len(padded)-len(secret)-1]
	if _, err := io.ReadFull(source, padding); err != nil {
		return nil, fmt.Errorf("draw %d bytes: %w", len(padding), err)
	}
	for i, b := range padding {
		padding[i] = max(b, 1)
	}
	padded[1] = 2
	copy(padded[len(padded)-len(secret):], secret)
	n := new(big.Int).SetBytes(padded)
	return n.Exp(n, big.NewInt(int64(key.E)), key.N).FillBytes(padded), nil
}

// proveKey signs the messages so far.
func (h *handshake) proveKey(key crypto.Signer) error {
	if key == nil {
		return refuse(InternalError, "the client's certificate has no key")
	}
	signature, err := key.Sign(cmp.Or(h.c.source(), rand.Reader), h.signed(), crypto.MD5SHA1)
	if err != nil {
		return refuse(InternalError, "sign with the client's key: %w", err)
	}
	h.start(msgCertificateVerify)
	h.add16(signature)
	h.finish()
	return nil
}
