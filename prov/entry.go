package prov

import (
	"bytes"
	"crypto/sha256"
	"encoding/binary"
	"fmt"
	"strings"
	"unicode/utf16"
	"unicode/utf8"

	"spafleet/device/profile"
)

// An Entry says what is served at one path: at most one of Body, File and
// Status. The zero Entry is an empty file.
//
// An answer is made in this order: text expanded, padded to Size, in UCS-2, bound,
// compressed, encrypted. Devices undo the last three in the opposite order
// (documented for gzip and encryption).
type Entry struct {
	Body     string // text; {{ }} in it is expanded by [Options].Expand
	File     string // or a file below [Options].Root, read at each request; {{ }} in one of at most 1 MiB is expanded as in Body
	Status   int    // or a bare HTTP status, which uploads to the path get too
	Location string // of a 3xx status; {{ }} in it is expanded

	Key   string // encrypts as openssl enc -aes-256-cbc -md md5 -k Key; {{ }} in it is expanded
	Gzip  bool
	Bound bool // in spafleet's own container, targeted to the MAC address of who asks
	Size  int  // least bytes of the text: shorter ones are padded with what devices ignore
	UCS2  bool // the text in UCS-2 big endian with its mark, as phones want a dictionary
}

// isPlain reports whether a file is sent as it is, but for its {{ }}.
func (e *Entry) isPlain() bool { return e.Key == "" && !e.Gzip && !e.Bound && e.Size == 0 && !e.UCS2 }

// isTemplate reports whether a text holds an expression.
func isTemplate(text string) bool { return strings.Contains(text, "{{") }

// isStable reports whether a body follows from the asker and the secrets that the
// answer may speak of.
func (e *Entry) isStable(o *Options) bool {
	fixed := func(text string) bool { return !isTemplate(text) || o.Stable != nil && o.Stable(text) }
	return e.File == "" && e.Status == 0 && fixed(e.Body) && fixed(e.Key)
}

// check finds mistakes that would make every request fail.
func (e Entry) check(p *pattern, o *Options) error {
	if err := e.checkContent(); err != nil {
		return err
	}
	templates := isTemplate(e.Body) || isTemplate(e.Key) || isTemplate(e.Location)
	switch {
	case e.Bound && !p.namesMAC() && o.Who == nil:
		return fmt.Errorf("bound needs $MA, $MAU or $MAC in the path: that is the device it is bound to")
	case e.File != "" && o.Root == "":
		return fmt.Errorf("file %s: there is no folder for files", e.File)
	case o.Expand == nil && (templates || p.needsExpand()):
		return fmt.Errorf("{{ }} cannot be expanded: there is no Expand hook")
	}
	return nil
}

// checkContent finds parts of an entry that contradict each other.
func (e Entry) checkContent() error {
	contents := 0
	for _, given := range []bool{e.Body != "", e.File != "", e.Status != 0} {
		if given {
			contents++
		}
	}
	switch {
	case contents > 1:
		return fmt.Errorf("needs exactly one of a body, a file and a status")
	case e.Status != 0 && (e.Status < 200 || e.Status > 599):
		return fmt.Errorf("%d is not a status from 200 to 599", e.Status)
	case e.Location != "" && e.Status/100 != 3:
		return fmt.Errorf("a location needs a status of 300 to 399, not %d", e.Status)
	case e.Status != 0 && (e.Key != "" || e.Gzip || e.Bound || e.Size != 0 || e.UCS2):
		return fmt.Errorf("status %d has no text to encode", e.Status)
	case e.Size < 0:
		return fmt.Errorf("bad size %d", e.Size)
	case e.Bound && e.UCS2:
		return fmt.Errorf("a container holds no text in UCS-2: leave out bound or ucs2")
	case e.Bound && e.Size != 0:
		return fmt.Errorf("a container cannot be padded: leave out bound or size")
	}
	return nil
}

// prepare returns the answer if it is the same for every request, else nil.
func (e Entry) prepare(path string) ([]byte, error) {
	varies := e.File != "" || e.Status != 0 || e.Bound || isTemplate(e.Body) || isTemplate(e.Key)
	if varies {
		if e.Bound && e.File == "" && !isTemplate(e.Body) {
			_, err := whole(e.Body)
			return nil, err
		}
		return nil, nil
	}
	body, err := e.encode([]byte(e.Body), sealing{path: path, key: e.Key})
	if body == nil {
		body = []byte{}
	}
	return body, err
}

// A sealing is what an answer is encoded for.
type sealing struct {
	path string
	key  string
	mac  string
}

// encode makes the bytes that are sent from an expanded text. Salts follow from
// path and content, so that the same scenario gives the same bytes.
func (e Entry) encode(text []byte, s sealing) (body []byte, err error) {
	body = pad(text, e.Size)
	if e.UCS2 {
		body = ucs2(body)
	}
	if e.Bound {
		if body, err = bind(body, s); err != nil {
			return nil, err
		}
	}
	if e.Gzip {
		body = profile.Gzip(body)
	}
	if e.Key != "" {
		if s.key == "" {
			return nil, fmt.Errorf("encrypt %s: key %s is empty", s.path, e.Key)
		}
		salt := chanceOf("salt", s.path, body)
		body = profile.Encrypt(body, s.key, [8]byte(salt[:8]))
	}
	return body, nil
}

// ucs2 returns a text in UCS-2 big endian. A character that UCS-2 lacks becomes two
// units, as in UTF-16.
func ucs2(text []byte) []byte {
	units := utf16.Encode([]rune("\uFEFF" + string(text)))
	body := make([]byte, 0, 2*len(units))
	for _, u := range units {
		body = binary.BigEndian.AppendUint16(body, u)
	}
	return body
}

// whole reads a profile all of which counts for a device.
func whole(text string) (profile.File, error) {
	file, err := profile.Scan(text, profile.Options{})
	if err == nil && file.Partly != "" {
		err = fmt.Errorf("devices take only a part of it, %s", file.Partly)
	}
	return file, err
}

// bind puts a profile into a container for one device.
func bind(text []byte, s sealing) ([]byte, error) {
	if s.mac == "" {
		return nil, fmt.Errorf("bind %s: who asks is not known", s.path)
	}
	file, err := whole(string(text))
	if err != nil {
		return nil, fmt.Errorf("bind %s: %w", s.path, err)
	}
	chance := chanceOf("container", s.path, text)
	body, err := profile.Compile(file.Params, profile.Container{
		MAC: s.mac, Salt: [16]byte(chance[:16]), IV: [16]byte(chance[16:]),
	})
	if err != nil {
		return nil, fmt.Errorf("bind %s: %w", s.path, err)
	}
	return body, nil
}

// chanceOf is the chance that an encoding needs, as a function of what is encoded.
func chanceOf(purpose, path string, content []byte) [sha256.Size]byte {
	h := sha256.New()
	for _, part := range [][]byte{[]byte(purpose), []byte(path), content} {
		h.Write(binary.BigEndian.AppendUint64(nil, uint64(len(part))))
		h.Write(part)
	}
	return [sha256.Size]byte(h.Sum(nil))
}

// pad lengthens a text to a size: a markup file with a comment at its end, which
// every parser skips (documented), anything else with blanks, which no value
// keeps (documented).
func pad(text []byte, size int) []byte {
	const opening, closing = "<!--", "-->"
	missing := size - len(text)
	if missing <= 0 {
		return text
	}
	trimmed := bytes.TrimSpace(text)
	isMarkup := utf8.Valid(text) && bytes.HasPrefix(trimmed, []byte("<"))
	if frame := len(opening) + len(closing); isMarkup && missing >= frame {
		text = append(bytes.Clone(text), opening...)
		return append(append(text, blanks(missing-frame)...), closing...)
	}
	return append(bytes.Clone(text), blanks(missing)...)
}

// blanks returns lines of blanks.
func blanks(n int) []byte {
	b := bytes.Repeat([]byte(" "), n)
	for i := 79; i < n; i += 80 {
		b[i] = '\n'
	}
	return b
}
