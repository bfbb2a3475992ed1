package scenarios

import (
	"errors"
	"fmt"
	"net/netip"

	"spafleet/device"
	"spafleet/device/inventory"
)

// parsePrefix reads where the devices of a group live.
func parsePrefix(text string) (netip.Prefix, error) {
	p, err := netip.ParsePrefix(text)
	if err != nil || !p.Addr().Is4() {
		return p, fmt.Errorf("%q is not an address prefix such as 127.64.0.0/16", text)
	}
	return p.Masked(), nil
}

// checkIdentities checks who the devices of the groups are to be, and where they live.
func checkIdentities(c *checker) {
	for i := range c.Scenario.Fleet {
		g := &c.Scenario.Fleet[i]
		path, devices := "fleet."+g.Name, devicesOf(c, g.Name)
		if room := g.MACs.Room(); room > 0 && room < devices {
			c.mistake(g.node.at("mac"), path+".mac", "the range holds %d addresses, the group has %d devices", room, devices)
		}
		if room := g.Serials.Room(); room > 0 && room < devices {
			c.mistake(g.node.at("serial"), path+".serial", "the range holds %d serial numbers, the group has %d devices", room, devices)
		} else if room > 0 {
			checkSerials(c, g, path+".serial")
		}
		checkAddresses(c, i, path+".addresses")
		checkNAT(c, i, path+".nat")
	}
}

func devicesOf(c *checker, group string) (n int) {
	for i := range c.Groups {
		if c.Groups[i].Name == group {
			n += c.Groups[i].Count
		}
	}
	return n
}

// checkSerials refuses serial numbers that the models of a group do not have.
func checkSerials(c *checker, g *Group, path string) {
	n := 0
	for i := range c.Groups {
		if c.Groups[i].Name != g.Name {
			continue
		}
		for range c.Groups[i].Count {
			if err := device.CheckSerial(c.Groups[i].Row.Model, g.Serials.At(n)); err != nil {
				c.mistake(g.node.at("serial"), path, "%s", err)
				return
			}
			n++
		}
	}
}

// checkAddresses refuses a group without addresses beside others that have some, and addresses
// that are in part those of another group.
func checkAddresses(c *checker, group int, path string) {
	g := &c.Scenario.Fleet[group]
	for i := range c.Scenario.Fleet {
		other := &c.Scenario.Fleet[i]
		switch {
		case g.Addresses == other.Addresses:
		case !other.Addresses.IsValid():
		case !g.Addresses.IsValid():
			c.mistake(g.node.at(), path, "fleet.%s has addresses, and this group has none: give each group some, or none", other.Name)
			return
		case i < group && g.Addresses.Overlaps(other.Addresses):
			c.mistake(g.node.at("addresses"), path, "%s and %s of fleet.%s have addresses in common: write the same prefix, which the groups then share, or keep them apart", g.Addresses, other.Addresses, other.Name)
			return
		}
	}
}

// listRanges makes the list of the fleet, where its groups have ranges.
func listRanges(c *checker) {
	if c.List != nil {
		return
	}
	var groups []inventory.RangedGroup
	var of []*Group // as groups
	at := 0
	for i := range c.Scenario.Fleet {
		g := &c.Scenario.Fleet[i]
		for skip := 0; at < len(c.Groups) && c.Groups[at].Name == g.Name; at++ {
			fg := &c.Groups[at]
			groups = append(groups, inventory.RangedGroup{Group: inventory.Group{Name: fg.Name, Row: fg.Row, Count: fg.Count}, MACs: g.MACs, Serials: g.Serials, Skip: skip})
			of = append(of, g)
			skip += fg.Count
		}
	}
	var err error
	var twice *inventory.Twice
	if c.List, err = inventory.Ranged(c.Scenario.Seed, groups); errors.As(err, &twice) {
		g, other := of[twice.Groups[0]], of[twice.Groups[1]]
		c.mistake(g.node.at(twice.Key), "fleet."+g.Name+"."+twice.Key, "%s is also that of a device of fleet.%s; choose another range", twice.What, other.Name)
	}
}
