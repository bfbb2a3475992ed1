package run

import (
	"slices"

	"spafleet/device"
)

// shows says by which events the actions of steps show. Other actions show at once, or
// bring no event.
var shows = map[string][]device.Kind{
	"power_off": {device.PowerOff, device.PowerOn, device.Boot}, "power_on": {device.PowerOff, device.PowerOn, device.Boot},
	"reboot": {device.PowerOff, device.PowerOn, device.Boot}, "factory_reset": {device.PowerOff, device.PowerOn, device.Boot},
	"resync":  {device.PowerOff, device.Boot, device.ResyncOK, device.ResyncFailed},
	"upgrade": {device.PowerOff, device.Boot, device.UpgradeOK, device.UpgradeFailed},
	"report":  {device.PowerOff, device.Boot, device.ReportOK, device.ReportFailed},
}

// An aside is the devices that the step which an expectation begins with acts on,
// before this shows in their events. Until then a device is as it was before the step:
// a phone that has synced before its power is cut has not synced after it.
type aside struct {
	shows   []device.Kind
	devices map[device.Index]bool
}

// await leaves devices aside until what the step does to them shows.
func (t *tracked) await(action string, devices []device.Index) {
	if !t.latched || shows[action] == nil {
		return
	}
	t.aside = aside{shows[action], make(map[device.Index]bool, len(devices))}
	for _, dev := range devices {
		t.aside.devices[dev] = true
	}
}

// arrived ends the wait for a device whose event shows what the step did.
func (a *aside) arrived(dev device.Index, kind device.Kind) {
	if a.devices[dev] && slices.Contains(a.shows, kind) {
		delete(a.devices, dev)
	}
}
