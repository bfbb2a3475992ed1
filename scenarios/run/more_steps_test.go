package run_test

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"spafleet/scenarios"
	"spafleet/scenarios/report"
	"spafleet/scenarios/run"
	"spafleet/scenarios/scenariotest"
)

// onBothClocks runs a scenario whose times are in seconds in virtual time, and over
// sockets in a hurry.
func onBothClocks(t *testing.T, text string, check func(t *testing.T, r *report.Report)) {
	t.Helper()
	for _, clock := range []string{"virtual", "8x"} {
		t.Run(clock, func(t *testing.T) {
			t.Parallel()
			check(t, scenariotest.Start(t, scenariotest.Parse(t, "clock: "+clock+"\nlimits: {lateness: 1h}\n"+text), run.Options{}))
		})
	}
}

// A step that repeats happens at its moments and no others, until its times are over or
// the run is.
func TestAStepRepeats(t *testing.T) {
	t.Parallel()
	r := scenariotest.RunText(t, `
fleet:
  phones: {model: SPA942, count: 4, switches: {boot_time: 0s}, set: {Resync_Random_Delay: 0, Resync_Periodic: 0}}
server:
  files:
    /spa942.cfg: <flat-profile><GPP_A>x</GPP_A></flat-profile>
timeline:
  - {name: nightly, at: 3h, every: 1d, resync: all}
  - {at: 4h, every: 1h, times: 3, reboot: all}
  - {at: 10h, every: 2d, for: 30m, fault: {match: tftp, lose: all}}
  - {at: 10h10m, every: 1d, resync: all}
duration: 7d
expect:
  - {all: resyncs.ok == 1 + 7 + 3 + 3 + 4, at: end}
  - {all: resyncs.failed == 4, at: end}
  - {all: 'last("resync_ok").at > duration("6d10h")', at: end}
`)
	var times []int
	for _, s := range r.Timeline {
		times = append(times, s.Times)
	}
	if want := []int{7, 3, 4, 7}; !slices.Equal(times, want) || r.Timeline[0].At != 3*3600 {
		t.Errorf("they happened %v times, want %v: %+v", times, want, r.Timeline)
	}
	if r.Timeline[2].Exchanges != 16 {
		t.Errorf("the outages met %d exchanges, want 4 of 4 phones", r.Timeline[2].Exchanges)
	}
}

// Without an end of its own a run does not wait for what repeats for ever.
func TestWhatRepeatsForEverDoesNotKeepARunGoing(t *testing.T) {
	t.Parallel()
	r := scenariotest.RunText(t, `
fleet: {phones: {model: SPA942, count: 2, set: {Resync_Random_Delay: 0}}}
server: {files: {/spa942.cfg: <flat-profile><GPP_A>x</GPP_A></flat-profile>}}
timeline: [{at: 1m, every: 1m, reboot: all}]
expect: [{all: reboots >= 3, by: 1h}]
`)
	if r.DurationSeconds > 400 {
		t.Errorf("it took %gs", r.DurationSeconds)
	}
}

// A step changes the server, for a while or from then on: its files, its certificate,
// what it asks of clients.
func TestAStepChangesTheServer(t *testing.T) {
	t.Parallel()
	onBothClocks(t, `
fleet:
  plain: {model: SPA504G, count: 2, lease: none, switches: {boot_time: 0s, reboot_time: 0s}, set: {Resync_Random_Delay: 0, Resync_Periodic: 0, Profile_Rule: "[--uid me --pwd sesame] http://${server.http}/$MA.xml"}}
  secret: {model: SPA504G, count: 2, lease: none, switches: {boot_time: 0s, reboot_time: 0s}, set: {Resync_Random_Delay: 0, Resync_Periodic: 0, Profile_Rule: "https://${server.https}/$MA.xml"}}
server:
  https: {ca: public}
  files:
    /$MA.xml: <flat-profile><GPP_A>one</GPP_A></flat-profile>
timeline:
  - {name: two, at: 20s, for: 20s, server: {files: {/$MA.xml: "<flat-profile><GPP_A>two {{ index }}</GPP_A></flat-profile>"}}}
  - {at: 21s, resync: plain}
  - {name: guarded, at: 30s, server: {https: {ca: sipura1}, auth: {scheme: digest, user: me, password: sesame}}}
  - {at: 31s, resync: all}
  - {name: back, at: 41s, resync: plain}
  - {at: 50s, server: {auth: {password: other}, files: {/$MA.xml: {body: null, status: 503}}}}
  - {at: 51s, resync: plain}
duration: 60s
expect:
  - {of: plain, all: param("GPP_A") == "one", at: two}
  - {of: secret, all: 'resyncs.ok == 0 && last("fetch_failed").result == "tls"', at: guarded}
  - {of: plain, all: param("GPP_A") == "two " + string(index), at: guarded}
  - {of: plain, all: param("GPP_A") == "one" && resyncs.ok == 4, at: back + 8s}
  - {of: secret, all: resyncs.ok == 0 && err == "https_get failed", at: back}
  - {of: plain, all: resyncs.failed == 1 && last("fetch_failed").status == 401, at: end}
`, func(t *testing.T, r *report.Report) {
		scenariotest.WantVerdict(t, r, report.Passed)
		if len(r.Notes) > 0 {
			t.Errorf("notes %q", r.Notes)
		}
	})
}

// HTTP Digest and Basic are asked for, and answered by devices that can.
func TestTheServerAsksForCredentials(t *testing.T) {
	t.Parallel()
	for _, scheme := range []string{"basic", "digest"} {
		onBothClocks(t, `
fleet:
  right: {model: SPA504G, count: 2, lease: none, set: {Resync_Random_Delay: 0, Profile_Rule: "[--uid me --pwd sesame] http://${server.http}/a.xml"}}
  wrong: {model: SPA504G, count: 2, lease: none, set: {Resync_Random_Delay: 0, Profile_Rule: "[--uid me --pwd barley] http://${server.http}/a.xml"}}
  none: {model: SPA504G, count: 2, lease: none, set: {Resync_Random_Delay: 0, Profile_Rule: "http://${server.http}/a.xml"}}
  tftp: {model: SPA942, count: 2, set: {Resync_Random_Delay: 0, Profile_Rule: /a.xml}}
server:
  auth: {scheme: `+scheme+`, user: me, password: sesame}
  files: {/a.xml: <flat-profile><GPP_A>x</GPP_A></flat-profile>}
expect:
  - {of: "right, tftp", all: param("GPP_A") == "x", by: 20s}
  - {of: "wrong, none", all: 'last("fetch_failed").status == 401', by: 20s}
`, func(t *testing.T, r *report.Report) { scenariotest.WantVerdict(t, r, report.Passed) })
	}
}

// A browser and a caller command devices as people do. Where that comes to nothing the
// report says so.
func TestABrowserAndACallerCommandDevices(t *testing.T) {
	t.Parallel()
	onBothClocks(t, `
fleet:
  open: {model: SPA2102, firmware: 5.2.12, count: 2, switches: {boot_time: 0s, reboot_time: 0s}, set: {Resync_Random_Delay: 0, Resync_Periodic: 0}}
  guarded: {model: SPA2102, firmware: 5.2.12, count: 3, switches: {boot_time: 0s, reboot_time: 0s}, set: {Resync_Random_Delay: 0, Resync_Periodic: 0, Admin_Passwd: sesame}}
  phones: {model: SPA942, count: 1, switches: {boot_time: 0s, reboot_time: 0s}, set: {Resync_Random_Delay: 0, Resync_Periodic: 0}}
  kept: {model: SPA2102, firmware: 5.2.12, count: 2, switches: {boot_time: 0s, reboot_time: 0s}, set: {Resync_Random_Delay: 0, Resync_Periodic: 0, Protect_IVR_FactoryReset: "Yes"}}
server:
  files:
    /spa2102.cfg: <flat-profile><GPP_A>x</GPP_A></flat-profile>
    /spa942.cfg: <flat-profile><GPP_A>x</GPP_A></flat-profile>
    /pin/{{ secret("pin") }}: <flat-profile><GPP_B>{{ index }}</GPP_B></flat-profile>
timeline:
  - {name: link, at: 20s, web: {of: "open, guarded, phones", path: '/admin/resync?http://${server.http}/pin/{{ secret("pin") }}'}}
  - {name: known, at: 40s, web: {of: guarded, path: '/admin/resync?http://${server.http}/pin/{{ secret("pin") }}', user: admin, password: sesame}}
  - {name: nowhere, at: 50s, web: {of: phones, path: /nowhere}}
  - {name: keys, at: 60s, ivr: {of: open, keys: "****732668#"}}
  - {name: locked, at: 65s, ivr: {of: "guarded, phones", keys: "****73738#"}}
  - {name: protected, at: 66s, ivr: {of: kept, keys: "****RESET#1#"}}
  - {name: guess, at: 67s, ivr: {of: guarded, keys: "****RESET#1#"}}
  - {name: reset, at: 70s, ivr: {of: open, keys: "****73738#1"}}
duration: 100s
expect:
  - {of: "open, phones", all: param("GPP_B") == string(index), at: link + 15s}
  - {of: guarded, all: synced && param("GPP_B") == "", at: 39s}
  - {of: guarded, all: 'param("GPP_B") == string(index) && events("web") == 1', at: nowhere}
  - {of: open, all: reboots == 2 && events("ivr") == 2 && param("GPP_B") == "", at: end}
  - {of: "guarded, phones", all: reboots == 0, at: end, from: start}
`, func(t *testing.T, r *report.Report) {
		scenariotest.WantVerdict(t, r, report.Passed)
		notes := strings.Join(r.Notes, "\n")
		for _, want := range []string{"web: 3 devices answered with status 401", "web: 1 device answered with status 404", "ivr: 1 device had no keypad menu that answers", `ivr: 3 devices did nothing, and said "Enter the password and pound."`,
			`ivr: 2 devices refused: "Factory reset is not allowed."`, `ivr: 3 devices refused: "Invalid password."`} {
			if !strings.Contains(notes, want) {
				t.Errorf("the notes lack %q:\n%s", want, notes)
			}
		}
	})
}

// A file beside the scenario is sent, with what is to be replaced in it. What is no text
// is sent as it is.
func TestAFileBesideTheScenarioIsSent(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	write := func(name, text string) {
		t.Helper()
		path := filepath.Join(dir, filepath.FromSlash(name))
		if err := os.MkdirAll(filepath.Dir(path), 0o777); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(text), 0o666); err != nil {
			t.Fatal(err)
		}
	}
	write("files/a.xml", "<flat-profile><GPP_A>${word} {{ index }} $${x}</GPP_A><Profile_Rule_B>http://${server.http}/b</Profile_Rule_B></flat-profile>")
	write("files/b", "<flat-profile><GPP_B>\xff{{ index }}</GPP_B></flat-profile>")
	write("secret", "x")
	const text = `
params: {word: hello}
fleet: {phones: {model: SPA942, count: 2, set: {Resync_Random_Delay: 0}}}
server:
  files:
    /spa942.cfg: {from: files/a.xml, size: 1KB}
    /b: {from: files/b}
expect:
  - {all: 'param("GPP_A") == "hello " + string(index) + " $" + "{x}" && param("GPP_B") contains "{{ index }}"', by: 20s}
`
	for _, clock := range []string{"virtual", "real"} {
		s, err := scenarios.File{Name: "a.yaml", Text: []byte("clock: " + clock + "\nlimits: {lateness: 1h}" + text), Folder: dir}.Load()
		if err != nil {
			t.Fatal(err)
		}
		r := scenariotest.Start(t, s, run.Options{})
		scenariotest.WantVerdict(t, r, report.Passed)
		if len(r.Source.Files) != 2 || len(r.Source.Files["files/a.xml"]) != 64 {
			t.Errorf("files %v", r.Source.Files)
		}
	}
	for from, want := range map[string]string{
		"../secret": "is not a path below", "/etc/passwd": "is not a path below", "files": "is no regular file", "files/c": "no such file", ".": "is no regular file",
	} {
		_, err := scenarios.File{Name: "a.yaml", Text: []byte(strings.Replace(text, "files/b", from, 1)), Folder: dir}.Load()
		if err == nil || !strings.Contains(err.Error(), want) || !strings.Contains(err.Error(), "a.yaml:7:") {
			t.Errorf("%s: %v, want %s", from, err, want)
		}
	}
	if err := os.Symlink(filepath.Join(dir, "secret"), filepath.Join(dir, "files", "link")); err == nil {
		_, err := scenarios.File{Name: "a.yaml", Text: []byte(strings.Replace(text, "files/b", "link", 1)), Folder: filepath.Join(dir, "files")}.Load()
		if err == nil {
			t.Error("a link leads out of the folder")
		}
	}
	if _, err := scenarios.Load("a.yaml", []byte(text)); err == nil || !strings.Contains(err.Error(), "is in no folder") {
		t.Errorf("%v", err)
	}
}

// A person edits Profile_Rule on the pages: the device moves to SP-CUST by the edit and
// goes to the new server. A form from elsewhere, a wrong value and a misspelt name change
// nothing.
func TestAPersonEditsThePages(t *testing.T) {
	t.Parallel()
	onBothClocks(t, `
fleet:
  ata: {model: SPA2102, switches: {boot_time: 0s, reboot_time: 0s}, set: {Resync_Random_Delay: 0, Resync_Periodic: 0, Admin_Passwd: sesame}}
  phone: {model: SPA504G, firmware: 7.6.2f, switches: {boot_time: 0s, reboot_time: 0s}, set: {Resync_Random_Delay: 0, Resync_Periodic: 0}}
server:
  files:
    /spa2102.cfg: <flat-profile><GPP_A>old</GPP_A></flat-profile>
    /spa504G.cfg: <flat-profile><GPP_A>old</GPP_A></flat-profile>
    /own/{{ mac }}.xml: <flat-profile><GPP_B>{{ mac }}</GPP_B></flat-profile>
timeline:
  - {name: elsewhere, at: 20s, web: {of: phone, path: /admin/acisco.csc, post: "1=x"}}
  - {name: wrong, at: 22s, web: {of: ata, path: /admin/voice/advanced, post: "GPP_C=x&Resync_Random_Delay=often", user: admin, password: sesame}}
  - {name: misspelt, at: 24s, web: {of: ata, path: /admin/voice/advanced, post: "GPP_C=x&Profil_Rule=x", user: admin, password: sesame}}
  - {name: edit, at: 40s, web: {of: ata, path: /admin/voice/advanced, post: "Profile_Rule=http://${server.http}/own/$MA.xml", user: admin, password: sesame}}
  - {name: other, at: 40s, web: {of: phone, path: /admin/advanced, post: "Profile_Rule=http://${server.http}/own/$MA.xml"}}
duration: 80s
expect:
  - {all: 'state == "MFG-RESET" && param("GPP_A") == "old" && param("GPP_C") == "" && reboots == 0', at: misspelt + 8s, from: start}
  - {all: 'state == "SP-CUST" && param("GPP_B") == mac && reboots == 1', at: edit + 20s}
  - {of: ata, all: 'events("web") == 2', at: end}
  - {of: phone, all: 'events("web") == 2', at: end}
`, func(t *testing.T, r *report.Report) {
		scenariotest.WantVerdict(t, r, report.Passed)
		notes := strings.Join(r.Notes, "\n")
		for _, want := range []string{"web: 1 device answered with status 403", `web: 1 device could not be sent the form: the pages have no field "Profil_Rule"; did you mean "Profile_Rule"?`} {
			if !strings.Contains(notes, want) {
				t.Errorf("the notes lack %q:\n%s", want, notes)
			}
		}
	})
}

// What a scanner is refused: half of the telephones and adapters, the SPA112 whose login
// was changed, and its guest's login from 1.4.1(SR5) on.
func TestAScannerIsRefusedWhereThereIsAPassword(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		with, note string
	}{
		{"name=scanner", "web: 48 devices answered with status 401"},
		{`fleet.sold.switches={"guest_exports": "no"}`, "web: 54 devices answered with status 401"},
	} {
		r := scenariotest.Start(t, everyday(t, "scanner", tt.with), run.Options{})
		scenariotest.WantVerdict(t, r, report.Passed)
		if !slices.Contains(r.Notes, tt.note) {
			t.Errorf("%s: notes %q, want %q", tt.with, r.Notes, tt.note)
		}
	}
}

// The keypad's reset depends on what the profile says, and on what the caller knows.
func TestAKeypadResetIsForWhoMay(t *testing.T) {
	t.Parallel()
	for with, failed := range map[string]string{
		`fleet.asked.switches={"ivr_reset_password": "no"}`:      "without the password nothing is reset",
		`fleet.kept.mix={"SPA942 6.1.5(a)": "12"}`:               "every unit is the provider's before anybody dials",
		`timeline.support.ivr={"of": "asked", "keys": "****RE"}`: "with it the unit is",
	} {
		r := scenariotest.Start(t, everyday(t, "keypad-reset", with), run.Options{})
		scenariotest.WantVerdict(t, r, report.Failed)
		if unmet := r.Unmet(); !slices.Contains(unmet, failed) {
			t.Errorf("%s: unmet %q, want %q", with, unmet, failed)
		}
	}
}
