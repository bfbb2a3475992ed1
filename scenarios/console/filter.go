package console

import (
	"fmt"
	"net/netip"
	"net/url"
	"slices"
	"strings"

	"spafleet/device"
	"spafleet/device/model"
	"spafleet/fsm"
	"spafleet/scenarios/console/page"
)

// field returns the text of a filter that a name is for, nil for none.
func (f *Filter) field(name string) *string {
	return map[string]*string{"mac": &f.MAC, "serial": &f.Serial, "address": &f.Address, "state": &f.State, "model": &f.Model}[name]
}

// Query returns a filter as the query of a URL has it: the fields that are set.
func (f Filter) Query() url.Values {
	q, _ := url.ParseQuery(page.Filter(f).Query(0, 0)) // that was made there
	return q
}

// A test is whether a device is selected.
type test func(Source, device.Index) bool

// compile returns what selects devices: what costs least is asked first. The error is of
// a text that can select none.
func (f Filter) compile() (test, error) {
	var tests []test
	for _, part := range []struct {
		text string
		read func(string) (test, error)
	}{{f.State, byState}, {f.Model, byModel}, {f.MAC, byMAC}, {f.Address, byAddress}, {f.Serial, bySerial}} {
		if part.text == "" {
			continue
		}
		one, err := part.read(part.text)
		if err != nil {
			return nil, err
		}
		tests = append(tests, one)
	}
	return func(s Source, dev device.Index) bool {
		return !slices.ContainsFunc(tests, func(t test) bool { return !t(s, dev) })
	}, nil
}

func byState(name string) (test, error) {
	at := slices.IndexFunc(fsm.StateNames(), func(state string) bool { return strings.EqualFold(state, name) })
	if at < 0 {
		return nil, unknown("state", name, fsm.StateNames())
	}
	state := fsm.States()[at]
	return func(s Source, dev device.Index) bool { return s.State(dev) == state }, nil
}

func byModel(name string) (test, error) {
	var names []string
	for m := range model.All() {
		names = append(names, m.Name)
	}
	at := slices.IndexFunc(names, func(known string) bool { return strings.EqualFold(known, name) })
	if at < 0 {
		return nil, fmt.Errorf("there is no model %.50q%s", name, model.DidYouMean(name, names))
	}
	return func(s Source, dev device.Index) bool { return s.Group(dev).Row.Model.Name == names[at] }, nil
}

func byMAC(text string) (test, error) {
	digits := strings.ToLower(strings.NewReplacer(":", "", "-", "", ".", "").Replace(text))
	if len(digits) > 12 || digits == "" || strings.Trim(digits, "0123456789abcdef") != "" {
		return nil, fmt.Errorf("%.50q is not the beginning of a MAC address: up to 12 hexadecimal digits", text)
	}
	return func(s Source, dev device.Index) bool {
		mac := s.MAC(dev)
		for i := range len(digits) {
			if "0123456789abcdef"[mac[i/2]>>(4*(1-i%2))&15] != digits[i] {
				return false
			}
		}
		return true
	}, nil
}

// byAddress looks at the addresses of the moment: a server of DHCP may have given them.
func byAddress(text string) (test, error) {
	prefix, err := netip.ParsePrefix(text)
	if err != nil {
		addr, err := netip.ParseAddr(text)
		if err != nil {
			return nil, fmt.Errorf("%.50q is neither an address nor a prefix such as 127.64.1.0/24", text)
		}
		prefix = netip.PrefixFrom(addr, addr.BitLen())
	}
	return func(s Source, dev device.Index) bool { return prefix.Contains(s.Identity(dev).IP) }, nil
}

func bySerial(begin string) (test, error) {
	if len(begin) > mostSerial {
		return nil, fmt.Errorf("%.50q is not the beginning of a serial number, which has up to %d characters", begin, mostSerial)
	}
	return func(s Source, dev device.Index) bool {
		serial := s.Identity(dev).Serial
		return len(serial) >= len(begin) && strings.EqualFold(serial[:len(begin)], begin)
	}, nil
}

// mostSerial is more than any serial number has.
const mostSerial = 32
