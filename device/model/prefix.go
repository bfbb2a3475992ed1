package model

import (
	"slices"
	"strconv"
	"strings"
)

// A prefix is the first three bytes of a MAC address.
type prefix uint32

// makerPrefixes are the prefixes of the makers (field).
var makerPrefixes = map[string][]prefix{
	"Linksys": {0x000E08, 0x000C41, 0x000F66, 0x001217, 0x001310, 0x0014BF, 0x0016B6, 0x001839, 0x0018F8, 0x001A70,
		0x001C10, 0x001D7E, 0x001EE5, 0x002129, 0x00226B, 0x002369, 0x00259C, 0x20AA4B, 0x586D8F, 0x687F74},
	"Cisco": {0x0002FD, 0x1CDF0F, 0x30E4DB, 0x58BFEA, 0x649EF3, 0x5475D0, 0xC46413, 0xC89C1D, 0xD0D0FD, 0xE05FB9, 0x8843E1, 0x88755A},
}

// Which prefixes a series has: that of Sipura, by models of 2006 to 2010 (field);
// those of Linksys' own products, of which one PAP2T was seen (inferred); those of
// the SPA5xx (field).
const (
	sipuraPrefixes  = "000E08"
	linksysPrefixes = "0014BF 0016B6 001839 0018F8 001A70 001C10 001D7E 001EE5 002129 00226B 002369 00259C 687F74 586D8F"
	spa5xxPrefixes  = "0002FD 1CDF0F 30E4DB 58BFEA 649EF3 5475D0 C46413 C89C1D D0D0FD E05FB9 8843E1"
)

// prefixYears are the years in which Linksys' prefixes were registered (inferred:
// from memory; a PAP2T of 2006 fits). Units get one for [prefixLife] years, so
// that their serial numbers fit their addresses.
var prefixYears = map[prefix]int{
	0x0014BF: 2005, 0x0016B6: 2006, 0x001839: 2006, 0x0018F8: 2006, 0x001A70: 2007, 0x001C10: 2007, 0x001D7E: 2007,
	0x001EE5: 2008, 0x002129: 2008, 0x00226B: 2008, 0x002369: 2009, 0x00259C: 2009, 0x687F74: 2010, 0x586D8F: 2010,
}

const prefixLife = 3

func (p prefix) fits(year int) bool {
	from, known := prefixYears[p]
	return !known || from <= year && year < from+prefixLife
}

// prefixesOf reads prefixes of the model table, where each is six digits: a test
// holds it.
func prefixesOf(text string) []prefix {
	var list []prefix
	for digits := range strings.FieldsSeq(text) {
		p, _ := strconv.ParseUint(digits, 16, 24)
		list = append(list, prefix(p))
	}
	return list
}

// withPrefixes fills in the prefixes that a row is silent about.
func (m *Model) withPrefixes() {
	m.OUI = m.OUI.or(m.Family.OUI).or(inferred(map[string]string{"Linksys": sipuraPrefixes, "Cisco": "0002FD"}[m.Maker()]))
	m.own = prefixesOf(m.OUI.Value)
	m.series = slices.DeleteFunc(prefixesOf(m.Family.OUI.Value), func(p prefix) bool { return slices.Contains(m.own, p) })
	if len(m.series) > 0 {
		m.SeriesOUI = inferred(strings.Join(slices.DeleteFunc(strings.Fields(m.Family.OUI.Value), func(digits string) bool {
			return strings.Contains(m.OUI.Value, digits)
		}), " "))
	}
}

// PrefixesVary reports whether the model's units have more than one prefix.
func (m *Model) PrefixesVary() bool { return len(m.own)+len(m.series) > 1 }

// HasPrefix reports whether units of the model or of its series may have an address
// that begins so.
func (m *Model) HasPrefix(first uint32) bool {
	return slices.Contains(m.own, prefix(first)) || slices.Contains(m.series, prefix(first))
}

// Prefix returns the first three bytes of the MAC address of a unit made in a year,
// by a draw: every second unit has one of those seen with the model, the others one
// of its series, where some fit the year, each as often. These shares are inferred.
func (m *Model) Prefix(year int, draw uint64) uint32 {
	list, other := m.own, m.series
	if draw&1 == 1 && len(m.series) > 0 {
		list, other = m.series, m.own
	}
	n := fitting(list, year)
	if n == 0 {
		if n = fitting(other, year); n > 0 {
			list = other
		}
	}
	draw >>= 1
	if n == 0 {
		return uint32(list[draw%uint64(len(list))])
	}
	at := draw % n
	for _, p := range list {
		switch {
		case !p.fits(year):
		case at == 0:
			return uint32(p)
		default:
			at--
		}
	}
	panic("no prefix fits") // one of those counted above
}

// fitting counts the prefixes that a unit of a year can have.
func fitting(list []prefix, year int) (n uint64) {
	for _, p := range list {
		if p.fits(year) {
			n++
		}
	}
	return n
}

// SparePrefix returns a prefix of the model's maker that is none of those taken, for
// fleets so large that the model's own do not suffice.
func (m *Model) SparePrefix(taken []uint32) uint32 {
	for _, p := range makerPrefixes[m.Maker()] {
		if !slices.Contains(taken, uint32(p)) {
			return uint32(p)
		}
	}
	panic("every prefix is taken") // a maker has more than a fleet needs: a test holds it
}
