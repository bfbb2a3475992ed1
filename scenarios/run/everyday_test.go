package run_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"spafleet/certs"
	"spafleet/fleet"
	"spafleet/prov"
	"spafleet/scenarios"
	"spafleet/scenarios/report"
	"spafleet/scenarios/run"
	"spafleet/scenarios/scenariotest"
)

// smaller is what makes a scenario that comes with the program short enough for a test.
var smaller = map[string][]string{
	"firmware-rollout":   {"params.phones=60"},
	"key-rotation":       {"params.homes=40"},
	"morning-notify":     {"params.phones=200"},
	"nightly-resync":     {"params.phones=40"},
	"notify-in-a-call":   {"params.phones=20"},
	"notify-refused":     {"params.phones=10"},
	"registrar-down":     {"params.phones=60"},
	"power-return":       {"params.homes=500"},
	"redundant-servers":  {"params.units=20"},
	"three-stage-ladder": {"fleet.homes.count=8"},
	"week-of-rotation":   {"params.homes=20"},
}

// fewest is what makes one short enough that fails.
var fewest = map[string]string{"missing-image": "params.phones=10", "retry-echo": "params.homes=20"}

// everyday returns a scenario that comes with the program, in virtual time where it has
// a server of its own.
func everyday(t *testing.T, name string, with ...string) *scenarios.Scenario {
	t.Helper()
	file, err := scenarios.BuiltinFile(name)
	if err != nil {
		t.Fatal(err)
	}
	for _, text := range append(with, smaller[name]...) {
		c, err := scenarios.ParseChange(text, "--with")
		if err != nil {
			t.Fatal(err)
		}
		file.With = append(file.With, c)
	}
	s, err := file.Load()
	if err != nil {
		t.Fatal(err)
	}
	if s.Server != nil {
		s.Clock.Mode = fleet.Virtual
	}
	return s
}

// embedded returns the scenarios that bring their server. The others are run by tests of
// their own.
func embedded(t *testing.T) (names []string) {
	t.Helper()
	for _, name := range scenarios.Names() {
		file, err := scenarios.BuiltinFile(name)
		if err != nil {
			t.Fatal(err)
		}
		if !bytes.Contains(file.Text, []byte("\ntarget:")) {
			names = append(names, name)
		}
	}
	if len(names)+1 != len(scenarios.Names()) {
		t.Errorf("with a server: %v", names)
	}
	return names
}

// profileless is how many devices of a scenario never ask for a profile: that is what it
// shows.
var profileless = map[string]int{"office-without-66": 20}

// Each scenario that comes with the program passes as it is.
func TestBuiltinScenariosPass(t *testing.T) {
	t.Parallel()
	for _, name := range embedded(t) {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := everyday(t, name)
			r := scenariotest.Start(t, s, run.Options{})
			scenariotest.WantVerdict(t, r, report.Passed)
			// In what commands show first, failures and waits of the scenario's own making
			// are no example of anything.
			if shown := name == "demo" || name == "retail"; shown && (r.Resyncs.Failed != 0 || s.Rate > 0) {
				t.Errorf("%d resyncs failed; a limit of %g/s", r.Resyncs.Failed, s.Rate)
			}
			if name == "demo" && len(r.Notes) > 0 {
				t.Errorf("notes %q", r.Notes)
			}
			if want := r.Devices - profileless[name]; r.Resyncs.OK < int64(want) {
				t.Errorf("%d resyncs of %d devices", r.Resyncs.OK, want)
			}
			for _, f := range r.Timeline {
				if !f.Fired {
					t.Errorf("the step %s did not happen", f.Name)
				}
			}
		})
	}
}

// Each of them fails where the server has nothing that the devices ask for: it would be
// no test of a server otherwise.
func TestBuiltinScenariosFailWithoutFiles(t *testing.T) {
	t.Parallel()
	for _, name := range embedded(t) {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			with := []string{"server.files=null"}
			if less := fewest[name]; less != "" {
				with = append(with, less)
			}
			r := scenariotest.Start(t, everyday(t, name, with...), run.Options{})
			scenariotest.WantVerdict(t, r, report.Failed)
		})
	}
}

// What a scenario of SIP says is not so where its cause is another one: each of its
// expectations can fail.
func TestScenariosOfSIPFailWhereTheirCauseIsTurned(t *testing.T) {
	t.Parallel()
	const open = `fleet.office.set={Resync_Periodic: 0, Auth_Resync-Reboot_1_: "No"}`
	for _, tt := range []struct {
		name, with string
		unmet      []int
	}{
		{"morning-notify", "timeline.talking.off_hook=all", []int{}}, // they all come after it
		{"morning-notify", "timeline.talking.for=50m", []int{1}},
		{"morning-notify", "timeline.intruder.notify.auth=good", []int{2}},
		{"notify-in-a-call", "timeline.talking.for=1m", []int{0}},
		{"notify-in-a-call", `timeline.second={notify: null, reboot: office where off_hook}`, []int{2}},
		{"notify-in-a-call", `fleet.office.set={Resync_Periodic: 0, Resync_From_SIP: "No"}`, []int{0, 1, 2}},
		{"notify-in-a-call", `timeline.talking={off_hook: 50% of office, at: 10m, for: 40m}`, []int{2}},
		{"notify-refused", open, []int{0, 1}},
		{"notify-refused", "timeline.stranger.notify.auth=good", []int{1}},
		{"notify-refused", "timeline.1.notify.auth=good", []int{0, 1}},
		{"notify-refused", "timeline.owner.notify.auth=bad", []int{2}},
		{"registrar-down", "timeline.outage.for=3h", []int{2}},
	} {
		t.Run(tt.name+" "+tt.with, func(t *testing.T) {
			t.Parallel()
			r := scenariotest.Start(t, everyday(t, tt.name, tt.with), run.Options{})
			unmet := []int{}
			for i, e := range r.Expect {
				if !e.OK {
					unmet = append(unmet, i)
				}
			}
			if !slices.Equal(unmet, tt.unmet) {
				t.Errorf("%v are not met, want %v: %+v", unmet, tt.unmet, r.Expect)
			}
		})
	}
}

// A pbx is a server as a pipeline builds one: HTTPS with a certificate that phones
// accept, and one account for all of them.
type pbx struct {
	server *prov.Server
	pki    string
}

func startPBX(t *testing.T, files map[string]prov.Entry) *pbx {
	t.Helper()
	p := &pbx{pki: filepath.Join(t.TempDir(), "pki")}
	pki, err := certs.Init(p.pki, certs.InitOptions{})
	if err != nil {
		t.Fatal(err)
	}
	core, err := prov.NewCore(files, prov.Options{Auth: &prov.Auth{User: "prov", Password: password}})
	if err != nil {
		t.Fatal(err)
	}
	listener, err := (&prov.HTTPSConfig{CA: certs.CiscoSB1}).Listener(pki, "pbx.test", "127.0.0.1", time.Now)
	if err != nil {
		t.Fatal(err)
	}
	p.server = &prov.Server{Core: core, HTTPS: []prov.HTTPS{listener}}
	if err := p.server.Open(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(p.server.Close)
	return p
}

const password = "not-in-the-file"

// with returns what a scenario needs to know of the server.
func (p *pbx) with(password string) []string {
	return []string{"params.password=" + password, fmt.Sprintf("params.port=%d", p.server.HTTPSAt()[0].Port()), "target.certs=" + p.pki, "limits.lateness=1h", "thresholds.resync_duration=null"}
}

// fusionFiles are what the provisioning page answers.
func fusionFiles(period string) map[string]prov.Entry {
	return map[string]prov.Entry{"/app/provision/?mac=$MA": {Body: "<flat-profile><User_ID_1_>1001</User_ID_1_><Resync_Periodic>" + period + "</Resync_Periodic></flat-profile>"}}
}

// The scenario of a pipeline judges the server that it is pointed at.
func TestFusionPBXIsJudgedByWhatItServes(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name, verdict string
		files         map[string]prov.Entry
		password      string
	}{
		{"as it should be", report.Passed, fusionFiles("3600"), password},
		{"no template", report.Failed, map[string]prov.Entry{}, password},
		{"a template that hammers", report.Failed, fusionFiles("60"), password},
		{"another password", report.Failed, fusionFiles("3600"), "another-one"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			p := startPBX(t, tt.files)
			with := p.with(tt.password)
			if tt.verdict == report.Failed { // it need not wait for what does not come
				with = append(with, "expect.0.by=10s")
			}
			r := scenariotest.Start(t, everyday(t, "fusionpbx-ci", with...), run.Options{})
			scenariotest.WantVerdict(t, r, tt.verdict)
			if text, err := json.Marshal(r); err != nil || bytes.Contains(text, []byte(tt.password)) {
				t.Errorf("the report has the password: %v", err)
			}
		})
	}
}
