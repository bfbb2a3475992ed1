package device

import (
	"cmp"
	"net/netip"
	"strconv"

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
	Registered    int            // lines that are registered
	Lines         []registration // lines that have tried to register since the boot
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

// A registration is how a line stands with its server.
type registration struct {
	Line       int // from 1
	Registered bool
	Last, Next int64 // fleet times of the last REGISTER that was granted and of the next one, 0 for none
}

// Line adds how a line stands: whether it is registered, and the fleet times of the last REGISTER
// that was granted and of the next one, 0 for none.
func (v *View) Line(number int, registered bool, last, next int64) {
	v.Lines = append(v.Lines, registration{number, registered, last, next})
}

// registration returns how a line stands, from 1.
func (v *View) registration(line int) registration {
	for _, r := range v.Lines {
		if r.Line == line {
			return r
		}
	}
	return registration{Line: line}
}

// registeredAt returns the times of a line's last REGISTER and of its next, as pages have
// them: the second in seconds with a unit behind. Empty: there is none.
func (v *View) registeredAt(line int, unit string) (last, next string) {
	r := v.registration(line)
	if r.Last != 0 {
		last = v.Params.Clock().Local(r.Last).Format("1/2/2006 15:04:05")
	}
	if r.Next != 0 {
		next = strconv.FormatInt(max(r.Next-v.Now, 0)/1e9, 10) + unit
	}
	return last, next
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
