package fleet

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"spafleet/device"
	"spafleet/device/devicetest"
	"spafleet/device/model"
	"spafleet/fsm"
	"spafleet/resync"
)

// old is a fleet that version 1 of the format has kept, with what its devices
// must have when they go on.
func old(t *testing.T) Config {
	row := devicetest.Turned(t, "SPA2102", "5.2.10", map[string]string{"tftp_tries": "2"})
	id, ok := model.LookupID("GPP_A")
	if !ok {
		t.Fatal("no GPP_A")
	}
	return Config{Seed: 7, Network: nowhere{}, Loops: 1, Groups: []Group{{Name: "homes", Row: row, Count: 2, Presets: []device.Set{{ID: id, Value: "preset", Has: true}}}}}
}

const oldDevices = `
device 0 runs 5.2.12 in SEC-PRV-2, proven true; GPP_A "preset" own 1
booted 1000000000000000001 last 2 fired 3 upgraded 4 agenda [11 12 13 14]
n 21 draws 22 ok 23 failed 24 wish 25 upgrade "x" 3 run 5 cause retry reboot 2
powered true inUse true erring true preset true spent true true pending true custom true booting true
doing upgrade because web: upgrade /img web 127.64.0.9 []
waits: set  step, resync /r notify
delayed resync later keypad; Acme default "preset"; trusts rule PEM; told "preset"
device 1 runs 5.2.10 in MFG-RESET, proven false; GPP_A "preset" own 0
booted 0 last 0 fired 0 upgraded 0 agenda [0 0 0 0]
n 0 draws 0 ok 0 failed 0 wish 0 upgrade "" 0 run 0 cause  reboot 0
powered false inUse false erring false preset false spent false false pending false custom false booting false
`

// A file of version 1 means what it meant when it was written: what numbers stand
// for in it does not change, unless its version does.
func TestAFileOfVersion1MeansWhatItMeant(t *testing.T) {
	name := filepath.Join("testdata", "version1.state")
	if os.Getenv("SPAFLEET_WRITE_STATE") != "" { // once, by hand, for a new version
		writeOld(t, name)
	}
	saved, err := OpenSaved(name)
	if err != nil {
		t.Fatal(err)
	}
	defer saved.Close()
	c := old(t)
	c.Resume = saved
	f, err := New(c)
	if err != nil {
		t.Fatal(err)
	}
	var b strings.Builder
	b.WriteByte('\n')
	l := f.loops[0]
	for i := range l.units {
		describe(&b, l, l.index(i), &l.units[i])
	}
	if b.String() != oldDevices {
		t.Errorf("it reads\n%s\nand said\n%s", b.String(), oldDevices)
	}
}

func describe(b *strings.Builder, l *loop, dev device.Index, u *unit) {
	value := func(p device.Params) string {
		v, _ := p.Lookup("GPP_A")
		return fmt.Sprintf("%q", v)
	}
	fmt.Fprintf(b, "device %d runs %s in %s, proven %t; GPP_A %s own %d\n", dev, l.row(u).Firmware.Version, u.life.State, u.life.Proven, value(u.params), len(slices.Collect(u.params.Own())))
	behind := u.before()
	fmt.Fprintf(b, "booted %d last %d fired %d upgraded %d agenda %v\n", u.booted, u.last, behind.fired, behind.upgrade.Last, u.agenda)
	fmt.Fprintf(b, "n %d draws %d ok %d failed %d wish %d upgrade %q %d run %d cause %s reboot %d\n", u.n, u.draws, u.ok, u.failed, behind.wish, behind.upgrade.Err, behind.upgrade.Retries, u.run, u.cause, u.reboot)
	fmt.Fprintf(b, "powered %t inUse %t erring %t preset %t spent %t %t pending %t custom %t booting %t\n",
		u.has(powered), u.has(inUse), u.has(erring), u.has(preset), u.has(spent1), u.has(spent2), u.has(rcPending), u.has(isCustom), u.has(booting))
	if u.doing == 0 {
		return
	}
	asked, delayed := l.asked[dev], l.delayed[dev]
	fmt.Fprintf(b, "doing %s because %s: %s %s %s %s %v\n", u.doing, u.why, asked.Order, asked.Argument, asked.Cause, asked.Requester, asked.Sets)
	var waits []string
	for _, c := range l.pending[dev] {
		waits = append(waits, fmt.Sprintf("%s %s %s", c.Order, c.Argument, c.Cause))
	}
	fmt.Fprintf(b, "waits: %s\n", strings.Join(waits, ", "))
	fmt.Fprintf(b, "delayed %s %s %s; %s default %s; trusts %s %s; told %s\n", delayed.Order, delayed.Argument, delayed.Cause,
		l.custom[dev].company, value(l.custom[dev].defaults), l.trusted[dev].Rule, l.trusted[dev].PEM, value(l.told[dev]))
}

// writeOld writes the fleet that oldDevices describes.
func writeOld(t *testing.T, name string) {
	f, err := New(old(t))
	if err != nil {
		t.Fatal(err)
	}
	l := f.loops[0]
	u := &l.units[0]
	gpp, _ := model.LookupID("GPP_B")
	params, _ := f.presets[0].With(&f.shelf.Layers, []device.Set{{ID: gpp, Value: "own", Has: true}})
	*u = unit{
		act: idle, row: f.rowAt(0, "5.2.12"), params: params,
		booted: 1e18 + 1, last: 2, agenda: agenda{11, 12, 13, 14},
		past: &past{fired: 3, wish: 25, upgrade: resync.UpgradeHistory{Last: 4, Err: "x", Retries: 3}},
		n:    21, draws: 22, ok: 23, failed: 24, run: 5, cause: model.ByRetry, reboot: model.ColdReboot,
		life: device.Life{State: fsm.SecPrv2, Proven: true}, doing: device.Upgrade, why: model.ByWeb,
		flags: powered | inUse | erring | preset | spent1 | spent2 | rcPending | isCustom | booting,
	}
	l.units[1].params = f.presets[0]
	l.asked[0] = device.Command{Order: device.Upgrade, Cause: model.ByWeb, Argument: "/img", Requester: f.address(8)}
	l.delayed[0] = device.Command{Order: device.Resync, Cause: model.ByKeypad, Argument: "later"}
	l.pending[0] = []device.Command{{Order: device.SetParams, Cause: model.ByStep, Sets: f.groups[0].Presets}, {Order: device.Resync, Cause: model.ByNotify, Argument: "/r"}}
	l.custom[0] = custom{"Acme", f.presets[0]}
	l.trusted[0] = &resync.Authority{Rule: "rule", PEM: "PEM"}
	l.told[0] = params
	f.save.File = name
	if s := f.saveFile(); s.Err != nil {
		t.Fatal(s.Err)
	}
}
