package profile

import "strings"

// A Scratch is memory that one scan leaves to the next: the list of parameters, and
// the last text with the places of its elements. Devices of one provider have files
// that differ in a few elements; an element that is the same in both files is not
// parsed again. A scan returns the same with and without a scratch. The zero Scratch
// is ready. It serves one scan at a time, and the next scan overwrites the
// parameters of the one before.
type Scratch struct {
	params []Param
	text   string // that was scanned last
	leaves []leaf // of it, in order
	spare  []leaf
}

// A leaf is a plain element: an open tag, text that means itself, the close tag
// that belongs to it, in a flat-profile. What it sets follows from its bytes alone,
// whatever the options are of scans that use a scratch.
type leaf struct {
	start, end    uint32 // in the text
	name          uint32 // length; it stands behind the <
	value, length uint32 // where the value stands, from start on
	access        Access
}

const (
	mostLeaves = 1 << 14 // most that a scratch keeps: half a megabyte
	// lookAhead is how many leaves may be left out, compared with the text before.
	lookAhead = 8
)

// useScratch begins a scan with what the last one left.
func (s *scanner) useScratch(r *Scratch) {
	if r == nil || len(s.aliases) > 0 || len(s.text) > 1<<30 || s.reads() {
		return
	}
	s.scratch, s.params, s.leaves = r, r.params[:0], r.spare[:0]
}

// reads reports whether the options give some plain element another meaning than
// those of most devices do.
func (s *scanner) reads() bool {
	return s.o.KeepBlanks || s.o.StrictAmpersand || s.overlooks(bareLess) || s.overlooks(slashInName) || !s.overlooks(bareAttribute)
}

// leaveScratch leaves what was read to the next scan.
func (s *scanner) leaveScratch() {
	r := s.scratch
	if r == nil {
		return
	}
	r.params, r.text, r.leaves, r.spare = s.params, s.text, s.leaves, r.leaves
	if len(r.leaves) > mostLeaves {
		*r = Scratch{}
	}
}

// again reads the element at pos, if it is the one that is due after the text
// before.
func (s *scanner) again() bool {
	r := s.scratch
	if r == nil || s.due >= len(r.leaves) || s.parent() != inside {
		return false
	}
	l := r.leaves[s.due]
	raw := r.text[l.start:l.end]
	if !strings.HasPrefix(s.text[s.pos:], raw) {
		return false
	}
	at := s.text[s.pos : s.pos+len(raw)]
	s.params = append(s.params, Param{Name: at[1 : 1+l.name], Value: at[l.value : l.value+l.length], Has: true, Access: l.access, Offset: uint32(s.pos)})
	l.start, l.end = uint32(s.pos), uint32(s.pos+len(raw))
	s.leaves = append(s.leaves, l)
	s.pos += len(raw)
	s.due++
	s.elements = true
	return true
}

// note keeps the element that was read last, from start on, if its value is the
// text between its tags, and finds what is due after it.
func (s *scanner) note(start, text int, raw string, t *tag) {
	if s.scratch == nil || t.hasValue || s.parent() != inside {
		return
	}
	p := &s.params[len(s.params)-1]
	value := text
	for value < text+len(raw) && isSpace(s.text[value]) {
		value++
	}
	if p.Value != trimmed(raw) {
		return
	}
	s.leaves = append(s.leaves, leaf{uint32(start), uint32(s.pos), uint32(len(t.name)), uint32(value - start), uint32(len(p.Value)), t.access})
	r := s.scratch
	for i := s.due; i < min(s.due+lookAhead, len(r.leaves)); i++ {
		if l := r.leaves[i]; r.text[l.start+1:l.start+1+l.name] == t.name {
			s.due = i + 1
			return
		}
	}
}
