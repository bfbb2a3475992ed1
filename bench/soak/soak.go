package main

import (
	"context"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"spafleet/bench/workload"
	"spafleet/device"
	"spafleet/device/model"
	"spafleet/fleet"
	"spafleet/prov"
	"spafleet/resync/fault"
	"spafleet/resync/fetch"
)

// A bath is the fleet that soaks, and what it soaks in.
type bath struct {
	options
	out    io.Writer
	began  time.Time
	fleet  *fleet.Fleet
	server *prov.Server
	lines  *fault.Plan  // between devices and server
	wrongs *fault.Plan  // of the server
	round  atomic.Int64 // which files the server has
	saved  atomic.Int64 // snapshots
	book   book

	samples []sample // at the end of each phase
}

// book is what has happened.
type book struct {
	mu      sync.Mutex
	synced  []int64 // by device: when it began the resync that succeeded last
	begun   []int64
	started int
	ok      int
	failed  int
	errs    map[string]int // failures by scheme and result
	unsaved error
}

func (b *book) tell(events []device.Event) {
	b.mu.Lock()
	defer b.mu.Unlock()
	for i := range events {
		switch e := &events[i]; e.Kind {
		case device.ResyncStarted:
			b.started++
			b.begun[e.Dev] = e.At
		case device.ResyncOK:
			b.ok++
			b.synced[e.Dev] = b.begun[e.Dev]
		case device.ResyncFailed:
			b.failed++
			scheme := "no file"
			if e.File != nil {
				scheme = e.File.Scheme
			}
			b.errs[scheme+" "+e.Result.String()]++
		}
	}
}

// in counts the devices that have begun a resync since a moment, which then
// succeeded.
func (b *book) in(since int64) (n int) {
	b.mu.Lock()
	defer b.mu.Unlock()
	for _, at := range b.synced {
		if at >= since {
			n++
		}
	}
	return n
}

// soak returns what grew, or was not as it should be.
func soak(ctx context.Context, o options, out io.Writer) (grown []string, err error) {
	before := look()
	b := &bath{options: o, out: out, began: time.Now(), lines: &fault.Plan{Seed: workload.Seed}, wrongs: &fault.Plan{Seed: workload.Seed + 1}}
	b.book.errs = map[string]int{}
	b.book.synced, b.book.begun = make([]int64, o.devices), make([]int64, o.devices)
	folder, err := os.MkdirTemp("", "soak")
	if err != nil {
		return nil, err
	}
	defer os.RemoveAll(folder)
	if err := b.fill(filepath.Join(folder, "fleet.state")); err != nil {
		return nil, err
	}
	run := b.fleet.Begin(ctx)
	first, last, err := b.days(ctx)
	err = either(err, run.Close())
	b.server.Close()
	if err != nil {
		return nil, err
	}
	left := remains(before, settled(look))
	for range 5 {
		if len(left) == 0 {
			break
		}
		left = remains(before, settled(look))
	}
	return slices.Concat(growth(first, last), drift(b.devices, b.samples), left, b.sums()), nil
}

func either(a, b error) error {
	if a != nil {
		return a
	}
	return b
}

// fill makes the server and the fleet.
func (b *bath) fill(state string) error {
	file := prov.Entry{Size: 1500, Body: "<flat-profile><GPP_A>{{mac}}</GPP_A><GPP_P>{{round}}</GPP_P><GPP_O>{{both}}</GPP_O>" +
		"<Resync_Periodic>" + seconds(b.period) + "</Resync_Periodic></flat-profile>"}
	core, err := prov.NewCore(map[string]prov.Entry{"/$MA.xml": file}, prov.Options{Expand: b.expand, Faults: b.wrongs})
	if err != nil {
		return err
	}
	b.server = &prov.Server{Core: core, TFTPAddr: "127.0.0.1:0", HTTPAddr: "127.0.0.1:0"}
	if err := b.server.Open(); err != nil {
		return err
	}
	groups, err := b.groups()
	if err != nil {
		b.server.Close()
		return err
	}
	b.fleet, err = fleet.New(fleet.Config{
		Seed: workload.Seed, Groups: groups, Network: &fetch.Sockets{Faults: b.lines}, Tell: b.book.tell,
		Save: fleet.Save{File: state, Told: b.told},
	})
	if err == nil {
		err = b.fleet.Open()
	}
	if err != nil {
		b.server.Close()
	}
	return err
}

func (b *bath) told(s fleet.Snapshot) {
	b.saved.Add(1)
	if s.Err != nil {
		b.book.mu.Lock()
		b.book.unsaved = s.Err
		b.book.mu.Unlock()
	}
}

func (b *bath) expand(text string, a prov.Asker, _ prov.Rotation) (string, error) {
	round := strconv.FormatInt(b.round.Load(), 10)
	return strings.NewReplacer("{{mac}}", a.MAC, "{{round}}", round, "{{both}}", a.MAC+" in round "+round).Replace(text), nil
}

func (b *bath) groups() ([]fleet.Group, error) {
	list := []fleet.Group{{Name: "by http", Count: b.devices - b.devices/3}, {Name: "by tftp", Count: b.devices / 3}}
	models, places := []string{"SPA2102", "SPA942"}, []string{"http://" + b.server.HTTP().String(), "tftp://" + b.server.TFTP().String()}
	for i := range list {
		g := &list[i]
		var err error
		if g.Row, err = model.NewRow(models[i], "", b.switches()); err != nil {
			return nil, err
		}
		g.Presets, err = workload.Presets("Profile_Rule", places[i]+"/$MA.xml", "Resync_Random_Delay", seconds(b.period/2),
			"Resync_Periodic", seconds(b.period), "Resync_Error_Retry_Delay", seconds(b.period/6)+"+"+seconds(b.period/6))
		if err != nil {
			return nil, err
		}
	}
	return list, nil
}

// switches fit the firmware's waits to the period.
func (b *bath) switches() map[string]string {
	boot := (b.period / 10).String()
	return map[string]string{"random_delay_unit": "1s", "boot_time": boot, "reboot_time": boot, "flash_time": "0s", "tftp_wait": min(b.period/8, 3*time.Second).String()}
}

// seconds returns a parameter of at least one.
func seconds(d time.Duration) string { return strconv.Itoa(max(int(d/time.Second), 1)) }

// sums says what does not add up.
func (b *bath) sums() (wrong []string) {
	k := &b.book
	k.mu.Lock()
	defer k.mu.Unlock()
	if aborted := b.fleet.Aborted(); k.started != k.ok+k.failed+aborted {
		wrong = append(wrong, fmt.Sprintf("%d resyncs began, but %d succeeded, %d failed and %d were cut off", k.started, k.ok, k.failed, aborted))
	}
	if k.unsaved != nil {
		wrong = append(wrong, k.unsaved.Error())
	}
	if list := b.fleet.Limits(); len(list) > 0 {
		wrong = append(wrong, fmt.Sprintf("this machine ran out of %v", list))
	}
	return wrong
}

// each gives an order to every chosen device.
func (b *bath) each(ctx context.Context, order device.Order, chosen func(device.Index) bool) error {
	for dev := range device.Index(b.devices) {
		if !chosen(dev) {
			continue
		}
		if err := b.fleet.Do(ctx, dev, device.Command{Order: order, Cause: model.ByStep}); err != nil {
			return err
		}
	}
	return nil
}
