package modelled_test

import (
	"cmp"
	"context"
	"fmt"
	"net/netip"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"go.uber.org/goleak"

	"spafleet/certs"
	"spafleet/certs/ssl"
	"spafleet/certs/trust"
	"spafleet/device"
	"spafleet/device/devicetest"
	"spafleet/device/model"
	"spafleet/prov"
	"spafleet/resync"
	"spafleet/resync/fault"
	"spafleet/resync/fetch"
	"spafleet/resync/modelled"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// A variant is an effect as a scenario file may have it.
type variant struct {
	text  string
	never bool // what it asks for does not come to pass with these files
}

// variants are what each effect is tried with. Hostile ways are all of them.
var variants = map[string][]variant{
	"lose":        {{text: "all"}, {text: "block 3"}, {text: "block 3 once"}, {text: "ack 2 once"}, {text: "packet 4-"}, {text: "packet 900-", never: true}},
	"duplicate":   {{text: "all"}, {text: "block 2"}},
	"reorder":     {{text: "block 2"}, {text: "packet 900-", never: true}},
	"delay":       {{text: "40ms"}, {text: "3s"}},
	"bandwidth":   {{text: "2Mbit/s"}, {text: "8kbit/s"}},
	"reset_after": {{text: "0B"}, {text: "10B"}, {text: "5KB"}, {text: "1MB", never: true}},
	"close_after": {{text: "0B"}, {text: "5KB"}, {text: "1MB", never: true}},
	"truncate":    {{text: "0B"}, {text: "10B"}, {text: "5KB"}, {text: "7KB"}, {text: "1MB", never: true}},
	"status":      {{text: "503"}, {text: "404"}, {text: "200"}, {text: "2"}, {text: "1"}},
	"alert":       {{text: "40"}, {text: "48"}},
	"stall_after": {{text: "0B"}, {text: "5KB"}, {text: "1MB", never: true}},
	"corrupt":     {{text: "true"}},
	"down":        {{text: "all"}},
}

// triedWith returns the variants of an effect.
func triedWith(e fault.Effect) []variant {
	if e.Key != "hostile" {
		return variants[e.Key]
	}
	var all []variant
	for _, h := range fault.Hostiles() {
		all = append(all, variant{text: string(h)})
	}
	return all
}

// answers are the kinds of answers of a server, by path.
var answers = map[string]prov.Entry{
	"/file":     {Body: profile(8000)},
	"/blocks":   {Body: profile(1024)}, // TFTP ends it with an empty block
	"/empty":    {},
	"/refused":  {Status: 403},
	"/failing":  {Status: 500},
	"/moved":    {Status: 302, Location: "/file"},
	"/secret":   {Status: 401},
	"/nothing":  {Status: 204},
	"/too-big":  {Body: profile(300_000)},
	"/not-xml":  {Body: "what is this?"},
	"/no-digit": {Body: "<flat-profile><GPP_A>\xff</GPP_A></flat-profile>"},
}

// profile returns a profile of so many bytes.
func profile(size int) string {
	const head, tail = "<flat-profile><GPP_A>", "</GPP_A></flat-profile>"
	return head + "once" + tail + strings.Repeat(" ", size-len(head+"once"+tail))
}

// A cell of the contract is one attempt of a device, on both networks.
type cell struct {
	scheme string
	path   string // of the answer
	report bool   // the device sends a file
	key    string // of the effect; "": undisturbed
	wrong  bool   // it asks by https at the port of http
	model  string // and firmware; "": one without a value of its own in the tables
	variant
}

func (c cell) String() string {
	return fmt.Sprintf("%s %s %s report=%t wrong port=%t %s=%s", c.model, c.scheme, c.path, c.report, c.wrong, c.key, c.text)
}

// fault returns the cell's fault, false where no scenario can have it.
func (c cell) fault(t *testing.T) (f fault.Fault, effect fault.Effect, ok bool) {
	var err error
	if f.Match, err = fault.ParseMatch(c.scheme); err != nil {
		t.Fatal(err)
	}
	for _, e := range fault.Table() {
		if e.Key == c.key {
			if err := e.Parse(&f.Effects, c.text); err != nil {
				t.Fatal(err)
			}
			return f, e, e.Mistake(&f) == ""
		}
	}
	return f, effect, true
}

// ofImage is the firmware whose image was read: it asks in other ways than the others.
const ofImage = "SPA504G 7.5.2b"

// cells are all there are: each effect with each scheme, and what the server does
// wrong with each kind of answer too; and each kind of answer, and what may become of
// TFTP's packets, with the firmware whose image was read.
func cells() []cell {
	var list []cell
	schemes := []string{"tftp", "http", "https"}
	for _, scheme := range schemes[:2] {
		for path := range answers {
			list = append(list, cell{model: ofImage, scheme: scheme, path: path})
		}
		list = append(list, cell{model: ofImage, scheme: scheme, path: "/missing"}, cell{model: ofImage, scheme: scheme, path: "/report", report: true})
	}
	for _, text := range []string{"packet 2 once", "packet 3 once", "ack 0 once", "block 1 once", "all"} {
		list = append(list, cell{model: ofImage, scheme: "tftp", path: "/file", key: "lose", variant: variant{text: text}})
	}
	for key, text := range map[string]string{"down": "all", "reset_after": "0B", "close_after": "0B", "status": "504", "stall_after": "5KB"} { // three times
		list = append(list, cell{model: ofImage, scheme: "http", path: "/file", key: key, variant: variant{text: text}})
	}
	for _, scheme := range schemes {
		for path := range answers {
			list = append(list, cell{scheme: scheme, path: path})
		}
		list = append(list, cell{scheme: scheme, path: "/missing"}, cell{scheme: scheme, path: "/report", report: true})
	}
	for _, e := range fault.Table() {
		for _, v := range triedWith(e) {
			for _, scheme := range append(slices.Clone(schemes), "dns") {
				list = append(list, cell{scheme: scheme, path: "/file", key: e.Key, variant: v})
				if scheme == "dns" {
					continue
				}
				list = append(list, cell{scheme: scheme, path: "/missing", key: e.Key, variant: v}, cell{scheme: scheme, path: "/report", report: true, key: e.Key, variant: v})
				if e.OfServer {
					list = append(list, cell{scheme: scheme, path: "/empty", key: e.Key, variant: v}, cell{scheme: scheme, path: "/moved", key: e.Key, variant: v})
				}
			}
		}
	}
	return list
}

// What happened in a cell.
type result struct {
	told string // what the device and its events say
	hits int    // exchanges that the fault changed
	took time.Duration
}

// A contract is the servers that a cell needs.
type contract struct {
	cell
	t             *testing.T
	unit          device.Unit
	lines, wrongs *fault.Plan // as a scenario has them: of the network and of the server
	active        []*fault.Active
	core          *prov.Core
}

var (
	authorities = certs.New(1)
	clients     = &trust.Devices{PKI: authorities, Holder: &certs.Holder{PKI: authorities}}
	loopback    = netip.MustParseAddr("127.0.0.1")
	hosts       = map[string][]netip.Addr{"prov.test": {loopback}}
	today       = time.Date(2015, 1, 1, 0, 0, 0, 0, time.UTC)
)

// waiting returns the switches of a device that waits so many times longer than a
// hasty one.
func waiting(patience time.Duration) map[string]string {
	read, try := (900 * time.Millisecond * patience).String(), (450 * time.Millisecond * patience).String()
	return map[string]string{"http_connect_wait": read, "http_read_wait": read, "tftp_wait": try, "tftp_tries": "2"}
}

// newContract makes the servers of a cell, and its device.
func newContract(t *testing.T, c cell, switches map[string]string) *contract {
	x := &contract{cell: c, t: t, lines: &fault.Plan{Seed: 1}, wrongs: &fault.Plan{Seed: 1}}
	name, firmware, _ := strings.Cut(cmp.Or(c.model, "SPA2102 5.2.12"), " ")
	row := devicetest.Turned(t, name, firmware, switches)
	x.unit = device.NewUnit(row, 1, 3, netip.MustParseAddr("127.64.0.4"))
	core, err := prov.NewCore(answers, prov.Options{Faults: x.wrongs, Who: func(a netip.Addr) (*device.Unit, bool) { return &x.unit, a == x.unit.IP }})
	if err != nil {
		t.Fatal(err)
	}
	x.core = core
	return x
}

// begin begins the cell's fault.
func (x *contract) begin() (f fault.Fault) {
	if x.key == "" {
		return f
	}
	f, _, _ = x.fault(x.t)
	if f.OfNetwork() || f.Down {
		x.active = append(x.active, x.lines.Start(f))
	}
	if f.OfServer() {
		x.active = append(x.active, x.wrongs.Start(f))
	}
	return f
}

// listener is the HTTPS side of the server.
var listener = sync.OnceValue(func() *ssl.Server {
	cert, err := authorities.Server(certs.ServerRequest{CA: certs.Sipura1, CN: "prov.test"})
	if err != nil {
		panic(err)
	}
	return &ssl.Server{Min: ssl.TLS10, Max: ssl.TLS10, Suites: []ssl.Suite{ssl.AES256SHA}, Certificate: cert}
})

// attempt lets the device act.
func (x *contract) attempt(env *env, port uint16) result {
	scheme := x.scheme
	if scheme == "dns" {
		scheme = "http"
	}
	param, run := "Profile_Rule", resync.Attempt
	if x.report {
		param, run = "Report_Rule", resync.Report
	}
	params := devicetest.Params(x.t, x.unit.Row.Factory, fmt.Sprintf("%s=%s://prov.test:%d%s", param, scheme, port, x.path))
	begun := env.Now()
	o := run(x.t.Context(), env, resync.Input{
		Unit: x.unit, Params: params, Cause: model.ByStep, Profiles: &resync.ProfileCache{}, Nonce: 1, Tapped: true,
		ReportBody: func(bool, bool) []byte { return []byte(profile(3000)) },
	})
	var b strings.Builder
	gppA, _ := x.unit.Row.Factory.Lookup("GPP_A")
	fmt.Fprintf(&b, "ok=%t err=%q GPP_A=%q\n", o.OK, o.Err, o.Params.Get(gppA.ID))
	for _, e := range append(env.events, o.Events...) {
		if fmt.Fprintf(&b, "%s %s %q %q %s", e.Name(), e.Result, e.Err, e.Text, e.From); e.File != nil {
			f := e.File
			fmt.Fprintf(&b, " %s %s %s status %d, %d bytes, tls %d alert %d, %v, hint %q, phase %s wait %d refusal %d said %q", f.What, f.Scheme, f.Path, f.Status, f.Bytes, f.TLSError, f.Alert, f.Protection, f.Hint, f.Phase, f.Wait, f.Refusal, f.Said)
		}
		b.WriteByte('\n')
	}
	r := result{told: b.String(), took: time.Duration(env.Now() - begun)}
	for _, a := range x.active {
		r.hits += a.Affected()
	}
	return r
}

// onSockets acts the cell out over real sockets, and returns the server's ports.
func onSockets(t *testing.T, c cell, switches map[string]string, closing *sync.WaitGroup) (r result, ports [3]uint16) {
	x := newContract(t, c, switches)
	s := &prov.Server{Core: x.core, TFTPAddr: "127.0.0.1:0", HTTPAddr: "127.0.0.1:0", HTTPS: []prov.HTTPS{{Addr: "127.0.0.1:0", SSL: listener()}}}
	if err := s.Open(); err != nil {
		t.Fatal(err)
	}
	defer closing.Go(s.Close) // it waits for devices that fell silent
	ports = [3]uint16{s.TFTP().Port(), s.HTTP().Port(), s.HTTPSAt()[0].Port()}
	if f := x.begin(); f.Down && f.Match.Scheme != "tftp" {
		s.Down(f.Match.Scheme)
	}
	begun := time.Now()
	sockets := &fetch.Sockets{Certs: clients, Hosts: hosts, Faults: x.lines}
	return x.attempt(&env{unit: &x.unit, network: sockets, now: func() int64 { return today.Add(time.Since(begun)).UnixNano() }}, port(c, ports)), ports
}

// inVirtualTime acts the cell out without sockets.
func inVirtualTime(t *testing.T, c cell, switches map[string]string, ports [3]uint16) result {
	x := newContract(t, c, switches)
	n := &modelled.Network{
		Server: x.core, Addr: loopback, TFTP: ports[0], HTTP: ports[1], Hosts: hosts, Certs: clients, Faults: x.lines, HeaderWait: prov.HeaderWait, RoundTrip: 100 * time.Microsecond, // as loopback
		HTTPS: []modelled.Secure{{Port: ports[2], Server: trust.ServerOf(listener())}},
	}
	x.begin()
	p := &process{unit: &x.unit, at: today.UnixNano()}
	return x.attempt(&env{unit: &x.unit, network: n.Open().Client(p), now: p.Now}, port(c, ports))
}

func port(c cell, ports [3]uint16) uint16 {
	if c.wrong {
		return ports[1]
	}
	return map[string]uint16{"tftp": ports[0], "http": ports[1], "dns": ports[1], "https": ports[2]}[c.scheme]
}

// A process is the only one in its virtual time.
type process struct {
	unit *device.Unit
	at   int64
}

func (p *process) Unit() *device.Unit     { return p.unit }
func (p *process) Now() int64             { return p.at }
func (p *process) Wait(until int64) error { p.at = max(p.at, until); return nil }
func (p *process) Draw() float64          { return 0.5 }

// env is what an attempt sees of either network.
type env struct {
	unit    *device.Unit
	network interface {
		resync.Fetcher
		Resolve(ctx context.Context, name string) ([]netip.Addr, error)
	}
	now    func() int64
	events []device.Event
}

func (e *env) Now() int64 { return e.now() }

func (e *env) Resolve(ctx context.Context, name string) ([]netip.Addr, error) {
	return e.network.Resolve(fetch.For(ctx, fetch.Asker{Device: e.unit.Index, Behaviour: &e.unit.Row.Behaviour}), name)
}

func (e *env) Fetch(ctx context.Context, r *resync.Request) (resync.Response, error) {
	r.Source = e.unit.IP
	return e.network.Fetch(ctx, r)
}

func (e *env) Commit(_ device.Params, _ device.Life, events []device.Event) {
	e.events = append(e.events, events...)
}

// differences says in what the result over sockets is not that of virtual time.
func differences(real, virtual result) (list []string) {
	if real.told != virtual.told {
		list = append(list, fmt.Sprintf("over sockets:\n%sin virtual time:\n%s", real.told, virtual.told))
	}
	if real.hits != virtual.hits {
		list = append(list, fmt.Sprintf("counted %d times over sockets, %d in virtual time", real.hits, virtual.hits))
	}
	if low, high := virtual.took-200*time.Millisecond, virtual.took+5*time.Second; real.took < low || real.took > high {
		list = append(list, fmt.Sprintf("it took %v over sockets, %v in virtual time", real.took, virtual.took))
	}
	return list
}

// The contract of both networks: whatever a server answers and whatever one fault
// does, a transfer ends over real sockets as it ends in virtual time, by every
// scheme, and the fault is counted where it changed something and nowhere else. Two
// faults of one exchange are not compared: in virtual time an answer that the server
// breaks off is not slowed by the line too.
//
// A machine that is too busy may be late for a hasty device. So a cell that differs
// is tried again with a more patient one.
func TestBothNetworksEndAlike(t *testing.T) {
	listener() // keys take their time
	u := devicetest.Unit(devicetest.Row(t, "SPA2102", "5.2.12"), 3)
	if _, err := clients.Client(&u, device.Reset(u.Row.Factory), today); err != nil {
		t.Fatal(err)
	}
	left := slices.DeleteFunc(cells(), func(c cell) bool { _, _, possible := c.fault(t); return !possible })
	if len(left) < 300 {
		t.Errorf("only %d cells", len(left))
	}
	for _, patience := range []time.Duration{1, 3, 9} {
		left = disagreeing(t, left, patience, patience == 9)
	}
}

// disagreeing acts cells out and returns those that do not end alike.
func disagreeing(t *testing.T, list []cell, patience time.Duration, last bool) (left []cell) {
	found := make([][]string, len(list))
	free := make(chan struct{}, 32)
	var all sync.WaitGroup
	for i, c := range list {
		free <- struct{}{}
		all.Go(func() {
			defer func() { <-free }()
			real, ports := onSockets(t, c, waiting(patience), &all)
			virtual := inVirtualTime(t, c, waiting(patience), ports)
			found[i] = differences(real, virtual)
			if want, sure := c.wanted(t); sure && virtual.hits != want {
				found[i] = append(found[i], fmt.Sprintf("counted %d times, want %d", virtual.hits, want))
			}
		})
	}
	all.Wait()
	for i, c := range list {
		if len(found[i]) == 0 {
			continue
		}
		left = append(left, c)
		for _, d := range found[i] {
			if last {
				t.Errorf("%s: %s", c, d)
			}
		}
	}
	return left
}

// wanted returns how often a cell's fault is counted, where that is plain: where it
// fits it changes the transfer of a large file, and nowhere else. A question to DNS
// has two packets only.
func (c cell) wanted(t *testing.T) (hits int, sure bool) {
	f, effect, _ := c.fault(t)
	fits := c.key != "" && effect.Fits(&f.Effects, c.scheme)
	switch {
	case !fits || c.never:
		return 0, true
	case c.path != "/file", c.scheme == "dns" && c.text != "all":
		return 0, false
	case c.model == ofImage && c.scheme == "http" && c.key != "stall_after": // not where a file has begun
		return 3, true
	}
	return 1, true
}

// A device tells the code of a TFTP server's ERROR, that of a missing file too.
func TestBothNetworksTellTheCodeOfATFTPError(t *testing.T) {
	var closing sync.WaitGroup
	defer closing.Wait()
	for want, c := range map[string]cell{
		"phase status wait 0 refusal 1 ": {scheme: "tftp", path: "/missing"},
		"phase status wait 0 refusal 2 ": {scheme: "tftp", path: "/file", key: "status", variant: variant{text: "2"}},
		"phase  wait 0 refusal 0 ":       {scheme: "tftp", path: "/file"},
	} {
		real, ports := onSockets(t, c, waiting(9), &closing)
		for clock, r := range map[string]result{"over sockets": real, "in virtual time": inVirtualTime(t, c, waiting(9), ports)} {
			if !strings.Contains(r.told, want) {
				t.Errorf("%s, %s: %s, want %s", c, clock, r.told, want)
			}
		}
	}
}

// An effect that nobody tries is not part of the contract.
func TestEveryEffectIsTried(t *testing.T) {
	known := map[string]bool{}
	for _, e := range fault.Table() {
		known[e.Key] = true
		if len(triedWith(e)) == 0 {
			t.Errorf("no variant of %s: add one to variants", e.Key)
		}
		for _, scheme := range []string{"tftp", "http", "https"} {
			tried := slices.ContainsFunc(triedWith(e), func(v variant) bool {
				f, _, possible := cell{scheme: scheme, key: e.Key, variant: v}.fault(t)
				return possible && !v.never && e.Fits(&f.Effects, scheme)
			})
			can := slices.ContainsFunc(triedWith(e), func(v variant) bool {
				f, _, _ := cell{scheme: scheme, key: e.Key, variant: v}.fault(t)
				return e.Fits(&f.Effects, scheme)
			})
			if can && !tried {
				t.Errorf("%s is never tried by %s", e.Key, scheme)
			}
		}
	}
	for key := range variants {
		if !known[key] {
			t.Errorf("there is no effect %s", key)
		}
	}
}

// The waits of a device are its firmware's in virtual time too. Package resync holds
// real sockets to them.
func TestWaitsAreTheFirmwares(t *testing.T) {
	ports := [3]uint16{69, 80, 443}
	for name, tt := range map[string]struct {
		cell
		a, b string
	}{
		"tftp_wait":         {cell{scheme: "tftp", path: "/file", key: "down", variant: variant{text: "all"}}, "1s", "2s"},
		"tftp_options":      {cell{scheme: "tftp", path: "/file"}, "none", "timeout_tsize"},
		"tftp_tries":        {cell{scheme: "tftp", path: "/file", key: "stall_after", variant: variant{text: "1KB"}}, "3", "4"},
		"http_connect_wait": {cell{scheme: "http", path: "/file", key: "lose", variant: variant{text: "all"}}, "1s", "2s"},
		"http_read_wait":    {cell{scheme: "https", path: "/file", key: "stall_after", variant: variant{text: "1KB"}}, "1s", "2s"},
		"http_whole_waits":  {cell{scheme: "http", path: "/file", key: "hostile", variant: variant{text: "drip"}}, "3", "4"},
		"dns_wait":          {cell{scheme: "dns", path: "/file", key: "lose", variant: variant{text: "all"}}, "1s", "2s"},
		"dns_tries":         {cell{scheme: "dns", path: "/file", key: "lose", variant: variant{text: "all"}}, "1", "3"},
		"redirect_places":   {cell{scheme: "http", path: "/moved"}, "1", "2"},
	} {
		a, b := inVirtualTime(t, tt.cell, map[string]string{name: tt.a, "redirects": "follow"}, ports), inVirtualTime(t, tt.cell, map[string]string{name: tt.b, "redirects": "follow"}, ports)
		if a.took == b.took {
			t.Errorf("%s: %v with %s and with %s: %s", name, a.took, tt.a, tt.b, a.told)
		}
	}
}

// A server of HTTP waits for the end of a header, for which it takes a hello. It is
// no cell of the contract: a hello with a line feed among its random bytes gets a 400
// at once over sockets.
func TestAHandshakeAtThePortOfHTTPEndsWithTheFirstWhoGivesUp(t *testing.T) {
	c := cell{scheme: "https", path: "/file", wrong: true}
	for wait, want := range map[time.Duration]string{time.Second: "timeout", 3 * prov.HeaderWait: "tls"} {
		r := inVirtualTime(t, c, map[string]string{"http_read_wait": wait.String()}, [3]uint16{69, 80, 443})
		over := r.took - min(wait, prov.HeaderWait)
		if !strings.Contains(r.told, "fetch_failed "+want+" ") || over < 0 || over > 10*time.Millisecond {
			t.Errorf("a device that waits %v: after %v, %s", wait, r.took, r.told)
		}
	}
}

// A tap on the line sees who broke a transfer off, and of HTTPS neither path nor status.
func TestBothNetworksShowTheSameToATap(t *testing.T) {
	var closing sync.WaitGroup
	defer closing.Wait()
	for want, c := range map[string]cell{
		`wire ok "" "tftp 127.0.0.1/file: 200, 8000 bytes" `:                             {scheme: "tftp", path: "/file"},
		`wire ok "" "http prov.test/file: 200, 8000 bytes" `:                             {scheme: "http", path: "/file"},
		`wire ok "" "https 127.0.0.1: 8000 bytes" `:                                      {scheme: "https", path: "/file"},
		`wire status "" "tftp 127.0.0.1/file: status, broken off by the server" server`:  {scheme: "tftp", path: "/file", key: "status", variant: variant{text: "2"}},
		`wire tls "" "https 127.0.0.1: fatal alert 48 from the server" server`:           {scheme: "https", path: "/file", key: "alert", variant: variant{text: "48"}},
		`wire corrupt "" "http prov.test/too-big: corrupt, broken off by the device" de`: {scheme: "http", path: "/too-big"},
		`wire timeout "" "http prov.test/file: timeout, broken off by the device" dev`:   {scheme: "http", path: "/file", key: "stall_after", variant: variant{text: "0B"}},
	} {
		real, ports := onSockets(t, c, waiting(3), &closing)
		for clock, r := range map[string]result{"over sockets": real, "in virtual time": inVirtualTime(t, c, waiting(3), ports)} {
			if !strings.Contains(r.told, want) {
				t.Errorf("%s, %s: %s, want %s", c, clock, r.told, want)
			}
		}
	}
}
