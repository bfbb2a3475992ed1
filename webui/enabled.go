package webui

import (
	"strconv"

	"spafleet/device"
)

// enabled reports whether a device's web server takes connections at all:
// Enable_Web_Server where the model has it, Enable_WAN_Web_Server for routers
// asked from outside (device-surface.md §1.6: documented; that a closed server
// refuses: inferred).
func (s *Site) enabled(v device.View) bool {
	if !v.Answers() {
		return false
	}
	enable, port := "Enable_Web_Server", "Web_Server_Port"
	open := true
	if s.WAN && v.Unit.Row.Model.Family.Name == "SPA100" { // an SPA112 has one side, which is open (surface-2.md §1.5: documented)
		enable, port, open = "router-configuration/Web_Management/Web_Remote_Management", "router-configuration/Web_Management/Remote_Management_Port", false
		if v.Unit.Row.Model.Name == "SPA112" {
			enable, open = "", true
		}
		return v.Params.Bool(enable, open) && (s.Port == 0 || s.Port == portOf(v.Params, port))
	}
	if s.WAN && v.Unit.Row.Model.Family.Router {
		enable, port, open = "Enable_WAN_Web_Server", "WAN_Web_Server_Port", false
	}
	return v.Params.Bool(enable, open) && (s.Port == 0 || s.Port == portOf(v.Params, port))
}

// portOf reads a port parameter; a model that lacks it listens on 80.
func portOf(p device.Params, name string) uint16 {
	v, _ := p.Lookup(name)
	n, err := strconv.ParseUint(v, 10, 16)
	if err != nil {
		return 80
	}
	return uint16(n)
}
