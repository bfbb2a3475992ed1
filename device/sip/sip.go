// Package sip is what a device says and hears by SIP, as values: bytes come in; bytes,
// events and a command come out. Nothing here opens a socket, waits or reads a clock.
//
// What comes in is read with the parser of github.com/emiago/sipgo. What goes out is
// written here, byte by byte: devices send header fields in an order, and display names
// and numbers in a form, that no builder has (surface-2.md §6.1: field).
package sip

import (
	"cmp"
	"net/netip"
	"strconv"
	"strings"

	"spafleet/device"
	"spafleet/device/chance"
	"spafleet/device/model"
	"spafleet/device/rule"
	"spafleet/device/syslog"
)

// A Message leaves a device's line: a request of its own, or an answer.
type Message struct {
	Line   uint8          // from 1: which of the device's SIP ports it leaves from, see [Port]
	Server string         // of a request: host[:port] as the parameters say, port 5060 by default; "" for an answer
	To     netip.AddrPort // of an answer: where it goes
	Text   []byte         // one datagram
}

// MostText is how many bytes of a datagram are read: UDP has no longer ones.
const MostText = 65535

// A Phone is a device at a moment, as its SIP has to do with it.
type Phone struct {
	Unit   *device.Unit
	Params device.Params
	Lines  *Lines // what it keeps from one message to the next
	Seed   uint64
	Booted int64 // fleet time of the last boot
	Now    int64
	InUse  bool // a line is off hook

	Registers bool   // lines send requests of their own: those that have an account register
	Base      uint16 // the port that stands for 5060; 0: that
}

// An Outcome is what follows from an input.
type Outcome struct {
	Send    []Message
	Events  []device.Event
	Logs    []syslog.Line
	Command device.Command // Order 0: none
}

// LineCount returns how many lines of a model have a SIP port; a line to the exchange has
// one too (inferred from the parameters of the SPA3102).
func LineCount(r *model.Row) uint8 { return uint8(r.Model.Lines + r.Model.FXO) }

// Port returns the SIP port of a line, from 1: SIP_Port_N_, without one 5060 for line 1,
// 5061 for line 2 and so on (documented).
func Port(p device.Params, line uint8) uint16 {
	text, _ := p.Lookup(lineParam("SIP_Port_", line))
	if n, err := strconv.ParseUint(strings.TrimSpace(text), 10, 16); err == nil && n != 0 {
		return uint16(n)
	}
	return 5059 + uint16(line)
}

func lineParam(name string, line uint8) string { return name + strconv.Itoa(int(line)) + "_" }

// setting returns what a parameter of a line is set to, "" where the model lacks it.
func (p *Phone) setting(name string, line uint8) string {
	value, _ := p.Params.Lookup(lineParam(name, line))
	return strings.TrimSpace(value)
}

func (p *Phone) is(name string, line uint8, fallback bool) bool {
	return p.Params.Bool(lineParam(name, line), fallback)
}

// enabled reports whether a line is there and turned on.
func (p *Phone) enabled(line uint8) bool {
	return line >= 1 && line <= LineCount(p.Unit.Row) && p.is("Line_Enable_", line, true)
}

// Account returns who a line is at its server: the user of its address, and login and password of
// its credentials, which also those have to know who send it a NOTIFY.
func Account(p device.Params, line uint8) (user, login, password string) {
	a := (&Phone{Params: p}).account(line)
	return a.user, a.login, a.password
}

// An account is who a line is at its server.
type account struct {
	user     string // of its address
	login    string // of its credentials
	password string
}

func (p *Phone) account(line uint8) account {
	a := account{user: oneLine(p.setting("User_ID_", line)), password: p.setting("Password_", line)}
	a.login = a.user
	if p.is("Use_Auth_ID_", line, false) {
		a.login = cmp.Or(p.setting("Auth_ID_", line), a.user)
	}
	return a
}

// version is what $VERSION stands for: brand, product name without hyphen and firmware, as
// Linksys/SPA942-6.1.5(a). The brand is the firmware's (surface-2.md §6.1, K49: field).
func version(r *model.Row) string {
	return r.Brand().Value + "/" + strings.Replace(r.PN(), "SPA-", "SPA", 1) + "-" + r.Firmware.Version
}

// A naming answers the macros of SIP_User_Agent_Name: $VERSION beside those of a rule.
type naming struct{ device.Env }

// Macro returns the value of $name.
func (n naming) Macro(name string) (string, bool) {
	if name == "VERSION" {
		return version(n.Unit.Row), true
	}
	return n.Env.Macro(name)
}

// name returns what a parameter lets the device call itself, "" for nothing: then the
// header field is left out.
func (p *Phone) name(param string) string {
	text, ok := p.Params.Lookup(param)
	switch {
	case !ok || text == "$VERSION":
		return version(p.Unit.Row)
	case !strings.Contains(text, "$"):
		return oneLine(text)
	}
	return oneLine(rule.Expand(text, naming{device.Env{Unit: p.Unit, Params: p.Params}}, p.Unit.Row.Dialect()))
}

// oneLine returns a text that can stand in a header field: a profile's value may hold line
// ends, which the device does not send (inferred).
func oneLine(text string) string {
	if strings.ContainsAny(text, "\r\n\x00") {
		text = strings.Join(strings.FieldsFunc(text, func(r rune) bool { return r == '\r' || r == '\n' || r == 0 }), " ")
	}
	return text
}

// draw returns 64 bits that follow from the device, a line, a boot or count, and what they
// are for.
func (p *Phone) draw(purpose chance.Purpose, line uint8, count uint64) uint64 {
	return chance.Hash(p.Seed, uint64(p.Unit.Index)<<16|uint64(line)<<8|uint64(purpose), count)
}

// number returns the last 32 bits of a draw as the firmware prints numbers: eight
// hexadecimal digits, or without the zeros in front (surface-2.md K60: field).
func (p *Phone) number(draw uint64) string {
	if p.Unit.Row.Behaviour.SIP.BareNumbers {
		return strconv.FormatUint(draw&0xffffffff, 16)
	}
	return padded(draw)
}

// padded returns the last 32 bits of a number as eight hexadecimal digits.
func padded(n uint64) string {
	digits := strconv.FormatUint(n&0xffffffff, 16)
	return "00000000"[len(digits):] + digits
}
