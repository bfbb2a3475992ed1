package syslog_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"spafleet/device/syslog"
)

const (
	register = "REGISTER sip:sip.example SIP/2.0\r\nCSeq: 101 REGISTER\r\n\r\n"
	answered = "SIP/2.0 401 Unauthorized\r\nVia: SIP/2.0/UDP 192.0.2.15\r\ncseq : 101  REGISTER\r\n\r\n"
	notify   = "NOTIFY sip:1@192.0.2.15 SIP/2.0\r\nCSeq: 1 NOTIFY\r\n\r\n"
	options  = "OPTIONS sip:1@192.0.2.15 SIP/2.0\r\nCSeq: 1 OPTIONS\r\n\r\n"
	invite   = "INVITE sip:1@192.0.2.15 SIP/2.0\r\nCSeq: 1 INVITE\r\n\r\nv=0\r\n"
)

// The three datagrams of a message that was sent, and of one that came. See surface-2.md §4.7.
func TestLinesOfASIPMessage(t *testing.T) {
	const peer = "192.0.2.1:5060"
	tests := []struct {
		m      syslog.Message
		option string
		want   []string
	}{
		{syslog.Message{true, 1, 5060, peer, []byte(register)}, "full",
			[]string{fmt.Sprintf("<134>[0:5060]->192.0.2.1:5060{%d)\n", len(register)), register, "<134>\n"}},
		{syslog.Message{false, 2, 5061, peer, []byte(answered)}, "full", []string{"<134>[1:5061]<<192.0.2.1:5060\n", answered, "<134>\n"}},
		{syslog.Message{true, 1, 5060, peer, []byte(register)}, "1-line",
			[]string{fmt.Sprintf("<134>[0:5060]->192.0.2.1:5060{%d)\n", len(register)), "<134>REGISTER sip:sip.example SIP/2.0\n\n"}},
		{syslog.Message{false, 1, 5060, peer, []byte(answered)}, "1-line", []string{"<134>[0:5060]<<192.0.2.1:5060\n", "<134>SIP/2.0 401 Unauthorized\n\n"}},
	}
	for _, tt := range tests {
		var got []string
		for _, l := range tt.m.Lines(tt.option, syslog.Text) {
			got = append(got, string(image.Append(nil, l)))
		}
		if !slices.Equal(got, tt.want) {
			t.Errorf("%s of %q: %q, want %q", tt.option, tt.m.Text, got, tt.want)
		}
		// Syslog_Server gets the way of a whole message without the message.
		for _, l := range tt.m.Lines(tt.option, syslog.Text) {
			if l.Text == string(tt.m.Text) && !l.DebugOnly() {
				t.Errorf("%s: Syslog_Server gets the message", tt.option)
			}
		}
	}
}

// Which messages each value of SIP_Debug_Option leaves out. See surface-2.md §4.7.
func TestValuesOfSIPDebugOption(t *testing.T) {
	texts := []struct{ word, text string }{{"OPT", options}, {"NTFY", notify}, {"REG", register}, {"REG", answered}, {"", invite}}
	for _, option := range []string{"", "none", "3-line", "1-line", "1-line excl. OPT", "1-line excl. NTFY", "1-line excl. REG", "1-line excl. OPT|NTFY|REG",
		"full", "full excl. OPT", "full excl. NTFY", "full excl. REG", "full excl. OPT|NTFY|REG"} {
		amount, excluded, _ := strings.Cut(option, " excl. ")
		for _, tt := range texts {
			m := syslog.Message{Line: 1, Text: []byte(tt.text)}
			want := map[string]int{"1-line": 2, "full": 3}[amount]
			if tt.word != "" && strings.Contains(excluded, tt.word) {
				want = 0
			}
			if got := len(m.Lines(option, syslog.Text)); got != want {
				t.Errorf("%q: %d lines of %q, want %d", option, got, tt.text, want)
			}
		}
	}
}

// Whatever a message is, it has its lines, and a short one a short first line.
func TestLinesOfNoSIPMessage(t *testing.T) {
	for _, text := range []string{"", "\r\n", "SIP/2.0", "SIP/2.0 200 OK\r\n\r\nCSeq: 1 OPTIONS", "SIP/2.0 200 OK\r\nCSeq", "SIP/2.0 200 OK\r\nCSeq:1"} {
		m := syslog.Message{Line: 1, Text: []byte(text)}
		if n := len(m.Lines("full excl. OPT|NTFY|REG", syslog.Text)); n != 3 {
			t.Errorf("%q: %d lines", text, n)
		}
	}
}
