package fleet_test

import (
	"fmt"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"syscall"
	"testing"

	"spafleet/device"
	"spafleet/fleet"
	"spafleet/host"
	"spafleet/resync/fetch"
)

// Clients of the web servers that send nothing take their share of the descriptors
// and no more: the devices resync meanwhile.
func TestIdleWebClientsHoldUpNoResync(t *testing.T) {
	const devices, idle = 20, 160
	allowFiles(t, 320) // of which the clients have 160, and the web servers 40
	files := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { fmt.Fprint(w, profileOf()) }))
	defer files.Close()
	s := startOn(t, &fetch.Sockets{}, fleet.Config{Groups: []fleet.Group{ata(t, devices, "Resync_On_Reset=No", "Profile_Rule="+files.URL+"/a")}, Web: fleet.Web{Listen: true}})
	before := host.OpenFiles()
	for i := range idle {
		c, err := net.Dial("tcp4", strings.Trim(s.f.WebURL(device.Index(i%devices)), "htp:/"))
		if err != nil {
			t.Fatal(err)
		}
		defer c.Close()
	}
	web := s.f.Budget().Web
	s.await("the web servers' connections", func() bool { return host.OpenFiles() >= before+idle+web })
	for dev := range device.Index(devices) {
		s.do(dev, device.Resync)
	}
	s.await("the resyncs", func() bool { return s.count(device.ResyncOK) == devices })
	if lacked := s.f.Limits()["descriptors"]; lacked > 0 || web != 40 {
		t.Errorf("resyncs waited for a descriptor %d times beside %d web connections", lacked, web)
	}
}

// allowFiles lets this process open so many files until the test ends.
func allowFiles(t *testing.T, n uint64) {
	t.Helper()
	var before syscall.Rlimit
	if err := syscall.Getrlimit(syscall.RLIMIT_NOFILE, &before); err != nil {
		t.Fatal(err)
	}
	now := before
	now.Cur = n
	if err := syscall.Setrlimit(syscall.RLIMIT_NOFILE, &now); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := syscall.Setrlimit(syscall.RLIMIT_NOFILE, &before); err != nil {
			t.Error(err)
		}
	})
}
