// Package syslog is the form of the devices' log lines: which number stands in front
// of one, which server gets it at which Debug_Level, and what a datagram of it is.
// Begin with [Priority] and [Form]; [Message] is what they say of SIP.
//
// Numbers and levels were read in the images of SPA30x/50x 7.5.2b and 7.6.2f
// (surface-2.md §4.7); that other firmware has the same is inferred.
package syslog

import (
	"strconv"
	"strings"
)

// A Priority is a line's facility and severity in one number, as syslog has it:
// eight times the facility, and the severity.
type Priority uint8

// The priorities of the devices' lines.
const (
	Assert       Priority = 0<<3 | 3  // a failure inside the firmware
	Info         Priority = 16<<3 | 6 // what Syslog_Server gets
	Network      Priority = 17<<3 | 7 // from Debug_Level 1 on
	SIP          Priority = 18<<3 | 7 // from Debug_Level 2 on
	Provisioning Priority = 19<<3 | 7 // at Debug_Level 3
	Text         Priority = 20<<3 | 7 // texts of SIP messages: no number, at any Debug_Level
)

// Facility returns the number of the line's source.
func (p Priority) Facility() int { return int(p >> 3) }

// Severity returns how grave the line is: 7 is the least.
func (p Priority) Severity() int { return int(p & 7) }

// DebugOnly reports whether only Debug_Server gets the line. Others go to both.
func (p Priority) DebugOnly() bool { return p.Severity() == 7 }

// At reports whether the line is sent at a Debug_Level.
func (p Priority) At(level int) bool {
	switch {
	case !p.DebugOnly() || p == Text:
		return true
	case level <= 0:
		return false
	}
	return level >= 3 || p.Facility() <= 16+level
}

// A Line is one line and its priority. It may hold line feeds.
type Line struct {
	Priority
	Text string
}

// A Form is what a firmware puts around a line.
type Form struct {
	Priority int  // the number in front of Info; -1: no line has a number
	LineFeed bool // it ends a line
}

// Append adds a line's datagram: the number in angle brackets, then the text, without
// time or host name.
func (f Form) Append(b []byte, l Line) []byte {
	if l.Priority == Text {
		return append(b, l.Text...)
	}
	number := int(l.Priority)
	if l.Priority == Info {
		number = f.Priority
	}
	if f.Priority >= 0 {
		b = append(b, '<')
		b = strconv.AppendInt(b, int64(number), 10)
		b = append(b, '>')
	}
	b = append(b, l.Text...)
	if f.LineFeed {
		b = append(b, '\n')
	}
	return b
}

// Port is where a server listens that is named without a port.
const Port = 514

// SplitServer reads Syslog_Server or Debug_Server: host[:port]. It reports false where
// what stands for the port is none.
func SplitServer(server string) (host string, port uint16, ok bool) {
	host, text, has := strings.Cut(strings.TrimSpace(server), ":")
	if !has {
		return host, Port, true
	}
	n, err := strconv.ParseUint(text, 10, 16)
	return host, uint16(n), err == nil
}
