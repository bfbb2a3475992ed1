package fault

import (
	"fmt"
	"math"
	"strconv"
	"strings"

	"spafleet/device/measure"
	"spafleet/resync/path"
)

// A Range is numbers from From to To.
type Range struct{ From, To uint32 }

// open is the end of a range that has none.
const open = math.MaxUint32

func (r Range) contains(n uint32) bool { return n >= r.From && n <= r.To }

// Ordinals are numbers counted from 1, such as 1-2,5-.
type Ordinals []Range

// Contain reports whether n is one of the ordinals.
func (o Ordinals) Contain(n uint32) bool {
	for _, r := range o {
		if r.contains(n) {
			return true
		}
	}
	return false
}

const (
	ranges   = `[0-9]+(-[0-9]*)?`
	ordinals = `0*[1-9][0-9]*(-[0-9]*)?`
)

// OrdinalsForm is that of ParseOrdinals.
var OrdinalsForm = measure.Form{Pattern: ordinals + `( *, *` + ordinals + `)*`, Like: []string{"3", "1-2", "4-", "1,3"}}

// ParseOrdinals reads a list of ranges: 3, 1-2, 4-, or 1,3,5-7.
func ParseOrdinals(text string) (Ordinals, error) {
	var list Ordinals
	for part := range strings.SplitSeq(text, ",") {
		r, ok := parseRange(strings.TrimSpace(part), 1)
		if !ok {
			return nil, fmt.Errorf("%q are not ordinals; write 3, 1-2, 4- or 1,3", text)
		}
		list = append(list, r)
	}
	return list, nil
}

// parseRange reads N, N-M or N-, of numbers from least on.
func parseRange(text string, least uint32) (Range, bool) {
	first, last, isRange := strings.Cut(text, "-")
	from, ok := parseNumber(first)
	if !ok || from < least {
		return Range{}, false
	}
	if !isRange {
		return Range{from, from}, true
	}
	if last == "" {
		return Range{from, open}, true
	}
	to, ok := parseNumber(last)
	return Range{from, to}, ok && to >= from
}

func parseNumber(digits string) (uint32, bool) {
	if strings.Trim(digits, "0123456789") != "" {
		return 0, false
	}
	n, err := strconv.ParseUint(digits, 10, 31)
	return uint32(n), err == nil
}

// A Unit is how packets are meant.
type Unit uint8

// What Packets can mean: nothing, all, a share, TFTP's blocks or
// acknowledgements by number, or packets by their place in the exchange.
const (
	noPacket Unit = iota
	Every
	Some
	Block
	Ack
	Packet
)

// Packets are some packets of an exchange. The zero value is none.
type Packets struct {
	Unit  Unit
	Share float64 // of Some, in (0, 1)
	Range Range   // of Block, Ack and Packet
	Once  bool    // only the first copy of each
}

// Given reports whether any packets are meant.
func (p Packets) Given() bool { return p.Unit != noPacket }

// numbered reports whether packets are meant by TFTP's numbers.
func (p *Packets) numbered() bool { return p.Unit == Block || p.Unit == Ack }

const packetsForm = `write all, 2%, block 3, block 3 once, ack 3 or packet 5-9`

var packetWords = map[string]Unit{"block": Block, "ack": Ack, "packet": Packet}

// packetForm is that of parsePackets.
var packetForm = measure.Form{Words: []string{"all"}, Pattern: measure.ShareForm.Pattern + `|(block|ack|packet) +` + ranges + `( +once)?`, Like: []string{"2%", "block 3", "ack 3", "packet 5-9"}}

// parsePackets reads all, a share, or block, ack or packet with a range and
// perhaps once. Packets of an exchange are counted from 1, both directions
// together, as the device sees them; blocks have the numbers of TFTP.
func parsePackets(text string) (Packets, error) {
	words := strings.Fields(text)
	switch {
	case len(words) == 1 && words[0] == "all":
		return Packets{Unit: Every}, nil
	case len(words) == 1 && strings.HasSuffix(text, "%"):
		share, err := ParseShare(words[0])
		if share == 1 {
			return Packets{Unit: Every}, err
		}
		return Packets{Unit: Some, Share: share}, err
	case len(words) < 2 || len(words) > 3 || packetWords[words[0]] == noPacket || len(words) == 3 && words[2] != "once":
		return Packets{}, fmt.Errorf("%q are not packets; %s", text, packetsForm)
	}
	p := Packets{Unit: packetWords[words[0]], Once: len(words) == 3}
	least := uint32(1)
	if p.Unit == Ack {
		least = 0 // the answer to a request to write
	}
	r, ok := parseRange(words[1], least)
	switch {
	case !ok:
		return Packets{}, fmt.Errorf("%q is not a number or range from %d on; %s", words[1], least, packetsForm)
	case p.Unit != Packet && (r.From > math.MaxUint16 || r.To > math.MaxUint16 && r.To != open):
		return Packets{}, fmt.Errorf("%s %s: TFTP counts to 65535", words[0], words[1])
	}
	p.Range = r
	return p, nil
}

// ParseShare reads a share such as 2% or 0.5% and returns it as a part of 1.
func ParseShare(text string) (float64, error) {
	digits, ok := strings.CutSuffix(text, "%")
	n, is := measure.Decimal(digits)
	if !ok || !is || n <= 0 || n > 100 {
		return 0, fmt.Errorf("%q is not a share such as 2%%: more than 0%%, at most 100%%", text)
	}
	return n / 100, nil
}

// bandwidthForm is that of parseBandwidth.
var bandwidthForm = measure.Form{Pattern: `[0-9]+(\.[0-9]+)? *[kM]?bit/s`, Like: []string{"64kbit/s", "1Mbit/s"}}

// parseBandwidth reads a bandwidth such as 64kbit/s and returns it in bits a
// second.
func parseBandwidth(text string) (float64, error) {
	for _, u := range []struct {
		name string
		n    float64
	}{{"Mbit/s", 1e6}, {"kbit/s", 1e3}, {"bit/s", 1}} {
		if digits, ok := strings.CutSuffix(text, u.name); ok {
			n, is := measure.Decimal(strings.TrimSpace(digits))
			if n *= u.n; is && n >= 1 && n <= 1e12 {
				return n, nil
			}
			break
		}
	}
	return 0, fmt.Errorf("%q is not a bandwidth such as 64kbit/s or 1Mbit/s", text)
}

// A Match is the exchanges of a scheme and path. The zero Match is all.
type Match struct {
	Scheme  string        // "": any
	path    string        // as written; "": any
	pattern *path.Pattern // nil: any
}

// Path returns the path as it was written; "" for any.
func (m Match) Path() string { return m.path }

var schemes = []string{"tftp", "http", "https", "dns", "sip", "dhcp"}

const matchForm = `a match is [tftp|http|https|dns|sip] [PATH], such as "tftp /$MA.cfg", "http /fw/*" or "sip /REGISTER"`

// ParseMatch reads a scheme, a path, both, or nothing. In a path * stands for
// anything, $MA, $MAU, $MAC, $SN, $PSN and $PN (or $(MA)) for what a device puts
// there. A path without a query is matched without it. Case counts.
func ParseMatch(text string) (Match, error) {
	var m Match
	rest := strings.TrimSpace(text)
	if word, after, _ := strings.Cut(rest, " "); !strings.HasPrefix(word, "/") && word != "" {
		if !isScheme(word) {
			return m, fmt.Errorf("%q is no scheme and no path; %s", word, matchForm)
		}
		m.Scheme, rest = word, strings.TrimSpace(after)
	}
	if rest == "" {
		return m, nil
	}
	if !strings.HasPrefix(rest, "/") || strings.ContainsAny(rest, " \t\r\n") {
		return m, fmt.Errorf("%q is no path: it begins with / and has no blanks; %s", rest, matchForm)
	}
	if m.Scheme == "dns" || m.Scheme == "dhcp" {
		return m, fmt.Errorf("%s has no paths", m.Scheme)
	}
	pattern, err := path.Parse(rest, path.Wildcards)
	if err != nil {
		return m, err
	}
	m.path, m.pattern = rest, pattern
	return m, nil
}

func isScheme(word string) bool {
	for _, s := range schemes {
		if s == word {
			return true
		}
	}
	return false
}

// Covers reports whether an exchange is meant. A question to DNS has no path.
func (m Match) Covers(x Exchange) bool {
	if m.Scheme != "" && m.Scheme != x.Scheme {
		return false
	}
	if m.path == "" || x.Scheme == "dns" {
		return m.path == ""
	}
	asked := x.Path
	if !strings.HasPrefix(asked, "/") {
		asked = "/" + asked
	}
	if !m.pattern.Query {
		asked, _, _ = strings.Cut(asked, "?")
	}
	_, ok := m.pattern.Match(asked)
	return ok
}

func (m Match) String() string { return strings.TrimSpace(m.Scheme + " " + m.path) }
