package profile

import (
	"fmt"
	"io"
	"strings"
)

// WriteXML writes a flat-profile file, one parameter a line, that [Scan] reads
// back identically with Nested alone, and so does [Decode] up to its length of
// values. A name that is no element name is an error, and nothing is written.
func WriteXML(w io.Writer, params []Param) error {
	b := append(make([]byte, 0, 64*(len(params)+1)), "<"+flatProfile+">\n"...)
	var nest Nest
	for _, p := range params {
		at := strings.LastIndexByte(p.Name, '/') + 1
		b = nest.move(b, p.Name[:at])
		p.Name = p.Name[at:]
		if err := checkName(p.Name); err != nil {
			return fmt.Errorf("write profile: %w", err)
		}
		b = appendElement(b, p)
	}
	_, err := w.Write(append(nest.Close(b), "</"+flatProfile+">\n"...))
	if err != nil {
		return fmt.Errorf("write profile: %w", err)
	}
	return nil
}

func appendElement(b []byte, p Param) []byte {
	b = append(append(b, "  <"...), p.Name...)
	if p.Access != 0 {
		b = append(append(append(b, ` ua="`...), p.Access.String()...), '"')
	}
	if !p.Has {
		return append(b, "/>\n"...)
	}
	b = appendEscaped(append(b, '>'), p.Value)
	b = append(append(b, "</"...), p.Name...)
	return append(b, ">\n"...)
}
