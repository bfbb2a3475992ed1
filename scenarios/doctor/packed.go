package doctor

import (
	"bytes"
	"compress/flate"
	"compress/zlib"
	"fmt"
	"io"
	"net/http"
	"strings"

	"spafleet/device/profile"
	"spafleet/scenarios/doctor/finding"
)

// unpacked returns how a body is packed that is a profile below that, "" for one that is
// none: "zlib" or "deflate". No device reads these.
func unpacked(body []byte) string {
	if z, err := zlib.NewReader(bytes.NewReader(body)); err == nil && beginsMarkup(z) {
		return "zlib"
	}
	if beginsMarkup(flate.NewReader(bytes.NewReader(body))) {
		return "deflate"
	}
	return ""
}

func beginsMarkup(in io.Reader) bool {
	var text [64]byte
	n, _ := io.ReadFull(in, text[:]) // it may end before, or be broken behind
	return n > 0 && bytes.HasPrefix(bytes.TrimSpace(text[:n]), []byte("<"))
}

// packedOtherwise reports whether a body is packed in a way that no device reads.
func packedOtherwise(x *exchange) bool {
	if x.answer.Status != http.StatusOK || profile.Describe(x.answer.Body).Format == profile.FormatGzip {
		return false
	}
	e := encodingOf(x)
	return e != "" && e != "identity" || unpacked(x.answer.Body) != ""
}

func encodingOf(x *exchange) string {
	if x.header == nil {
		return ""
	}
	return strings.ToLower(strings.TrimSpace(x.header.Header.Get("Content-Encoding")))
}

// packing says how a body is packed.
func packing(x *exchange) string {
	text := "no Content-Encoding"
	if e := encodingOf(x); e != "" {
		text = fmt.Sprintf("Content-Encoding: %.40s", e)
	}
	if how := unpacked(x.answer.Body); how != "" {
		text += ", " + how
	}
	return text + ", the body begins with " + finding.Sent(string(x.answer.Body[:min(len(x.answer.Body), 8)]))
}
