package device

import (
	"net/netip"

	"spafleet/device/model"
)

// An Order is what a command asks for.
type Order uint8

const (
	Resync Order = iota + 1
	Upgrade
	Reboot
	Restart
	FactoryReset
	Report
	SetParams
	HookOff
	HookOn
	SwitchOn
	SwitchOff
	Customize    // remote customization, of a device that has it before it
	Fetch        // of the next file beside profile and image that the device wants
	Refuse       // nothing: its web server refused what Argument says
	Install      // the image that was sent to its web server, see [Upload]
	SetDirectory // entries of its personal directory, see [Directory.Edit]
	RingTone     // a ring tone is fetched that Argument names
	UpdateCA     // an authority is fetched that Argument names, or the device's own rule
	XMLService   // an XML application is fetched that Argument names
)

// String returns the order's name.
func (o Order) String() string {
	return [...]string{"", "resync", "upgrade", "reboot", "restart", "factory_reset", "report", "set", "off_hook", "on_hook", "power_on", "power_off", "customize", "fetch", "refused", "install", "directory", "ring_tone", "update_ca", "xml_service"}[o]
}

// A Command asks a device to do something. Web pages, keypad, SIP, scenarios and
// programs all speak to devices by commands alone.
//
// SwitchOff, Reboot, Restart and FactoryReset cancel what the device is doing;
// the other orders wait for its end.
type Command struct {
	Order Order
	Cause model.Cause
	// Argument is what stood behind the ? of the command's URL, already
	// percent-decoded: [options] [scheme://][host[:port]][/path]. Empty: the
	// device's own rules. Of SetParams and Refuse it is for the event alone: names, what
	// was refused. Of Install it is an Upload, of SetDirectory what Entries returns.
	Argument  string
	Requester netip.Addr // default host of Argument: who asked
	Sets      []Set      // of SetParams
}

// A Reason says why a device restarted, with the code that real ones log
// (provisioning.md §2.6: field).
type Reason uint8

const (
	ByPower Reason = iota + 1
	ByParams
	ByUpgradeOK
	ByUpgradeFailed
	ByWebReboot
	ByIVRReboot
	ByNotifyReboot
	ByStepReboot
	ByReset // factory reset
	ByCustomization
	ByDictionary // a phone has stored another one
	ByLease      // the lease is over
	ByAddress    // the lease has another address
)

var reasons = [...]struct{ name, code, word string }{
	{}, {"power", "H0", ""}, {"params", "W4", "Provisioning"}, {"upgrade_ok", "C8", "Upgrade"}, {"upgrade_failed", "C80", "Upgrade"},
	{"web", "C10", "User Triggered"}, {"ivr", "C10", "User Triggered"}, {"notify", "C40", "SIP Triggered"}, {"step", "C10", "User Triggered"},
	{"factory_reset", "C10", "Factory Reset"},
	{"customization", "W400000", "Provisioning"}, // the number: field; the letter: inferred
	{"dictionary", "C10", "Dict Download"},       // the word: texts of 7.6.2f (field); the code: inferred
	{"lease", "C1", "DHCP Failed"},               // the number and the word: field; the letter: inferred
	{"address", "W7372092b", "IP Changed"},       // likewise
}

// String returns the reason as metrics name it.
func (r Reason) String() string { return reasons[r].name }

// Code returns the letter and hexadecimal code of the boot line.
func (r Reason) Code() string { return reasons[r].code }

// word returns what the Reboot History of 5xx phones says (texts of 7.6.2f: field;
// which belongs to which reboot: inferred), "" for a return of power, of which no
// text speaks.
func (r Reason) word() string { return reasons[r].word }
