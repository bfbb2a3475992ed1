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

// tellHook tells the server of a line by a NOTIFY of x-spa-cti whether it is off hook. Header
// fields, body and P-Station-Name are those of traces (surface-2.md §6.1 d, §6.2: field); that
// it goes to the line's proxy, and that the ref is always this one, is inferred.
func (d dialog) tellHook() {
	state := "onhook"
	if d.InUse {
		state = "offhook"
	}
	if d.l.seq == 0 {
		d.l.seq = d.firstNumber()
	}
	d.l.seq++
	n, domain := d.l.number, d.domain(d.l.number)
	body := `<spa-status> <call id="1" ref="129" ext="` + strconv.Itoa(int(n)) + `" state="` + state + `"/> </spa-status>`
	b := make([]byte, 0, 768)
	b = append(b, "NOTIFY sip:"+domain+" SIP/2.0\r\n"...)
	b = appendField(b, "Via", d.via())
	b = appendField(b, "From", d.displayed(n)+"<sip:"+d.account(n).user+"@"+domain+">;tag="+d.tag()+"o"+strconv.Itoa(int(n)-1))
	b = appendField(b, "To", "<sip:"+domain+">")
	b = appendField(b, "Call-ID", d.callID())
	b = appendField(b, "CSeq", strconv.FormatUint(uint64(d.l.seq), 10)+" NOTIFY")
	b = appendField(b, "Max-Forwards", d.maxForwards())
	b = appendField(b, "Event", "x-spa-cti")
	b = appendField(b, "User-Agent", d.name("SIP_User_Agent_Name"))
	b = appendField(b, "P-Station-Name", d.station())
	b = appendField(b, "Content-Length", strconv.Itoa(len(body)))
	b = appendField(b, "Content-Type", "application/x-spa-status")
	b = append(b, "\r\n"...)
	d.o.Send = append(d.o.Send, Message{Line: n, Server: d.server(n), Text: append(b, body...)})
}

// station is the name of a phone, and its address.
func (d dialog) station() string {
	mac := ";mac=" + d.Unit.MAC.String()
	if name := oneLine(d.param("Station_Name")); name != "" {
		return name + " " + mac
	}
	return mac
}
