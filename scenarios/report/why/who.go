package why

import (
	"bytes"
	"cmp"
	"fmt"
	"iter"
	"slices"
	"strconv"
	"strings"

	"spafleet/device"
	"spafleet/device/model"
)

// A who is a device as a person names it.
type who struct {
	text   string
	mac    string // 12 hexadecimal digits; "" for none
	index  string // "" for none
	serial []byte // as a line has it
}

// parseWho reads a MAC address in any spelling, a serial number or an index.
func parseWho(name string) (who, error) {
	name = strings.TrimSpace(name)
	w := who{text: name}
	plain := strings.NewReplacer(":", "", "-", "", ".", "", " ", "").Replace(name)
	if mac, err := model.ParseMAC(plain); err == nil {
		w.mac = mac.String()
	}
	if n, err := strconv.ParseUint(plain, 10, 32); err == nil && plain == name && w.mac == "" {
		w.index = strconv.FormatUint(n, 10)
		return w, nil
	}
	for _, c := range name {
		if w.mac == "" && !('0' <= c && c <= '9' || 'A' <= c && c <= 'Z' || 'a' <= c && c <= 'z') {
			return w, fmt.Errorf("%q is no device: give a MAC address, a serial number or an index", name)
		}
	}
	if name == "" {
		return w, fmt.Errorf("no device is named: give a MAC address, a serial number or an index")
	}
	w.serial = []byte(`"serial":"` + strings.ToUpper(name) + `"`)
	return w, nil
}

// is reports whether a line is of the device.
func (w *who) is(dev, mac, line []byte) bool {
	switch {
	case w.mac != "" && w.mac == string(mac), w.index != "" && w.index == string(dev):
		return true
	}
	return w.serial != nil && bytes.Contains(line, powerOn) && bytes.Contains(line, w.serial)
}

var powerOn = []byte(`"kind":"power_on"`)

// A nearest remembers what a person may have meant.
type nearest struct {
	seen  string // the latest MAC address
	found []near // the nearest ones
	most  int    // the largest index
}

type near struct {
	mac, dev string
	off      int // digits
}

const mostNear = 3

func (n *nearest) look(w *who, dev, mac []byte) {
	if n.seen == string(mac) {
		return
	}
	n.seen = string(mac)
	if index, err := strconv.Atoi(string(dev)); err == nil {
		n.most = max(n.most, index)
	}
	off := 0
	for i := range mac {
		if i >= len(w.mac) || w.mac[i] != mac[i] {
			off++
		}
	}
	if len(n.found) == mostNear && n.found[mostNear-1].off <= off || slices.ContainsFunc(n.found, func(x near) bool { return x.mac == n.seen }) {
		return
	}
	n.found = append(n.found, near{n.seen, string(dev), off})
	slices.SortStableFunc(n.found, func(a, b near) int { return cmp.Compare(a.off, b.off) })
	n.found = n.found[:min(len(n.found), mostNear)]
}

// hint names the nearest devices.
func (n *nearest) hint(w *who) string {
	switch {
	case len(n.found) == 0:
		return ""
	case w.index != "":
		return fmt.Sprintf("; the largest index is %d", n.most)
	}
	var names []string
	for _, x := range n.found {
		names = append(names, fmt.Sprintf("%s (device %s)", x.mac, x.dev))
	}
	if w.mac == "" {
		return "; serial numbers stand in lines of power_on; its first devices are " + strings.Join(names, ", ")
	}
	return "; nearest are " + strings.Join(names, ", ")
}

// Find returns the device that a person names, of those of a fleet.
func Find(name string, units iter.Seq[device.Unit]) (device.Unit, error) {
	w, err := parseWho(name)
	if err != nil {
		return device.Unit{}, err
	}
	var near nearest
	for u := range units {
		mac, index := []byte(u.MAC.String()), strconv.AppendUint(nil, uint64(u.Index), 10)
		if w.is(index, mac, []byte(string(powerOn)+`"serial":"`+u.Serial+`"`)) {
			return u, nil
		}
		near.look(&w, index, mac)
	}
	return device.Unit{}, fmt.Errorf("the fleet has no device %s%s", w.text, near.hint(&w))
}
