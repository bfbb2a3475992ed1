// Package packet has the packets of TFTP (RFC 1350, options by RFC 2347): the client, both servers and
// the faults of the network read and write them here.
package packet

import (
	"encoding/binary"
	"strings"
)

// An Op is the first number of a packet: what it is.
type Op uint16

// The packets of RFC 1350, and the one of RFC 2347.
const (
	Read Op = 1 + iota
	Write
	Data
	Ack
	Error
	OptionAck // which options of a request the server has taken
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

// A Packet is a DATA, ACK, ERROR or OACK; Op is 0 for anything else.
type Packet struct {
	Op      Op
	Number  uint16 // block, or code of an ERROR; an OACK has none
	Payload []byte // lies in the bytes that were parsed
}

// Parse reads a DATA, ACK, ERROR or OACK.
func Parse(b []byte) Packet {
	if len(b) < HeaderSize {
		return Packet{}
	}
	switch op := Op(binary.BigEndian.Uint16(b)); op {
	case Data, Ack, Error:
		return Packet{op, binary.BigEndian.Uint16(b[2:]), b[HeaderSize:]}
	case OptionAck:
		return Packet{Op: op, Payload: b[2:]}
	}
	return Packet{}
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

// HasOption reports whether a request names an option, in any case of letters.
func HasOption(b []byte, name string) bool {
	words := strings.Split(string(b[min(len(b), 2):]), "\x00")
	for i := 2; i+1 < len(words); i += 2 { // behind path and mode, a name and its value
		if strings.EqualFold(words[i], name) {
			return true
		}
	}
	return false
}

// AppendRequest adds a request in octet mode to b, with the options that are given
// as a name and its value, one after the other. A path ends at its first zero byte,
// as the protocol's text does.
func AppendRequest(b []byte, op Op, path string, options ...string) []byte {
	path, _, _ = strings.Cut(path, "\x00")
	b = binary.BigEndian.AppendUint16(b, uint16(op))
	b = append(b, path...)
	b = append(b, "\x00octet\x00"...)
	return appendWords(b, options)
}

// AppendOptionAck adds an OACK to b, with options as of [AppendRequest].
func AppendOptionAck(b []byte, options ...string) []byte {
	return appendWords(binary.BigEndian.AppendUint16(b, uint16(OptionAck)), options)
}

func appendWords(b []byte, words []string) []byte {
	for _, w := range words {
		b = append(append(b, w...), 0)
	}
	return b
}
