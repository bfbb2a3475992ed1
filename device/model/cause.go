package model

// A Cause says what started a resync.
type Cause uint8

const (
	ByPowerOn Cause = iota + 1 // power-on and every reboot
	ByPeriodic
	ByRetry
	ByDaily
	ByTrigger
	ByWeb
	ByNotify
	ByKeypad
	ByUpgrade // after an upgrade attempt
	ByStep    // a story's step, or a program
	ByRC      // remote customization, before a device's first resync
	ByXMLPush // an XML document posted to a phone's web server
	ByChange  // a parameter has another value: of a file beside profile and image
)

// String returns the cause as metrics and logs name it.
func (c Cause) String() string {
	return [...]string{"", "power_on", "periodic", "retry", "daily", "trigger", "web", "notify", "keypad", "upgrade", "step", "rc", "xml_push", "change"}[c]
}
