package state

import (
	"fmt"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"spafleet/device"
	"spafleet/device/devicetest"
	"spafleet/device/model"
	"spafleet/resync/unit"
)

// oldDevices are those of a fleet that version 1 of the format has kept, with
// what they must have when they go on.
const oldDevices = `
device 0 runs 5.2.12 in SEC-PRV-2, proven true; GPP_A "preset" own 1
booted 1000000000000000001 last 2 fired 3 upgraded 4 timers [11 12 13 14]
count 21 draws 22 ok 23 failed 24 target 25 upgrade "x" 3 run 5 cause retry reboot 2
flags 1111110111
doing upgrade because web: upgrade /img web 127.64.0.9 []
waits: set  step, resync /r notify
delayed resync later keypad; Acme default "preset"; trusts rule PEM; told "preset"
device 1 runs 5.2.10 in MFG-RESET, proven false; GPP_A "preset" own 0
booted 0 last 0 fired 0 upgraded 0 timers [0 0 0 0]
count 0 draws 0 ok 0 failed 0 target 0 upgrade "" 0 run 0 cause  reboot 0
flags 0
`

// A file of version 1 means what it meant when it was written: what numbers stand
// for in it does not change, unless its version does.
func TestAFileOfVersion1MeansWhatItMeant(t *testing.T) {
	saved, err := Open(filepath.Join("testdata", "version1.state"))
	if err != nil {
		t.Fatal(err)
	}
	defer saved.Close()
	row := devicetest.Turned(t, "SPA2102", "5.2.10", map[string]string{"tftp_tries": "2"})
	now := Fingerprint{Seed: 7, Addresses: "127.64.0.0/10", Shard: device.Shard{Count: 1}, Groups: []Group{{
		Name: "homes", Model: "SPA2102", Firmware: "5.2.10", Count: 2, MAC: "not in the file",
		Switches: map[string]string{"tftp_tries": "2"}, Presets: map[string]string{"GPP_A": "preset"},
	}}}
	if err := saved.Check(&now); err != nil {
		t.Fatal(err)
	}
	k := &kept{rows: []*model.Row{row, row}}
	if err := saved.Load(k.loader()); err != nil {
		t.Fatal(err)
	}
	var b strings.Builder
	b.WriteByte('\n')
	for i := range k.devices {
		describe(&b, &k.devices[i])
	}
	if b.String() != oldDevices {
		t.Errorf("it reads\n%s\nand said\n%s", b.String(), oldDevices)
	}
}

func describe(b *strings.Builder, r *unit.Record) {
	value := func(p device.Params) string {
		v, _ := p.Lookup("GPP_A")
		return fmt.Sprintf("%q", v)
	}
	fmt.Fprintf(b, "device %d runs %s in %s, proven %t; GPP_A %s own %d\n", r.Dev, r.Firmware, r.Life.State, r.Life.Proven, value(r.Params), len(slices.Collect(r.Params.Own())))
	fmt.Fprintf(b, "booted %d last %d fired %d upgraded %d timers %v\n", r.Booted, r.Last, r.Fired, r.Upgrade.Last, r.Timers)
	fmt.Fprintf(b, "count %d draws %d ok %d failed %d target %d upgrade %q %d run %d cause %s reboot %d\n", r.Count, r.Draws, r.Resyncs.OK, r.Resyncs.Failed, r.Target, r.Upgrade.Err, r.Upgrade.Retries, r.Run, r.Cause, r.Reboot)
	fmt.Fprintf(b, "flags %b\n", r.Flags)
	if r.Doing == 0 {
		return
	}
	fmt.Fprintf(b, "doing %s because %s: %s %s %s %s %v\n", r.Doing, r.Why, r.Asked.Order, r.Asked.Argument, r.Asked.Cause, r.Asked.Requester, r.Asked.Sets)
	var waits []string
	for _, c := range r.Pending {
		waits = append(waits, fmt.Sprintf("%s %s %s", c.Order, c.Argument, c.Cause))
	}
	fmt.Fprintf(b, "waits: %s\n", strings.Join(waits, ", "))
	fmt.Fprintf(b, "delayed %s %s %s; %s default %s; trusts %s %s; told %s\n", r.Delayed.Order, r.Delayed.Argument, r.Delayed.Cause,
		r.Custom.Company, value(r.Custom.Defaults), r.Trusted.Rule, r.Trusted.PEM, value(r.Told))
}
