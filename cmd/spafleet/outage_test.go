package main

import (
	"context"
	"fmt"
	"net/netip"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"sync"
	"testing"
	"time"

	"spafleet/device"
	"spafleet/device/devicetest"
	"spafleet/device/model"
	"spafleet/fleet"
	"spafleet/fleet/fleettest"
)

// contact is one attempt of a device: when it began and ended, and how.
type contact struct {
	cause        model.Cause
	begun, ended int64
	ok           bool
}

// diary collects the contacts of a fleet.
type diary struct {
	mu       sync.Mutex
	contacts map[device.Index][]contact
	booted   map[device.Index]int64
	failed   int
	late     []int64
}

func (d *diary) tell(events []device.Event) {
	d.mu.Lock()
	defer d.mu.Unlock()
	for _, e := range events {
		list := d.contacts[e.Dev]
		switch e.Kind {
		case device.Late:
			d.late = append(d.late, e.Took)
		case device.Boot:
			d.booted[e.Dev] = e.At
		case device.ResyncStarted:
			d.contacts[e.Dev] = append(list, contact{cause: e.Cause, begun: e.At})
		case device.ResyncOK, device.ResyncFailed:
			c := &list[len(list)-1]
			c.ended, c.ok = e.At, e.Kind == device.ResyncOK
			if !c.ok {
				d.failed++
			}
		}
	}
}

// synced counts devices whose last contact succeeded after a moment.
func (d *diary) synced(after int64) int {
	d.mu.Lock()
	defer d.mu.Unlock()
	n := 0
	for _, list := range d.contacts {
		if last := list[len(list)-1]; last.ok && last.begun > after {
			n++
		}
	}
	return n
}

func (d *diary) failures() int {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.failed
}

// What the devices of the outage test are set to, in seconds.
const (
	crowdDelay  = 12
	crowdPeriod = 12
)

var crowdRetry = []int64{4, 6, 8} // the last repeats

// Five thousand devices, with SPAFLEET_SLOW ten thousand, each with a file of its
// own, come back periodically and by error retry while nginx is taken down and
// brought back: none is lost, and every contact is when its schedule says.
func TestACrowdOutlivesAnOutage(t *testing.T) {
	crowd := 5000
	if os.Getenv("SPAFLEET_SLOW") != "" {
		crowd = 10_000
	}
	root := readable(t)
	web := newNginx(t, root)
	row := devicetest.Turned(t, "SPA2102", "5.2.10", map[string]string{"random_delay_unit": "1s"})
	for i := range device.Index(crowd) {
		u := device.NewUnit(row, 1, i, netip.Addr{})
		write(t, filepath.Join(root, u.MAC.String()+".xml"), fmt.Appendf(nil, "<flat-profile><GPP_A>%s</GPP_A></flat-profile>", u.MAC))
	}
	book := &diary{contacts: map[device.Index][]contact{}, booted: map[device.Index]int64{}}
	server := web.start(t)
	ctx, cancel := context.WithTimeout(t.Context(), 3*time.Minute)
	defer cancel()
	peak := watchGoroutines(ctx, runtime.NumGoroutine())
	f := fleettest.Run(t, fleet.Config{
		Outstanding: 300, Tell: book.tell,
		Groups: []fleet.Group{{Name: "crowd", Row: row, Count: crowd, Presets: crowdPresets(web.addr)}},
	})
	await := func(what string, held func() bool) {
		t.Helper()
		if err := f.Await(ctx, held); err != nil {
			t.Fatalf("%s: %v", what, err)
		}
	}

	await("every device has its file", func() bool { return book.synced(0) == crowd })
	server.Stop()
	await("a third of the devices met the outage", func() bool { return book.failures() > crowd/3 })
	web.start(t)
	back := time.Now().UnixNano()
	await("every device found the way back", func() bool { return book.synced(back) == crowd })
	f.Stop(t)
	cancel()
	if most := <-peak; most > 300+50 {
		t.Errorf("%d goroutines at once, more than outstanding + 50", most)
	}
	for dev, list := range book.contacts {
		checkContacts(t, book.booted[dev], dev, list)
	}
	own, _ := f.View(device.Index(crowd - 1))
	if key, _ := own.Params.Lookup("GPP_A"); key != own.Unit.MAC.String() {
		t.Errorf("device %d has the file of another: GPP_A %s", crowd-1, key)
	}
	slices.Sort(book.late)
	t.Logf("%d contacts, %d failed, p99 lateness %s", len(book.late), book.failed, time.Duration(book.late[len(book.late)*99/100]))
}

func crowdPresets(server string) map[string]string {
	return map[string]string{
		"Profile_Rule": "http://" + server + "/$MA.xml", "Resync_Random_Delay": fmt.Sprint(crowdDelay),
		"Resync_Periodic": fmt.Sprint(crowdPeriod), "Resync_Error_Retry_Delay": "4,6,8",
	}
}

// watchGoroutines returns the most goroutines that lived at once beside those
// before, when ctx ends.
func watchGoroutines(ctx context.Context, before int) <-chan int {
	peak := make(chan int, 1)
	go func() {
		most := 0
		tick := time.NewTicker(5 * time.Millisecond)
		defer tick.Stop()
		for ctx.Err() == nil {
			most = max(most, runtime.NumGoroutine()-before)
			select {
			case <-tick.C:
			case <-ctx.Done():
			}
		}
		peak <- most
	}()
	return peak
}

// tolerance is how late a busy machine may start an attempt.
const tolerance = int64(2 * time.Second)

// checkContacts holds a device's contacts to its schedule.
func checkContacts(t *testing.T, booted int64, dev device.Index, list []contact) {
	t.Helper()
	retries := 0
	for i, c := range list {
		due, want := booted, model.ByPowerOn
		if i > 0 {
			prev := list[i-1]
			if prev.ended == 0 {
				t.Fatalf("device %d: contact %d never ended, and yet another followed", dev, i-1)
			}
			wait := int64(crowdPeriod)
			want = model.ByPeriodic
			if prev.ok {
				retries = 0
			} else {
				wait, want = crowdRetry[min(retries, len(crowdRetry)-1)], model.ByRetry
				retries++
			}
			due = prev.ended + wait*int64(time.Second)
		}
		early, late := c.begun < due, c.begun > due+tolerance
		if i == 0 { // anywhere in the random delay
			late = c.begun > due+crowdDelay*int64(time.Second)+tolerance
		}
		if early || late || c.cause != want {
			t.Errorf("device %d, contact %d by %s (want %s): %s after it was due", dev, i, c.cause, want, time.Duration(c.begun-due))
		}
	}
}
