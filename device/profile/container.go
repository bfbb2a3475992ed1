package profile

import (
	"bytes"
	"crypto/aes"
	"crypto/cipher"
	"crypto/hmac"
	"crypto/md5"
	"crypto/rc4"
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"fmt"
	"math"
	"strings"
)

// A Container says which device [Compile] makes a file for and how it is locked.
// The zero value is a file for every device, unlocked: the compiler's output
// without options. The package comment describes the format.
type Container struct {
	MAC      string // 12 hex digits: only this device opens the file, as --target; empty: any
	Scramble bool   // as --scramble; not together with MAC
	Family   string // only devices of this family take the file; empty: any; at most 255 bytes

	Cipher   Cipher // the lock; NoCipher: none, and no key
	AsciiKey string // text, hashed to 128 bits
	HexKey   string // RC4: up to 256 bits; AES: 128, 192 or 256; either this or AsciiKey

	Salt, IV [16]byte // chance, which the caller supplies
}

// Cipher is what a container's explicit key is used with. The zero value is
// NoCipher.
type Cipher uint8

// The container's ciphers.
const (
	NoCipher Cipher = iota
	RC4
	AES // CBC
)

var cipherNames = [...]string{"none", "RC4", "AES"}

// String returns the cipher's name, "none" for NoCipher.
func (c Cipher) String() string {
	if int(c) < len(cipherNames) {
		return cipherNames[c]
	}
	return fmt.Sprintf("Cipher(%d)", uint8(c))
}

const containerMagic = "SPAFLTC1"

// The container's flags.
const (
	flagScrambled = 1 << iota
	flagTargeted
	flagKeyed
)

// A keyKind says how the key was given: as text or as digits.
type keyKind uint8

const (
	noKey keyKind = iota
	asciiKey
	hexKey
)

func isContainer(body []byte) bool { return bytes.HasPrefix(body, []byte(containerMagic)) }

// Compile puts parameters into a container. A Param without Access comes back
// as NoAccess, because source text cannot leave the access unsaid.
func Compile(params []Param, c Container) ([]byte, error) {
	c.MAC = strings.ToLower(c.MAC)
	kind, key, err := c.check()
	if err != nil {
		return nil, fmt.Errorf("compile profile: %w", err)
	}
	var text []byte
	for _, p := range params {
		if err := checkName(p.Name); err != nil {
			return nil, fmt.Errorf("compile profile: %w", err)
		}
		text = appendSource(text, p)
	}
	if len(text) > math.MaxUint32 {
		return nil, fmt.Errorf("compile profile: %d bytes are too many", len(text))
	}
	payload := c.outer(c.inner(text, key))
	return append(c.header(text, kind), payload...), nil
}

// check returns the explicit key.
func (c Container) check() (kind keyKind, key []byte, err error) {
	switch {
	case c.MAC != "" && !isMAC(c.MAC):
		err = fmt.Errorf("bad MAC %q: want 12 hex digits", c.MAC)
	case c.MAC != "" && c.Scramble:
		err = fmt.Errorf("target %s and scramble exclude each other", c.MAC)
	case len(c.Family) > math.MaxUint8:
		err = fmt.Errorf("family name of %d bytes: at most 255 are allowed", len(c.Family))
	case c.Cipher > AES:
		err = fmt.Errorf("unknown cipher %s", c.Cipher)
	case c.AsciiKey != "" && c.HexKey != "":
		err = fmt.Errorf("both an ascii key and a hex key")
	case c.Cipher == NoCipher && c.AsciiKey+c.HexKey != "":
		err = fmt.Errorf("a key without a cipher")
	case c.Cipher == NoCipher:
	case c.AsciiKey != "":
		kind, key = asciiKey, explicitKey(c.Cipher, asciiKey, c.AsciiKey)
	default:
		kind, key = hexKey, explicitKey(c.Cipher, hexKey, c.HexKey)
		if key == nil {
			err = fmt.Errorf("bad hex key %q for %s", c.HexKey, c.Cipher)
		}
	}
	return kind, key, err
}

func isMAC(mac string) bool {
	b, err := hex.DecodeString(mac)
	return err == nil && len(b) == 6
}

// explicitKey turns a key as a person wrote it into the cipher's, nil if it
// cannot be one.
func explicitKey(c Cipher, kind keyKind, written string) []byte {
	if kind == asciiKey {
		sum := md5.Sum([]byte(written))
		return sum[:]
	}
	key, err := hex.DecodeString(written)
	n := len(key)
	fits := n == 16 || n == 24 || n == 32 || c == RC4 && n > 0 && n < 32
	if err != nil || !fits {
		return nil
	}
	return key
}

func (c Container) header(text []byte, kind keyKind) []byte {
	var flags byte
	if c.Scramble {
		flags |= flagScrambled
	}
	if c.MAC != "" {
		flags |= flagTargeted
	}
	if kind != noKey {
		flags |= flagKeyed
	}
	b := append([]byte(containerMagic), flags, byte(c.Cipher), byte(kind), byte(len(c.Family)))
	b = append(append(append(b, c.Family...), c.Salt[:]...), c.IV[:]...)
	b = binary.BigEndian.AppendUint32(b, uint32(len(text)))
	sum := sha256.Sum256(text)
	return append(b, sum[:]...)
}

func (c Container) inner(text, key []byte) []byte {
	switch c.Cipher {
	case RC4:
		return rc4With(key, text)
	case AES:
		b := appendPadded(nil, text)
		cipher.NewCBCEncrypter(blockOf(key), c.IV[:]).CryptBlocks(b, b)
		return b
	}
	return text
}

func (c Container) outer(inner []byte) []byte {
	key := outerKey(c.MAC, c.Scramble, c.Salt[:])
	if key == nil {
		return inner
	}
	b := append([]byte(containerMagic), inner...)
	cipher.NewCTR(blockOf(key), c.IV[:]).XORKeyStream(b, b)
	return b
}

// outerKey returns the key of the outer layer, nil if there is none.
func outerKey(mac string, scramble bool, salt []byte) []byte {
	label := "spafleet target"
	switch {
	case mac != "":
	case scramble:
		label = "spafleet scramble"
	default:
		return nil
	}
	h := hmac.New(sha256.New, []byte(label))
	h.Write([]byte(mac))
	h.Write(salt)
	return h.Sum(nil)[:aes.BlockSize]
}

func rc4With(key, in []byte) []byte {
	c, err := rc4.NewCipher(key)
	if err != nil {
		panic(err) // the length was checked before
	}
	out := make([]byte, len(in))
	c.XORKeyStream(out, in)
	return out
}
