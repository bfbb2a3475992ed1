package sip

import (
	"cmp"
	"math"
	"strconv"
	"strings"
	"time"

	"spafleet/device"
	"spafleet/device/rule"
)

// A box is the mailbox of a line.
type box struct {
	*Phone
	line uint8
}

// wanted reports whether a line subscribes to the state of its mailbox: it has an account
// and a mailbox, and MWI_Serv does not forbid it (its meaning: inferred). By switch it does
// when the firmware starts, or once the line is registered.
func (b box) wanted() bool {
	when := b.Unit.Row.Behaviour.SIP.Mailbox
	if when == "never" || b.setting("User_ID_", b.line) == "" || !b.is("MWI_Serv_", b.line, true) {
		return false
	}
	server := b.server()
	if server == "" || !b.mayAsk(b.line, server) {
		return false
	}
	if when == "boot" {
		return true
	}
	r, l := b.Lines.of(b.line), b.Lines.find(b.line, mailbox)
	return r != nil && r.flags&granted != 0 || l != nil && (l.flags&granted != 0 || l.due != 0)
}

// address is whose messages a line subscribes to, as it stands in the Request-URI: of
// Mailbox_Subscribe_URL, with $USER and $PROXY (documented for the SPA9000), else the
// Voice_Mail_Server, which a trace has without a user (surface-2.md §6.1 e: field). "": none.
func (b box) address() string {
	switch url := b.setting("Mailbox_Subscribe_URL_", b.line); {
	case strings.Contains(url, "$"):
		return bare(rule.Expand(url, mailboxNames{naming{device.Env{Unit: b.Unit, Params: b.Params}}, b}, b.Unit.Row.Dialect()))
	case url != "":
		return bare(url)
	}
	return bare(b.setting("Voice_Mail_Server_", b.line))
}

// mailboxNames answers the macros of Mailbox_Subscribe_URL.
type mailboxNames struct {
	naming
	of box
}

// Macro returns the value of $name.
func (n mailboxNames) Macro(name string) (string, bool) {
	switch name {
	case "USER":
		return n.of.account(n.of.line).user, true
	case "PROXY":
		return n.of.domain(n.of.line), true
	}
	return n.naming.Macro(name)
}

// server is where a SUBSCRIBE goes: through the outbound proxy of the line, else to the host
// of the mailbox (RFC 3261; of the devices: inferred). "": nowhere.
func (b box) server() string {
	address := b.address()
	if address == "" {
		return ""
	}
	if b.is("Use_Outbound_Proxy_", b.line, false) {
		if proxy := bare(b.setting("Outbound_Proxy_", b.line)); proxy != "" {
			return proxy
		}
	}
	return address[strings.LastIndex(address, "@")+1:]
}

// forEver is what devices ask for unless a parameter says otherwise (surface-2.md K30:
// field). A subscription for so long is not refreshed.
const forEver = math.MaxInt32

// mailboxExpires is for how long a line subscribes, in seconds. ATAs and 5xx phones have
// each a parameter of their own (documented).
func (d dialog) mailboxExpires() uint32 {
	text := cmp.Or(d.setting("Mailbox_Subscribe_Expires_", d.l.number), d.setting("Voice_Mail_Subscribe_Interval_", d.l.number))
	n, err := strconv.ParseUint(text, 10, 31)
	if err != nil || n == 0 {
		return forEver
	}
	return uint32(n)
}

// subscribe returns a SUBSCRIBE: its header fields and their forms are those of a trace
// (surface-2.md §6.1 e: field).
func (d dialog) subscribe(credentials field) []byte {
	n, uri := d.l.number, d.uri()
	b := make([]byte, 0, 768)
	b = append(b, "SUBSCRIBE "+uri+" SIP/2.0\r\n"...)
	b = appendField(b, "Via", d.via()+";rport")
	b = appendField(b, "From", "<sip:"+d.account(n).user+"@"+d.domain(n)+">;tag="+d.tag())
	to := "<" + uri + ">"
	if peer := d.l.tx.peer; peer != "" {
		to += ";tag=" + peer
	}
	b = appendField(b, "To", to)
	b = appendField(b, "Call-ID", d.callID())
	b = appendField(b, "CSeq", strconv.FormatUint(uint64(d.l.seq), 10)+" SUBSCRIBE")
	b = appendField(b, "Max-Forwards", d.maxForwards())
	b = appendField(b, credentials.name, credentials.value)
	b = appendField(b, "Contact", "<"+d.contact(n)+">")
	b = appendField(b, "Expires", strconv.FormatUint(uint64(d.l.tx.expires), 10))
	b = appendField(b, "Event", mailboxEvent)
	b = appendField(b, "User-Agent", d.name("SIP_User_Agent_Name"))
	b = appendField(b, "Content-Length", "0")
	return append(b, "\r\n"...)
}

// subscribed keeps the dialog that an answer has made. Within it the subscription is refreshed,
// after at least Sub_Min_Expires (documented; that the Request-URI stays as it was: inferred).
func (d dialog) subscribed(seconds uint32, k *packet) {
	_, tag, _ := strings.Cut(k.get("to"), ";tag=")
	tag, _, _ = strings.Cut(tag, ";")
	d.l.tx.peer = tag[:min(len(tag), mostTag)]
	d.l.due = max(d.l.due, d.Now+int64(max(d.Phone.seconds("Sub_Min_Expires", 1), time.Second)))
	if seconds == forEver {
		d.l.due = 0
	}
}

// mostTag is how much of a tag is kept.
const mostTag = 256

// subscribeRetry is the wait after a SUBSCRIBE that failed (documented).
func (d dialog) subscribeRetry() time.Duration {
	return max(d.Phone.seconds("Sub_Retry_Intvl", 10), time.Second)
}

// unsubscribed takes a NOTIFY by which a server ends a subscription: the line subscribes
// again, as after a failure (inferred).
func (r *reply) unsubscribed(o *Outcome) {
	l := r.Lines.find(r.line, mailbox)
	state, _, _ := strings.Cut(r.get("subscription-state"), ";")
	if l == nil || l.flags&granted == 0 || !strings.EqualFold(strings.TrimSpace(state), "terminated") {
		return
	}
	if d := (dialog{r.Phone, l, o}); r.get("call-id") == d.callID() {
		l.flags, l.tx = 0, nil
		l.due = r.Now + int64(d.subscribeRetry())
	}
}
