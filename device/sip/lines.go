package sip

import (
	"net/netip"

	"spafleet/device/chance"
)

// Lines are what a device keeps of its lines; the zero Lines is that of one that has had
// nothing to do with SIP.
type Lines struct{ first *Line }

// A Line is what a device keeps of one line.
type Line struct {
	next   *Line
	server uint32 // the fingerprint of the address that registers it
	heard  uint32 // the fingerprint of the NOTIFY that was done last
	number uint8
}

// of returns a line, nil where nothing is kept of it.
func (l *Lines) of(number uint8) *Line {
	for line := l.first; line != nil; line = line.next {
		if line.number == number {
			return line
		}
	}
	return nil
}

// own returns a line, to be changed.
func (l *Lines) own(number uint8) *Line {
	line := l.of(number)
	if line == nil {
		line = &Line{next: l.first, number: number}
		l.first = line
	}
	return line
}

// addressOf returns the fingerprint of an address, never 0.
func addressOf(a netip.Addr) uint32 {
	b := a.As16()
	var halves [2]uint64
	for i, v := range b {
		halves[i/8] = halves[i/8]<<8 | uint64(v)
	}
	return uint32(chance.Hash(0, halves[0], halves[1])) | 1
}
