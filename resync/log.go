package resync

import (
	"strconv"

	"spafleet/device"
	"spafleet/device/model"
	"spafleet/device/rule"
	"spafleet/device/syslog"
)

// Texts of $ERR (provisioning.md §7.1: strings of a late firmware, which
// situation has which is inferred; corrupt file and http_get failed documented).
const (
	errNotFound   = "file not found"
	errCorrupt    = "corrupt file"
	errDecrypt    = "file decrypt error"
	errDNS        = "DNS resolution"
	errRestricted = "Invalid or restricted server"
	errBackoff    = "backoff"
	errLoop       = "infinite upgrade loop condition"
	errTooBig     = "file size exceeds internal buffer"
)

// setErr sets $ERR for the log message that follows.
func (a *attempt) setErr(text string) {
	place := device.Transfer{}
	if a.situation.Place != nil {
		place = *a.situation.Place
	}
	place.Err = text
	a.situation.Place = &place
}

// log expands a message template and sends it to the syslog server. An empty
// template is no message (documented).
func (a *attempt) log(template string) {
	text := a.lookup(template)
	if text == "" || !Logs(a.params) {
		return
	}
	text = a.expand(text)
	a.line(syslog.Info, text)
	a.line(syslog.Provisioning, "FMM >>>> "+text)
}

// line sends a line to the servers that get those of its priority.
func (a *attempt) line(p syslog.Priority, text string) {
	if Sends(a.in.Unit.Row, a.params, p) {
		a.tell(device.Event{Kind: device.Syslog, Log: p, Text: text})
	}
}

// say sends lines to the syslog server that no parameter holds.
func (a *attempt) say(lines []string) {
	for _, text := range lines {
		a.line(syslog.Info, text)
	}
}

// sayRule sends the text of a rule that is evaluated now, with its macros expanded. Keys
// and passwords in it are left out: whether the firmware does so is not known.
func (a *attempt) sayRule(text string) {
	if a.in.Unit.Row.Behaviour.Syslog.All && Logs(a.params) {
		a.line(syslog.Info, "resync rule:  "+rule.WithoutKeys(a.expand(text)))
	}
}

// hasTexts reports whether the firmware is like 7.5.2b and 7.6.2f, whose texts some lines
// are; older firmware is not known to have them.
func (a *attempt) hasTexts() bool { return a.in.Unit.Row.Generation == 3 }

// sayOption sends the option of the lease that names the server of a URL without one.
func (a *attempt) sayOption(l line, d rule.Decision) {
	byLease := d.URL.Host == "" && !(l.command && a.in.Command.Requester.IsValid())
	if !byLease || !a.hasTexts() || !Sends(a.in.Unit.Row, a.params, syslog.Provisioning) {
		return
	}
	if o, ok := a.offered(); ok && o.option != 0 {
		a.line(syslog.Provisioning, "dhcp opt "+strconv.Itoa(int(o.option))+": \""+a.in.Lease.text(o.option)+"\"")
		a.line(syslog.Provisioning, "Resync using DHCP supplied options")
	}
}

// late returns a text of the late firmware, or the plain one where a row knows
// only the documented two (Q15).
func (s *scope) late(text, plain string) string {
	if s.in.Unit.Row.Behaviour.PlainErrTexts {
		return plain
	}
	return text
}

func getFailed(scheme string) string { return scheme + "_get failed" }

// Logs reports whether a device has anywhere to send log lines.
func Logs(p device.Params) bool {
	syslog, _ := p.Lookup("Syslog_Server")
	debug, _ := p.Lookup("Debug_Server")
	return syslog != "" || debug != ""
}

// Sends reports whether a device sends lines of a priority to any server.
func Sends(r *model.Row, p device.Params, line syslog.Priority) bool {
	if !line.DebugOnly() {
		return Logs(p)
	}
	debug, _ := p.Lookup("Debug_Server")
	if debug == "" {
		return false
	}
	if line == syslog.Text {
		return true
	}
	text, _ := p.Lookup("Debug_Level")
	level, _ := strconv.Atoi(text)
	return r.Behaviour.Syslog.All && line.At(level)
}
