package ssl

import (
	"bytes"
	"crypto/cipher"
	"crypto/hmac"
	"crypto/rc4"
	"encoding/binary"
	"hash"
	"sync"
)

// The types of records.
const (
	typeChangeCipherSpec = 20
	typeAlert            = 21
	typeHandshake        = 22
	typeData             = 23
)

const (
	headerLen = 5
	maxPlain  = 1 << 14
	maxSealed = maxPlain + 2048
	// sealedMore is the most that sealing adds: header, first block, MAC, padding.
	sealedMore = headerLen + 16 + 20 + 16
)

// A half is the protection of one direction. The zero half protects nothing.
type half struct {
	stream   cipher.Stream    // RC4
	cbc      cipher.BlockMode // nil with RC4
	explicit bool             // TLS 1.1: a block of chance goes first
	mac      hash.Hash        // keyed, but for SSL 3.0; nil before there are keys
	macLen   int
	secret   []byte // of SSL 3.0's MAC, else nil
	seq      uint64
	scratch  [64]byte // what goes through interfaces would be allocated on the stack's behalf
}

// keys are one direction's part of the key block.
type keys struct{ mac, key, iv []byte }

func newHalf(s *spec, v Version, k keys, seals bool) *half {
	h := &half{macLen: s.macLen}
	if v == SSL30 {
		h.mac, h.secret = s.mac(), bytes.Clone(k.mac)
	} else {
		h.mac = hmac.New(s.mac, k.mac)
	}
	switch {
	case s.block == nil:
		h.stream = must(rc4.NewCipher(k.key))
		return h
	case seals:
		h.cbc = cipher.NewCBCEncrypter(must(s.block(k.key)), k.iv)
	default:
		h.cbc = cipher.NewCBCDecrypter(must(s.block(k.key)), k.iv)
	}
	h.explicit = v >= TLS11
	return h
}

// must is for ciphers: they refuse only lengths of keys, and those of the table of
// suites are right.
func must[C any](c C, err error) C {
	if err != nil {
		panic(err)
	}
	return c
}

// overhead returns the bytes of chance that each record needs.
func (h *half) overhead() int {
	if h.explicit {
		return h.cbc.BlockSize()
	}
	return 0
}

// seal appends a record. Data begins with as many random bytes as overhead asks for.
// In TLS 1.1 they are encrypted as a block of their own, which the other side
// discards: one of the two ways of RFC 4346, with which the chaining stays the same.
func (h *half) seal(out []byte, typ byte, v Version, chance, data []byte) []byte {
	start := len(out)
	out = append(out, typ, byte(v>>8), byte(v), 0, 0)
	out = append(out, chance...)
	out = append(out, data...)
	if h.mac != nil {
		out = h.appendMAC(out, typ, v, data)
		body := out[start+headerLen:]
		if h.cbc == nil {
			h.stream.XORKeyStream(body, body)
		} else {
			n := h.cbc.BlockSize() - len(body)%h.cbc.BlockSize()
			for range n {
				out = append(out, byte(n-1))
			}
			body = out[start+headerLen:]
			h.cbc.CryptBlocks(body, body)
		}
		h.seq++
	}
	binary.BigEndian.PutUint16(out[start+3:], uint16(len(out)-start-headerLen))
	return out
}

// open decrypts a record in place and returns what was in it.
func (h *half) open(typ byte, v Version, body []byte) ([]byte, *Error) {
	if h.mac == nil {
		return body, nil
	}
	if h.cbc == nil {
		h.stream.XORKeyStream(body, body)
	} else {
		size := h.cbc.BlockSize()
		if len(body)%size != 0 || len(body) == 0 {
			return nil, refuse(BadRecordMAC, "a record of %d bytes is no number of blocks", len(body))
		}
		h.cbc.CryptBlocks(body, body)
		body = body[h.overhead():]
		n := padding(body, size, v)
		if n < 0 {
			return nil, refuse(BadRecordMAC, "the padding of a record is wrong")
		}
		body = body[:len(body)-n]
	}
	if len(body) < h.macLen {
		return nil, refuse(BadRecordMAC, "a record is too short for its MAC")
	}
	data, mac := body[:len(body)-h.macLen], body[len(body)-h.macLen:]
	if !bytes.Equal(h.appendMAC(h.scratch[:0:20], typ, v, data), mac) {
		return nil, refuse(BadRecordMAC, "the MAC of a record is wrong")
	}
	h.seq++
	return data, nil
}

// padding returns how many bytes of padding a body ends with, -1 if they are wrong.
// In SSL 3.0 only their number is checked, which is at most a block.
func padding(body []byte, size int, v Version) int {
	if len(body) == 0 {
		return -1
	}
	last := body[len(body)-1]
	n := int(last) + 1
	if n > len(body) || v == SSL30 && n > size {
		return -1
	}
	if v != SSL30 {
		for _, b := range body[len(body)-n:] {
			if b != last {
				return -1
			}
		}
	}
	return n
}

func (h *half) appendMAC(to []byte, typ byte, v Version, data []byte) []byte {
	head := h.scratch[32:32:64]
	head = binary.BigEndian.AppendUint64(head, h.seq)
	head = append(head, typ)
	if h.secret != nil {
		return h.appendSSL3MAC(to, binary.BigEndian.AppendUint16(head, uint16(len(data))), data)
	}
	head = binary.BigEndian.AppendUint16(head, uint16(v))
	head = binary.BigEndian.AppendUint16(head, uint16(len(data)))
	h.mac.Reset()
	h.mac.Write(head)
	h.mac.Write(data)
	return h.mac.Sum(to)
}

func (h *half) appendSSL3MAC(to, head, data []byte) []byte {
	pad := padLen(h.mac)
	h.mac.Reset()
	h.mac.Write(h.secret)
	h.mac.Write(pads[0][:pad])
	h.mac.Write(head)
	h.mac.Write(data)
	inner := h.mac.Sum(h.scratch[32:32])
	h.mac.Reset()
	h.mac.Write(h.secret)
	h.mac.Write(pads[1][:pad])
	h.mac.Write(inner)
	return h.mac.Sum(to)
}

// Buffers come in three sizes: for waiting, for a flight of a handshake, for the
// longest record. A connection holds one only while there is something in it, or
// while it waits for something to come.
const (
	waitLen   = 1 << 10
	flightLen = 4 << 10
	largeLen  = headerLen + maxSealed
)

var waitBuffers, flightBuffers, largeBuffers sync.Pool

// buffer returns room for at least n bytes, and for largeLen at most.
func buffer(n int) []byte {
	switch {
	case n <= waitLen:
		if b, ok := waitBuffers.Get().(*[waitLen]byte); ok {
			return b[:]
		}
		return make([]byte, waitLen)
	case n <= flightLen:
		if b, ok := flightBuffers.Get().(*[flightLen]byte); ok {
			return b[:]
		}
		return make([]byte, flightLen)
	}
	if b, ok := largeBuffers.Get().(*[largeLen]byte); ok {
		return b[:]
	}
	return make([]byte, largeLen)
}

// release gives a buffer back, except one that append has moved.
func release(b []byte) {
	switch cap(b) {
	case waitLen:
		waitBuffers.Put((*[waitLen]byte)(b[:waitLen]))
	case flightLen:
		flightBuffers.Put((*[flightLen]byte)(b[:flightLen]))
	case largeLen:
		largeBuffers.Put((*[largeLen]byte)(b[:largeLen]))
	}
}
