package ivr

import (
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

	routers = router | pbx
	phones  = phone9xx | phone30x | phone50x
	cisco   = phone30x | phone50x
	all     = ata | routers | phones
)

func groupOf(m *model.Model) models {
	switch {
	case m.Family.Name == "IP PBX":
		return pbx
	case m.Family.Router:
		return router
	case m.Family.Name == "phone 9xx":
		return phone9xx
	case strings.HasPrefix(m.Name, "SPA30"):
		return phone30x
	case m.Family.Phone:
		return phone50x
	}
	return ata
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
	guarded bool                     // refused while DHCP is on
}

var (
	noYes      = []string{"No", "Yes"}
	leaseOrNot = []string{"Static IP", "DHCP"}
	wanTypes   = []string{"DHCP", "Static IP", "PPPOE"} // device-surface.md §3.1, 101: inferred
)

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
	{Option: Option{"110", "IP address", field}, models: all, value: func(v device.View) string { return v.Unit.IP.String() }},
	{Option: Option{"111", "IP address", field}, models: all, does: sets, param: "Static_IP", guarded: true},
	{Option: Option{"120", "Netmask", field}, models: all, param: "NetMask"},
	{Option: Option{"121", "Netmask", field}, models: all, does: sets, param: "NetMask", guarded: true},
	{Option: Option{"130", "Gateway", field}, models: all, param: "Gateway"},
	{Option: Option{"131", "Gateway", field}, models: all, does: sets, param: "Gateway", guarded: true},
	{Option: Option{"140", "MAC address", field}, models: all, value: func(v device.View) string { return v.Unit.MAC.Upper() }},
	{Option: Option{"150", "Firmware version", field}, models: all, value: func(v device.View) string { return v.Unit.Row.Firmware.Version }},
	{Option: Option{"160", "Primary DNS", field}, models: all, param: "Primary_DNS"},
	{Option: Option{"161", "Primary DNS", field}, models: all, does: sets, param: "Primary_DNS"},
	{Option: Option{"170", "Web server port", field}, models: all, param: "Web_Server_Port"},
	{Option: Option{"170", "Web server port", field}, models: all, param: "WAN_Web_Server_Port"},
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
	{Option: Option{"723646", "Web administration", field}, models: cisco, does: sets, param: "Enable_Web_Admin_Access", values: noYes},
	{Option: Option{"723646", "Web administration", inferred}, models: ata | routers | phone9xx, does: sets, param: "Enable_Web_Admin_Access", values: noYes},
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

// locked reports whether Admin_Passwd guards an option: all that set and reset,
// but not the reboot (device-surface.md §3.2: inferred from flags in the image).
func (i *item) locked() bool { return i.does == sets || i.does == resetsAll || i.does == resetsUser }

// speak returns what an option says. The netmask and gateway of a lease are not
// known here; the static ones are spoken.
func (i *item) speak(v device.View) string {
	var value string
	if i.value != nil {
		value = i.value(v)
	} else {
		value, _ = v.Params.Lookup(i.param)
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

// keypad returns the keys by which a password is typed: letters by the key that
// bears them, whatever their case, other signs as 0 (documented).
func keypad(password string) string {
	keys := []byte(password)
	for i, c := range keys {
		switch lower := c | 0x20; {
		case 'a' <= lower && lower <= 'z':
			keys[i] = letters[lower-'a']
		case !isDigit(c):
			keys[i] = '0'
		}
	}
	return string(keys)
}
