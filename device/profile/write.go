package profile

import (
	"fmt"
	"io"
	"strings"
)

// WriteXML writes a flat-profile file, one parameter a line, that [Scan] reads
// back identically with zero options, and so does [Decode] up to its length of
// values. A name that is no element name is an error, and nothing is written.
func WriteXML(w io.Writer, params []Param) error {
	b := append(make([]byte, 0, 64*(len(params)+1)), "<"+flatProfile+">\n"...)
	for _, p := range params {
		if err := checkName(p.Name); err != nil {
			return fmt.Errorf("write profile: %w", err)
		}
		b = appendElement(b, p)
	}
	_, err := w.Write(append(b, "</"+flatProfile+">\n"...))
	if err != nil {
		return fmt.Errorf("write profile: %w", err)
	}
	return nil
}

func checkName(name string) error {
	if !isName(name) || name == flatProfile {
		return fmt.Errorf("bad parameter name %q", name)
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

// XMLName turns a label of the device's web pages, or a name of the compiler's
// source text, into the element name of the same parameter: `Display Name[1]`
// becomes Display_Name_1_. Letters, digits, hyphens, periods and underscores
// stay, every other character becomes one underscore (documented). An element
// name stays as it is.
func XMLName(label string) string {
	return strings.Map(func(r rune) rune {
		if r < 0x80 && r != ':' && isNameByte(byte(r)) {
			return r
		}
		return '_'
	}, label)
}
