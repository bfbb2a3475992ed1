package main

import (
	"context"
	"errors"
	"io"
	"net/netip"
	"os"
	"runtime"
	"strconv"
	"time"

	"spafleet/device"
	"spafleet/device/model"
	"spafleet/fleet"
	"spafleet/host"
	"spafleet/resync"
	"spafleet/resync/modelled"
	"spafleet/scenarios/tally"
)

// A dayCase is a day of a fleet whose bodies have a size.
type dayCase struct {
	Name     string
	body     int           // bytes
	changes  time.Duration // how often a value changes; 0: never
	most     float64       // seconds; 0: no target
	mostEach float64       // microseconds
	run      func(*dayCase, options) (measurement, error)
}

var cases = []dayCase{
	{Name: "changing", body: 1500, changes: time.Hour, most: 5, mostEach: 20, run: runDay},
	{Name: "unchanged", body: 45_000, most: 10, run: runDay},
	{Name: "default", mostEach: 18, run: runDefault},
}

const seed = 1

var server = netip.AddrFrom4([4]byte{127, 0, 0, 1})

// runDay acts a day out with a server that renders every answer, and measures it.
func runDay(c *dayCase, o options) (m measurement, err error) {
	file, err := eventsFile(o)
	if err != nil {
		return m, err
	}
	defer func() { err = errors.Join(err, closeEvents(file, o)) }()
	row, err := model.NewRow("SPA2102", "5.2.10", nil)
	if err != nil {
		return m, err
	}
	p := newProvider(c)
	count := &counter{}
	log := tally.NewEventLog(io.MultiWriter(file, &count.written), func(dev device.Index) model.MAC { return device.MACOf(row.Model, seed, dev) })
	before := usage()
	f, err := fleet.New(fleet.Config{
		Seed: seed, Clock: fleet.Virtual, Loops: o.cores, InProcess: &modelled.Network{Server: p, Addr: server, HTTP: 80},
		Groups: []fleet.Group{{Name: "homes", Row: row, Count: o.devices, Presets: map[string]string{"Profile_Rule": "http://127.0.0.1/$MA.xml", "Resync_Periodic": "3600", "Resync_Random_Delay": "180"}}},
		Tell: func(events []device.Event) {
			count.take(events)
			if !o.silent {
				log.Tell(events)
			}
		},
		Conduct: func(now int64, _ func(device.Index, device.Command)) (int64, bool) {
			end := fleet.DefaultStart().Add(o.lasts).UnixNano()
			return end, now >= end
		},
	})
	if err != nil {
		return m, err
	}
	if err := f.Run(context.Background()); err != nil {
		return m, err
	}
	if err := log.Flush(); err != nil {
		return m, err
	}
	m = c.measurement(o, count, before, usage())
	m.Body, m.Live = len(p.answer(0, "")), live()
	runtime.KeepAlive(f)
	return m, nil
}

// live returns the live heap in bytes.
func live() int64 {
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return int64(m.HeapAlloc)
}

// measurement is what a case took between two readings.
func (c *dayCase) measurement(o options, count *counter, before, after reading) measurement {
	m := measurement{
		Name: c.Name, Attempts: count.ok + count.failed, Failed: count.failed, Applied: count.applied, Events: count.events,
		Written: int64(count.written), Seconds: after.wall.Sub(before.wall).Seconds(), CPU: (after.cpu - before.cpu).Seconds(), Most: c.most, MostEach: c.mostEach,
	}
	m.Each = m.Seconds / float64(m.Attempts) * 1e6
	m.Heap = int64(after.allocated-before.allocated) / int64(m.Attempts)
	m.Speed = o.lasts.Seconds() / m.Seconds
	m.judge(o)
	return m
}

// eventsFile opens a file that takes events, on disk as a user's would be.
func eventsFile(o options) (*os.File, error) {
	if o.events != "" {
		return os.Create(o.events)
	}
	return os.CreateTemp("", "events-*.jsonl")
}

func closeEvents(f *os.File, o options) error {
	err := f.Close()
	if o.events == "" {
		err = errors.Join(err, os.Remove(f.Name()))
	}
	return err
}

// A counter counts what a fleet tells.
type counter struct {
	ok, failed, applied, events int
	written                     written
}

func (c *counter) take(events []device.Event) {
	for i := range events {
		if events[i].Kind != device.Late { // which no event log has
			c.events++
		}
		switch events[i].Kind {
		case device.ResyncOK:
			c.ok++
		case device.ResyncFailed:
			c.failed++
		case device.Applied:
			if events[i].Count > 0 {
				c.applied++
			}
		}
	}
}

// written counts bytes.
type written int64

func (w *written) Write(p []byte) (int, error) {
	*w += written(len(p))
	return len(p), nil
}

// A provider has a body of its own for each device. It renders the body for every
// request, as a server with templates does.
type provider struct {
	changes time.Duration
	parts   []string // between the values that are a device's own
	size    int
}

// own are the parameters that differ from device to device; the last one changes
// with time.
var own = []string{"User_ID_1_", "Password_1_", "Display_Name_1_", "Auth_ID_1_", "User_ID_2_", "Password_2_", "Display_Name_2_", "GPP_P"}

// common are parameters that are the same for all; with a full profile they are
// repeated, as text that no parser skips.
var common = []string{"GPP_A", "GPP_B", "GPP_C", "GPP_D", "GPP_E", "GPP_F", "GPP_G", "GPP_H", "GPP_I", "GPP_J", "GPP_K", "Proxy_1_", "Proxy_2_", "Outbound_Proxy_1_",
	"GPP_L", "Primary_NTP_Server", "Secondary_NTP_Server"}

func newProvider(c *dayCase) *provider {
	p := &provider{changes: c.changes}
	text := "<flat-profile>\n"
	for _, name := range own {
		p.parts = append(p.parts, text+"<"+name+">")
		text = "</" + name + ">\n"
	}
	for i := 0; i < len(common) || p.length()+len(text) < c.body-100; i++ {
		name := common[i%len(common)]
		text += "<" + name + ">what the provider wants " + strconv.Itoa(i) + "</" + name + ">\n"
	}
	p.parts = append(p.parts, text+"</flat-profile>\n")
	p.size = p.length() + 200
	return p
}

func (p *provider) length() (n int) {
	for _, part := range p.parts {
		n += len(part)
	}
	return n
}

// Respond answers with the body of the device that the path names.
func (p *provider) Respond(at int64, r *resync.Request) resync.Response {
	hour := int64(0)
	if p.changes > 0 {
		hour = at / int64(p.changes)
	}
	return resync.Response{Status: 200, Body: p.answer(hour, r.Path[1:len(r.Path)-len(".xml")])}
}

func (p *provider) answer(hour int64, mac string) []byte {
	b := make([]byte, 0, p.size)
	for i, part := range p.parts {
		b = append(b, part...)
		switch {
		case i == len(own)-1:
			b = strconv.AppendInt(b, hour, 10)
		case i < len(own):
			b = append(b, "value "...)
			b = strconv.AppendInt(b, int64(i), 10)
			b = append(append(b, " of "...), mac...)
		}
	}
	return b
}

// A reading is what the machine says.
type reading struct {
	wall      time.Time
	cpu       time.Duration
	allocated uint64
}

func usage() reading {
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return reading{time.Now(), host.CPUTime(), m.TotalAlloc}
}
