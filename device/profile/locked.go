package profile

import (
	"crypto/aes"
	"crypto/cipher"
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"slices"
	"strings"
)

// A locked is a container read as far as its header goes.
type locked struct {
	flags    byte
	cipher   Cipher
	kind     keyKind
	family   string
	salt, iv []byte
	length   int
	sum      []byte
	payload  []byte
}

// shortKey is 128 bits, in bytes.
const shortKey = 16

func (c locked) is(flag byte) bool { return c.flags&flag != 0 }

// parseContainer reads the header of a file that begins with the magic.
func parseContainer(body []byte) (locked, bool) {
	const fixed, rest = len(containerMagic) + 4, 16 + 16 + 4 + sha256.Size
	if len(body) < fixed {
		return locked{}, false
	}
	h, b := body[len(containerMagic):fixed], body[fixed:]
	n := int(h[3])
	if len(b) < n+rest {
		return locked{}, false
	}
	c := locked{flags: h[0], cipher: Cipher(h[1]), kind: keyKind(h[2]), family: string(b[:n])}
	b = b[n:]
	c.salt, c.iv = b[:16], b[16:32]
	c.length = int(binary.BigEndian.Uint32(b[32:]))
	c.sum, c.payload = b[36:rest], b[rest:]
	return c, c.consistent()
}

// consistent reports whether the header's fields agree with each other.
func (c locked) consistent() bool {
	known := c.flags <= flagScrambled|flagTargeted|flagKeyed && c.cipher <= AES && c.kind <= hexKey
	oneOuter := !c.is(flagScrambled) || !c.is(flagTargeted)
	keyed := c.is(flagKeyed)
	return known && oneOuter && keyed == (c.cipher != NoCipher) && keyed == (c.kind != noKey)
}

func decodeContainer(body []byte, o Options) (File, error) {
	c, ok := parseContainer(body)
	if !ok {
		return File{}, corrupt("bad container header")
	}
	if o.exceeds(c.length) {
		return File{}, tooLarge(o.Limit)
	}
	if c.family != "" && c.family != o.Family {
		return File{}, corrupt("the container is for the family " + c.family)
	}
	f, err := c.open(o)
	var pe *Error
	if errors.As(err, &pe) {
		pe.Own = c.is(flagTargeted)
	}
	return f, err
}

func (c locked) open(o Options) (File, error) {
	inner, err := c.openOuter(o)
	if err != nil {
		return File{}, err
	}
	text, protection, err := c.openInner(inner, o)
	if err != nil {
		return File{}, err
	}
	f, err := decodeSource(string(text))
	f.Protection = protection
	return f, err
}

func (c locked) openOuter(o Options) ([]byte, error) {
	mac := ""
	if c.is(flagTargeted) {
		if mac = strings.ToLower(o.MAC); mac == "" {
			return nil, corrupt("the container is addressed to one device")
		}
	}
	key := outerKey(mac, c.is(flagScrambled), c.salt)
	if key == nil {
		return c.payload, nil
	}
	b := make([]byte, len(c.payload))
	cipher.NewCTR(blockOf(key), c.iv).XORKeyStream(b, c.payload)
	if !isContainer(b) {
		return nil, corrupt("the container is damaged, or addressed to a device other than " + mac)
	}
	return b[len(containerMagic):], nil
}

func (c locked) openInner(b []byte, o Options) ([]byte, Protection, error) {
	p := c.outerProtection()
	if !c.is(flagKeyed) {
		if !c.holds(b) {
			return nil, 0, corrupt("the container is damaged")
		}
		return b, p, nil
	}
	switch {
	case !o.Keyed:
		return nil, 0, &Error{Text: errDecrypt, Hint: "the container is keyed, but the rule has no --key"}
	case o.Key == "":
		return nil, 0, &Error{Text: errZeroKey, Hint: "the rule's --key is empty: is the parameter that it names set?"}
	}
	key := explicitKey(c.cipher, c.kind, o.Key)
	if o.ShortKeys && len(key) > shortKey {
		return nil, 0, &Error{Text: errKeyLength, Hint: "firmware before 2.0 has no keys above 128 bits"}
	}
	text, ok := c.unlock(b, key)
	if !ok || !c.holds(text) {
		return nil, 0, &Error{Text: errDecrypt, Hint: "wrong key for the container"}
	}
	if c.cipher == AES && len(key) == keyLength {
		return text, p | Keyed, nil
	}
	return text, p | KeyedWeak, nil
}

func (c locked) outerProtection() (p Protection) {
	if c.is(flagScrambled) {
		p |= Scrambled
	}
	if c.is(flagTargeted) {
		p |= Targeted
	}
	return p
}

// holds reports whether a text is the one that was put in.
func (c locked) holds(text []byte) bool {
	sum := sha256.Sum256(text)
	return len(text) == c.length && slices.Equal(sum[:], c.sum)
}

// unlock undoes the explicit key. What a wrong key makes is for holds to judge.
func (c locked) unlock(b, key []byte) (text []byte, ok bool) {
	switch {
	case key == nil:
		return nil, false
	case c.cipher == RC4:
		return rc4With(key, b), true
	case len(b)%aes.BlockSize != 0:
		return nil, false
	}
	text = make([]byte, len(b))
	cipher.NewCBCDecrypter(blockOf(key), c.iv).CryptBlocks(text, b)
	return unpad(text)
}
