package profile

import "strings"

// A Nest writes parameters of which some are named by a path, as
// router-configuration/WAN_Interface/MTU is, each in its sections. The zero Nest is
// ready; parameters of one section must follow each other.
type Nest struct {
	open string // the sections that are open, each with a slash behind it
}

// Append appends a parameter in its sections, in the style of the compiler's samples:
// two blanks in front and no line end behind it, no ua without an Access. One in a
// section has no access (exports: field).
func (n *Nest) Append(b []byte, p Param, s Sample) []byte {
	at := strings.LastIndexByte(p.Name, '/') + 1
	b = n.move(b, p.Name[:at])
	p.Name = p.Name[at:]
	if at > 0 {
		p.Access = 0
	}
	return appendSample(b, p, s)
}

// Close appends the ends of the sections that are open.
func (n *Nest) Close(b []byte) []byte { return n.move(b, "") }

// move closes and opens sections.
func (n *Nest) move(b []byte, to string) []byte {
	if n.open == to {
		return b
	}
	shared := 0
	for i := range min(len(n.open), len(to)) {
		if n.open[i] != to[i] {
			break
		}
		if to[i] == '/' {
			shared = i + 1
		}
	}
	for rest := strings.TrimSuffix(n.open[shared:], "/"); rest != ""; {
		at := strings.LastIndexByte(rest, '/') + 1
		b = append(append(append(b, "</"...), rest[at:]...), ">\n"...)
		rest = strings.TrimSuffix(rest[:at], "/")
	}
	for rest := to[shared:]; rest != ""; {
		var name string
		name, rest, _ = strings.Cut(rest, "/")
		b = append(append(append(b, '<'), name...), ">\n"...)
	}
	n.open = to
	return b
}
