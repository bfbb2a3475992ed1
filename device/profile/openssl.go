package profile

import (
	"bytes"
	"crypto/aes"
	"crypto/cipher"
	"crypto/md5"
	"crypto/pbkdf2"
	"crypto/sha256"
	"hash"
)

// What precedes the ciphertext: the magic and the salt.
const (
	saltMagic  = "Salted__"
	saltHeader = len(saltMagic) + 8
	keyLength  = 32
)

func isSalted(body []byte) bool { return bytes.HasPrefix(body, []byte(saltMagic)) }

// Encrypt encrypts a file as `openssl enc -aes-256-cbc -md md5 -k pass` does,
// which is what OpenSSL 0.9.7c, the version that the maker names, did without
// -md (documented; verified against openssl). A hexadecimal pass is a
// passphrase like any other (documented, field).
func Encrypt(plain []byte, pass string, salt [8]byte) []byte {
	k := md5Key(pass, salt[:])
	body := make([]byte, 0, saltHeader+len(plain)+aes.BlockSize)
	body = append(append(body, saltMagic...), salt[:]...)
	body = appendPadded(body, plain)
	text := body[saltHeader:]
	cipher.NewCBCEncrypter(k.block(), k.iv).CryptBlocks(text, text)
	return body
}

// Decrypt opens what [Encrypt] made. The error is an *[Error]; its hint names the
// mistake if the file was made with one of the usual ones, at the cost of some
// milliseconds. One in 256 wrong passes opens the file to noise without error,
// as the form has no checksum.
func Decrypt(body []byte, pass string) ([]byte, error) {
	return decrypt(body, pass, true)
}

func decrypt(body []byte, pass string, slow bool) ([]byte, error) {
	if !isSalted(body) {
		return nil, &Error{Text: errDecrypt, Hint: hintUnderKey(body)}
	}
	text := body[min(saltHeader, len(body)):]
	if len(text) == 0 || len(text)%aes.BlockSize != 0 {
		return nil, &Error{Text: errDecrypt, Hint: "the length is not a multiple of 16: cut off, or something was added to it"}
	}
	k := md5Key(pass, saltOf(body))
	plain := make([]byte, len(text))
	cipher.NewCBCDecrypter(k.block(), k.iv).CryptBlocks(plain, text)
	plain, ok := unpad(plain)
	if !ok {
		return nil, &Error{Text: errDecrypt, Hint: explain(body, pass, slow)}
	}
	return plain, nil
}

func saltOf(body []byte) []byte { return body[len(saltMagic):saltHeader] }

// A keyIV is what a passphrase becomes.
type keyIV struct{ key, iv []byte }

func (k keyIV) block() cipher.Block { return blockOf(k.key) }

// blockOf is for keys whose length was checked before.
func blockOf(key []byte) cipher.Block {
	b, err := aes.NewCipher(key)
	if err != nil {
		panic(err)
	}
	return b
}

func md5Key(pass string, salt []byte) keyIV {
	return stretch(md5.New(), pass, salt, keyLength)
}

// stretch is OpenSSL's EVP_BytesToKey with one round: hashes of the hash before,
// the pass and the salt, until there is enough for a key of n bytes and an IV.
func stretch(h hash.Hash, pass string, salt []byte, n int) keyIV {
	var sums, last []byte
	for len(sums) < n+aes.BlockSize {
		h.Reset()
		h.Write(last)
		h.Write([]byte(pass))
		h.Write(salt)
		sums = h.Sum(sums)
		last = sums[len(sums)-h.Size():]
	}
	return keyIV{sums[:n], sums[n : n+aes.BlockSize]}
}

func appendPadded(b, plain []byte) []byte {
	n := aes.BlockSize - len(plain)%aes.BlockSize
	return append(append(b, plain...), bytes.Repeat([]byte{byte(n)}, n)...)
}

// unpad takes PKCS#7 padding off whole blocks.
func unpad(plain []byte) (_ []byte, ok bool) {
	if len(plain) == 0 {
		return nil, false
	}
	n := int(plain[len(plain)-1])
	if n == 0 || n > aes.BlockSize || n > len(plain) {
		return nil, false
	}
	rest := len(plain) - n
	return plain[:rest], bytes.Count(plain[rest:], plain[len(plain)-1:]) == n
}

// mistakes are ways to call openssl enc that look right and that no device opens.
var mistakes = [...]struct {
	hint string
	slow bool
	key  func(pass string, salt []byte) keyIV
}{
	{"made with SHA-256, the default since OpenSSL 1.1.0: add -md md5", false, func(pass string, salt []byte) keyIV {
		return stretch(sha256.New(), pass, salt, keyLength)
	}},
	{"made with AES-128: use -aes-256-cbc", false, func(pass string, salt []byte) keyIV {
		return stretch(md5.New(), pass, salt, 16)
	}},
	{"made with -pbkdf2: leave it out and add -md md5", true, func(pass string, salt []byte) keyIV {
		const n = keyLength + aes.BlockSize
		// 10,000 rounds are what -pbkdf2 means without -iter.
		b, err := pbkdf2.Key(sha256.New, pass, salt, 10_000, n)
		if err != nil {
			return md5Key(pass, salt) // only where the platform forbids it
		}
		return keyIV{b[:keyLength], b[keyLength:]}
	}},
}

// explain returns a hint for a file that pass does not open. It tries what the
// device does not, only to name it.
func explain(body []byte, pass string, slow bool) string {
	for _, m := range mistakes {
		if (slow || !m.slow) && opens(body, m.key(pass, saltOf(body))) {
			return m.hint
		}
	}
	return "wrong key, or not made with openssl enc -aes-256-cbc -md md5"
}

// explainNoise is explain for a file whose padding was right by chance.
func explainNoise(body []byte, pass string, slow bool) string {
	return explain(body, pass, slow) + " (what comes out is no profile)"
}

// opens reports whether a key makes sense of the first and the last block.
func opens(body []byte, k keyIV) bool {
	text := body[saltHeader:]
	var first, last [aes.BlockSize]byte
	cipher.NewCBCDecrypter(k.block(), k.iv).CryptBlocks(first[:], text[:aes.BlockSize])
	iv := body[len(body)-2*aes.BlockSize : len(body)-aes.BlockSize]
	if len(text) == aes.BlockSize {
		iv = k.iv
	}
	cipher.NewCBCDecrypter(k.block(), iv).CryptBlocks(last[:], body[len(body)-aes.BlockSize:])
	_, padded := unpad(last[:])
	return padded && plausible(first[:])
}

// plausible reports whether a file begins like a profile in one of its forms.
func plausible(plain []byte) bool {
	return isMarkup(plain) || isGzip(plain) || isContainer(plain) || isCompiled(plain)
}
