package ssl

import (
	"crypto/hmac"
	"crypto/md5"
	"crypto/sha1"
	"crypto/subtle"
	"hash"
)

const (
	masterLen = 48
	digestLen = md5.Size + sha1.Size
)

// pads are SSL 3.0's: 48 bytes with MD5, 40 with SHA-1.
var pads = func() (p [2][48]byte) {
	for i := range p[0] {
		p[0][i], p[1][i] = 0x36, 0x5c
	}
	return p
}()

// padLen returns how much of a pad goes with a hash.
func padLen(h hash.Hash) int {
	if h.Size() == md5.Size {
		return 48
	}
	return 40
}

// prf is the pseudo-random function of TLS 1.0 and 1.1 with one secret.
type prf struct{ md5, sha hash.Hash }

func newPRF(secret []byte) prf {
	half := (len(secret) + 1) / 2
	return prf{hmac.New(md5.New, secret[:half]), hmac.New(sha1.New, secret[len(secret)-half:])}
}

// fill fills out. Label and seed are at most 128 bytes together.
func (p prf) fill(out []byte, label string, seeds ...[]byte) {
	var room [128]byte
	seed := append(room[:0], label...)
	for _, s := range seeds {
		seed = append(seed, s...)
	}
	clear(out)
	mix(out, p.md5, seed)
	mix(out, p.sha, seed)
}

// mix combines P_hash with the bytes in out by XOR.
func mix(out []byte, h hash.Hash, seed []byte) {
	var sum, a [sha1.Size]byte
	n := h.Size()
	h.Reset()
	h.Write(seed)
	h.Sum(a[:0])
	for len(out) > 0 {
		h.Reset()
		h.Write(a[:n])
		h.Write(seed)
		h.Sum(sum[:0])
		out = out[subtle.XORBytes(out, out, sum[:n]):]
		if len(out) > 0 {
			h.Reset()
			h.Write(a[:n])
			h.Sum(a[:0])
		}
	}
}

// ssl3Fill fills out as SSL 3.0 does, which has no pseudo-random function.
func ssl3Fill(out, secret []byte, seeds ...[]byte) {
	m, s := md5.New(), sha1.New()
	var inner, outer [sha1.Size]byte
	salt := make([]byte, 0, 16)
	for letter := byte('A'); len(out) > 0; letter++ {
		salt = append(salt, letter)
		for i := range salt {
			salt[i] = letter
		}
		s.Reset()
		s.Write(salt)
		s.Write(secret)
		for _, seed := range seeds {
			s.Write(seed)
		}
		m.Reset()
		m.Write(secret)
		m.Write(s.Sum(inner[:0]))
		out = out[copy(out, m.Sum(outer[:0])):]
	}
}

// A transcript is the hash of all messages of a handshake.
type transcript struct{ md5, sha hash.Hash }

func (t transcript) write(message []byte) {
	t.md5.Write(message)
	t.sha.Write(message)
}

// digest appends the hash that TLS signs and uses in its finished messages.
func (t transcript) digest(to []byte) []byte { return t.sha.Sum(t.md5.Sum(to)) }

// ssl3Digest appends what SSL 3.0 signs, and with a sender its finished message.
func (t transcript) ssl3Digest(to, master []byte, sender string) []byte {
	for _, h := range []hash.Hash{t.md5, t.sha} {
		to = ssl3Close(to, h, master, sender)
	}
	return to
}

func ssl3Close(to []byte, h hash.Hash, master []byte, sender string) []byte {
	pad := padLen(h)
	inner := must(h.(hash.Cloner).Clone()) // those of the standard library can be cloned
	inner.Write([]byte(sender))
	inner.Write(master)
	inner.Write(pads[0][:pad])
	sum := inner.Sum(nil)
	inner.Reset()
	inner.Write(master)
	inner.Write(pads[1][:pad])
	inner.Write(sum)
	return inner.Sum(to)
}
