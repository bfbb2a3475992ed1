package live

import (
	"fmt"
	"regexp"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"spafleet/fsm"
	"spafleet/host/golden"
	"spafleet/scenarios/report"
	"spafleet/scenarios/run"
	"spafleet/scenarios/tally"
)

// busy is of two models, with long names, steps, expectations and failures.
func busy() *Snapshot {
	s := &Snapshot{Name: "outage", Wall: 42 * time.Second, Rate: 48.2, Late: 100 * time.Millisecond}
	s.Running, s.Passed, s.Whole = 14, 42*time.Second, time.Minute
	s.Load = report.MachineLoad{LateP99: .012, Latest: .35, Waited: 3}
	s.Steps = []string{"the server is down", "the server is back"}
	s.Next = run.Upcoming{Step: "everyone is rebooted at once", At: time.Minute}
	s.Expected = []run.Expected{
		{Name: "all reach SEC-PRV-2", Quant: report.Quant{Form: "all"}, Held: 150, Devices: 200, By: 2 * time.Minute},
		{Name: "no device is lost", Quant: report.Quant{Form: "never"}, Held: 200, Devices: 200, Decided: true, OK: true},
		{Name: `event.kind == "resync_failed" && group == "lost" && resyncs.failed > 12`, Quant: report.Quant{Form: "never"}, Held: 198, Devices: 200, Decided: true},
	}
	s.Summary.Devices, s.Summary.Resyncs = 200, tally.Pair{OK: 1520, Failed: 3}
	s.Summary.Metrics = map[string][]report.Metric{"resync_duration": {{Spread: tally.Spread{Count: 1520, Med: .045, P95: 0.12, P99: .3, Max: 1.2}}}}
	s.Summary.States = map[string]int{"SP-CUST": 50, "SEC-PRV-2": 150}
	for _, name := range []string{"SPA2102", "SPA504G"} {
		s.Summary.Models = append(s.Summary.Models, report.MakeSummary{
			Make: tally.Make{Model: name, Firmware: "5.2.12", Devices: 100}, States: map[string]int{"SP-CUST": 25, "SEC-PRV-2": 75},
		})
	}
	s.Summary.Findings.Errors = []tally.Failure{
		{What: "profile", Scheme: "tftp", Phase: "first_byte", Result: "timeout", Wait: 30, Count: 2},
		{What: "image", Scheme: "http", Phase: "status", Result: "status", Status: 503, Count: 1},
	}
	for i := range 42 {
		s.Rates = append(s.Rates, float64(i*i%60))
	}
	return s
}

// quiet is a run at its beginning, of which nothing is known yet.
func quiet() *Snapshot {
	s := &Snapshot{Name: "run"}
	s.Summary.Devices, s.Summary.States = 1, map[string]int{"MFG-RESET": 1}
	return s
}

// simulated is a week of a million devices in a clock that jumps.
func simulated() *Snapshot {
	s := busy()
	s.Name, s.Jumps, s.Speed = "week", true, 5000
	s.Passed, s.Whole = 4*day+20*time.Hour, 7*day
	s.Next.At = 5 * day
	s.Expected[0].By, s.Expected[0].Held, s.Expected[0].Devices = 7*day, 900_000, 1_000_000
	s.Summary.Devices, s.Summary.States = 1_000_000, map[string]int{"SEC-PRV-2": 900_000, "MFG-RESET": 100_000}
	return s
}

func TestViews(t *testing.T) {
	interrupted := busy()
	interrupted.Ending, interrupted.Load.LateP99 = true, .25
	for _, tt := range []struct {
		name          string
		s             *Snapshot
		columns, rows int
	}{
		{"busy", busy(), 80, 23},
		{"busy", busy(), 120, 40},
		{"busy", busy(), 80, 12},
		{"busy", busy(), 80, 5},
		{"busy", busy(), 40, 30},
		{"busy", busy(), 40, 5},
		{"busy", busy(), 20, 2},
		{"quiet", quiet(), 80, 23},
		{"simulated", simulated(), 80, 23},
		{"interrupted", interrupted, 80, 23},
		{"interrupted", interrupted, 40, 5},
	} {
		name := fmt.Sprintf("%s-%dx%d", tt.name, tt.columns, tt.rows)
		t.Run(name, func(t *testing.T) {
			text := strings.Join(tt.s.View(tt.columns, tt.rows, false), "\n") + "\n"
			golden.File(t, "testdata/"+name+".txt", []byte(text))
		})
	}
}

func TestALineIsForLogs(t *testing.T) {
	for name, s := range map[string]*Snapshot{"busy": busy(), "quiet": quiet(), "simulated": simulated()} {
		golden.File(t, "testdata/"+name+"-line.txt", []byte(s.Line()+"\n"))
	}
}

var escapes = regexp.MustCompile("\x1b\\[[0-9;]*m")

func TestTheViewFitsAnyWindow(t *testing.T) {
	ending := busy()
	ending.Ending = true
	for _, s := range []*Snapshot{busy(), quiet(), simulated(), ending} {
		for columns := 1; columns <= 160; columns++ {
			for _, rows := range []int{1, 2, 5, 9, 15, 23, 60} {
				for _, colour := range []bool{false, true} {
					lines := s.View(columns, rows, colour)
					if len(lines) > rows || len(lines) == 0 {
						t.Errorf("%d lines on %d rows", len(lines), rows)
					}
					for _, line := range lines {
						plain := escapes.ReplaceAllString(line, "")
						if n := utf8.RuneCountInString(plain); n > columns {
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
}

// At any width the view says what is expected, how far it is, and where devices are.
func TestTheViewLosesNothingAtFortyColumns(t *testing.T) {
	for _, columns := range []int{40, 60, 80, 120} {
		text := strings.Join(busy().View(columns, 40, false), "\n")
		for _, want := range []string{"outage 0:42", "200 devices", "1520 ok", "3 failed", "14 running", "48/s", "p95 120ms", "the server is back", "cpu 35%",
			"150 of 200", "1:18 left", "✗", "broken by 2 of 200", "✓", "holds", "no first byte", "HTTP 503", "everyone is rebooted"} {
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

// In six lines, of which the cursor has one, it says how far the worst is.
func TestASmallWindowHasWhatMattersMost(t *testing.T) {
	s := busy()
	s.Ending = true
	for _, columns := range []int{40, 80} {
		text := strings.Join(s.View(columns, 5, false), "\n")
		for _, want := range []string{"outage 0:42", "1520 ok", "broken by 2 of 200", "ending", "Ctrl-C"} {
			if !strings.Contains(text, want) {
				t.Errorf("%d columns: no %q in\n%s", columns, want, text)
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
		s := &Snapshot{Jumps: tt.jumps, Wall: tt.wall}
		s.Passed, s.Whole = tt.passed, tt.whole
		if got := strings.Join(s.when(), " · "); got != tt.want {
			t.Errorf("%+v: %q", tt, got)
		}
	}
}

func TestAPaceIsOfTheLastSeconds(t *testing.T) {
	var p Pace
	at := func(wall time.Duration, passed time.Duration, resyncs int64) *Snapshot {
		s := &Snapshot{Wall: wall}
		s.Passed, s.Summary.Resyncs.OK = passed, resyncs
		p.Add(s)
		return s
	}
	if s := at(0, 0, 0); s.Rate != 0 || s.Speed != 0 || len(s.Rates) != 0 {
		t.Errorf("%+v from one moment", s)
	}
	for i := range 400 { // 10 a second, then 50
		n := int64(10*i) / 4
		if i > 200 {
			n = 500 + int64(50*(i-200))/4
		}
		at(time.Duration(i)*time.Second/4, time.Duration(i)*time.Hour/4, n)
	}
	s := at(100*time.Second, 100*time.Hour, 3000)
	if s.Rate != 50 || s.Speed != 3600 {
		t.Errorf("%g resyncs a second, %g times as fast", s.Rate, s.Speed)
	}
	if len(p.seen) > 25 || len(s.Rates) != mostRates {
		t.Errorf("%d moments and %d rates are kept", len(p.seen), len(s.Rates))
	}
	if s.Rates[0] != 10 && s.Rates[0] < 9 || s.Rates[mostRates-1] != 50 {
		t.Errorf("rates %v", s.Rates)
	}
}
