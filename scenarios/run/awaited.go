package run

import (
	"slices"

	"spafleet/device"
	"spafleet/device/sip"
	"spafleet/scenarios"
	"spafleet/webui"
)

// shows says by which events an order shows. Other orders show at once, or bring no event.
var shows = map[device.Order][]device.Kind{
	device.SwitchOff: restarts, device.SwitchOn: restarts, device.Reboot: restarts, device.Restart: restarts, device.FactoryReset: restarts,
	device.Resync:  {device.PowerOff, device.Boot, device.ResyncOK, device.ResyncFailed},
	device.Upgrade: {device.PowerOff, device.Boot, device.UpgradeOK, device.UpgradeFailed},
	device.Report:  {device.PowerOff, device.Boot, device.ReportOK, device.ReportFailed},
}

var restarts = []device.Kind{device.PowerOff, device.PowerOn, device.Boot}

// showsOf says by which events a step shows in its devices: those of its order, or, of a
// NOTIFY, that they refuse it. Nil: at once, or not at all.
func showsOf(s *scenarios.Step) []device.Kind {
	switch s.Action {
	case "web":
		return shows[webui.Ordered(s.Visit.Path)]
	case "notify":
		kinds := shows[sip.Ordered(s.Notify.Event)]
		if kinds == nil {
			return nil
		}
		kinds = append(slices.Clone(kinds), device.NotifyFailed)
		if s.Notify.Auth == "none" {
			kinds = append(kinds, device.NotifyChallenged)
		}
		return kinds
	}
	return shows[orders[s.Action]]
}

// An aside is the devices that the step which an expectation begins with acts on,
// before this shows in their events. Until then a device is as it was before the step:
// a phone that has synced before its power is cut has not synced after it.
type aside struct {
	shows   []device.Kind
	devices map[device.Index]bool
}

// await leaves devices aside until what the step does to them shows.
func (t *tracked) await(s *scenarios.Step, devices []device.Index) {
	kinds := showsOf(s)
	if !t.latched || kinds == nil {
		return
	}
	t.aside = aside{kinds, make(map[device.Index]bool, len(devices))}
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
