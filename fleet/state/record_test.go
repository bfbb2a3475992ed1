package state

import (
	"bytes"
	"fmt"
	"net/netip"
	"reflect"
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"spafleet/device"
	"spafleet/device/devicetest"
	"spafleet/device/model"
	"spafleet/device/profile"
	"spafleet/device/sip"
	"spafleet/fsm"
	"spafleet/resync"
	"spafleet/resync/unit"
)

func drawSets(t *rapid.T, f *model.Factory) []device.Set {
	return rapid.SliceOfN(rapid.Custom(func(t *rapid.T) device.Set {
		return device.Set{ID: rapid.SampledFrom(f.Params).Draw(t, "parameter").ID, Value: rapid.String().Draw(t, "value"), Has: true,
			Access: rapid.SampledFrom([]profile.Access{0, profile.NoAccess, profile.ReadOnly, profile.ReadWrite}).Draw(t, "access")}
	}), 0, 8).Draw(t, "sets")
}

func drawCommand(t *rapid.T, f *model.Factory) device.Command {
	c := device.Command{Order: device.Order(rapid.IntRange(1, int(device.UpdateCA)).Draw(t, "order")), Cause: model.Cause(rapid.IntRange(0, int(model.ByChange)).Draw(t, "cause")),
		Argument: rapid.String().Draw(t, "argument"), Sets: drawSets(t, f)}
	if len(c.Sets) == 0 {
		c.Sets = nil
	}
	c.Requester = rapid.SampledFrom([]netip.Addr{{}, netip.MustParseAddr("127.64.0.9"), netip.MustParseAddr("::1")}).Draw(t, "requester")
	return c
}

// drawRecord draws a device that holds anything.
func drawRecord(t *rapid.T, layers *device.Layers, row *model.Row, dev device.Index) unit.Record {
	number := func(name string, most uint32) uint32 { return rapid.Uint32Max(most).Draw(t, name) }
	moment := func(name string) int64 { return rapid.Int64().Draw(t, name) }
	params := func() device.Params {
		p := layers.Preset(row.Factory, drawSets(t, row.Factory))
		p, _ = p.With(layers, drawSets(t, row.Factory))
		return p
	}
	r := unit.Record{
		NetworkRecord: unit.NetworkRecord{Leased: rapid.SampledFrom([]netip.Addr{{}, netip.MustParseAddr("192.0.2.7")}).Draw(t, "leased")}, Dev: dev, Firmware: rapid.SampledFrom([]string{"5.2.10", "5.2.12", "9.9"}).Draw(t, "version"),
		Params: params(), Booted: moment("booted"), Last: moment("last"),
		Count: number("n", 1<<32-1), Draws: number("draws", 1<<32-1),
		Life:  device.Life{State: fsm.State(number("state", uint32(fsm.SecPrv2))), Proven: rapid.Bool().Draw(t, "proven")},
		Flags: uint16(number("flags", 1<<16-1)) & unit.RecordFlags,
		Run:   uint8(number("run", unit.RecordRun)), Cause: model.Cause(number("cause", uint32(model.ByChange))), Reboot: model.RebootClass(number("reboot", uint32(model.ColdReboot))),
		Doing: device.Order(number("doing", uint32(device.UpdateCA))), Why: model.Cause(number("why", uint32(model.ByChange))),
		Fired: moment("fired"), Target: resync.UpgradeTarget(rapid.Uint64().Draw(t, "target")),
		Upgrade: resync.UpgradeHistory{Last: moment("upgraded"), Err: rapid.String().Draw(t, "err"), Retries: int(number("retries", 1000))},
	}
	r.Resyncs.OK, r.Resyncs.Failed = number("ok", 1<<32-1), number("failed", 1<<32-1)
	for i := range r.Timers {
		r.Timers[i] = moment("timer")
	}
	maybe := func(name string) bool { return rapid.Bool().Draw(t, name) }
	command := func() *device.Command {
		c := drawCommand(t, row.Factory)
		return &c
	}
	for range number("pending", 3) {
		r.Pending = append(r.Pending, *command())
	}
	if maybe("delayed") {
		r.Delayed = command()
	}
	if maybe("asked") {
		r.Asked = command()
	}
	if maybe("custom") {
		r.Custom = &unit.Custom{Company: rapid.String().Draw(t, "company"), Defaults: params()}
	}
	if maybe("trusted") {
		r.Trusted = &resync.Authority{Rule: rapid.String().Draw(t, "rule"), PEM: rapid.String().Draw(t, "pem")}
	}
	if maybe("told") {
		r.Told = params()
	}
	r.Reason = device.Reason(number("reason", uint32(device.ByDictionary)))
	for range number("kept", 3) {
		r.Extras.Kept = append(r.Extras.Kept, rapid.Uint64().Draw(t, "key"))
	}
	for range number("tried", 3) {
		r.Extras.Tried = append(r.Extras.Tried, unit.ExtraTry{Key: rapid.Uint64().Draw(t, "key"), Tries: uint8(number("tries", 255)), Again: moment("again")})
	}
	entries := map[int]string{}
	for range number("entries", 3) {
		entries[int(number("entry", device.DirectorySize))] = "n=" + rapid.StringN(0, 8, 40).Draw(t, "name") + ";p=1"
	}
	r.Extras.Directory = device.Directory(nil).With(entries)
	if len(r.Extras.Directory) == 0 {
		r.Extras.Directory = nil
	}
	for range number("lines", 3) {
		l := sip.LineRecord{Number: uint8(number("line", 255)), Fails: uint8(number("fails", 255)), Flags: uint8(number("line flags", uint32(sip.RecordFlags))) & sip.RecordFlags,
			Lost: number("lost", 1<<32-1), Last: number("last", 1<<32-1), Seq: number("seq", 1<<32-1), Server: number("server", 1<<32-1), Heard: number("heard", 1<<32-1), Due: moment("due")}
		if maybe("exchange") {
			l.Exchange = &sip.ExchangeRecord{Server: rapid.String().Draw(t, "host"), Text: rapid.String().Draw(t, "text"), Began: moment("began"), Wait: int64(number("wait", 1<<32-1)),
				End: moment("end"), Expires: number("expires", 1<<32-1), Tries: uint8(number("tries", 255))}
			if l.Flags&sip.RecordRemains != 0 {
				l.Exchange.Peer, l.Exchange.Nonce, l.Exchange.Used = rapid.String().Draw(t, "peer"), rapid.String().Draw(t, "nonce"), number("used", 1<<32-1)
			}
		}
		r.Lines = append(r.Lines, l)
	}
	return r
}

// plain is a record in a form that can be compared: parameters by their values.
func plain(r unit.Record) (unit.Record, []string) {
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
	take(r.Params)
	r.Params = device.Params{}
	if r.Custom != nil {
		take(r.Custom.Defaults)
		r.Custom = &unit.Custom{Company: r.Custom.Company}
	}
	if r.Told != (device.Params{}) {
		take(r.Told)
		r.Told = device.Params{}
	}
	return r, values
}

// Whatever a device holds is what is read of it.
func TestRecordsComeBackAsTheyWere(t *testing.T) {
	rows := []*model.Row{devicetest.Row(t, "SPA2102", ""), devicetest.Row(t, "SPA942", "")}
	rapid.Check(t, func(t *rapid.T) {
		base := rapid.Int64().Draw(t, "base")
		var here, there device.Layers
		var list []unit.Record
		w := newRecordWriter(base)
		for i := range rapid.IntRange(1, 6).Draw(t, "devices") {
			list = append(list, drawRecord(t, &here, rows[i%2], device.Index(i)))
			w.record(&list[i])
		}
		r := &recordReader{b: w.b, base: base, known: &there}
		for i := range list {
			dev, version := r.head()
			got := r.record(rows[i%2].Factory)
			if r.err != nil {
				t.Fatal(r.err)
			}
			got.Dev, got.Firmware = dev, version
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

// A dictionary that is full starts from 1 again, on both sides at the same place.
func TestDictionariesStartAgainTogether(t *testing.T) {
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

// kept is a fleet in memory: who it is, and its devices.
type kept struct {
	fingerprint Fingerprint
	rows        []*model.Row
	layers      device.Layers
	devices     []unit.Record
}

// everything is a fleet whose devices have something of everything.
func everything(t testing.TB) *kept {
	k := &kept{fingerprint: Fingerprint{Seed: 1, Addresses: "127.64.0.0/10", Shard: device.Shard{Count: 1}, Groups: []Group{{Name: "a", Count: 3}, {Name: "b", Count: 2}}}}
	ata, phone := devicetest.Row(t, "SPA2102", ""), devicetest.Row(t, "SPA942", "")
	k.rows = []*model.Row{ata, ata, ata, phone, phone}
	for dev, row := range k.rows {
		sets := []device.Set{{ID: row.Factory.Params[3].ID, Value: "x", Has: true}}
		params := k.layers.Preset(row.Factory, sets)
		command := device.Command{Order: device.SetParams, Argument: "x", Sets: sets}
		k.devices = append(k.devices, unit.Record{
			Dev: device.Index(dev), Firmware: row.Firmware.Version, Params: params, Booted: 1e18, Timers: [unit.RecordTimers]int64{1e18 + int64(dev)},
			CommandRecord: unit.CommandRecord{Pending: []device.Command{command, command}, Asked: &command, Delayed: &command},
			Custom:        &unit.Custom{Company: "Acme", Defaults: params}, Trusted: &resync.Authority{Rule: "r", PEM: "p"}, Told: params,
		})
	}
	return k
}

// write returns the fleet's state file.
func (k *kept) write(t testing.TB) []byte {
	t.Helper()
	var b bytes.Buffer
	w, err := NewWriter(&b, &k.fingerprint)
	if err == nil {
		err = w.Add(k.devices)
	}
	if err == nil {
		err = w.Close([]byte("beside"))
	}
	if err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

// loader takes the devices of a file into k.
func (k *kept) loader() Loader {
	return Loader{
		Layers: &k.layers, Len: len(k.rows),
		Place: func(dev device.Index) (int, *model.Factory, bool) {
			if int(dev) >= len(k.rows) {
				return 0, nil, false
			}
			return int(dev), k.rows[dev].Factory, true
		},
		Take: func(r *unit.Record) { k.devices = append(k.devices, *r) },
	}
}

// read returns the fleet of a file that should be of the same fleet.
func (k *kept) read(b []byte) (*kept, error) {
	saved, err := readSaved("fuzz", inMemory{bytes.NewReader(b)})
	if err != nil {
		return nil, err
	}
	if err := saved.Check(&k.fingerprint); err != nil {
		return nil, err
	}
	got := &kept{fingerprint: k.fingerprint, rows: k.rows}
	return got, saved.Load(got.loader())
}

// inMemory is a file that is not on a disk.
type inMemory struct{ *bytes.Reader }

func (inMemory) Close() error { return nil }

// FuzzState reads files. None makes the reader panic or take more memory than
// its file warrants, and what it takes is written again as a file that it takes.
func FuzzState(f *testing.F) {
	k := everything(f)
	whole := k.write(f)
	f.Add(whole)
	f.Add(whole[:len(whole)/2])
	f.Add([]byte(stateHead))
	f.Fuzz(func(t *testing.T, b []byte) {
		got, err := k.read(b)
		if err != nil {
			return
		}
		if _, err := k.read(got.write(t)); err != nil {
			t.Fatalf("what was taken and written is refused: %v", err)
		}
	})
}

// FuzzStateRecords reads records that are in sections with the right checksums.
func FuzzStateRecords(f *testing.F) {
	k := everything(f)
	w := newRecordWriter(0)
	for i := range k.devices {
		w.record(&k.devices[i])
	}
	f.Add(w.b)
	f.Fuzz(func(t *testing.T, b []byte) {
		got := &kept{rows: k.rows}
		l := got.loader()
		r := &recordReader{b: b, known: &got.layers}
		seen := make([]bool, l.Len)
		var err error
		for len(r.b) > 0 && err == nil {
			err = l.device(r, seen)
		}
		w := newRecordWriter(0)
		for i := range got.devices { // whatever was taken can be written
			w.record(&got.devices[i])
		}
	})
}

func TestAStateFileIsTakenAsItWasWritten(t *testing.T) {
	k := everything(t)
	once, err := k.read(k.write(t))
	if err != nil {
		t.Fatal(err)
	}
	again, err := k.read(once.write(t))
	if err != nil {
		t.Fatal(err)
	}
	if len(once.devices) != len(k.devices) {
		t.Fatalf("%d devices came back of %d", len(once.devices), len(k.devices))
	}
	for i := range k.devices {
		want, values := plain(k.devices[i])
		for _, got := range []unit.Record{once.devices[i], again.devices[i]} {
			if got, now := plain(got); !reflect.DeepEqual(got, want) || !slices.Equal(now, values) {
				t.Errorf("written and read, device %d is %+v %q\nand was %+v %q", i, got, now, want, values)
			}
		}
	}
}

func TestAFileWithAnyBitFlippedIsRefused(t *testing.T) {
	k := everything(t)
	b := k.write(t)
	for i := range b {
		for bit := range 8 {
			bad := slices.Clone(b)
			bad[i] ^= 1 << bit
			if _, err := k.read(bad); err == nil {
				t.Fatalf("with bit %d of byte %d flipped it is taken", bit, i)
			}
		}
	}
}

func TestAFileCutShortOrTooLongIsRefused(t *testing.T) {
	k := everything(t)
	b := k.write(t)
	for n := range b {
		if _, err := k.read(b[:n]); err == nil || !strings.Contains(err.Error(), "cut short") {
			t.Fatalf("cut to %d of %d bytes: %v", n, len(b), err)
		}
	}
	if _, err := k.read(append(slices.Clone(b), 0)); err == nil || !strings.Contains(err.Error(), "behind its end") {
		t.Errorf("with a byte more: %v", err)
	}
}

// A fleet that this program would give other identities is another fleet.
func TestAFileOfOtherDevicesIsRefused(t *testing.T) {
	was := Fingerprint{Groups: []Group{{Name: "a", Count: 3, MAC: "000e08d4dc4a", Serial: "88019FA00001"}}}
	for _, tt := range []struct {
		name string
		now  Group
		want string
	}{
		{"the same", Group{MAC: "000e08d4dc4a", Serial: "88019FA00001"}, ""},
		{"another MAC address", Group{MAC: "000e08000001", Serial: "88019FA00001"}, `of group "a", the MAC address of the first device is 000e08000001 here and was 000e08d4dc4a`},
		{"another scheme", Group{MAC: "000e08d4dc4a", Serial: "88019FA00001", Scheme: 2},
			`of group "a", the way in which devices get their MAC addresses is several prefixes for a model here and was one prefix for all of a model`},
		{"the first scheme, said", Group{MAC: "000e08d4dc4a", Serial: "88019FA00001", Scheme: 1}, ""},
		{"another serial number", Group{MAC: "000e08d4dc4a", Serial: "88019FA00002"}, `of group "a", the serial number of the first device is 88019FA00002 here and was 88019FA00001`},
		{"another count, which says why", Group{MAC: "000e08000001", Count: 1}, `of group "a", the count is 4 here and was 3`},
	} {
		now := tt.now
		now.Name, now.Count = "a", now.Count+3
		if got := strings.Join(was.differences(&Fingerprint{Groups: []Group{now}}), "; "); got != tt.want {
			t.Errorf("%s: %s\nwant %s", tt.name, got, tt.want)
		}
	}
	older := Fingerprint{Groups: []Group{{Name: "a", Count: 3}}} // does not say
	if diff := older.differences(&was); diff != nil {
		t.Errorf("a file that names no device is refused: %q", diff)
	}
}
