package unit

import (
	"net/netip"
	"strconv"

	"spafleet/device"
	"spafleet/device/syslog"
	"spafleet/resync"
)

// log sends a line to the servers that get those of its priority.
func (t *turn) log(p syslog.Priority, text string) {
	if resync.Sends(t.row(), t.u.params, p) {
		t.emit(device.Event{At: t.now, Kind: device.Syslog, Log: p, Text: text})
	}
}

// logBoot sends the lines of a boot: the first to both servers, mask and gateway to
// Debug_Server alone, and only where they are known.
func (t *turn) logBoot(reason device.Reason) {
	if !resync.Logs(t.u.params) {
		return
	}
	t.log(syslog.Info, "System started: ip@"+t.Address(t.dev).String()+", reboot reason:"+reason.Code())
	lease := t.lease(t.u)
	for _, line := range [...]struct {
		text, param string
		lease       netip.Addr
	}{{"\tsubnet mask:\t", "NetMask", lease.Netmask}, {"\tgateway ip:\t", "Gateway", lease.Gateway}} {
		value, _ := t.u.params.Lookup(line.param)
		if line.lease.IsValid() {
			value = line.lease.String()
		}
		if value != "" {
			t.log(syslog.Network, line.text+value)
		}
	}
}

// logSIP sends what the device's SIP_Debug_Option says of a message of one of its lines. It
// is for a device that logs.
// Debug_Level has no say in it (field), or by switch has one (one guide: documented).
func (t *turn) logSIP(m *syslog.Message) {
	option, _ := t.u.params.Lookup("SIP_Debug_Option_" + strconv.Itoa(m.Line) + "_")
	for _, l := range m.Lines(option, t.row().Behaviour.Syslog.SIPText) {
		t.log(l.Priority, l.Text)
	}
}

// logErrors sends how many attempts in a row have failed now, those of resyncs or of
// upgrades.
func (t *turn) logErrors(what string, count int) {
	t.log(syslog.Provisioning, what+" ec="+strconv.Itoa(count))
}
