package fleet_test

import (
	"bytes"
	"context"
	"fmt"
	"net/netip"
	"runtime"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"spafleet/device"
	"spafleet/device/model"
	"spafleet/fleet"
	"spafleet/resync"
	"spafleet/resync/fault"
	"spafleet/resync/modelled"
	"spafleet/scenarios/tally"
)

// library is a server in process: files by path, * for all others, and who asked
// when.
type library struct {
	mu    sync.Mutex
	files map[string]string
	asked []string
}

func (l *library) Respond(at int64, r *resync.Request) resync.Response {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.asked = append(l.asked, fmt.Sprint(time.Duration(at-fleet.DefaultStart().UnixNano()), " ", r.Method, " ", r.Path))
	if r.Method == "PUT" {
		l.files[r.Path] = string(r.Body)
		return resync.Response{Status: 200}
	}
	body, ok := l.files[r.Path]
	if !ok {
		body, ok = l.files["*"]
	}
	if !ok {
		return resync.Response{Status: 404}
	}
	return resync.Response{Status: 200, Body: []byte(body)}
}

var inProcess = netip.AddrFrom4([4]byte{127, 0, 0, 1})

// A script is what a conductor does when.
type script map[time.Duration]func(do func(device.Index, device.Order, ...string))

// A virtualRun is a fleet in virtual time with what it told.
type virtualRun struct {
	*stand
	log    string
	server *library
}

// virtually runs a fleet for a time. The server is world's, or has the files.
func virtually(t *testing.T, c fleet.Config, files map[string]string, lasts time.Duration, steps script) virtualRun {
	t.Helper()
	v := virtualRun{stand: &stand{t: t}, server: &library{files: files}}
	if c.InProcess == nil {
		c.InProcess = &modelled.Network{}
	}
	c.InProcess.Server, c.InProcess.Addr, c.InProcess.TFTP, c.InProcess.HTTP = v.server, inProcess, 69, 80
	c.Clock = fleet.Virtual
	if c.Seed == 0 {
		c.Seed = 1
	}
	var text bytes.Buffer
	log := tally.NewEventLog(&text, func(dev device.Index) model.MAC { return device.MACOf(c.Groups[0].Row.Model, c.Seed, dev) })
	c.Tell = func(events []device.Event) {
		log.Tell(events)
		v.hear(events)
	}
	var f *fleet.Fleet
	c.Conduct = func(at int64, do func(device.Index, device.Command)) (int64, bool) {
		now := time.Duration(at - f.Start())
		next := lasts
		for when, step := range steps {
			switch {
			case when == now:
				delete(steps, when)
				step(func(dev device.Index, order device.Order, pairs ...string) {
					do(dev, device.Command{Order: order, Cause: model.ByStep, Sets: sets(t, pairs...)})
				})
			case when > now:
				next = min(next, when)
			}
		}
		return f.Start() + int64(next), now >= lasts
	}
	f, err := fleet.New(c)
	if err != nil {
		t.Fatal(err)
	}
	v.f = f
	if err := f.Run(t.Context()); err != nil {
		t.Fatal(err)
	}
	if err := log.Flush(); err != nil {
		t.Fatal(err)
	}
	v.log = text.String()
	return v
}

// byTFTP and byHTTP are presets of devices that ask for one file as soon as they
// boot.
var (
	byTFTP = []string{"Profile_Rule=tftp://127.0.0.1/a", "Resync_Random_Delay=0"}
	byHTTP = []string{"Profile_Rule=http://127.0.0.1/a", "Resync_Random_Delay=0"}
)

func asking(t *testing.T, count int, presets []string, more ...string) []fleet.Group {
	return []fleet.Group{{Name: "ata", Row: row(t, "SPA2102", "5.2.10", nil), Count: count, Presets: settings(slices.Concat(presets, more)...)}}
}

func since(f *fleet.Fleet, e device.Event) time.Duration { return time.Duration(e.At - f.Start()) }

// An hour of 200 devices on a line that loses packets is the same hour on any
// number of processors, and another one for another seed.
func TestALossyHourIsTheSameAnywhere(t *testing.T) {
	defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(0))
	hour := func(seed uint64) virtualRun {
		faults := &fault.Plan{Seed: seed}
		lose := fault.Packets{Unit: fault.Some, Share: 0.1}
		faults.Start(fault.Fault{Effects: fault.Effects{Lose: lose, Delay: fault.Delay{Most: time.Second}}})
		c := fleet.Config{Seed: seed, InProcess: &modelled.Network{Faults: faults, Most: 50 * time.Millisecond},
			Groups: asking(t, 200, byTFTP, "Resync_Periodic=600", "Profile_Rule_B=http://127.0.0.1/$MA", "Resync_Error_Retry_Delay=30")}
		return virtually(t, c, map[string]string{"/a": profileOf("GPP_A=" + strings.Repeat("x", 2000)), "*": profileOf("GPP_B=1")}, time.Hour, nil)
	}
	first := hour(1)
	if ok := first.count(device.ResyncOK); ok < 1000 {
		t.Fatalf("%d resyncs went well", ok)
	}
	if n := len(first.server.asked); n == first.count(device.Fetched)+first.count(device.FetchFailed) {
		t.Errorf("the server was asked %d times: nothing was lost", n)
	}
	for _, processors := range []int{1, 2, 8} {
		runtime.GOMAXPROCS(processors)
		if again := hour(1); again.log != first.log || !slices.Equal(again.server.asked, first.server.asked) {
			t.Errorf("%d processors: another hour", processors)
		}
	}
	if hour(2).log == first.log {
		t.Error("another seed makes no difference")
	}
}

// Power goes in the middle of a file, and comes back.
func TestPowerLossInTheMiddleOfAFile(t *testing.T) {
	for _, tt := range []struct {
		name    string
		presets []string
		world   *modelled.Network
		lost    time.Duration
	}{
		{"tftp, between two blocks", byTFTP, &modelled.Network{}, 52 * time.Millisecond},
		{"tftp, before the first", byTFTP, &modelled.Network{}, time.Millisecond},
		{"http, while the server thinks", byHTTP, &modelled.Network{Least: 3 * time.Second, Most: 3 * time.Second}, time.Second},
		{"http, on the way", byHTTP, &modelled.Network{}, time.Millisecond},
		{"dns", []string{"Profile_Rule=http://prov.test/a", "Resync_Random_Delay=0"}, &modelled.Network{Hosts: map[string][]netip.Addr{"prov.test": {inProcess}}}, time.Millisecond},
	} {
		files := map[string]string{"/a": profileOf("GPP_A=" + strings.Repeat("x", 20000))}
		back := tt.lost + time.Minute
		v := virtually(t, fleet.Config{InProcess: tt.world, Groups: asking(t, 2, tt.presets)}, files, 2*time.Minute, script{
			tt.lost: func(do func(device.Index, device.Order, ...string)) { do(0, device.SwitchOff) },
			back:    func(do func(device.Index, device.Order, ...string)) { do(0, device.SwitchOn) },
		})
		ok := v.of(0, device.ResyncOK)
		if v.f.Aborted() != 1 || v.count(device.ResyncFailed) != 0 || len(ok) != 1 || since(v.f, ok[0]) < back {
			t.Errorf("%s: %d cut off, %s", tt.name, v.f.Aborted(), v.story(0))
		}
		if got, lived := v.story(0), v.story(1); !strings.HasPrefix(got, "customized:preset boot:power start:power_on power_off") && !strings.Contains(got, "power_off") || strings.Contains(lived, "power_off") {
			t.Errorf("%s: %s; beside it %s", tt.name, got, lived)
		}
	}
}

// What is under way when the run ends is cut off, and nothing of it is left.
func TestTheEndCutsOffWhatIsUnderWay(t *testing.T) {
	v := virtually(t, fleet.Config{Groups: asking(t, 5, byTFTP)}, map[string]string{"/a": strings.Repeat(" ", 60000)}, 30*time.Millisecond, nil)
	if v.f.Aborted() != 5 || v.f.Running() != 0 || v.count(device.ResyncStarted) != 5 {
		t.Errorf("%d cut off, %d left", v.f.Aborted(), v.f.Running())
	}
}

// Run ends by itself where nothing can happen any more.
func TestRunEndsWhenNothingIsLeft(t *testing.T) {
	c := fleet.Config{Seed: 1, Clock: fleet.Virtual, InProcess: &modelled.Network{Server: &library{}, Addr: inProcess, HTTP: 80}, Groups: asking(t, 3, byHTTP, "Resync_Periodic=0", "Resync_Error_Retry_Delay=0")}
	f, err := fleet.New(c)
	if err != nil {
		t.Fatal(err)
	}
	if err := f.Run(t.Context()); err != nil || f.Running() != 0 {
		t.Errorf("%v, %d left", err, f.Running())
	}
	if passed := time.Duration(f.Now() - f.Start()); passed == 0 || passed > time.Second {
		t.Errorf("it ended after %s", passed)
	}
}

// A server with few workers lets others wait, in the order in which they came;
// one without a number of them thinks about all at once.
func TestServersThinkAndQueue(t *testing.T) {
	for _, tt := range []struct {
		workers int
		want    []int // whole seconds after which devices have their files
	}{{0, []int{2, 2, 2, 2, 2}}, {1, []int{2, 4, 6, 8, 10}}, {2, []int{2, 2, 4, 4, 6}}} {
		world := &modelled.Network{Least: 2 * time.Second, Most: 2 * time.Second, Workers: tt.workers}
		v := virtually(t, fleet.Config{InProcess: world, Groups: asking(t, 5, byHTTP)}, map[string]string{"/a": profileOf("Resync_Periodic=3600")}, time.Minute, nil)
		var got []int
		for dev := range device.Index(5) {
			e := v.of(dev, device.Fetched)[0]
			if took := e.File.Took.Whole(); took != e.At-v.f.Start() {
				t.Errorf("phases of %s, it took %s", time.Duration(took), since(v.f, e))
			}
			got = append(got, int(since(v.f, e).Seconds()))
		}
		slices.Sort(got)
		if !slices.Equal(got, tt.want) {
			t.Errorf("%d workers: %v, want %v", tt.workers, got, tt.want)
		}
	}
}

// A device's day begins by its zone, also where the clocks are set forward.
func TestTheTimeOfDayIsThatOfTheFleet(t *testing.T) {
	c := fleet.Config{Start: time.Date(2021, 3, 26, 12, 0, 0, 0, time.UTC), Groups: []fleet.Group{{Row: row(t, "SPA504G", "7.6.2", nil), Count: 1, Presets: settings(slices.Concat(byHTTP,
		[]string{"Resync_At__HHmm_=0300", "Resync_At_Random_Delay=0", "Time_Zone=GMT+01:00", "Daylight_Saving_Time_Enable=Yes", "Daylight_Saving_Time_Rule=start=3/-1/7/2;end=10/-1/7/3;save=1"})...)}}}
	v := virtually(t, c, map[string]string{"/a": profileOf()}, 72*time.Hour, nil)
	var got []string
	for _, e := range v.of(0, device.ResyncStarted)[1:] {
		got = append(got, time.Unix(0, e.At).UTC().Format("02 15:04"))
	}
	if want := []string{"27 02:00", "28 01:00", "29 01:00"}; !slices.Equal(got, want) {
		t.Errorf("resyncs at %v, want %v", got, want)
	}
}

// An upload by TFTP arrives as it was sent, also where packets are lost and come
// twice.
func TestAnUploadArrivesWhole(t *testing.T) {
	faults := &fault.Plan{Seed: 1}
	faults.Start(fault.Fault{Effects: fault.Effects{Lose: fault.Packets{Unit: fault.Some, Share: 0.15}, Duplicate: fault.Packets{Unit: fault.Some, Share: 0.2}}})
	c := fleet.Config{InProcess: &modelled.Network{Faults: faults}, Groups: asking(t, 1, byTFTP, "Report_Rule=tftp://127.0.0.1/report")}
	v := virtually(t, c, map[string]string{"/a": profileOf()}, time.Hour, script{
		10 * time.Minute: func(do func(device.Index, device.Order, ...string)) { do(0, device.Report) },
	})
	if v.count(device.ReportOK) != 1 {
		t.Fatal(v.story(0))
	}
	sent := v.server.files["/report"]
	if !strings.HasPrefix(sent, "<flat-profile>") || !strings.HasSuffix(strings.TrimSpace(sent), "</flat-profile>") || len(sent) < 10*512 {
		t.Errorf("%d bytes came: %.60q … %.60q", len(sent), sent, sent[max(0, len(sent)-60):])
	}
}

func TestClocksThatCannotBe(t *testing.T) {
	groups := asking(t, 1, byHTTP)
	for _, tt := range []struct {
		c    fleet.Config
		want string
	}{
		{fleet.Config{Clock: fleet.Virtual}, "virtual time needs servers in process"},
		{fleet.Config{Clock: fleet.Mixed + 1, Network: newNetwork()}, "no clock is called Clock(3)"},
		{fleet.Config{Clock: fleet.Virtual, InProcess: &modelled.Network{}, Web: fleet.Web{Listen: true}}, "take another clock"},
		{fleet.Config{Clock: fleet.Virtual, InProcess: &modelled.Network{}, Loops: 2, SIP: fleet.SIP{Register: true}}, "leave out Loops"},
		{fleet.Config{Clock: fleet.Virtual, InProcess: &modelled.Network{Workers: 1}, Loops: 2}, "leave out Loops"},
		{fleet.Config{Clock: fleet.Mixed, Network: newNetwork(), Speed: 2}, "a mixed clock jumps, and has no speed"},
		{fleet.Config{Network: newNetwork(), Speed: -1}, "goes back"},
		{fleet.Config{Network: newNetwork(), Conduct: func(int64, func(device.Index, device.Command)) (int64, bool) { return 0, true }}, "only a clock that jumps"},
	} {
		tt.c.Groups = groups
		if _, err := fleet.New(tt.c); err == nil || !strings.Contains(err.Error(), tt.want) {
			t.Errorf("%v, want %s", err, tt.want)
		}
	}
	f, err := fleet.New(fleet.Config{Groups: groups, Clock: fleet.Virtual, InProcess: &modelled.Network{}})
	if err != nil {
		t.Fatal(err)
	}
	if err := f.Do(context.Background(), 0, device.Command{Order: device.Reboot}); err == nil || !strings.Contains(err.Error(), "only Config.Conduct") {
		t.Errorf("%v", err)
	}
}

// A real clock at a speed: an hour in a few seconds, and its attempts on time.
func TestAScaledClockKeepsTheSchedule(t *testing.T) {
	n := newNetwork()
	n.put("/a", profileOf())
	from := time.Date(2010, 5, 1, 0, 0, 0, 0, time.UTC)
	s := start(t, n, fleet.Config{Speed: 3600, Start: from, Groups: []fleet.Group{ata(t, 4, "Resync_Periodic=600")}})
	s.await("four resyncs each", func() bool { return s.count(device.ResyncOK) >= 16 })
	for dev := range device.Index(4) {
		started := s.of(dev, device.ResyncStarted)
		if began := time.Unix(0, started[0].At).Sub(from); began < 0 || began > 30*time.Minute {
			t.Errorf("it began %s after the date", began)
		}
		for i := range 3 {
			ended := s.of(dev, device.ResyncOK)[i].At
			if wait := time.Duration(started[i+1].At - ended); wait < 10*time.Minute {
				t.Errorf("the next resync came %s after the last", wait)
			}
		}
	}
}

// Where time is mixed it stands still while a transfer is under way, however
// long that takes, and what came of it is heard in the order of the devices.
func TestMixedTimeStandsStillDuringATransfer(t *testing.T) {
	morning := func(delays time.Duration) string {
		n := newNetwork()
		n.hold = delays
		n.put("/a", profileOf("GPP_A=1"))
		s := &stand{t: t}
		var text bytes.Buffer
		groups := []fleet.Group{ata(t, 30, "Resync_Periodic=3600")}
		log := tally.NewEventLog(&text, func(dev device.Index) model.MAC { return device.MACOf(groups[0].Row.Model, 1, dev) })
		c := fleet.Config{Seed: 1, Clock: fleet.Mixed, Network: slowBy(n), Groups: groups, Outstanding: 7, Tell: func(events []device.Event) {
			log.Tell(events)
			s.hear(events)
		}}
		c.Conduct = func(now int64, _ func(device.Index, device.Command)) (int64, bool) {
			end := fleet.DefaultStart().Add(5*time.Hour + time.Minute).UnixNano()
			return end, now >= end
		}
		f, err := fleet.New(c)
		if err != nil {
			t.Fatal(err)
		}
		if err := f.Run(t.Context()); err != nil {
			t.Fatal(err)
		}
		if n.most > 7 {
			t.Errorf("%d at once, want at most 7", n.most)
		}
		for dev := range device.Index(30) {
			for i, e := range s.of(dev, device.ResyncOK) {
				if want := fleet.DefaultStart().Add(time.Duration(i) * time.Hour); e.At != want.UnixNano() || e.Took != 0 {
					t.Errorf("device %d ends resync %d at %s, %d ns after it was due", dev, i, time.Unix(0, e.At).UTC(), e.Took)
				}
			}
		}
		if err := log.Flush(); err != nil {
			t.Fatal(err)
		}
		return text.String()
	}
	first := morning(0)
	if n := strings.Count(first, "resync_ok"); n != 30*6 {
		t.Errorf("%d resyncs", n)
	}
	if morning(2*time.Millisecond) != first {
		t.Error("a slower server makes another morning")
	}
}

// slow is a network whose transfers take longer for devices that come first.
type slow struct{ *network }

func slowBy(n *network) fleet.Network { return slow{n} }

func (s slow) Fetch(ctx context.Context, r *resync.Request) (resync.Response, error) {
	timer := time.NewTimer(time.Duration(30-r.Unit.Index) * 50 * time.Microsecond)
	defer timer.Stop()
	<-timer.C
	return s.network.Fetch(ctx, r)
}

// The end of a run comes while a transfer hangs, and leaves nothing behind.
func TestMixedTimeEndsDuringATransfer(t *testing.T) {
	n := newNetwork()
	release := n.block("/a")
	defer release()
	s := start(t, n, fleet.Config{Clock: fleet.Mixed, Groups: []fleet.Group{ata(t, 9)}})
	s.await("transfers that hang", func() bool { return n.inFlight() == 9 })
	if v := s.view(3); v.Now != fleet.DefaultStart().UnixNano() {
		t.Errorf("time went on: %s", time.Unix(0, v.Now).UTC())
	}
	s.stop()
	if n.inFlight() != 0 || s.f.Aborted() != 9 {
		t.Errorf("%d hang, %d were cut off", n.inFlight(), s.f.Aborted())
	}
}
