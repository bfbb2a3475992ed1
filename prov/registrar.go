package prov

import (
	"cmp"
	"errors"
	"fmt"
	"net/http"
	"net/netip"
	"slices"
	"strconv"
	"strings"
	"sync"

	"github.com/emiago/sipgo/sip"

	"spafleet/device"
	"spafleet/device/digest"
	"spafleet/resync/fault"
)

// RegistrarOptions is what a [Registrar] needs. The zero value accepts every
// REGISTER. Hooks are called while the registrar works: they must not call it.
type RegistrarOptions struct {
	// Password returns the password of a user, who is asked for it by Digest; false:
	// there is no such user. Nil: nobody is asked.
	Password func(user string, from netip.Addr) (string, bool)
	Who      func(addr netip.Addr) (*device.Unit, bool) // the device at a source address; may be nil
	Faults   *fault.Plan                                // what the registrar does wrong; nil: nothing
	Most     int                                        // most contacts, and most NOTIFYs under way; 0: 100,000
	Shortest int                                        // seconds; who wants to register for less gets 423 and this as Min-Expires
	Log      func(Line)                                 // is told of every request that was answered, and of every NOTIFY that ended
	Speed    float64                                    // how many seconds of fleet time pass in one of the network's: so much longer the registrar waits for answers; 0: one
}

const (
	mostContacts    = 100_000
	mostOfRecord    = 16
	longestContact  = 7200 // seconds; what asks for more gets so much
	usualContact    = 3600 // where a REGISTER says nothing
	largestDatagram = 8192
)

// A Registrar is where devices register, and which sends them NOTIFYs: datagrams in,
// datagrams out. It has no sockets and reads no clock. It is no proxy: it answers
// everything but REGISTER, OPTIONS, NOTIFY and SUBSCRIBE to mailboxes with 405. It is safe for concurrent use.
type Registrar struct {
	options RegistrarOptions

	mu       sync.Mutex
	at       netip.AddrPort
	contacts map[string][]contact // by address of record
	count    int                  // of contacts
	last     map[netip.AddrPort]transaction
	notifies notifies
	lines    []Line // for the log, once the registrar is free
}

// A contact is where somebody is reached, until a moment.
type contact struct {
	uri  string
	ends int64
}

// A transaction is the last one of somebody, while faults are planned.
type transaction struct {
	branch      string
	disturbance *fault.Disturbance
}

// Send takes a datagram that leaves a registrar. It must not keep the text.
type Send = func(to netip.AddrPort, text []byte)

// NewRegistrar returns a registrar that devices find at an address.
func NewRegistrar(at netip.AddrPort, o RegistrarOptions) *Registrar {
	o.Most, o.Speed = cmp.Or(o.Most, mostContacts), cmp.Or(o.Speed, 1)
	r := &Registrar{options: o, at: at, contacts: map[string][]contact{}, last: map[netip.AddrPort]transaction{}}
	r.notifies.open, r.notifies.lost = map[string]*notification{}, map[string]int{}
	return r
}

// Contacts returns how many contacts are registered at a moment of fleet time.
func (r *Registrar) Contacts(at int64) int {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.sweep(at)
	return r.count
}

// sweep forgets the contacts that have ended.
func (r *Registrar) sweep(at int64) {
	for record := range r.contacts {
		r.keep(record, func(c contact) bool { return c.ends > at })
	}
}

// keep forgets the other contacts of an address of record.
func (r *Registrar) keep(record string, of func(contact) bool) {
	list := r.contacts[record]
	kept := slices.DeleteFunc(list, func(c contact) bool { return !of(c) })
	r.count -= len(list) - len(kept)
	if r.contacts[record] = kept; len(kept) == 0 {
		delete(r.contacts, record)
	}
}

// lock begins a use of the registrar; what it returns ends it, and tells the log.
func (r *Registrar) lock() (done func()) {
	r.mu.Lock()
	return func() {
		lines := r.lines
		r.lines = nil
		r.mu.Unlock()
		for _, l := range lines {
			r.options.Log(l)
		}
	}
}

// Receive takes a datagram that came at a moment of fleet time, and sends what follows.
// What is no SIP gets no answer.
func (r *Registrar) Receive(at int64, from netip.AddrPort, text []byte, send Send) {
	if len(text) > largestDatagram {
		return
	}
	message, err := sip.ParseMessage(text)
	if err != nil {
		return
	}
	defer r.lock()()
	switch m := message.(type) {
	case *sip.Request:
		r.request(at, from, m, send)
	case *sip.Response:
		r.notifies.answered(r, at, m, send)
	}
}

// An answerer makes the answer to a method.
type answerer func(r *Registrar, at int64, from netip.AddrPort, m *sip.Request) (status int, more []string)

var answerers = map[sip.RequestMethod]answerer{
	sip.REGISTER: (*Registrar).register,
	sip.OPTIONS:  accepted,
	sip.NOTIFY:   accepted, // what devices send to keep a way through NAT open

	sip.SUBSCRIBE: (*Registrar).subscribe,
}

func accepted(*Registrar, int64, netip.AddrPort, *sip.Request) (int, []string) {
	return http.StatusOK, []string{allowed}
}

const allowed = "Allow: REGISTER, OPTIONS, NOTIFY, SUBSCRIBE"

func (r *Registrar) request(at int64, from netip.AddrPort, m *sip.Request, send Send) {
	via := m.Via()
	if via == nil || m.From() == nil || m.To() == nil || m.CallID() == nil || m.CSeq() == nil || m.Method == sip.ACK {
		return
	}
	d := r.disturbance(from, m)
	bad := d.Server()
	if bad.Down {
		d.Did(fault.Effects{Down: true})
		return
	}
	status, more := http.StatusMethodNotAllowed, []string{allowed}
	switch answer := answerers[m.Method]; {
	case bad.HasStatus && bad.Status >= 300:
		d.Did(fault.Effects{HasStatus: true})
		status, more = bad.Status, nil
	case answer != nil:
		status, more = answer(r, at, from, m)
	}
	send(answerTo(via, from), []byte(r.answer(m, from, status, more)))
	if m.Method == sip.SUBSCRIBE && status == http.StatusOK {
		r.tellMailbox(at, answerTo(via, from), m, send)
	}
	r.log(Line{At: at, Method: string(m.Method), Path: recordOf(m), Source: from.Addr(), UserAgent: valueOf(m, "User-Agent"), Status: status})
}

// log tells of a request of SIP.
func (r *Registrar) log(l Line) {
	if r.options.Log == nil {
		return
	}
	l.Scheme = "sip"
	if r.options.Who != nil {
		if u, ok := r.options.Who(l.Source); ok {
			l.MAC = u.MAC.String()
		}
	}
	if l.Status >= http.StatusBadRequest && l.Status != http.StatusUnauthorized && l.Err == nil {
		l.Err = errors.New(reasonOf(l.Status))
	}
	r.lines = append(r.lines, l)
}

// disturbance returns what faults do to a transaction: the same to a request that comes
// again.
func (r *Registrar) disturbance(from netip.AddrPort, m *sip.Request) *fault.Disturbance {
	if r.options.Faults == nil {
		return nil
	}
	branch, _ := m.Via().Params.Get("branch")
	branch += string(m.Method)
	if t, known := r.last[from]; known && t.branch == branch {
		return t.disturbance
	}
	e := fault.Exchange{Device: stranger(from.Addr()), Scheme: "sip", Path: "/" + string(m.Method)}
	if r.options.Who != nil {
		if u, ok := r.options.Who(from.Addr()); ok {
			e.Device = uint32(u.Index)
		}
	}
	d := r.options.Faults.Exchange(e)
	if len(r.last) >= r.options.Most {
		clear(r.last)
	}
	r.last[from] = transaction{branch, d}
	return d
}

// register answers a REGISTER.
func (r *Registrar) register(at int64, from netip.AddrPort, m *sip.Request) (int, []string) {
	if r.options.Password != nil && !r.proves(from, m) {
		return http.StatusUnauthorized, []string{challenge(m)}
	}
	record, c := recordOf(m), m.Contact()
	if c == nil { // it asks
		return http.StatusOK, nil
	}
	expires, ok := expiryOf(m)
	switch uri := c.Address.String(); {
	case !ok || c.Address.Wildcard && expires != 0:
		return http.StatusBadRequest, nil
	case c.Address.Wildcard:
		r.keep(record, func(contact) bool { return false })
		return http.StatusOK, nil
	case expires == 0:
		r.keep(record, func(c contact) bool { return c.uri != uri })
		return http.StatusOK, nil
	case expires < r.options.Shortest:
		return statusTooBrief, []string{"Min-Expires: " + strconv.Itoa(r.options.Shortest)}
	case !r.bind(at, record, contact{uri, at + int64(expires)*1e9}):
		return http.StatusServiceUnavailable, []string{"Retry-After: 60"}
	default:
		return http.StatusOK, []string{fmt.Sprintf("Contact: <%s>;expires=%d", uri, expires)}
	}
}

// bind keeps a contact; false where there are too many.
func (r *Registrar) bind(at int64, record string, c contact) bool {
	r.keep(record, func(old contact) bool { return old.uri != c.uri && old.ends > at })
	if r.count >= r.options.Most {
		r.sweep(at)
	}
	if r.count >= r.options.Most || len(r.contacts[record]) >= mostOfRecord {
		return false
	}
	r.contacts[record] = append(r.contacts[record], c)
	r.count++
	return true
}

// expiryOf returns for how many seconds a REGISTER is; false where that is no number.
func expiryOf(m *sip.Request) (int, bool) {
	text, has := m.Contact().Params.Get("expires")
	if !has {
		text = valueOf(m, "Expires")
	}
	if text == "" {
		return usualContact, true
	}
	n, err := strconv.ParseUint(strings.TrimSpace(text), 10, 32)
	return int(min(n, longestContact)), err == nil
}

const statusTooBrief = 423

const sipRealm = "registrar"

// challenge returns the header of a 401. The nonce belongs to the registration, and is
// always the same: so a run in virtual time is too.
func challenge(m *sip.Request) string {
	return `WWW-Authenticate: Digest realm="` + sipRealm + `", nonce="` + nonceOf(m) + `", algorithm=MD5, qop="auth"`
}

func nonceOf(m *sip.Request) string { return digest.Hash("nonce " + m.CallID().Value()) }

// proves reports whether a request has the right credentials.
func (r *Registrar) proves(from netip.AddrPort, m *sip.Request) bool {
	scheme, rest, _ := strings.Cut(strings.TrimSpace(valueOf(m, "Authorization")), " ")
	f := digest.Fields(rest)
	if !strings.EqualFold(scheme, "digest") || f["nonce"] != nonceOf(m) || f["realm"] != sipRealm {
		return false
	}
	password, known := r.options.Password(f["username"], from.Addr())
	proof := digest.Proof(digest.Hash(f["username"]+":"+sipRealm+":"+password), digest.Middle(f), string(m.Method), f["uri"])
	return known && same(f["response"], proof)
}

// answer writes the answer to a request.
func (r *Registrar) answer(m *sip.Request, from netip.AddrPort, status int, more []string) string {
	var b strings.Builder
	fmt.Fprintf(&b, "SIP/2.0 %d %s\r\n", status, reasonOf(status))
	first := true
	for _, h := range m.GetHeaders("Via") {
		value := h.Value()
		if first {
			value, first = received(m.Via(), from), false
		}
		b.WriteString("Via: " + value + "\r\n")
	}
	to := m.To().Value()
	if !m.To().Params.Has("tag") {
		to += ";tag=" + tagOf(m)
	}
	fmt.Fprintf(&b, "From: %s\r\nTo: %s\r\nCall-ID: %s\r\nCSeq: %s\r\n", m.From().Value(), to, m.CallID().Value(), m.CSeq().Value())
	for _, line := range more {
		b.WriteString(line + "\r\n")
	}
	b.WriteString("Server: spafleet\r\nContent-Length: 0\r\n\r\n")
	return b.String()
}

// tagOf returns the registrar's tag of a dialog.
func tagOf(m *sip.Request) string { return digest.Hash("tag " + m.CallID().Value())[:16] }

// received returns a Via with where its request came from (RFC 3261 §18.2.1, RFC 3581).
func received(via *sip.ViaHeader, from netip.AddrPort) string {
	v := via.Clone()
	host := from.Addr().String()
	if _, asks := v.Params.Get("rport"); asks {
		v.Params.Add("rport", strconv.Itoa(int(from.Port())))
		v.Params.Add("received", host)
	} else if v.Host != host {
		v.Params.Add("received", host)
	}
	return v.Value()
}

// answerTo returns where the answer to a request goes: to where it came from, at the
// port that its Via says unless it wants the other one.
func answerTo(via *sip.ViaHeader, from netip.AddrPort) netip.AddrPort {
	if via.Params.Has("rport") || via.Port < 0 || via.Port > 65535 {
		return from
	}
	return netip.AddrPortFrom(from.Addr(), uint16(cmp.Or(via.Port, 5060)))
}

// recordOf returns what a request is about, user@host.
func recordOf(m *sip.Request) string {
	to := m.To().Address
	return to.User + "@" + strings.ToLower(to.Host)
}

func valueOf(m interface{ GetHeader(name string) sip.Header }, name string) string {
	if h := m.GetHeader(name); h != nil {
		return h.Value()
	}
	return ""
}

// reasonOf returns the words of a status.
func reasonOf(status int) string {
	words := map[int]string{
		http.StatusRequestTimeout: "Request Timeout", statusTooBrief: "Interval Too Brief", 480: "Temporarily Unavailable", 481: "Call/Transaction Does Not Exist",
		482: "Loop Detected", 486: "Busy Here", 489: "Bad Event", 500: "Server Internal Error", 603: "Decline",
	}
	return cmp.Or(words[status], http.StatusText(status), "Refused")
}
