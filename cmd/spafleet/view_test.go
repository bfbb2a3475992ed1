package main

import (
	"regexp"
	"strings"
	"testing"
	"time"

	"spafleet/fsm"
	"spafleet/host"
	"spafleet/scenarios/report"
	"spafleet/scenarios/run"
	"spafleet/scenarios/tally"
)

// aView is of two models, with long names, steps and expectations.
func aView() *view {
	v := &view{
		name: "outage", wall: 42 * time.Second, rate: 48.2, running: 14, load: "late p99 12ms, cpu 35%, 3 waited for a place",
		steps: []string{"the server is down", "the server is back", "everyone is rebooted at once"},
		expected: []run.Expected{
			{Name: "all reach SEC-PRV-2", Quant: report.Quant{Form: "all"}, Held: 150, Devices: 200, By: 2 * time.Minute},
			{Name: "no device is lost", Quant: report.Quant{Form: "never"}, Held: 200, Devices: 200, Decided: true, OK: true},
			{Name: `event.kind == "resync_failed" && group == "lost" && resyncs.failed > 12`, Quant: report.Quant{Form: "never"}, Held: 198, Devices: 200, Decided: true},
		},
	}
	v.summary.Devices, v.summary.Resyncs = 200, tally.Pair{OK: 1520, Failed: 3}
	v.summary.Metrics = map[string][]report.Metric{"resync_duration": {{Spread: tally.Spread{Count: 1520, P95: 0.12}}}}
	v.summary.States = map[string]int{"SP-CUST": 50, "SEC-PRV-2": 150}
	for _, name := range []string{"SPA2102", "SPA504G"} {
		v.summary.Models = append(v.summary.Models, report.MakeSummary{
			Make: tally.Make{Model: name, Firmware: "5.2.12", Devices: 100}, States: map[string]int{"SP-CUST": 25, "SEC-PRV-2": 75},
		})
	}
	return v
}

var escapes = regexp.MustCompile("\x1b\\[[0-9;]*m")

func TestTheViewFitsAnyTerminal(t *testing.T) {
	for columns := 40; columns <= 160; columns++ {
		for _, rows := range []int{3, 10, 24, 60} {
			for _, colour := range []bool{false, true} {
				lines := aView().lines(host.Screen{Columns: columns, Rows: rows, Live: true, Colour: colour})
				if len(lines) > rows-1 {
					t.Errorf("%d lines on %d rows", len(lines), rows)
				}
				for _, line := range lines {
					plain := escapes.ReplaceAllString(line, "")
					if n := len([]rune(plain)); n > columns {
						t.Errorf("%d of %d columns: %q", n, columns, line)
					}
					if !colour && plain != line {
						t.Errorf("a colour where none is wanted: %q", line)
					}
				}
			}
		}
	}
}

// At any width the view says what is expected, how far it is, and where devices are.
func TestTheViewLosesNothingAtFortyColumns(t *testing.T) {
	for _, columns := range []int{40, 60, 80, 120} {
		text := strings.Join(aView().lines(host.Screen{Columns: columns, Rows: 40, Live: true}), "\n")
		for _, want := range []string{"outage 0:42", "200 devices", "resyncs 1520 ok, 3 failed", "14 running", "48/s", "p95 120ms", "the server is back", "cpu 35%",
			"· 150 of 200 by 2m0s", "✗ broken by 2 of 200", "✓ holds", "SPA504G 5.2.12", "75"} {
			if !strings.Contains(text, want) {
				t.Errorf("%d columns: no %q in\n%s", columns, want, text)
			}
		}
		for _, st := range []fsm.State{fsm.SpCust, fsm.SecPrv2} {
			if !strings.Contains(text, st.String()) {
				t.Errorf("%d columns: no %s in\n%s", columns, st, text)
			}
		}
	}
}

func TestWhereTheFleetsDayStands(t *testing.T) {
	tests := []struct {
		jumps               bool
		wall, passed, whole time.Duration
		want                string
	}{
		{true, 4 * time.Minute, 4*day + 20*time.Hour, 7 * day, "day 5 of 7, 69 % · 2 min left"},
		{true, 10 * time.Second, 6 * time.Hour, day, "6:00 of 24:00, 25 % · 30 s left"},
		{true, 10 * time.Second, day, day, "24:00 of 24:00, 100 %"},
		{true, 10 * time.Second, 7 * day, 7 * day, "day 7 of 7, 100 %"},
		{true, 10 * time.Second, 2*day + 90*time.Minute, 0, "day 3 · fleet time 1:30"},
		{true, 100 * time.Millisecond, 5 * day, 7 * day, "day 6 of 7, 71 %"},
		{false, 20 * time.Second, 20 * time.Second, 30 * time.Second, "66 % · 10 s left"},
		{false, 20 * time.Second, 20 * time.Second, 0, ""},
	}
	for _, tt := range tests {
		v := &view{jumps: tt.jumps, wall: tt.wall, passed: tt.passed, whole: tt.whole}
		if got := strings.Join(v.when(), " · "); got != tt.want {
			t.Errorf("%+v: %q", tt, got)
		}
	}
}

func TestAPaceIsOfTheLastSeconds(t *testing.T) {
	var p pace
	if rate, speed := p.add(moment{}); rate != 0 || speed != 0 {
		t.Errorf("%g resyncs a second and %g times as fast from one moment", rate, speed)
	}
	for i := range 100 { // 10 a second, then 50
		n := int64(10 * i)
		if i > 50 {
			n = 500 + int64(50*(i-50))
		}
		p.add(moment{time.Duration(i) * time.Second, time.Duration(i) * time.Hour, n})
	}
	rate, speed := p.add(moment{100 * time.Second, 100 * time.Hour, 3000})
	if rate != 50 || speed != 3600 {
		t.Errorf("%g resyncs a second, %g times as fast", rate, speed)
	}
	if len(p.seen) > 10 {
		t.Errorf("%d moments are kept", len(p.seen))
	}
}
