package scenarios

import (
	"fmt"
	"strconv"
	"strings"
	"time"

	"spafleet/device"
)

// An arrival is a device that resyncs at an instant of a step.
type arrival struct {
	At     time.Duration // since the step
	Device device.Index
}

// mostArrivals is how many a step has at most.
const mostArrivals = 4_000_000

// arrivalsHeader is the first line of a list of arrivals.
const arrivalsHeader = "at,device"

// readArrivals reads when devices resync: a list in the scenario, or the name of a file below
// its folder.
func readArrivals(r *reader, s *Step, n *node, path string) {
	if n.kind == refused {
		return
	}
	if n.kind != scalar || strings.TrimSpace(n.text) == "" {
		r.mistake(n, path, "the name of a file is needed, or a list whose first line is %s", arrivalsHeader)
		return
	}
	s.Of = "all"
	text, name := n.text, "the list"
	if !strings.Contains(strings.TrimSpace(text), "\n") {
		file, err := r.folder.open(n.text)
		if err != nil {
			r.mistake(n, path, "%s", err)
			return
		}
		text, name = file.text, n.text
	}
	var err error
	if s.Arrivals, err = parseArrivals(text); err != nil {
		r.mistake(n, path, "%s: %s", name, err)
	}
}

// parseArrivals reads lines of seconds and the number of a device, as "12.345,17".
func parseArrivals(text string) (list []arrival, err error) {
	line, header := 0, false
	for text != "" {
		var row string
		row, text, _ = strings.Cut(text, "\n")
		line++
		switch row = strings.TrimSpace(row); {
		case row == "" || row[0] == '#':
		case !header:
			if header = strings.ReplaceAll(row, " ", "") == arrivalsHeader; !header {
				return nil, fmt.Errorf("line %d: the first line is %s", line, arrivalsHeader)
			}
		case len(list) == mostArrivals:
			return nil, fmt.Errorf("line %d: more than %d arrivals", line, mostArrivals)
		default:
			a, err := parseArrival(row)
			if err != nil {
				return nil, fmt.Errorf("line %d: %w", line, err)
			}
			if n := len(list); n > 0 && a.At < list[n-1].At {
				return nil, fmt.Errorf("line %d: %s comes before the line above it; arrivals are in the order of their instants", line, row)
			}
			list = append(list, a)
		}
	}
	if len(list) == 0 {
		return nil, fmt.Errorf("no arrival stands in it")
	}
	return list, nil
}

// mostSeconds is the latest arrival: ten years.
const mostSeconds = 10 * 366 * 24 * 3600

func parseArrival(row string) (a arrival, err error) {
	at, dev, ok := strings.Cut(row, ",")
	seconds, wrong := strconv.ParseFloat(strings.TrimSpace(at), 64)
	if !ok || wrong != nil || !(seconds >= 0 && seconds <= mostSeconds) {
		return a, fmt.Errorf("%.40q is not seconds and the number of a device, such as 12.345,17", row)
	}
	n, wrong := strconv.ParseUint(strings.TrimSpace(dev), 10, 32)
	if wrong != nil || n >= device.MaxDevices {
		return a, fmt.Errorf("%.40q is not the number of a device, from 0", dev)
	}
	return arrival{time.Duration(seconds*1e6+0.5) * time.Microsecond, device.Index(n)}, nil
}

// checkArrivals refuses arrivals of devices that the fleet does not have.
func checkArrivals(c *checker, i int) {
	s, devices := &c.Scenario.Timeline[i], c.Devices()
	for k, a := range s.Arrivals {
		if int(a.Device) >= devices {
			c.mistake(s.node.at("arrivals"), fmt.Sprintf("timeline[%d].arrivals", i), "arrival %d is of device %d, and the fleet has %d devices, from 0 on", k+1, a.Device, devices)
			return
		}
	}
}
