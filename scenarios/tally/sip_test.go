package tally_test

import (
	"fmt"
	"testing"

	"spafleet/device"
	"spafleet/device/model"
	"spafleet/scenarios/report"
	"spafleet/scenarios/tally"
)

// notified are NOTIFYs to three devices: the first resyncs after half a second, though it
// got another one meanwhile, the second after four, and the third loses its power before.
func notified() []device.Event {
	return []device.Event{
		{Dev: 0, Kind: device.NotifyChallenged, At: 10e9, Text: "resync"},
		{Dev: 0, Kind: device.NotifyFailed, At: 10e9, Text: "resync", Err: "wrong credentials"},
		{Dev: 0, Kind: device.Notify, At: 11e9, Text: "resync"},
		{Dev: 1, Kind: device.Notify, At: 11e9, Text: "check-sync"},
		{Dev: 2, Kind: device.Notify, At: 11e9, Text: "resync"},
		{Dev: 0, Kind: device.Notify, At: 11.2e9, Text: "resync"},
		{Dev: 0, Kind: device.ResyncOK, At: 11.5e9, Cause: model.ByNotify, File: overHTTP},
		{Dev: 1, Kind: device.ResyncOK, At: 12e9, Cause: model.ByNotify, File: overHTTP},
		{Dev: 1, Kind: device.Notify, At: 13e9, Text: "message-summary"},
		{Dev: 1, Kind: device.ResyncOK, At: 14e9, Cause: model.ByPeriodic, File: overHTTP},
		{Dev: 1, Kind: device.Notify, At: 20e9, Text: "resync"},
		{Dev: 1, Kind: device.ResyncFailed, At: 24e9, Cause: model.ByNotify, Result: device.Timeout},
		{Dev: 2, Kind: device.Registered, At: 11e9},
		{Dev: 2, Kind: device.Registered, At: 11e9},
		{Dev: 2, Kind: device.Unregistered, At: 11e9},
		{Dev: 2, Kind: device.RegistrationFailed, At: 11e9, Err: "timeout"},
		{Dev: 2, Kind: device.Subscribed, At: 11e9},
		{Dev: 2, Kind: device.SubscriptionFailed, At: 11e9, Err: "489"},
		{Dev: 2, Kind: device.PowerOff, At: 12e9},
		{Dev: 2, Kind: device.ResyncOK, At: 30e9, Cause: model.ByPowerOn, File: overHTTP},
	}
}

func TestTheTimeFromANotifyToTheEndOfItsResyncIsCounted(t *testing.T) {
	seen := newTally()
	seen.Watch([]tally.Filter{{Metric: "notify_duration", Tags: map[string]string{"result": "ok"}}, {Metric: "notifies"}, {Metric: "notify_failed"}})
	seen.Tell(notified())
	s := report.Summarize(seen.Totals())
	if fmt.Sprintf("%+v", *s.SIP) != "{Registered:2 Unregistered:1 Failed:map[timeout:1] Subscribed:1 Unsubscribed:map[489:1] Notified:6 Challenged:1 Refused:map[wrong credentials:1]}" {
		t.Errorf("SIP %+v", *s.SIP)
	}
	m := s.Metrics["notify_duration"][0]
	if m.Count != 3 || m.Min != 0.5 || m.Max != 4 {
		t.Errorf("from NOTIFY to resync: %+v", m)
	}
	for _, w := range seen.Totals().Watched {
		want := map[string]tally.Watched{"notify_duration": {Count: 2}, "notifies": {Count: 7, Failed: 1}, "notify_failed": {Count: 7, Failed: 1}}[w.Series.Name]
		if w.Count != want.Count || want.Failed != w.Failed && w.Series.Name != "notify_duration" {
			t.Errorf("%s: %d samples, %d failed", w.Series.Name, w.Count, w.Failed)
		}
	}
}

func TestReasonsAreBoundedAndAddUp(t *testing.T) {
	seen, other := newTally(), newTally()
	for i := range 100 {
		e := []device.Event{{Kind: device.NotifyFailed, Err: fmt.Sprint("reason ", i)}}
		seen.Tell(e)
		other.Tell(e)
	}
	all := seen.Totals()
	if n := len(all.SIP.Refused); n != 65 || tally.Sum(all.SIP.Refused) != 100 {
		t.Errorf("%d reasons, %d refusals", n, tally.Sum(all.SIP.Refused))
	}
	if err := all.Merge(other.Totals()); err != nil || tally.Sum(all.SIP.Refused) != 200 {
		t.Errorf("merged: %d refusals, %v", tally.Sum(all.SIP.Refused), err)
	}
}
