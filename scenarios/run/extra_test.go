package run_test

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"

	"github.com/prometheus/client_golang/prometheus"

	"spafleet/device"
	"spafleet/device/model"
	"spafleet/scenarios/report"
	"spafleet/scenarios/run"
	"spafleet/scenarios/scenariotest"
)

// extraPresets name a file of every kind, and show it.
var extraPresets = map[string]string{
	"Dictionary_Server_Script": "serv=http://${server.http}/i18n/;d0=English;x0=en.xml;d1=French;x1=fr.xml", "Language_Selection": "French",
	"BMP_Picture_Download_URL": "http://${server.http}/logo.bmp", "Select_Background_Picture": "BMP Picture", "Background_Picture_Type": "Download BMP Picture",
	"Ring1": "n=One;w=http://${server.http}/one.dat;c=0", "Ring2": "n=Two;w=2;c=1",
	"XML_Directory_Service_URL": "http://${server.http}/directory?mac=$MA",
	"RSS_Feed_URL_1":            "name=News; url=http://${server.http}/news.rss", "RSS_Feed_URL_2": "", "RSS_Feed_URL_3": "", "RSS_Feed_URL_4": "", "RSS_Feed_URL_5": "",
}

// extraPaths are the paths that they lead to, by kind.
var extraPaths = map[string]string{"dictionary": "/i18n/fr.xml", "picture": "/logo.bmp", "ring_tone": "/one.dat", "directory": "/directory?mac=", "rss": "/news.rss"}

// wantedExtras returns the kinds of files that a model has a row for, and whose
// parameters it has.
func wantedExtras(t *testing.T, name string) []string {
	row, err := model.NewRow(name, "", nil)
	if err != nil {
		t.Fatal(err)
	}
	kinds := map[string]bool{}
	for x := range model.ExtraFiles() {
		if _, ok := row.Lookup(x.Params[0]); ok && slices.Contains(x.Models, name) && !x.Unserved {
			kinds[x.What] = true
		}
	}
	return slices.Sorted(maps.Keys(kinds))
}

// phonesOf is a group for each model, with every preset that it takes.
func phonesOf(t *testing.T, presets map[string]string, switches string) string {
	var b strings.Builder
	for m := range model.All() {
		row, err := model.NewRow(m.Name, "", nil)
		if err != nil {
			t.Fatal(err)
		}
		fmt.Fprintf(&b, "  %s: {model: %s, lease: none, switches: {boot_time: 0s, reboot_time: 0s%s}, set: {Resync_Random_Delay: 0, Resync_Periodic: 1, Profile_Rule: \"http://${server.http}/empty\"", strings.ToLower(m.Name), m.Name, switches)
		for name, value := range presets {
			if _, ok := row.Lookup(name); ok {
				fmt.Fprintf(&b, ", %s: %q", name, value)
			}
		}
		b.WriteString("}}\n")
	}
	return b.String()
}

const extraFiles = `
    /empty: <flat-profile></flat-profile>
    /i18n/fr.xml: {body: <dictionary>é</dictionary>, ucs2: true}
    /logo.bmp: BM
    /one.dat: data
    /directory?mac=$MA: <CiscoIPPhoneMenu/>
    /news.rss: <rss/>
`

// Each model asks for each kind of file that it has a row for, once however often it
// resyncs, and for no other, over sockets as in virtual time. Events, metrics and
// the report tell it as what it is, and not as a resync.
func TestModelsAskForTheExtraFilesOfTheirRows(t *testing.T) {
	t.Parallel()
	src := "clock: CLOCK\nlimits: {lateness: 30s}\nfleet:\n" + phonesOf(t, extraPresets, ", ring_tone: boot, directory: boot, rss: boot") + "server:\n  files:" + extraFiles + "expect:\n"
	total := map[string]int{}
	for m := range model.All() {
		kinds := wantedExtras(t, m.Name)
		for _, kind := range kinds {
			total[kind]++
		}
		src += fmt.Sprintf("  - {all: fetches.ok >= %d && resyncs.ok >= 3, of: %s, by: 60s}\n", 3+len(kinds), strings.ToLower(m.Name))
	}
	for _, clock := range []string{"real", "virtual"} {
		l, registry := &events{}, prometheus.NewRegistry()
		r, err := run.Run(t.Context(), scenariotest.Parse(t, strings.Replace(src, "CLOCK", clock, 1)), run.Options{Tell: l.Tell, Registry: registry})
		if err != nil {
			t.Fatal(err)
		}
		scenariotest.WantVerdict(t, r, report.Passed)
		dev := device.Index(0)
		for m := range model.All() {
			got := map[string]int{}
			for _, e := range l.All() {
				if e.Dev != dev || e.Kind != device.Fetched || e.File.What == "profile" {
					continue
				}
				got[e.File.What]++
				if !strings.HasPrefix(e.File.Path, extraPaths[e.File.What]) || e.Cause != model.ByChange || e.File.Param == "" || e.File.Rule != 0 {
					t.Errorf("%s, %s: %s by %s for %q", clock, m.Name, e.File.Path, e.Cause, e.File.Param)
				}
			}
			if kinds := wantedExtras(t, m.Name); !slices.Equal(slices.Sorted(maps.Keys(got)), kinds) || len(kinds) > 0 && slices.Max(slices.Collect(maps.Values(got))) > 1 {
				t.Errorf("%s: %s asks for %v, its rows say %v", clock, m.Name, got, kinds)
			}
			dev++
		}
		shown := shownFetches(t, registry)
		for kind, n := range total {
			if shown[kind] != n || r.Extras[kind].OK != int64(n) || r.Extras[kind].Failed != 0 {
				t.Errorf("%s: %d files of kind %s; metrics show %d, the report %+v", clock, n, kind, shown[kind], r.Extras[kind])
			}
		}
		resyncs := l.count(device.ResyncOK) // by the real clock devices resync on while the report is made
		if len(total) != len(extraPaths) || len(r.Extras) != len(total) || r.Resyncs.OK > resyncs || clock == "virtual" && r.Resyncs.OK < resyncs || r.Resyncs.Failed != 0 {
			t.Errorf("%s: %v, %v; resyncs %+v, %d events", clock, total, r.Extras, r.Resyncs, resyncs)
		}
	}
}

func (l *events) count(kind device.Kind) (n int64) {
	for _, e := range l.All() {
		if e.Kind == kind {
			n++
		}
	}
	return n
}

// shownFetches returns how many fetches metrics show, by kind of file.
func shownFetches(t *testing.T, r *prometheus.Registry) map[string]int {
	t.Helper()
	families, err := r.Gather()
	if err != nil {
		t.Fatal(err)
	}
	counts := map[string]int{}
	for _, f := range families {
		if f.GetName() != "spafleet_fetches_total" {
			continue
		}
		for _, m := range f.GetMetric() {
			for _, label := range m.GetLabel() {
				if label.GetName() == "what" {
					counts[label.GetValue()] += int(m.GetCounter().GetValue())
				}
			}
		}
	}
	return counts
}

// What becomes of extra files that cannot be had or are of no use is the same over
// sockets and in virtual time, by every scheme, and the report says which parameter
// of which model asks for what.
func TestExtraFilesThatCannotBeHad(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name, model, param, value, server string
		fetched, failed                   int
		finding                           []string // in the text of the report
	}{
		{"missing by http", "SPA504G", "Dictionary_Server_Script", "serv=http://${server.http}/i18n/;d1=French;x1=fr.xml", "files: {EMPTY}", 0, 3,
			[]string{"3 × dictionary of Dictionary_Server_Script by http: HTTP 404, file not found", "SPA504G 7.6.2g × 3", "/i18n/fr.xml"}},
		{"missing by tftp", "SPA942", "Dictionary_Server_Script", "serv=tftp://${server.tftp}/i18n;d1=French;x1=fr.xml", "files: {EMPTY}", 0, 3,
			[]string{"3 × dictionary of Dictionary_Server_Script by tftp: TFTP error 1, file not found", "SPA942 6.1.5(a) × 3"}},
		{"by tftp", "SPA942", "Dictionary_Server_Script", "serv=tftp://${server.tftp}/i18n/;d1=French;x1=fr.xml", `files: {EMPTY, /i18n/fr.xml: "\0<\0d"}`, 1, 0, nil},
		{"by https", "SPA942", "Dictionary_Server_Script", "serv=https://${server.https}/i18n/;d1=French;x1=fr.xml", `https: true
  files: {EMPTY, /i18n/fr.xml: "\0<\0d"}`, 1, 0, nil},
		{"a dictionary of the wrong kind", "SPA504G", "Dictionary_Server_Script", "serv=http://${server.http}/i18n/;d1=French;x1=fr.xml", "files: {EMPTY, /i18n/fr.xml: <dictionary/>}", 0, 3,
			[]string{"3 × dictionary of Dictionary_Server_Script by http: the file is not a valid dictionary", "UCS-2 big endian", "dictionary_check=any", `the server sent: "<dictionary/>"`}},
		{"no picture", "SPA525G2", "BMP_Picture_Download_URL", "http://${server.http}/a.jpg", "files: {EMPTY}", 0, 1,
			[]string{"1 × background picture of BMP_Picture_Download_URL by http: HTTP 404, file not found"}},
		{"a server that fails", "SPA525G2", "BMP_Picture_Download_URL", "http://${server.http}/a.jpg", "files: {EMPTY, /a.jpg: {status: 500}}", 0, 1, []string{"HTTP 500"}},
		{"nobody listens", "SPA525G2", "BMP_Picture_Download_URL", "http://127.0.0.1:9/a.jpg", "files: {EMPTY}", 0, 1, []string{"connection refused"}},
		{"a URL that cannot be read", "SPA525G2", "BMP_Picture_Download_URL", "gopher://127.0.0.1/a.jpg", "files: {EMPTY}", 0, 1, []string{"no client for the rule's scheme"}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			src := `
clock: CLOCK
limits: {lateness: 30s}
fleet:
  phones: {model: ` + tt.model + `, switches: {dictionary_wait: 100ms, defect_share: 0}, set: {Resync_Random_Delay: 0, Resync_Periodic: 1, Profile_Rule: "http://${server.http}/empty",
    Language_Selection: French, SHOW: Download BMP Picture, ` + tt.param + `: "` + tt.value + `"}}
server:
  ` + strings.Replace(tt.server, "EMPTY", "/empty: <flat-profile></flat-profile>", 1) + `
expect:
  - {all: resyncs.ok >= 3 && fetches.failed >= ` + fmt.Sprint(tt.failed) + `, by: 60s}
`
			show := "Logo_Type"
			if tt.model != "SPA525G2" {
				src = strings.Replace(src, "SHOW: Download BMP Picture, ", "", 1)
			}
			var traces [2][]string
			for i, clock := range []string{"real", "virtual"} {
				r, l := act(t, strings.NewReplacer("CLOCK", clock, "SHOW", show).Replace(src))
				scenariotest.WantVerdict(t, r, report.Passed)
				fetched, failed := 0, 0
				for _, e := range l.All() {
					if f := e.File; f != nil && f.Param != "" {
						traces[i] = append(traces[i], fmt.Sprint(e.Name(), " ", e.Cause, " ", e.Result, " ", e.Err, " ", f.What, " ", f.Param, " ", f.Scheme, "://", f.Host, f.Path, " ", f.Status, " ", f.Bytes, " ", f.Phase, " ", f.Said, " ", f.Hint))
						if e.Kind == device.Fetched {
							fetched++
						} else {
							failed++
						}
					}
				}
				if fetched != tt.fetched || failed != tt.failed {
					t.Errorf("%s: %d files, %d failures, want %d and %d:\n%s", clock, fetched, failed, tt.fetched, tt.failed, strings.Join(traces[i], "\n"))
				}
				var text strings.Builder
				r.WriteText(&text)
				said := strings.Join(strings.Fields(ports.ReplaceAllString(text.String(), ":PORT")), " ")
				for _, want := range tt.finding {
					if !strings.Contains(said, want) {
						t.Errorf("%s: the report does not say %q:\n%s", clock, want, text.String())
					}
				}
				if r.Resyncs.Failed != 0 {
					t.Errorf("%s: an extra file is no resync: %+v", clock, r.Resyncs)
				}
			}
			if !slices.Equal(traces[0], traces[1]) {
				t.Errorf("over sockets:\n%s\nin virtual time:\n%s", strings.Join(traces[0], "\n"), strings.Join(traces[1], "\n"))
			}
		})
	}
}

// Power loss cuts a transfer off, over sockets as in virtual time: nothing is told of
// it, and the phone asks again when it has power and has resynced.
func TestPowerLossCutsAnExtraFileOff(t *testing.T) {
	t.Parallel()
	for _, clock := range []string{"real", "virtual"} {
		r, l := act(t, `
clock: `+clock+`
limits: {lateness: 30s}
fleet:
  phones: {model: SPA504G, count: 4, lease: none, switches: {boot_time: 0s, http_read_wait: 60s}, set: {Resync_Random_Delay: 0, Profile_Rule: "http://${server.http}/empty", Language_Selection: French, Dictionary_Server_Script: "serv=http://${server.http}/i18n/;d1=French;x1=fr.xml"}}
server:
  files:`+extraFiles+`
timeline:
  - {name: stuck, at: 0s, fault: {match: http /i18n/fr.xml, stall_after: 2B}}
  - {name: dark, at: 1s, power_off: all}
  - {at: 1200ms, clear: stuck}
  - {name: light, at: 1400ms, power_on: all}
expect:
  - {all: fetches.ok == 3, by: 30s}
`)
		scenariotest.WantVerdict(t, r, report.Passed)
		if r.Generator.Aborted != 4 || r.Extras["dictionary"].OK != 4 || r.Extras["dictionary"].Failed != 0 || r.Resyncs.OK != 8 {
			t.Errorf("%s: %d attempts cut off, extra files %+v, resyncs %+v: %v", clock, r.Generator.Aborted, r.Extras, r.Resyncs, l.Names(0))
		}
	}
}

// A phone whose lease has no option 66 asks the server in siaddr by the names of SCCP
// phones, one after the other until there is one, at each boot; any other model asks
// for nothing. See surface-2.md §5.
func TestPhonesWithoutOption66AskByTheNamesOfSCCP(t *testing.T) {
	t.Parallel()
	const head = `
clock: CLOCK
limits: {lateness: 30s}
fleet:
  phones: {model: SPA504G, lease: {siaddr: "${server.tftp}"}, switches: {boot_time: 0s}, set: {Resync_Random_Delay: 0}}
  big: {model: SPA525G2, lease: {siaddr: "${server.tftp}"}, switches: {boot_time: 0s}, set: {Resync_Random_Delay: 0}}
  ordinary: {model: SPA504G, switches: {boot_time: 0s}, set: {Resync_Random_Delay: 0}}
  told: {model: SPA504G, lease: {siaddr: "${server.tftp}"}, switches: {boot_time: 0s}, set: {Resync_Random_Delay: 0, SPCP_Auto-detect: No}}
  old: {model: SPA942, lease: {siaddr: "${server.tftp}"}, switches: {boot_time: 0s}, set: {Resync_Random_Delay: 0}}
server:
  files: FILES
timeline:
  - {at: 1s, reboot: all}
expect:
  - {all: 'events("boot") >= 2 && resyncs.ok + resyncs.failed >= 2', by: 120s}
  - {all: fetches.failed + fetches.ok >= COUNT, of: phones, by: 60s}
  - {all: fetches.failed + fetches.ok >= COUNT, of: big, by: 60s}
`
	for _, tt := range []struct {
		files string
		want  []string // of one boot
	}{
		{"{/spa504G.cfg: <flat-profile></flat-profile>}", []string{"fetch_failed SEP", "fetch_failed XMLDefault.cnf.xml", "fetch_failed XMLDefaultSPA504G.cnf.xml"}},
		{"{/spa504G.cfg: <flat-profile></flat-profile>, /XMLDefault.cnf.xml: <Default/>}", []string{"fetch_failed SEP", "fetch XMLDefault.cnf.xml"}},
	} {
		want := slices.Concat(tt.want, tt.want)
		for _, clock := range []string{"real", "virtual"} {
			r, l := act(t, strings.NewReplacer("CLOCK", clock, "FILES", tt.files, "COUNT", fmt.Sprint(len(want))).Replace(head))
			scenariotest.WantVerdict(t, r, report.Passed)
			got := map[device.Index][]string{}
			for _, e := range l.All() {
				if e.File != nil && e.File.What == "sccp" {
					path := e.File.Path
					if strings.HasPrefix(path, "SEP") {
						path = "SEP"
					}
					got[e.Dev] = append(got[e.Dev], e.Name()+" "+path)
				}
			}
			if !slices.Equal(got[0], want) || len(got[1]) != len(want) || len(got) != 2 {
				t.Errorf("%s: %v, want %v", clock, got, want)
			}
		}
	}
}

// Option 66 of a lease may name the built-in server, as siaddr may.
func TestOption66MayNameTheBuiltInServer(t *testing.T) {
	t.Parallel()
	r, _ := act(t, `
fleet: {phones: {model: SPA504G, lease: {66: "${server.tftp}"}, set: {Resync_Random_Delay: 0}}}
server: {files: {/spa504G.cfg: <flat-profile></flat-profile>}}
expect: [{all: resyncs.ok == 1, by: 30s}]
`)
	scenariotest.WantVerdict(t, r, report.Passed)
}
