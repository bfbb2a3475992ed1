package profile

import (
	"bytes"
	"crypto/sha256"
	"strings"
)

// compiledMagic begins the tag of the vendor's compiled binary (field), and of
// some firmware images.
const compiledMagic = "SIPURA SPA"

func isCompiled(body []byte) bool { return bytes.HasPrefix(body, []byte(compiledMagic)) }

// tags are the first 12 characters of a compiled binary's tag, by product. Four
// blanks follow, or & and three blanks, which means something unknown (field).
var tags = [...]struct{ tag, product string }{
	{"SIPURA SPA *", "PAP2 and its relatives"},
	{"SIPURA SPA +", "SPA2100 and its relatives"},
	{"SIPURA SPA @", "WPB200"},
	{"SIPURA SPA4@", "WRP400"},
	{"SIPURA SPA3@", "WAG310G"},
	{"SIPURA SPA 8", "SPA8000"},
	{"SIPURA SPA88", "SPA8800"},
	{"SIPURA SPA %", "SPA9000"},
	{"SIPURA SPA _", "SPA9x1, SPA94x and SPA50x phones"},
	{"SIPURA SPA #", "SPA962"},
	{"SIPURA SPA /", "SPA525G"},
}

const compiledAdvice = "; its format is not public: serve XML, or a spafleet container"

// compiledHint says what a file with the compiled binary's magic is.
func compiledHint(body []byte) string {
	head := string(body[:min(len(body), 16)])
	for _, t := range tags {
		if rest, ok := strings.CutPrefix(head, t.tag); ok && (rest == "    " || rest == "&   ") {
			return "a file compiled by the vendor's spc for " + t.product + compiledAdvice
		}
	}
	if isImage(body) {
		return "a firmware image, not a profile"
	}
	return "a file compiled by the vendor's spc for an unknown product" + compiledAdvice
}

// isImage tells some firmware images from profiles (field).
func isImage(body []byte) bool { return bytes.HasPrefix(body, []byte(compiledMagic+" 1")) }

// decodeCompiled opens a compiled binary by the caller's means.
func decodeCompiled(body []byte, o Options) (File, error) {
	if isImage(body) {
		return File{}, corrupt(compiledHint(body))
	}
	if o.Sidecar != nil {
		if source, ok := o.Sidecar(sha256.Sum256(body)); ok {
			return openedSource(source, BySidecar)
		}
	}
	switch {
	case o.External != nil:
		source, err := o.External(body)
		if err != nil {
			return File{}, &Error{Text: errCorrupt, Hint: "the decoder did not open the compiled file: " + err.Error(), Own: true}
		}
		return openedSource(source, ByExternal)
	case o.Opaque:
		return File{Opened: AsOpaque}, nil
	}
	return File{}, corrupt(compiledHint(body))
}

func openedSource(source string, by Opened) (File, error) {
	f, err := decodeSource(source)
	f.Opened = by
	return f, err
}
