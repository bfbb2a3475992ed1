package observed

import (
	"bytes"
	"encoding/base64"
	"encoding/hex"
	"net/netip"
	"net/url"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"spafleet/device/model"
)

// Secrets is what a file does not tell of a phone and its owner. In texts and in bytes an
// x stands for each letter and digit of a secret, so that what is around it keeps its
// place. MAC addresses in pairs and IPv4 addresses are masked whosever they are.
type Secrets struct {
	MAC       model.MAC    // in all its spellings, and as six bytes; zero: none
	Serial    string       // "": none
	Addresses []netip.Addr // where they stand as four bytes; as texts all are masked
	Words     []string     // passwords and the like, also in a URL and in Base64
}

var (
	anyMAC  = regexp.MustCompile(`(?i)(?:[0-9a-f]{2}(?::|-|%3a|%2d)){5}[0-9a-f]{2}`)
	numbers = regexp.MustCompile(`[0-9]+(?:\.[0-9]+)+`)
	base64s = regexp.MustCompile(`[A-Za-z0-9+/_-]{4,}={0,2}`)
)

// shortWord is the length below which a secret is masked only where it stands alone: it
// would be found in anything.
const shortWord = 4

// Without returns a copy of the file without the secrets.
func (f *File) Without(s Secrets) *File {
	m := s.mask()
	safe := *f
	safe.Findings, safe.Facts = slices.Clone(f.Findings), slices.Clone(f.Facts)
	for i := range safe.Findings {
		one := &safe.Findings[i]
		one.Experiment, one.Why = m.text(one.Experiment), m.text(one.Why)
	}
	for i := range safe.Facts {
		one := &safe.Facts[i]
		one.Experiment, one.What, one.Text = m.text(one.Experiment), m.text(one.What), m.text(one.Text)
		if raw, err := hex.DecodeString(one.Hex); err == nil {
			one.Hex = hex.EncodeToString(m.bytes(raw))
		}
	}
	return &safe
}

// A mask is secrets in the form in which they are looked for.
type mask struct {
	raw       [][]byte // in bytes
	spellings []*regexp.Regexp
}

func (s *Secrets) mask() *mask {
	m := &mask{}
	if s.MAC != (model.MAC{}) {
		m.raw = append(m.raw, s.MAC[:])
		digits := strings.Split(s.MAC.String(), "")
		m.spellings = append(m.spellings, regexp.MustCompile(`(?i)`+strings.Join(digits, `(?::|-|\.| |%3a|%2d|%20)?`)))
	}
	for _, a := range s.Addresses {
		if a = a.Unmap(); a.Is4() && !a.IsUnspecified() {
			m.raw = append(m.raw, a.AsSlice())
		}
	}
	for _, word := range append([]string{s.Serial}, s.Words...) {
		m.add(strings.TrimSpace(word))
	}
	return m
}

// add takes a word in the forms in which a text may have it.
func (m *mask) add(word string) {
	if word == "" {
		return
	}
	for _, form := range []string{word, url.QueryEscape(word), url.PathEscape(word)} {
		pattern := regexp.QuoteMeta(form)
		if len(word) < shortWord {
			pattern = `\b` + pattern + `\b`
		}
		m.spellings = append(m.spellings, regexp.MustCompile(`(?i)`+pattern))
	}
}

// text masks a text, and makes it one where it is none.
func (m *mask) text(text string) string {
	return string(m.texts([]byte(strings.ToValidUTF8(text, "\ufffd"))))
}

// bytes masks bytes; what it returns has as many.
func (m *mask) bytes(b []byte) []byte {
	b = bytes.Clone(b)
	for _, secret := range m.raw {
		hidden := bytes.Repeat([]byte{'x'}, len(secret))
		b = bytes.ReplaceAll(b, secret, hidden)
	}
	return m.texts(b)
}

// texts masks secrets that stand as texts.
func (m *mask) texts(b []byte) []byte {
	for _, at := range m.places(b) {
		for i := at[0]; i < at[1]; i++ {
			if c := b[i]; c != '.' && c != ':' && c != '-' {
				b[i] = 'x'
			}
		}
	}
	return b
}

// places returns where secrets stand as texts.
func (m *mask) places(b []byte) (places [][]int) {
	places = append(places, anyMAC.FindAllIndex(b, -1)...)
	for _, at := range numbers.FindAllIndex(b, -1) {
		if isIPv4(string(b[at[0]:at[1]])) {
			places = append(places, at)
		}
	}
	if len(m.spellings) == 0 {
		return places
	}
	for _, of := range m.spellings {
		places = append(places, of.FindAllIndex(b, -1)...)
	}
	for _, at := range base64s.FindAllIndex(b, -1) {
		if m.within(b[at[0]:at[1]]) {
			places = append(places, at)
		}
	}
	return places
}

// isIPv4 reports whether numbers with dots are an address, with zeros in front or without.
func isIPv4(text string) bool {
	parts := strings.Split(text, ".")
	return len(parts) == 4 && !slices.ContainsFunc(parts, func(p string) bool {
		n, err := strconv.Atoi(p)
		return err != nil || n > 255
	})
}

// within reports whether Base64 has a secret in it.
func (m *mask) within(b []byte) bool {
	bare := bytes.TrimRight(b, "=")
	for _, e := range []*base64.Encoding{base64.RawStdEncoding, base64.RawURLEncoding} {
		text := make([]byte, e.DecodedLen(len(bare)))
		n, err := e.Decode(text, bare)
		if err == nil && slices.ContainsFunc(m.spellings, func(of *regexp.Regexp) bool { return of.Match(text[:n]) }) {
			return true
		}
	}
	return false
}
