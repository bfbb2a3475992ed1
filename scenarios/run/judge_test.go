package run

import (
	"fmt"
	"reflect"
	"slices"
	"testing"
	"time"

	"github.com/expr-lang/expr"
	"pgregory.net/rapid"

	"spafleet/device"
	"spafleet/device/profile"
	"spafleet/fleet"
	"spafleet/fsm"
	"spafleet/scenarios"
	"spafleet/scenarios/expression"
	"spafleet/scenarios/report"
)

// A bench is a judge over a fleet that never runs: its events are made by hand.
type bench struct {
	*run
	t testing.TB
}

const benchStart = int64(1_700_000_000_000_000_000)

// newBench plans expectations over two groups: homes of 6, desk of 4.
func newBench(t testing.TB, expectations ...scenarios.Expectation) *bench {
	for i := range expectations {
		expectations[i].FromStart = true // they may be anything
	}
	scenario := &scenarios.Scenario{Name: "bench", Seed: 1, Duration: time.Hour, Expect: expectations, Fleet: []scenarios.Group{
		{Name: "homes", Model: "SPA2102", Firmware: "5.2.10", Count: 6, Set: []scenarios.Preset{{Name: "GPP_A", Value: "of a home"}}},
		{Name: "desk", Model: "SPA504G", Firmware: "7.5.2b", Count: 4},
	}}
	p, err := scenarios.NewPlan(scenario)
	if err != nil {
		t.Fatal(err)
	}
	b := &bench{&run{plan: p}, t}
	b.server = &server{plan: p, texts: &texts{}}
	b.faults = &disturbances{server: b.server}
	b.fleet, err = fleet.New(fleet.Config{Seed: 1, Groups: p.Groups, Network: b.network()})
	if err != nil {
		t.Fatal(err)
	}
	b.follow()
	b.timeline.start = benchStart
	b.timeline.begin()
	return b
}

// selector reads a selector over the groups of the bench.
func (b *bench) selector(text string) scenarios.Selector {
	b.t.Helper()
	s := *b.plan.Scenario
	s.Timeline = []scenarios.Step{{Action: "resync", Of: text}}
	p, err := scenarios.NewPlan(&s)
	if err != nil {
		b.t.Fatal(err)
	}
	return p.Selector(0)
}

func all(code string) scenarios.Expectation {
	return scenarios.Expectation{Quant: report.Quant{Form: "all"}, Expr: code, At: scenarios.Instant{End: true, Given: true}}
}

// within is an expectation with a deadline.
func within(quant, code string) scenarios.Expectation {
	return scenarios.Expectation{Quant: report.Quant{Form: quant}, Expr: code, By: scenarios.Instant{Plus: time.Minute, Given: true}}
}

func (b *bench) tell(at time.Duration, dev device.Index, e device.Event) {
	e.At, e.Dev = benchStart+int64(at), dev
	b.judge.Tell([]device.Event{e})
}

func (b *bench) counts(want ...int) {
	b.t.Helper()
	var got []int
	for _, t := range b.timeline.expect {
		got = append(got, t.count)
	}
	if !slices.Equal(got, want) {
		b.t.Errorf("the expectations hold for %v devices, want %v", got, want)
	}
}

var (
	resyncOK     = device.Event{Kind: device.ResyncOK}
	resyncFailed = device.Event{Kind: device.ResyncFailed, Err: "tftp_get failed", Result: device.Timeout}
	boot         = device.Event{Kind: device.Boot, Reason: device.ByPower}
)

func TestADeadlineCountsADeviceForEverOnceItHasHeld(t *testing.T) {
	b := newBench(t, within("all", "synced"), all("synced"))
	b.tell(time.Second, 0, resyncOK)
	b.tell(time.Second, 1, resyncOK)
	b.counts(2, 2)
	b.tell(2*time.Second, 0, boot) // synced: a resync succeeded since the last boot
	b.counts(2, 1)
}

// A device is judged at each of its events, though a loop tells several at once.
func TestADeadlineCountsWhatHeldBetweenTwoEventsToldTogether(t *testing.T) {
	b := newBench(t, within("all", "synced"), all("synced"))
	ok, down := resyncOK, boot
	ok.At, down.At = benchStart+int64(time.Second), benchStart+int64(2*time.Second)
	b.judge.Tell([]device.Event{ok, down})
	b.counts(1, 0)
}

func TestAConditionSpeaksOfItsGroupsAlone(t *testing.T) {
	desk := all("synced")
	desk.Of = "desk"
	both := all("synced")
	both.Of = "desk, homes"
	b := newBench(t, desk, both)
	for dev := range device.Index(10) {
		b.tell(time.Second, dev, resyncOK)
	}
	b.counts(4, 10)
	if d := b.timeline.expect[0].devices; d != 4 {
		t.Errorf("desk has %d devices", d)
	}
}

func TestAlwaysAndNeverAreBrokenByOneEvent(t *testing.T) {
	never := scenarios.Expectation{Quant: report.Quant{Form: "never"}, Expr: `event.kind == "resync_failed"`}
	later := never
	later.From = scenarios.Instant{Plus: 10 * time.Second, Given: true}
	always := scenarios.Expectation{Quant: report.Quant{Form: "always"}, Expr: `event.kind != "resync_failed" || resyncs.ok > 0`}
	b := newBench(t, never, later, always)
	b.counts(10, 10, 10)
	b.tell(9*time.Second, 3, resyncFailed)
	b.tell(9*time.Second, 3, resyncFailed)
	b.counts(9, 10, 9)
	b.tell(10*time.Second, 4, resyncOK)
	b.tell(11*time.Second, 4, resyncFailed)
	b.counts(8, 9, 9)
	b.timeline.decide(12 * time.Second)
	b.tell(13*time.Second, 5, resyncFailed) // the report still says how many
	b.counts(7, 8, 8)
	lack := b.judge.found(b.timeline.expect[0]).lack
	if want := "at 9s: resync_failed"; len(lack) != 3 || lack[0].Index != 3 || lack[0].Why != want {
		t.Errorf("%+v, want %s", lack, want)
	}
}

func TestAnExpressionThatFailsWhileItRunsIsFalse(t *testing.T) {
	b := newBench(t, all(`int(param("GPP_A")) >= 0`), scenarios.Expectation{Quant: report.Quant{Form: "always"}, Expr: `int(param("GPP_A")) >= 0`}, scenarios.Expectation{Quant: report.Quant{Form: "never"}, Expr: `int(param("GPP_A")) >= 0`})
	b.tell(time.Second, 0, boot)
	b.counts(0, 9, 10)
}

func TestQuantifiersCompareTheirCount(t *testing.T) {
	for _, tt := range []struct {
		quant, limit string
		from, to     int // synced devices of 10 for which it holds
	}{
		{"all", "", 10, 10}, {"none", "", 0, 0}, {"at_least", "3", 3, 10}, {"at_most", "3", 0, 3}, {"exactly", "3", 3, 3},
		{"at_least", "70%", 7, 10}, {"at_most", "70%", 0, 7}, {"exactly", "33%", 3, 3}, {"at_least", "99.9%", 10, 10},
	} {
		c := all("synced")
		c.Quant.Form = tt.quant
		if tt.limit != "" {
			c.Quant.Limit, _ = scenarios.ParseQuantity(tt.limit)
		}
		b := newBench(t, c)
		for n := range 11 {
			if n > 0 {
				b.tell(time.Second, device.Index(n-1), resyncOK)
			}
			if got, want := b.timeline.expect[0].holdsNow(), tt.from <= n && n <= tt.to; got != want {
				t.Errorf("%s %s, %d of 10: %t", tt.quant, tt.limit, n, got)
			}
		}
	}
}

func TestTheDevicesThatAreNamedAreThoseThatSpoilIt(t *testing.T) {
	for _, tt := range []struct {
		quant, limit string
		first        int
	}{{"all", "", 1}, {"at_least", "9", 1}, {"none", "", 0}, {"at_most", "0", 0}, {"exactly", "5", 1}, {"exactly", "0", 0}} {
		c := all("synced")
		c.Quant.Form = tt.quant
		c.Quant.Limit, _ = scenarios.ParseQuantity(tt.limit)
		b := newBench(t, c)
		b.tell(time.Second, 0, resyncOK)
		if got := b.judge.found(b.timeline.expect[0]).lack; len(got) == 0 || got[0].Index != tt.first {
			t.Errorf("%s %s: %+v, want device %d", tt.quant, tt.limit, got, tt.first)
		}
	}
}

func TestCountsStayThoseOfAllDevices(t *testing.T) {
	conditions := []string{"synced", "resyncs.failed > resyncs.ok", `events("boot") >= 2`, `err == "tftp_get failed"`, `last("resync_ok").took > duration("1s")`,
		"fetches.ok == 2 || upgrades.failed > 0"}
	rapid.Check(t, func(rt *rapid.T) {
		var expectations []scenarios.Expectation
		for _, c := range conditions {
			expectations = append(expectations, all(c), within("all", c))
		}
		expectations[4].Of, expectations[5].Of = "desk", "homes"
		b := newBench(t, expectations...)
		once := make([]map[device.Index]bool, len(expectations))
		file := &device.File{Scheme: "http"}
		events := []device.Event{resyncOK, resyncFailed, boot, {Kind: device.ResyncOK, Took: int64(2 * time.Second)}, {Kind: device.Fetched, File: file},
			{Kind: device.FetchFailed, File: file}, {Kind: device.UpgradeFailed, Err: "x"}, {Kind: device.PowerOff}}
		for step := range rapid.IntRange(1, 30).Draw(rt, "steps") {
			dev := device.Index(rapid.IntRange(0, 9).Draw(rt, "device"))
			b.tell(time.Duration(step)*time.Second, dev, rapid.SampledFrom(events).Draw(rt, "event"))
			for n, c := range b.timeline.expect {
				if once[n] == nil {
					once[n] = map[device.Index]bool{}
				}
				now := 0
				for d := range device.Index(10) {
					v, err := expr.Run(c.program, *b.judge.vars(d))
					if err != nil {
						rt.Fatal(err)
					}
					if v == any(true) && (c.in == nil || c.in[d]) {
						now++
						once[n][d] = true
					}
				}
				if n%2 == 1 {
					now = len(once[n])
				}
				if c.count != now {
					rt.Fatalf("expectation %d (%s): %d, want %d", n, c.Expr, c.count, now)
				}
			}
		}
	})
}

func TestEveryNameOfTheLanguageHasAValue(t *testing.T) {
	b := newBench(t, all(`events("boot") == 0 && last("boot").at == duration("0")`))
	now := *b.judge.vars(0)
	for env, known := range map[any]any{&expression.DeviceVars{}: now, &expression.EventVars{}: expression.EventVars{DeviceVars: now}, &expression.RequestVars{}: expression.RequestVars{DeviceVars: now}} {
		typ := reflect.TypeOf(env).Elem()
		for _, f := range reflect.VisibleFields(typ) {
			name := f.Tag.Get("expr")
			if name == "" {
				continue
			}
			code := name
			if f.Type.Kind() == reflect.Func {
				code += `("boot")`
			}
			if name == "param" {
				code = `param("GPP_A")`
			}
			program, err := expression.Compile(code, expression.Scope{Vars: reflect.Zero(typ).Interface(), Kinds: map[string]bool{}})
			if err != nil {
				t.Errorf("%s in %s: %v", code, typ, err)
				continue
			}
			if _, err := expr.Run(program, known); err != nil {
				t.Errorf("%s in %s: %v", code, typ, err)
			}
		}
	}
}

func TestWhatExpressionsSee(t *testing.T) {
	b := newBench(t, all(`events("rotated") == 0 && last("fetch_failed").err == "" && events("web") == 0 && events("fetch") + events("boot") == 0`))
	b.tell(time.Second, 7, boot)
	b.tell(2*time.Second, 7, boot)
	b.tell(3*time.Second, 7, device.Event{Kind: device.Moved, Move: fsm.Rotated, State: fsm.SecPrv1})
	b.tell(4*time.Second, 7, device.Event{Kind: device.FetchFailed, Err: "http_get failed", Result: device.NotFound,
		File: &device.File{Rule: 'B', What: "profile", Scheme: "http", Host: "h", Path: "/p", Status: 404}})
	b.tell(5*time.Second, 7, device.Event{Kind: device.Fetched, File: &device.File{Rule: 'u', Bytes: 9, Protection: profile.Protection(0)}})
	b.tell(6*time.Second, 7, resyncFailed)
	w := *b.judge.vars(7)
	home := *b.judge.vars(0)
	for _, code := range []string{
		`index == 7 && group == "desk" && model == "SPA504G" && firmware == "7.5.2b" && pn == "SPA504G"`,
		`mac matches "^[0-9a-f]{12}$" && serial != "" && address == "127.64.0.8" && family != ""`,
		`!synced && !powered && !off_hook && registered == 0 && reboots == 1 && err == "tftp_get failed"`,
		`resyncs.ok == 0 && resyncs.failed == 1 && fetches.ok == 1 && fetches.failed == 1 && upgrades.ok == 0`,
		`events("rotated") == 1 && events("web") == 0 && last("rotated").at == duration("3s") && last("rotated").state == "SEC-PRV-1"`,
		`last("fetch_failed").rule == "B" && last("fetch_failed").status == 404 && last("fetch_failed").result == "not_found" && last("fetch_failed").path == "/p"`,
		`last("fetch").rule == "url" && last("fetch").bytes == 9 && last("web").kind == "" && last("boot").rule == ""`,
		`since("7.5.2b") && since("7.5.2") && since("7.4.9") && !since("7.6.0") && !since("7.5.10") && before("7.6.2") && !before("7.5.2b")`,
		`len(secret("pin")) == 64 && secret("pin") == secret("pin") && secret("pin") != secret("sip")`,
		`duration("7d") == duration("168h") && duration("1h30m") > duration("89m")`,
		`param("GPP_A") == "" && param("Resync_Periodic") != ""`,
	} {
		program, err := expression.Compile(code, expression.Scope{Vars: expression.DeviceVars{}, Condition: true, Kinds: map[string]bool{}})
		if err != nil {
			t.Errorf("%s: %v", code, err)
			continue
		}
		if v, err := expr.Run(program, w); err != nil || v != any(true) {
			t.Errorf("%s: %v, %v", code, v, err)
		}
	}
	if w.Secret("pin") == home.Secret("pin") || expression.Secret(1, w.MAC, "pin") == expression.Secret(2, w.MAC, "pin") {
		t.Error("two devices, or two seeds, share a secret")
	}
}

func TestASampleIsTheSameForTheSameSeedAndStep(t *testing.T) {
	b := newBench(t, all("synced"))
	for dev := range device.Index(8) {
		b.tell(time.Second, dev, resyncOK)
	}
	pick := func(text string, step int) string { return fmt.Sprint(b.judge.choose(b.selector(text), step)) }
	for _, tt := range []struct{ text, want string }{
		{"all", "[0 1 2 3 4 5 6 7 8 9]"}, {"desk", "[6 7 8 9]"}, {"desk,homes where synced", "[0 1 2 3 4 5 6 7]"}, {"desk where !synced", "[8 9]"},
		{"99 of desk", "[6 7 8 9]"}, {"5 of all where index > 20", "[]"}, {"100% of desk", "[6 7 8 9]"},
	} {
		if got := pick(tt.text, 0); got != tt.want {
			t.Errorf("%s: %s, want %s", tt.text, got, tt.want)
		}
	}
	if a, again := pick("5 of all where synced", 2), pick("5 of all where synced", 2); a != again {
		t.Errorf("%s, then %s", a, again)
	}
	differs := false
	for step := range 5 {
		differs = differs || pick("5 of all where synced", step) != pick("5 of all where synced", step+1)
	}
	if !differs {
		t.Error("each step chooses the same sample")
	}
	for text, n := range map[string]int{"30% of all": 3, "1% of all": 1, "25% of homes": 2} { // nearest whole number, at least one
		if got := len(b.judge.choose(b.selector(text), 0)); got != n {
			t.Errorf("%s: %d devices, want %d", text, got, n)
		}
	}
}
