package fleet_test

import (
	"context"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"spafleet/device"
	"spafleet/device/fleet"
)

// The timelines T1 to T13: when devices contact their servers over hours and
// days, on the clock of a synctest bubble. Times are after a device's first boot.

// A contact is the start of a resync.
type contact struct {
	after time.Duration
	cause device.Cause
}

// A move is something that is done to every device at a time.
type move struct {
	after time.Duration
	order device.Order
	pairs []string // of SetParams
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
			time.Sleep(wait)
		}
		ctx, stop := context.WithTimeout(t.Context(), tl.lasts)
		defer stop()
		n := newNetwork()
		n.files, n.down, n.hold = tl.files, tl.down, tl.hold
		presets := sets(t, append([]string{"Profile_Rule=http://192.0.2.5/a"}, tl.set...)...)
		f, err := fleet.New(fleet.Config{Seed: 1, Network: n, Tell: s.hear,
			Groups: []fleet.Group{{Row: row(t, tl.model, tl.firmware, tl.switches), Count: tl.count, Presets: presets}}})
		if err != nil {
			t.Fatal(err)
		}
		s.f = f
		go tl.conduct(ctx, t, f)
		if err := f.Run(ctx); err != nil {
			t.Error(err)
		}
		synctest.Wait()
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
		time.Sleep(m.after - time.Since(began))
		for dev := range device.Index(tl.count) {
			c := device.Command{Order: m.order, Cause: device.ByStep, Sets: sets(t, m.pairs...)}
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
func every(cause device.Cause, first, step time.Duration, count int) (list []contact) {
	for i := range count {
		list = append(list, contact{first + time.Duration(i)*step, cause})
	}
	return list
}

// atBoot is a first contact without random delay.
var atBoot = contact{0, device.ByPowerOn}

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
		want := append([]contact{{first, device.ByPowerOn}}, every(device.ByTrigger, first+10*time.Minute, 10*time.Minute, 5)...)
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
			append([]contact{atBoot}, every(device.ByTrigger, 301*s, 60*s, 4)...)},
		{"another floor", timeline{lasts: 500 * s, set: append([]string{"Resync_Trigger_2=$REGTMR1 gt 300"}, off...), switches: map[string]string{"trigger_floor": "100s"}},
			append([]contact{atBoot}, every(device.ByTrigger, 301*s, 100*s, 2)...)},
		{"edge comes once", timeline{lasts: day, set: append([]string{"Resync_Trigger_2=$REGTMR1 gt 300"}, off...), switches: map[string]string{"trigger_mode": "edge"}},
			[]contact{atBoot, {301 * s, device.ByTrigger}}},
		{"edge comes again with its timer", timeline{lasts: 2000 * s, set: append([]string{"Resync_Trigger_1=$PRVTMR ge 600"}, off...), switches: map[string]string{"trigger_mode": "edge"}},
			append([]contact{atBoot}, every(device.ByTrigger, 600*s, 600*s, 3)...)},
		{"a trigger waits for the first contact", timeline{lasts: 100 * s, set: append([]string{"Resync_Trigger_1=true"}, off...)},
			append([]contact{atBoot}, every(device.ByTrigger, 0, 60*s, 2)...)},
		{"Resync_On_Reset off: a trigger is the first, and starts the periodic timer",
			timeline{lasts: 3000 * s, set: []string{"Resync_On_Reset=No", "Resync_Trigger_1=$REGTMR1 eq 300", "Resync_Periodic=1000"}},
			append([]contact{{300 * s, device.ByTrigger}}, every(device.ByPeriodic, 1300*s, 1000*s, 2)...)},
		{"an edit makes it true, and false", timeline{lasts: 1000 * s, set: append([]string{`Resync_Trigger_1="$B" eq "go"`}, off...),
			moves: []move{{100 * s, device.SetParams, []string{"GPP_B=go"}}, {250 * s, device.SetParams, []string{"GPP_B=stop"}}}},
			append([]contact{atBoot}, every(device.ByTrigger, 100*s, 60*s, 3)...)},
		{"an edit makes it true twice, by edge", timeline{lasts: 1000 * s, set: append([]string{`Resync_Trigger_1="$B" eq "go"`}, off...),
			switches: map[string]string{"trigger_mode": "edge"},
			moves: []move{{100 * s, device.SetParams, []string{"GPP_B=go"}}, {250 * s, device.SetParams, []string{"GPP_B=stop"}},
				{400 * s, device.SetParams, []string{"GPP_B=go"}}}},
			[]contact{atBoot, {100 * s, device.ByTrigger}, {400 * s, device.ByTrigger}}},
		{"a file brings the trigger", timeline{lasts: 1000 * s, set: off, files: map[string]string{"/a": profileOf("Resync_Trigger_1=$PRVTMR ge 300")}},
			append([]contact{atBoot}, every(device.ByTrigger, 300*s, 300*s, 3)...)},
		{"Provision_Enable off", timeline{lasts: 1000 * s, set: append([]string{"Resync_Trigger_1=$PRVTMR ge 300"}, off...),
			moves: []move{{400 * s, device.SetParams, []string{"Provision_Enable=No"}}}},
			[]contact{atBoot, {300 * s, device.ByTrigger}}},
		{"a trigger waits for the line", timeline{lasts: 1000 * s, set: append([]string{"Resync_Trigger_1=$PRVTMR ge 600"}, off...),
			moves: []move{{500 * s, device.HookOff, nil}, {700 * s, device.HookOn, nil}}},
			[]contact{atBoot, {700 * s, device.ByTrigger}}},
		{"a trigger takes the place of the retry", timeline{lasts: 1500 * s, down: true,
			set: append([]string{"Resync_Trigger_1=$PRVTMR ge 600", "Resync_Error_Retry_Delay=700"}, off...)},
			append([]contact{atBoot}, every(device.ByTrigger, 600*s, 600*s, 2)...)},
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
