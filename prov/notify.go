package prov

import (
	"cmp"
	"container/heap"
	"errors"
	"fmt"
	"net/http"
	"net/netip"
	"strconv"
	"strings"
	"time"

	"github.com/emiago/sipgo/sip"

	"spafleet/device/digest"
)

// A Notify is what a registrar asks of a device outside of any dialog: by a NOTIFY, or by
// OPTIONS only whether it is there.
type Notify struct {
	To     netip.AddrPort // where the device's line is
	User   string         // of the Request-URI; may be empty
	Method string         // OPTIONS; "": NOTIFY
	Event  string         // of a NOTIFY: resync, check-sync, reboot, report …, with its parameters
	// AuthUser and Password answer the device's 401; both empty: nothing does.
	AuthUser, Password string
}

// ErrManyNotifies says that too many NOTIFYs wait for an answer.
var ErrManyNotifies = errors.New("too many NOTIFYs wait for an answer: send fewer at once")

// notifies are the NOTIFYs that no answer has ended. What is due has one entry for each,
// and for some that have ended.
type notifies struct {
	open   map[string]*notification // by branch
	due    dueList
	number uint64 // of the last one
	counts map[int]int
	lost   map[string]int // without an answer, by method
}

// A notification is a NOTIFY under way.
type notification struct {
	Notify
	number uint64
	cseq   int
	began  int64
	wait   time.Duration
	text   []byte
	dialog *subscription // nil: it is of none
}

// How a request is repeated over UDP (RFC 3261 §17.1.2).
const (
	firstRepeat   = 500 * time.Millisecond
	longestRepeat = 4 * time.Second
	noAnswer      = 32 * time.Second
)

// paced returns a wait for the network in fleet time.
func (r *Registrar) paced(wait time.Duration) time.Duration {
	return time.Duration(float64(wait) * r.options.Speed)
}

// Notify sends a NOTIFY at a moment of fleet time. What comes of it goes to the log: the
// status of the device's last answer, 408 for none. An answer without the CSeq of its
// request is none (RFC 3261 §17.1.3).
func (r *Registrar) Notify(at int64, n Notify, send Send) error {
	defer r.lock()()
	w := &r.notifies
	if len(w.open) >= r.options.Most || len(w.due) >= 2*r.options.Most {
		return ErrManyNotifies
	}
	w.begin(r, at, &notification{Notify: n, number: w.next(at), cseq: 1}, "", send)
	return nil
}

// next returns the number of a NOTIFY: no other has it, of this registrar or of one before. Its
// Call-ID follows from it, and a device does none twice.
func (w *notifies) next(at int64) uint64 {
	w.number = max(w.number, uint64(at)) + 1
	return w.number
}

// begin sends a NOTIFY, and once more each time that its wait is over.
func (w *notifies) begin(r *Registrar, at int64, n *notification, authorization string, send Send) {
	branch := fmt.Sprintf("z9hG4bK-%s-%d", digest.Hash(fmt.Sprint(r.at, n.number))[:12], n.cseq)
	n.Method = cmp.Or(n.Method, "NOTIFY")
	n.began, n.wait, n.text = at, r.paced(firstRepeat), r.write(n, branch, authorization)
	w.open[branch] = n
	heap.Push(&w.due, repeat{at + int64(n.wait), branch})
	send(n.To, n.text)
}

// uri is the Request-URI of a NOTIFY.
func (n *notification) uri() string {
	if n.User == "" {
		return "sip:" + n.To.String()
	}
	return "sip:" + n.User + "@" + n.To.String()
}

// write writes a NOTIFY.
func (r *Registrar) write(n *notification, branch, authorization string) []byte {
	id := digest.Hash(fmt.Sprint("notify ", r.at, n.number))
	d := subscription{n.uri(), "<sip:registrar@" + r.at.Addr().String() + ">;tag=" + id[16:], "<" + n.uri() + ">", id[:16] + "@" + r.at.Addr().String(), "active"}
	body := ""
	if n.dialog != nil {
		d, body = *n.dialog, "Messages-Waiting: no\r\n"
	}
	lines := []string{
		n.Method + " " + d.uri + " SIP/2.0",
		"Via: SIP/2.0/UDP " + r.at.String() + ";branch=" + branch,
		"From: " + d.from,
		"To: " + d.to,
		"Call-ID: " + d.callID,
		"CSeq: " + strconv.Itoa(n.cseq) + " " + n.Method,
		"Max-Forwards: 70",
		"Contact: <sip:registrar@" + r.at.String() + ">",
		"User-Agent: spafleet",
	}
	if n.Method == "NOTIFY" {
		lines = append(lines, "Event: "+n.Event, "Subscription-State: "+d.state)
	}
	if authorization != "" {
		lines = append(lines, authorization)
	}
	if body != "" {
		lines = append(lines, "Content-Type: application/simple-message-summary")
	}
	return []byte(strings.Join(append(lines, "Content-Length: "+strconv.Itoa(len(body))), "\r\n") + "\r\n\r\n" + body)
}

// answered takes the answer to a request of the registrar.
func (w *notifies) answered(r *Registrar, at int64, m *sip.Response, send Send) {
	if m.Via() == nil || m.StatusCode < http.StatusOK {
		return
	}
	branch, _ := m.Via().Params.Get("branch")
	n := w.open[branch]
	if n == nil || m.CSeq() == nil || int(m.CSeq().SeqNo) != n.cseq || string(m.CSeq().MethodName) != n.Method {
		return
	}
	delete(w.open, branch)
	if m.StatusCode == http.StatusUnauthorized && n.cseq == 1 && n.AuthUser+n.Password != "" {
		if authorization := n.prove(valueOf(m, "WWW-Authenticate")); authorization != "" {
			n.cseq++
			w.begin(r, at, n, authorization, send)
			return
		}
	}
	r.notified(at, n, m.StatusCode, valueOf(m, "Server"))
}

// prove answers a device's challenge, "" where it is none.
func (n *notification) prove(challenge string) string {
	scheme, rest, _ := strings.Cut(strings.TrimSpace(challenge), " ")
	f := digest.Fields(rest)
	if !strings.EqualFold(scheme, "digest") || f["nonce"] == "" {
		return ""
	}
	answer := map[string]string{"nonce": f["nonce"]}
	qop := ""
	if strings.Contains(f["qop"], "auth") {
		answer["qop"], answer["nc"], answer["cnonce"] = "auth", "00000001", digest.Hash("cnonce " + f["nonce"])[:8]
		qop = `, qop=auth, nc=00000001, cnonce="` + answer["cnonce"] + `"`
	}
	proof := digest.Proof(digest.Hash(n.AuthUser+":"+f["realm"]+":"+n.Password), digest.Middle(answer), n.Method, n.uri())
	return fmt.Sprintf(`Authorization: Digest username="%s", realm="%s", nonce="%s", uri="%s", response="%s", algorithm=MD5%s`,
		n.AuthUser, f["realm"], f["nonce"], n.uri(), proof, qop)
}

// notified notes what came of a request of the registrar.
func (r *Registrar) notified(at int64, n *notification, status int, agent string) {
	what := n.User
	if n.Method == "NOTIFY" {
		if r.notifies.counts == nil {
			r.notifies.counts = map[int]int{}
		}
		r.notifies.counts[status]++
		what, _, _ = strings.Cut(n.Event, ";")
	}
	r.log(Line{At: at, Method: n.Method, Path: what, Source: n.To.Addr(), UserAgent: agent, Status: status})
}

// Notified returns how many NOTIFYs devices have answered with a status, 408 for those
// that got no answer.
func (r *Registrar) Notified(status int) int {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.notifies.counts[status]
}

// Unanswered returns how many requests of a method, NOTIFY or OPTIONS, nobody has answered:
// those that were given up, and those that still wait. The NOTIFYs of subscriptions are left out.
func (r *Registrar) Unanswered(method string) int {
	r.mu.Lock()
	defer r.mu.Unlock()
	n := r.notifies.lost[method]
	for _, open := range r.notifies.open {
		if open.Method == method && open.dialog == nil {
			n++
		}
	}
	return n
}

// Next returns when the registrar has something to do by itself; false for never.
func (r *Registrar) Next() (at int64, ok bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if len(r.notifies.due) == 0 {
		return 0, false
	}
	return r.notifies.due[0].at, true
}

// Due sends what is to be sent again at a moment, and gives up what has waited too long.
func (r *Registrar) Due(at int64, send Send) {
	defer r.lock()()
	w := &r.notifies
	for len(w.due) > 0 && w.due[0].at <= at {
		d := heap.Pop(&w.due).(repeat)
		n := w.open[d.branch]
		switch {
		case n == nil: // it was answered
		case at-n.began >= int64(r.paced(noAnswer)):
			delete(w.open, d.branch)
			if n.dialog == nil {
				w.lost[n.Method]++
			}
			r.notified(at, n, http.StatusRequestTimeout, "")
		default:
			send(n.To, n.text)
			n.wait = min(2*n.wait, r.paced(longestRepeat))
			heap.Push(&w.due, repeat{min(d.at+int64(n.wait), n.began+int64(r.paced(noAnswer))), d.branch})
		}
	}
}

// A repeat is when a NOTIFY is sent again.
type repeat struct {
	at     int64
	branch string
}

// A dueList is a heap of what is due, the first first.
type dueList []repeat

func (l dueList) Len() int { return len(l) }
func (l dueList) Less(i, j int) bool {
	return l[i].at < l[j].at || l[i].at == l[j].at && l[i].branch < l[j].branch
}
func (l dueList) Swap(i, j int) { l[i], l[j] = l[j], l[i] }
func (l *dueList) Push(x any)   { *l = append(*l, x.(repeat)) }
func (l *dueList) Pop() any {
	last := (*l)[len(*l)-1]
	*l = (*l)[:len(*l)-1]
	return last
}
