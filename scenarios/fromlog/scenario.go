package fromlog

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
	"time"

	"spafleet/device"
	"spafleet/device/measure"
	"spafleet/device/model"
)

// A Result is a scenario that was made of logs.
type Result struct {
	Text     []byte // of the scenario
	Devices  []byte // list of the devices, with --keep-macs; nil: none
	Arrivals []byte // of a replay; nil: none
	Summary  Summary
}

// A Summary says what was seen and what was made of it.
type Summary struct {
	Devices   int         `json:"devices"`
	Addresses int         `json:"addresses"`
	NAT       map[int]int `json:"nat"` // how many addresses have so many devices
	Groups    []Group     `json:"groups"`
	Files     []File      `json:"files"`
	Arrivals  int         `json:"arrivals,omitempty"` // of a replay
	Requests  Counts      `json:"requests"`
	Guesses   []string    `json:"guesses"` // what the log does not say
}

// A Group is devices that ask for the same files as often.
type Group struct {
	Name     string         `json:"name"`
	Devices  int            `json:"devices"`
	Models   map[string]int `json:"models"` // by model and firmware
	Files    []string       `json:"files"`
	Interval int            `json:"interval_seconds"` // 0: not known
	Jitter   int            `json:"jitter_seconds"`
	Retry    int            `json:"retry_seconds"` // 0: not known
	Periodic int            `json:"periodic"`      // gaps between two passes that fit the interval
	Boots    int            `json:"boots"`         // that are much shorter
	Retries  int            `json:"retries"`       // that come after a failure
}

// A File is a name that devices ask for.
type File struct {
	Path   string `json:"path"`
	TFTP   bool   `json:"tftp"`
	OK     int    `json:"ok"`
	Failed int    `json:"failed"`
	Bytes  int64  `json:"bytes"` // of an answer, on average
}

// A Naming says what a scenario and the files beside it are called.
type Naming struct {
	Name     string // of the scenario
	Source   string // of the logs, for people
	Devices  string // of the list of devices
	Arrivals string // of the arrivals
}

// scenario writes a scenario.
type scenario struct {
	*Survey
	strings.Builder
	naming  Naming
	groups  []*group
	summary Summary
	order   []int32 // units, in the order of the fleet
}

// Scenario makes a scenario of what was seen. The error is a [*NoDevice] where no device
// was.
func (s *Survey) Scenario(n Naming) (*Result, error) {
	s.names.finish()
	w := &scenario{Survey: s, naming: n, groups: s.group()}
	if len(w.groups) == 0 {
		return nil, &NoDevice{s.others, s.counts}
	}
	s.counts.Last = time.Unix(0, s.last)
	w.count()
	result := &Result{}
	if s.options.KeepIdentities {
		result.Devices = w.list()
	}
	if s.options.Arrivals {
		result.Arrivals = w.replay()
	}
	w.write()
	result.Text, result.Summary = []byte(w.String()), w.summary
	return result, nil
}

// makesIn returns the makes in a group, the most frequent first.
func makesIn(g *group) []uint16 {
	return slices.SortedFunc(maps.Keys(g.makes), func(a, b uint16) int {
		return cmp.Or(cmp.Compare(g.makes[b], g.makes[a]), cmp.Compare(a, b))
	})
}

// title returns a make as a mix has it. One that was guessed and one that was seen are
// the same there.
func (w *scenario) title(m uint16) string { return w.makes[m].model.Name + " " + w.makes[m].firmware }

// count fills in the summary.
func (w *scenario) count() {
	sum := &w.summary
	sum.Requests, sum.NAT, sum.Guesses = w.counts, map[int]int{}, []string{}
	behind := map[int32]int{}
	for _, g := range w.groups {
		sum.Devices += len(g.units)
		one := Group{Name: g.name, Devices: len(g.units), Models: map[string]int{}, Interval: g.period, Jitter: g.extra, Retry: g.retry,
			Periodic: g.seen.periodic, Boots: g.seen.boots, Retries: g.seen.retries, Files: []string{}}
		for m, n := range g.makes {
			one.Models[w.title(m)] += n
		}
		for _, f := range g.files {
			one.Files = append(one.Files, w.names.list[f].Path)
		}
		sum.Groups = append(sum.Groups, one)
		for _, n := range g.units {
			behind[w.units.at(n).client]++
		}
		w.inOrder(g)
	}
	for _, n := range behind {
		sum.NAT[n]++
	}
	sum.Addresses = len(behind)
	for _, name := range w.names.list {
		f := File{Path: name.Path, TFTP: name.TFTP, OK: name.OK, Failed: name.Failed}
		if name.OK > 0 {
			f.Bytes = name.Bytes / int64(name.OK)
		}
		sum.Files = append(sum.Files, f)
	}
	slices.SortStableFunc(sum.Files, func(a, b File) int { return cmp.Compare(b.OK+b.Failed, a.OK+a.Failed) })
}

// inOrder numbers the devices of a group as the scenario does: by model and firmware.
func (w *scenario) inOrder(g *group) {
	of := map[string][]int32{}
	for _, n := range g.units {
		title := w.title(w.units.at(n).make)
		of[title] = append(of[title], n)
	}
	for _, title := range w.titles(g) {
		w.order = append(w.order, of[title]...)
	}
}

// titles returns the models and firmware of a group, each once, the most frequent first.
func (w *scenario) titles(g *group) (list []string) {
	for _, m := range makesIn(g) {
		if t := w.title(m); !slices.Contains(list, t) {
			list = append(list, t)
		}
	}
	return list
}

// list writes the list of the devices with their own MAC addresses. A device whose address
// the log does not tell gets one that follows from its number.
func (w *scenario) list() []byte {
	var b strings.Builder
	b.WriteString("mac,model,firmware,serial,group\n")
	at, made := 0, 0
	for _, g := range w.groups {
		for range g.units {
			n := w.order[at]
			d := w.units.at(n)
			m := &w.makes[d.make]
			mac := fmt.Sprintf("%012x", d.mac)
			if d.mac == 0 {
				mac = device.MACOf(m.model, 1, device.Index(at)).String()
				made++
			}
			fmt.Fprintf(&b, "%s,%s,%s,%s,%s\n", mac, m.model.Name, m.firmware, w.serialOf(n, m.model), g.name)
			at++
		}
	}
	if made > 0 {
		w.guess("%d of %d MAC addresses are made up: the log does not tell them", made, len(w.order))
	}
	return []byte(b.String())
}

// serialOf returns the serial number of a device, "" where it is not known or none of its
// model's.
func (w *scenario) serialOf(n int32, m *model.Model) string {
	if serial := w.units.serials[n]; serial != "" && device.CheckSerial(m, serial) == nil {
		return serial
	}
	return ""
}

// replay writes the arrivals, in the order of their instants: seconds since the first, and
// the number of the device. Those of one second are spread over most of it: a log in
// seconds does not tell more, and the requests that follow belong to that second too.
func (w *scenario) replay() []byte {
	numbers := make([]int32, w.units.len)
	for i := range numbers {
		numbers[i] = noUnit
	}
	for i, n := range w.order {
		numbers[n] = int32(i)
	}
	slices.SortStableFunc(w.arrivals, func(a, b Arrival) int { return cmp.Compare(a.At, b.At) })
	start := w.arrivals[0].At / int64(time.Second) * int64(time.Second)
	var b []byte
	b = append(b, "at,device\n"...)
	for i := 0; i < len(w.arrivals); {
		end := i
		for end < len(w.arrivals) && w.arrivals[end].At == w.arrivals[i].At {
			end++
		}
		for k := i; k < end; k++ {
			at := w.arrivals[k].At - start
			if at%int64(time.Second) == 0 {
				at += int64(k-i) * int64(spreadOver) / int64(end-i)
			}
			if number := numbers[w.units.whole(w.arrivals[k].Unit)]; number != noUnit {
				b = strconv.AppendInt(b, at/int64(time.Second), 10)
				b = fmt.Appendf(b, ".%03d,%d\n", at%int64(time.Second)/int64(time.Millisecond), number)
				w.summary.Arrivals++
			}
		}
		i = end
	}
	return b
}

const spreadOver = 800 * time.Millisecond

// guess notes what the log does not say.
func (w *scenario) guess(format string, args ...any) {
	w.summary.Guesses = append(w.summary.Guesses, fmt.Sprintf(format, args...))
}

func seconds(n int) time.Duration { return time.Duration(n) * time.Second }

func people(n int) string { return measure.Format(seconds(n)) }
