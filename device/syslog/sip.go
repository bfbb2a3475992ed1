package syslog

import (
	"bytes"
	"fmt"
	"slices"
	"strings"
)

// A Message is a SIP message that a device has sent or that came to it.
type Message struct {
	Sent bool
	Line int    // of the device, 1 for the first
	Port uint16 // of that line
	Peer string // where it went to, or came from: address and port
	Text []byte
}

// Lines returns what a device logs of the message at a value of SIP_Debug_Option: a
// line about its way, then its first line, or all of it, with the priority text, and an
// empty line (image of 7.5.2b). Nothing comes of a value that no firmware knows, or of a message that the
// value excludes; an answer counts as its request (inferred).
func (m *Message) Lines(option string, text Priority) []Line {
	amount, excluded, _ := strings.Cut(option, " excl. ")
	word, has := exclusions[m.method()]
	if amount != "1-line" && amount != "full" || has && slices.Contains(strings.Split(excluded, "|"), word) {
		return nil
	}
	way := Line{Info, fmt.Sprintf("[%d:%d]<<%s", m.Line-1, m.Port, m.Peer)}
	if m.Sent {
		way.Text = fmt.Sprintf("[%d:%d]->%s{%d)", m.Line-1, m.Port, m.Peer, len(m.Text))
	}
	if amount == "full" {
		return []Line{way, {text, string(m.Text)}, {Info, ""}}
	}
	first, _, _ := bytes.Cut(m.Text, []byte("\n"))
	return []Line{way, {Info, strings.TrimSuffix(string(first), "\r") + "\n"}}
}

// exclusions are the words of SIP_Debug_Option for a method.
var exclusions = map[string]string{"OPTIONS": "OPT", "NOTIFY": "NTFY", "REGISTER": "REG"}

// method returns a request's method, or that of the request which an answer is for;
// "" where it has none.
func (m *Message) method() string {
	first, headers, _ := strings.Cut(string(m.Text), "\n")
	if word, _, _ := strings.Cut(first, " "); word != "SIP/2.0" {
		return word
	}
	for line := range strings.Lines(headers) {
		name, value, ok := strings.Cut(line, ":")
		if !ok { // the headers end here
			return ""
		}
		if strings.EqualFold(strings.TrimSpace(name), "CSeq") {
			_, method, _ := strings.Cut(strings.TrimSpace(value), " ")
			return strings.TrimSpace(method)
		}
	}
	return ""
}
