package scenarios

import (
	"strings"

	"spafleet/device"
	"spafleet/device/measure"
	"spafleet/fleet"
)

// natForm is a map from numbers of devices to numbers of addresses.
func natForm() form {
	return form{title: "nat", others: []names{{form: form{text: &measure.CountForm}, are: "[0-9]+"}}}
}

// readNAT reads how many addresses have how many devices behind them.
func readNAT(r *reader, g *Group, n *node, path string) {
	if !r.is(n, mapping, path, "a map of numbers of devices to numbers of addresses, such as {1: 200, 5: 12}") {
		return
	}
	for i, k := range n.keys {
		if k.kind == refused {
			continue
		}
		behind, err := measure.Count(k.text)
		if err != nil || behind == 0 {
			r.mistake(k, path, "%q is not a number of devices behind one address", k.text)
			continue
		}
		addresses, before := 0, len(r.mistakes)
		r.count(&addresses).read(n.values[i], join(path, k.text))
		if len(r.mistakes) > before || addresses == 0 {
			continue
		}
		g.NAT = append(g.NAT, struct{ Devices, Addresses int }{behind, addresses})
		if behind > device.MaxDevices || addresses > device.MaxDevices || g.NAT.Devices() > device.MaxDevices {
			r.mistake(k, path, "more than %d devices; a fleet has at most so many", device.MaxDevices)
			g.NAT = nil
			return
		}
	}
}

// checkNAT refuses a NAT without addresses, one that other groups with the same addresses
// have differently, and one with more addresses than there are.
func checkNAT(c *checker, group int, path string) {
	g := &c.Scenario.Fleet[group]
	if len(g.NAT) == 0 {
		return
	}
	at := g.node.at("nat")
	if !g.Addresses.IsValid() {
		c.mistake(at, path, "nat says how devices share addresses: give the group some")
		return
	}
	for i := range group {
		other := &c.Scenario.Fleet[i]
		if other.Addresses == g.Addresses && len(other.NAT) > 0 && other.NAT.String() != g.NAT.String() {
			c.mistake(at, path, "fleet.%s has the same addresses and another nat, {%s}: what one group says holds for all with these addresses", other.Name, other.NAT)
			return
		}
	}
	a := fleet.NewAddresses(g.Addresses, nil, []fleet.Group{{Addresses: g.Addresses, NAT: g.NAT, Count: g.NAT.Devices()}})
	if has := a.Room(); g.NAT.Addresses() > has {
		c.mistake(at, path, "%s has %d addresses, and nat needs %d; write a wider prefix", strings.TrimSpace(g.Addresses.String()), has, g.NAT.Addresses())
	}
}
