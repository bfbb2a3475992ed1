package ssl

import (
	"crypto/md5"
	"crypto/rsa"
	"crypto/sha1"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"slices"
	"sync"
)

// A handshake is the state of one handshake. Only its State and the connection's
// keys remain afterwards.
type handshake struct {
	flight
	again bool // not the connection's first

	clientRandom [32]byte
	serverRandom [32]byte
	hello        Version // what the client's hello asked for
	spec         *spec
	master       [masterLen]byte
	prf          prf // of the master secret
	r, w         *half
	state        *State
}

var handshakes = sync.Pool{New: func() any {
	return &handshake{flight: flight{transcript: transcript{md5.New(), sha1.New()}}}
}}

// shake shakes hands; if that fails, it breaks the connection. The lock for
// reading is held.
func (c *Conn) shake() error {
	c.writing.Lock()
	defer c.writing.Unlock()
	h := handshakes.Get().(*handshake) //nolint:forcetypeassert // it is the pool's only type
	defer h.free()
	h.c, h.again, h.early, h.state = c, c.agreed, c.agreed, &State{}
	side := h.client
	if c.server != nil {
		side = h.serve
	}
	err := side()
	c.state.Store(h.state)
	if err != nil {
		return c.breaks(cutShort(err))
	}
	c.data, c.early = c.early, nil
	c.drained()
	return nil
}

// free gives a handshake back to the pool, unless its buffers have grown large.
func (h *handshake) free() {
	*h = handshake{flight: flight{in: h.in[:0], msg: h.msg[:0], transcript: h.transcript}}
	h.transcript.md5.Reset()
	h.transcript.sha.Reset()
	if cap(h.in)+cap(h.msg) <= largeLen {
		handshakes.Put(h)
	}
}

// cutShort adds to an end of the connection that it came during a handshake.
func cutShort(err error) error {
	var e *Error
	switch {
	case errors.As(err, &e):
		return err
	case errors.Is(err, io.EOF):
		return refuse(NoAlert, "the other side said goodbye in the middle of the handshake: %w", io.ErrUnexpectedEOF)
	case errors.Is(err, io.ErrUnexpectedEOF):
		return refuse(NoAlert, "the other side closed the connection in the middle of the handshake: %w", err)
	}
	return err
}

// sendCertificates sends a chain, which may be empty.
func (h *handshake) sendCertificates(chain [][]byte) {
	h.start(msgCertificate)
	h.msg = append(h.msg, 0, 0, 0)
	for _, der := range chain {
		h.add24(der)
	}
	n := len(h.msg) - 7
	h.msg[4], h.msg[5], h.msg[6] = byte(n>>16), byte(n>>8), byte(n)
	h.finish()
}

// keepCertificates reads a Certificate message into the State.
func (h *handshake) keepCertificates(p *parser) error {
	list := parser{rest: slices.Clone(p.bytes(p.number(3)))}
	for len(list.rest) > 0 && !list.bad {
		h.state.Chain = append(h.state.Chain, list.bytes(list.number(3)))
	}
	if list.bad || !p.over() {
		h.state.Chain = nil
		return refuse(DecodeError, "a certificate message has wrong lengths")
	}
	return nil
}

// leafKey accepts every chain that can be parsed: it is used where Verify is nil.
func leafKey(chain [][]byte) (*rsa.PublicKey, int) {
	if len(chain) == 0 {
		return nil, 0
	}
	leaf, err := x509.ParseCertificate(chain[0])
	if err != nil {
		return nil, unreadable
	}
	key, _ := leaf.PublicKey.(*rsa.PublicKey)
	return key, 0
}

// unreadable is OpenSSL's number for a key that it cannot read. Its alert is that of
// a certificate that cannot be read.
const unreadable = 6

// judge returns the key of the other side's chain, or why the chain is refused.
func (h *handshake) judge(verify func([][]byte) (*rsa.PublicKey, int)) (*rsa.PublicKey, error) {
	if verify == nil {
		verify = leafKey
	}
	chain := h.state.Chain
	key, number := verify(chain)
	switch {
	case number != 0 && len(chain) == 0:
		return nil, &Error{Alert: HandshakeFailure, Sent: true, Verify: number, Cause: errors.New("no certificate was shown")}
	case number != 0:
		return nil, &Error{Alert: AlertFor(number), Sent: true, Verify: number, Cause: fmt.Errorf("the certificate was refused with error %d", number)}
	case key == nil && len(chain) > 0:
		return nil, refuse(HandshakeFailure, "the certificate has no RSA key")
	}
	return key, nil
}

// deriveMaster computes the master secret, and from it the keys of both directions.
func (h *handshake) deriveMaster(premaster []byte) {
	v, cr, sr := h.c.version, h.clientRandom[:], h.serverRandom[:]
	n := 2 * (h.spec.macLen + h.spec.keyLen + h.spec.ivLen)
	block := make([]byte, n)
	if v == SSL30 {
		ssl3Fill(h.master[:], premaster, cr, sr)
		ssl3Fill(block, h.master[:], sr, cr)
	} else {
		newPRF(premaster).fill(h.master[:], "master secret", cr, sr)
		h.prf = newPRF(h.master[:])
		h.prf.fill(block, "key expansion", sr, cr)
	}
	clients, servers := cut(block, h.spec)
	mine, theirs := clients, servers
	if h.c.server != nil {
		mine, theirs = servers, clients
	}
	h.w, h.r = newHalf(h.spec, v, mine, true), newHalf(h.spec, v, theirs, false)
}

// cut divides a key block into the client's and the server's keys.
func cut(block []byte, s *spec) (clients, servers keys) {
	next := func(n int) []byte {
		p := block[:n]
		block = block[n:]
		return p
	}
	clients.mac, servers.mac = next(s.macLen), next(s.macLen)
	clients.key, servers.key = next(s.keyLen), next(s.keyLen)
	clients.iv, servers.iv = next(s.ivLen), next(s.ivLen)
	return clients, servers
}

// A sender is the labels of a side's finished message.
type sender struct{ tls, ssl3 string }

var (
	byClient = sender{"client finished", "CLNT"}
	byServer = sender{"server finished", "SRVR"}
)

// verifyData returns the content of a finished message.
func (h *handshake) verifyData(by sender) []byte {
	if h.c.version == SSL30 {
		return h.transcript.ssl3Digest(nil, h.master[:], by.ssl3)
	}
	var digest [digestLen]byte
	out := make([]byte, 12)
	h.prf.fill(out, by.tls, h.transcript.digest(digest[:0]))
	return out
}

// signed returns the digest that a CertificateVerify signs.
func (h *handshake) signed() []byte {
	if h.c.version == SSL30 {
		return h.transcript.ssl3Digest(nil, h.master[:], "")
	}
	return h.transcript.digest(nil)
}

// sendFinished changes to the new keys and sends the finished message.
func (h *handshake) sendFinished(by sender) error {
	h.c.seal(typeChangeCipherSpec, []byte{1})
	h.c.w = h.w
	data := h.verifyData(by)
	h.start(msgFinished)
	h.msg = append(h.msg, data...)
	h.finish()
	return h.c.flush()
}

// readFinished reads the other side's change to the new keys, and its finished
// message.
func (h *handshake) readFinished(by sender) error {
	if h.at < len(h.in) {
		return unexpected(h.in[h.at], msgFinished)
	}
	body, err := h.nextRecord(typeChangeCipherSpec)
	if err != nil {
		return err
	}
	if string(body) != "\x01" {
		return refuse(IllegalParameter, "a change of keys says %x", body)
	}
	h.c.r = h.r
	h.early = false
	want := h.verifyData(by)
	p, err := h.expect(msgFinished)
	switch {
	case err != nil:
		return err
	case len(p.rest) != len(want):
		return refuse(DecodeError, "a finished message of %d bytes", len(p.rest))
	case string(p.rest) != string(want):
		return refuse(DecryptError, "the finished message is wrong")
	case h.at < len(h.in):
		return refuse(UnexpectedMessage, "more messages came after the finished one")
	}
	return nil
}
