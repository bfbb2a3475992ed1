package resync_test

import (
	"bytes"
	"context"
	"net/netip"
	"reflect"
	"strings"
	"testing"

	"spafleet/device"
	"spafleet/device/devicetest"
	"spafleet/device/model"
	"spafleet/device/profile"
	"spafleet/resync"
)

// oneAnswer is a network whose every name is known and whose every answer is the same.
type oneAnswer struct {
	status int
	body   []byte
	asked  []*resync.Request
	events []device.Event // of all commits
}

func (*oneAnswer) Now() int64 { return noon }

func (*oneAnswer) Resolve(context.Context, string) ([]netip.Addr, error) {
	return []netip.Addr{netip.MustParseAddr("192.0.2.5")}, nil
}

func (w *oneAnswer) Fetch(_ context.Context, r *resync.Request) (resync.Response, error) {
	w.asked = append(w.asked, r)
	if len(w.body) > r.Max {
		return resync.Response{}, &resync.Error{Result: device.Corrupt, TooBig: true}
	}
	return resync.Response{Status: w.status, Location: "http://192.0.2.6/" + string(w.body[:min(len(w.body), 8)]), Body: w.body}, nil
}

func (w *oneAnswer) Commit(_ device.Params, _ device.Life, events []device.Event) {
	w.events = append(w.events, events...)
}

// fuzzModels have each generation, and parameters of their own.
var fuzzModels = []string{"SPA2000 2.0.10", "SPA2102 5.2.10", "SPA942", "SPA504G 7.5.5", "SPA112"}

// FuzzAttempt is a whole resync: a rule, the answer that a server has for every
// request, and the model.
func FuzzAttempt(f *testing.F) {
	const page = "<flat-profile><GPP_A>1</GPP_A><Profile_Rule_B>[--key $A] /b</Profile_Rule_B><Nope>x</Nope></flat-profile>"
	f.Add("/spa$PSN.cfg", []byte(page), uint16(200), uint8(1))
	f.Add(`("$A" ne "x")? (a = "y";)! [--key "$SA" --post b] http://h:80/$MA | /x`, profile.Encrypt([]byte(page), "secret", [8]byte{1}), uint16(200), uint8(3))
	f.Add("https://h/$MAU.xml", []byte("<flat-profile><GPP_SA ua='na'>2</GPP_SA>"), uint16(404), uint8(2))
	f.Add("[--alias a] tftp://h/$SN", []byte("####503#60#"), uint16(302), uint8(4))
	f.Add("$A", []byte{0x1f, 0x8b, 8, 0}, uint16(503), uint8(0))
	var rows []*model.Row
	for _, name := range fuzzModels {
		name, firmware, _ := strings.Cut(name, " ")
		rows = append(rows, devicetest.Row(f, name, firmware))
	}
	profiles := &resync.ProfileCache{} // the second attempt may find what the first decoded
	f.Fuzz(func(t *testing.T, text string, body []byte, status uint16, which uint8) {
		row := rows[int(which)%len(rows)]
		sets := devicetest.Sets(t, row.Factory, "Profile_Rule="+text, "GPP_SA=secret", "GPP_B=$MA", "Syslog_Server=192.0.2.9")
		in := resync.Input{Unit: devicetest.Unit(row, 0), Params: profiles.Layers.Preset(row.Factory, sets),
			Lease: resync.Lease{TFTPServer: "192.0.2.5"}, Cause: model.ByPeriodic, Profiles: profiles}
		w := &oneAnswer{status: int(status), body: bytes.Clone(body)}
		o := resync.Attempt(t.Context(), w, in)
		w.events = append(w.events, o.Events...)
		checkAttempt(t, w, &o)
		if !bytes.Equal(w.body, body) {
			t.Error("the server's body was changed")
		}
		if !strings.Contains(text+string(body), "secret") {
			checkSecret(t, w)
		}
		again := &oneAnswer{status: int(status), body: body}
		if o2 := resync.Attempt(t.Context(), again, in); !sameOutcome(o, o2) {
			t.Errorf("the same attempt came to\n%+v\nand\n%+v", o, o2)
		}
	})
}

// checkAttempt holds what every attempt keeps to.
func checkAttempt(t *testing.T, w *oneAnswer, o *resync.Outcome) {
	t.Helper()
	if o.Aborted || o.OK != (o.Err == "") {
		t.Errorf("ok %v, aborted %v, $ERR %q", o.OK, o.Aborted, o.Err)
	}
	last := w.events[len(w.events)-1]
	if want := map[bool]device.Kind{true: device.ResyncOK, false: device.ResyncFailed}[o.OK]; last.Kind != want || last.Err != o.Err || last.State != o.Life.State {
		t.Errorf("ok %v in %s, and the last event is %s %q in %s", o.OK, o.Life.State, last.Kind, last.Err, last.State)
	}
	for _, e := range w.events {
		if e.At != noon || e.Kind == device.FetchFailed && (e.Err == "" || e.Result == device.OK) {
			t.Errorf("event %+v", e)
		}
	}
	const most = 4 * 5 * 3 // rules, redirects, challenges
	if len(w.asked) > most {
		t.Errorf("%d requests", len(w.asked))
	}
	for _, r := range w.asked {
		if !r.Server.IsValid() || r.Server.Port() == 0 || r.Host == "" || !strings.HasPrefix(r.Path, "/") || r.Max < 1 {
			t.Errorf("request %+v", r)
		}
	}
}

// checkSecret holds that GPP_SA goes nowhere but into a key.
func checkSecret(t *testing.T, w *oneAnswer) {
	t.Helper()
	for _, r := range w.asked {
		if strings.Contains(r.Host+r.Path+string(r.Body)+r.Authorization, "secret") {
			t.Errorf("a request has the secret: %+v", r)
		}
	}
	for _, e := range w.events {
		if strings.Contains(e.Text+e.Err, "secret") {
			t.Errorf("an event has the secret: %+v", e)
		}
	}
}

func sameOutcome(a, b resync.Outcome) bool {
	same := differing(a.Params, b.Params) == ""
	a.Params, b.Params = device.Params{}, device.Params{} // equal values may lie in different layers
	return same && reflect.DeepEqual(a, b)
}
