package interop_test

import (
	"cmp"
	"context"
	"fmt"
	"net"
	"net/netip"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"spafleet/bench/extproc"
	"spafleet/certs"
	"spafleet/certs/trust"
	"spafleet/device"
	"spafleet/device/model"
	"spafleet/device/profile"
	"spafleet/resync"
	"spafleet/resync/fetch"
)

const (
	seed = 1
	host = "prov.example.test" // the servers' name
)

// today is the devices' clock where a test does not say otherwise. That of the
// servers is the machine's.
var today = time.Date(2020, 6, 1, 12, 0, 0, 0, time.UTC)

// The authorities and the devices of all tests.
var (
	pki    = certs.New(seed)
	holder = &certs.Holder{PKI: pki, Pool: 2}
	stores = &trust.Devices{PKI: pki, Holder: holder}
	shelf  = &resync.ProfileCache{}
)

// hosts are the names that the devices know.
var (
	loopback = netip.MustParseAddr("127.0.0.1")
	hosts    = map[string][]netip.Addr{host: {loopback}, "two.example.test": {loopback}, "other.example.test": {netip.MustParseAddr("127.0.0.2")}}
)

// A visit is one resync of one device.
type visit struct {
	phone  string   // model, firmware and switches turned, such as "SPA2102 5.2.12 tls_hello=ssl2"
	set    []string // parameters, NAME=VALUE
	index  device.Index
	serial string         // in place of the one that the index gives
	host   string         // in the URL; "": prov.example.test
	path   string         // "": where the server has its profile
	at     time.Time      // of the device's clock; zero: today
	as     *trust.Devices // what it trusts and holds; nil: stores
	// unjudged says why [trust.Devices.Judge] cannot know what comes of the visit;
	// "": it can.
	unjudged string
}

// An outcome is what came of a visit.
type outcome struct {
	visit
	unit   device.Unit
	params device.Params
	server *server
	begun  int    // length of the server's log before
	cause  error  // of the last transfer that failed
	wire   []byte // what the device sent
	custom string // PEM of what it came to trust by Custom_CA_RULE
	wrong  bool   // it came to something else than what was wanted

	file  device.File // of the last transfer
	err   string      // $ERR, "" for success
	log   []string    // lines for syslog
	value string      // of GPP_A afterwards: each profile brings the name of its setup
}

// visits counts them: each has an address of its own.
var visits atomic.Uint32

func (v visit) row(t testing.TB) *model.Row {
	t.Helper()
	words := strings.Fields(v.phone)
	turned := map[string]string{}
	for _, w := range words[2:] {
		name, value, _ := strings.Cut(w, "=")
		turned[name] = value
	}
	r, err := model.NewRow(words[0], words[1], turned)
	if err != nil {
		t.Fatal(err)
	}
	return r
}

// device returns who visits, with an address of its own.
func (v visit) device(t testing.TB) (device.Unit, device.Params) {
	t.Helper()
	n := visits.Add(1)
	r := v.row(t)
	u := device.NewUnit(r, seed, v.index, netip.AddrFrom4([4]byte{127, 64, byte(n >> 8), byte(n)}))
	u.Serial = cmp.Or(v.serial, u.Serial)
	return u, v.params(t, r)
}

func (v visit) params(t testing.TB, r *model.Row) device.Params {
	t.Helper()
	var sets []device.Set
	usual := []string{"Syslog_Server=192.0.2.1"}
	if _, ok := r.Lookup("Primary_NTP_Server"); ok { // so that its clock is right
		usual = append(usual, "Primary_NTP_Server=192.0.2.123")
	}
	for _, s := range append(usual, v.set...) {
		name, value, _ := strings.Cut(s, "=")
		p, ok := r.Lookup(name)
		if !ok {
			t.Fatalf("%s has no parameter %s", v.phone, name)
		}
		sets = append(sets, device.Set{ID: p.ID, Value: value, Has: true})
	}
	p, _ := device.Reset(r.Factory).With(&shelf.Layers, sets)
	return p
}

// to makes a device resync from a server.
func (v visit) to(t testing.TB, s *server) *outcome {
	t.Helper()
	u, p := v.device(t)
	v.host, v.path = cmp.Or(v.host, host), cmp.Or(v.path, s.path)
	if v.at.IsZero() {
		v.at = today
	}
	if v.as == nil {
		v.as = stores
	}
	o := &outcome{visit: v, unit: u, params: p, server: s}
	if s.alone != nil { // its log does not tell its visitors apart
		s.alone.Lock()
		defer s.alone.Unlock()
		o.begun = len(s.read())
	}
	o.resync(t.Context(), fmt.Sprintf("https://%s:%s%s", v.host, s.port(), v.path))
	return o
}

func (o *outcome) resync(ctx context.Context, url string) {
	w := &world{o}
	out := resync.Attempt(ctx, w, resync.Input{Unit: o.unit, Params: o.params, Profiles: shelf, Cause: model.ByWeb, Booted: o.booted(),
		Command: &device.Command{Argument: url}})
	w.Commit(out.Params, out.Life, out.Events)
	o.err = out.Err
	if out.Aborted {
		o.err = "aborted"
	}
	o.value, _ = out.Params.Lookup("GPP_A")
}

// booted is when the device was switched on, a minute before its visit.
func (o *outcome) booted() int64 { return o.at.Add(-time.Minute).UnixNano() }

// String says all that the device knows afterwards: the number and the alert in
// its event, its lines for syslog about the connection, and $ERR.
func (o *outcome) String() string {
	var parts []string
	if o.file.TLSError != 0 || o.file.Alert != 0 || o.file.Result == device.TLSFailed {
		parts = append(parts, fmt.Sprintf("%v %d alert %d", o.file.Result, o.file.TLSError, o.file.Alert))
	} else if o.err != "" {
		parts = append(parts, o.file.Result.String())
	}
	parts = append(parts, o.said()...)
	if o.err == "" {
		return strings.Join(append(parts, "ok"), "; ")
	}
	return strings.Join(append(parts, o.err), "; ")
}

// said returns the lines for syslog that no template made.
func (o *outcome) said() (lines []string) {
	for _, line := range o.log {
		if !strings.Contains(line, " -- ") {
			lines = append(lines, line)
		}
	}
	return lines
}

// wants checks what the device knows afterwards, and that its log ends with it.
func (o *outcome) wants(t testing.TB, want string) {
	t.Helper()
	if got := o.String(); got != want {
		o.wrong = true // its traces are other ones too
		t.Errorf("%s at %s: %s\nwant %s\nthe server logged %s", o.phone, o.server, got, want, o.excerpt())
	}
	last := "Successful resync"
	if o.err != "" {
		last = "Resync failed: " + o.err
	}
	asked := func(line string) bool { return strings.Contains(line, "Requesting resync https://"+o.server.addr) }
	if !slices.ContainsFunc(o.log, asked) || !strings.Contains(o.log[len(o.log)-1], last) {
		t.Errorf("%s at %s: log %q, want a request and at last %q", o.phone, o.server, o.log, last)
	}
	if inside := o.value == o.server.setup.name; inside != (o.err == "") {
		t.Errorf("%s at %s: $ERR %q, and GPP_A is %q", o.phone, o.server, o.err, o.value)
	}
	if o.unjudged == "" {
		o.judge(t)
	}
}

// wantsMutual checks whether the device counts the file as one that came by
// mutual TLS.
func (o *outcome) wantsMutual(t testing.TB, want bool) {
	t.Helper()
	if got := o.file.Protection&profile.Mutual != 0; got != want {
		t.Errorf("%s at %s: mutual TLS: %t", o.phone, o.server, got)
	}
}

// seen returns what the server has logged of the visit so far.
func (o *outcome) seen() string { return o.server.about(o) }

// excerpt is seen, fit for a failed test.
func (o *outcome) excerpt() string {
	log := o.seen()
	return log[max(0, len(log)-4000):]
}

// leaves checks what the server logs of the visit: each text stands in it. The
// servers write when they like, so it waits.
func (o *outcome) leaves(t testing.TB, texts ...string) {
	t.Helper()
	for _, text := range texts {
		if o.wrong {
			return
		}
		err := extproc.Wait("log", func() bool { return strings.Contains(o.seen(), text) })
		if err != nil {
			t.Errorf("%s at %s: the server's log lacks %q:\n%s", o.phone, o.server, text, o.excerpt())
		}
	}
}

// A world is a device's network, with a clock that stands.
type world struct{ *outcome }

var _ resync.Env = (*world)(nil)

func (w *world) Now() int64 { return w.at.UnixNano() }

func (w *world) Resolve(ctx context.Context, name string) ([]netip.Addr, error) {
	return w.sockets().Resolve(ctx, name)
}

func (w *world) Fetch(ctx context.Context, r *resync.Request) (resync.Response, error) {
	r.Source = w.unit.IP
	resp, err := w.sockets().Fetch(ctx, r)
	w.cause = err
	return resp, err
}

func (w *world) sockets() *fetch.Sockets {
	return &fetch.Sockets{Certs: w.as, Hosts: hosts, Dial: func(ctx context.Context, source netip.Addr, to netip.AddrPort, wait time.Duration) (net.Conn, error) {
		d := net.Dialer{Timeout: wait, LocalAddr: net.TCPAddrFromAddrPort(netip.AddrPortFrom(source, 0))}
		conn, err := d.DialContext(ctx, "tcp", to.String())
		return tapped{conn, w.outcome}, err
	}}
}

// A tapped connection remembers what the device sent.
type tapped struct {
	net.Conn
	o *outcome
}

func (c tapped) Write(p []byte) (int, error) {
	c.o.wire = append(c.o.wire, p...)
	return c.Conn.Write(p)
}

func (w *world) Commit(_ device.Params, _ device.Life, events []device.Event) {
	for _, e := range events {
		switch e.Kind {
		case device.Syslog:
			if strings.HasPrefix(e.Text, "resync rule:") {
				break // it names the server, and says nothing of the handshake
			}
			w.log = append(w.log, e.Text)
		case device.Fetched, device.FetchFailed:
			w.file = *e.File
		}
	}
}

// A server is one listener of one program.
type server struct {
	program string
	setup   *setup
	addr    string
	path    string      // of the profile
	alone   *sync.Mutex // held by one visit after the other, where the log does not name visitors
	read    func() string
}

func (s *server) String() string { return s.program + " " + s.setup.name }

func (s *server) port() string {
	_, port, _ := strings.Cut(s.addr, ":")
	return port
}

// about returns the lines of the log that are about a visit.
func (s *server) about(o *outcome) string {
	log := s.read()
	if s.alone != nil {
		return log[o.begun:]
	}
	lines := slices.Collect(strings.Lines(log))
	own := o.unit.IP.String()
	return strings.Join(slices.DeleteFunc(lines, func(l string) bool {
		at := strings.Index(l, own)
		return at < 0 || at+len(own) < len(l) && l[at+len(own)] >= '0' && l[at+len(own)] <= '9'
	}), "")
}
