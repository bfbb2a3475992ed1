package sip

import (
	"bytes"
	"errors"
	"net/netip"
	"strconv"
	"strings"

	parser "github.com/emiago/sipgo/sip"
)

// A packet is one message that came in: a request, or with a status an answer.
type packet struct {
	method  string
	uri     parser.Uri // of a request
	version string
	status  int
	fields  []field
	body    []byte
	top     *via // once it is read
}

// A field is one header field. Its name is in small letters, and written out.
type field struct{ name, value string }

// Bounds of what is read.
const (
	mostFields = 256
	mostVias   = 70 // Max-Forwards lets no message come further
)

var errTooLong = errors.New("the message is longer, or has more header fields, than a device reads")

// plain reads no header field: values stay as they came, so that answers can repeat them.
var plain = parser.NewParser(parser.WithHeadersParsers(nil))

// parse reads a datagram. What is no SIP message gives an error; what is one with mistakes
// is for [packet.mistake] to judge.
func parse(text []byte) (*packet, error) {
	head, _, _ := bytes.Cut(text, []byte("\r\n\r\n"))
	if len(text) > MostText || bytes.Count(head, []byte("\r\n")) > mostFields {
		return nil, errTooLong
	}
	m, n, err := plain.ParseHeaders(text, false)
	if err != nil {
		return nil, err
	}
	k := &packet{body: text[n:]}
	var headers []parser.Header
	switch m := m.(type) {
	case *parser.Request:
		k.method, k.uri, k.version, headers = string(m.Method), m.Recipient, m.SipVersion, m.Headers()
	case *parser.Response:
		k.status, k.version, headers = m.StatusCode, m.SipVersion, m.Headers()
	}
	k.fields = make([]field, len(headers))
	for i, h := range headers {
		name := strings.ToLower(h.Name())
		if long, ok := shortNames[name]; ok {
			name = long
		}
		k.fields[i] = field{name, h.Value()}
	}
	return k, nil
}

// shortNames are the compact forms of header fields (RFC 3261, 6665, 3515, 4028).
var shortNames = map[string]string{"v": "via", "f": "from", "t": "to", "i": "call-id", "m": "contact", "l": "content-length", "c": "content-type",
	"e": "content-encoding", "k": "supported", "s": "subject", "o": "event", "u": "allow-events", "r": "refer-to", "b": "referred-by", "x": "session-expires"}

// get returns the first header field of a name, "" for none.
func (k *packet) get(name string) string {
	for _, f := range k.fields {
		if f.name == name {
			return f.value
		}
	}
	return ""
}

func (k *packet) count(name string) (n int) {
	for _, f := range k.fields {
		if f.name == name {
			n++
		}
	}
	return n
}

// cseq returns number and method of CSeq; false where it is none.
func (k *packet) cseq() (n uint32, method string, ok bool) {
	number, method, _ := strings.Cut(k.get("cseq"), " ")
	v, err := strconv.ParseUint(number, 10, 31)
	method = strings.TrimSpace(method)
	return uint32(v), method, err == nil && method != ""
}

// once are the header fields that a message has one time.
var once = []string{"from", "to", "call-id", "cseq", "max-forwards", "content-length"}

// mistake returns what is wrong with a request, "" for nothing.
func (k *packet) mistake() string {
	for _, name := range once {
		n := k.count(name)
		if n > 1 {
			return name + " stands there more than once"
		}
		if n == 0 && name != "max-forwards" && name != "content-length" {
			return name + " is missing"
		}
	}
	if _, method, ok := k.cseq(); !ok || !strings.EqualFold(method, k.method) {
		return "CSeq does not fit"
	}
	if n, err := strconv.ParseUint(k.get("max-forwards"), 10, 8); k.get("max-forwards") != "" && (err != nil || n > 255) {
		return "Max-Forwards is no number up to 255"
	}
	if text := k.get("content-length"); text != "" {
		if n, err := strconv.ParseUint(text, 10, 32); err != nil || n > uint64(len(k.body)) {
			return "Content-Length is not that of the body"
		}
	}
	for _, name := range []string{"from", "to"} {
		if !isAddress(k.get(name)) {
			return name + " is no address"
		}
	}
	if _, err := k.topVia(); err != nil || k.count("via") > mostVias {
		return "Via cannot be read"
	}
	return ""
}

// isAddress reports whether a value of From or To is an address. In a display name without
// quotes only words and blanks may stand.
func isAddress(value string) bool {
	var uri parser.Uri
	params := parser.NewParams()
	name, err := parser.ParseAddressValue(value, &uri, &params)
	if err != nil {
		return false
	}
	return strings.HasPrefix(strings.TrimSpace(value), `"`) || !strings.ContainsAny(name, `,;:"@<>`)
}

// A via is the value of the topmost Via: who sent the request.
type via struct {
	host  string
	port  uint16 // 0: none
	rport bool   // asks for the port that it came from
}

var parseVia = parser.DefaultHeadersParser()["via"]

var errVia = errors.New("this Via names no place that an answer can go to")

// topVia reads the first value of Via.
func (k *packet) topVia() (*via, error) {
	if k.top == nil {
		v, err := readVia(k.get("via"))
		if err != nil {
			return nil, err
		}
		k.top = &v
	}
	return k.top, nil
}

func readVia(value string) (v via, err error) {
	h, err := parseVia([]byte("via"), value)
	var more interface{ Error() string }
	if err != nil && !(errors.As(err, &more) && more.Error() == "comma detected") { // the library's way to say that a second value follows
		return v, err
	}
	hop, ok := h.(*parser.ViaHeader)
	if !ok || hop.Host == "" || hop.Port < 0 || hop.Port > 65535 || !strings.EqualFold(hop.ProtocolName, "SIP") {
		return v, errVia
	}
	_, v.rport = hop.Params.Get("rport")
	v.host, v.port = hop.Host, uint16(hop.Port)
	return v, nil
}

// backTo returns where an answer goes: to the place that the topmost Via names, at the
// address that the request came from where Via has a name. Only with Send_Resp_To_Src_Port, or
// where Insert_VIA_rport lets the device heed an rport, it is the port that it came from
// (the meaning of both: inferred from their names).
func (r *reply) backTo() netip.AddrPort {
	v, err := r.topVia()
	if err != nil || r.Params.Bool("Send_Resp_To_Src_Port", false) || v.rport && r.Params.Bool("Insert_VIA_rport", false) {
		return r.from
	}
	to, err := netip.ParseAddr(v.host)
	if err != nil {
		to = r.from.Addr()
	}
	port := v.port
	if port == 0 {
		port = 5060
	}
	return netip.AddrPortFrom(to, port)
}
