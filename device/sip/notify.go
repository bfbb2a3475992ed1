package sip

import (
	"cmp"
	"hash/fnv"
	"strconv"
	"strings"

	"spafleet/device"
	"spafleet/device/chance"
	"spafleet/device/digest"
	"spafleet/device/model"
)

// An asked is what a device does when a NOTIFY names an event.
type asked struct {
	order      device.Order // 0: nothing that shows
	late       bool         // only phones of the 5xx series and later have it
	unguarded  bool         // no credentials are asked for
	fromResync bool         // Resync_From_SIP allows it
}

// events are the events that devices know (surface-2.md §6.3: texts of 7.6.2f). What reboot,
// restart and report do is documented, and so is resync; check-sync is what operators use
// in place of it (field; that it is the same: inferred). That reset is a warm restart, and that
// the others show nothing, is inferred. XML-Service fetches what the body names (documented);
// no display is emulated.
var events = map[string]asked{
	"resync":      {order: device.Resync, fromResync: true},
	"check-sync":  {order: device.Resync, fromResync: true},
	"reboot":      {order: device.Reboot},
	"reboot_now":  {order: device.Reboot},
	"restart":     {order: device.Restart},
	"restart_now": {order: device.Restart},
	"reset":       {order: device.Restart},
	"reset_now":   {order: device.Restart},
	"report":      {order: device.Report},
	"XML-Service": {order: device.XMLService, late: true},

	"keep-alive":      {unguarded: true},
	"message-summary": {unguarded: true},
	"refer":           {unguarded: true},
	"ping":            {unguarded: true},
	"talk":            {unguarded: true},
	"hold":            {unguarded: true},
	"conference":      {unguarded: true},
	"dialog":          {unguarded: true},
	"presence":        {unguarded: true},
	"x-spa-cti":       {unguarded: true},
	"telephone-event": {unguarded: true},

	"as-feature-event":      {late: true, unguarded: true},
	"add-to-dir":            {late: true, unguarded: true},
	"snrm":                  {late: true, unguarded: true},
	"reserve-trunk":         {late: true, unguarded: true},
	"ringing-calls":         {late: true, unguarded: true},
	"x-broadworks-hoteling": {late: true, unguarded: true},
	"missed-call-summary":   {late: true, unguarded: true},
	"call-info":             {late: true, unguarded: true},
	"line-seize":            {late: true, unguarded: true},
}

// Ordered returns what a NOTIFY orders whose Event is this, where nothing is refused: 0 for
// nothing that shows.
func Ordered(event string) device.Order {
	r := reply{packet: &packet{fields: []field{{"event", cmp.Or(event, "resync")}}}}
	return r.command(events[r.event()]).Order
}

// mostToken is how much of an event's name is told.
const mostToken = 64

// event returns the event that a NOTIFY names.
func (r *reply) event() string {
	token, _, _ := strings.Cut(r.get("event"), ";")
	token = strings.TrimSpace(token)
	return token[:min(len(token), mostToken)]
}

// eventParam returns a parameter of Event, "" for none. That of profile is a URL, which
// may hold semicolons: it is the last.
func (r *reply) eventParam(name string) string {
	_, rest, _ := strings.Cut(r.get("event"), ";")
	for rest != "" {
		key, value, _ := strings.Cut(rest, "=")
		if strings.EqualFold(strings.TrimSpace(key), "profile") {
			rest = ""
		} else {
			value, rest, _ = strings.Cut(value, ";")
		}
		if strings.EqualFold(strings.TrimSpace(key), name) {
			return strings.Trim(strings.TrimSpace(value), `"<>`)
		}
	}
	return ""
}

// notify takes a NOTIFY, inside a dialog or outside (documented for outside), whatever its
// content is: senders in the field have a wrong type and no body.
func (r *reply) notify(o *Outcome) {
	token := r.event()
	e, known := events[token]
	switch {
	case !known || e.late && r.Unit.Row.Generation < 3:
		r.refuse(o, 489, "unknown event") // the answer: inferred from the texts of 7.6.2f
		return
	case r.again():
		r.status = 200
		return
	}
	if r.guarded(token, e) && !r.proves(o) {
		return
	}
	if e.fromResync && !r.Params.Bool("Resync_From_SIP", true) {
		r.refuse(o, 403, "Resync_From_SIP is off") // the answer: inferred
		return
	}
	r.status = 200
	if !e.unguarded {
		r.Lines.own(r.line, registration).heard = r.fingerprint()
	}
	if token == mailboxEvent {
		r.unsubscribed(o)
	}
	o.Events = append(o.Events, device.Event{Kind: device.Notify, Text: token, Count: 200, Cause: model.ByNotify})
	o.Command = r.command(e)
}

// mailboxEvent is that of a mailbox's state.
const mailboxEvent = "message-summary"

// guarded reports whether a NOTIFY needs credentials: one that orders something unless
// Auth_Resync-Reboot is off, one of a mailbox if Auth_MWI is on (its meaning: inferred).
func (r *reply) guarded(token string, e asked) bool {
	if token == mailboxEvent {
		return r.is("Auth_MWI_", r.line, false)
	}
	return !e.unguarded && r.is("Auth_Resync-Reboot_", r.line, true)
}

// command returns what a NOTIFY orders. Other makes' phones know check-sync;reboot=true;
// that this maker's heed it is inferred. A profile overrides the rules (documented).
func (r *reply) command(e asked) device.Command {
	c := device.Command{Order: e.order, Cause: model.ByNotify}
	if e.order == device.XMLService {
		if c.Argument = r.serviceURL(); c.Argument == "" {
			return device.Command{}
		}
		return c
	}
	if e.order != device.Resync {
		return c
	}
	if strings.EqualFold(r.eventParam("reboot"), "true") {
		c.Order = device.Reboot
		return c
	}
	if c.Argument = r.eventParam("profile"); c.Argument != "" {
		c.Requester = r.from.Addr()
	}
	return c
}

// serviceURL returns the URL that is the body of a NOTIFY, "" for none: with a line end behind
// it phones do nothing (a note of the maker's: documented). Firmware before 7.4.4 took an XML
// document in place of it, which is not emulated.
func (r *reply) serviceURL() string {
	body := r.body
	if n, err := strconv.Atoi(r.get("content-length")); err == nil && n < len(body) {
		body = body[:n]
	}
	url := string(body)
	if !strings.HasPrefix(url, "http://") && !strings.HasPrefix(url, "https://") || len(url) > mostURL || strings.ContainsAny(url, " \t\r\n") {
		return ""
	}
	return url
}

// mostURL is the longest URL that is read from a body (inferred).
const mostURL = 512

// fingerprint tells a request from every other one, but not from itself when it is sent
// again.
func (r *reply) fingerprint() uint32 {
	h := fnv.New32a()
	for _, name := range []string{"call-id", "cseq", "from", "authorization"} {
		h.Write([]byte(r.get(name)))
		h.Write([]byte{0})
	}
	return h.Sum32() | 1 // 0 is none
}

// again reports whether this is the NOTIFY that was done last: its answer was lost.
func (r *reply) again() bool {
	l := r.Lines.of(r.line)
	return l != nil && l.heard != 0 && l.heard == r.fingerprint()
}

// proves reports whether a request has the credentials of the line: those of its account
// (documented for XML-Service, inferred for all). One without any is challenged.
func (r *reply) proves(o *Outcome) bool {
	scheme, text, _ := strings.Cut(r.get("authorization"), " ")
	if !strings.EqualFold(scheme, "Digest") {
		r.status = 401
		r.challenge()
		o.Events = append(o.Events, device.Event{Kind: device.NotifyChallenged, Text: r.event(), Count: 401})
		return false
	}
	if why := r.wrong(digest.Fields(text)); why != "" {
		r.refuse(o, 401, why)
		r.challenge()
		return false
	}
	return true
}

// wrong returns why credentials do not count, "" if they do. A nonce counts until a NOTIFY
// was done with it, or the device has rebooted: so none can be done twice.
func (r *reply) wrong(f map[string]string) string {
	a := r.account(r.line)
	switch {
	case f["realm"] != r.realm():
		return "wrong realm"
	case f["nonce"] != r.nonce():
		return "stale nonce"
	case f["username"] != a.login:
		return "wrong credentials"
	}
	if f["response"] != digest.Proof(digest.Hash(a.login+":"+f["realm"]+":"+a.password), digest.Middle(f), r.method, f["uri"]) {
		return "wrong credentials"
	}
	return ""
}

// realm is the device's address (device-surface.md §6.1: field for the SPA9000, inferred for
// the others).
func (r *reply) realm() string { return r.Unit.IP.String() }

func (r *reply) nonce() string {
	last := uint32(0)
	if l := r.Lines.of(r.line); l != nil {
		last = l.heard
	}
	return r.number(r.draw(chance.SIPNonce, r.line, uint64(r.Booted)^uint64(last)<<32))
}

// challenge adds what asks for credentials. The order of texts with qop is that of 7.6.2f
// (field), that earlier firmware has none that of an SPA9000 (field).
func (r *reply) challenge() {
	text := `Digest realm="` + r.realm() + `", nonce="` + r.nonce() + `"`
	if r.Unit.Row.Behaviour.SIP.OffersQoP {
		text += `, qop="auth"`
	}
	r.extra = append(r.extra, field{"WWW-Authenticate", text + ", algorithm=md5"}, field{"Allow-Events", "talk, hold, conference, x-spa-cti"})
}
