package fleet_test

import (
	"context"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"spafleet/device"
	"spafleet/device/model"
	"spafleet/fleet"
)

// The timelines T1 to T13: when devices contact their servers over hours and
// days, on the clock of a synctest bubble. Times are after a device's first boot.

// A contact is the start of a resync.
type contact struct {
	after time.Duration
	cause model.Cause
}

// A move is something that is done to every device at a time.
type move struct {
	after time.Duration
	order device.Order
	pairs []string    // of SetParams
	cause model.Cause // 0: a step
	url   string      // of Resync and Upgrade
}

// A timeline is devices, their server, and what is done to them.
type timeline struct {
	model    string // "": SPA2102
	firmware string
	switches map[string]string
	set      []string // presets, over the factory's values and a rule by http
	count    int      // 0: 1
	files    map[string]string
	down     bool
	hold     time.Duration // how long a transfer takes
	lasts    time.Duration
	moves    []move
	rc       string    // URL of remote customization
	bare     bool      // without the preset rule
	begins   time.Time // zero: midnight of 1 January 2000, GMT
}

// served is a server that has the file of rule A, always the same.
var served = map[string]string{"/a": profileOf("GPP_A=1")}

// play runs a timeline and returns each device's contacts.
func (tl timeline) play(t *testing.T) [][]contact {
	t.Helper()
	contacts, _ := tl.run(t)
	return contacts
}

func (tl timeline) run(t *testing.T) (contacts [][]contact, s *stand) {
	t.Helper()
	if tl.model == "" {
		tl.model, tl.firmware = "SPA2102", "5.2.10"
	}
	tl.count = max(tl.count, 1)
	s = &stand{t: t}
	synctest.Test(t, func(t *testing.T) {
		if wait := time.Until(tl.begins); wait > 0 {
			<-time.After(wait)
		}
		ctx, stop := context.WithTimeout(t.Context(), tl.lasts)
		defer stop()
		n := newNetwork()
		n.files, n.down, n.hold = tl.files, tl.down, tl.hold
		set := settings(tl.set...)
		if _, ok := set["Profile_Rule"]; !ok && !tl.bare {
			set["Profile_Rule"] = "http://192.0.2.5/a"
		}
		f, err := fleet.New(fleet.Config{Seed: 1, Network: n, Tell: s.hear,
			Groups: []fleet.Group{{Row: row(t, tl.model, tl.firmware, tl.switches), Count: tl.count, Presets: set, RCURL: tl.rc}}})
		if err != nil {
			t.Fatal(err)
		}
		s.f = f
		var conductor sync.WaitGroup
		conductor.Go(func() { tl.conduct(ctx, t, f) })
		if err := f.Run(ctx); err != nil {
			t.Error(err)
		}
		conductor.Wait()
	})
	for dev := range device.Index(tl.count) {
		booted := s.of(dev, device.Boot)[0].At
		var list []contact
		for _, e := range s.of(dev, device.ResyncStarted) {
			list = append(list, contact{time.Duration(e.At - booted), e.Cause})
		}
		contacts = append(contacts, list)
	}
	return contacts, s
}

// conduct carries out the moves.
func (tl timeline) conduct(ctx context.Context, t *testing.T, f *fleet.Fleet) {
	began := time.Now()
	for _, m := range tl.moves {
		select {
		case <-time.After(m.after - time.Since(began)):
		case <-ctx.Done():
			return
		}
		for dev := range device.Index(tl.count) {
			c := device.Command{Order: m.order, Cause: model.ByStep, Argument: m.url, Sets: sets(t, m.pairs...)}
			if m.cause != 0 {
				c.Cause = m.cause
			}
			if err := f.Do(ctx, dev, c); err != nil {
				t.Error(err)
			}
		}
	}
}

// exactly compares the contacts of the one device of a timeline.
func (tl timeline) exactly(t *testing.T, want ...contact) {
	t.Helper()
	if got := tl.play(t)[0]; !slices.Equal(got, want) {
		t.Errorf("contacts %v\nwant     %v", got, want)
	}
}

// every returns contacts of one cause at equal distances.
func every(cause model.Cause, first, step time.Duration, count int) (list []contact) {
	for i := range count {
		list = append(list, contact{first + time.Duration(i)*step, cause})
	}
	return list
}

// atBoot is a first contact without random delay.
var atBoot = contact{0, model.ByPowerOn}

// spread checks that durations lie evenly in [low, high].
func spread(t *testing.T, what string, low, high time.Duration, all []time.Duration) {
	t.Helper()
	var quarters [4]int
	for _, d := range all {
		if d < low || d > high {
			t.Fatalf("%s: %s, want %s to %s", what, d, low, high)
		}
		quarters[min((d-low)*4/(high-low), 3)]++
	}
	for i, n := range quarters {
		if n < len(all)/8 || n > len(all)*3/8 {
			t.Errorf("%s: %d of %d in quarter %d between %s and %s", what, n, len(all), i+1, low, high)
		}
	}
}

const day = 24 * time.Hour

// T13: a trigger whose timer starts again with each attempt.
func TestT13TriggerComesEveryTenMinutes(t *testing.T) {
	tl := timeline{files: served, lasts: 59 * time.Minute, count: 50,
		set: []string{"Resync_Trigger_1=$REGTMR1 gt 300 and $PRVTMR ge 600", "Resync_Random_Delay=2"}}
	for dev, list := range tl.play(t) {
		first := list[0].after
		if first < 0 || first > 40*time.Second {
			t.Errorf("device %d: first contact after %s", dev, first)
		}
		want := append([]contact{{first, model.ByPowerOn}}, every(model.ByTrigger, first+10*time.Minute, 10*time.Minute, 5)...)
		if !slices.Equal(list, want) {
			t.Errorf("device %d: %v\nwant %v", dev, list, want)
		}
	}
}

func TestTriggerTimelines(t *testing.T) {
	const s = time.Second
	off := []string{"Resync_Random_Delay=0", "Resync_Periodic=0"}
	tests := []struct {
		name string
		tl   timeline
		want []contact
	}{
		{"level comes again after the floor", timeline{lasts: 500 * s, set: append([]string{"Resync_Trigger_2=$REGTMR1 gt 300"}, off...)},
			append([]contact{atBoot}, every(model.ByTrigger, 301*s, 60*s, 4)...)},
		{"another floor", timeline{lasts: 500 * s, set: append([]string{"Resync_Trigger_2=$REGTMR1 gt 300"}, off...), switches: map[string]string{"trigger_floor": "100s"}},
			append([]contact{atBoot}, every(model.ByTrigger, 301*s, 100*s, 2)...)},
		{"edge comes once", timeline{lasts: day, set: append([]string{"Resync_Trigger_2=$REGTMR1 gt 300"}, off...), switches: map[string]string{"trigger_mode": "edge"}},
			[]contact{atBoot, {301 * s, model.ByTrigger}}},
		{"edge comes again with its timer", timeline{lasts: 2000 * s, set: append([]string{"Resync_Trigger_1=$PRVTMR ge 600"}, off...), switches: map[string]string{"trigger_mode": "edge"}},
			append([]contact{atBoot}, every(model.ByTrigger, 600*s, 600*s, 3)...)},
		{"a trigger waits for the first contact", timeline{lasts: 100 * s, set: append([]string{"Resync_Trigger_1=true"}, off...)},
			append([]contact{atBoot}, every(model.ByTrigger, 0, 60*s, 2)...)},
		{"Resync_On_Reset off: a trigger is the first, and starts the periodic timer",
			timeline{lasts: 3000 * s, set: []string{"Resync_On_Reset=No", "Resync_Trigger_1=$REGTMR1 eq 300", "Resync_Periodic=1000"}},
			append([]contact{{300 * s, model.ByTrigger}}, every(model.ByPeriodic, 1300*s, 1000*s, 2)...)},
		{"an edit makes it true, and false", timeline{lasts: 1000 * s, set: append([]string{`Resync_Trigger_1="$B" eq "go"`}, off...),
			moves: []move{{after: 100 * s, order: device.SetParams, pairs: []string{"GPP_B=go"}}, {after: 250 * s, order: device.SetParams, pairs: []string{"GPP_B=stop"}}}},
			append([]contact{atBoot}, every(model.ByTrigger, 100*s, 60*s, 3)...)},
		{"an edit makes it true twice, by edge", timeline{lasts: 1000 * s, set: append([]string{`Resync_Trigger_1="$B" eq "go"`}, off...),
			switches: map[string]string{"trigger_mode": "edge"},
			moves: []move{{after: 100 * s, order: device.SetParams, pairs: []string{"GPP_B=go"}}, {after: 250 * s, order: device.SetParams, pairs: []string{"GPP_B=stop"}},
				{after: 400 * s, order: device.SetParams, pairs: []string{"GPP_B=go"}}}},
			[]contact{atBoot, {100 * s, model.ByTrigger}, {400 * s, model.ByTrigger}}},
		{"a file brings the trigger", timeline{lasts: 1000 * s, set: off, files: map[string]string{"/a": profileOf("Resync_Trigger_1=$PRVTMR ge 300")}},
			append([]contact{atBoot}, every(model.ByTrigger, 300*s, 300*s, 3)...)},
		{"Provision_Enable off", timeline{lasts: 1000 * s, set: append([]string{"Resync_Trigger_1=$PRVTMR ge 300"}, off...),
			moves: []move{{after: 400 * s, order: device.SetParams, pairs: []string{"Provision_Enable=No"}}}},
			[]contact{atBoot, {300 * s, model.ByTrigger}}},
		{"a trigger waits for the line", timeline{lasts: 1000 * s, set: append([]string{"Resync_Trigger_1=$PRVTMR ge 600"}, off...),
			moves: []move{{after: 500 * s, order: device.HookOff}, {after: 700 * s, order: device.HookOn}}},
			[]contact{atBoot, {700 * s, model.ByTrigger}}},
		{"a trigger takes the place of the retry", timeline{lasts: 1500 * s, down: true,
			set: append([]string{"Resync_Trigger_1=$PRVTMR ge 600", "Resync_Error_Retry_Delay=700"}, off...)},
			append([]contact{atBoot}, every(model.ByTrigger, 600*s, 600*s, 2)...)},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			if tt.tl.files == nil && !tt.tl.down {
				tt.tl.files = served
			}
			tt.tl.exactly(t, tt.want...)
		})
	}
}

// T1: the random delay, then the period.
func TestT1AllDefaults(t *testing.T) {
	tl := timeline{files: served, count: 200, lasts: day}
	var firsts []time.Duration
	for dev, list := range tl.play(t) {
		firsts = append(firsts, list[0].after)
		count := 23 // in the day less the random delay
		if list[0].after == 0 {
			count = 24
		}
		want := append([]contact{{list[0].after, model.ByPowerOn}}, every(model.ByPeriodic, list[0].after+time.Hour, time.Hour, count)...)
		if !slices.Equal(list, want) {
			t.Fatalf("device %d: %v\nwant %v", dev, list, want)
		}
	}
	spread(t, "first contact", 0, 40*time.Second, firsts)
}

// T2: the file is not there, so the error timer runs and the periodic never does.
func TestT2NotFoundForever(t *testing.T) {
	tl := timeline{lasts: day - time.Minute, set: []string{"Resync_Random_Delay=0", "Resync_Periodic=60"}}
	tl.exactly(t, append([]contact{atBoot}, every(model.ByRetry, time.Hour, time.Hour, 23)...)...)
}

// T3: not found counts as a success.
func TestT3NotFoundIsNoFailure(t *testing.T) {
	tl := timeline{lasts: day - time.Minute, set: []string{"Resync_Random_Delay=0", "Resync_Fails_On_FNF=No", "Resync_Error_Retry_Delay=60"}}
	tl.exactly(t, append([]contact{atBoot}, every(model.ByPeriodic, time.Hour, time.Hour, 23)...)...)
}

// T4: the list of retry delays, with its random parts; the last one repeats.
func TestT4ErrorListWithRandomParts(t *testing.T) {
	const s = time.Second
	tl := timeline{down: true, count: 200, lasts: 10 * time.Hour,
		set: []string{"Resync_Random_Delay=0", "Resync_Error_Retry_Delay=1800+300,3600+600,7200+900"}}
	waits := [5][]time.Duration{}
	for dev, list := range tl.play(t) {
		if len(list) < 6 {
			t.Fatalf("device %d: only %v", dev, list)
		}
		for i := range waits {
			waits[i] = append(waits[i], list[i+1].after-list[i].after)
			if list[i+1].cause != model.ByRetry {
				t.Errorf("device %d: %v", dev, list)
			}
		}
	}
	spread(t, "first wait", 1800*s, 2100*s, waits[0])
	spread(t, "second wait", 3600*s, 4200*s, waits[1])
	for _, again := range waits[2:] {
		spread(t, "third and later waits", 7200*s, 8100*s, again)
	}
}

// T5 and T6, and what a device does that only waits to be told.
func TestT5T6NothingComesByItself(t *testing.T) {
	const s = time.Second
	tests := []struct {
		name string
		tl   timeline
		want []contact
	}{
		{"T5: Resync_Periodic 0", timeline{set: []string{"Resync_Random_Delay=0", "Resync_Periodic=0"}}, []contact{atBoot}},
		{"T6: Resync_On_Reset off", timeline{set: []string{"Resync_On_Reset=No"}}, nil},
		{"T6: then somebody orders one", timeline{set: []string{"Resync_On_Reset=No"}, moves: []move{{after: 5000 * s, order: device.Resync}}},
			append([]contact{{5000 * s, model.ByStep}}, every(model.ByPeriodic, 8600*s, time.Hour, 22)...)},
		{"T7: no random delay", timeline{set: []string{"Resync_Random_Delay=0", "Resync_Periodic=80000"}}, []contact{atBoot, {80000 * s, model.ByPeriodic}}},
		{"Provision_Enable off", timeline{set: []string{"Provision_Enable=No"}}, nil},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			tt.tl.files, tt.tl.lasts = served, day
			tt.tl.exactly(t, tt.want...)
		})
	}
}

// T8: A succeeds and B fails; after the error delay both are asked for again,
// until both succeed: only then does the change reboot.
func TestT8FailureRepeatsTheWholeSequence(t *testing.T) {
	tl := timeline{files: map[string]string{"/a": profileOf("GPP_A=1", "Profile_Rule_B=http://192.0.2.5/b")}, lasts: 3*time.Hour - time.Minute,
		set: []string{"Resync_Random_Delay=0"}}
	contacts, s := tl.run(t)
	if want := append([]contact{atBoot}, every(model.ByRetry, time.Hour, time.Hour, 2)...); !slices.Equal(contacts[0], want) {
		t.Errorf("contacts %v, want %v", contacts[0], want)
	}
	a, b := s.of(0, device.Applied), s.of(0, device.FetchFailed)
	if len(a) != 3 || len(b) != 3 || a[2].File.Rule != 'A' || b[2].File.Rule != 'B' {
		t.Errorf("%d files applied and %d failed, want A and B three times each", len(a), len(b))
	}
	if v, _ := s.view(0).Params.Lookup("GPP_A"); v != "1" {
		t.Errorf("A is not kept: GPP_A = %q", v)
	}
}

// T9: a change of reboot class costs a second round, except in generation 4.
func TestT9ChangeCostsASecondRound(t *testing.T) {
	files := map[string]string{"/a": profileOf("User_ID_1_=7", "Profile_Rule_B=http://192.0.2.5/b", "Profile_Rule_C=http://192.0.2.5/c"), "/b": profileOf("GPP_B=1"), "/c": profileOf()}
	t.Run("generation 2", func(t *testing.T) {
		var delays []time.Duration
		contacts, s := timeline{files: files, count: 100, lasts: 2 * time.Hour}.run(t)
		for dev, list := range contacts {
			boots := s.of(device.Index(dev), device.Boot)
			if len(boots) != 2 || boots[1].Reason != device.ByParams || len(list) != 3 {
				t.Fatalf("device %d: %d boots, contacts %v", dev, len(boots), list)
			}
			if boots[1].At != boots[0].At+int64(list[0].after) || list[1].cause != model.ByPowerOn ||
				list[2] != (contact{list[1].after + time.Hour, model.ByPeriodic}) {
				t.Errorf("device %d: contacts %v", dev, list)
			}
			delays = append(delays, list[1].after-list[0].after)
			if files := len(s.of(device.Index(dev), device.Fetched)); files != 9 {
				t.Errorf("device %d: %d files, want all three in each round", dev, files)
			}
		}
		spread(t, "second round after the reboot", 6*time.Second, 46*time.Second, delays)
	})
	t.Run("generation 4", func(t *testing.T) {
		tl := timeline{model: "SPA112", firmware: "1.3.5", files: files, lasts: 2*time.Hour - time.Minute, set: []string{"Resync_Random_Delay=0"}}
		tl.exactly(t, atBoot, contact{time.Hour + 90*time.Second, model.ByPeriodic})
	})
}

// T10: a rule that an earlier file of the same pass has set counts at once.
func TestT10LaterRulesAreRead(t *testing.T) {
	tl := timeline{files: map[string]string{"/a": profileOf("Profile_Rule_B=http://192.0.2.5/new"), "/new": profileOf("GPP_B=new")}, lasts: time.Minute,
		set: []string{"Resync_Random_Delay=0", "Profile_Rule_B=http://192.0.2.5/old"}}
	_, s := tl.run(t)
	for i, want := range []string{"/a", "/new"} {
		if files := s.of(0, device.Fetched, device.FetchFailed); len(files) < 2 || files[i].File.Path != want {
			t.Errorf("file %d is not %s", i, want)
		}
	}
}

// T11: Resync_At__HHmm_, each day with another draw; the period does not count.
func TestT11DailyResyncs(t *testing.T) {
	tl := timeline{model: "SPA504G", firmware: "7.5.5", files: served, count: 100, lasts: 5*day - time.Second,
		set: []string{"Resync_Random_Delay=0", "Resync_At__HHmm_=0230", "Resync_At_Random_Delay=1200", "Resync_Periodic=60", "Time_Zone=GMT"}}
	var draws []time.Duration
	for dev, list := range tl.play(t) {
		if len(list) != 6 || list[0] != atBoot {
			t.Fatalf("device %d: %v", dev, list)
		}
		for i, c := range list[1:] {
			if c.cause != model.ByDaily {
				t.Errorf("device %d: by %s", dev, c.cause)
			}
			draws = append(draws, c.after-time.Duration(i)*day)
		}
		if draws[len(draws)-1] == draws[len(draws)-2] {
			t.Errorf("device %d: the same draw on two days", dev)
		}
	}
	spread(t, "contact", 150*time.Minute, 170*time.Minute, draws)
}

func TestDailyResyncKeepsToTheClockThroughDaylightSaving(t *testing.T) {
	tl := timeline{model: "SPA504G", firmware: "7.5.5", files: served, lasts: 3 * day, begins: time.Date(2000, 3, 25, 0, 0, 0, 0, time.UTC),
		set: []string{"Resync_Random_Delay=0", "Resync_At__HHmm_=0600", "Resync_At_Random_Delay=0", "Time_Zone=GMT+01:00",
			"Daylight_Saving_Time_Rule=start=3/-1/7/2;end=10/-1/7/3;save=1"}}
	const h = time.Hour
	tl.exactly(t, atBoot, contact{5 * h, model.ByDaily}, contact{day + 4*h, model.ByDaily}, contact{2*day + 4*h, model.ByDaily})
}

// T12: a resync waits for the line, and for Forced_Resync_Delay at most.
func TestT12BusyLine(t *testing.T) {
	const s = time.Second
	call := []move{{after: 3000 * s, order: device.HookOff}, {after: 6000 * s, order: device.HookOn}}
	tests := []struct {
		name   string
		forced string
		moves  []move
		lasts  time.Duration
		want   []contact
	}{
		{"forced while the call lasts", "600", call, 4300 * s, []contact{atBoot, {4200 * s, model.ByPeriodic}}},
		{"the call ends first", "14400", call, 6100 * s, []contact{atBoot, {6000 * s, model.ByPeriodic}}},
		{"a short call is none", "600", []move{{after: 3000 * s, order: device.HookOff}, {after: 3500 * s, order: device.HookOn}}, 3700 * s, []contact{atBoot, {3600 * s, model.ByPeriodic}}},
		{"a second call does not begin the wait again", "600", []move{{after: 3000 * s, order: device.HookOff}, {after: 3700 * s, order: device.Resync}}, 4300 * s,
			[]contact{atBoot, {4200 * s, model.ByPeriodic}}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			tl := timeline{files: served, lasts: tt.lasts, moves: tt.moves, set: []string{"Resync_Random_Delay=0", "Forced_Resync_Delay=" + tt.forced}}
			tl.exactly(t, tt.want...)
		})
	}
}

// Resync_Periodic counts when the timer is set the next time, that is right
// after the sequence that brought it; an edit does not move a timer that runs.
func TestNewPeriodCountsAtTheNextArming(t *testing.T) {
	const s = time.Second
	t.Run("by a file", func(t *testing.T) {
		tl := timeline{files: map[string]string{"/a": profileOf("Resync_Periodic=600")}, lasts: 1700 * s, set: []string{"Resync_Random_Delay=0"}}
		tl.exactly(t, append([]contact{atBoot}, every(model.ByPeriodic, 600*s, 600*s, 2)...)...)
	})
	t.Run("by an edit", func(t *testing.T) {
		tl := timeline{files: served, lasts: 4900 * s, set: []string{"Resync_Random_Delay=0"}, moves: []move{{after: 100 * s, order: device.SetParams, pairs: []string{"Resync_Periodic=600"}}}}
		tl.exactly(t, append([]contact{atBoot}, every(model.ByPeriodic, 3600*s, 600*s, 3)...)...)
	})
}

// The list of retry delays begins from its first after a success, and after a boot.
func TestErrorListBeginsAgain(t *testing.T) {
	const s = time.Second
	list := []string{"Resync_Random_Delay=0", "Resync_Error_Retry_Delay=100,200,300", "Resync_Fails_On_FNF=Yes", "Resync_Periodic=0"}
	t.Run("after a boot", func(t *testing.T) {
		tl := timeline{lasts: 990 * s, set: list, moves: []move{{after: 400 * s, order: device.Reboot}}}
		tl.exactly(t, atBoot, contact{100 * s, model.ByRetry}, contact{300 * s, model.ByRetry},
			contact{412 * s, model.ByPowerOn}, contact{512 * s, model.ByRetry}, contact{712 * s, model.ByRetry})
	})
	t.Run("after a success", func(t *testing.T) {
		tl := timeline{lasts: 990 * s, set: list, moves: []move{
			{after: 350 * s, order: device.SetParams, pairs: []string{"Resync_Fails_On_FNF=No"}}, {after: 360 * s, order: device.Resync},
			{after: 370 * s, order: device.SetParams, pairs: []string{"Resync_Fails_On_FNF=Yes"}}, {after: 400 * s, order: device.Resync}}}
		tl.exactly(t, atBoot, contact{100 * s, model.ByRetry}, contact{300 * s, model.ByRetry},
			contact{360 * s, model.ByStep}, contact{400 * s, model.ByStep}, contact{500 * s, model.ByRetry}, contact{700 * s, model.ByRetry})
	})
}

// A trigger that always holds, and a device that somebody reboots: the
// floor holds over reboots.
func TestTriggerFloorOutlastsReboots(t *testing.T) {
	const s = time.Second
	tl := timeline{files: served, lasts: 200 * s, set: []string{"Resync_Random_Delay=0", "Resync_Trigger_1=true"},
		moves: []move{{after: 70 * s, order: device.Reboot}, {after: 90 * s, order: device.Reboot}}}
	tl.exactly(t, atBoot, contact{0, model.ByTrigger}, contact{60 * s, model.ByTrigger}, contact{82 * s, model.ByPowerOn}, contact{102 * s, model.ByPowerOn},
		contact{120 * s, model.ByTrigger}, contact{180 * s, model.ByTrigger})
}
