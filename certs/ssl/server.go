package ssl

import (
	"cmp"
	"crypto"
	"crypto/rand"
	"crypto/rsa"
	"encoding/binary"
	"errors"
	"math/big"
	"slices"
)

func (s *Server) newest() Version { return cmp.Or(s.Max, TLS10) }

// serve is the server's side of a handshake.
func (h *handshake) serve() error {
	s := h.c.server
	if s.Certificate == nil || s.Certificate.Key == nil {
		return errors.New("the server has no certificate and key")
	}
	if h.again {
		h.c.seal(typeHandshake, []byte{msgHelloRequest, 0, 0, 0})
		if err := h.c.flush(); err != nil {
			return err
		}
	}
	if err := h.readClientHello(s); err != nil {
		return err
	}
	dh, err := h.present(s)
	if err != nil {
		return err
	}
	if err := h.readAnswer(s, dh); err != nil {
		return err
	}
	if err := h.readFinished(byClient); err != nil {
		return err
	}
	return h.sendFinished(byServer)
}

func (h *handshake) asks(s *Server) bool {
	return s.Ask == AskFirst || s.Ask == AskLater && h.again
}

// readClientHello reads a hello, also one in the format of SSL 2.0, and chooses
// version and suite.
func (h *handshake) readClientHello(s *Server) error {
	offered, err := h.offer(s)
	if err != nil {
		return err
	}
	h.state.Random = h.clientRandom
	v := min(h.hello, s.newest())
	switch {
	case h.again && h.hello < h.c.version:
		return refuse(ProtocolVersion, "the client went back to the version %v", h.hello)
	case h.again:
	case v < max(s.Min, SSL30):
		h.c.setVersion(h.hello)
		return refuse(ProtocolVersion, "the client's best version is %v", h.hello)
	default:
		h.c.setVersion(v)
	}
	h.early = false
	h.state.Version = h.c.version
	for _, suite := range s.Suites {
		spec := specs[suite]
		if spec == nil || spec.dhe && groups[s.DHBits] == nil || !slices.Contains(offered, suite) {
			continue
		}
		h.spec, h.state.Suite = spec, suite
		return nil
	}
	return refuse(HandshakeFailure, "no suite in common with the client's %v", offered)
}

// offer returns the suites that the client offers.
func (h *handshake) offer(s *Server) ([]Suite, error) {
	if !h.again {
		if err := h.c.fill(headerLen); err != nil {
			return nil, err
		}
		if b := h.c.raw[h.c.from:]; b[0]&0x80 != 0 && b[2] == msgClientHello {
			if s.NoSSL2 {
				return nil, refuse(NoAlert, "a hello in the format of SSL 2.0")
			}
			return h.ssl2Offer()
		}
	}
	p, err := h.expect(msgClientHello)
	if err != nil {
		return nil, err
	}
	h.hello = Version(p.number(2))
	copy(h.clientRandom[:], p.bytes(32))
	p.bytes(p.number(1)) // nothing is resumed
	suites := p.bytes(p.number(2))
	compressions := p.bytes(p.number(1)) // extensions may follow, and are not looked at
	if p.bad || len(suites)%2 != 0 || !slices.Contains(compressions, 0) {
		return nil, refuse(DecodeError, "the client's hello cannot be read")
	}
	var offered []Suite
	for s := range slices.Chunk(suites, 2) {
		offered = append(offered, Suite(binary.BigEndian.Uint16(s)))
	}
	return offered, nil
}

func (h *handshake) ssl2Offer() ([]Suite, error) {
	n := int(binary.BigEndian.Uint16(h.c.raw[h.c.from:]) & 0x7fff)
	if n < 9 || n > flightLen-2 {
		return nil, refuse(NoAlert, "a hello of SSL 2.0 has %d bytes", n)
	}
	if err := h.c.fill(2 + n); err != nil {
		return nil, err
	}
	m := h.c.raw[h.c.from+2 : h.c.from+2+n]
	h.c.from += 2 + n
	h.transcript.write(m)
	p := parser{rest: m[1:]}
	h.hello = Version(p.number(2))
	suitesLen, sessionLen, challengeLen := p.number(2), p.number(2), p.number(2)
	suites := p.bytes(suitesLen)
	p.bytes(sessionLen)
	challenge := p.bytes(challengeLen)
	if !p.over() || suitesLen%3 != 0 || challengeLen < 16 || challengeLen > 32 {
		return nil, refuse(NoAlert, "a hello of SSL 2.0 cannot be read")
	}
	copy(h.clientRandom[32-challengeLen:], challenge)
	var offered []Suite
	for s := range slices.Chunk(suites, 3) {
		if s[0] == 0 {
			offered = append(offered, Suite(binary.BigEndian.Uint16(s[1:])))
		}
	}
	return offered, nil
}

// A dhSecret is the server's part of Diffie and Hellman's exchange.
type dhSecret struct{ p, x *big.Int }

// present sends the server's first flight.
func (h *handshake) present(s *Server) (*dhSecret, error) {
	h.c.chance(h.serverRandom[:])
	h.start(msgServerHello)
	h.msg = binary.BigEndian.AppendUint16(h.msg, uint16(h.c.version))
	h.msg = append(h.msg, h.serverRandom[:]...)
	h.msg = append(h.msg, 0) // no session
	h.msg = binary.BigEndian.AppendUint16(h.msg, uint16(h.state.Suite))
	h.msg = append(h.msg, 0) // no compression
	h.finish()
	h.sendCertificates(s.Certificate.Chain)
	var dh *dhSecret
	if h.spec.dhe {
		var err error
		if dh, err = h.sendServerKeyExchange(s); err != nil {
			return nil, err
		}
	}
	if h.asks(s) {
		h.sendRequest(s.Names)
	}
	h.start(msgServerHelloDone)
	h.finish()
	return dh, h.c.flush()
}

func (h *handshake) sendServerKeyExchange(s *Server) (*dhSecret, error) {
	p := groups[s.DHBits]
	dh := &dhSecret{p, h.c.exponent(p)}
	g := big.NewInt(2)
	h.state.DHBits = dh.p.BitLen()
	h.start(msgServerKeyExchange)
	for _, n := range []*big.Int{dh.p, g, new(big.Int).Exp(g, dh.x, dh.p)} {
		h.add16(n.Bytes())
	}
	signature, err := s.Certificate.Key.Sign(cmp.Or(h.c.source(), rand.Reader), h.paramsDigest(h.msg[4:]), crypto.MD5SHA1)
	if err != nil {
		return nil, refuse(InternalError, "sign with the server's key: %w", err)
	}
	h.add16(signature)
	h.finish()
	return dh, nil
}

// sendRequest asks for a certificate.
func (h *handshake) sendRequest(names [][]byte) {
	n := 0
	for _, name := range names {
		n += 2 + len(name)
	}
	h.start(msgCertificateRequest)
	h.msg = append(h.msg, 1, typeRSASign)
	h.msg = binary.BigEndian.AppendUint16(h.msg, uint16(n))
	for _, name := range names {
		h.add16(name)
	}
	h.finish()
}

// readAnswer reads the client's second flight, up to its finished message.
func (h *handshake) readAnswer(s *Server, dh *dhSecret) error {
	var key *rsa.PublicKey
	if h.asks(s) {
		var err error
		if key, err = h.readClientCertificate(s); err != nil {
			return err
		}
	}
	p, err := h.expect(msgClientKeyExchange)
	if err != nil {
		return err
	}
	if err := h.takeKey(s, p, dh); err != nil {
		return err
	}
	if len(h.state.Chain) == 0 {
		return nil
	}
	return h.checkProof(key)
}

// readClientCertificate reads the client's certificate, and returns its key if it is
// accepted.
func (h *handshake) readClientCertificate(s *Server) (*rsa.PublicKey, error) {
	m, err := h.nextIf(msgCertificate)
	if err != nil {
		return nil, err
	}
	switch {
	case m != nil:
		if err := h.keepCertificates(h.take(m)); err != nil {
			return nil, err
		}
	case h.c.version != SSL30 || h.c.warned != NoCertificate: // which SSL 3.0 has in place of an empty list
		return nil, refuse(UnexpectedMessage, "no certificate message came, which was asked for")
	}
	return h.judge(s.Verify)
}

// takeKey reads the client's part of the secret and derives the keys.
func (h *handshake) takeKey(s *Server, p *parser, dh *dhSecret) error {
	sent := p.rest
	if dh != nil || h.c.version != SSL30 {
		sent = p.bytes(p.number(2))
		if !p.over() {
			return refuse(DecodeError, "the client's key exchange has wrong lengths")
		}
	}
	if dh == nil {
		secret, err := h.decrypt(s, sent)
		if err != nil {
			return err
		}
		h.deriveMaster(secret)
		return nil
	}
	d := dhParams{p: dh.p, g: big.NewInt(2), y: new(big.Int).SetBytes(sent)}
	if err := d.check(); err != nil {
		return err
	}
	h.deriveMaster(d.y.Exp(d.y, dh.x, d.p).Bytes())
	return nil
}

// decrypt returns the secret that the client sent. In place of a wrong one it returns
// random bytes, so that the client does not learn what was wrong.
func (h *handshake) decrypt(s *Server, sent []byte) ([]byte, error) {
	decrypter, ok := s.Certificate.Key.(crypto.Decrypter)
	if !ok {
		return nil, refuse(InternalError, "the server's key, a %T, cannot decrypt", s.Certificate.Key)
	}
	fallback := make([]byte, masterLen)
	h.c.chance(fallback)
	secret, err := decrypter.Decrypt(cmp.Or(h.c.source(), rand.Reader), sent, nil) // PKCS #1 v1.5
	if err != nil || len(secret) != masterLen || Version(binary.BigEndian.Uint16(secret)) != h.hello {
		return fallback, nil //nolint:nilerr // the handshake goes on, and fails later
	}
	return secret, nil
}

// checkProof reads the signature that shows that the client has the key.
func (h *handshake) checkProof(key *rsa.PublicKey) error {
	digest := h.signed()
	p, err := h.expect(msgCertificateVerify)
	if err != nil {
		return err
	}
	signature := p.bytes(p.number(2))
	if !p.over() {
		return refuse(DecodeError, "the client's signature has wrong lengths")
	}
	if rsa.VerifyPKCS1v15(key, crypto.MD5SHA1, digest, signature) != nil {
		return refuse(DecryptError, "the client's signature does not belong to its certificate")
	}
	return nil
}

// groups are the primes by their length, all with the generator 2: a toy, and
// those of RFC 2409 and RFC 3526.
var groups = map[int]*big.Int{
	512: prime("d2ea4d63781f7e3eddca0558d22def9eecf395eb63dae9b34952fd12e7401f99d0fb4b7264023f00f56d0d38e1712a962ca81906b93561dfc2d071935bc50d53"),
	768: prime("ffffffffffffffffc90fdaa22168c234c4c6628b80dc1cd129024e088a67cc74020bbea63b139b22514a08798e3404dd" +
		"ef9519b3cd3a431b302b0a6df25f14374fe1356d6d51c245e485b576625e7ec6f44c42e9a63a3620ffffffffffffffff"),
	1024: prime("ffffffffffffffffc90fdaa22168c234c4c6628b80dc1cd129024e088a67cc74020bbea63b139b22514a08798e3404dd" +
		"ef9519b3cd3a431b302b0a6df25f14374fe1356d6d51c245e485b576625e7ec6f44c42e9a637ed6b0bff5cb6f406b7ed" +
		"ee386bfb5a899fa5ae9f24117c4b1fe649286651ece65381ffffffffffffffff"),
	1536: prime("ffffffffffffffffc90fdaa22168c234c4c6628b80dc1cd129024e088a67cc74020bbea63b139b22514a08798e3404dd" +
		"ef9519b3cd3a431b302b0a6df25f14374fe1356d6d51c245e485b576625e7ec6f44c42e9a637ed6b0bff5cb6f406b7ed" +
		"ee386bfb5a899fa5ae9f24117c4b1fe649286651ece45b3dc2007cb8a163bf0598da48361c55d39a69163fa8fd24cf5f" +
		"83655d23dca3ad961c62f356208552bb9ed529077096966d670c354e4abc9804f1746c08ca237327ffffffffffffffff"),
	2048: prime("ffffffffffffffffc90fdaa22168c234c4c6628b80dc1cd129024e088a67cc74020bbea63b139b22514a08798e3404dd" +
		"ef9519b3cd3a431b302b0a6df25f14374fe1356d6d51c245e485b576625e7ec6f44c42e9a637ed6b0bff5cb6f406b7ed" +
		"ee386bfb5a899fa5ae9f24117c4b1fe649286651ece45b3dc2007cb8a163bf0598da48361c55d39a69163fa8fd24cf5f" +
		"83655d23dca3ad961c62f356208552bb9ed529077096966d670c354e4abc9804f1746c08ca18217c32905e462e36ce3b" +
		"e39e772c180e86039b2783a2ec07a28fb5c55df06f4c52c9de2bcbf6955817183995497cea956ae515d2261898fa0510" +
		"15728e5a8aacaa68ffffffffffffffff"),
	4096: prime("ffffffffffffffffc90fdaa22168c234c4c6628b80dc1cd129024e088a67cc74020bbea63b139b22514a08798e3404dd" +
		"ef9519b3cd3a431b302b0a6df25f14374fe1356d6d51c245e485b576625e7ec6f44c42e9a637ed6b0bff5cb6f406b7ed" +
		"ee386bfb5a899fa5ae9f24117c4b1fe649286651ece45b3dc2007cb8a163bf0598da48361c55d39a69163fa8fd24cf5f" +
		"83655d23dca3ad961c62f356208552bb9ed529077096966d670c354e4abc9804f1746c08ca18217c32905e462e36ce3b" +
		"e39e772c180e86039b2783a2ec07a28fb5c55df06f4c52c9de2bcbf6955817183995497cea956ae515d2261898fa0510" +
		"15728e5a8aaac42dad33170d04507a33a85521abdf1cba64ecfb850458dbef0a8aea71575d060c7db3970f85a6e1e4c7" +
		"abf5ae8cdb0933d71e8c94e04a25619dcee3d2261ad2ee6bf12ffa06d98a0864d87602733ec86a64521f2b18177b200c" +
		"bbe117577a615d6c770988c0bad946e208e24fa074e5ab3143db5bfce0fd108e4b82d120a92108011a723c12a787e6d7" +
		"88719a10bdba5b2699c327186af4e23c1a946834b6150bda2583e9ca2ad44ce8dbbbc2db04de8ef92e8efc141fbecaa6" +
		"287c59474e6bc05d99b2964fa090c3a2233ba186515be7ed1f612970cee2d7afb81bdd762170481cd0069127d5b05aa9" +
		"93b4ea988d8fddc186ffb7dc90a6c08f4df435c934063199ffffffffffffffff"),
}

func prime(hex string) *big.Int {
	p, ok := new(big.Int).SetString(hex, 16)
	if !ok {
		panic("a prime is not written in hex")
	}
	return p
}
