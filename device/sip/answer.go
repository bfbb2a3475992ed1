package sip

import (
	"hash/fnv"
	"net/netip"
	"strconv"
	"strings"

	"spafleet/device"
	"spafleet/device/chance"
	"spafleet/device/model"
)

// A reply is an answer in the making.
type reply struct {
	*Phone
	*packet
	line   uint8
	from   netip.AddrPort
	status int
	extra  []field // between Server and Content-Length
}

// statusTexts are the words of the statuses that a device answers with.
var statusTexts = map[int]string{200: "OK", 400: "Bad Request", 401: "Unauthorized", 403: "Forbidden", 404: "Not Found", 405: "Method Not Allowed",
	416: "Unsupported URI Scheme", 420: "Bad Extension", 480: "Temporarily Unavailable", 481: "Call/Transaction Does Not Exist", 486: "Busy Here",
	489: "Bad Event", 501: "Not Implemented", 505: "Version Not Supported"}

// Hear takes a datagram that came to a line's port. What is no SIP message gets no answer.
func (p *Phone) Hear(line uint8, from netip.AddrPort, text []byte) (o Outcome) {
	k, err := parse(text)
	if err != nil || !p.enabled(line) {
		return o
	}
	if k.status != 0 {
		p.answered(&o, line, from.Addr(), k)
		return o
	}
	r := &reply{Phone: p, packet: k, line: line, from: from}
	if r.method == "ACK" || k.get("via") == "" {
		return o
	}
	if !r.mayTalk() {
		r.refuse(&o, 0, "source")
		return o
	}
	answer, known := methods[r.method]
	switch status, why := r.refusal(); {
	case status != 0:
		r.refuse(&o, status, why)
	case known:
		answer(r, &o)
	default:
		r.status = 501
	}
	o.Send = append(o.Send, Message{Line: line, To: r.backTo(), Text: r.text()})
	return o
}

// LastWord takes a datagram that comes while the device boots: all that it still hears is an
// answer to what it has said before (inferred).
func (p *Phone) LastWord(line uint8, from netip.AddrPort, text []byte) (o Outcome) {
	leaves := false
	for l := range p.Lines.all() {
		leaves = leaves || l.number == line && l.flags&leaving != 0
	}
	if !leaves {
		return o
	}
	if k, err := parse(text); err == nil && k.status != 0 {
		p.answered(&o, line, from.Addr(), k)
	}
	return o
}

// refusal returns the status of a request that is not looked at, and why; 0 for one that
// is (the statuses of RFC 3261; that devices use these: inferred).
func (r *reply) refusal() (status int, why string) {
	switch {
	case r.version != "SIP/2.0":
		return 505, "version"
	case r.mistake() != "":
		return 400, "malformed"
	case r.uri.Scheme != "sip" && r.uri.Scheme != "sips":
		return 416, "scheme"
	case r.get("require") != "":
		r.extra = append(r.extra, field{"Unsupported", r.get("require")})
		return 420, "extension"
	case !r.knowsUser():
		return 404, "unknown user"
	}
	return 0, ""
}

// knowsUser reports whether the user of the Request-URI is the line's. Before the line has
// an account any is (inferred: who provisions by NOTIFY cannot know one), and so is none.
func (r *reply) knowsUser() bool {
	user := r.account(r.line).user
	return user == "" || r.uri.User == "" || r.uri.User == user
}

// methods are what a device answers to requests. It makes no calls: an INVITE finds it busy,
// or not there.
var methods = map[string]func(*reply, *Outcome){
	"OPTIONS":   func(r *reply, _ *Outcome) { r.status = 200 },
	"NOTIFY":    (*reply).notify,
	"INVITE":    func(r *reply, _ *Outcome) { r.status = r.noCall() },
	"BYE":       noDialog,
	"CANCEL":    noDialog,
	"INFO":      noDialog,
	"REFER":     noDialog,
	"UPDATE":    noDialog,
	"PRACK":     noDialog,
	"SUBSCRIBE": func(r *reply, _ *Outcome) { r.status = 489 },
	"REGISTER":  notAllowed,
	"MESSAGE":   notAllowed,
	"PUBLISH":   notAllowed,
}

func noDialog(r *reply, _ *Outcome)   { r.status = 481 }
func notAllowed(r *reply, _ *Outcome) { r.status = 405 }

// noCall returns the answer to an INVITE: busy while the line is in use, else no one is there.
func (r *reply) noCall() int {
	if r.InUse {
		return 486
	}
	return 480
}

// text returns the answer: To, From, Call-ID, CSeq and Via come first (device-surface.md
// §6.2: field). A 404 has neither Allow nor Supported, a 200 to OPTIONS has both
// (surface-2.md §6.1 g, h: field); the others are like the 404 (inferred). By switch a 200
// to OPTIONS lacks CSeq, or has a number in front (K28, K29: field, once each).
func (r *reply) text() []byte {
	b := make([]byte, 0, 640)
	options := r.method == "OPTIONS" && r.status == 200
	odd, length := "", "0"
	if options {
		odd = r.Unit.Row.Behaviour.SIP.OptionsAnswer
	}
	if odd == "stray" {
		b, length = append(b, "16394"...), "5"
	}
	b = append(b, "SIP/2.0 "...)
	b = strconv.AppendInt(b, int64(r.status), 10)
	b = append(b, ' ')
	b = append(b, statusTexts[r.status]...)
	b = append(b, "\r\n"...)
	to := r.get("to")
	if to != "" && !strings.Contains(strings.ToLower(to), ";tag=") {
		to += ";tag=" + r.tag()
	}
	b = appendField(b, "To", to)
	b = appendField(b, "From", r.get("from"))
	b = appendField(b, "Call-ID", r.get("call-id"))
	if odd != "no_cseq" {
		b = appendField(b, "CSeq", r.get("cseq"))
	}
	for _, f := range r.fields {
		if f.name == "via" {
			b = appendField(b, "Via", f.value)
		}
	}
	b = appendField(b, "Server", r.name("SIP_Server_Name"))
	for _, f := range r.extra {
		b = appendField(b, f.name, f.value)
	}
	b = appendField(b, "Content-Length", length)
	if options || r.status == 405 {
		b = appendField(b, "Allow", allow(r.Unit.Row))
	}
	if options {
		b = appendField(b, "Supported", supported(r.Unit.Row))
	}
	return append(b, "\r\n"...)
}

// appendField adds a header field; one without a value is left out.
func appendField(b []byte, name, value string) []byte {
	if value == "" {
		return b
	}
	b = append(b, name...)
	b = append(b, ": "...)
	b = append(b, value...)
	return append(b, "\r\n"...)
}

// allow lists the methods (field). What has replaces has UPDATE too.
func allow(r *model.Row) string {
	const methods = "ACK, BYE, CANCEL, INFO, INVITE, NOTIFY, OPTIONS, REFER"
	if r.Behaviour.SIP.Replaces {
		return methods + ", UPDATE"
	}
	return methods
}

func supported(r *model.Row) string {
	if r.Behaviour.SIP.Replaces {
		return "replaces"
	}
	return "x-sipura"
}

// tag returns the tag of an answer: the same for a request that comes again.
func (r *reply) tag() string {
	h := fnv.New64a()
	h.Write([]byte(r.get("call-id")))
	h.Write([]byte{0})
	h.Write([]byte(r.get("from")))
	t := r.draw(chance.SIPTag, r.line, h.Sum64())
	return r.number(t>>32) + r.number(t) + "i" + strconv.Itoa(int(r.line)-1)
}

// mayTalk reports whether a line listens to an address: with Restrict_Source_IP only to
// that of its server, once that has answered a REGISTER (inferred from the name).
func (r *reply) mayTalk() bool {
	if !r.is("Restrict_Source_IP_", r.line, false) {
		return true
	}
	l := r.Lines.of(r.line)
	return l != nil && l.server == addressOf(r.from.Addr())
}

// refuse answers with a status, and tells of a NOTIFY that was refused.
func (r *reply) refuse(o *Outcome, status int, why string) {
	r.status = status
	if r.method != "NOTIFY" {
		return
	}
	o.Events = append(o.Events, device.Event{Kind: device.NotifyFailed, Text: r.event(), Count: status, Err: why})
}
