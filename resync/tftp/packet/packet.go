// Package packet has the packets of TFTP (RFC 1350): the client, both servers and
// the faults of the network read and write them here.
package packet

import (
	"encoding/binary"
	"strings"
)

// An Op is the first number of a packet: what it is.
type Op uint16

// The packets of RFC 1350.
const (
	Read Op = 1 + iota
	Write
	Data
	Ack
	Error
)

// Sizes of a transfer without options, in bytes.
const (
	HeaderSize = 4   // of DATA, ACK and ERROR
	BlockSize  = 512 // of DATA; one that is shorter is the last
)

// Codes of ERROR.
const (
	NotFound   = 1
	Full       = 3
	UnknownTID = 5
)

// A Packet is a DATA, ACK or ERROR; Op is 0 for anything else.
type Packet struct {
	Op      Op
	Number  uint16 // block, or code of an ERROR
	Payload []byte // lies in the bytes that were parsed
}

// Parse reads a DATA, ACK or ERROR.
func Parse(b []byte) Packet {
	if len(b) < HeaderSize {
		return Packet{}
	}
	op := Op(binary.BigEndian.Uint16(b))
	if op != Data && op != Ack && op != Error {
		return Packet{}
	}
	return Packet{op, binary.BigEndian.Uint16(b[2:]), b[HeaderSize:]}
}

// Text returns the text of an ERROR, which ends at its first zero byte.
func (p Packet) Text() string {
	text, _, _ := strings.Cut(string(p.Payload), "\x00")
	return text
}

// Append adds a DATA, ACK or ERROR to b.
func Append(b []byte, op Op, number uint16, payload []byte) []byte {
	b = binary.BigEndian.AppendUint16(b, uint16(op))
	b = binary.BigEndian.AppendUint16(b, number)
	return append(b, payload...)
}

// AppendError adds an ERROR to b.
func AppendError(b []byte, code uint16, text string) []byte {
	b = Append(b, Error, code, nil)
	return append(append(b, text...), 0)
}

// ParseRequest reads a request for a file; false for anything else.
func ParseRequest(b []byte) (op Op, path string, ok bool) {
	if len(b) < HeaderSize {
		return 0, "", false
	}
	op = Op(binary.BigEndian.Uint16(b))
	path, _, ok = strings.Cut(string(b[2:]), "\x00")
	return op, path, ok && (op == Read || op == Write)
}

// AppendRequest adds a request in octet mode without options to b. A path ends at
// its first zero byte, as the protocol's text does.
func AppendRequest(b []byte, op Op, path string) []byte {
	path, _, _ = strings.Cut(path, "\x00")
	b = binary.BigEndian.AppendUint16(b, uint16(op))
	b = append(b, path...)
	return append(b, "\x00octet\x00"...)
}
