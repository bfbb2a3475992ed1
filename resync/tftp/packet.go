package tftp

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"strings"
)

// The packets of RFC 1350.
const (
	opRead  = 1
	opWrite = 2
	opData  = 3
	opAck   = 4
	opError = 5

	blockSize  = 512
	headerSize = 4

	codeNotFound   = 1
	codeFull       = 3
	codeUnknownTID = 5
)

// A packet is a received DATA, ACK or ERROR; anything else has op 0. Its
// payload lies in the receive buffer.
type packet struct {
	op      uint16
	number  uint16 // block, or code of an ERROR
	payload []byte
}

func parsePacket(b []byte) packet {
	if len(b) < headerSize {
		return packet{}
	}
	op := binary.BigEndian.Uint16(b)
	if op != opData && op != opAck && op != opError {
		return packet{}
	}
	return packet{op, binary.BigEndian.Uint16(b[2:]), b[headerSize:]}
}

// appendRequest adds a request in octet mode without options. A path ends at its
// first zero byte, as the protocol's text does.
func appendRequest(b []byte, op uint16, path string) []byte {
	path, _, _ = strings.Cut(path, "\x00")
	b = binary.BigEndian.AppendUint16(b, op)
	b = append(b, path...)
	return append(b, "\x00octet\x00"...)
}

// appendPacket adds a DATA, ACK or ERROR packet.
func appendPacket(b []byte, op, number uint16, payload []byte) []byte {
	b = binary.BigEndian.AppendUint16(b, op)
	b = binary.BigEndian.AppendUint16(b, number)
	return append(b, payload...)
}

// A refusal is a server's ERROR packet.
type refusal struct {
	code uint16
	text string
}

func newRefusal(p packet) *refusal {
	text, _, _ := bytes.Cut(p.payload, []byte{0})
	return &refusal{p.number, string(text)}
}

func (e *refusal) Error() string { return fmt.Sprintf("server says ERROR %d %q", e.code, e.text) }
