package fleet

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"net/netip"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"testing"

	"pgregory.net/rapid"

	"spafleet/device"
	"spafleet/device/devicetest"
	"spafleet/device/model"
	"spafleet/device/profile"
	"spafleet/fsm"
	"spafleet/resync"
)

func drawSets(t *rapid.T, f *model.Factory) []device.Set {
	return rapid.SliceOfN(rapid.Custom(func(t *rapid.T) device.Set {
		return device.Set{ID: rapid.SampledFrom(f.Params).Draw(t, "parameter").ID, Value: rapid.String().Draw(t, "value"), Has: true,
			Access: rapid.SampledFrom([]profile.Access{0, profile.NoAccess, profile.ReadOnly, profile.ReadWrite}).Draw(t, "access")}
	}), 0, 8).Draw(t, "sets")
}

func drawCommand(t *rapid.T, f *model.Factory) device.Command {
	c := device.Command{Order: device.Order(rapid.IntRange(1, int(device.Customize)).Draw(t, "order")), Cause: model.Cause(rapid.IntRange(0, int(model.ByRC)).Draw(t, "cause")),
		Argument: rapid.String().Draw(t, "argument"), Sets: drawSets(t, f)}
	if len(c.Sets) == 0 {
		c.Sets = nil
	}
	c.Requester = rapid.SampledFrom([]netip.Addr{{}, netip.MustParseAddr("127.64.0.9"), netip.MustParseAddr("::1")}).Draw(t, "requester")
	return c
}

// drawRecord draws a device that holds anything.
func drawRecord(t *rapid.T, layers *device.Layers, row *model.Row, dev device.Index) record {
	number := func(name string, most uint32) uint32 { return rapid.Uint32Max(most).Draw(t, name) }
	moment := func(name string) int64 { return rapid.Int64().Draw(t, name) }
	params := func() device.Params {
		p := layers.Preset(row.Factory, drawSets(t, row.Factory))
		p, _ = p.With(layers, drawSets(t, row.Factory))
		return p
	}
	r := record{dev: dev, version: rapid.SampledFrom([]string{"5.2.10", "5.2.12", "9.9"}).Draw(t, "version")}
	r.unit = unit{
		params: params(), booted: moment("booted"), last: moment("last"),
		n: number("n", 1<<32-1), draws: number("draws", 1<<32-1), ok: number("ok", 1<<32-1), failed: number("failed", 1<<32-1),
		life:  device.Life{State: fsm.State(number("state", uint32(fsm.SecPrv2))), Proven: rapid.Bool().Draw(t, "proven")},
		flags: flags(number("flags", uint32(lastFlag<<1-1))) &^ queued,
		run:   uint8(number("run", 250)), cause: model.Cause(number("cause", uint32(model.ByRC))), reboot: model.RebootClass(number("reboot", uint32(model.ColdReboot))),
		doing: device.Order(number("doing", uint32(device.Customize))), why: model.Cause(number("why", uint32(model.ByRC))),
	}
	r.past = past{
		fired: moment("fired"), wish: resync.UpgradeTarget(rapid.Uint64().Draw(t, "wish")),
		upgrade: resync.UpgradeHistory{Last: moment("upgraded"), Err: rapid.String().Draw(t, "err"), Retries: int(number("retries", 1000))},
	}
	for i := range r.unit.agenda {
		r.unit.agenda[i] = moment("timer")
	}
	maybe := func(name string) bool { return rapid.Bool().Draw(t, name) }
	command := func() *device.Command {
		c := drawCommand(t, row.Factory)
		return &c
	}
	for range number("pending", 3) {
		r.pending = append(r.pending, *command())
	}
	if maybe("delayed") {
		r.delayed = command()
	}
	if maybe("asked") {
		r.asked = command()
	}
	if maybe("custom") {
		r.custom = &custom{rapid.String().Draw(t, "company"), params()}
	}
	if maybe("trusted") {
		r.trusted = &resync.Authority{Rule: rapid.String().Draw(t, "rule"), PEM: rapid.String().Draw(t, "pem")}
	}
	if maybe("told") {
		p := params()
		r.told = &p
	}
	return r
}

func rowOf(t testing.TB, name string) *model.Row {
	t.Helper()
	return devicetest.Row(t, name, "")
}

// plain is a record in a form that can be compared: parameters by their values.
func plain(r record) (record, []string) {
	var values []string
	take := func(p device.Params) {
		for s := range p.Layer().Values() {
			values = append(values, fmt.Sprintf("%s %v", s.ID.Name(), s))
		}
		values = append(values, "own")
		for s := range p.Own() {
			values = append(values, fmt.Sprintf("%s %v", s.ID.Name(), s))
		}
	}
	take(r.unit.params)
	r.unit.params = device.Params{}
	if r.custom != nil {
		take(r.custom.defaults)
		r.custom = &custom{company: r.custom.company}
	}
	if r.told != nil {
		take(*r.told)
		r.told = nil
	}
	return r, values
}

// Whatever a device holds is what is read of it.
func TestRecordsComeBackAsTheyWere(t *testing.T) {
	rows := []*model.Row{rowOf(t, "SPA2102"), rowOf(t, "SPA942")}
	rapid.Check(t, func(t *rapid.T) {
		base := rapid.Int64().Draw(t, "base")
		var here, there device.Layers
		var list []record
		w := newRecordWriter(base)
		for i := range rapid.IntRange(1, 6).Draw(t, "devices") {
			list = append(list, drawRecord(t, &here, rows[i%2], device.Index(i)))
			w.record(&list[i])
		}
		r := &recordReader{b: w.b, base: base, shelf: &there}
		for i := range list {
			dev, version := r.head()
			got := r.record(rows[i%2].Factory)
			if r.err != nil {
				t.Fatal(r.err)
			}
			got.dev, got.version = dev, version
			got, values := plain(got)
			want, wanted := plain(list[i])
			if !reflect.DeepEqual(got, want) {
				t.Fatalf("device %d is %+v\nwas %+v", i, got, want)
			}
			if !slices.Equal(values, wanted) {
				t.Fatalf("device %d has %q\nhad %q", i, values, wanted)
			}
		}
		if len(r.b) > 0 {
			t.Fatalf("%d bytes are left", len(r.b))
		}
	})
}

// A dictionary that is full begins anew, on both sides at the same place.
func TestDictionariesBeginAnewTogether(t *testing.T) {
	w := newRecordWriter(0)
	var texts []string
	for i := range 2*mostNoted + 100 {
		texts = append(texts, fmt.Sprint("text ", i), "common")
	}
	for _, text := range texts {
		w.text(text)
	}
	if len(w.texts) > mostNoted {
		t.Errorf("%d texts are kept, more than %d", len(w.texts), mostNoted)
	}
	r := &recordReader{b: w.b}
	for i, want := range texts {
		if got := r.text(); got != want || r.err != nil {
			t.Fatalf("text %d is %q, want %q; %v", i, got, want, r.err)
		}
	}
}

// fuzzFleet is a fleet whose files are fuzzed.
func fuzzFleet(t testing.TB) Config {
	presets := func(row *model.Row, name, value string) []device.Set {
		p, ok := row.Lookup(name)
		if !ok {
			t.Fatal(name)
		}
		return []device.Set{{ID: p.ID, Value: value, Has: true}}
	}
	ata, phone := rowOf(t, "SPA2102"), rowOf(t, "SPA942")
	return Config{Seed: 1, Network: nowhere{}, Loops: 2, Groups: []Group{
		{Name: "a", Row: ata, Count: 3, Presets: presets(ata, "GPP_A", "x")}, {Name: "b", Row: phone, Count: 2, Presets: presets(phone, "GPP_B", "y")}}}
}

// nowhere is a network that nobody may use.
type nowhere struct{ Network }

// FuzzState reads files. None makes the reader panic or take more memory than
// its file warrants, and what it takes is written again as a file that it takes.
func FuzzState(f *testing.F) {
	c := fuzzFleet(f)
	whole := stateFile(f, c)
	f.Add(whole)
	f.Add(whole[:len(whole)/2])
	f.Add([]byte(stateHead))
	f.Fuzz(func(t *testing.T, b []byte) { takeState(t, c, b) })
}

// FuzzStateRecords reads records that are in sections with the right checksums.
func FuzzStateRecords(f *testing.F) {
	c := fuzzFleet(f)
	f.Add(recordsOf(f, stateFile(f, c)))
	f.Fuzz(func(t *testing.T, b []byte) {
		fleet, err := New(c)
		if err != nil {
			t.Fatal(err)
		}
		r := &recordReader{b: b, shelf: &fleet.shelf.Layers}
		seen := make([]bool, fleet.Len())
		for len(r.b) > 0 && err == nil {
			err = fleet.loadDevice(r, seen)
		}
		w := newRecordWriter(0)
		for _, l := range fleet.loops { // whatever was taken can be written
			for _, rec := range l.copy(nil, 0, len(l.units)) {
				w.record(&rec)
			}
		}
	})
}

// stateFile returns the state file of a fleet, with something of everything.
func stateFile(t testing.TB, c Config) []byte {
	t.Helper()
	f, err := New(c)
	if err != nil {
		t.Fatal(err)
	}
	for _, l := range f.loops {
		for i := range l.units {
			dev, u := l.index(i), &l.units[i]
			u.booted, u.agenda[resyncTimer] = 1e18, 1e18+int64(dev)
			command := device.Command{Order: device.SetParams, Argument: "x", Sets: f.groups[u.group].Presets}
			l.pending[dev] = []device.Command{command, command}
			l.asked[dev], l.delayed[dev] = command, command
			l.custom[dev] = custom{"Acme", u.params}
			l.trusted[dev] = &resync.Authority{Rule: "r", PEM: "p"}
			l.told[dev] = f.presets[u.group]
		}
	}
	var b bytes.Buffer
	if err := f.writeState(&b); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

func recordsOf(t testing.TB, whole []byte) []byte {
	t.Helper()
	sections, err := newSectionReader(bytes.NewReader(whole))
	if err != nil {
		t.Fatal(err)
	}
	var all []byte
	for {
		_, content, err := sections.next(func(kind byte) bool { return kind == deviceSection })
		if errors.Is(err, io.EOF) {
			return all
		}
		if err != nil {
			t.Fatal(err)
		}
		all = append(all, content...)
	}
}

// inMemory is a file that is not on a disk.
type inMemory struct{ *bytes.Reader }

func (inMemory) Close() error { return nil }

// goOn builds a fleet from the bytes of a state file.
func goOn(c Config, b []byte) (*Fleet, error) {
	saved, err := readSaved("fuzz", inMemory{bytes.NewReader(b)})
	if err != nil {
		return nil, err
	}
	c.Resume = saved
	return New(c)
}

// takeState reads a file, and where it is taken writes it and reads that.
func takeState(t *testing.T, c Config, b []byte) {
	f, err := goOn(c, b)
	if err != nil {
		return
	}
	var again bytes.Buffer
	if err := f.writeState(&again); err != nil {
		t.Fatal(err)
	}
	if _, err := goOn(c, again.Bytes()); err != nil {
		t.Fatalf("what was taken and written is refused: %v", err)
	}
}

func TestAStateFileIsTakenAsItWasWritten(t *testing.T) {
	c := fuzzFleet(t)
	b := stateFile(t, c)
	f, err := goOn(c, b)
	if err != nil {
		t.Fatal(err)
	}
	var again bytes.Buffer
	if err := f.writeState(&again); err != nil {
		t.Fatal(err)
	}
	g, err := goOn(c, again.Bytes())
	if err != nil {
		t.Fatal(err)
	}
	for i, l := range f.loops {
		m := g.loops[i]
		for _, pair := range [][2]any{{m.units, l.units}, {m.pending, l.pending}, {m.delayed, l.delayed}, {m.asked, l.asked}, {m.custom, l.custom}, {m.trusted, l.trusted}, {m.told, l.told}} {
			if !reflect.DeepEqual(pair[0], pair[1]) {
				t.Errorf("written and read again, there is %+v\nand was %+v", pair[0], pair[1])
			}
		}
		if len(l.told) != len(l.units) {
			t.Errorf("%d of %d devices have told something", len(l.told), len(l.units))
		}
	}
}

// BenchmarkSave writes and reads 100,000 devices of which each has 8 values of
// its own beside 17 that all share.
func BenchmarkSave(b *testing.B) {
	const devices = 100_000
	row := rowOf(b, "SPA2102")
	c := Config{Seed: 1, Network: nowhere{}, Groups: []Group{{Row: row, Count: devices}}}
	f, err := New(c)
	if err != nil {
		b.Fatal(err)
	}
	var common []device.Set
	for i := range 17 {
		common = append(common, device.Set{ID: row.Factory.Params[20+i].ID, Value: "common", Has: true})
	}
	for dev := range device.Index(devices) {
		sets := slices.Clone(common)
		for i := range 8 {
			sets = append(sets, device.Set{ID: row.Factory.Params[100+i].ID, Value: fmt.Sprintf("%d of device %d", device.Index(i)*7919+dev, dev), Has: true})
		}
		u := f.loop(dev).unit(dev)
		u.params, _ = u.params.With(&f.shelf.Layers, sets)
		u.booted, u.last, u.agenda[resyncTimer] = 1e18+int64(dev)*7, 1e18+int64(dev)*7919, 2e18+int64(dev)*104729
		u.n, u.draws, u.ok = 40, 7, 5
		u.flags = powered | preset
	}
	name := filepath.Join(b.TempDir(), "state")
	f.save.File = name
	b.Run("write", func(b *testing.B) {
		for b.Loop() {
			if s := f.saveFile(); s.Err != nil {
				b.Fatal(s.Err)
			}
		}
		info, err := os.Stat(name)
		if err != nil {
			b.Fatal(err)
		}
		b.ReportMetric(float64(info.Size())/devices, "B/device")
		b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/devices, "ns/device")
	})
	b.Run("read", func(b *testing.B) {
		for b.Loop() {
			saved, err := OpenSaved(name)
			if err != nil {
				b.Fatal(err)
			}
			c.Resume = saved
			if _, err := New(c); err != nil {
				b.Fatal(err)
			}
			saved.Close()
		}
		b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/devices, "ns/device")
	})
}

func TestAFileIsReplacedAsAWhole(t *testing.T) {
	name := filepath.Join(t.TempDir(), "state")
	full := errors.New("no space left")
	write := func(text string, err error) func(io.Writer) error {
		return func(w io.Writer) error {
			_, _ = io.WriteString(w, text)
			return err
		}
	}
	if n, err := writeAtomically(name, write("first", nil)); err != nil || n != 5 {
		t.Fatal(n, err)
	}
	if _, err := writeAtomically(name, write("half of the sec", full)); !errors.Is(err, full) {
		t.Fatal(err)
	}
	if b, _ := os.ReadFile(name); string(b) != "first" {
		t.Errorf("after a write that failed the file holds %q", b)
	}
	if _, err := os.Stat(name + ".new"); err == nil {
		t.Error("what was half written is still there")
	}
	if err := os.WriteFile(name+".new", []byte("left behind by a kill, and longer"), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := writeAtomically(name, write("second", nil)); err != nil {
		t.Fatal(err)
	}
	if b, _ := os.ReadFile(name); string(b) != "second" {
		t.Errorf("the file holds %q", b)
	}
}
