package fleet_test

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"net/netip"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"spafleet/device"
	"spafleet/device/devicetest"
	"spafleet/device/inventory"
	"spafleet/device/model"
	"spafleet/fleet"
	"spafleet/fleet/state"
	"spafleet/fsm"
)

// A spell is a part of a fleet's life, from one start of the program to its end.
type spell struct {
	lasts time.Duration
	away  time.Duration // until the next one
	// killed leaves the state file as it was a moment before the end.
	killed bool
	moves  []move
}

// A career is a fleet that lives in spells, with a state file between them.
type career struct {
	groups func() []fleet.Group
	list   *inventory.List // whose groups they are; nil: none
	n      *network
	spells []spell
	loops  int
	every  time.Duration // how often it is saved; 0: as usual
}

// live plays the spells in a synctest bubble and returns what was told, all
// spells together, and the fleet of the last one.
func (c career) live(t *testing.T) *stand {
	t.Helper()
	s := &stand{t: t}
	file := filepath.Join(t.TempDir(), "fleet.state")
	synctest.Test(t, func(t *testing.T) {
		for i, sp := range c.spells {
			c.spell(t, s, sp, file, i > 0)
			<-time.After(sp.away)
		}
	})
	return s
}

func (c career) spell(t *testing.T, s *stand, sp spell, file string, again bool) {
	t.Helper()
	config := fleet.Config{Seed: 1, Network: c.n, Tell: s.hear, Groups: c.groups(), List: c.list, Loops: c.loops, Save: fleet.Save{File: file, Every: c.every}}
	if again {
		saved, err := state.Open(file)
		if err != nil {
			t.Fatal(err)
		}
		defer saved.Close()
		config.Resume = saved
	}
	f, err := fleet.New(config)
	if err != nil {
		t.Fatal(err)
	}
	s.f = f
	ctx, stop := context.WithTimeout(t.Context(), sp.lasts)
	defer stop()
	conducted := make(chan struct{})
	go func() {
		defer close(conducted)
		timeline{moves: sp.moves, count: f.Len()}.conduct(ctx, t, f)
	}()
	before := make(chan []byte, 1)
	if sp.killed {
		go func() {
			<-time.After(sp.lasts - time.Nanosecond)
			b, _ := os.ReadFile(file)
			before <- b
		}()
	}
	if err := f.Run(ctx); err != nil {
		t.Error(err)
	}
	<-conducted
	if sp.killed {
		if err := os.WriteFile(file, <-before, 0o600); err != nil {
			t.Error(err)
		}
	}
}

// contactsOf returns when a device's resyncs began, after the first event of all.
func contactsOf(s *stand, dev device.Index) (list []contact) {
	first := s.of(0)[0].At
	for _, e := range s.of(dev, device.ResyncStarted) {
		list = append(list, contact{time.Duration(e.At - first), e.Cause})
	}
	return list
}

// restless are devices whose timers draw chance at every turn.
func restless(t *testing.T) []fleet.Group {
	ata := settings("Profile_Rule=http://192.0.2.5/a", "Resync_Periodic=600+900", "Resync_Random_Delay=2")
	phones := settings("Profile_Rule=http://192.0.2.5/none", "Resync_Error_Retry_Delay=300+10,700+600", "Resync_Trigger_1=$PRVTMR ge 3000")
	daily := settings("Profile_Rule=http://192.0.2.5/a", "Resync_At__HHmm_=0300", "Resync_At_Random_Delay=7200")
	return []fleet.Group{
		{Name: "atas", Row: row(t, "SPA2102", "5.2.10", nil), Count: 5, Presets: ata},
		{Name: "phones", Row: row(t, "SPA942", "6.1.5(a)", nil), Count: 4, Presets: phones},
		{Name: "daily", Row: row(t, "SPA504G", "7.5.5", nil), Count: 3, Presets: daily},
	}
}

// A fleet that ended and went on has the same contacts at the same nanosecond as
// one that never ended, whatever the number of loops.
func TestAnInterruptedFleetDoesWhatAnotherDoes(t *testing.T) {
	whole := career{groups: func() []fleet.Group { return restless(t) }, n: newNetwork(), loops: 2, every: 24 * time.Hour, spells: []spell{{lasts: 30 * time.Hour}}}
	whole.n.put("/a", profileOf("GPP_A=1"))
	parts := whole
	parts.spells = []spell{{lasts: 5 * time.Hour}, {lasts: 5*time.Hour + time.Second}, {lasts: 20*time.Hour - time.Second}}
	parts.loops = 3
	want, got := whole.live(t), parts.live(t)
	for dev := range device.Index(12) {
		a, b := contactsOf(want, dev), contactsOf(got, dev)
		if !slices.Equal(a, b) {
			t.Errorf("device %d: contacts %v\nwithout interruption %v", dev, b, a)
		}
		if len(a) < 2 {
			t.Errorf("device %d has only %d contacts", dev, len(a))
		}
		x, y := want.view(dev), got.view(dev)
		if x.State != y.State || x.Booted != y.Booted || x.Resyncs != y.Resyncs || x.Due != y.Due {
			t.Errorf("device %d: %v %d %+v due %d, without interruption %v %d %+v due %d", dev, y.State, y.Booted, y.Resyncs, y.Due, x.State, x.Booted, x.Resyncs, x.Due)
		}
	}
	if boots := got.count(device.Boot); boots != 12 {
		t.Errorf("%d boots of 12 devices: going on is not a boot", boots)
	}
}

// After a kill at most a minute is lost: what happened in it happens again.
func TestAKilledFleetLosesAMinuteAtMost(t *testing.T) {
	c := career{groups: func() []fleet.Group {
		return []fleet.Group{{Name: "atas", Row: row(t, "SPA2102", "5.2.10", nil), Count: 1,
			Presets: settings("Profile_Rule=http://192.0.2.5/a", "Resync_Periodic=10", "Resync_Random_Delay=0")}}
	}, n: newNetwork(), spells: []spell{{lasts: 305 * time.Second, killed: true}, {lasts: 20 * time.Second}}}
	c.n.put("/a", profileOf("GPP_A=1"))
	s := c.live(t)
	v := s.view(0)
	// Until the snapshot at 300 s there were those at 0, 10 ... 290 (that of 300 s may
	// be in or not), and then some in 20 s.
	if ok := int(v.Resyncs.OK); ok < 30+2 || ok > 31+2 {
		t.Errorf("%d resyncs", ok)
	}
}

// Timers whose time came while the program was away come as they were spread.
func TestWhatWasMissedIsSpread(t *testing.T) {
	const devices = 400
	c := career{groups: func() []fleet.Group {
		return []fleet.Group{{Name: "atas", Row: row(t, "SPA2102", "5.2.10", map[string]string{"random_delay_unit": "20s"}), Count: devices,
			Presets: settings("Profile_Rule=http://192.0.2.5/a", "Resync_Periodic=3600", "Resync_Random_Delay=180")}}
	}, n: newNetwork(), spells: []spell{{lasts: 2 * time.Hour, away: 12 * time.Hour}, {lasts: time.Hour}}}
	c.n.put("/a", profileOf("GPP_A=1"))
	s := c.live(t)
	back := s.of(0)[0].At + int64(14*time.Hour)
	var after []time.Duration
	for dev := range device.Index(devices) {
		for _, e := range s.of(dev, device.ResyncStarted) {
			if e.At >= back {
				after = append(after, time.Duration(e.At-back))
			}
		}
	}
	if len(after) < devices*99/100 {
		t.Fatalf("%d contacts in the hour after the return", len(after))
	}
	spread(t, "contacts after the return", 0, time.Hour, after)
}

// Everything that a device can hold comes back.
func TestADeviceComesBackWithAllItHolds(t *testing.T) {
	n := newNetwork()
	n.put("/a", profileOf("GPP_A=server", "Resync_Periodic=7200", "User_ID_1_=77"))
	n.put("/up.bin", image(t, "SPA2102", "5.2.12"))
	n.files["/rc"] = profileOf("GPP_C=acme", "Customization=Acme")
	base := []string{"Profile_Rule=http://192.0.2.5/a", "Resync_Random_Delay=0"}
	group := func(name string, more ...string) fleet.Group {
		return fleet.Group{Name: name, Row: row(t, "SPA2102", "5.2.10", nil), Count: 1, Presets: settings(append(slices.Clone(base), more...)...)}
	}
	c := career{n: n, groups: func() []fleet.Group {
		upgraded := group("upgraded", `Upgrade_Rule=($SWVER lt 5.2.12)? http://192.0.2.5/up.bin`)
		secured := group("keyed", "Profile_Rule_B=[--key $B] http://192.0.2.5/x", "GPP_B=0123")
		custom := group("custom")
		custom.RCURL = "http://192.0.2.5/rc"
		off := group("off")
		off.Off = true
		busy := group("busy")
		gone := group("gone")
		return []fleet.Group{upgraded, secured, custom, off, busy, gone}
	}}
	c.spells = []spell{{lasts: time.Hour, away: time.Minute}, {lasts: time.Minute}}
	// All devices are told all of this; device 3 has no power and hears nothing.
	c.spells[0].moves = []move{
		{after: 600 * time.Second, order: device.SetParams, pairs: []string{"GPP_D=edited"}},
		{after: 601 * time.Second, order: device.HookOff},
		{after: 602 * time.Second, order: device.Resync, url: "http://192.0.2.5/asked"},
	}
	s := c.live(t)
	for dev, want := range map[device.Index]string{0: "5.2.12", 1: "5.2.10"} {
		if got := s.view(dev).Unit.Row.Firmware.Version; got != want {
			t.Errorf("device %d runs %s, want %s", dev, got, want)
		}
	}
	if v := s.view(1); v.State != fsm.SecPrv1 {
		t.Errorf("state %v, want SEC-PRV-1", v.State)
	}
	if v := s.view(2); v.Customization != "Acme" || s.value(2, "GPP_C") != "acme" {
		t.Errorf("customized for %q", v.Customization)
	}
	if v := s.view(3); v.Powered || v.Due != 0 {
		t.Errorf("a device without power has some: %+v", v)
	}
	v := s.view(4)
	for name, want := range map[string]string{"GPP_A": "server", "GPP_D": "edited", "User_ID_1_": "77", "Resync_Periodic": "7200"} {
		if got := s.value(4, name); got != want {
			t.Errorf("%s = %q, want %q", name, got, want)
		}
	}
	if !v.InUse || n.fetches("/asked") != 0 {
		t.Errorf("off hook %v, %d fetches before the line was free", v.InUse, n.fetches("/asked"))
	}
	if at := v.Booted - s.of(4)[0].At; at < 0 || time.Duration(at) != 6*time.Second { // the file reboots it
		t.Errorf("booted %s after its power came", time.Duration(at))
	}
	// What waits for the line survives, and runs when it is free.
	c.spells = append(c.spells, spell{lasts: time.Minute, moves: []move{{after: time.Second, order: device.HookOn}}})
	n.look(func(n *network) { n.asked = nil })
	c.live(t)
	if got := n.fetches("/asked"); got != 5 {
		t.Errorf("%d of 5 ordered resyncs after the line was free", got)
	}
}

// An attempt that was under way begins again, as what it was, and is no failure.
func TestAnAttemptThatWasUnderWayBeginsAnew(t *testing.T) {
	for _, killed := range []bool{false, true} {
		t.Run(fmt.Sprintf("killed %t", killed), func(t *testing.T) {
			n := newNetwork()
			n.put("/a", profileOf("GPP_A=1"))
			n.put("/slow", profileOf("GPP_B=slow"))
			c := career{n: n, groups: func() []fleet.Group {
				return []fleet.Group{{Name: "a", Row: row(t, "SPA2102", "5.2.10", nil), Count: 1, Presets: settings(atOnce...)}}
			}}
			c.spells = []spell{{lasts: 100 * time.Second, killed: killed, away: time.Hour, moves: []move{{after: 50 * time.Second, order: device.Resync, url: "http://192.0.2.5/slow", cause: model.ByWeb}}},
				{lasts: 200 * time.Second}}
			n.hold = 90 * time.Second // that of the boot ends at 90 s, that of the command would at 180 s
			s := c.live(t)
			if s.f.Aborted() != 0 {
				t.Errorf("%d aborted after the return", s.f.Aborted())
			}
			want := "power_on customized:preset boot:power start:power_on ok web start:web start:web ok"
			if killed { // at the snapshot, 60 s, the first was under way and the command waited for it
				want = "power_on customized:preset boot:power start:power_on ok web start:web start:power_on ok start:web ok"
			}
			want = strings.Replace(want, "start:power_on ok web", "start:power_on web ok", 1)
			if got := s.story(0); got != want {
				t.Errorf("story %s\nwant  %s", got, want)
			}
			if v := s.view(0); v.Resyncs.Failed != 0 || v.Resyncs.OK != 2 || s.value(0, "GPP_B") != "slow" {
				t.Errorf("resyncs %+v, GPP_B %q", v.Resyncs, s.value(0, "GPP_B"))
			}
		})
	}
}

// A boot that power had begun ends as long after it as it would have.
func TestABootGoesOn(t *testing.T) {
	c := career{n: newNetwork(), groups: func() []fleet.Group {
		return []fleet.Group{{Name: "a", Row: row(t, "SPA504G", "7.5.5", nil), Count: 1, Presets: settings(atOnce...)}}
	}, spells: []spell{{lasts: 60 * time.Second, moves: []move{{after: 20 * time.Second, order: device.SwitchOff}, {after: 30 * time.Second, order: device.SwitchOn}}}, {lasts: 60 * time.Second}}}
	c.n.put("/a", profileOf("GPP_A=1"))
	if got, want := contactsOf(c.live(t), 0), []contact{atBoot, {80 * time.Second, model.ByPowerOn}}; !slices.Equal(got, want) {
		t.Errorf("contacts %v, want %v", got, want)
	}
}

// saveOf returns the state file of a small fleet.
func saveOf(t *testing.T, groups ...fleet.Group) []byte {
	t.Helper()
	file := filepath.Join(t.TempDir(), "fleet.state")
	synctest.Test(t, func(t *testing.T) {
		n := newNetwork()
		n.put("/a", profileOf("GPP_A=1", "Resync_Periodic=3600"))
		f, err := fleet.New(fleet.Config{Seed: 1, Network: n, Groups: groups, Save: fleet.Save{File: file}})
		if err != nil {
			t.Fatal(err)
		}
		ctx, stop := context.WithTimeout(t.Context(), time.Minute)
		defer stop()
		if err := f.Run(ctx); err != nil {
			t.Fatal(err)
		}
	})
	b, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// load tries to go on from the bytes of a state file.
func load(t testing.TB, file string, b []byte, groups ...fleet.Group) error {
	t.Helper()
	if err := os.WriteFile(file, b, 0o600); err != nil {
		t.Fatal(err)
	}
	saved, err := state.Open(file)
	if err != nil {
		return err
	}
	defer saved.Close()
	_, err = fleet.New(fleet.Config{Seed: 1, Network: newNetwork(), Groups: groups, Resume: saved})
	return err
}

func TestARefusalSaysWhy(t *testing.T) {
	two := func(change func(*fleet.Group)) []fleet.Group {
		a, b := ata(t, 3, "GPP_A=x"), ata(t, 2)
		a.Name, b.Name = "homes", "offices"
		if change != nil {
			change(&a)
		}
		return []fleet.Group{a, b}
	}
	b := saveOf(t, two(nil)...)
	tests := []struct {
		name   string
		bytes  []byte
		groups []fleet.Group
		want   string
	}{
		{"another kind of file", []byte("--- \nname: story\nfleet: x\n"), two(nil), "this is not a state file of spafleet; nothing of it was used: move it away to start from the beginning"},
		{"an empty file", nil, two(nil), "cut short"},
		{"another version", []byte(strings.Replace(string(b), "spafleet state 1\n", "spafleet state 2\n", 1)), two(nil), "which is version 1: another version of spafleet wrote it"},
		{"another count", b, two(func(g *fleet.Group) { g.Count = 4 }), `of group "homes", the count is 4 here and was 3; describe the same fleet, or give this one a state file of its own`},
		{"another model", b, two(func(g *fleet.Group) { g.Row = row(t, "PAP2T", "", nil) }), `the model is PAP2T here and was SPA2102`},
		{"another firmware", b, two(func(g *fleet.Group) { g.Row = row(t, "SPA2102", "5.2.5", devicetest.BootsAtOnce()) }), `the firmware is 5.2.5 here and was 5.2.10`},
		{"another switch", b, two(func(g *fleet.Group) {
			g.Row = row(t, "SPA2102", "5.2.10", devicetest.BootsAtOnce("tftp_tries=2"))
		}), "switch tftp_tries is 2 here and was not turned"},
		{"another preset", b, two(func(g *fleet.Group) { g.Presets = settings(append(slices.Clone(atOnce), "GPP_A=y")...) }), `preset GPP_A is "y" here and was "x"`},
		{"a preset less", b, two(func(g *fleet.Group) { g.Presets = settings(atOnce...) }), `preset GPP_A is not set here and was "x"`},
		{"without power", b, two(func(g *fleet.Group) { g.Off = true }), "power from the start is false here and was true"},
		{"a group less", b, two(nil)[:1], "the number of groups is 1 here and was 2"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			err := load(t, filepath.Join(t.TempDir(), "x"), tt.bytes, tt.groups...)
			if err == nil || !strings.Contains(err.Error(), tt.want) {
				t.Errorf("%v\nwant %s", err, tt.want)
			}
		})
	}
	_, err := state.Open(filepath.Join(t.TempDir(), "none"))
	if !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("no file: %v", err)
	}
}

// Of another seed, prefix and shard, too.
func TestAFleetWithAnotherIdentityIsRefused(t *testing.T) {
	group := ata(t, 4)
	file := filepath.Join(t.TempDir(), "x")
	b := saveOf(t, group)
	if err := os.WriteFile(file, b, 0o600); err != nil {
		t.Fatal(err)
	}
	for want, config := range map[string]fleet.Config{
		"the seed is 2 here and was 1":                                   {Seed: 2},
		"the shard is 1 here and was 0":                                  {Seed: 1, Shard: device.Shard{Index: 1, Count: 2}},
		"the count of shards is 2 here and was 1":                        {Seed: 1, Shard: device.Shard{Index: 0, Count: 2}},
		"the address prefix is 127.96.0.0/16 here and was 127.64.0.0/10": {Seed: 1, Addresses: netip.MustParsePrefix("127.96.0.0/16")},
	} {
		saved, err := state.Open(file)
		if err != nil {
			t.Fatal(err)
		}
		config.Network, config.Groups, config.Resume = newNetwork(), []fleet.Group{group}, saved
		if _, err := fleet.New(config); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%v\nwant %s", err, want)
		}
		saved.Close()
	}
}

// Each shard of a fleet has a file of its own.
func TestAShardGoesOn(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n := newNetwork()
		n.put("/a", profileOf("GPP_A=1"))
		config := fleet.Config{Seed: 1, Network: n, Groups: []fleet.Group{ata(t, 10)}, Shard: device.Shard{Index: 1, Count: 3}, Save: fleet.Save{File: filepath.Join(t.TempDir(), "x")}}
		var macs []map[device.Index]string
		for range 2 {
			f, err := fleet.New(config)
			if err != nil {
				t.Fatal(err)
			}
			ctx, stop := context.WithTimeout(t.Context(), time.Minute)
			if err := f.Run(ctx); err != nil {
				t.Fatal(err)
			}
			stop()
			seen := map[device.Index]string{}
			for dev := range device.Index(10) {
				if v, ok := f.View(dev); ok {
					seen[dev] = fmt.Sprint(v.Unit.MAC, v.Resyncs.OK)
				}
			}
			macs = append(macs, seen)
			if config.Resume, err = state.Open(config.Save.File); err != nil {
				t.Fatal(err)
			}
			defer config.Resume.Close()
			if config.Resume.Devices != 3 {
				t.Errorf("%d devices in the file of a shard of 3", config.Resume.Devices)
			}
		}
		if !maps.Equal(macs[0], macs[1]) || len(macs[0]) != 3 {
			t.Errorf("%v, then %v", macs[0], macs[1])
		}
	})
}

// While a fleet is at work its snapshots are sound, and the race detector finds
// nothing.
func TestSnapshotsOfABusyFleetAreSound(t *testing.T) {
	n := newNetwork()
	n.put("/a", profileOf("GPP_A=1", "Resync_Periodic=1"))
	file := filepath.Join(t.TempDir(), "x")
	groups := []fleet.Group{ata(t, 1000, "Resync_Random_Delay=1")}
	saves := make(chan fleet.Snapshot, 1)
	s := start(t, n, fleet.Config{Groups: groups, Save: fleet.Save{File: file, Every: 10 * time.Millisecond, Extra: func() []byte { return []byte("beside") },
		Told: func(s fleet.Snapshot) {
			select {
			case saves <- s:
			default:
			}
		}}})
	for range 30 {
		got := <-saves
		if got.Err != nil || got.Bytes == 0 {
			t.Fatalf("%+v", got)
		}
		saved, err := state.Open(file)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := fleet.New(fleet.Config{Seed: 1, Network: n, Groups: groups, Resume: saved}); err != nil || string(saved.Extra) != "beside" {
			t.Fatalf("%v, extra %q", err, saved.Extra)
		}
		saved.Close()
		s.do(0, device.Resync)
	}
}

// A folder that cannot be written is told, and ends no run but the last save.
func TestAStateThatCannotBeSavedIsTold(t *testing.T) {
	n := newNetwork()
	told := make(chan fleet.Snapshot, 100)
	f, err := fleet.New(fleet.Config{Seed: 1, Network: n, Groups: []fleet.Group{ata(t, 1)},
		Save: fleet.Save{File: filepath.Join(t.TempDir(), "no", "folder"), Every: time.Millisecond, Told: func(s fleet.Snapshot) { told <- s }}})
	if err != nil {
		t.Fatal(err)
	}
	ctx, stop := context.WithCancel(t.Context())
	defer stop()
	done := make(chan error, 1)
	go func() { done <- f.Run(ctx) }()
	for range 2 {
		if s := <-told; !errors.Is(s.Err, fs.ErrNotExist) {
			t.Errorf("told %v", s.Err)
		}
	}
	stop()
	if err := <-done; !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("Run: %v", err)
	}
}
