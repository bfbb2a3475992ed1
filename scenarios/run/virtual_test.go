package run_test

import (
	"fmt"
	"reflect"
	"regexp"
	"runtime"
	"slices"
	"strings"
	"testing"
	"time"

	"spafleet/device"
	"spafleet/fleet"
	"spafleet/scenarios"
	"spafleet/scenarios/report"
	"spafleet/scenarios/scenariotest"
)

// virtually acts a scenario of the program out in virtual time, and returns its log.
func virtually(t *testing.T, scenario *scenarios.Scenario) (*report.Report, string) {
	t.Helper()
	scenario.Clock = scenarios.Clock{Mode: fleet.Virtual}
	return logged(t, scenario)
}

func builtin(t *testing.T, name string, seed uint64) *scenarios.Scenario {
	t.Helper()
	s, err := scenarios.Builtin(name)
	if err != nil {
		t.Fatal(err)
	}
	s.Seed = seed
	return s
}

// The walk of the demo, by TFTP and HTTP, gives the same bytes of log on any
// number of processors, and others for another seed.
func TestVirtualTimeIsTheSameEverywhere(t *testing.T) {
	defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(0))
	first := ""
	for _, processors := range []int{1, 2, 8, 8} {
		runtime.GOMAXPROCS(processors)
		r, log := virtually(t, builtin(t, "demo", 1))
		scenariotest.WantVerdict(t, r, report.Passed)
		if first == "" {
			first = log
		}
		if log != first {
			t.Errorf("%d processors: %s", processors, difference(first, log))
		}
	}
	if n := strings.Count(first, "\n"); n < 600 {
		t.Errorf("%d events only", n)
	}
	if _, other := virtually(t, builtin(t, "demo", 2)); other == first {
		t.Error("another seed makes no difference")
	}
}

// Devices of which none feels another are worked by as many loops as there are
// processors, with the same bytes of log, and the same report.
func TestIndependentDevicesAreTheSameOnAnyNumberOfProcessors(t *testing.T) {
	defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(0))
	day := func(processors int) (*report.Report, string) {
		runtime.GOMAXPROCS(processors)
		return virtually(t, &scenarios.Scenario{
			Name: "day", Seed: 1, Duration: 6 * time.Hour, Server: builtin(t, "demo", 1).Server,
			Fleet: []scenarios.Group{{Name: "devices", Mix: []scenarios.Share{{Model: "SPA2102", Count: 60}, {Model: "SPA504G", Count: 60}}, Count: 120}},
		})
	}
	want, first := day(1)
	if want.Resyncs.OK < 600 {
		t.Fatalf("%d resyncs went well", want.Resyncs.OK)
	}
	for _, processors := range []int{2, 5} {
		r, log := day(processors)
		if log != first {
			t.Errorf("%d processors: %s", processors, difference(first, log))
		}
		if !reflect.DeepEqual(r.Summary, want.Summary) {
			t.Errorf("%d processors: another report", processors)
		}
	}
}

// difference names the first line in which two logs differ.
func difference(a, b string) string {
	x, y := strings.Split(a, "\n"), strings.Split(b, "\n")
	for i := range x {
		if i >= len(y) || x[i] != y[i] {
			return fmt.Sprintf("line %d was\n%s\nand is\n%s", i+1, x[i], append(y, "")[min(i, len(y))])
		}
	}
	return "it goes on after the end"
}

// lives tells each device's events without when they happened, and on which
// port. The lines of the server's log, which it writes when it has sent an answer, come
// last.
func (l *events) lives() map[device.Index][]string {
	m, logs := map[device.Index][]string{}, map[device.Index][]string{}
	defer func() {
		for dev, lines := range logs {
			slices.Sort(lines)
			m[dev] = append(m[dev], lines...)
		}
	}()
	for _, e := range l.All() {
		line := fmt.Sprint(e.Name(), " ", e.Cause, " ", e.State, " ", e.Result, " ", e.Err, " ", ports.ReplaceAllString(e.Text, ":PORT"), " ", e.Count, e.From)
		if e.Kind == device.ServerLog {
			logs[e.Dev] = append(logs[e.Dev], fmt.Sprint(e.Name(), " ", ports.ReplaceAllString(e.Text, ":PORT"), " ", e.File.Status, " ", e.File.Path, " ", e.File.Scheme))
			continue
		}
		if f := e.File; f != nil {
			line += fmt.Sprint(" ", string(rune(f.Rule)), " ", f.What, " ", f.Scheme, "://", f.Host, f.Path, " ", f.Status, " ", f.Bytes, " ", f.Result, " ", f.TLSError, " ", f.Alert, " ", f.Protection, " ", ports.ReplaceAllString(f.Hint, ":PORT"))
		}
		m[e.Dev] = append(m[e.Dev], line)
	}
	return m
}

var ports = regexp.MustCompile(`:\d+`)

// A device does the same with a server in virtual time as over sockets.
func TestVirtualTimeIsLikeTheRealOne(t *testing.T) {
	t.Parallel()
	const plain, secure = "http://${server.http}/a.xml", "https://${server.https}/a.xml"
	for _, tt := range []struct{ name, model, rule, server string }{
		{"a file by http", "SPA942", plain, "files: {/a.xml: <flat-profile><GPP_A>x</GPP_A></flat-profile>}"},
		{"a file by tftp", "SPA942", "/a.xml", "files: {/a.xml: {body: <flat-profile><GPP_A>x</GPP_A></flat-profile>, size: 1024B}}"},
		{"another path", "SPA942", "http://${server.http}/$MA%20b.xml?c=%41", "files: {'/$MA b.xml': '<flat-profile><GPP_A>{{ mac }}</GPP_A></flat-profile>'}"},
		{"no such file", "SPA942", plain, "files: {}"},
		{"no such file by tftp", "SPA942", "/b.xml", "files: {}"},
		{"no file", "SPA942", plain, "files: {/a.xml: {status: 204}}"},
		{"a server that fails", "SPA942", plain, "files: {/a.xml: {status: 500}}"},
		{"a server that fails by tftp", "SPA942", "/a.xml", "files: {/a.xml: {status: 500}}"},
		{"a server that wants a name", "SPA942", "[--uid a --pwd b] " + plain, "files: {/a.xml: {status: 401}}"},
		{"a redirect", "SPA504G", plain, "files: {/a.xml: {status: 302, location: 'http://${server.http}/b.xml'}, /b.xml: <flat-profile><GPP_A>x</GPP_A></flat-profile>}"},
		{"too many redirects", "SPA504G", plain, "files: {/a.xml: {status: 302, location: 'http://${server.http}/a.xml'}}"},
		{"too large", "SPA942", plain, "files: {/a.xml: {body: <flat-profile></flat-profile>, size: 300KB}}"},
		{"too large by tftp", "SPA942", "/a.xml", "files: {/a.xml: {body: <flat-profile></flat-profile>, size: 300KB}}"},
		{"a large file", "SPA942", plain, "files: {/a.xml: {body: <flat-profile></flat-profile>, size: 100KB}}"},
		{"what is no profile", "SPA942", plain, "files: {/a.xml: nothing}"},
		{"nobody listens", "SPA942", "http://127.0.0.1:9/a.xml", "files: {}"},
		{"nobody has that name", "SPA942", "http://nobody.invalid/a.xml", "files: {}"},
		{"bytes that no path has", "SPA942", "http://${server.http}/%zz", "files: {}"},
		{"a sealed file", "SPA942", "[--key k] " + plain, "files: {/a.xml: {body: <flat-profile><GPP_A>x</GPP_A></flat-profile>, key: k, gzip: true}}"},
		{"https", "SPA504G", secure, "https: true\n  files: {/a.xml: <flat-profile><GPP_A>x</GPP_A></flat-profile>}"},
		{"https to both", "SPA504G", secure, "https: {client: require}\n  files: {/a.xml: <flat-profile><GPP_A>x</GPP_A></flat-profile>}"},
		{"https to both, later", "SPA504G", secure, "https: {client: renegotiate}\n  files: {/a.xml: <flat-profile><GPP_A>x</GPP_A></flat-profile>}"},
		{"https to the device alone", "SPA942", "https://${server.https}/$MA.xml", "https: {client: match}\n  files: {/$MA.xml: <flat-profile><GPP_A>x</GPP_A></flat-profile>}"},
		{"https to another one", "SPA942", "https://${server.https}/000000000000.xml", "https: {client: match}\n  files: {/$MA.xml: <flat-profile><GPP_A>x</GPP_A></flat-profile>}"},
		{"a client that is not known", "SPA2102", secure, "https: {client: require, roots: [ciscosb-client-1]}\n  files: {}"},
		{"a server that is not known", "SPA504G", secure, "https: {ca: public}\n  files: {}"},
		{"another name", "SPA504G", secure, "https: {cn: '*.test'}\n  files: {}"},
		{"a server that has ended", "SPA504G", secure, "https: {valid: 2006-01-01..2010-01-01}\n  files: {}"},
		{"a long prime", "SPA2102", secure, "https: {dh: 2048}\n  files: {}"},
		{"nothing in common", "SPA504G", secure, "https: {versions: [tls1.2]}\n  files: {}"},
		{"http to https", "SPA942", "http://${server.https}/a.xml", "https: true\n  files: {}"},
		{"https to http", "SPA942", "https://${server.http}/a.xml", "files: {}"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			src := `
clock: CLOCK
limits: {lateness: 30s}
fleet:
  phones: {model: ` + tt.model + `, count: 2, set: {Resync_Random_Delay: 0, Syslog_Server: "127.0.0.1:9", Profile_Rule: '` + tt.rule + `', Report_Rule: "/report.xml"}, switches: {defect_share: 0}}
server:
  ` + tt.server + `
timeline:
  - {name: tried, when: {all: resyncs.ok + resyncs.failed >= 1 && (reboots == 0 || resyncs.ok >= 2)}, by: 30s, report: all}
expect:
  - {all: 'events("report_ok") == 1', by: 60s}
  - {never: 'event.kind == "wire" && event.alert == 255 || event.kind == "server_log" && event.status == 999'}
`
			var traces [2]map[device.Index][]string
			for i, clock := range []string{"real", "virtual"} {
				r, l := act(t, strings.Replace(src, "CLOCK", clock, 1))
				scenariotest.WantVerdict(t, r, report.Passed)
				traces[i] = l.lives()
			}
			for dev, real := range traces[0] {
				if virtual := traces[1][dev]; !slices.Equal(real, virtual) {
					t.Errorf("device %d, over sockets:\n%s\nin virtual time:\n%s", dev, strings.Join(real, "\n"), strings.Join(virtual, "\n"))
				}
			}
		})
	}
}

// Certificates are judged by the fleet's date, at both ends: on the last day of
// Linksys 1 all is well, and on the day after nobody is heard. The client's
// authority has ended by then too.
func TestCertificatesAreOfTheFleetsDay(t *testing.T) {
	t.Parallel()
	for _, clock := range []string{"virtual", "mixed", "60x"} {
		for _, tt := range []struct{ day, want string }{
			{"2014-06-01", `"mutual" in last("fetch").protection`},
			{"2015-07-02", `last("fetch_failed").tls_error == 10`},
		} {
			r, _ := act(t, `
clock: {mode: `+clock+`, start: `+tt.day+`}
limits: {lateness: 30s}
fleet:
  phones: {model: SPA504G, lease: none, set: {Resync_Random_Delay: 0, Primary_NTP_Server: ntp.test, Profile_Rule: "https://${server.https}/a.xml"}, switches: {defect_share: 0}}
server:
  https: {valid: 2008-01-01..2015-06-30, client: require}
  files:
    /a.xml: <flat-profile><GPP_A>x</GPP_A></flat-profile>
expect:
  - {all: '`+tt.want+`', by: 10m}
`)
			if r.Verdict != report.Passed {
				t.Errorf("%s, %s: not %s: %+v", clock, tt.day, tt.want, r.Findings)
			}
			if day := r.FleetStart.Format(time.DateOnly); day != tt.day || r.Clock != clock {
				t.Errorf("%s, %s: the report says %s, %s", clock, tt.day, r.Clock, day)
			}
		}
	}
}

// A phone without an NTP server takes a certificate that has ended. The profile that it
// gets so brings it a server, and from then on it does not.
func TestAnNTPServerMakesTheClockRight(t *testing.T) {
	t.Parallel()
	for _, clock := range []string{"virtual", "mixed"} {
		r, _ := act(t, `
clock: {mode: `+clock+`, start: 2020-06-01}
fleet:
  phones: {model: SPA504G, firmware: 7.6.2f, lease: none, set: {Resync_Random_Delay: 0, Resync_Periodic: 3600, Profile_Rule: "https://${server.https}/a.xml"}}
server:
  https: {ca: linksys1}
  files:
    /a.xml: <flat-profile><Primary_NTP_Server>ntp.test</Primary_NTP_Server></flat-profile>
expect:
  - {all: 'param("Primary_NTP_Server") == "ntp.test" && fetches.ok == 1', by: 5m}
  - {all: 'last("fetch_failed").tls_error == 10 && last("fetch_failed").alert == 45 && fetches.ok == 1', by: 2h}
`)
		if r.Verdict != report.Passed {
			t.Errorf("%s: %+v", clock, r.Findings)
		}
		scenariotest.WantVerdict(t, r, report.Passed)
	}
}

// Steps happen when they should, and what they do happens at once.
func TestAConductorInVirtualTime(t *testing.T) {
	t.Parallel()
	r, l := act(t, `
fleet:
  phones: {model: SPA942, firmware: 6.1.5(a), count: 8, lease: none, set: {Resync_Random_Delay: 0, Resync_Periodic: 3600, Profile_Rule: "http://${server.http}/a.xml"}}
server:
  latency: 100ms..300ms
  files:
    /a.xml: <flat-profile><GPP_A>{{ int(elapsed.Hours()) }}</GPP_A></flat-profile>
timeline:
  - {at: 150ms, power_off: 50% of all}
  - {name: night, at: 8h, power_on: all}
  - {at: night + 1h, set: {of: all, values: {GPP_B: "{{ index }}"}}}
  - {name: told, when: {all: param("GPP_B") == string(index)}, by: night + 2h, off_hook: all}
  - {at: end, on_hook: all}
expect:
  - {exactly: 4, where: resyncs.ok == 0, at: night}
  - {all: int(param("GPP_A")) >= 8, by: night + 90m}
  - {all: off_hook, at: told + 1s}
duration: 12h
`)
	scenariotest.WantVerdict(t, r, report.Passed)
	var at []float64
	for _, s := range r.Timeline {
		at = append(at, s.At)
	}
	if want := []float64{0.15, 28800, 32400, 32400, 43200}; !slices.Equal(at, want) {
		t.Errorf("steps at %v, want %v", at, want)
	}
	if r.Generator.Aborted != 4 {
		t.Errorf("%d attempts cut off, want 4: %v", r.Generator.Aborted, l.Names(0))
	}
	if r.WallSeconds > 60 || r.DurationSeconds != 43200 {
		t.Errorf("%gs, %gs by the wall", r.DurationSeconds, r.WallSeconds)
	}
}
