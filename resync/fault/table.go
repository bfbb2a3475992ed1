package fault

import (
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"spafleet/device/measure"
)

// An Effect is one thing that a fault can do: a row of the table that scenario
// files, servers and networks read.
type Effect struct {
	Key      string       // in a scenario file
	About    string       // what it does, in Markdown
	Form     measure.Form // of what Parse reads
	OfServer bool         // the server does it; else it happens between device and server
	// Parse reads it from its text in a scenario file.
	Parse func(e *Effects, text string) error
	// Given reports whether effects have it.
	Given func(*Effects) bool
	// Fits reports whether effects that have it can change anything for a scheme
	// by it.
	Fits func(e *Effects, scheme string) bool
	// Same reports whether the effect of two faults is one and the same; nil: any two
	// that have it.
	Same func(a, b *Effects) bool
	// Mistake says why the fault that has it cannot mean what it says; "": it can.
	Mistake func(*Fault) string
}

// Table returns all effects, in the order of the documentation.
func Table() []Effect { return slices.Clone(table) }

var table = slices.Concat(ofNetwork, ofServer)

const aboutPackets = "packets: `all`, `2%`, `block 3` (each copy), `block 3 once`, `ack 3`, `packet 5-9` (counted from 1 in both directions). A reordered packet is overtaken by the next one. On a TCP connection a packet is 1,460 bytes or the connection request, and a lost packet costs the time of a retransmission: 200 ms (1 s for the first), doubled each time"

var ofNetwork = []Effect{
	packetEffect("lose", aboutPackets, func(e *Effects) *Packets { return &e.Lose }, onAny),
	packetEffect("duplicate", aboutPackets, func(e *Effects) *Packets { return &e.Duplicate }, onDatagrams),
	packetEffect("reorder", aboutPackets, func(e *Effects) *Packets { return &e.Reorder }, onTFTP),
	{
		Key:   "delay",
		About: "`20ms` or `10ms..2s`: packets reach the device later; on a connection, the connection itself and each whole answer", Form: measure.SpanForm,
		Parse: func(e *Effects, text string) (err error) {
			e.Delay.Least, e.Delay.Most, err = measure.Span(text)
			return err
		},
		Given: func(e *Effects) bool { return e.Delay.Given() }, Fits: onAny, Mistake: none,
	},
	{
		Key:   "bandwidth",
		About: "of the line, for both directions together: `64kbit/s`, `1Mbit/s`", Form: bandwidthForm,
		Parse: func(e *Effects, text string) (err error) { e.Bandwidth, err = parseBandwidth(text); return err },
		Given: func(e *Effects) bool { return e.Bandwidth > 0 }, Fits: onAny, Mistake: none,
	},
	limitEffect("reset_after", "a size: the connection is reset after the device has received so many bytes, including headers and handshake", func(e *Effects) *Limit { return &e.ResetAfter }, onHTTP, mistakeOf("a reset needs a connection, which HTTP has", "tftp", "dns", "sip")),
	limitEffect("close_after", "a size: then the device closes its half of the connection, and the answer goes on", func(e *Effects) *Limit { return &e.CloseAfter }, onHTTP, mistakeOf("a half-close needs a connection, which HTTP has", "tftp", "dns", "sip")),
	limitEffect("truncate", "a size: then the device sees the end of the file; of a TFTP transfer, a short block", func(e *Effects) *Limit { return &e.Truncate }, onFiles, mistakeOf("an answer of DNS or SIP is one packet", "dns", "sip")),
}

var ofServer = []Effect{
	{
		Key:   "status",
		About: "answer with this HTTP status, or the registrar with this status of SIP; with `match: tftp` with this TFTP error code (0 to 8)", Form: codeForm(599), OfServer: true,
		Parse: func(e *Effects, text string) (err error) {
			e.HasStatus = true
			e.Status, err = parseCode(text, 599)
			return err
		},
		Given: func(e *Effects) bool { return e.HasStatus },
		Fits: func(e *Effects, scheme string) bool {
			return scheme == "tftp" || onHTTP(e, scheme) && e.Status >= 100 || scheme == "sip" && e.Status >= 300
		},
		Mistake: func(f *Fault) string {
			switch {
			case f.Match.Scheme == "tftp" && f.Status > 8:
				return "a TFTP error is 0 to 8"
			case f.Match.Scheme != "tftp" && f.Status < 200:
				return "a status is 200 to 599; the errors of TFTP, 0 to 8, need match: tftp"
			case f.Match.Scheme == "dns":
				return "DNS has no status here"
			case f.Match.Scheme == "sip" && f.Status < 300:
				return "a registrar refuses by a status from 300 on"
			}
			return ""
		},
	},
	{
		Key:   "alert",
		About: "answer the TLS hello with this fatal alert", Form: codeForm(255), OfServer: true,
		Parse: func(e *Effects, text string) (err error) { e.Alert, err = parseCode(text, 255); return err },
		Given: func(e *Effects) bool { return e.Alert != 0 },
		Fits:  func(_ *Effects, scheme string) bool { return scheme == "https" },
		Mistake: func(f *Fault) string {
			switch {
			case f.Match.Scheme != "" && f.Match.Scheme != "https":
				return "an alert is of HTTPS: match: https"
			case f.Match.Path() != "":
				return "an alert answers the hello, which names no path: leave it out"
			}
			return ""
		},
	},
	withServer(limitEffect("stall_after", "a size: send nothing more after so many bytes of the body", func(e *Effects) *Limit { return &e.StallAfter }, onFiles, noBody)),
	{
		Key:   "corrupt",
		About: "`true`: flip bytes", Form: measure.BoolForm, OfServer: true,
		Parse: func(e *Effects, text string) error {
			if text != "true" && text != "false" {
				return fmt.Errorf("%q is neither true nor false", text)
			}
			e.Corrupt = text == "true"
			return nil
		},
		Given: func(e *Effects) bool { return e.Corrupt }, Fits: onFiles, Mistake: noBody,
	},
	{
		Key:   "hostile",
		About: "`endless` body, `drip` (one byte a second; TFTP: one block), `length` (announces 1 GB), `bomb` (48 KB of gzip that unpack to 48 MB), `headers` without end, `storm` of TFTP blocks, `garbage` (with `match: https` and no path: in place of the handshake)", Form: measure.Form{Words: hostileNames()}, OfServer: true,
		Parse:   func(e *Effects, text string) (err error) { e.Hostile, err = parseHostile(text); return err },
		Given:   func(e *Effects) bool { return e.Hostile != "" },
		Fits:    func(e *Effects, scheme string) bool { return e.Hostile.Fits(scheme) },
		Mistake: hostileMistake,
	},
	{
		Key:   "down",
		About: "`all`: the built-in server stops: HTTP refuses connections, TFTP and SIP do not answer. A number: one of its `replicas`, from 1", Form: measure.Form{Words: []string{"all"}, Pattern: "[0-9]+", Least: 1, Most: 16}, OfServer: true,
		Parse: func(e *Effects, text string) error {
			n, err := strconv.ParseUint(text, 10, 8)
			if text != "all" && (err != nil || n == 0) {
				return fmt.Errorf("%q is neither all nor the number of a replica, from 1", text)
			}
			e.Down, e.Replica = true, int(n)
			return nil
		},
		Given: func(e *Effects) bool { return e.Down }, Fits: func(e *Effects, scheme string) bool { return scheme == "sip" || onFiles(e, scheme) },
		Mistake: func(f *Fault) string {
			if f.Match.Path() != "" || f.Nth != nil || f.Chance > 0 || f.Devices != nil || f.Match.Scheme == "dns" {
				return "down is the whole server: match may name tftp, http, https or sip, and of, nth and chance do not go with it"
			}
			return ""
		},
	},
}

func onAny(*Effects, string) bool                { return true }
func onTFTP(_ *Effects, scheme string) bool      { return scheme == "tftp" }
func onDatagrams(_ *Effects, scheme string) bool { return scheme == "tftp" || scheme == "sip" }
func onHTTP(_ *Effects, scheme string) bool      { return scheme == "http" || scheme == "https" }
func onFiles(e *Effects, scheme string) bool     { return onTFTP(e, scheme) || onHTTP(e, scheme) }

func none(*Fault) string { return "" }

// noBody is the mistake of faults of a file's body.
var noBody = mistakeOf("an answer of SIP has no body here", "sip")

// mistakeOf is the mistake of faults that name one of some schemes.
func mistakeOf(why string, schemes ...string) func(*Fault) string {
	return func(f *Fault) string {
		if slices.Contains(schemes, f.Match.Scheme) {
			return why
		}
		return ""
	}
}

// packetEffect is a row for packets. By their numbers in TFTP no others can be
// meant.
func packetEffect(key, about string, field func(*Effects) *Packets, fits func(*Effects, string) bool) Effect {
	return Effect{
		Key: key, About: about, Form: packetForm,
		Parse: func(e *Effects, text string) (err error) { *field(e), err = parsePackets(text); return err },
		Given: func(e *Effects) bool { return field(e).Given() },
		Fits: func(e *Effects, scheme string) bool {
			return fits(e, scheme) && (scheme == "tftp" || !field(e).numbered())
		},
		Mistake: func(f *Fault) string {
			if field(&f.Effects).numbered() && f.Match.Scheme != "" && f.Match.Scheme != "tftp" {
				return "blocks and ACKs have numbers in TFTP only; name packets by packet"
			}
			return ""
		},
	}
}

func limitEffect(key, about string, field func(*Effects) *Limit, fits func(*Effects, string) bool, mistake func(*Fault) string) Effect {
	return Effect{
		Key: key, About: about, Form: measure.SizeForm,
		Parse: func(e *Effects, text string) error {
			size, err := measure.Size(text)
			*field(e) = After(int64(size))
			return err
		},
		Given: func(e *Effects) bool { return field(e).Given }, Fits: fits, Mistake: mistake,
		Same: func(a, b *Effects) bool { return *field(a) == *field(b) },
	}
}

func withServer(e Effect) Effect {
	e.OfServer = true
	return e
}

// codeForm is that of parseCode.
func codeForm(most int) measure.Form { return measure.Form{Pattern: "[0-9]+", Most: most} }

func parseCode(text string, most int) (int, error) {
	n, err := strconv.ParseUint(text, 10, 16)
	if err != nil || int(n) > most {
		return 0, fmt.Errorf("%q is not a code from 0 to %d", text, most)
	}
	return int(n), nil
}

// hostiles are the ways of a hostile server, and the schemes that know them.
var hostiles = []struct {
	name    Hostile
	schemes []string
}{
	{Endless, []string{"tftp", "http", "https"}},
	{Drip, []string{"tftp", "http", "https"}},
	{Length, []string{"http", "https"}},
	{Bomb, []string{"tftp", "http", "https"}},
	{Headers, []string{"http", "https"}},
	{Storm, []string{"tftp"}},
	{Garbage, []string{"tftp", "http", "https"}},
}

// Hostiles returns all ways of a hostile server.
func Hostiles() []Hostile {
	var names []Hostile
	for _, h := range hostiles {
		names = append(names, h.name)
	}
	return names
}

func hostileNames() (names []string) {
	for _, h := range Hostiles() {
		names = append(names, string(h))
	}
	return names
}

// parseHostile reads one of the ways of a hostile server.
func parseHostile(text string) (Hostile, error) {
	names := hostileNames()
	if slices.Contains(names, text) {
		return Hostile(text), nil
	}
	return "", fmt.Errorf("%q is not one of %s", text, strings.Join(names, ", "))
}

// Fits reports whether a scheme has this way.
func (h Hostile) Fits(scheme string) bool {
	for _, row := range hostiles {
		if row.name == h {
			return slices.Contains(row.schemes, scheme)
		}
	}
	return false
}

func hostileMistake(f *Fault) string {
	switch scheme := f.Match.Scheme; {
	case scheme == "" || f.Hostile.Fits(scheme):
		return ""
	case scheme == "sip":
		return "the built-in registrar has no hostile ways"
	case scheme == "dns":
		return "the embedded server does not speak DNS"
	case f.Hostile == Storm:
		return "a storm is of TFTP's blocks: match: tftp"
	}
	return "TFTP has neither lengths nor headers"
}

// Set reads an effect from its key and text in a scenario file.
func (e *Effects) Set(key, text string) error {
	for _, row := range table {
		if row.Key == key {
			return row.Parse(e, text)
		}
	}
	return errors.New("no effect is called " + strconv.Quote(key))
}

// OfServer reports whether a server has to do any of it.
func (e *Effects) OfServer() bool { return e.has(true) }

// OfNetwork reports whether any of it happens between device and server.
func (e *Effects) OfNetwork() bool { return e.has(false) }

func (e *Effects) has(ofServer bool) bool {
	return slices.ContainsFunc(table, func(row Effect) bool { return row.OfServer == ofServer && row.Given(e) })
}
