package fromlog

import (
	"math"
	"time"
)

// A unit is what is kept of a device.
type unit struct {
	mac     uint64 // 0: not known
	start   int64  // of the pass that goes on, Unix time in nanoseconds
	first   int64
	passes  uint32
	client  int32
	joined  int32 // with which unit it is one; itself
	make    uint16
	pass    uint8 // the files that the pass has asked for, by their place in uses
	failed  bool  // one of them failed
	more    bool  // it asks for more files than are kept
	gapsLen uint8
	uses    [mostUses]use
	gaps    [mostGaps]uint32 // the latest, in seconds, doubled; odd after a pass that failed
}

const (
	mostUses = 6
	mostGaps = 8
	atOnce   = 2 * time.Second // a request for the same file within it is the same one again
)

// A use is a file that a device asks for.
type use struct {
	name  int32
	count uint32
	last  int64
}

// asks notes that a device asks for a file, and reports whether a pass begins with it: the
// device has asked for the file already since the last one began.
func (d *unit) asks(name int32, at int64, failed bool) (begins bool) {
	place := 0
	for place < mostUses && d.uses[place].count > 0 && d.uses[place].name != name {
		place++
	}
	if place == mostUses {
		d.more = true
		d.failed = d.failed || failed
		return false
	}
	u := &d.uses[place]
	gap := at - u.last
	switch {
	case d.passes == 0:
		begins, d.first = true, at
	case u.count > 0 && d.pass&(1<<place) != 0:
		if gap <= int64(atOnce) {
			d.failed = d.failed || failed
			return false
		}
		d.gap(gap)
		begins = true
	}
	if begins {
		d.passes++
		d.pass, d.failed, d.start = 0, false, at
	}
	d.pass |= 1 << place
	d.failed = d.failed || failed
	u.name, u.last = name, at
	u.count++
	return begins
}

// gap keeps how long after the last time the device asked again.
func (d *unit) gap(gap int64) {
	seconds := uint32(min((gap+int64(time.Second)/2)/int64(time.Second), math.MaxInt32))
	kept := seconds << 1
	if d.failed {
		kept |= 1
	}
	d.gaps[d.gapsLen%mostGaps] = kept
	if d.gapsLen++; d.gapsLen == 2*mostGaps {
		d.gapsLen = mostGaps
	}
}

// each tells the gaps that are kept.
func (d *unit) each(tell func(seconds int, afterFailure bool)) {
	for _, gap := range d.gaps[:min(d.gapsLen, mostGaps)] {
		tell(int(gap>>1), gap&1 != 0)
	}
}

// units are all devices, in pieces: a list that grows would be in memory twice.
type units struct {
	len     int32
	pieces  [][]unit
	serials map[int32]string
}

const unitsInPiece = 1 << 12

func (u *units) at(n int32) *unit { return &u.pieces[n/unitsInPiece][n%unitsInPiece] }

func (u *units) add(of uint16) int32 {
	if u.len%unitsInPiece == 0 {
		u.pieces = append(u.pieces, make([]unit, unitsInPiece))
	}
	if u.serials == nil {
		u.serials = map[int32]string{}
	}
	d := u.at(u.len)
	d.joined, d.make = u.len, of
	u.len++
	return d.joined
}

// whole returns the unit that a unit is one with.
func (u *units) whole(n int32) int32 {
	for u.at(n).joined != n {
		n = u.at(n).joined
	}
	return n
}

// join makes one unit of two that turn out to be the same device. The files of the first
// are added to those of the second.
func (u *units) join(n, to int32) {
	from, d := u.at(n), u.at(to)
	from.joined = to
	for _, x := range from.uses {
		for place := range d.uses {
			if x.count == 0 || d.uses[place].count > 0 && d.uses[place].name != x.name {
				continue
			}
			d.uses[place].name, d.uses[place].last = x.name, max(x.last, d.uses[place].last)
			d.uses[place].count += x.count
			break
		}
	}
	if d.passes == 0 || from.first < d.first {
		d.first = from.first
	}
	d.passes = max(d.passes, from.passes)
}
