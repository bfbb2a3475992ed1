package fleet_test

import (
	"bytes"
	"fmt"
	"io"
	"net"
	"os"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"spafleet/device"
	"spafleet/device/devicetest"
	"spafleet/fleet"
)

// Many browsers load pages of many devices at the same moment, and each gets the page of
// the device that it asked, soon; clients that send slowly or far too much hold up nobody. With
// SPAFLEET_SLOW there are ten thousand devices and a thousand browsers.
func TestPagesOfACrowdComeSoon(t *testing.T) {
	devices, browsers, loads := 200, 50, 4
	slow := os.Getenv("SPAFLEET_SLOW") != ""
	if slow {
		devices, browsers, loads = 10_000, 1000, 10
	}
	group := fleet.Group{Name: "units", Row: row(t, "SPA942", "", devicetest.BootsAtOnce()), Count: devices, Presets: settings(append(slices.Clone(atOnce), "Resync_On_Reset=No")...)}
	s := start(t, newNetwork(), fleet.Config{Groups: []fleet.Group{group}, Web: fleet.Web{Listen: true}})
	s.await("power", func() bool { return s.count(device.PowerOn) == devices })
	addrs, serials := make([]string, devices), make([]string, devices)
	for dev := range addrs {
		addrs[dev] = strings.TrimSuffix(strings.TrimPrefix(s.f.WebURL(device.Index(dev)), "http://"), "/")
		serials[dev] = s.view(device.Index(dev)).Unit.Serial
	}
	defer hostile(t, addrs[0])()
	times := make([]time.Duration, browsers*loads)
	screens := make([]bytes.Buffer, browsers)
	for i := range loads {
		var all sync.WaitGroup
		begun := time.Now()
		for b := range browsers {
			all.Go(func() {
				dev := (b*loads + i*7919 + 1) % devices
				if err := loadPage(&screens[b], addrs[dev]); err != nil || !bytes.Contains(screens[b].Bytes(), []byte(serials[dev])) {
					t.Errorf("device %d answers %.200q: %v", dev, screens[b].Bytes(), err)
				}
				times[b*loads+i] = time.Since(begun)
			})
		}
		all.Wait()
	}
	slices.Sort(times)
	p99 := times[len(times)*99/100]
	t.Logf("%d pages of %d devices %d at once: median %v, p99 %v, slowest %v", len(times), devices, browsers, times[len(times)/2], p99, times[len(times)-1])
	if most := 200 * time.Millisecond; slow && p99 > most {
		t.Errorf("the 99th percentile is %v, more than %v", p99, most)
	}
}

// loadPage loads the start page of a device. It takes little of this machine's time, which the
// devices need.
func loadPage(screen *bytes.Buffer, addr string) error {
	screen.Reset()
	c, err := net.DialTimeout("tcp4", addr, patience)
	if err != nil {
		return err
	}
	defer c.Close()
	if err := c.SetDeadline(time.Now().Add(patience)); err != nil {
		return err
	}
	if _, err := io.WriteString(c, "GET / HTTP/1.1\r\nHost: "+addr+"\r\n\r\n"); err != nil {
		return err
	}
	_, err = screen.ReadFrom(c)
	return err
}

// hostile opens connections to one device that send a byte now and then, or a header
// without end, and returns what closes them.
func hostile(t *testing.T, addr string) func() {
	t.Helper()
	end := make(chan struct{})
	var clients sync.WaitGroup
	for i := range 12 {
		clients.Go(func() {
			c, err := net.Dial("tcp4", addr)
			if err != nil {
				return // the device has connections enough
			}
			defer c.Close()
			text := "GET /admin/../../etc/passwd HTTP/1.1\r\nX: "
			if i%2 == 0 {
				text = "POST /admin/asipura.spa HTTP/1.1\r\nHost: x\r\nContent-Length: 1000000\r\n\r\n"
			}
			_, _ = io.WriteString(c, text)
			tick := time.NewTicker(20 * time.Millisecond)
			defer tick.Stop()
			for {
				select {
				case <-end:
					return
				case <-tick.C:
					if _, err := fmt.Fprint(c, strings.Repeat("x", 1+i/2*4096)); err != nil {
						return
					}
				}
			}
		})
	}
	return func() { close(end); clients.Wait() }
}
