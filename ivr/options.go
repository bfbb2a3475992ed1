package ivr

import (
	"cmp"
	"slices"
	"strings"

	"spafleet/device"
	"spafleet/device/model"
	"spafleet/device/profile"
)

// An Option is one entry of the menu.
type Option struct {
	Code     string // the number to dial before pound
	What     string
	Evidence model.Evidence
}

// Options returns the options of a model in the order of their table, none where
// the model has no menu.
func Options(m *model.Model) []Option {
	var options []Option
	for i := range items {
		it := &items[i]
		known := slices.ContainsFunc(options, func(o Option) bool { return o.Code == it.Code })
		if Has(m) && !known && it.fits(m) {
			options = append(options, it.Option)
		}
	}
	return options
}

// models is a set of groups of models.
type models uint8

const (
	ata      models = 1 << iota
	router          // ATAs and gateways with a LAN and a WAN side
	pbx             // SPA9000
	phone9xx        // SPA901
	phone30x        // SPA301
	phone50x        // SPA501G
	ata1xx          // SPA112, SPA122, SPA232D

	routers = router | pbx
	phones  = phone9xx | phone30x | phone50x
	cisco   = phone30x | phone50x
	all     = ata | routers | phones | ata1xx
)

func groupOf(m *model.Model) models {
	switch {
	case m.Family.Name == "IP PBX":
		return pbx
	case m.Family.Name == "SPA100":
		return ata1xx
	case m.Family.Router:
		return router
	case m.Family.Name == "phone 9xx":
		return phone9xx
	case !m.Family.Phone:
		return ata
	case strings.HasPrefix(m.Name, "SPA30"):
		return phone30x
	}
	return phone50x
}

// effect is what an option does.
type effect uint8

const (
	speaks effect = iota
	sets
	reboots
	resetsAll
	resetsUser
	helps
)

// An item is an option, the models that have it, and what it does. If several rows
// of one code fit a model, the first counts.
type item struct {
	Option
	models  models
	does    effect
	param   string                   // parameter spoken or set; a model without it lacks the option
	value   func(device.View) string // what is spoken, where it is no parameter
	values  []string                 // what the digits from 0 stand for; nil: an address is typed
	names   []string                 // how the values are spoken; nil: as they are
	part    int                      // of the parameter's value, from 1, where colons part it; 0: all of it
	guarded bool                     // refused while DHCP is on
}

var (
	noYes      = []string{"No", "Yes"}
	leaseOrNot = []string{"Static IP", "DHCP"}
	wanTypes   = []string{"DHCP", "Static IP", "PPPOE"} // device-surface.md §3.1, 101: inferred
	offOn      = []string{"0", "1"}
)

// The SPA1xx has its network settings in the router half. That the options which all
// models have are there too is inferred.
const (
	router1xx     = "router-configuration/"
	connection1xx = router1xx + "WAN_Interface/WAN_Connection_Type"
	dhcp1xx       = "dh"
	static1xx     = router1xx + "WAN_Interface/WAN_Static_IP_NET" // address, netmask and gateway
	addressParts  = 3
	dns1xx        = router1xx + "Internet_Option/DNS"
	management1xx = router1xx + "Web_Management/"
)

var types1xx = []string{dhcp1xx, "st", "pp"}

const (
	inferred   = model.Inferred
	field      = model.Field
	documented = model.Documented
)

// items is the menu (device-surface.md §3.1). Codes that are not here are invalid
// options. Of 181 and 251 only the address can be typed, since how a port is
// typed is unknown.
var items = []item{
	{Option: Option{"100", "DHCP", field}, models: ata | phones, param: "DHCP"},
	{Option: Option{"100", "Connection type", field}, models: ata | phones, param: "Connection_Type"},
	{Option: Option{"100", "Connection type", inferred}, models: routers, param: "Connection_Type"},
	{Option: Option{"101", "DHCP", inferred}, models: ata | phones, does: sets, param: "DHCP", values: noYes},
	{Option: Option{"101", "Connection type", inferred}, models: ata | phones, does: sets, param: "Connection_Type", values: leaseOrNot},
	{Option: Option{"101", "Connection type", inferred}, models: routers, does: sets, param: "Connection_Type", values: wanTypes},
	{Option: Option{"100", "Connection type", inferred}, models: ata1xx, param: connection1xx, values: types1xx, names: wanTypes},
	{Option: Option{"101", "Connection type", inferred}, models: ata1xx, does: sets, param: connection1xx, values: types1xx, names: wanTypes},
	{Option: Option{"110", "IP address", field}, models: all, value: func(v device.View) string { return v.Unit.IP.String() }},
	{Option: Option{"111", "IP address", field}, models: all, does: sets, param: "Static_IP", guarded: true},
	{Option: Option{"111", "IP address", inferred}, models: ata1xx, does: sets, param: static1xx, part: 1, guarded: true},
	{Option: Option{"120", "Netmask", field}, models: all, param: "NetMask"},
	{Option: Option{"120", "Netmask", inferred}, models: ata1xx, param: static1xx, part: 2},
	{Option: Option{"121", "Netmask", field}, models: all, does: sets, param: "NetMask", guarded: true},
	{Option: Option{"121", "Netmask", inferred}, models: ata1xx, does: sets, param: static1xx, part: 2, guarded: true},
	{Option: Option{"130", "Gateway", field}, models: all, param: "Gateway"},
	{Option: Option{"130", "Gateway", inferred}, models: ata1xx, param: static1xx, part: 3},
	{Option: Option{"131", "Gateway", field}, models: all, does: sets, param: "Gateway", guarded: true},
	{Option: Option{"131", "Gateway", inferred}, models: ata1xx, does: sets, param: static1xx, part: 3, guarded: true},
	{Option: Option{"140", "MAC address", field}, models: all, value: func(v device.View) string { return v.Unit.MAC.Upper() }},
	{Option: Option{"150", "Firmware version", field}, models: all, value: func(v device.View) string { return v.Unit.Row.Firmware.Version }},
	{Option: Option{"160", "Primary DNS", field}, models: all, param: "Primary_DNS"},
	{Option: Option{"160", "Primary DNS", inferred}, models: ata1xx, param: dns1xx},
	{Option: Option{"161", "Primary DNS", field}, models: all, does: sets, param: "Primary_DNS"},
	{Option: Option{"161", "Primary DNS", inferred}, models: ata1xx, does: sets, param: dns1xx},
	{Option: Option{"170", "Web server port", field}, models: all, param: "Web_Server_Port"},
	{Option: Option{"170", "Web server port", field}, models: all, param: "WAN_Web_Server_Port"},
	{Option: Option{"170", "Web server port on the WAN side", inferred}, models: ata1xx, param: management1xx + "Remote_Management_Port"},
	{Option: Option{"180", "Multicast address", field}, models: pbx | phone9xx | phone50x, param: "Multicast_Address"},
	{Option: Option{"181", "Multicast address", inferred}, models: pbx | phone9xx | phone50x, does: sets, param: "Multicast_Address"},
	{Option: Option{"190", "Extension", inferred}, models: cisco, value: extension},
	{Option: Option{"201", "Router or switch mode", inferred}, models: routers, does: sets, param: "Networking_Service", values: []string{"NAT", "Bridge"}},
	{Option: Option{"210", "LAN IP address", inferred}, models: routers, param: "LAN_IP_Address"},
	{Option: Option{"220", "Call control protocol", field}, models: cisco, param: "Signaling_Protocol"},
	{Option: Option{"221", "Call control protocol", inferred}, models: cisco, does: sets, param: "Signaling_Protocol", values: []string{"SIP", "SPCP"}},
	{Option: Option{"230", "CDP", field}, models: cisco, param: "Enable_CDP"},
	{Option: Option{"231", "CDP", field}, models: cisco, does: sets, param: "Enable_CDP", values: noYes},
	{Option: Option{"240", "SPCP auto detect", field}, models: cisco, param: "SPCP_Auto-detect"},
	{Option: Option{"241", "SPCP auto detect", field}, models: cisco, does: sets, param: "SPCP_Auto-detect", values: noYes},
	{Option: Option{"250", "Debug server", field}, models: cisco, param: "Debug_Server"},
	{Option: Option{"251", "Debug server", inferred}, models: cisco, does: sets, param: "Debug_Server"},
	{Option: Option{"7932", "Web server", field}, models: all, does: sets, param: "Enable_Web_Server", values: noYes},
	{Option: Option{"7932", "Web server on the WAN side", inferred}, models: all, does: sets, param: "Enable_WAN_Web_Server", values: noYes},
	{Option: Option{"7932", "Web server on the WAN side", field}, models: ata1xx, does: sets, param: management1xx + "Web_Remote_Management", values: offOn, names: noYes},
	{Option: Option{"723646", "Web administration", field}, models: cisco, does: sets, param: "Enable_Web_Admin_Access", values: noYes},
	{Option: Option{"723646", "Web administration", inferred}, models: ata | routers | phone9xx | ata1xx, does: sets, param: "Enable_Web_Admin_Access", values: noYes},
	{Option: Option{"732668", "Reboot", field}, models: all, does: reboots},
	{Option: Option{"73738", "Factory reset", documented}, models: all, does: resetsAll},
	{Option: Option{"877778", "User settings reset", field}, models: all, does: resetsUser},
	{Option: Option{"9", "Help", field}, models: cisco, does: helps},
}

// find returns the option of that number, nil where the model has none.
func find(v device.View, code string) *item {
	for i := range items {
		if items[i].Code == code && items[i].fits(v.Unit.Row.Model) {
			return &items[i]
		}
	}
	return nil
}

func (i *item) fits(m *model.Model) bool {
	if i.models&groupOf(m) == 0 {
		return false
	}
	_, ok := m.Factory().Lookup(i.param)
	return ok || i.param == ""
}

// users reports whether the user may write what the option sets.
func (i *item) users(v device.View) bool {
	p, ok := v.Unit.Row.Factory.Lookup(i.param)
	return ok && v.Params.Access(p.ID) == profile.ReadWrite
}

// named returns how a value of the option is spoken.
func (i *item) named(value string) string {
	if at := slices.Index(i.values, value); at >= 0 && i.names != nil {
		return i.names[at]
	}
	return value
}

// within returns a parameter's value with the option's part of it replaced.
func (i *item) within(whole, value string) string {
	if i.part == 0 {
		return value
	}
	parts := strings.SplitN(whole+"::", ":", addressParts+1)[:addressParts]
	parts[i.part-1] = value
	for n := range parts {
		parts[n] = cmp.Or(parts[n], "0.0.0.0")
	}
	return strings.Join(parts, ":")
}

// speak returns what an option says. The netmask and gateway of a lease are not
// known here; the static ones are spoken.
func (i *item) speak(v device.View) string {
	var value string
	if i.value != nil {
		value = i.value(v)
	} else {
		value, _ = v.Params.Lookup(i.param)
		if parts := strings.Split(value, ":"); 0 < i.part && i.part <= len(parts) {
			value = parts[i.part-1]
		}
		value = i.named(value)
	}
	if value == "" {
		value = nothing
	}
	return i.What + " " + value + "."
}

// extension is the first line's, whether or not it is registered: the menu does
// not see that (inferred).
func extension(v device.View) string {
	id, _ := v.Params.Lookup("User_ID_1_")
	if id == "" {
		return "not registered"
	}
	return id
}

func helpText(v device.View) string {
	var words []string
	for _, o := range Options(v.Unit.Row.Model) {
		words = append(words, o.Code+" "+o.What)
	}
	return strings.Join(words, ", ") + "."
}

// userSets returns the user's settings to the factory: what the user's login may
// write and is not as the factory made it.
func userSets(v device.View) []device.Set {
	var changes []device.Set
	for id := range v.Params.Differing() {
		p, ok := v.Unit.Row.Factory.Param(id)
		if ok && v.Params.Access(id) == profile.ReadWrite && v.Params.Get(id) != p.Default {
			changes = append(changes, device.Set{ID: id, Value: p.Default, Has: true})
		}
	}
	return changes
}

// letters are the keys of A to Z; a phone has them so (documented).
const letters = "22233344455566677778889999"

// onKeypad returns the key that bears a letter, whatever its case; other signs are
// what they are.
func onKeypad(c byte) byte {
	if lower := c | 0x20; 'a' <= lower && lower <= 'z' {
		return letters[lower-'a']
	}
	return c
}

// keypad returns the keys by which a password is typed: signs that are neither letter
// nor digit as 0 (documented).
func keypad(password string) string {
	keys := []byte(password)
	for i, c := range keys {
		if keys[i] = onKeypad(c); !isDigit(keys[i]) {
			keys[i] = '0'
		}
	}
	return string(keys)
}
