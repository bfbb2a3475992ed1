package profile

import (
	"fmt"
	"strings"
)

// A Description is what a file is, as far as it shows without being opened.
type Description struct {
	Format    string `json:"format"` // one of the Format constants
	Length    int    `json:"length"` // in bytes
	Targeted  bool   `json:"targeted,omitempty"`
	Scrambled bool   `json:"scrambled,omitempty"`
	Cipher    string `json:"cipher,omitempty"`       // "AES-256-CBC", or a container's "RC4" or "AES"
	KeyKind   string `json:"key_kind,omitempty"`     // "passphrase", "ascii" or "hex"
	Family    string `json:"family,omitempty"`       // a container's
	Inner     int    `json:"inner_length,omitempty"` // length of a container's source text
	Hint      string `json:"hint,omitempty"`         // why a device would refuse it, if that shows
}

// The forms of a file. Devices take the first three; the fourth stands in for
// the fifth.
const (
	FormatXML       = "open XML"
	FormatGzip      = "gzip"
	FormatOpenSSL   = "openssl enc"
	FormatContainer = "spafleet container"
	FormatCompiled  = "vendor compiled"
	FormatSource    = "source text"
	FormatUnknown   = "unknown"
)

// Describe says what a file is without opening it. Files of one form may still
// be malformed inside.
func Describe(body []byte) Description {
	d := Description{Format: FormatUnknown, Length: len(body)}
	switch {
	case isSalted(body):
		d.Format, d.Cipher, d.KeyKind = FormatOpenSSL, "AES-256-CBC", "passphrase"
	case isGzip(body):
		d.Format = FormatGzip
	case isContainer(body):
		d.Format = FormatContainer
		d.describeContainer(body)
	case isCompiled(body):
		d.Format, d.Hint = FormatCompiled, compiledHint(body)
	default:
		if d.Hint = foreignHint(body); d.Hint == "" && isMarkup(body) {
			d.Format = FormatXML
		} else if isSource(body) {
			d.Format = FormatSource
		}
	}
	return d
}

func (d *Description) describeContainer(body []byte) {
	c, ok := parseContainer(body)
	if !ok {
		d.Hint = "bad container header"
		return
	}
	d.Targeted, d.Scrambled = c.is(flagTargeted), c.is(flagScrambled)
	d.Family, d.Inner = c.family, c.length
	if c.is(flagKeyed) {
		d.Cipher, d.KeyKind = c.cipher.String(), [...]string{asciiKey: "ascii", hexKey: "hex"}[c.kind]
	}
}

// String returns one line of prose.
func (d Description) String() string {
	parts := []string{d.Format, fmt.Sprintf("%d bytes", d.Length)}
	if d.Targeted {
		parts = append(parts, "targeted")
	}
	if d.Scrambled {
		parts = append(parts, "scrambled")
	}
	if d.Cipher != "" {
		parts = append(parts, d.Cipher+" ("+d.KeyKind+" key)")
	}
	if d.Family != "" {
		parts = append(parts, "family "+d.Family)
	}
	if d.Inner > 0 {
		parts = append(parts, fmt.Sprintf("%d bytes of source text", d.Inner))
	}
	line := strings.Join(parts, ", ")
	if d.Hint != "" {
		line += ": " + d.Hint
	}
	return line
}
