package sip

import (
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

// A dialog is what a line keeps up with a server, at a moment, with what follows.
type dialog struct {
	*Phone
	l *Line
	o *Outcome
}

// Consider lets lines register that are to and do not try yet, subscribe and keep a way
// through NAT open, and lets go those that are not to any more. The owner calls it when the
// firmware has started, and when parameters have changed.
func (p *Phone) Consider() (o Outcome) {
	for line := uint8(1); line <= LineCount(p.Unit.Row); line++ {
		for kind := registration; kind < telling; kind++ {
			p.consider(&o, line, kind)
		}
	}
	return o
}

func (p *Phone) consider(o *Outcome, line uint8, kind lineKind) {
	l := p.Lines.find(line, kind)
	switch {
	case p.wants(line, kind):
		if l == nil || l.flags&granted == 0 && l.due == 0 {
			d := dialog{p, p.Lines.own(line, kind), o}
			d.begin(d.lifetime())
		}
	case l != nil && l.flags&leaving == 0:
		dialog{p, l, o}.drop()
	}
}

// wants reports whether a line keeps something up.
func (p *Phone) wants(line uint8, kind lineKind) bool {
	if !p.Registers || !p.enabled(line) {
		return false
	}
	switch kind {
	case mailbox:
		return box{p, line}.wanted()
	case keepAlive:
		return way{p, line}.wanted()
	}
	return p.registers(line)
}

// drop ends what a line keeps up, without a word to its server.
func (d dialog) drop() {
	l := d.l
	if l.flags&granted != 0 {
		d.tell(device.Unregistered, device.OK, "")
		l.lost = seconds(d.Now)
	}
	l.flags, l.due, l.tx, l.fails = 0, 0, nil, 0
}

// Leave ends the subscriptions of all lines, then their registrations: before a reboot the
// device tells its server, in this order (device-surface.md §6.2: field).
func (p *Phone) Leave() (o Outcome) {
	for _, kind := range [...]lineKind{mailbox, registration} {
		for l := range p.Lines.all() {
			if l.kind == kind {
				dialog{p, l, &o}.leave()
			}
		}
	}
	return o
}

// LeaveChanged ends what other parameters would keep up under another name, or with another
// server: the device still knows the old ones (inferred).
func (p *Phone) LeaveChanged(after device.Params) (o Outcome) {
	next := *p
	next.Params = after
	for _, kind := range [...]lineKind{mailbox, registration} {
		for l := range p.Lines.all() {
			if l.kind != kind || l.flags&granted == 0 && l.due == 0 {
				continue
			}
			if n := l.number; next.wants(n, kind) != p.wants(n, kind) || next.server(n) != p.server(n) || next.domain(n) != p.domain(n) || next.account(n) != p.account(n) ||
				next.port(n) != p.port(n) || kind == mailbox && (box{&next, n}).address() != (box{p, n}).address() {
				dialog{p, l, &o}.leave()
			}
		}
	}
	return o
}

// Hook says that the phone went off hook, or on hook. With CTI_Enable it tells the server of
// line 1 (documented for the parameter; that this is told: inferred from the states that
// programs know).
func (p *Phone) Hook() (o Outcome) {
	if p.Registers && p.enabled(1) && p.Params.Bool("CTI_Enable", false) && p.server(1) != "" && p.mayAsk(1, p.server(1)) {
		dialog{p, p.Lines.own(1, telling), &o}.tellHook()
	}
	return o
}

func (d dialog) leave() {
	l := d.l
	was, tx := l.flags&granted != 0, l.tx
	d.drop()
	if !was {
		return
	}
	l.flags, l.tx = leaving, tx
	d.begin(0)
	l.due = 0 // nobody waits for the answer
}

// leastWait is the least time after which a request is sent again, whatever SIP_T1 says
// (inferred: a device with a wrong one would do nothing else).
const leastWait = 100 * time.Millisecond

// begin sends the first request of an exchange, with an answer to the challenge of the last
// one if that is to be used again. Keep-alives begin when their time has come (inferred).
func (d dialog) begin(expires uint32) {
	if d.l.kind == keepAlive {
		d.l.due = d.Now + int64(way{d.Phone, d.l.number}.every())
		return
	}
	if expires > 0 {
		d.l.flags &^= leaving
	}
	x := &exchange{server: d.to(), began: d.Now, expires: expires}
	if d.l.tx != nil {
		x.remains = d.l.tx.remains
	}
	d.l.tx = x
	credentials := field{}
	if x.nonce != "" {
		x.used++
		credentials = d.proof(readChallenge(x.nonce), x.used)
	}
	d.ask(credentials)
}

// ask sends a request, with credentials if there are any, under the next number.
func (d dialog) ask(credentials field) {
	l := d.l
	if l.seq == 0 {
		l.seq = d.firstNumber()
	}
	l.seq = l.seq%(1<<31-1) + 1
	x := l.tx
	t1 := d.seconds("SIP_T1", .5)
	x.text = d.text(credentials)
	x.wait = int64(max(t1, leastWait))
	x.end = d.Now + int64(d.seconds("SIP_Timer_F", 64*t1.Seconds()))
	l.due = min(d.Now+x.wait, x.end)
	d.o.Send = append(d.o.Send, Message{Line: l.number, Server: x.server, Text: x.text})
}

// firstNumber is where CSeq begins: traces begin anywhere below 2^17 (field).
func (d dialog) firstNumber() uint32 { return uint32(d.chance(chance.SIPSequence, 0)) & 0xffff }

// text returns the request.
func (d dialog) text(credentials field) []byte {
	if d.l.kind == mailbox {
		return d.subscribe(credentials)
	}
	return d.register(d.l, credentials)
}

func (d dialog) method() string {
	if d.l.kind == mailbox {
		return "SUBSCRIBE"
	}
	return "REGISTER"
}

// uri is the Request-URI.
func (d dialog) uri() string {
	if d.l.kind == mailbox {
		return "sip:" + box{d.Phone, d.l.number}.address()
	}
	return "sip:" + d.domain(d.l.number)
}

// to returns where requests go: host[:port].
func (d dialog) to() string {
	if d.l.kind == mailbox {
		return box{d.Phone, d.l.number}.server()
	}
	return d.server(d.l.number)
}

// lifetime is for how long a line asks, in seconds.
func (d dialog) lifetime() uint32 {
	if d.l.kind == mailbox {
		return d.mailboxExpires()
	}
	return d.Phone.lifetime(d.l.number)
}

// chance returns 64 bits of what the line keeps up: each kind has its own.
func (d dialog) chance(purpose chance.Purpose, count uint64) uint64 {
	return d.draw(purpose, d.l.number|uint8(d.l.kind)<<6, count)
}

// Due lets each line act whose time has come.
func (p *Phone) Due() (o Outcome) {
	for l := range p.Lines.all() {
		if l.due != 0 && l.due <= p.Now {
			dialog{p, l, &o}.act()
		}
	}
	return o
}

func (d dialog) act() {
	l := d.l
	due := l.due
	l.due = 0
	switch x := l.tx; {
	case l.kind == keepAlive:
		d.stayOpen(due)
	case !l.asks():
		if d.wants(l.number, l.kind) {
			d.begin(d.lifetime())
		}
	case d.Now >= x.end:
		d.fail(0, device.Timeout, "timeout")
	default:
		x.wait = max(min(2*x.wait, int64(d.seconds("SIP_T2", 4))), int64(leastWait))
		l.due = min(d.Now+x.wait, x.end)
		d.o.Send = append(d.o.Send, Message{Line: l.number, Server: x.server, Text: x.text})
	}
}

// Failed says that the server of a line's request has no address, or may not be asked.
func (p *Phone) Failed(line uint8, server string) (o Outcome) {
	for l := range p.Lines.all() {
		if l.number == line && l.asks() && l.tx.server == server {
			dialog{p, l, &o}.fail(0, device.NoDNS, "dns")
		}
	}
	return o
}

// answered takes an answer to a request of a line.
func (p *Phone) answered(o *Outcome, line uint8, from netip.Addr, k *packet) {
	n, method, ok := k.cseq()
	for l := range p.Lines.all() {
		d := dialog{p, l, o}
		if ok && l.number == line && l.asks() && n == l.seq && method == d.method() && k.get("call-id") == d.callID() {
			d.answered(from, k)
			return
		}
	}
}

func (d dialog) answered(from netip.Addr, k *packet) {
	switch status := k.status; {
	case status < 200:
		d.l.tx.wait = int64(max(d.seconds("SIP_T2", 4), leastWait)) // it is being worked on (RFC 3261)
	case status < 300:
		d.accepted(from, k)
	case (status == 401 || status == 407 || status == 423) && d.again(k):
	default:
		d.fail(status, device.BadStatus, strconv.Itoa(status))
	}
}

// again asks once more because of an answer, with credentials or for longer; false where
// the device has no more to say. Max_Auth bounds it (its meaning: inferred).
func (d dialog) again(k *packet) bool {
	most, err := strconv.ParseUint(strings.TrimSpace(d.param("Max_Auth")), 10, 8)
	if err != nil {
		most = 2
	}
	x := d.l.tx
	if uint64(x.tries) >= most {
		return false
	}
	if x.tries++; k.status == 423 {
		n, err := strconv.ParseUint(k.get("min-expires"), 10, 31)
		if err != nil || uint32(n) <= x.expires || x.expires == 0 {
			return false
		}
		x.expires = uint32(n)
		d.ask(field{})
		return true
	}
	c, ok := challengeOf(k)
	if !ok {
		return false
	}
	x.nonce, x.used = "", 0
	if d.Unit.Row.Behaviour.SIP.KeepsNonce && offers(c.fields["qop"], "auth") {
		x.nonce, x.used = c.String(), 1
	}
	left := d.l.flags&leaving != 0
	if d.ask(d.proof(c, 1)); left {
		d.l.due = 0
	}
	return true
}

// A challenge asks for credentials.
type challenge struct {
	text   string // behind Digest
	fields map[string]string
	proxy  bool // it is a 407
}

const proxyPrefix = "proxy "

// String returns the challenge as it is kept.
func (c challenge) String() string {
	if c.proxy {
		return proxyPrefix + c.text
	}
	return c.text
}

func readChallenge(kept string) challenge {
	text, proxy := strings.CutPrefix(kept, proxyPrefix)
	return challenge{text, digest.Fields(text), proxy}
}

// challengeOf returns the challenge of an answer that a device can answer, false for none.
func challengeOf(k *packet) (challenge, bool) {
	ask, proxy := "www-authenticate", k.status == 407
	if proxy {
		ask = "proxy-authenticate"
	}
	for _, f := range k.fields {
		scheme, text, _ := strings.Cut(f.value, " ")
		if f.name != ask || !strings.EqualFold(scheme, "Digest") {
			continue
		}
		c := challenge{text, digest.Fields(text), proxy}
		if algorithm := c.fields["algorithm"]; algorithm == "" || strings.EqualFold(algorithm, "MD5") {
			return c, true
		}
	}
	return challenge{}, false
}

// proof returns what answers a challenge for the n-th time. Fields stand in the order of traces,
// without blanks; qop, nc and cnonce only where qop was offered (surface-2.md §6.1: field).
func (d dialog) proof(ch challenge, n uint32) field {
	c, a, uri, name := ch.fields, d.account(d.l.number), d.uri(), "Authorization"
	if ch.proxy {
		name = "Proxy-Authorization"
	}
	middle, more := c["nonce"], ""
	if offers(c["qop"], "auth") {
		nc, cnonce := padded(uint64(n)), d.number(d.chance(chance.SIPNonce, uint64(d.l.seq)<<8|1))
		middle += ":" + nc + ":" + cnonce + ":auth"
		more = `,qop=auth,nc=` + nc + `,cnonce="` + cnonce + `"`
	}
	if c["opaque"] != "" {
		more += `,opaque="` + c["opaque"] + `"`
	}
	proof := digest.Proof(digest.Hash(a.login+":"+c["realm"]+":"+a.password), middle, d.method(), uri)
	return field{name, oneLine(`Digest username="` + a.login + `",realm="` + c["realm"] + `",nonce="` + c["nonce"] + `",uri="` + uri + `",algorithm=MD5,response="` + proof + `"` + more)}
}

func offers(list, word string) bool {
	for one := range strings.SplitSeq(list, ",") {
		if strings.TrimSpace(one) == word {
			return true
		}
	}
	return false
}

// accepted takes a request that succeeded, and sets when it is refreshed: by switch some
// seconds before it would end, but not before its half is over (inferred).
func (d dialog) accepted(from netip.Addr, k *packet) {
	l := d.l
	if l.flags&leaving != 0 {
		if l.kind == registration {
			d.log(syslog.SIP, "UnRegOK")
		}
		l.flags, l.due, l.tx = 0, 0, nil
		return
	}
	n := d.grants(k)
	before := min(d.Unit.Row.Behaviour.SIP.RefreshBefore, time.Duration(n)*time.Second/2)
	wait := time.Duration(n)*time.Second - before
	d.tell(device.Registered, device.OK, "")
	first := l.flags&granted == 0
	l.flags, l.fails, l.last, l.lost = granted, 0, seconds(d.Now), 0
	l.due = d.Now + int64(wait)
	if l.kind == mailbox {
		d.subscribed(n, k)
		l.over()
		return
	}
	d.log(syslog.SIP, "RegOK. NextReg in "+strconv.Itoa(int(wait/time.Second))+" (1)")
	l.server = addressOf(from)
	if l.over(); first {
		d.consider(d.o, l.number, mailbox)
	}
}

// fail takes a request that failed: the line has lost what was granted (inferred for what
// had time left), and tries again later.
func (d dialog) fail(status int, result device.Result, why string) {
	l := d.l
	if l.flags&leaving != 0 {
		l.flags, l.due, l.tx = 0, 0, nil
		return
	}
	if l.flags&granted != 0 {
		d.tell(device.Unregistered, result, why)
		l.lost = seconds(d.Now)
	}
	d.tell(device.RegistrationFailed, result, why)
	wait := d.wait(status)
	l.flags, l.tx, l.due = 0, nil, 0
	l.fails = min(l.fails, 254) + 1
	if wait > 0 {
		l.due = d.Now + int64(wait)
		if l.kind == registration {
			d.log(syslog.Info, "SIP:RegFailed;Retry in "+strconv.Itoa(int(wait/time.Second))+"s")
		}
	}
}

// wait returns the wait after a request that failed, 0 for none until the next boot.
func (d dialog) wait(status int) time.Duration {
	if d.l.kind == mailbox {
		return d.subscribeRetry()
	}
	return d.retry(status)
}

// tell adds what became of a request. Its cause says which it was: the first since the
// boot, a refresh, or one after a failure. That a subscription is over is told by its next one.
func (d dialog) tell(kind device.Kind, result device.Result, why string) {
	l := d.l
	if l.kind == mailbox {
		kind = subscriptionKinds[kind]
	}
	if kind == 0 || l.kind >= keepAlive {
		return
	}
	e := device.Event{Kind: kind, Result: result, Err: why, Count: int(l.number), Text: d.to(), Cause: model.ByPeriodic}
	if l.asks() {
		e.Text, e.Took = l.tx.server, d.Now-l.tx.began
	}
	switch {
	case l.fails > 0:
		e.Cause = model.ByRetry
	case l.last == 0:
		e.Cause = model.ByPowerOn
	}
	d.o.Events = append(d.o.Events, e)
}

// subscriptionKinds are the kinds of events of a subscription, by those of a registration.
var subscriptionKinds = map[device.Kind]device.Kind{device.Registered: device.Subscribed, device.RegistrationFailed: device.SubscriptionFailed}

// log adds a line of the device's log.
func (d dialog) log(priority syslog.Priority, text string) {
	d.o.Logs = append(d.o.Logs, syslog.Line{Priority: priority, Text: "[" + strconv.Itoa(int(d.l.number)-1) + "]" + text})
}

// callID is the same from boot to boot, unless Random_REG_CID_On_Reboot is on (the name of that
// parameter says so; that units without it do the same: inferred).
func (d dialog) callID() string {
	count := uint64(0)
	if d.Params.Bool("Random_REG_CID_On_Reboot", false) {
		count = uint64(d.Booted)
	}
	id := d.chance(chance.SIPCall, count)
	return d.number(id>>32) + "-" + d.number(id) + "@" + d.Unit.IP.String()
}

// grants returns for how many seconds an answer grants what was asked for: for a registration
// what it says of the line's own Contact, else Expires, else what was asked for.
func (d dialog) grants(k *packet) uint32 {
	if d.l.kind == registration {
		return d.bounded(d.registeredFor(k))
	}
	return expiresOf(k, d.l.tx.expires)
}

// expiresOf reads Expires, fallback where it is no number.
func expiresOf(k *packet, fallback uint32) uint32 {
	if n, err := strconv.ParseUint(k.get("expires"), 10, 31); err == nil {
		return uint32(n)
	}
	return fallback
}

// seconds returns a moment in seconds, as lines keep it.
func seconds(at int64) uint32 { return uint32(at / int64(time.Second)) }
