package sip

import (
	"cmp"
	"net/netip"
	"strconv"
	"strings"
	"time"

	"spafleet/device"
	"spafleet/device/chance"
	"spafleet/device/digest"
	"spafleet/device/model"
	"spafleet/device/syslog"
)

// registers reports whether a line keeps up a registration: it is turned on, has an account
// and a server, and line 1 has one that Restricted_Access_Domains lets it ask (documented for
// line 1).
func (p *Phone) registers(line uint8) bool {
	server := p.server(line)
	if !p.Registers || !p.enabled(line) || !p.is("Register_", line, true) || p.setting("User_ID_", line) == "" || server == "" {
		return false
	}
	return line != 1 || p.Params.MayAsk(hostOf(server), p.Unit.Row.Behaviour.ExactDomains)
}

// server returns where a line sends its requests: host[:port].
func (p *Phone) server(line uint8) string {
	if p.is("Use_Outbound_Proxy_", line, false) {
		if proxy := p.setting("Outbound_Proxy_", line); proxy != "" {
			return bare(proxy)
		}
	}
	return bare(p.setting("Proxy_", line))
}

// bare returns a proxy as it is set without scheme and parameters.
func bare(proxy string) string {
	proxy = strings.TrimPrefix(strings.TrimPrefix(proxy, "sip:"), "sips:")
	proxy, _, _ = strings.Cut(proxy, ";")
	return oneLine(strings.TrimSpace(proxy))
}

func hostOf(server string) string {
	if at, err := netip.ParseAddrPort(server); err == nil {
		return at.Addr().String()
	}
	if _, err := netip.ParseAddr(server); err == nil {
		return server
	}
	host, _, _ := strings.Cut(server, ":")
	return host
}

// Consider lets lines register that are to and do not try yet, and lets go those that are
// not to any more. The owner calls it when the firmware has started, and when parameters
// have changed.
func (p *Phone) Consider() (o Outcome) {
	for line := uint8(1); line <= LineCount(p.Unit.Row); line++ {
		l := p.Lines.of(line)
		switch {
		case p.registers(line):
			if l == nil || l.flags&registered == 0 && l.due == 0 {
				p.begin(&o, p.Lines.own(line), p.lifetime(line))
			}
		case l != nil && l.flags&leaving == 0:
			p.drop(&o, l)
		}
	}
	return o
}

// drop ends what a line keeps up, without a word to its server.
func (p *Phone) drop(o *Outcome, l *Line) {
	if l.flags&registered != 0 {
		p.tell(o, l, device.Unregistered, device.OK, "")
		l.lost = seconds(p.Now)
	}
	l.flags, l.due, l.tx, l.fails = 0, 0, nil, 0
}

// Leave ends the registrations of all lines: before a reboot the device tells its server
// (device-surface.md §6.2: field).
func (p *Phone) Leave() (o Outcome) {
	for l := range p.Lines.all() {
		p.leave(&o, l)
	}
	return o
}

// LeaveChanged ends the registrations that other parameters would make under another name, or
// at another server: the device still knows the old ones (inferred).
func (p *Phone) LeaveChanged(after device.Params) (o Outcome) {
	next := *p
	next.Params = after
	for l := range p.Lines.all() {
		if l.flags&registered == 0 && l.due == 0 {
			continue
		}
		if n := l.number; next.registers(n) != p.registers(n) || next.server(n) != p.server(n) || next.domain(n) != p.domain(n) || next.account(n) != p.account(n) ||
			next.port(n) != p.port(n) {
			p.leave(&o, l)
		}
	}
	return o
}

func (p *Phone) leave(o *Outcome, l *Line) {
	was := l.flags&registered != 0
	p.drop(o, l)
	if !was {
		return
	}
	l.flags = leaving
	p.begin(o, l, 0)
	l.due = 0 // nobody waits for the answer
}

// seconds returns a moment in seconds, as lines keep it.
func seconds(at int64) uint32 { return uint32(at / int64(time.Second)) }

// seconds reads a parameter that is a number of seconds, fallback where there is none.
func (p *Phone) seconds(name string, fallback float64) time.Duration {
	text, _ := p.Params.Lookup(name)
	v, err := strconv.ParseFloat(strings.TrimSpace(text), 64)
	if err != nil || !(v >= 0 && v <= 1<<31) {
		v = fallback
	}
	return time.Duration(v * float64(time.Second))
}

// lifetime is how long a line asks to be registered, in seconds.
func (p *Phone) lifetime(line uint8) uint32 {
	n, err := strconv.ParseUint(p.setting("Register_Expires_", line), 10, 31)
	if err != nil || n == 0 {
		n = 3600
	}
	return p.bounded(uint32(n))
}

// bounded keeps a lifetime within Reg_Min_Expires and Reg_Max_Expires: the names are
// documented, that they bound what a server grants too is inferred.
func (p *Phone) bounded(n uint32) uint32 {
	low, high := p.seconds("Reg_Min_Expires", 1), p.seconds("Reg_Max_Expires", 7200)
	if high > 0 {
		n = min(n, uint32(high/time.Second))
	}
	return max(n, uint32(low/time.Second), 1)
}

// leastWait is the least time after which a request is sent again, whatever SIP_T1 says
// (inferred: a device with a wrong one would do nothing else).
const leastWait = 100 * time.Millisecond

// begin sends the first REGISTER of an exchange.
func (p *Phone) begin(o *Outcome, l *Line, expires uint32) {
	if expires > 0 {
		l.flags &^= leaving
	}
	l.tx = &exchange{server: p.server(l.number), began: p.Now, expires: expires}
	p.ask(o, l, field{})
}

// ask sends a REGISTER, with credentials if there are any, under the next number.
func (p *Phone) ask(o *Outcome, l *Line, credentials field) {
	if l.seq == 0 {
		l.seq = uint32(p.draw(chance.SIPSequence, l.number, 0)) & 0xffff // traces begin anywhere below 2^17 (field)
	}
	l.seq = l.seq%(1<<31-1) + 1
	x := l.tx
	t1 := p.seconds("SIP_T1", .5)
	x.text = p.register(l, credentials)
	x.wait = int64(max(t1, leastWait))
	x.end = p.Now + int64(p.seconds("SIP_Timer_F", 64*t1.Seconds()))
	l.due = min(p.Now+x.wait, x.end)
	o.Send = append(o.Send, Message{Line: l.number, Server: x.server, Text: x.text})
}

// Due lets each line act whose time has come.
func (p *Phone) Due() (o Outcome) {
	for l := range p.Lines.all() {
		if l.due == 0 || l.due > p.Now {
			continue
		}
		l.due = 0
		switch x := l.tx; {
		case x == nil:
			if p.registers(l.number) {
				p.begin(&o, l, p.lifetime(l.number))
			}
		case p.Now >= x.end:
			p.fail(&o, l, 0, device.Timeout, "timeout")
		default:
			x.wait = max(min(2*x.wait, int64(p.seconds("SIP_T2", 4))), int64(leastWait))
			l.due = min(p.Now+x.wait, x.end)
			o.Send = append(o.Send, Message{Line: l.number, Server: x.server, Text: x.text})
		}
	}
	return o
}

// Failed says that the server of a line's REGISTER has no address, or may not be asked.
func (p *Phone) Failed(line uint8) (o Outcome) {
	if l := p.Lines.of(line); l != nil && l.tx != nil {
		p.fail(&o, l, 0, device.NoDNS, "dns")
	}
	return o
}

// answered takes an answer to a REGISTER.
func (p *Phone) answered(o *Outcome, line uint8, from netip.Addr, k *packet) {
	l := p.Lines.of(line)
	n, method, ok := k.cseq()
	if l == nil || l.tx == nil || !ok || n != l.seq || method != "REGISTER" || k.get("call-id") != p.callID(line) {
		return
	}
	switch status := k.status; {
	case status < 200:
		l.tx.wait = int64(max(p.seconds("SIP_T2", 4), leastWait)) // it is being worked on (RFC 3261)
	case status < 300:
		p.granted(o, l, from, k)
	case (status == 401 || status == 407 || status == 423) && p.again(o, l, k):
	default:
		p.fail(o, l, status, device.BadStatus, strconv.Itoa(status))
	}
}

// again asks once more because of an answer, with credentials or for longer; false where
// the device has no more to say. Max_Auth bounds it (its meaning: inferred).
func (p *Phone) again(o *Outcome, l *Line, k *packet) bool {
	most, err := strconv.ParseUint(strings.TrimSpace(p.param("Max_Auth")), 10, 8)
	if err != nil {
		most = 2
	}
	if x := l.tx; uint64(x.tries) >= most {
		return false
	} else if x.tries++; k.status == 423 {
		n, err := strconv.ParseUint(k.get("min-expires"), 10, 31)
		if err != nil || uint32(n) <= x.expires || x.expires == 0 {
			return false
		}
		x.expires = uint32(n)
		p.ask(o, l, field{})
		return true
	}
	credentials, ok := p.credentials(l, k)
	if ok {
		left := l.flags&leaving != 0
		if p.ask(o, l, credentials); left {
			l.due = 0
		}
	}
	return ok
}

// credentials returns what answers a challenge, false where it cannot be answered. Fields
// stand in the order of traces, without blanks; qop, nc and cnonce only where qop was offered
// (surface-2.md §6.1: field).
func (p *Phone) credentials(l *Line, k *packet) (field, bool) {
	ask, reply := "www-authenticate", "Authorization"
	if k.status == 407 {
		ask, reply = "proxy-authenticate", "Proxy-Authorization"
	}
	for _, f := range k.fields {
		scheme, text, _ := strings.Cut(f.value, " ")
		if f.name != ask || !strings.EqualFold(scheme, "Digest") {
			continue
		}
		c := digest.Fields(text)
		if algorithm := c["algorithm"]; algorithm != "" && !strings.EqualFold(algorithm, "MD5") {
			continue
		}
		a := p.account(l.number)
		uri, middle, more := "sip:"+p.domain(l.number), c["nonce"], ""
		if offers(c["qop"], "auth") {
			cnonce := p.number(p.draw(chance.SIPNonce, l.number, uint64(l.seq)<<8|1))
			middle += ":00000001:" + cnonce + ":auth"
			more = `,qop=auth,nc=00000001,cnonce="` + cnonce + `"`
		}
		if c["opaque"] != "" {
			more += `,opaque="` + c["opaque"] + `"`
		}
		proof := digest.Proof(digest.Hash(a.login+":"+c["realm"]+":"+a.password), middle, "REGISTER", uri)
		value := `Digest username="` + a.login + `",realm="` + c["realm"] + `",nonce="` + c["nonce"] + `",uri="` + uri + `",algorithm=MD5,response="` + proof + `"` + more
		return field{reply, oneLine(value)}, true
	}
	return field{}, false
}

func offers(list, word string) bool {
	for one := range strings.SplitSeq(list, ",") {
		if strings.TrimSpace(one) == word {
			return true
		}
	}
	return false
}

// granted takes a REGISTER that succeeded, and sets when it is refreshed: by switch some
// seconds before it would end, but not before its half is over (inferred).
func (p *Phone) granted(o *Outcome, l *Line, from netip.Addr, k *packet) {
	if l.flags&leaving != 0 {
		logLine(o, syslog.SIP, l, "UnRegOK")
		l.flags, l.due, l.tx = 0, 0, nil
		return
	}
	n := p.bounded(p.grants(l, k))
	before := min(p.Unit.Row.Behaviour.SIP.RefreshBefore, time.Duration(n)*time.Second/2)
	wait := time.Duration(n)*time.Second - before
	p.tell(o, l, device.Registered, device.OK, "")
	logLine(o, syslog.SIP, l, "RegOK. NextReg in "+strconv.Itoa(int(wait/time.Second))+" (1)")
	l.flags, l.fails, l.tx = registered, 0, nil
	l.last, l.lost, l.server = seconds(p.Now), 0, addressOf(from)
	l.due = p.Now + int64(wait)
}

// grants returns for how many seconds an answer registers a line: what it says of the
// line's own Contact, else Expires, else what was asked for.
func (p *Phone) grants(l *Line, k *packet) uint32 {
	own := "<" + p.contact(l.number) + ">"
	for _, f := range k.fields {
		if f.name != "contact" {
			continue
		}
		for one := range strings.SplitSeq(f.value, ",") {
			address, params, ok := strings.Cut(one, own)
			if !ok || strings.Contains(address, ">") {
				continue
			}
			for param := range strings.SplitSeq(params, ";") {
				name, value, _ := strings.Cut(strings.TrimSpace(param), "=")
				if n, err := strconv.ParseUint(value, 10, 31); strings.EqualFold(name, "expires") && err == nil {
					return uint32(n)
				}
			}
		}
	}
	if n, err := strconv.ParseUint(k.get("expires"), 10, 31); err == nil {
		return uint32(n)
	}
	return l.tx.expires
}

// fail takes a REGISTER that failed: the line has no registration any more (inferred for one
// that had time left), and tries again later.
func (p *Phone) fail(o *Outcome, l *Line, status int, result device.Result, why string) {
	if l.flags&leaving != 0 {
		l.flags, l.due, l.tx = 0, 0, nil
		return
	}
	if l.flags&registered != 0 {
		p.tell(o, l, device.Unregistered, result, why)
		l.lost = seconds(p.Now)
	}
	p.tell(o, l, device.RegistrationFailed, result, why)
	wait := p.retry(l, status)
	l.flags, l.tx, l.due = 0, nil, 0
	l.fails = min(l.fails, 254) + 1
	if wait > 0 {
		l.due = p.Now + int64(wait)
		logLine(o, syslog.Info, l, "SIP:RegFailed;Retry in "+strconv.Itoa(int(wait/time.Second))+"s")
	}
}

// retry returns the wait after a REGISTER that failed, 0 for none until the next boot. The
// parameters and their defaults are documented, what they do is inferred from their names: after Reg_Retry_Intvl, which doubles up to Reg_Retry_Intvl_Cap, where no answer came or
// Retry_Reg_RSC has its status; else after Reg_Retry_Long_Intvl.
func (p *Phone) retry(l *Line, status int) time.Duration {
	if status != 0 && !listsStatus(p.param("Retry_Reg_RSC"), status) {
		wait := p.seconds("Reg_Retry_Long_Intvl", 1200)
		if wait == 0 {
			return 0
		}
		return max(wait+p.part("Reg_Retry_Long_Random_Delay", l), time.Second)
	}
	wait := max(p.seconds("Reg_Retry_Intvl", 30), time.Second)
	if most := p.seconds("Reg_Retry_Intvl_Cap", 0); most > 0 {
		wait = max(min(wait<<min(l.fails, 20), most), time.Second)
	}
	return wait + p.part("Reg_Retry_Random_Delay", l)
}

// part returns a random part of a delay, in whole seconds.
func (p *Phone) part(name string, l *Line) time.Duration {
	most := p.seconds(name, 0)
	return time.Duration(chance.Share(p.draw(chance.SIPRetry, l.number, uint64(l.seq))) * float64(most)).Truncate(time.Second)
}

// listsStatus reports whether a list of statuses, as "403, 5??", has one.
func listsStatus(list string, status int) bool {
	text := strconv.Itoa(status)
	for _, word := range strings.FieldsFunc(list, func(r rune) bool { return r == ',' || r == ' ' || r == ';' }) {
		if len(word) != len(text) {
			continue
		}
		fits := true
		for i := range word {
			fits = fits && (word[i] == '?' || word[i] == text[i])
		}
		if fits {
			return true
		}
	}
	return false
}

func (p *Phone) param(name string) string {
	value, _ := p.Params.Lookup(name)
	return value
}

// tell adds what became of a registration. Its cause says which REGISTER it was: the first
// since the boot, a refresh, or one after a failure.
func (p *Phone) tell(o *Outcome, l *Line, kind device.Kind, result device.Result, why string) {
	e := device.Event{Kind: kind, Result: result, Err: why, Count: int(l.number), Text: p.server(l.number), Cause: model.ByPeriodic}
	if x := l.tx; x != nil {
		e.Text, e.Took = x.server, p.Now-x.began
	}
	switch {
	case l.fails > 0:
		e.Cause = model.ByRetry
	case l.last == 0:
		e.Cause = model.ByPowerOn
	}
	o.Events = append(o.Events, e)
}

// logLine adds a line of the device's log.
func logLine(o *Outcome, priority syslog.Priority, l *Line, text string) {
	o.Logs = append(o.Logs, syslog.Line{Priority: priority, Text: "[" + strconv.Itoa(int(l.number)-1) + "]" + text})
}

// register returns a REGISTER: its header fields are in the order of traces, it has no
// Expires (surface-2.md §6.1 a: field).
func (p *Phone) register(l *Line, credentials field) []byte {
	n := l.number
	a, domain := p.account(n), p.domain(n)
	who := p.displayed(n) + "<sip:" + a.user + "@" + domain + ">"
	b := make([]byte, 0, 768)
	b = append(b, "REGISTER sip:"+domain+" SIP/2.0\r\n"...)
	b = appendField(b, "Via", "SIP/2.0/UDP "+p.at(n)+";branch=z9hG4bK-"+p.number(p.draw(chance.SIPBranch, n, uint64(l.seq))))
	tag := p.draw(chance.SIPTag, n, uint64(p.Booted))
	b = appendField(b, "From", who+";tag="+p.number(tag>>32)+p.number(tag)+"o"+strconv.Itoa(int(n)-1))
	b = appendField(b, "To", who)
	b = appendField(b, "Call-ID", p.callID(n))
	b = appendField(b, "CSeq", strconv.FormatUint(uint64(l.seq), 10)+" REGISTER")
	b = appendField(b, "Max-Forwards", cmp.Or(strings.TrimSpace(p.param("Max_Forward")), "70"))
	b = appendField(b, credentials.name, credentials.value)
	b = appendField(b, "Contact", p.displayed(n)+"<"+p.contact(n)+">;expires="+strconv.FormatUint(uint64(l.tx.expires), 10))
	agent := p.name("SIP_User_Agent_Name")
	if p.param("SIP_Reg_User_Agent_Name") != "" {
		agent = p.name("SIP_Reg_User_Agent_Name")
	}
	b = appendField(b, "User-Agent", agent)
	b = appendField(b, "Content-Length", "0")
	b = appendField(b, "Allow", allow(p.Unit.Row))
	b = appendField(b, "Supported", supported(p.Unit.Row))
	return append(b, "\r\n"...)
}

// domain is what stands behind the @ of a line's address: its Proxy.
func (p *Phone) domain(line uint8) string {
	return cmp.Or(bare(p.setting("Proxy_", line)), p.server(line))
}

// port is the port that a line is reached at: that of its parameter, moved as far as the
// fleet's port is from 5060.
func (p *Phone) port(line uint8) uint16 {
	port := Port(p.Params, line)
	if p.Base != 0 {
		port += p.Base - 5060
	}
	return port
}

func (p *Phone) at(line uint8) string { return netip.AddrPortFrom(p.Unit.IP, p.port(line)).String() }

func (p *Phone) contact(line uint8) string {
	return "sip:" + oneLine(p.account(line).user) + "@" + p.at(line)
}

// callID is the same from boot to boot, unless Random_REG_CID_On_Reboot is on (the name of that
// parameter says so; that units without it do the same: inferred).
func (p *Phone) callID(line uint8) string {
	count := uint64(0)
	if p.Params.Bool("Random_REG_CID_On_Reboot", false) {
		count = uint64(p.Booted)
	}
	id := p.draw(chance.SIPCall, line, count)
	return p.number(id>>32) + "-" + p.number(id) + "@" + p.Unit.IP.String()
}

// displayed returns a display name and a blank, "" where the line has none. Quotation marks
// are a matter of firmware (surface-2.md §6.1, K59: field) and of Escape_Display_Name
// (its meaning: inferred).
func (p *Phone) displayed(line uint8) string {
	name := oneLine(p.setting("Display_Name_", line))
	switch escape := p.Params.Bool("Escape_Display_Name", false); {
	case name == "":
		return ""
	case escape:
		return `"` + strings.NewReplacer(`\`, `\\`, `"`, `\"`).Replace(name) + `" `
	case p.Unit.Row.Behaviour.SIP.PlainNames:
		return name + " "
	}
	return `"` + name + `" `
}
