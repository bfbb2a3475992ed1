package model

import (
	"encoding/hex"
	"fmt"
	"strings"
)

// A MAC is a device's hardware address.
type MAC [6]byte

// String returns 12 lower-case hexadecimal digits, as $MA does.
func (m MAC) String() string {
	var text [12]byte
	hex.Encode(text[:], m[:])
	return string(text[:])
}

// Upper returns 12 upper-case hexadecimal digits, as $MAU does.
func (m MAC) Upper() string { return strings.ToUpper(m.String()) }

// Colons returns lower-case pairs joined by colons, as $MAC does.
func (m MAC) Colons() string {
	return fmt.Sprintf("%02x:%02x:%02x:%02x:%02x:%02x", m[0], m[1], m[2], m[3], m[4], m[5])
}

// ParseMAC reads 12 hexadecimal digits, with or without colons, hyphens or dots.
func ParseMAC(text string) (MAC, error) {
	var digits [2 * len(MAC{})]byte
	n := 0
	for i := range len(text) {
		switch c := text[i]; {
		case c == ':' || c == '-' || c == '.':
		case n < len(digits):
			digits[n] = c
			n++
		default:
			n = len(digits) + 1 // too many
		}
	}
	var m MAC
	if n == len(digits) {
		if _, err := hex.Decode(m[:], digits[:]); err == nil {
			return m, nil
		}
	}
	return MAC{}, fmt.Errorf("%q is not a MAC address of 12 hexadecimal digits", text)
}
