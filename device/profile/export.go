package profile

import "strings"

// An Element is one line of a device's own export. Names may repeat under
// different groups.
type Element struct {
	Group string // Tab/Section of the device's pages
	Name  string
	Value string
}

// Export writes a device's export of its settings or status: no declaration, the
// root alone on the first line, an element a line without indent, empty ones
// closed at once (profile-formats.md §5.1: field). An empty element leaves the
// value alone where it is read: importing an export clears nothing.
func Export(root string, elements []Element) []byte {
	b := make([]byte, 0, 80*(len(elements)+1))
	b = append(append(append(b, '<'), root...), ">\n"...)
	var group []byte // of the last element, as an attribute
	for i, e := range elements {
		if i == 0 || e.Group != elements[i-1].Group {
			group = append(AppendAttribute(append(group[:0], ` group="`...), e.Group), '"')
		}
		b = append(append(append(b, '<'), e.Name...), group...)
		if e.Value == "" {
			b = append(b, "/>\n"...)
			continue
		}
		b = appendEscaped(append(b, '>'), e.Value)
		b = append(append(append(b, "</"...), e.Name...), ">\n"...)
	}
	return append(append(append(b, "</"...), root...), ">\n"...)
}

// A Sample says how [Nest.Append] lays an element out.
type Sample struct {
	Width      int  // of the column in front of the attributes; 0: a blank
	Attributes bool // the value is an attribute, as with the compiler's --va
	Flush      bool // no blanks in front of the element
	Comment    bool // it stands in a comment, which has no blanks in front
}

// appendSample appends a parameter in the style of the compiler's samples and of
// reports, two blanks in front and no line end behind it. A parameter that has no
// Access gets no ua.
func appendSample(b []byte, p Param, s Sample) []byte {
	front, end := "  <", ">"
	switch {
	case s.Comment:
		front, end = "<!-- <", "> -->"
	case s.Flush:
		front = "<"
	}
	b = append(append(b, front...), p.Name...)
	for n := len(p.Name); n < s.Width; n++ {
		b = append(b, ' ')
	}
	if p.Access != 0 {
		b = append(append(append(b, ` ua="`...), p.Access.String()...), '"')
	}
	if s.Attributes {
		b = AppendAttribute(append(b, ` value="`...), p.Value)
		return append(append(b, `"/`...), end...)
	}
	b = appendEscaped(append(b, '>'), p.Value)
	b = append(append(b, "</"...), p.Name...)
	return append(b, end...)
}

// AppendAttribute appends a value so that it may stand between double quotes and
// is read back exactly.
func AppendAttribute(b []byte, value string) []byte {
	for rest := value; ; {
		before, after, found := strings.Cut(rest, `"`)
		b = appendEscaped(b, before)
		if !found {
			return b
		}
		b = append(b, "&quot;"...)
		rest = after
	}
}
