package unit

import (
	"slices"
	"testing"

	"spafleet/device"
	"spafleet/device/devicetest"
)

// A directory is what was written into it, outlives a boot, is in the record, and ends with
// a factory reset. A phone without one has no memory for it.
func TestAPhoneKeepsItsDirectory(t *testing.T) {
	b := newBench(t, devicetest.Row(t, "SPA942", ""), 0, "Resync_On_Reset=No")
	b.take(b.at().PowerOn())
	b.runUntil(10)
	write := func(entries map[int]string) {
		b.take(b.at().Do(b.view().Directory.Edit(entries)))
	}
	write(map[int]string{1: "n=Ann;p=1", 3: "n=Bob;p=2", 0: "no entry", 101: "no entry"})
	write(map[int]string{1: "", 2: "n=Carl;p=3"})
	want := device.Directory{"", "n=Carl;p=3", "n=Bob;p=2"}
	if got := b.view().Directory; !slices.Equal(got, want) {
		t.Errorf("it has %q", got)
	}
	b.do(device.Reboot)
	b.runUntil(100)
	r := b.m.Record(b.dev, &b.u)
	again := newBench(t, devicetest.Row(t, "SPA942", ""), 0, "Resync_On_Reset=No")
	again.m.Restore(&again.u, &r)
	for _, x := range []*bench{b, again} {
		if got := x.view().Directory; !slices.Equal(got, want) {
			t.Errorf("then it has %q", got)
		}
	}
	b.do(device.FactoryReset)
	if got := b.view().Directory; len(got) != 0 || b.u.opt != nil {
		t.Errorf("after a factory reset it has %q, %+v", got, b.u.opt)
	}
	b.runUntil(200)
	write(map[int]string{1: "n=Ann;p=1"})
	write(map[int]string{1: ""})
	if b.u.opt != nil {
		t.Errorf("an empty directory takes memory: %+v", b.u.opt)
	}
}
