package syslog_test

import (
	"fmt"
	"testing"

	gosyslog "github.com/leodido/go-syslog/v4"
	"github.com/leodido/go-syslog/v4/rfc3164"

	"spafleet/device/syslog"
)

var image = syslog.Form{Priority: 134, LineFeed: true} // that of 7.5.2b

// Each line as its datagram, and as a parser of RFC 3164 reads its number. See device-surface.md §7 and surface-2.md §4.7.
func TestDatagramOfALine(t *testing.T) {
	tests := []struct {
		line syslog.Line
		want string
	}{
		{syslog.Line{syslog.Info, "System started: ip@192.0.2.15, reboot reason:C4"}, "<134>System started: ip@192.0.2.15, reboot reason:C4\n"},
		{syslog.Line{syslog.Network, "\tsubnet mask:\t255.255.255.0"}, "<143>\tsubnet mask:\t255.255.255.0\n"},
		{syslog.Line{syslog.SIP, "[0]UnRegOK"}, "<151>[0]UnRegOK\n"},
		{syslog.Line{syslog.Provisioning, "PRV ec=0"}, "<159>PRV ec=0\n"},
		{syslog.Line{syslog.Assert, "assert"}, "<3>assert\n"},
		{syslog.Line{syslog.Info, ""}, "<134>\n"},
	}
	for _, tt := range tests {
		got := string(image.Append(nil, tt.line))
		if got != tt.want {
			t.Errorf("%q: datagram %q, want %q", tt.line.Text, got, tt.want)
		}
		facility, severity, err := read(got)
		if err != nil || facility != tt.line.Facility() || severity != tt.line.Severity() {
			t.Errorf("%q is read as facility %d, severity %d (%v), want %d and %d", got, facility, severity, err, tt.line.Facility(), tt.line.Severity())
		}
	}
	raw := "OPTIONS sip:a SIP/2.0\r\n\r\n"
	if got := string(image.Append(nil, syslog.Line{syslog.Text, raw})); got != raw {
		t.Errorf("a SIP text is %q, want it as it is", got)
	}
}

// read takes a datagram's number as RFC 3164 has it. The parser's complaint that no time
// follows is right: devices send none.
func read(datagram string) (facility, severity int, err error) {
	m, complaint := rfc3164.NewParser(rfc3164.WithBestEffort()).Parse([]byte(datagram))
	r, ok := m.(*rfc3164.SyslogMessage)
	if !ok || r.Facility == nil || r.Severity == nil {
		return 0, 0, fmt.Errorf("no number: %w", complaint)
	}
	var _ gosyslog.Message = r
	return int(*r.Facility), int(*r.Severity), nil
}

// See device-surface.md §7 and surface-2.md §4.7.
func TestLevelsOfDebugLevel(t *testing.T) {
	tests := []struct {
		p  syslog.Priority
		at [4]bool // Debug_Level 0 to 3
	}{
		{syslog.Info, [4]bool{true, true, true, true}},
		{syslog.Assert, [4]bool{true, true, true, true}},
		{syslog.Text, [4]bool{true, true, true, true}},
		{syslog.Network, [4]bool{false, true, true, true}},
		{syslog.SIP, [4]bool{false, false, true, true}},
		{syslog.Provisioning, [4]bool{false, false, false, true}},
	}
	for _, tt := range tests {
		for level, want := range tt.at {
			if got := tt.p.At(level); got != want {
				t.Errorf("facility %d at level %d: %t", tt.p.Facility(), level, got)
			}
		}
		if only := tt.p.DebugOnly(); only != (tt.p.Severity() == 7) {
			t.Errorf("facility %d, severity %d: for Debug_Server alone: %t", tt.p.Facility(), tt.p.Severity(), only)
		}
	}
}

func TestServersOfLogLines(t *testing.T) {
	tests := []struct {
		text, host string
		port       uint16
		ok         bool
	}{
		{"log.example", "log.example", 514, true},
		{" 192.0.2.1:1514 ", "192.0.2.1", 1514, true},
		{"192.0.2.1:port", "192.0.2.1", 0, false},
		{"192.0.2.1:65536", "192.0.2.1", 0, false},
	}
	for _, tt := range tests {
		if host, port, ok := syslog.SplitServer(tt.text); host != tt.host || ok != tt.ok || ok && port != tt.port {
			t.Errorf("%q: %s, %d, %t", tt.text, host, port, ok)
		}
	}
}
