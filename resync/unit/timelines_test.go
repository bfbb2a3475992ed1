package unit

import (
	"cmp"
	"fmt"
	"net/netip"
	"slices"
	"strings"
	"testing"
	"time"

	"spafleet/device"
	"spafleet/device/devicetest"
	"spafleet/device/model"
	"spafleet/resync"
)

// midnight is when these devices get their power.
const midnight = int64(946684800e9) // 1 January 2000

// A bench is one device on its own, with what it has done. Its attempts take no
// time: their outcomes are those of answers.
type bench struct {
	t       *testing.T
	m       *Machine
	u       Unit
	dev     device.Index
	now     int64
	answers func(attempt int) resync.Outcome // from 0; params and life are filled in
	upgrade *resync.Outcome                  // of every upgrade in place of answers, if set
	started int
	extras  func(n int) bool // whether it gets its n-th extra file, from 0; nil: it does
	asked   int              // extra files so far
	did     []string         // starts of attempts, boots, power and log lines, with the second at which they came
	waiting *Start
	holds   bool // upgrades that have begun do not end
	calls   int  // requests by SIP so far
	silent  bool // its SIP server answers nothing
}

func newBench(t *testing.T, row *model.Row, dev device.Index, presets ...string) *bench {
	t.Helper()
	s := &Shared{Seed: 1, Address: func(i device.Index) netip.Addr { return netip.AddrFrom4([4]byte{127, 64, 0, byte(i + 1)}) }}
	g := Group{Row: row, Count: 1, Presets: map[string]string{}}
	for _, p := range presets {
		name, value, _ := strings.Cut(p, "=")
		g.Presets[name] = value
	}
	if err := g.Check(); err != nil {
		t.Fatal(err)
	}
	s.Add(g)
	b := &bench{t: t, m: NewMachine(s), u: s.New(0), dev: dev, now: midnight, answers: func(int) resync.Outcome { return resync.Outcome{OK: true} }}
	return b
}

func (b *bench) at() *Machine { return b.m.At(b.dev, &b.u, b.now) }

// take notes what follows from an input, and lets an attempt begin that asks.
func (b *bench) take(fx *Effects) {
	for _, e := range fx.Events {
		if e.Dev != b.dev {
			b.t.Errorf("event of device %d", e.Dev)
		}
		switch e.Kind {
		case device.ResyncStarted:
			b.note("%s", e.Cause)
		case device.UpgradeStarted:
			b.note("upgrade")
		case device.Boot:
			b.note("boot:%s", e.Reason)
		case device.PowerOff:
			b.note("off")
		case device.Syslog:
			b.note("log %s", e.Text[strings.Index(e.Text, "reboot reason"):])
		}
	}
	if fx.Start != nil {
		s := *fx.Start
		b.waiting = &s
	}
	b.admit()
}

func (b *bench) note(format string, args ...any) {
	b.did = append(b.did, fmt.Sprintf("%g ", float64(b.now-midnight)/1e9)+fmt.Sprintf(format, args...))
}

// admit carries a waiting attempt out at once.
func (b *bench) admit() {
	if b.waiting == nil {
		return
	}
	s := b.waiting
	b.waiting = nil
	fx, begins := b.at().Admit(s)
	b.take(fx)
	if !begins {
		return
	}
	_, in, fx := b.at().Begin(s, 7)
	b.take(fx)
	if b.holds && s.Command.Order == device.Upgrade {
		return
	}
	o := b.outcome(s, &in)
	if o.Params == (device.Params{}) {
		o.Params = in.Params
	}
	o.Life = in.Life
	b.take(b.at().Ended(&o, s.Due))
}

// outcome is what becomes of an attempt.
func (b *bench) outcome(s *Start, in *resync.Input) (o resync.Outcome) {
	if s.Command.Order == device.Fetch {
		b.note("%s %s by %s", in.Extra.File.What, in.Extra.URL, s.Command.Cause)
		o = resync.Outcome{OK: b.extras == nil || b.extras(b.asked), Extra: in.Extra}
		b.asked++
		return o
	}
	o = b.answers(b.started)
	if b.upgrade != nil && s.Command.Order == device.Upgrade {
		o = *b.upgrade
	}
	b.started++
	return o
}

// runUntil lets the device's timers run out, up to a second after midnight.
func (b *bench) runUntil(second float64) {
	b.t.Helper()
	end := midnight + int64(second*1e9)
	for range 10_000 {
		if b.u.Due() == 0 || b.u.Due() > end {
			b.now = end
			return
		}
		b.now = max(b.now, b.u.Due())
		b.take(b.at().Due())
	}
	b.t.Fatal("it never rests")
}

func (b *bench) do(order device.Order, pairs ...string) {
	b.take(b.at().Do(device.Command{Order: order, Cause: model.ByStep, Sets: devicetest.Sets(b.t, b.m.Row(&b.u).Factory, pairs...)}))
}

// A do is a command at a second after power-on.
type do struct {
	at    float64
	order device.Order
	sets  string
}

var (
	fails = func(int) resync.Outcome { return resync.Outcome{Err: "x"} }
	ata   = func(t *testing.T) *model.Row { return devicetest.Row(t, "SPA2102", "5.2.10") }
	phone = func(t *testing.T) *model.Row { return devicetest.Row(t, "SPA504G", "7.5.5") }
)

// The timelines of provisioning.md §2.12, without random delay but for those that
// are about it: what the device does, and at which second. See device-surface.md §4.6.
func TestTimelines(t *testing.T) {
	const s = "Resync_Random_Delay=0"
	tests := []struct {
		name    string
		row     func(*testing.T) *model.Row
		set     []string
		answers func(int) resync.Outcome
		do      []do
		until   float64
		want    string
	}{
		{"T1: 200 always", ata, []string{s}, nil, nil, 11000, "0 boot:power, 0 power_on, 3600 periodic, 7200 periodic, 10800 periodic"},
		{"T2: fails always", ata, []string{s, "Resync_Periodic=60"}, fails, nil, 8000, "0 boot:power, 0 power_on, 3600 retry, 7200 retry"},
		{"T4: the last delay repeats", ata, []string{s, "Resync_Error_Retry_Delay=1800,3600,7200"}, fails, nil, 20000,
			"0 boot:power, 0 power_on, 1800 retry, 5400 retry, 12600 retry, 19800 retry"},
		{"T4: a success starts the list again", ata, []string{s, "Resync_Error_Retry_Delay=100,200,300", "Resync_Periodic=1000"},
			func(n int) resync.Outcome { return resync.Outcome{OK: n == 2} }, nil, 1700,
			"0 boot:power, 0 power_on, 100 retry, 300 retry, 1300 periodic, 1400 retry, 1600 retry"},
		{"T5: no period", ata, []string{s, "Resync_Periodic=0"}, nil, nil, 86400, "0 boot:power, 0 power_on"},
		{"T6: nothing until it is told", ata, []string{s, "Resync_On_Reset=No"}, nil, []do{{5000, device.Resync, ""}}, 9000, "0 boot:power, 5000 step, 8600 periodic"},
		{"T7: no random delay", ata, []string{s, "Resync_Periodic=80000"}, nil, nil, 86400, "0 boot:power, 0 power_on, 80000 periodic"},
		{"T8: changed, and then a failure: no reboot", ata, []string{s},
			func(n int) resync.Outcome {
				return resync.Outcome{OK: n == 2, Reboot: []model.RebootClass{model.WarmReboot, 0, 0, 0}[n]}
			}, nil, 7300,
			"0 boot:power, 0 power_on, 3600 retry, 7200 retry, 7200 boot:params, 7206 power_on"},
		{"T9: a change reboots, and a second round comes", ata, []string{s},
			func(n int) resync.Outcome {
				return resync.Outcome{OK: true, Reboot: []model.RebootClass{model.WarmReboot, 0, 0}[n]}
			}, nil, 3700,
			"0 boot:power, 0 power_on, 0 boot:params, 6 power_on, 3606 periodic"},
		{"T9: generation 4 has no second round", func(t *testing.T) *model.Row { return devicetest.Row(t, "SPA112", "1.3.5") }, []string{s},
			func(n int) resync.Outcome {
				return resync.Outcome{OK: true, Reboot: []model.RebootClass{model.WarmReboot, 0, 0}[n]}
			}, nil, 3700,
			"0 boot:power, 0 power_on, 0 boot:params, 3690 periodic"},
		{"T11: once a day", phone, []string{s, "Resync_At__HHmm_=0230", "Resync_At_Random_Delay=0", "Resync_Periodic=60", "Time_Zone=GMT"}, nil, nil, 100000,
			"0 boot:power, 0 power_on, 9000 daily, 95400 daily"},
		{"T12: busy when due", ata, []string{s, "Forced_Resync_Delay=600"}, nil, []do{{3000, device.HookOff, ""}, {6000, device.HookOn, ""}}, 4300,
			"0 boot:power, 0 power_on, 4200 periodic"},
		{"T12: the call ends first", ata, []string{s}, nil, []do{{3000, device.HookOff, ""}, {6000, device.HookOn, ""}}, 6100,
			"0 boot:power, 0 power_on, 6000 periodic"},
		{"T13: a trigger whose timer starts again with each attempt", ata, []string{s, "Resync_Trigger_1=$REGTMR1 gt 300 and $PRVTMR ge 600"}, nil, nil, 1900,
			"0 boot:power, 0 power_on, 600 trigger, 1200 trigger, 1800 trigger"},
		{"an edit makes a trigger true", ata, []string{s, "Resync_Periodic=0", `Resync_Trigger_1="$B" eq "go"`}, nil, []do{{100, device.SetParams, "GPP_B=go"}, {200, device.SetParams, "GPP_B=x"}}, 1000,
			"0 boot:power, 0 power_on, 100 trigger, 160 trigger"},
		{"a reboot waits for the line", ata, []string{s}, nil, []do{{10, device.HookOff, ""}, {20, device.Reboot, ""}, {30, device.HookOn, ""}}, 100,
			"0 boot:power, 0 power_on, 30 boot:step, 42 power_on"},
		{"a server sends it away", ata, []string{s}, func(n int) resync.Outcome { return resync.Outcome{OK: true, Wait: 5000 * time.Second} }, nil, 5100,
			"0 boot:power, 0 power_on, 5000 periodic"},
		{"power returns, and it boots first", func(t *testing.T) *model.Row { return devicetest.Row(t, "SPA2102", "5.2.10", "boot_time=9s") }, []string{s}, nil,
			[]do{{10, device.SwitchOff, ""}, {20, device.SwitchOn, ""}}, 100, "0 boot:power, 0 power_on, 10 off, 20 boot:power, 29 power_on"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			b := newBench(t, tt.row(t), 0, append([]string{"Profile_Rule=http://192.0.2.5/a"}, tt.set...)...)
			if tt.answers != nil {
				b.answers = tt.answers
			}
			b.take(b.at().PowerOn())
			for _, d := range tt.do {
				b.runUntil(d.at)
				b.do(d.order, strings.Fields(d.sets)...)
			}
			b.runUntil(tt.until)
			if got := strings.Join(b.did, ", "); got != tt.want {
				t.Errorf("it does %s\nwant    %s", got, tt.want)
			}
		})
	}
}

// T1 and T4: draws lie within their bounds, each device has its own, and the
// same device always the same.
func TestDraws(t *testing.T) {
	for _, tt := range []struct {
		name       string
		set        []string
		least, max float64 // of the last thing that it does
	}{
		{"T1: random delay", []string{"Resync_Periodic=0"}, 0, 40},
		{"T4: random part of a retry", []string{"Resync_Random_Delay=0", "Resync_Error_Retry_Delay=1800+300"}, 1800, 2100},
	} {
		seen := map[string]bool{}
		for dev := range device.Index(50) {
			var twice [2]string
			for i := range twice {
				b := newBench(t, ata(t), dev, append([]string{"Profile_Rule=http://192.0.2.5/a"}, tt.set...)...)
				b.answers = fails
				b.take(b.at().PowerOn())
				b.runUntil(tt.max)
				twice[i] = b.did[len(b.did)-1]
			}
			var at float64
			if _, err := fmt.Sscan(twice[0], &at); err != nil || at < tt.least || at > tt.max {
				t.Errorf("%s: device %d at %s", tt.name, dev, twice[0])
			}
			if twice[0] != twice[1] {
				t.Errorf("%s: device %d at %s and %s", tt.name, dev, twice[0], twice[1])
			}
			seen[twice[0]] = true
		}
		if len(seen) < 45 {
			t.Errorf("%s: 50 devices have %d draws", tt.name, len(seen))
		}
	}
}

// tell says what follows from an input, in a line.
func tell(fx *Effects) string {
	var words []string
	for i := range fx.Events {
		words = append(words, fx.Events[i].Name())
	}
	if fx.Start != nil {
		words = append(words, "start:"+fx.Start.Command.Order.String())
	}
	if fx.Cancel != None {
		words = append(words, fmt.Sprint("cancel:", fx.Cancel))
	}
	if fx.Unheard {
		words = append(words, "unheard")
	}
	return strings.Join(words, " ")
}

// One input, in each of the states that a device can be in.
func TestEffects(t *testing.T) {
	command := func(o device.Order) func(*bench) *Effects {
		return func(b *bench) *Effects { return b.at().Do(device.Command{Order: o, Cause: model.ByStep}) }
	}
	states := map[string]func(*bench){
		"without power": func(*bench) {},
		"booting":       func(b *bench) { b.at().Do(device.Command{Order: device.SwitchOn}) },
		"idle":          func(b *bench) { b.at().PowerOn() },
		"in a call": func(b *bench) {
			b.at().PowerOn()
			b.at().Do(device.Command{Order: device.HookOff})
		},
		"waiting": func(b *bench) {
			b.at().PowerOn()
			s := *b.at().Do(device.Command{Order: device.Resync}).Start
			b.waiting = &s
		},
		"in an attempt": func(b *bench) {
			b.at().PowerOn()
			s := *b.at().Do(device.Command{Order: device.Resync}).Start
			b.at().Admit(&s)
			b.at().Begin(&s, 7)
		},
		"in an attempt, a resync waits": func(b *bench) {
			b.at().PowerOn()
			s := *b.at().Do(device.Command{Order: device.Resync}).Start
			b.at().Admit(&s)
			b.at().Begin(&s, 7)
			b.at().Do(device.Command{Order: device.Resync})
		},
	}
	ends := func(o resync.Outcome) func(*bench) *Effects {
		return func(b *bench) *Effects {
			o.Params, o.Life = b.u.params, b.u.life
			return b.at().Ended(&o, b.now)
		}
	}
	tests := []struct {
		state string
		input func(*bench) *Effects
		want  string
	}{
		{"without power", command(device.Resync), "unheard"},
		{"without power", command(device.SwitchOff), ""},
		{"without power", command(device.SwitchOn), "power_on boot"},
		{"booting", command(device.Reboot), "unheard"},
		{"booting", command(device.SwitchOff), "power_off"},
		{"booting", func(b *bench) *Effects { b.now = b.u.Due(); return b.at().Due() }, ""},
		{"booting", func(b *bench) *Effects { b.now = b.u.Due(); b.at().Due(); b.now = b.u.Due(); return b.at().Due() }, "start:resync"},
		{"idle", command(device.SwitchOn), ""},
		{"idle", command(device.Resync), "start:resync"},
		{"idle", command(device.Upgrade), "start:upgrade"},
		{"idle", command(device.Report), "start:report"},
		{"idle", command(device.Customize), ""}, // an ordinary unit
		{"idle", command(device.Reboot), "boot"},
		{"idle", command(device.FactoryReset), "factory-reset boot"},
		{"idle", command(device.SwitchOff), "power_off"},
		{"idle", func(b *bench) *Effects {
			return b.at().Do(device.Command{Order: device.Reboot, Cause: model.ByWeb})
		}, "web boot"},
		{"idle", func(b *bench) *Effects { b.now = b.u.Due(); return b.at().Due() }, "start:resync"},
		{"in a call", command(device.Resync), ""},
		{"in a call", command(device.Reboot), ""},
		{"in a call", command(device.HookOn), ""},
		{"in a call", command(device.FactoryReset), "factory-reset boot"},
		{"waiting", command(device.Resync), ""},
		{"waiting", command(device.Reboot), "boot"},
		{"waiting", func(b *bench) *Effects { fx, _ := b.at().Admit(b.waiting); return fx }, ""},
		{"in an attempt", command(device.Resync), ""},
		{"in an attempt", command(device.Reboot), "boot cancel:7"},
		{"in an attempt", command(device.SwitchOff), "power_off cancel:7"},
		{"in an attempt", command(device.FactoryReset), "factory-reset boot cancel:7"},
		{"in an attempt", ends(resync.Outcome{OK: true}), ""},
		{"in an attempt", ends(resync.Outcome{OK: true, Reboot: model.WarmReboot}), "boot"},
		{"in an attempt", ends(resync.Outcome{Err: "x", Reboot: model.WarmReboot}), ""},
		{"in an attempt, a resync waits", ends(resync.Outcome{OK: true}), "start:resync"},
		{"in an attempt, a resync waits", ends(resync.Outcome{Aborted: true}), ""},
		{"in an attempt, a resync waits", command(device.SwitchOff), "power_off cancel:7"},
	}
	for _, tt := range tests {
		b := newBench(t, devicetest.Row(t, "SPA2102", "5.2.10", "boot_time=9s"), 0, "Resync_Random_Delay=20")
		states[tt.state](b)
		if got := tell(tt.input(b)); got != tt.want {
			t.Errorf("%s: %q, want %q", tt.state, got, tt.want)
		}
		if b.u.opt != nil && len(b.u.pending()) == 0 && b.u.opt.fired == 0 {
			t.Errorf("%s: what it needs no more is still kept: %+v", tt.state, b.u.opt)
		}
	}
}

// A line that is taken while an attempt waits for admission keeps it waiting.
func TestALineTakenBeforeAdmission(t *testing.T) {
	b := newBench(t, ata(t), 0, "Resync_Random_Delay=0", "Forced_Resync_Delay=600")
	b.at().PowerOn()
	s := *b.at().Due().Start
	b.at().Do(device.Command{Order: device.HookOff})
	if _, begins := b.at().Admit(&s); begins {
		t.Fatal("it resyncs during a call")
	}
	if want := b.now + 600e9; b.u.Due() != want {
		t.Errorf("it is due at %d, want %d", b.u.Due(), want)
	}
	if fx := b.at().Do(device.Command{Order: device.HookOn}); fx.Start == nil {
		t.Error("it does not resync after the call")
	}
}

// A start is stale once its device has rebooted or lost its power.
func TestStaleStarts(t *testing.T) {
	for _, order := range []device.Order{device.Reboot, device.FactoryReset, device.SwitchOff} {
		b := newBench(t, ata(t), 0, "Resync_Random_Delay=0")
		b.at().PowerOn()
		s := *b.at().Due().Start
		b.now += 1e9
		b.at().Do(device.Command{Order: order})
		if _, begins := b.at().Admit(&s); begins {
			t.Errorf("an attempt begins after %s", order)
		}
	}
}

// An upgrade that Upgrade_Rule asks for follows a resync. What its failure leads to is
// the firmware's: SPA9xx reboot and try again at each boot, whatever the delay.
func TestUpgrades(t *testing.T) {
	missing, bad := resync.Outcome{Err: "file not found", NotFound: true}, resync.Outcome{Err: "corrupt file", Refused: true}
	good, same := resync.Outcome{OK: true, Version: "5.2.12"}, resync.Outcome{OK: true, Version: "5.2.10"}
	const loop = "0 boot:power, 0 power_on, 0 upgrade, 0 boot:upgrade_failed, 30 power_on, 30 upgrade, 30 boot:upgrade_failed, 60 power_on, 60 upgrade, 60 boot:upgrade_failed"
	const waits = "0 boot:power, 0 power_on, 0 upgrade, 0 boot:upgrade_failed, 12 power_on, 112 upgrade, 112 boot:upgrade_failed, 124 power_on"
	for _, tt := range []struct {
		name, model, turned, delays string
		upgrade                     resync.Outcome
		until                       float64
		want                        string
	}{
		{"SPA9xx forget the delay", "SPA942", "upgrade_retry=lost", "100,1000", missing, 61, loop},
		{"SPA9xx, where none is set", "SPA942", "upgrade_retry=lost", "0", missing, 61, loop},
		{"SPA9xx, a bad image", "SPA942", "upgrade_retry=lost", "100,1000", bad, 61, loop},
		{"SPA5xx keep it", "SPA504G", "upgrade_retry=kept", "100", missing, 250,
			"0 boot:power, 0 power_on, 0 upgrade, 0 boot:upgrade_failed, 50 power_on, 150 upgrade, 150 boot:upgrade_failed, 200 power_on"},
		{"kept by switch", "SPA2102", "upgrade_retry=kept", "100,1000", missing, 250, waits},
		{"kept, and no delay", "SPA2102", "upgrade_retry=kept", "0", missing, 3600, "0 boot:power, 0 power_on, 0 upgrade, 0 boot:upgrade_failed, 12 power_on"},
		{"no reboot", "SPA2102", "failed_upgrade_reboots=never", "100,1000", bad, 1200, "0 boot:power, 0 power_on, 0 upgrade, 100 upgrade, 1100 upgrade"},
		{"a missing image does not reboot", "SPA2102", "failed_upgrade_reboots=bad_image", "100,1000", missing, 250, "0 boot:power, 0 power_on, 0 upgrade, 100 upgrade"},
		{"a bad one does", "SPA2102", "failed_upgrade_reboots=bad_image", "", bad, 13,
			"0 boot:power, 0 power_on, 0 upgrade, 0 boot:upgrade_failed, 12 power_on, 12 upgrade, 12 boot:upgrade_failed"},
		{"it succeeds", "SPA2102", "same_version=stop", "100", good, 250, "0 boot:power, 0 power_on, 0 upgrade, 0 boot:upgrade_ok, 27 power_on"},
		{"the version that runs", "SPA2102", "same_version=stop", "100", same, 3500, "0 boot:power, 0 power_on, 0 upgrade"},
		{"the same, written again", "SPA2102", "same_version=install", "100", same, 250, "0 boot:power, 0 power_on, 0 upgrade, 0 boot:upgrade_ok, 27 power_on"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			row := devicetest.Row(t, tt.model, map[string]string{"SPA2102": "5.2.10", "SPA942": "5.1.8", "SPA504G": "7.5.5"}[tt.model], tt.turned)
			b := newBench(t, row, 0, "Resync_Random_Delay=0", "Upgrade_Rule=http://192.0.2.5/i.bin", "Upgrade_Error_Retry_Delay="+tt.delays,
				"Resync_After_Upgrade_Attempt=No")
			b.upgrade = &tt.upgrade
			b.take(b.at().PowerOn())
			b.runUntil(tt.until)
			if got := strings.Join(b.did, ", "); got != tt.want {
				t.Errorf("it does %s\nwant %s", got, tt.want)
			}
			version := cmp.Or(tt.upgrade.Version, row.Firmware.Version)
			if v := b.m.Row(&b.u).Firmware.Version; v != version {
				t.Errorf("it runs %s, want %s", v, version)
			}
		})
	}
}

// An upgrade that Upgrade_Rule asks for and that power loss, a reboot or a factory reset
// cuts off was not tried: the device does so after its next resync.
func TestAnUpgradeThatIsCutOffIsTriedAgain(t *testing.T) {
	for order, want := range map[device.Order]string{
		device.SwitchOff:    "0 boot:power, 0 power_on, 0 upgrade, 5 off, 10 boot:power, 22 power_on, 22 upgrade, 22 boot:upgrade_ok, 49 power_on",
		device.Reboot:       "0 boot:power, 0 power_on, 0 upgrade, 5 boot:step, 17 power_on, 17 upgrade, 17 boot:upgrade_ok, 44 power_on",
		device.FactoryReset: "0 boot:power, 0 power_on, 0 upgrade, 5 boot:factory_reset, 17 power_on, 17 upgrade, 17 boot:upgrade_ok, 44 power_on",
	} {
		b := newBench(t, devicetest.Row(t, "SPA2102", "5.2.10"), 0, "Resync_Random_Delay=0", "Upgrade_Rule=http://192.0.2.5/i.bin", "Upgrade_Error_Retry_Delay=0")
		b.upgrade = &resync.Outcome{OK: true, Version: "5.2.12"}
		b.holds = true
		b.take(b.at().PowerOn())
		b.runUntil(5)
		b.holds = false
		b.do(order)
		if b.runUntil(10); order == device.SwitchOff {
			b.do(device.SwitchOn)
		}
		b.runUntil(100)
		if got := strings.Join(b.did, ", "); got != want {
			t.Errorf("%s: it does %s\nwant %s", order, got, want)
		}
	}
}

// The values that the table of the firmware has for these are those of the notes. See surface-2.md §4.4.
func TestWhoseUpgradesLoop(t *testing.T) {
	for name, want := range map[string]string{"SPA942": "lost field", "SPA901": "lost field", "SPA841": "lost inferred", "SPA2102": "lost inferred",
		"PAP2T": "lost inferred", "SPA504G": "kept inferred", "SPA112": "kept inferred"} {
		s := devicetest.Row(t, name, "").Switch("upgrade_retry")
		if got := s.Value + " " + s.Evidence.String(); got != want {
			t.Errorf("%s: %s, want %s", name, got, want)
		}
	}
}

// A device that does not reboot after an upgrade resyncs at once where it is told to,
// and keeps its period.
func TestAfterAnUpgradeWithoutReboot(t *testing.T) {
	for after, want := range map[string]string{
		"Yes": "0 boot:power, 0 power_on, 10 upgrade, 10 upgrade, 110 periodic", // the second is the cause of a resync
		"No":  "0 boot:power, 0 power_on, 10 upgrade, 100 periodic",
	} {
		b := newBench(t, ata(t), 0, "Resync_Random_Delay=0", "Resync_Periodic=100", "Resync_After_Upgrade_Attempt="+after)
		b.answers = func(int) resync.Outcome { return resync.Outcome{OK: true, Version: "5.2.10"} }
		b.take(b.at().PowerOn())
		b.runUntil(10)
		b.do(device.Upgrade)
		b.runUntil(150)
		if got := strings.Join(b.did, ", "); got != want {
			t.Errorf("Resync_After_Upgrade_Attempt %s: it does %s\nwant %s", after, got, want)
		}
	}
}

// A command's upgrade that fails says nothing of the rule: that one succeeded, and is
// not tried again.
func TestAFailedCommandLeavesTheRuleAlone(t *testing.T) {
	for _, turned := range []string{"upgrade_retry=lost", "upgrade_retry=kept"} {
		b := newBench(t, devicetest.Row(t, "SPA2102", "5.2.10", turned), 0, "Resync_Random_Delay=0", "Upgrade_Rule=http://192.0.2.5/i.bin", "Upgrade_Error_Retry_Delay=100")
		b.upgrade = &resync.Outcome{OK: true, Version: "5.2.12"}
		b.take(b.at().PowerOn())
		b.runUntil(50)
		b.upgrade = &resync.Outcome{Err: "file not found", NotFound: true}
		b.take(b.at().Do(device.Command{Order: device.Upgrade, Cause: model.ByWeb, Argument: "/other.bin"}))
		b.runUntil(3000)
		const want = "0 boot:power, 0 power_on, 0 upgrade, 0 boot:upgrade_ok, 27 power_on, 50 upgrade, 50 boot:upgrade_failed, 62 power_on"
		if got := strings.Join(b.did, ", "); got != want {
			t.Errorf("%s: it does %s\nwant %s", turned, got, want)
		}
	}
}

// A reboot ends the wait after a failed resync, or by switch does not: then its place
// in the list stays too. Power that goes ends it always.
func TestRetriesOverAReboot(t *testing.T) {
	for _, tt := range []struct {
		name, onReset, turned string
		order                 device.Order
		want                  string
	}{
		{"lost", "Yes", "lost", device.Reboot, "0 boot:power, 0 power_on, 1000 retry, 1500 boot:step, 1512 power_on, 2512 retry"},
		{"its place is kept", "Yes", "kept", device.Reboot, "0 boot:power, 0 power_on, 1000 retry, 1500 boot:step, 1512 power_on, 3512 retry"},
		{"lost, and no resync at the boot", "No", "lost", device.Restart, "0 boot:power, 5 step, 1005 retry, 1500 boot:step"},
		{"its time is kept", "No", "kept", device.Restart, "0 boot:power, 5 step, 1005 retry, 1500 boot:step, 3005 retry"},
		{"power goes", "No", "kept", device.SwitchOff, "0 boot:power, 5 step, 1005 retry, 1500 off, 1500 boot:power"},
		{"a factory reset", "No", "kept", device.FactoryReset, "0 boot:power, 5 step, 1005 retry, 1500 boot:factory_reset"},
	} {
		b := newBench(t, devicetest.Row(t, "SPA2102", "5.2.10", "resync_retry="+tt.turned), 0,
			"Resync_Random_Delay=0", "Resync_Error_Retry_Delay=1000,2000", "Resync_On_Reset="+tt.onReset)
		b.answers = fails
		b.take(b.at().PowerOn())
		b.runUntil(5)
		if tt.onReset == "No" {
			b.do(device.Resync)
		}
		b.runUntil(1500)
		if b.do(tt.order); tt.order == device.SwitchOff {
			b.do(device.SwitchOn)
		}
		b.runUntil(3600)
		if got := strings.Join(b.did, ", "); got != tt.want {
			t.Errorf("%s: it does %s\nwant %s", tt.name, got, tt.want)
		}
	}
}

// A report is no resync: the next one comes in its time.
func TestAReportLeavesTheTimersAlone(t *testing.T) {
	b := newBench(t, ata(t), 0, "Resync_Random_Delay=0", "Resync_Periodic=100", "Resync_Trigger_1=$PRVTMR ge 90")
	b.take(b.at().PowerOn())
	b.runUntil(10)
	b.do(device.Report)
	b.runUntil(95)
	if got, want := strings.Join(b.did, ", "), "0 boot:power, 0 power_on, 90 trigger"; got != want {
		t.Errorf("it does %s\nwant %s", got, want)
	}
}

// What is kept of a device is the device: it goes on as it would have.
func TestARecordGoesOnAsTheDeviceWould(t *testing.T) {
	b := newBench(t, ata(t), 0, "Resync_Random_Delay=0", "Profile_Rule=http://192.0.2.5/a", "Resync_Trigger_1=$PRVTMR ge 500", "Forced_Resync_Delay=9000")
	b.take(b.at().PowerOn())
	b.runUntil(700)
	b.do(device.HookOff)
	b.do(device.Resync)
	b.do(device.Reboot)
	r := b.m.Record(b.dev, &b.u)
	again := newBench(t, ata(t), 0, "Resync_Random_Delay=0", "Profile_Rule=http://192.0.2.5/a", "Resync_Trigger_1=$PRVTMR ge 500", "Forced_Resync_Delay=9000")
	again.now, again.did, again.started = b.now, slices.Clone(b.did), b.started
	again.m.Restore(&again.u, &r)
	again.take(again.at().Resume(b.now, true))
	for _, x := range []*bench{b, again} {
		x.runUntil(900)
		x.do(device.HookOn)
		x.runUntil(4000)
	}
	if !slices.Equal(again.did, b.did) || len(b.did) < 8 {
		t.Errorf("it goes on %s\nwould have %s", strings.Join(again.did, ", "), strings.Join(b.did, ", "))
	}
}

// Timers that ran out while the program was away come as spread as they would
// have.
func TestResumedTimers(t *testing.T) {
	for _, tt := range []struct{ at, saved, now, want int64 }{{0, 10, 50, 0}, {60, 10, 50, 60}, {30, 10, 50, 70}, {5, 10, 50, 50}} {
		if got := resumed(tt.at, tt.saved, tt.now); got != tt.want {
			t.Errorf("a timer at %d, saved at %d, is at %d after %d, want %d", tt.at, tt.saved, got, tt.now, tt.want)
		}
	}
}
