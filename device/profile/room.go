package profile

import "strings"

// A Room is what one scan leaves to the next: its parameters' memory, and the text,
// for devices of one provider have files that differ in a few elements, and one that
// stands in both is read once. What a scan returns is the same with any room and
// with none. The zero Room is ready; it serves one scan at a time, and its
// parameters are those of the last one.
type Room struct {
	params []Param
	text   string // that was scanned last
	leaves []leaf // of it, in order
	spare  []leaf
}

// A leaf is a plain element: an open tag, text that means itself, the close tag
// that belongs to it. What it sets follows from its bytes alone, wherever it stands
// among parameters and whatever the options are.
type leaf struct {
	start, end    uint32 // in the text
	name          uint32 // length; it stands behind the <
	value, length uint32 // where the value stands, from start on
	access        Access
}

const (
	mostLeaves = 1 << 14 // that a room keeps: half a megabyte
	// lookAhead is how many leaves may be left out, compared with the text before.
	lookAhead = 8
)

// enter begins a scan in a room.
func (s *scanner) enter(r *Room) {
	if r == nil || len(s.aliases) > 0 || len(s.text) > 1<<30 {
		return
	}
	s.room, s.params, s.leaves = r, r.params[:0], r.spare[:0]
}

// depart leaves what was read to the next scan.
func (s *scanner) depart() {
	r := s.room
	if r == nil {
		return
	}
	r.params, r.text, r.leaves, r.spare = s.params, s.text, s.leaves, r.leaves
	if len(r.leaves) > mostLeaves {
		*r = Room{}
	}
}

// again reads the element at pos, if it is the one that is due after the text
// before.
func (s *scanner) again() bool {
	r := s.room
	if r == nil || s.due >= len(r.leaves) || s.parent() == outside {
		return false
	}
	l := r.leaves[s.due]
	raw := r.text[l.start:l.end]
	if !strings.HasPrefix(s.text[s.pos:], raw) {
		return false
	}
	at := s.text[s.pos : s.pos+len(raw)]
	s.params = append(s.params, Param{Name: at[1 : 1+l.name], Value: at[l.value : l.value+l.length], Has: true, Access: l.access})
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
	if s.room == nil || t.hasValue {
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
	r := s.room
	for i := s.due; i < min(s.due+lookAhead, len(r.leaves)); i++ {
		if l := r.leaves[i]; r.text[l.start+1:l.start+1+l.name] == t.name {
			s.due = i + 1
			return
		}
	}
}
