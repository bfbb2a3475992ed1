package settings

import (
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"
)

// A markup goes through a page tag by tag. Pages of phones leave out end tags and quotes,
// and a value counts byte by byte, line ends too; so this is no parser of HTML.
type markup struct {
	rest string
}

// A tag is one tag of a page.
type tag struct {
	name       string // in lower case, with the slash of an end tag
	attributes map[string]string
	torn       bool // there is something in it that is no attribute: a value may be cut
}

// next returns the text up to the next tag, and that tag; false at the end of the page, or
// where it ends within a tag.
func (m *markup) next() (text string, t tag, ok bool) {
	for {
		at := strings.IndexByte(m.rest, '<')
		if at < 0 {
			return "", tag{}, false
		}
		if at+1 < len(m.rest) && beginsTag(m.rest[at+1]) {
			text += m.rest[:at]
			m.rest = m.rest[at+1:]
			break
		}
		if end, aside := asideEnd(m.rest[at:]); aside {
			text += m.rest[:at]
			m.rest = m.rest[at+end:]
			continue
		}
		text += m.rest[:at+1]
		m.rest = m.rest[at+1:]
	}
	t, ok = m.tag()
	if ok && (t.name == "script" || t.name == "style") {
		m.skip("</" + t.name)
	}
	return text, t, ok
}

func beginsTag(c byte) bool { return c == '/' || isLetter(c) }

func isLetter(c byte) bool { return c|0x20 >= 'a' && c|0x20 <= 'z' }

// asideEnd returns where a comment or declaration ends that a text begins with.
func asideEnd(text string) (end int, aside bool) {
	for _, a := range [][2]string{{"<!--", "-->"}, {"<!", ">"}, {"<?", ">"}} {
		if strings.HasPrefix(text, a[0]) {
			if n := strings.Index(text[len(a[0]):], a[1]); n >= 0 {
				return len(a[0]) + n + len(a[1]), true
			}
			return len(text), true
		}
	}
	return 0, false
}

// skip goes on behind a script or style.
func (m *markup) skip(end string) {
	for {
		at := strings.IndexByte(m.rest, '<')
		if at < 0 {
			m.rest = ""
			return
		}
		m.rest = m.rest[at:]
		if len(m.rest) >= len(end) && strings.EqualFold(m.rest[:len(end)], end) {
			return
		}
		m.rest = m.rest[1:]
	}
}

// tag reads a tag behind its <.
func (m *markup) tag() (tag, bool) {
	t := tag{attributes: map[string]string{}}
	end := strings.IndexAny(m.rest, "> \t\r\n")
	if end < 0 {
		return tag{}, false
	}
	t.name = strings.TrimSuffix(strings.ToLower(m.rest[:end]), "/")
	m.rest = m.rest[end:]
	for {
		m.rest = strings.TrimLeft(m.rest, " \t\r\n/")
		if m.rest == "" {
			return tag{}, false
		}
		if m.rest[0] == '>' {
			m.rest = m.rest[1:]
			return t, true
		}
		if !m.attribute(&t) {
			return tag{}, false
		}
	}
}

// attribute reads one attribute. Of two with one name the first counts.
func (m *markup) attribute(t *tag) bool {
	end := strings.IndexAny(m.rest, "=> \t\r\n")
	if end < 0 {
		return false
	}
	name := strings.ToLower(m.rest[:end])
	m.rest = m.rest[end:]
	value := ""
	if after := strings.TrimLeft(m.rest, " \t\r\n"); strings.HasPrefix(after, "=") {
		m.rest = strings.TrimLeft(after[1:], " \t\r\n")
		var ok bool
		if value, ok = m.attributeValue(t); !ok {
			return false
		}
	}
	if _, twice := t.attributes[name]; twice || !isAttribute(name) {
		t.torn = true
		return end > 0 || m.past()
	}
	t.attributes[name] = value
	return true
}

// past goes past a character that begins nothing.
func (m *markup) past() bool {
	m.rest = strings.TrimPrefix(m.rest, "=")
	return true
}

func (m *markup) attributeValue(t *tag) (value string, ok bool) {
	if m.rest == "" {
		return "", false
	}
	quote := m.rest[0]
	if quote != '"' && quote != '\'' {
		end := strings.IndexAny(m.rest, "> \t\r\n")
		if end < 0 {
			return "", false
		}
		value, m.rest = m.rest[:end], m.rest[end:]
		t.torn = t.torn || strings.ContainsAny(value, `"'`)
		return value, true
	}
	value, m.rest, ok = strings.Cut(m.rest[1:], string(quote))
	if ok && m.rest != "" && !strings.ContainsRune("> \t\r\n/", rune(m.rest[0])) {
		t.torn = true
	}
	return value, ok
}

// attributes are those of fields, as pages of phones have them and as browsers save them.
var attributes = strings.Fields(`class name value size maxlength type id style title align valign width height color colspan bgcolor
	onchange onclick onkeyup onkeydown onblur onfocus checked disabled readonly selected multiple tabindex autocomplete spellcheck cols rows wrap`)

func isAttribute(name string) bool {
	return slices.Contains(attributes, name) || strings.HasPrefix(name, "data-") || strings.HasPrefix(name, "aria-")
}

// unescaped decodes the references of a text. What is no reference stays as it is: a
// browser's rules for references without a semicolon would change rules such as a=$A&lt=5.
func unescaped(text string) string {
	if !strings.Contains(text, "&") {
		return text
	}
	var b []byte
	for text != "" {
		at := strings.IndexByte(text, '&')
		if at < 0 {
			break
		}
		b = append(b, text[:at]...)
		text = text[at:]
		r, size := reference(text)
		if size == 0 {
			r, size = '&', 1
		}
		b = utf8.AppendRune(b, r)
		text = text[size:]
	}
	return string(append(b, text...))
}

var named = map[string]rune{"amp": '&', "lt": '<', "gt": '>', "quot": '"', "apos": '\'', "nbsp": '\u00a0'}

// reference decodes the reference that a text begins with; size is 0 where it is none.
func reference(text string) (r rune, size int) {
	const most = 12
	inner, _, ok := strings.Cut(text[1:min(len(text), most)], ";")
	if !ok {
		return 0, 0
	}
	if r, ok := named[inner]; ok {
		return r, len(inner) + 2
	}
	digits, ok := strings.CutPrefix(inner, "#")
	base := 10
	if digits != "" && digits[0]|0x20 == 'x' {
		digits, base = digits[1:], 16
	}
	n, err := strconv.ParseUint(digits, base, 32)
	if !ok || err != nil || n == 0 || n > utf8.MaxRune || !utf8.ValidRune(rune(n)) {
		return 0, 0
	}
	return rune(n), len(inner) + 2
}
