package profile

import (
	"fmt"
	"strings"
)

func checkName(name string) error {
	if !isName(name) || name == flatProfile {
		return fmt.Errorf("bad parameter name %q", name)
	}
	return nil
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
