package accesslog

import (
	"net/netip"
	"strconv"
	"time"
)

// A Request is what a line in the combined format says.
type Request struct {
	At       int64 // Unix time in nanoseconds
	Client   netip.Addr
	User     string // "": none
	Method   string
	Path     string // with its query
	Protocol string // HTTP/1.1; TFTP/1.0 for TFTP, which has no line in this format elsewhere
	Status   int
	Bytes    int
	Agent    string // "": none
}

// Append appends a line in the combined format, escaped as nginx does. Its time is GMT.
func Append(b []byte, r *Request) []byte {
	b = r.Client.Unmap().AppendTo(b)
	b = append(b, " - "...)
	b = escaped(b, r.User, true)
	b = time.Unix(0, r.At).UTC().AppendFormat(append(b, ' '), "[02/Jan/2006:15:04:05 -0700]")
	b = escaped(append(b, ` "`...), r.Method, false)
	b = escaped(append(b, ' '), r.Path, false)
	b = append(append(b, ' '), r.Protocol...)
	b = strconv.AppendInt(append(b, `" `...), int64(r.Status), 10)
	b = strconv.AppendInt(append(b, ' '), int64(r.Bytes), 10)
	b = escaped(append(b, ` "-" "`...), r.Agent, false)
	if r.Agent == "" {
		b = append(b, '-')
	}
	return append(b, "\"\n"...)
}

// escaped appends a text. One that stands alone is - where it is empty, and has no blanks.
func escaped(b []byte, text string, alone bool) []byte {
	if alone && text == "" {
		return append(b, '-')
	}
	for i := range len(text) {
		if c := text[i]; c > ' ' && c < 0x7f && c != '"' && c != '\\' || c == ' ' && !alone {
			b = append(b, c)
		} else {
			b = append(b, '\\', 'x', "0123456789ABCDEF"[c>>4], "0123456789ABCDEF"[c&15])
		}
	}
	return b
}
