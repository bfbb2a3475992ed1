// Package image reads firmware images of the makers' form, and makes images that only
// emulated devices take.
//
// A [Check] looks at an image while it comes. It tells what is wrong with its header,
// its sector headers and each of its sectors, as far as the form is known: two published
// images were computed over, and the maker's packing tool was read for a third form
// (field). It keeps the headers and one sector, at most [Held] bytes.
//
// [Make] writes no image that a real unit takes: the digests are false on purpose, and
// no sector follows.
package image

import (
	"bytes"
	"crypto/md5"
	"encoding/binary"
	"fmt"
	"hash"
	"slices"
	"strings"
)

// The header of every form begins alike. Numbers are big endian.
const (
	atDigest   = 0x30 // MD5 of the headers, this field as zeros
	atSequence = 0x40 // MD5 of the headers, both fields as zeros and byte i increased by 19 i
	atHeader   = 0x50 // length of the header
	atSector   = 0x54 // length of a sector header
	atLength   = 0x58 // length of the file
	atVersion  = 0x5C // text, filled with zeros
	atCount    = 0x7C // number of sectors
	atRest     = 0x80 // where the shortest header ends

	digestLen = md5.Size
	magicLen  = 16
)

// What a check is ready to hold. No image known has more than 79 sectors.
const (
	mostSectors = 512
	mostModules = 64
	mostInFlash = 1 << 16 // bytes of a sector, packed and unpacked
)

// Most is how many bytes a file may have that is read as an image; the largest image
// known has 4.4 MB. Held is how many a [Check] keeps of one at most.
const (
	Most = 16 << 20
	Held = atRest + mostSectors*sectorHeader + mostInFlash
)

// A form is how long the headers of a family's images are.
type form struct{ header, sector uint32 }

const (
	sectorHeader = 0x40
	moduleHeader = 0x80
)

// forms are those that were seen: the first in images of SPA3102 and SPA30x/50x, the
// others, with modules in place of sectors, in the tool for SPA112 and SPA122 and in
// their images of 1.4.x (field).
var forms = []form{{0x80, sectorHeader}, {0x84, moduleHeader}, {0x88, moduleHeader}}

// A Problem is one thing that is wrong with an image.
type Problem struct {
	Part   string `json:"part"`   // magic, header, version, length, digest, random sequence, sector header, sector or contents
	Offset int    `json:"offset"` // where it begins in the file
	Why    string `json:"why"`
}

// String returns the problem as a line.
func (p Problem) String() string { return fmt.Sprintf("%s at byte %d: %s", p.Part, p.Offset, p.Why) }

// A Sector is a part of an image that has its own place in the flash.
type Sector struct {
	Number   int  `json:"number"` // of the flash's sectors of 64 KB
	Offset   int  `json:"offset"` // in the file
	Length   int  `json:"length"` // in the file
	Stored   bool `json:"stored"` // as it is, not compressed
	Expanded int  `json:"expanded"`
	OK       bool `json:"ok"`

	sum [digestLen]byte // of its data after expansion
}

// A Report is what a check has found.
type Report struct {
	Magic    string    `json:"magic"`   // 16 characters; those that are not printable are dots
	Version  string    `json:"version"` // empty where none can be read
	Bytes    int       `json:"bytes"`   // that came
	Header   int       `json:"header_bytes"`
	Modules  int       `json:"modules"` // of SPA1xx images: their layout is not known, so only the headers are checked
	Sectors  []Sector  `json:"sectors"`
	Made     bool      `json:"made_by_spafleet"` // an image of [Make]: emulated devices take it, no real unit does
	Problems []Problem `json:"problems"`         // the first ones; none: a real unit takes it, as far as is known
	More     int       `json:"problems_more"`    // beyond those
}

// mostProblems bounds how many a report has.
const mostProblems = 20

// A Check looks at one image while it comes. Make one with [New].
type Check struct {
	report Report
	whole  bool
	sums   *Sums

	head   []byte // the headers, as far as they came
	want   int    // bytes of them that are looked at next
	next   func()
	digest hash.Hash // of an image of ours, once its header is there
	sector int       // that comes now
	part   []byte    // of it, what came
	piece  []byte    // of what comes, not yet looked at
}

// New returns a check. With whole, digests and sectors are looked at too, else only the
// first header. Sums may be nil.
func New(whole bool, sums *Sums) *Check {
	c := &Check{whole: whole, sums: sums, want: atRest, head: make([]byte, 0, atRest), report: Report{Sectors: []Sector{}, Problems: []Problem{}}}
	c.next = c.readHeader
	return c
}

// Write takes what comes next of the image, all of it. It keeps nothing of p.
func (c *Check) Write(p []byte) (int, error) {
	c.piece = p
	for len(c.piece) > 0 && c.next != nil {
		if len(c.head) == c.want {
			c.takeSectors()
			break
		}
		n := min(len(c.piece), c.want-len(c.head))
		c.head = append(c.head, c.piece[:n]...)
		c.take(n)
		if len(c.head) == c.want {
			c.next()
		}
	}
	c.take(len(c.piece))
	c.piece = nil
	return len(p), nil
}

// take counts bytes that were looked at.
func (c *Check) take(n int) {
	if c.digest != nil {
		c.digest.Write(c.piece[:n])
	}
	c.report.Bytes += n
	c.piece = c.piece[n:]
}

// Beginning returns the first bytes of what came, at most so many and a header.
func (c *Check) Beginning(most int) string { return string(c.head[:min(len(c.head), most)]) }

// fault notes a problem.
func (c *Check) fault(part string, offset int, format string, args ...any) {
	if len(c.report.Problems) < mostProblems {
		c.report.Problems = append(c.report.Problems, Problem{part, offset, fmt.Sprintf(format, args...)})
	} else {
		c.report.More++
	}
}

func (c *Check) number(at int) uint32 { return binary.BigEndian.Uint32(c.head[at:]) }

// readHeader looks at the part of the header that all forms share.
func (c *Check) readHeader() {
	c.next = nil
	h, r := c.head, &c.report
	r.Magic = shown(h[:magicLen])
	if !plausible(h) {
		c.fault("magic", 0, "%q is the beginning of no image: the makers' magics end in FiRmWaRe", r.Magic)
		return
	}
	text, _, _ := bytes.Cut(h[atVersion:atCount], []byte{0})
	if r.Version = string(text); !isVersion(r.Version) {
		c.fault("version", atVersion, "%q is no version", shown(text))
		r.Version = ""
	}
	r.Header = int(c.number(atHeader))
	f := form{c.number(atHeader), c.number(atSector)}
	if !slices.Contains(forms, f) {
		c.fault("header", atHeader, "a header of %d bytes with sector headers of %d is none of the forms that are known", f.header, f.sector)
		return
	}
	if r.Made = string(h[atSequence:atHeader]) == Mark; r.Made {
		if c.whole {
			c.digest = md5.New()
			c.digest.Write(h[atSequence:])
		}
		return
	}
	count, most, name := c.number(atCount), uint32(mostSectors), "sectors"
	if f.sector == moduleHeader {
		most, name = mostModules, "modules"
	}
	switch {
	case count == 0 || count > most:
		c.fault("header", atCount, "%d %s; 1 to %d can be checked", count, name, most)
	case c.whole:
		c.head = slices.Grow(c.head, int(f.header+count*f.sector)-atRest)
		c.want = int(f.header + count*f.sector)
		c.next = c.readTable
	}
}

// readTable looks at the digests, which are over all headers, and at the sector headers.
func (c *Check) readTable() {
	c.next = nil
	if sum := sequenceOf(c.head); !bytes.Equal(sum, c.head[atSequence:atHeader]) {
		c.fault("random sequence", atSequence, "it is %x; over these headers it would be %x", c.head[atSequence:atHeader], sum)
	}
	if sum := digestOf(c.head); !bytes.Equal(sum, c.head[atDigest:atSequence]) {
		c.fault("digest", atDigest, "it is %x; over these headers it would be %x", c.head[atDigest:atSequence], sum)
	}
	if c.number(atSector) == moduleHeader {
		c.report.Modules = int(c.number(atCount))
		return
	}
	end, sound := uint32(c.want), true
	for at := c.report.Header; at < c.want; at += sectorHeader {
		end, sound = c.readSector(at, end, sound)
	}
	if length := c.number(atLength); sound && end != length {
		c.fault("header", atLength, "the file's length is %d here, and its last sector ends at %d", length, end)
	}
	if sound {
		c.next = func() {} // sectors follow
	}
}

// readSector reads a sector header. End is where the sector before it ends in the file;
// sound is false where a header before this one cannot be right.
func (c *Check) readSector(at int, end uint32, sound bool) (uint32, bool) {
	h := c.head[at : at+sectorHeader]
	be := binary.BigEndian
	length, offset, flag := be.Uint32(h[4:]), be.Uint32(h[8:]), be.Uint16(h[2:])
	s := Sector{Number: int(be.Uint16(h)), Offset: int(offset), Length: int(length), Stored: flag == 1, sum: [digestLen]byte(h[12:])}
	c.report.Sectors = append(c.report.Sectors, s)
	switch {
	case flag > 1:
		c.fault("sector header", at+2, "the flag is %d; 0 is compressed, 1 stored", flag)
	case length == 0 || length > mostInFlash:
		c.fault("sector header", at+4, "a length of %d bytes; a sector has 1 to %d", length, mostInFlash)
	case sound && offset != end:
		c.fault("sector header", at+8, "it begins at %d in the file, and what stands before it ends at %d", offset, end)
	default:
		return offset + length, sound
	}
	return end, false
}

// takeSectors looks at the sectors in what comes. One that comes in pieces is kept
// until it is whole.
func (c *Check) takeSectors() {
	for len(c.piece) > 0 && c.sector < len(c.report.Sectors) {
		s := &c.report.Sectors[c.sector]
		n := min(len(c.piece), s.Length-len(c.part))
		body := c.piece[:n]
		if n < s.Length {
			c.part = append(c.part, body...)
			body = c.part
		}
		c.take(n)
		if len(body) < s.Length {
			return
		}
		c.part = c.part[:0]
		c.sector++
		c.checkSector(s, body)
	}
}

func (c *Check) checkSector(s *Sector, body []byte) {
	sum, size, err := c.sums.of(body, packingOf(c.report.Magic, body, s.Stored), s.sum)
	s.Expanded, s.OK = size, err == nil && sum == s.sum
	switch {
	case err != nil:
		c.fault("sector", s.Offset, "sector %d cannot be expanded: %s", s.Number, err)
	case !s.OK:
		c.fault("sector", s.Offset, "the MD5 of sector %d is %x, and its header says %x", s.Number, sum, s.sum)
	}
}

// Report returns what was found, once the image has ended. It is called once.
func (c *Check) Report() Report {
	r := &c.report
	switch {
	case len(c.head) < atRest:
		c.fault("length", 0, "the file has %d bytes, and the shortest header %d", r.Bytes, atRest)
		if len(c.head) >= magicLen {
			r.Magic = shown(c.head[:magicLen])
		}
		return *r
	case r.Header == 0 || !plausible(c.head):
		return *r
	}
	if c.whole && len(c.head) < c.want {
		c.fault("length", atCount, "the headers of %d sectors end at byte %d, and the file before that", c.number(atCount), c.want)
	}
	if length := c.number(atLength); int64(length) != int64(r.Bytes) {
		c.fault("length", atLength, "the file has %d bytes, and its header says %d", r.Bytes, length)
	}
	if r.Made {
		changed := c.digest != nil && !bytes.Equal(c.digest.Sum(nil), c.head[atDigest:atSequence])
		if changed || !bytes.Equal(c.head[magicLen:atDigest], make([]byte, atDigest-magicLen)) {
			c.fault("contents", 0, "the image was changed after spafleet made it")
		}
		mark := Problem{"random sequence", atSequence, "it is the mark of spafleet firmware make, and no digest of the headers: no real unit takes this image"}
		r.Problems = append([]Problem{mark}, r.Problems...)
	}
	return *r
}

// Damage returns the problems that an emulated device minds: that spafleet made an image
// is none of them.
func (r *Report) Damage() []Problem {
	if r.Made {
		return r.Problems[1:]
	}
	return r.Problems
}

// digestOf returns the digest of headers.
func digestOf(head []byte) []byte {
	h := slices.Clone(head)
	clear(h[atDigest:atSequence])
	sum := md5.Sum(h)
	return sum[:]
}

// sequenceOf returns the random sequence of headers, which is a digest too.
func sequenceOf(head []byte) []byte {
	h := slices.Clone(head)
	clear(h[atDigest:atHeader])
	for i := range h {
		h[i] += byte(19 * i)
	}
	sum := md5.Sum(h)
	return sum[:]
}

// plausible reports whether a header begins as images do: the three magics that are
// known end in this word.
func plausible(head []byte) bool { return strings.EqualFold(string(head[8:magicLen]), "firmware") }

func isVersion(text string) bool {
	return text != "" && !strings.ContainsFunc(text, func(r rune) bool { return r <= ' ' || r > '~' })
}

// shown returns bytes as text in which what is not printable is a dot.
func shown(b []byte) string {
	text := []byte(string(b))
	for i, c := range text {
		if c < ' ' || c > '~' {
			text[i] = '.'
		}
	}
	return string(text)
}
