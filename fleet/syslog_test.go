package fleet_test

import (
	"net"
	"strings"
	"testing"
	"time"

	"spafleet/device"
	"spafleet/fleet"
	"spafleet/resync/fetch"
)

// See device-surface.md §7.
func TestLogLinesComeFromTheDevicesOwnAddress(t *testing.T) {
	server, err := net.ListenPacket("udp4", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer server.Close()
	n := newNetwork()
	n.put("/a", profileOf())
	// The socket is on loopback alone, and each line still has its device's address.
	s := start(t, n, fleet.Config{Guard: &fetch.Guard{OnlyLoopback: true}, Groups: []fleet.Group{ata(t, 2, "Syslog_Server="+server.LocalAddr().String())}})
	s.await("the resyncs", func() bool { return s.count(device.ResyncOK) == 2 })
	got := map[string][]string{}
	server.SetReadDeadline(time.Now().Add(patience))
	buf := make([]byte, 2048)
	for range 8 {
		size, from, err := server.ReadFrom(buf)
		if err != nil {
			t.Fatalf("%v; so far %v", err, got)
		}
		addr := from.(*net.UDPAddr).IP.String()
		got[addr] = append(got[addr], string(buf[:size]))
	}
	for dev := range device.Index(2) {
		u := s.view(dev).Unit
		ip := u.IP.String()
		want := strings.Join([]string{
			"<134>System started: ip@" + ip + ", reboot reason:H0",
			"<134>resync rule:  http://192.0.2.5/a",
			"<134>SPA-2102 " + u.MAC.Colons() + " -- Requesting resync http://192.0.2.5:80/a",
			"<134>SPA-2102 " + u.MAC.Colons() + " -- Successful resync http://192.0.2.5:80/a",
		}, "\n")
		if lines := strings.Join(got[ip], "\n"); lines != want {
			t.Errorf("from %s came\n%s\nwant\n%s", ip, lines, want)
		}
	}
	if d := s.f.LogLinesDropped(); d != 0 {
		t.Errorf("%d lines dropped", d)
	}
}

func TestLogLineToNowhereIsCounted(t *testing.T) {
	s := start(t, newNetwork(), fleet.Config{Groups: []fleet.Group{ata(t, 1, "Resync_On_Reset=No", "Syslog_Server=nowhere.example", "Debug_Server=127.0.0.1:port")}})
	s.await("the drops", func() bool { return s.f.LogLinesDropped() == 2 })
}
