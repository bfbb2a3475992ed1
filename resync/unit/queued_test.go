package unit

import (
	"net/netip"
	"reflect"
	"testing"
	"unsafe"

	"spafleet/device"
	"spafleet/device/model"
)

func TestAStartComesOutOfTheQueueAsItWentIn(t *testing.T) {
	for _, c := range []device.Command{
		{},
		{Order: device.Resync, Cause: model.ByPeriodic},
		{Order: device.Resync, Cause: model.ByWeb, Argument: "/x"},
		{Order: device.Upgrade, Cause: model.ByWeb, Requester: netip.AddrFrom4([4]byte{192, 0, 2, 200})},
		{Order: device.SetParams, Sets: []device.Set{{ID: 1, Value: "x", Has: true}}},
	} {
		s := Start{Command: c, Due: 3, booted: 2, forced: c.Order == device.Upgrade}
		q := s.Queued()
		if again := q.Start(); !reflect.DeepEqual(again, s) {
			t.Errorf("%+v comes out as %+v", s, again)
		}
		if usual := c.Argument == "" && !c.Requester.IsValid() && c.Sets == nil; usual != (q.unusual == nil) {
			t.Errorf("%+v: a command of its own: %v", c, q.unusual)
		}
	}
}

func TestAQueuedStartIsSmall(t *testing.T) {
	if size := unsafe.Sizeof(Queued{}); size > 32 {
		t.Errorf("%d bytes, want 32", size)
	}
}
