package sip

import (
	"strconv"
	"strings"
	"time"
)

// A way is that of a line through NAT.
type way struct {
	*Phone
	line uint8
}

// wanted reports whether a line sends something now and then so that its way stays open
// (documented).
func (w way) wanted() bool {
	return w.is("NAT_Keep_Alive_Enable_", w.line, false) && w.every() > 0 && w.to() != "" && w.mayAsk(w.line, w.to())
}

// every is the time from one datagram to the next, 0 for never.
func (w way) every() time.Duration {
	return min(w.seconds("NAT_Keep_Alive_Intvl", 15).Truncate(time.Second), 24*time.Hour)
}

// to is where they go: $PROXY is the line's proxy or outbound proxy (documented).
func (w way) to() string {
	text, ok := w.Params.Lookup(lineParam("NAT_Keep_Alive_Dest_", w.line))
	if text = strings.TrimSpace(text); !ok || text == "$PROXY" {
		return w.server(w.line)
	}
	return bare(text)
}

// stayOpen sends one, and sets when the next is due. Nobody waits for an answer (inferred).
func (d dialog) stayOpen(due int64) {
	l := d.l
	if !d.wants(l.number, keepAlive) {
		return
	}
	w := way{d.Phone, l.number}
	l.due = due + int64(w.every())
	if l.due <= d.Now { // it was away
		l.due = d.Now + int64(w.every())
	}
	l.seq = max(l.seq, 100) + 1
	d.o.Send = append(d.o.Send, Message{Line: l.number, Server: w.to(), Text: d.keepAliveText()})
}

// keepAliveText is what NAT_Keep_Alive_Msg says: $NOTIFY is a NOTIFY, $REGISTER a REGISTER
// without Contact (documented), else the text itself.
func (d dialog) keepAliveText() []byte {
	text, ok := d.Params.Lookup(lineParam("NAT_Keep_Alive_Msg_", d.l.number))
	switch text = strings.TrimSpace(text); {
	case !ok || text == "$NOTIFY":
		return d.keepAliveNotify()
	case text == "$REGISTER":
		return d.register(d.l, field{})
	}
	return []byte(text)
}

// keepAliveNotify is a NOTIFY of the event keep-alive. Its fields are in the order of the
// devices' other requests, and its tag has the line as that of a REGISTER (both inferred).
func (d dialog) keepAliveNotify() []byte {
	n := d.l.number
	b := make([]byte, 0, 512)
	b = append(b, "NOTIFY sip:"+d.domain(n)+" SIP/2.0\r\n"...)
	b = appendField(b, "Via", d.via())
	b = appendField(b, "From", d.displayed(n)+"<sip:"+d.account(n).user+"@"+d.domain(n)+">;tag="+d.tag()+"o"+strconv.Itoa(int(n)-1))
	b = appendField(b, "To", "<sip:"+d.domain(n)+">")
	b = appendField(b, "Call-ID", d.callID())
	b = appendField(b, "CSeq", strconv.FormatUint(uint64(d.l.seq), 10)+" NOTIFY")
	b = appendField(b, "Max-Forwards", d.maxForwards())
	b = appendField(b, "Event", "keep-alive")
	b = appendField(b, "User-Agent", d.name("SIP_User_Agent_Name"))
	b = appendField(b, "Content-Length", "0")
	return append(b, "\r\n"...)
}
