package tally

import (
	"cmp"
	"maps"
	"slices"

	"spafleet/device"
	"spafleet/device/model"
)

// SIP is what devices said and heard by SIP. What adds up by reason has a bound.
type SIP struct {
	Registered   int64            `json:"registered"`   // REGISTERs that were granted, refreshes among them
	Unregistered int64            `json:"unregistered"` // registrations that were given up, or lost
	Failed       map[string]int64 `json:"failed"`       // REGISTERs that failed, by why
	Subscribed   int64            `json:"subscribed"`   // SUBSCRIBEs to mailboxes that were granted, refreshes among them
	Unsubscribed map[string]int64 `json:"unsubscribed"` // those that failed, by why
	Notified     int64            `json:"notified"`     // NOTIFYs that devices accepted
	Challenged   int64            `json:"challenged"`   // those that were asked for credentials
	Refused      map[string]int64 `json:"refused"`      // those that were refused, by why
}

// mostReasons bounds how many reasons are told apart.
const mostReasons = 64

func newSIP() SIP {
	return SIP{Failed: map[string]int64{}, Unsubscribed: map[string]int64{}, Refused: map[string]int64{}}
}

// add counts a reason, or where there are too many, that there are others.
// It returns which of the two.
func addReason(to map[string]int64, why string, n int64) string {
	if _, known := to[why]; !known && len(to) >= mostReasons {
		why = "others"
	}
	to[why] += n
	return why
}

func (s *SIP) clone() SIP {
	c := *s
	c.Failed, c.Unsubscribed, c.Refused = maps.Clone(s.Failed), maps.Clone(s.Unsubscribed), maps.Clone(s.Refused)
	return c
}

// merge adds what another shard has counted.
func (s *SIP) merge(o *SIP) {
	s.Registered += o.Registered
	s.Unregistered += o.Unregistered
	s.Notified += o.Notified
	s.Challenged += o.Challenged
	s.Subscribed += o.Subscribed
	addCounts(&s.Failed, o.Failed)
	addCounts(&s.Unsubscribed, o.Unsubscribed)
	addCounts(&s.Refused, o.Refused)
}

// Any reports whether there was anything.
func (s *SIP) Any() bool {
	return s.Registered+s.Unregistered+s.Subscribed+s.Notified+s.Challenged > 0 || len(s.Failed)+len(s.Unsubscribed)+len(s.Refused) > 0
}

// Sum returns how many there are of all reasons.
func Sum(counts map[string]int64) (n int64) {
	for _, c := range counts {
		n += c
	}
	return n
}

// heardSIP counts an event of SIP.
func heardSIP(t *Tally, e *device.Event) {
	why := ""
	switch e.Kind {
	case device.Registered:
		t.sip.Registered++
	case device.Unregistered:
		t.sip.Unregistered++
	case device.RegistrationFailed:
		why = addReason(t.sip.Failed, e.Err, 1)
	case device.Subscribed:
		t.sip.Subscribed++
	case device.SubscriptionFailed:
		why = addReason(t.sip.Unsubscribed, e.Err, 1)
	case device.NotifyChallenged:
		t.sip.Challenged++
	case device.NotifyFailed:
		why = addReason(t.sip.Refused, e.Err, 1)
	case device.PowerOff, device.Boot: // what a NOTIFY asked for is forgotten
		delete(t.notified, e.Dev)
		return
	case device.Notify:
		t.sip.Notified++
		if _, waits := t.notified[e.Dev]; !waits && (e.Text == "resync" || e.Text == "check-sync") {
			t.notified[e.Dev] = e.At
		}
	default:
		return
	}
	t.live.sip(e.Kind, why)
}

// servedNotify notes that a resync has ended, which a NOTIFY may have asked for.
func servedNotify(t *Tally, e *device.Event, kind int) {
	at, waits := t.notified[e.Dev]
	if waits && e.Cause == model.ByNotify {
		took := e.At - at
		t.notify.add(took)
		t.watching.tell("notify_duration", &sample{kind: kind, due: at, n: 1, took: took, result: e.Result.String()})
		t.live.served(e.Result, took)
	}
	delete(t.notified, e.Dev)
}

// ByCount returns reasons, the most frequent first.
func ByCount(counts map[string]int64) []string {
	return slices.SortedFunc(maps.Keys(counts), func(a, b string) int { return cmp.Or(cmp.Compare(counts[b], counts[a]), cmp.Compare(a, b)) })
}
