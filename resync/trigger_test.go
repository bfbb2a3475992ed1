package resync_test

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"

	"spafleet/device"
	"spafleet/device/model"
	"spafleet/device/rule"
	"spafleet/resync"
)

const second = int64(time.Second)

// holdsAt judges a trigger as the firmware would if it looked at that moment.
func holdsAt(trigger string, env device.Env, timers resync.Timers, now int64) bool {
	passed := func(since int64) int {
		if since == 0 {
			return 0
		}
		return int((now - since) / second)
	}
	s := device.Situation{PRVTMR: passed(timers.Resync), UPGTMR: passed(timers.Upgrade), REGTMR: [2]int{passed(timers.Register[0]), passed(timers.Register[1])}}
	env.Situation = &s
	ok, err := rule.Holds(trigger, env, env.Unit.Row.Dialect())
	return ok && err == nil
}

// NextTrue must find the moment that somebody finds who looks whenever any timer
// moves on.
func TestNextTrueFindsWhatLookingEverySecondFinds(t *testing.T) {
	u := unit(t, "SPA2102", "5.2.10", nil)
	p := device.Reset(u.Row.Factory)
	var layers device.Layers
	for name, value := range map[string]string{"GPP_A": "40", "GPP_B": "$PRVTMR"} {
		id, _ := model.LookupID(name)
		p, _ = p.With(&layers, []device.Set{{ID: id, Value: value, Has: true}})
	}
	env := device.Env{Unit: &u, Params: p}
	r := rand.New(rand.NewPCG(1, 2))
	found, late := 0, 0
	const triggers = 2000
	for range triggers {
		trigger := randomTrigger(r)
		timers := resync.Timers{Resync: noon - r.Int64N(90*second), Upgrade: noon - r.Int64N(200*second)}
		for i := range timers.Register {
			if r.IntN(3) > 0 {
				timers.Register[i] = noon - r.Int64N(90*second)
			}
		}
		at, ok := resync.NextTrue(trigger, env, timers, noon)
		want, expected := look(trigger, env, timers)
		if ok != expected || at != want {
			t.Fatalf("%s with %+v: after %d ns, %v; looking finds %d ns, %v", trigger, timers, at-noon, ok, want-noon, expected)
		}
		if ok {
			found++
		}
		if ok && at > noon {
			late++
		}
	}
	if found < triggers/4 || late < triggers/10 || found > triggers*9/10 {
		t.Errorf("%d of %d triggers held, %d of them later: the random ones prove little", found, triggers, late)
	}
}

func look(trigger string, env device.Env, timers resync.Timers) (int64, bool) {
	moments := []int64{noon}
	for _, since := range []int64{timers.Resync, timers.Upgrade, timers.Register[0], timers.Register[1]} {
		for k := range int64(220) {
			if at := since + k*second; since != 0 && at > noon {
				moments = append(moments, at)
			}
		}
	}
	slices.Sort(moments)
	for _, at := range moments {
		if holdsAt(trigger, env, timers, at) {
			return at, true
		}
	}
	return 0, false
}

func randomTrigger(r *rand.Rand) string {
	pick := func(list ...string) string { return list[r.IntN(len(list))] }
	side := func(timers int) string {
		switch n := r.IntN(20); {
		case n < timers:
			return pick("$PRVTMR", "$UPGTMR", "$REGTMR1", "$REGTMR2", "$(PRVTMR)")
		case n == 18:
			return pick("$A", "$B", "$SWVER", "5.2", "30.1", "60.0.1(a)", "-5", "007", `"x"`, "99999999999")
		case n == 19:
			return `"` + pick("$PRVTMR", "$REGTMR1", "50", "$A") + `"`
		}
		return fmt.Sprint(r.IntN(150))
	}
	var parts []string
	for range 1 + r.IntN(3) {
		left := side(15)
		if r.IntN(12) == 0 {
			left = "" // $SWVER is meant
		}
		parts = append(parts, strings.TrimSpace(left+" "+pick("eq", "ne", "lt", "le", "gt", "ge", "<", ">=", "!=")+" "+side(3)))
	}
	return strings.Join(parts, " and ") + pick("", "", "", " # 5", "", ")")
}

func TestNextTrue(t *testing.T) {
	u := unit(t, "SPA2102", "5.2.10", nil)
	env := device.Env{Unit: &u, Params: device.Reset(u.Row.Factory)}
	booted := noon - 10*second - second/2
	tests := []struct {
		trigger string
		want    time.Duration // after noon; -1: never
	}{
		{"$REGTMR1 gt 300 and $PRVTMR ge 600", 589*time.Second + time.Second/2},
		{"$REGTMR1 gt 300", 290*time.Second + time.Second/2},
		{"$PRVTMR lt 600", 0},
		{"$PRVTMR lt 10", -1},
		{"$PRVTMR eq 11", time.Second / 2},
		{"$PRVTMR ne 10", time.Second / 2},
		{`"$A" eq ""`, 0},
		{`"$A" eq "go" and $PRVTMR ge 60`, -1},
		{"$SWVER lt 5.2", -1},
		{"true", 0},
		{"", -1},
		{"$PRVTMR ge", -1},
		{"($PRVTMR ge 60)?", -1},
		{"($PRVTMR ge 60)", 49*time.Second + time.Second/2},
		{"$PRVTMR ge 99999999999999999999", -1},
	}
	for _, tt := range tests {
		at, ok := resync.NextTrue(tt.trigger, env, resync.TimersOf(booted, 0, 0, [2]int64{booted, booted}), noon)
		got := time.Duration(at - noon)
		if !ok {
			got = -1
		}
		if got != tt.want {
			t.Errorf("%s: holds after %s, want %s", tt.trigger, got, tt.want)
		}
	}
}

func TestTriggersByLevelAndEdge(t *testing.T) {
	const s = time.Second
	tests := []struct {
		name    string
		mode    string
		trigger string
		watch   resync.Watch // times after noon, in seconds
		want    time.Duration
	}{
		{"level holds on", "level", "$REGTMR1 ge 0", resync.Watch{}, 0},
		{"level heeds the floor", "level", "$REGTMR1 ge 0", resync.Watch{Fired: noon - 20*second}, 40 * s},
		{"the floor is over", "level", "$REGTMR1 ge 0", resync.Watch{Fired: noon - 70*second}, 0},
		{"level is later than the floor", "level", "$PRVTMR ge 600", resync.Watch{Fired: noon - 20*second}, 500 * s},
		{"edge comes", "edge", "$REGTMR1 ge 300", resync.Watch{}, 200 * s},
		{"edge is here", "edge", "$REGTMR1 ge 0", resync.Watch{}, 0},
		{"edge heeds the floor", "edge", "$REGTMR1 ge 0", resync.Watch{Fired: noon - 20*second}, 40 * s},
		{"a spent edge does not come again", "edge", "$REGTMR1 ge 0", resync.Watch{Spent: [2]bool{true}}, -1},
		{"a spent edge comes after it was false", "edge", "$REGTMR1 ne 150", resync.Watch{Spent: [2]bool{true}}, 51 * s},
		{"a condition that has become false is not spent", "edge", "$REGTMR1 ge 300", resync.Watch{Spent: [2]bool{true}}, 200 * s},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			u := unit(t, "SPA2102", "5.2.10", change{"trigger_mode": tt.mode})
			var layers device.Layers
			id, _ := model.LookupID("Resync_Trigger_1")
			p, _ := device.Reset(u.Row.Factory).With(&layers, []device.Set{{ID: id, Value: tt.trigger, Has: true}})
			triggers, ok := resync.TriggersOf(u.Row, p)
			if !ok {
				t.Fatal("no triggers")
			}
			w := tt.watch
			w.Env, w.Now, w.Timers = device.Env{Unit: &u, Params: p}, noon, resync.TimersOf(noon-100*second, 0, 0, [2]int64{noon - 100*second, noon - 100*second})
			at, _, ok := triggers.Next(w)
			got := time.Duration(at - noon)
			if !ok {
				got = -1
			}
			if got != tt.want {
				t.Errorf("after %s, want %s", got, tt.want)
			}
		})
	}
}

func TestTriggersAreGatedByProvisionEnable(t *testing.T) {
	u := unit(t, "SPA2102", "5.2.10", nil)
	p := device.Reset(u.Row.Factory)
	if _, ok := resync.TriggersOf(u.Row, p); ok {
		t.Error("a device without triggers has some")
	}
	var layers device.Layers
	set := func(name, value string) {
		id, _ := model.LookupID(name)
		p, _ = p.With(&layers, []device.Set{{ID: id, Value: value, Has: true}})
	}
	set("Resync_Trigger_2", "$PRVTMR ge 60")
	if _, ok := resync.TriggersOf(u.Row, p); !ok {
		t.Error("the second trigger does not count")
	}
	set("Provision_Enable", "No")
	if _, ok := resync.TriggersOf(u.Row, p); ok {
		t.Error("triggers count though Provision_Enable is off")
	}
}
