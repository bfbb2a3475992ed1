package fleet_test

import (
	"bytes"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"regexp"
	"runtime"
	"strconv"
	"sync"
	"testing"
	"time"

	"spafleet/device"
	"spafleet/fleet"
	"spafleet/fleet/fleettest"
	"spafleet/resync"
)

// peakOf runs a test of this package in a process of its own, with a load, and
// returns the most memory that it had, in kB.
func peakOf(t *testing.T, load int) int {
	t.Helper()
	c := exec.Command(os.Args[0], "-test.run=^"+t.Name()+"$", "-test.v")
	c.Env = append(os.Environ(), fmt.Sprint("SPAFLEET_TEST_LOAD=", load))
	out, err := c.CombinedOutput()
	found := regexp.MustCompile(`peak (\d+) kB`).FindSubmatch(out)
	if err != nil || found == nil {
		t.Fatalf("%v\n%s", err, out)
	}
	kB, _ := strconv.Atoi(string(found[1]))
	return kB
}

// loaded returns the load in the process that peakOf has started.
func loaded() (load int, ok bool) {
	load, err := strconv.Atoi(os.Getenv("SPAFLEET_TEST_LOAD"))
	return load, err == nil
}

func tellPeak(t *testing.T) {
	t.Helper()
	status, err := os.ReadFile("/proc/self/status")
	if err != nil {
		t.Fatal(err)
	}
	t.Logf("peak %s kB", regexp.MustCompile(`VmHWM:\s+(\d+)`).FindSubmatch(status)[1])
}

// A crowdedServer answers all but the end of a file, and waits with that until so
// many ask that no more can.
type crowdedServer struct {
	body []byte
	most func() int // at once, of those that are still to be answered

	mu      sync.Mutex
	changed sync.Cond
	waiting int
	left    int
}

func newCrowdedServer(body []byte, devices int) *crowdedServer {
	s := &crowdedServer{body: body, left: devices}
	s.changed.L = &s.mu
	return s
}

func (s *crowdedServer) ServeHTTP(w http.ResponseWriter, _ *http.Request) {
	w.Header().Set("Content-Length", strconv.Itoa(len(s.body)))
	last := len(s.body) - 1
	_, _ = w.Write(s.body[:last])
	_ = http.NewResponseController(w).Flush()
	s.mu.Lock()
	s.waiting++
	s.changed.Broadcast()
	for s.waiting < min(s.most(), s.left) {
		s.changed.Wait()
	}
	s.left--
	s.waiting--
	s.changed.Broadcast()
	s.mu.Unlock()
	_, _ = w.Write(s.body[last:])
}

// What attempts hold is admitted: twice as many devices, which all ask at once for
// the largest file that they take, need no more memory.
func TestBodiesAreAdmitted(t *testing.T) {
	if load, ok := loaded(); ok {
		holdBodies(t, load)
		return
	}
	t.Parallel()
	one, two := peakOf(t, 500), peakOf(t, 1000)
	t.Logf("%d kB with 500 devices, %d kB with 1000", one, two)
	most := 1.2
	if raceEnabled { // there a pool drops a quarter of what it is given
		most = 1.5
	}
	if float64(two) > most*float64(one) {
		t.Errorf("peaks of %d kB with 500 devices and %d kB with 1000", one, two)
	}
}

func holdBodies(t *testing.T, devices int) {
	body := bytes.Repeat([]byte(" "), 256<<10)
	copy(body, "<flat-profile>")
	copy(body[len(body)-15:], "</flat-profile>")
	server := newCrowdedServer(body, devices)
	web := httptest.NewUnstartedServer(server)
	var f *fleettest.Fleet
	ready := make(chan struct{})
	server.most = func() int {
		<-ready
		return f.Outstanding()
	}
	web.Start()
	defer web.Close()
	f = fleettest.Run(t, fleet.Config{Memory: 32 << 20, Loops: 1, Groups: []fleet.Group{{
		Name: "phones", Row: row(t, "SPA504G", "", map[string]string{"boot_time": "0s", "http_read_wait": "60s"}), Count: devices,
		Presets: settings("Profile_Rule="+web.URL+"/a", "Resync_Random_Delay=0", "Resync_Periodic=0", "Resync_Error_Retry_Delay=0"),
	}}})
	close(ready)
	f.Patience = time.Minute
	f.Until(t, "its profile came", func(v device.View) bool { return v.Resyncs.OK == 1 })
	if b := f.Budget(); b.Limit != "memory" || b.Most != int(b.Memory/b.Attempt) || f.Saturated() == 0 {
		t.Errorf("budget %+v, %d attempts waited; want the memory to bound them", b, f.Saturated())
	}
	runtime.KeepAlive(body)
	tellPeak(t)
}

// Nothing is kept of an image: devices that all have all but its end need no more
// memory where it is twice as large.
func TestImagesAreNotKept(t *testing.T) {
	if load, ok := loaded(); ok {
		holdImages(t, load)
		return
	}
	t.Parallel()
	one, two := peakOf(t, 1<<20), peakOf(t, 2<<20)
	t.Logf("%d kB with an image of 1 MB, %d kB with one of 2 MB", one, two)
	if float64(two) > 1.2*float64(one) {
		t.Errorf("peaks of %d kB with an image of 1 MB and %d kB with one of 2 MB", one, two)
	}
}

func holdImages(t *testing.T, size int) {
	const devices = 150
	r := row(t, "SPA2102", "5.2.10", map[string]string{"boot_time": "0s", "http_read_wait": "60s"})
	image, err := resync.MakeImage(r.Model, "5.2.12", size)
	if err != nil {
		t.Fatal(err)
	}
	server := newCrowdedServer(image, devices)
	server.most = func() int { return devices }
	web := httptest.NewServer(server)
	defer web.Close()
	f := fleettest.Run(t, fleet.Config{Loops: 1, Groups: []fleet.Group{{
		Name: "atas", Row: r, Count: devices, Presets: settings("Upgrade_Rule="+web.URL+"/a", "Resync_On_Reset=No"),
	}}})
	f.Patience = time.Minute
	f.Until(t, "it is upgraded", func(v device.View) bool { return v.Unit.Row.Firmware.Version == "5.2.12" })
	tellPeak(t)
}
