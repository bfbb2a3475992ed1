//go:build unix

package probetest_test

import (
	"testing"
	"time"

	"spafleet/device"
	"spafleet/scenarios/probe/probetest"
)

// silent is a phone whose TFTP server says nothing: it sends five packets in 15 s and
// waits 45 s more.
var silent = probetest.Options{Off: true, Presets: map[string]string{
	"Profile_Rule": "tftp://192.168.1.10:6969/a.cfg", "Resync_Random_Delay": "0", "Resync_Periodic": "0", "Resync_Error_Retry_Delay": "45"}}

// hours lets that phone work, from its first packet on, and returns how many came.
func hours(t *testing.T, p *probetest.Place, long time.Duration) (packets int) {
	t.Helper()
	server, err := p.ListenPacket(6969)
	if err != nil {
		t.Fatal(err)
	}
	defer server.Close()
	if err := p.Phone.PowerOn(t.Context()); err != nil {
		t.Fatal(err)
	}
	for buf := make([]byte, 600); ; packets++ {
		if packets == 1 {
			if err := server.SetReadDeadline(time.Now().Add(long - time.Second)); err != nil {
				t.Fatal(err)
			}
		}
		if _, _, err := server.ReadFrom(buf); err != nil {
			return packets
		}
	}
}

func TestAnHourOfErrorRetries(t *testing.T) {
	before := cpu(t)
	probetest.Bubble(t, func(t *testing.T) {
		p := probetest.InMemory(t, silent)
		if n := hours(t, p, time.Hour); n != 60*5 {
			t.Errorf("%d packets in an hour, want %d", n, 60*5)
		}
		if n := len(p.Phone.Events(device.ResyncFailed)); n != 60 {
			t.Errorf("%d resyncs failed, want 60", n)
		}
	})
	if took := cpu(t) - before; took > time.Second {
		t.Errorf("it took %v of CPU", took)
	} else {
		t.Logf("%v of CPU", took)
	}
}

// A day of resyncs by HTTP, one each minute.
func TestADayOfResyncs(t *testing.T) {
	before, n := cpu(t), 0
	probetest.Bubble(t, func(t *testing.T) {
		p := probetest.InMemory(t, probetest.Options{Presets: polling()})
		asked := serve(t, listenAt(t, p, 8080))
		for range 24 {
			time.Sleep(time.Hour)
			n += drain(asked)
		}
	})
	took := cpu(t) - before
	if n < 24*59 || n > 24*61 || took > 5*time.Second {
		t.Errorf("%d requests in %v of CPU", n, took)
	}
	t.Logf("%d requests, %v of CPU each", n, took/time.Duration(max(n, 1)))
}
