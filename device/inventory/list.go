// Package inventory is a list of somebody's own devices, as a file of comma-separated
// values has it: who each device is, which model and firmware it has, and what it is
// set to from the start.
package inventory

import (
	"net/netip"
	"slices"
	"sort"

	"spafleet/device"
	"spafleet/device/model"
)

// A List says who the devices of a fleet are. Device n is the n-th of the list, from
// 0. Devices without a serial number or an address have the ones that follow from the
// seed and the index. A nil List is that of a fleet whose devices are all computed,
// group by group. A List is read-only, for any number of goroutines.
type List struct {
	name   string
	digest string
	groups []Group
	firsts []int         // places in order: of each group's first device
	ranges []RangedGroup // as groups, of a list that has ranges in the place of all below; nil: a file's

	order []uint32 // the devices, group by group
	group []uint16 // of each device
	macs  []model.MAC

	serials   texts     // empty: no device has one
	addresses [][4]byte // empty: no device has one
	byAddress []uint32  // the devices by ascending address
	params    []model.ID
	values    device.OwnValues
	files     []Certificate
}

// A Group is devices of one name, model and firmware.
type Group struct {
	Name  string
	Row   *model.Row // with the switches as the firmware has them
	Count int        // at least 1
}

// A Certificate is files with the certificate of a device.
type Certificate struct {
	MAC  model.MAC
	File string // .pem or .crt; .p12 or .pfx for PKCS #12
	Key  string // empty: it is in File
}

// Name returns what the list is called: the name of its file.
func (l *List) Name() string { return l.name }

// Digest returns a checksum of all that the devices are and are set to, empty for nil.
// Two files that say the same in other words, or in another order of their columns,
// have the same one.
func (l *List) Digest() string {
	if l == nil {
		return ""
	}
	return l.digest
}

// Len returns how many devices are listed.
func (l *List) Len() int {
	if last := len(l.ranges) - 1; last >= 0 {
		return l.firsts[last] + l.groups[last].Count
	}
	return len(l.macs)
}

// Groups returns the groups. Those of one name are neighbours; names, and models
// within a name, are in the order of the file. They must not be changed.
func (l *List) Groups() []Group { return l.groups }

// Group returns the number of a device's group.
func (l *List) Group(dev device.Index) int {
	if l.ranges == nil {
		return int(l.group[dev])
	}
	after := sort.Search(len(l.firsts), func(i int) bool { return l.firsts[i] > int(dev) })
	return after - 1 // of groups without devices the last one begins where the next does
}

// Place returns how many devices of its group come before a device.
func (l *List) Place(dev device.Index) int {
	first := l.firsts[l.Group(dev)]
	if l.ranges != nil {
		return int(dev) - first
	}
	place, _ := slices.BinarySearch(l.order[first:first+l.groups[l.group[dev]].Count], uint32(dev))
	return place
}

// At returns the n-th device of a fleet whose devices are counted group by group.
func (l *List) At(n int) device.Index {
	if l == nil || l.ranges != nil {
		return device.Index(n)
	}
	return device.Index(l.order[n])
}

// Share returns how many devices of a group belong to a shard.
func (l *List) Share(group int, s device.Shard) int {
	n, first := 0, l.firsts[group]
	if l.ranges != nil {
		return s.Between(first, first+l.groups[group].Count)
	}
	for _, dev := range l.order[first : first+l.groups[group].Count] {
		if s.Has(device.Index(dev)) {
			n++
		}
	}
	return n
}

// Unit returns the identity of a device. Ip is where it lives.
func (l *List) Unit(r *model.Row, seed uint64, dev device.Index, ip netip.Addr) device.Unit {
	if l == nil {
		return device.NewUnit(r, seed, dev, ip)
	}
	if serial := l.Serial(dev); serial != "" {
		return device.Unit{Index: dev, Row: r, MAC: l.MAC(r.Model, seed, dev), Serial: serial, IP: ip}
	}
	u := device.NewUnit(r, seed, dev, ip)
	u.MAC = l.MAC(r.Model, seed, dev)
	return u
}

// MAC returns a device's MAC address.
func (l *List) MAC(m *model.Model, seed uint64, dev device.Index) model.MAC {
	if l == nil {
		return device.MACOf(m, seed, dev)
	}
	if l.ranges == nil {
		return l.macs[dev]
	}
	if g := &l.ranges[l.Group(dev)]; g.MACs.room > 0 {
		return g.MACs.At(g.Skip + l.Place(dev))
	}
	return device.MACOf(m, seed, dev)
}

// Serial returns the serial number that is listed for a device, empty for none.
func (l *List) Serial(dev device.Index) string {
	if l.ranges == nil {
		return l.serials.at(int(dev))
	}
	if g := &l.ranges[l.Group(dev)]; g.Serials.room > 0 {
		return g.Serials.At(g.Skip + l.Place(dev))
	}
	return ""
}

// HasAddresses reports whether the list says where the devices live: then it does so
// for each.
func (l *List) HasAddresses() bool { return l != nil && len(l.addresses) > 0 }

// Address returns where a device of a list that has addresses lives.
func (l *List) Address(dev device.Index) netip.Addr { return netip.AddrFrom4(l.addresses[dev]) }

// AddressRange returns the lowest and the highest address of a list that has addresses.
func (l *List) AddressRange() (lowest, highest netip.Addr) {
	return l.Address(device.Index(l.byAddress[0])), l.Address(device.Index(l.byAddress[len(l.byAddress)-1]))
}

// Device returns the device at an address of the list.
func (l *List) Device(at netip.Addr) (device.Index, bool) {
	if !at.Is4() {
		return 0, false
	}
	want := at.As4()
	i, ok := sort.Find(len(l.byAddress), func(i int) int { return slices.Compare(want[:], l.addresses[l.byAddress[i]][:]) })
	if !ok {
		return 0, false
	}
	return device.Index(l.byAddress[i]), true
}

// Sets reports whether the list sets a parameter of some device.
func (l *List) Sets(name string) bool {
	id, ok := model.LookupID(name)
	return ok && l != nil && slices.Contains(l.params, id)
}

// SetsParams reports whether the list sets parameters at all.
func (l *List) SetsParams() bool { return l != nil && len(l.params) > 0 }

// SetsApart reports whether a device is set to something that others of its group may
// not be set to.
func (l *List) SetsApart(dev device.Index) bool { return l != nil && l.values.Has(int(dev)) }

// Params returns what a device is set to from the start: what the list says of it, over
// the presets of its group.
func (l *List) Params(dev device.Index, presets device.Params) device.Params {
	if !l.SetsApart(dev) {
		return presets
	}
	return l.values.Over(presets, int(dev))
}

// Certificates returns the files of the devices that have their own.
func (l *List) Certificates() []Certificate {
	if l == nil {
		return nil
	}
	return l.files
}

// Size returns how many bytes the list takes, but for the names of certificates.
func (l *List) Size() int {
	if l == nil {
		return 0
	}
	return l.serials.size() + l.values.Size() + len(l.macs)*(len(model.MAC{})+2+4) + len(l.addresses)*8
}

// texts are short texts of many devices, one behind the other.
type texts struct {
	all  []byte
	ends []uint32
}

// set gives the n-th device a text; n is not below those before it.
func (t *texts) set(n int, text string) {
	if text == "" {
		return
	}
	t.fill(n)
	t.all = append(t.all, text...)
	t.ends = append(t.ends, uint32(len(t.all)))
}

// fill gives the devices before the n-th that have none an empty text.
func (t *texts) fill(n int) {
	for len(t.ends) < n {
		t.ends = append(t.ends, uint32(len(t.all)))
	}
}

func (t *texts) at(n int) string {
	if n >= len(t.ends) {
		return ""
	}
	first := uint32(0)
	if n > 0 {
		first = t.ends[n-1]
	}
	return string(t.all[first:t.ends[n]])
}

func (t *texts) clip() { t.all, t.ends = slices.Clone(t.all), slices.Clone(t.ends) }

func (t *texts) size() int { return cap(t.all) + 4*cap(t.ends) }
