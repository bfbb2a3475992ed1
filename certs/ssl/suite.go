package ssl

import (
	"crypto/aes"
	"crypto/cipher"
	"crypto/des"
	"crypto/md5"
	"crypto/sha1"
	"hash"
)

// A spec is what a suite is made of.
type spec struct {
	keyLen, ivLen int
	block         func(key []byte) (cipher.Block, error) // nil: RC4
	mac           func() hash.Hash
	macLen        int
	dhe           bool
}

// specs are the suites that can be spoken.
var specs = map[Suite]*spec{
	RC4MD5:       {16, 0, nil, md5.New, md5.Size, false},
	RC4SHA:       {16, 0, nil, sha1.New, sha1.Size, false},
	DES3SHA:      {24, 8, des.NewTripleDESCipher, sha1.New, sha1.Size, false},
	DHEDES3SHA:   {24, 8, des.NewTripleDESCipher, sha1.New, sha1.Size, true},
	AES128SHA:    {16, 16, aes.NewCipher, sha1.New, sha1.Size, false},
	DHEAES128SHA: {16, 16, aes.NewCipher, sha1.New, sha1.Size, true},
	AES256SHA:    {32, 16, aes.NewCipher, sha1.New, sha1.Size, false},
	DHEAES256SHA: {32, 16, aes.NewCipher, sha1.New, sha1.Size, true},
}
