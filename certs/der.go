package certs

import (
	"encoding/asn1"
	"math/big"
	"time"
)

// Tags of DER values, as far as certificates need them.
const (
	tagBoolean     = 0x01
	tagInteger     = 0x02
	tagBits        = 0x03
	tagOctets      = 0x04
	tagNull        = 0x05
	tagOID         = 0x06
	tagUTF8        = 0x0c
	tagPrintable   = 0x13
	tagTeletex     = 0x14
	tagIA5         = 0x16
	tagUTCTime     = 0x17
	tagTime        = 0x18
	tagSequence    = 0x30
	tagSet         = 0x31
	tagContext     = 0x80 // [0], primitive
	tagConstructed = 0xa0 // [0], constructed
)

// der returns one DER value: its tag, its length, and its parts one after
// another.
func der(tag byte, parts ...[]byte) []byte {
	n := 0
	for _, p := range parts {
		n += len(p)
	}
	b := append(make([]byte, 0, n+5), tag)
	switch {
	case n < 0x80:
		b = append(b, byte(n))
	case n < 0x100:
		b = append(b, 0x81, byte(n))
	case n < 0x10000:
		b = append(b, 0x82, byte(n>>8), byte(n))
	default:
		b = append(b, 0x83, byte(n>>16), byte(n>>8), byte(n))
	}
	for _, p := range parts {
		b = append(b, p...)
	}
	return b
}

// oid returns an object identifier. Its numbers are constants of this package.
func oid(numbers ...int) []byte {
	b, err := asn1.Marshal(asn1.ObjectIdentifier(numbers))
	if err != nil {
		panic(err)
	}
	return b
}

// unsigned returns a number that is not negative, without needless zeros.
func unsigned(n *big.Int) []byte {
	return der(tagInteger, positive(n.Bytes()))
}

// positive returns the content of an INTEGER for big-endian bytes.
func positive(b []byte) []byte {
	for len(b) > 0 && b[0] == 0 {
		b = b[1:]
	}
	if len(b) == 0 || b[0] >= 0x80 {
		return append([]byte{0}, b...)
	}
	return b
}

// bits returns a BIT STRING of whole bytes.
func bits(b []byte) []byte { return der(tagBits, []byte{0}, b) }

// moment returns a time as certificates have it: of two digits for the year
// until 2049.
func moment(t time.Time) []byte {
	t = t.UTC()
	if year := t.Year(); year < 1950 || year >= 2050 {
		return der(tagTime, []byte(t.Format("20060102150405Z")))
	}
	return der(tagUTCTime, []byte(t.Format("060102150405Z")))
}
