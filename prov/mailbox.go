package prov

import (
	"net/http"
	"net/netip"
	"strconv"
	"strings"

	"github.com/emiago/sipgo/sip"
)

// messageSummary is the event of a mailbox's state (RFC 3842).
const messageSummary = "message-summary"

// subscribe answers a SUBSCRIBE to the state of a mailbox: all of them are empty. What is
// not one is refused with 489, and nothing is kept of a subscription.
func (r *Registrar) subscribe(_ int64, from netip.AddrPort, m *sip.Request) (int, []string) {
	switch expires, ok := subscribedFor(m); {
	case valueOf(m, "Event") != messageSummary:
		return 489, []string{"Allow-Events: " + messageSummary}
	case r.options.Password != nil && !r.proves(from, m):
		return http.StatusUnauthorized, []string{challenge(m)}
	case !ok || m.Contact() == nil:
		return http.StatusBadRequest, nil
	default:
		return http.StatusOK, []string{"Expires: " + strconv.Itoa(expires), "Contact: <sip:registrar@" + r.at.String() + ">"}
	}
}

// subscribedFor returns for how many seconds a SUBSCRIBE is; false where that is no number.
func subscribedFor(m *sip.Request) (int, bool) {
	text := valueOf(m, "Expires")
	if text == "" {
		return usualContact, true
	}
	n, err := strconv.ParseUint(strings.TrimSpace(text), 10, 32)
	return int(min(n, longestContact)), err == nil
}

// tellMailbox sends the NOTIFY that follows each SUBSCRIBE (RFC 6665).
func (r *Registrar) tellMailbox(at int64, to netip.AddrPort, m *sip.Request, send Send) {
	w := &r.notifies
	if len(w.open) >= r.options.Most || len(w.due) >= 2*r.options.Most {
		return
	}
	state := "terminated;reason=timeout"
	if expires, _ := subscribedFor(m); expires > 0 {
		state = "active;expires=" + strconv.Itoa(expires)
	}
	from := m.To().Value()
	if !m.To().Params.Has("tag") {
		from += ";tag=" + tagOf(m)
	}
	n := &notification{Notify: Notify{To: to, Method: "NOTIFY", Event: messageSummary}, number: w.next(at), cseq: 1}
	n.dialog = &subscription{uri: m.Contact().Address.String(), from: from, to: m.From().Value(), callID: m.CallID().Value(), state: state}
	w.begin(r, at, n, "", send)
}

// A subscription is the dialog of a NOTIFY: the header fields that it repeats.
type subscription struct{ uri, from, to, callID, state string }
