package fleet_test

import (
	"context"
	"fmt"
	"net/netip"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"go.uber.org/goleak"

	"spafleet/device"
	"spafleet/device/devicetest"
	"spafleet/device/model"
	"spafleet/fleet"
	"spafleet/fleet/fleettest"
	"spafleet/resync"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// network is the servers of these tests: files by path. A path that it lacks is
// not found.
type network struct {
	mu      sync.Mutex
	files   map[string]string
	blocked map[string]chan struct{} // transfers of a path wait for its close
	hold    time.Duration            // how long each transfer takes
	asked   []string                 // device's address and path, in order
	running int
	most    int           // ever at once
	cut     int           // transfers that ended with their context
	down    bool          // nobody answers
	begun   chan struct{} // hears of each transfer, if somebody listens
}

func newNetwork() *network {
	return &network{files: map[string]string{}, blocked: map[string]chan struct{}{}, begun: make(chan struct{}, 1)}
}

func (n *network) Resolve(context.Context, string) ([]netip.Addr, error) {
	return nil, &resync.Error{Result: device.NoDNS}
}

func (n *network) Fetch(ctx context.Context, r *resync.Request) (resync.Response, error) {
	release, hold := n.enter(r)
	defer n.leave()
	if release != nil {
		select {
		case <-release:
		case <-ctx.Done():
		}
	}
	if hold > 0 {
		over, stop := context.WithTimeout(ctx, hold)
		<-over.Done()
		stop()
	}
	n.mu.Lock()
	defer n.mu.Unlock()
	if ctx.Err() != nil {
		n.cut++
		return resync.Response{}, ctx.Err()
	}
	body, ok := n.files[r.Path]
	switch {
	case n.down:
		return resync.Response{}, &resync.Error{Result: device.Timeout}
	case !ok:
		return resync.Response{Status: 404}, nil
	}
	return resync.Response{Status: 200, Body: []byte(body)}, nil
}

func (n *network) enter(r *resync.Request) (release chan struct{}, hold time.Duration) {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.asked = append(n.asked, r.Unit.IP.String()+r.Path)
	n.running++
	n.most = max(n.most, n.running)
	select {
	case n.begun <- struct{}{}:
	default:
	}
	return n.blocked[r.Path], n.hold
}

func (n *network) leave() {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.running--
}

// look reads the network's counts.
func (n *network) look(f func(n *network)) {
	n.mu.Lock()
	defer n.mu.Unlock()
	f(n)
}

func (n *network) put(path, body string) { n.look(func(n *network) { n.files[path] = body }) }

// block makes transfers of a path wait until release is called.
func (n *network) block(path string) (release func()) {
	c := make(chan struct{})
	n.look(func(n *network) { n.blocked[path] = c })
	return sync.OnceFunc(func() {
		n.look(func(n *network) { delete(n.blocked, path) })
		close(c)
	})
}

func (n *network) transfers() (count int) {
	n.look(func(n *network) { count = len(n.asked) })
	return count
}

func (n *network) inFlight() (count int) {
	n.look(func(n *network) { count = n.running })
	return count
}

// profileOf returns an open profile file.
func profileOf(pairs ...string) string {
	var b strings.Builder
	b.WriteString("<flat-profile>")
	for _, p := range pairs {
		name, value, _ := strings.Cut(p, "=")
		fmt.Fprintf(&b, "<%s>%s</%s>", name, value, name)
	}
	b.WriteString("</flat-profile>")
	return b.String()
}

func row(t testing.TB, name, firmware string, switches map[string]string) *model.Row {
	t.Helper()
	return devicetest.Turned(t, name, firmware, switches)
}

// settings reads NAME=VALUE texts.
func settings(pairs ...string) map[string]string {
	m := map[string]string{}
	for _, p := range pairs {
		name, value, _ := strings.Cut(p, "=")
		m[name] = value
	}
	return m
}

// sets reads NAME=VALUE texts.
func sets(t testing.TB, pairs ...string) []device.Set {
	t.Helper()
	var list []device.Set
	for _, p := range pairs {
		name, value, _ := strings.Cut(p, "=")
		id, ok := model.LookupID(name)
		if !ok {
			t.Fatalf("no parameter %q", name)
		}
		list = append(list, device.Set{ID: id, Value: value, Has: true})
	}
	return list
}

// atOnce are presets of a device that resyncs by http as soon as it boots and
// then never by itself.
var atOnce = []string{"Profile_Rule=http://192.0.2.5/a", "Resync_Random_Delay=0", "Resync_Periodic=0", "Resync_Error_Retry_Delay=0"}

// ata returns a group of ATAs that boot in no time, with presets after those of
// atOnce.
func ata(t testing.TB, count int, presets ...string) fleet.Group {
	return fleet.Group{Name: "ata", Row: row(t, "SPA2102", "5.2.10", devicetest.BootsAtOnce()), Count: count, Presets: settings(append(slices.Clone(atOnce), presets...)...)}
}

// A stand is a fleet at work, with what it told.
type stand struct {
	t    *testing.T
	f    *fleet.Fleet
	stop func()

	mu     sync.Mutex
	events []device.Event
}

// start runs a fleet until the test ends.
func start(t *testing.T, n *network, c fleet.Config) *stand { return startOn(t, n, c) }

func startOn(t *testing.T, n fleet.Network, c fleet.Config) *stand {
	t.Helper()
	s := &stand{t: t}
	c.Network, c.Tell = n, s.hear
	f := fleettest.Run(t, c)
	s.f, s.stop = f.Fleet, func() { f.Stop(t) }
	return s
}

func (s *stand) hear(events []device.Event) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.events = append(s.events, events...)
}

// of returns the events of a device that are of some kinds; for none, all that it did.
func (s *stand) of(dev device.Index, kinds ...device.Kind) []device.Event {
	s.mu.Lock()
	defer s.mu.Unlock()
	var list []device.Event
	for _, e := range s.events {
		if e.Dev == dev && (len(kinds) == 0 && e.Kind != device.Late || slices.Contains(kinds, e.Kind)) {
			list = append(list, e)
		}
	}
	return list
}

func (s *stand) count(kind device.Kind) (n int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, e := range s.events {
		if e.Kind == kind {
			n++
		}
	}
	return n
}

// story tells a device's events in a line, without transfers.
func (s *stand) story(dev device.Index) string {
	var words []string
	for _, e := range s.of(dev) {
		switch e.Kind {
		case device.Fetched, device.FetchFailed, device.Applied, device.Syslog, device.Late:
			continue
		case device.Boot:
			words = append(words, "boot:"+e.Reason.String())
		case device.ResyncStarted:
			words = append(words, "start:"+e.Cause.String())
		case device.Moved:
			words = append(words, strings.TrimSuffix(e.Name()+":"+e.Via.String(), ":"))
		default:
			words = append(words, strings.TrimPrefix(e.Name(), "resync_"))
		}
	}
	return strings.Join(words, " ")
}

// patience is how long a test waits for what must happen, on a busy machine too.
const patience = time.Minute

// await waits until something holds that need not come with an event.
func (s *stand) await(what string, held func() bool) {
	s.t.Helper()
	tick := time.NewTicker(time.Millisecond)
	defer tick.Stop()
	late := time.After(patience)
	for !held() {
		select {
		case <-tick.C:
		case <-late:
			s.t.Fatalf("waited in vain for %s; device 0: %s", what, s.story(0))
		}
	}
}

// awaitStory waits until a device's events read so.
func (s *stand) awaitStory(dev device.Index, want string) {
	s.t.Helper()
	ctx, stop := context.WithTimeout(s.t.Context(), patience)
	defer stop()
	if err := s.f.Await(ctx, func() bool { return s.story(dev) == want }); err != nil {
		s.t.Fatalf("%v\nwant %s\ngot  %s", err, want, s.story(dev))
	}
}

func (s *stand) do(dev device.Index, order device.Order, pairs ...string) {
	s.t.Helper()
	s.command(dev, device.Command{Order: order, Cause: model.ByStep, Sets: sets(s.t, pairs...)})
}

func (s *stand) command(dev device.Index, c device.Command) {
	s.t.Helper()
	if err := s.f.Do(s.t.Context(), dev, c); err != nil {
		s.t.Fatal(err)
	}
}

func (s *stand) view(dev device.Index) device.View {
	s.t.Helper()
	v, ok := s.f.View(dev)
	if !ok {
		s.t.Fatalf("no device %d", dev)
	}
	return v
}

func (s *stand) value(dev device.Index, name string) string {
	v, _ := s.view(dev).Params.Lookup(name)
	return v
}

// settle waits until a device has carried out all it was told before, which it
// does in order: the last is an edit.
func (s *stand) settle(dev device.Index) {
	s.t.Helper()
	mark := fmt.Sprint("mark ", s.view(dev).Now)
	s.do(dev, device.SetParams, "GPP_P="+mark)
	s.await("an edit", func() bool { return s.value(dev, "GPP_P") == mark })
}
