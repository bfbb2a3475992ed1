package device

import (
	"fmt"
	"math/bits"
	"strconv"

	"spafleet/device/chance"
	"spafleet/device/model"
)

// An Index is a device's place in its fleet, from 0. What makes a device itself
// (MAC address, serial number, jitter) is a pure function of seed, model and
// index.
type Index uint32

// MaxDevices is the largest fleet: the addresses of a /10.
const MaxDevices = 1<<22 - 2

// lanes is how many models share a maker's address prefixes: each has its own
// part of every prefix, so two models never meet.
const lanes = model.MaxLanes

const laneSize = 1 << 24 / lanes

// MACOf returns the address of a model's device. Within one seed no two devices
// of any models share it: the prefix's lower half is a permutation, keyed by the
// seed, of (lane of the model, index).
func MACOf(m *model.Model, seed uint64, i Index) model.MAC {
	prefix := prefixOf(m, int(i)/laneSize)
	slot := uint32(m.Lane)*laneSize + uint32(i)%laneSize
	low := permute(slot, 12, seed^uint64(prefix)<<32)
	return model.MAC{byte(prefix >> 16), byte(prefix >> 8), byte(prefix), byte(low >> 16), byte(low >> 8), byte(low)}
}

// prefixOf returns the n-th address prefix of a model: its own first, then the
// others of its maker. It wraps only far beyond MaxDevices.
func prefixOf(m *model.Model, n int) uint32 {
	own := parsePrefix(m.OUI.Value)
	if n == 0 {
		return own
	}
	for _, p := range m.MakerPrefixes() {
		if p == own {
			continue
		}
		if n--; n == 0 {
			return p
		}
	}
	return own
}

func parsePrefix(hex string) uint32 {
	p, _ := strconv.ParseUint(hex, 16, 24) // of the model table, where it is six digits; a test holds it
	return uint32(p)
}

// permute is a bijection of numbers of 2·half bits: four rounds of a Feistel
// network, which is all the disorder that addresses need.
func permute(v uint32, half uint, key uint64) uint32 {
	mask := uint32(1)<<half - 1
	l, r := v>>half, v&mask
	for round := range uint64(4) {
		l, r = r, l^uint32(chance.Hash(key, uint64(r), round))&mask
	}
	return l<<half | r
}

// permuteBelow is a bijection of the numbers below n: it walks the permutation
// of the next power of four until it comes back below n.
func permuteBelow(v, n uint32, key uint64) uint32 {
	half := uint(bits.Len32(n-1)+1) / 2
	for v = permute(v, half, key); v >= n; v = permute(v, half, key) {
	}
	return v
}

// Serial numbers (tls.md §2.3: inferred from four samples each).
// Linksys: product, year letter from F=2006, month 1-9ABC, five digits.
// Cisco: site, year since 1996, week, four letters or digits.
const (
	linksysYears   = "FGHJKL"
	linksysMonths  = "123456789ABC"
	linksysSerials = uint32(len(linksysYears) * len(linksysMonths) * 100_000)
	ciscoYears     = 8 // 2007 on
	ciscoWeeks     = 52
	ciscoSequences = 36 * 36 * 36 * 36 / lanes
	ciscoSerials   = uint32(ciscoYears * ciscoWeeks * ciscoSequences)
)

// forSerial keeps the disorder of serial numbers apart from that of addresses.
const forSerial = 1

// serialOf returns a device's serial number. Within one seed no two devices of
// any models share it: Linksys serials begin with the product, and Cisco ones,
// which begin with the factory, give each model its own part of the sequences.
func serialOf(m *model.Model, seed uint64, i Index) string {
	if m.Maker() == "Cisco" && len(m.SerialPrefix.Value) == 3 {
		return ciscoSerial(m, seed, i)
	}
	n := permuteBelow(uint32(i)%linksysSerials, linksysSerials, chance.Hash(seed, uint64(m.Lane), forSerial))
	n, digits := n/100_000, n%100_000
	month, year := n%uint32(len(linksysMonths)), n/uint32(len(linksysMonths))
	text := make([]byte, 0, 16)
	text = append(text, m.SerialPrefix.Value...)
	text = append(text, linksysYears[year], linksysMonths[month])
	for power := uint32(10_000); power > 0; power /= 10 {
		text = append(text, '0'+byte(digits/power%10))
	}
	return string(text)
}

func ciscoSerial(m *model.Model, seed uint64, i Index) string {
	n := permuteBelow(uint32(i)%ciscoSerials, ciscoSerials, chance.Hash(seed, uint64(m.Lane), forSerial))
	n, sequence := n/ciscoSequences, (n%ciscoSequences)*lanes+uint32(m.Lane)
	week, year := n%ciscoWeeks+1, n/ciscoWeeks+11
	return fmt.Sprintf("%s%02d%02d%s", m.SerialPrefix.Value, year, week, base36(sequence))
}

func base36(n uint32) string {
	const digits = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ"
	var b [4]byte
	for i := range b {
		b[3-i] = digits[n%36]
		n /= 36
	}
	return string(b[:])
}
