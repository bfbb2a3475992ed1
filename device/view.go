package device

import (
	"cmp"
	"net/netip"

	"spafleet/device/profile"
	"spafleet/fsm"
)

// A View is a device as a page sees it: a consistent copy, taken without waiting
// for what the device is doing.
type View struct {
	Unit    Unit
	Params  Params
	State   fsm.State
	Proven  bool
	Powered bool
	Booting bool   // has power, and nothing answers yet
	InUse   bool   // a line is off hook
	Booted  int64  // fleet time of the last boot, nanoseconds
	Reason  Reason // of the last boot, or of the one that is under way; 0: none is known
	// Customization is Open, Pending or the company that the unit was customized
	// for; "" is that of a unit that is no RC unit.
	Customization string
	Now           int64 // fleet time of the copy
	Due           int64 // fleet time of its next resync, 0 for none
	Resyncs       struct{ OK, Failed uint32 }
	Directory     Directory // of a phone
	Network       network
}

// A network is what a lease says of the network that the device is in.
type network struct {
	Netmask, Gateway netip.Addr
	DNS              []netip.Addr
	Domain           string
}

// Says returns what a lease says in the place of a parameter, "" for nothing.
func (n network) Says(param string) string {
	var addr netip.Addr
	switch param {
	case "Domain":
		return n.Domain
	case "NetMask":
		addr = n.Netmask
	case "Gateway":
		addr = n.Gateway
	case "Primary_DNS":
		addr = n.dns(0)
	case "Secondary_DNS":
		addr = n.dns(1)
	}
	if !addr.IsValid() {
		return ""
	}
	return addr.String()
}

func (n network) dns(place int) netip.Addr {
	if place >= len(n.DNS) {
		return netip.Addr{}
	}
	return n.DNS[place]
}

// Answers reports whether anything of the device answers: it has power and its
// firmware runs.
func (v View) Answers() bool { return v.Powered && !v.Booting }

// Get returns the value of a parameter by its name, "" where the model lacks it.
func (v View) Get(name string) string {
	value, _ := v.Params.Lookup(name)
	return value
}

// Product returns what a device says of itself on its pages and in its exports
// (field: names and order; the MAC address is in capitals, without colons). The
// product name has the hyphen that the row's switch says.
func (v View) Product() []profile.Element {
	u := &v.Unit
	const group = "Info/Product_Information"
	return []profile.Element{
		{Group: group, Name: "Product_Name", Value: u.Row.PN()},
		{Group: group, Name: "Serial_Number", Value: u.Serial},
		{Group: group, Name: "Software_Version", Value: u.Row.Firmware.Version},
		{Group: group, Name: "Hardware_Version", Value: u.Row.Model.HW.Value},
		{Group: group, Name: "MAC_Address", Value: u.MAC.Upper()},
		{Group: group, Name: "Client_Certificate", Value: u.Certificate()},
		{Group: group, Name: "Customization", Value: cmp.Or(v.Customization, v.Unit.Row.Behaviour.Web.NotCustomized)},
	}
}
