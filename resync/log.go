package resync

import (
	"strconv"

	"spafleet/device"
	"spafleet/device/model"
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
	if !Logs(a.params) {
		return
	}
	text := a.template(template)
	if text == "" {
		return
	}
	a.tell(device.Event{Kind: device.Syslog, Text: a.expand(text)})
}

// say sends lines to the syslog server that no parameter holds.
func (a *attempt) say(lines []string) {
	if !Logs(a.params) {
		return
	}
	for _, text := range lines {
		a.tell(device.Event{Kind: device.Syslog, Text: text})
	}
}

// template returns a log template. Guides print the factory's success message with
// an ending that no dump of a device has (field).
func (a *attempt) template(name string) string {
	text := a.lookup(name)
	if name != "Log_Resync_Success_Msg" || !a.in.Unit.Row.Behaviour.SuccessErr {
		return text
	}
	if factory, _ := a.in.Unit.Row.Factory.Lookup(name); text == factory.Default {
		text += " -- $ERR"
	}
	return text
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

// LogLine returns a syslog datagram: the number in angle brackets, then the
// text, without time or host (images of 7.5.2b and 7.6.2f), and a line feed where the
// firmware is known to send one.
func LogLine(r *model.Row, text string) []byte {
	line := make([]byte, 0, len(text)+6)
	if p := r.Behaviour.Syslog.Priority; p >= 0 {
		line = append(line, '<')
		line = strconv.AppendInt(line, int64(p), 10)
		line = append(line, '>')
	}
	line = append(line, text...)
	if r.Behaviour.Syslog.LineFeed {
		line = append(line, '\n')
	}
	return line
}
