package fleet

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"math"
	"net"
	"net/http"
	"net/netip"
	"slices"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"spafleet/device"
	"spafleet/device/chance"
	"spafleet/device/devicetest"
	"spafleet/device/model"
	"spafleet/resync/fetch"
	"spafleet/scenarios/report"
	"spafleet/scenarios/tally"
)

// slowNames is sockets whose lookups take a while.
type slowNames struct {
	*fetch.Sockets
	wait time.Duration
}

func (n slowNames) Resolve(ctx context.Context, _ string) ([]netip.Addr, error) {
	time.Sleep(n.wait)
	return []netip.Addr{netip.MustParseAddr("127.0.0.1")}, ctx.Err()
}

// bench is a server with known delays, in the time of a synctest bubble.
type bench struct {
	name    string
	connect time.Duration
	lookup  time.Duration
	body    time.Duration                                             // from the header to the last byte
	first   func(dev device.Index, since time.Duration) time.Duration // from the request to the first byte, by when it came
	places  int                                                       // attempts at once; 0: enough
}

const (
	benchDevices = 3000
	benchWindow  = 20 * time.Second
)

func fixed(d time.Duration) func(device.Index, time.Duration) time.Duration {
	return func(device.Index, time.Duration) time.Duration { return d }
}

// stalled is a server that answers within 20 ms, but nobody at all for a second.
func stalled(_ device.Index, since time.Duration) time.Duration {
	const from, until = 8 * time.Second, 9 * time.Second
	if since >= from && since < until {
		return until - since + 20*time.Millisecond
	}
	return 20 * time.Millisecond
}

func benches() []bench {
	return []bench{
		{name: "fixed", first: fixed(50 * time.Millisecond)},
		{name: "short", first: fixed(300 * time.Microsecond)},
		{name: "two humps", first: func(dev device.Index, _ time.Duration) time.Duration {
			if dev%20 == 0 {
				return 400 * time.Millisecond
			}
			return 10 * time.Millisecond
		}},
		{name: "stall of everything", first: stalled},
		{name: "stall, and few places", first: stalled, places: 4},
		{name: "each phase", lookup: 7 * time.Millisecond, connect: 5 * time.Millisecond, first: fixed(20 * time.Millisecond), body: 30 * time.Millisecond},
	}
}

// The reported latencies are the injected ones, counted from when each resync was
// due: a stall is felt by all who would have asked meanwhile, also by those who
// could not because the others kept the places.
func TestReportedLatenciesAreTheInjectedOnes(t *testing.T) {
	for _, b := range benches() {
		t.Run(b.name, func(t *testing.T) { synctest.Test(t, b.run) })
	}
}

func (b bench) run(t *testing.T) {
	tally := tally.New([]tally.Make{{Model: "SPA2102", Devices: benchDevices}}, func(device.Index) int { return 0 }, device.Shard{})
	var synced atomic.Int64
	row := devicetest.Turned(t, "SPA2102", "5.2.10", map[string]string{"random_delay_unit": "1s"})
	began, devices := time.Now(), devicesByMAC(row)
	sockets := &fetch.Sockets{Dial: func(_ context.Context, source netip.Addr, _ netip.AddrPort, _ time.Duration) (net.Conn, error) {
		time.Sleep(b.connect)
		near, far := net.Pipe()
		go b.serve(t, far, devices, began)
		return near, nil
	}}
	f, err := New(Config{
		Seed: 1, Network: slowNames{sockets, b.lookup}, Outstanding: b.places, Loops: map[bool]int{true: 1}[b.places > 0],
		Groups: []Group{{Name: "atas", Row: row, Count: benchDevices, Presets: map[string]string{
			"Profile_Rule": "http://prov.test/$MA", "Resync_Random_Delay": "20", "Resync_Periodic": "0", "Resync_Error_Retry_Delay": "0"}}},
		Tell: func(events []device.Event) {
			tally.Tell(events)
			for i := range events {
				if events[i].Kind == device.ResyncOK || events[i].Kind == device.ResyncFailed {
					synced.Add(1)
				}
			}
		},
	})
	if err != nil {
		t.Fatal(err)
	}
	ctx, stop := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() { ended <- f.Run(ctx) }()
	if err := f.Await(t.Context(), func() bool { return synced.Load() == benchDevices }); err != nil {
		t.Fatal(err)
	}
	stop()
	if err := <-ended; err != nil {
		t.Fatal(err)
	}
	b.check(t, tally)
}

// serve answers one request, with the delay of when it came.
func (b bench) serve(t *testing.T, conn net.Conn, devices map[model.MAC]device.Index, began time.Time) {
	defer conn.Close()
	r, err := http.ReadRequest(bufio.NewReader(conn))
	if err != nil {
		t.Error(err)
		return
	}
	mac, err := model.ParseMAC(r.URL.Path[1:])
	if err != nil {
		t.Error(err)
		return
	}
	time.Sleep(b.first(devices[mac], time.Since(began)))
	io.WriteString(conn, "HTTP/1.1 200 OK\r\nContent-Length: 29\r\n\r\n<flat-profile>")
	time.Sleep(b.body)
	io.WriteString(conn, "</flat-profile>")
}

// devicesByMAC finds devices by their addresses.
func devicesByMAC(row *model.Row) map[model.MAC]device.Index {
	m := map[model.MAC]device.Index{}
	for dev := range device.Index(benchDevices) {
		m[device.MACOf(row.Model, 1, dev)] = dev
	}
	return m
}

// truth computes what a resync of each device takes from the moment it is due:
// first come, first served, at as many places as there are.
func (b bench) truth() []time.Duration {
	type due struct {
		dev device.Index
		at  time.Duration
	}
	var list []due
	for dev := range device.Index(benchDevices) {
		list = append(list, due{dev, time.Duration(chance.Draw(1, uint32(dev), chance.Boot, 1) * float64(benchWindow))})
	}
	slices.SortFunc(list, func(a, b due) int { return int(a.at - b.at) })
	free := make([]time.Duration, b.places) // when each place is
	var took []time.Duration
	for _, d := range list {
		start := d.at
		if b.places > 0 {
			slices.Sort(free)
			start = max(start, free[0])
		}
		asked := start + b.lookup + b.connect
		end := asked + b.first(d.dev, asked) + b.body
		if b.places > 0 {
			free[0] = end
		}
		took = append(took, end-d.at)
	}
	slices.Sort(took)
	return took
}

func (b bench) check(t *testing.T, tally *tally.Tally) {
	s := report.Summarize(tally.Totals())
	truth := b.truth()
	at := func(q float64) float64 { return truth[int(math.Ceil(q*float64(len(truth))))-1].Seconds() }
	whole := s.Metrics["resync_duration"][0]
	if whole.Count != benchDevices || s.Resyncs.OK != benchDevices {
		t.Fatalf("%d resyncs, %+v", whole.Count, s.Resyncs)
	}
	for _, c := range []struct {
		name      string
		got, want float64
	}{{"median", whole.Med, at(.5)}, {"p95", whole.P95, at(.95)}, {"p99", whole.P99, at(.99)}, {"max", whole.Max, at(1)}, {"min", whole.Min, truth[0].Seconds()}} {
		if off := math.Abs(c.got - c.want); off > max(.05*c.want, .001) {
			t.Errorf("%s is reported as %.4f s and was %.4f s", c.name, c.got, c.want)
		}
	}
	if late := tally.Lateness(); (late.P99 > .1) != (b.places > 0) {
		t.Errorf("lateness %+v with %d places", late, b.places)
	}
	for _, p := range s.Metrics["phase_duration"] {
		want := map[string]time.Duration{"dns": b.lookup, "connect": b.connect, "first_byte": b.first(1, 0), "body": b.body}[p.Tags["phase"]]
		if off := math.Abs(p.Med - want.Seconds()); off > max(.05*want.Seconds(), .001) {
			t.Errorf("phase %s is reported as %.4f s and was %s", p.Tags["phase"], p.Med, want)
		}
	}
	if b.name == "each phase" && fmt.Sprint(phasesOf(s)) != "[body connect dns first_byte]" {
		t.Errorf("phases %v", phasesOf(s))
	}
}

func phasesOf(s report.Summary) (names []string) {
	for _, p := range s.Metrics["phase_duration"] {
		names = append(names, p.Tags["phase"])
	}
	slices.Sort(names)
	return names
}
