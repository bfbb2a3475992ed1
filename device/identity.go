package device

import (
	"fmt"
	"math/bits"
	"regexp"
	"slices"
	"strings"

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

// MACOf returns the address of a model's device. Within one seed no two devices of
// any models share it: those of a maker's models with the same prefix have lower
// halves that are a permutation, keyed by the seed, of (lane of the model, place in
// the lane), and at one place no prefix comes twice.
func MACOf(m *model.Model, seed uint64, i Index) model.MAC {
	prefix := prefixOf(m, seed, i)
	slot := uint32(m.Lane)*laneSize + uint32(i)%laneSize
	low := permute(slot, 12, seed^uint64(prefix)<<32)
	return model.MAC{byte(prefix >> 16), byte(prefix >> 8), byte(prefix), byte(low >> 16), byte(low >> 8), byte(low)}
}

// prefixOf returns the first three bytes of a device's address: one that units of the
// model have in its year. Devices of a fleet larger than a lane that have the same
// place in it choose one after the other, and take another one of the maker where
// theirs is taken.
func prefixOf(m *model.Model, seed uint64, i Index) uint32 {
	var room [MaxDevices/laneSize + 1]uint32
	taken := room[:0]
	for at := i % laneSize; ; at += laneSize {
		p := drawPrefix(m, seed, at)
		if slices.Contains(taken, p) {
			p = m.SparePrefix(taken)
		}
		if at == i {
			return p
		}
		taken = append(taken, p)
	}
}

func drawPrefix(m *model.Model, seed uint64, i Index) uint32 {
	if !m.PrefixesVary() {
		return m.Prefix(0, 0)
	}
	return m.Prefix(serialNumber(m, seed, i).year, chance.Hash(seed, uint64(m.Lane)<<32|uint64(i), forPrefix))
}

// Scheme is the number of the way in which a model's devices get their addresses and
// serial numbers: 1 since the first state file, 2 for models with several prefixes. A
// fleet of another scheme has other devices, though its first may be the same.
func Scheme(m *model.Model) int {
	if m.PrefixesVary() {
		return 2
	}
	return 1
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
	firstLinksys   = 2006
	linksysYears   = "FGHJKL"
	linksysMonths  = "123456789ABC"
	linksysSerials = uint32(len(linksysYears) * len(linksysMonths) * 100_000)
	ciscoEpoch     = 1996
	firstCisco     = 2007
	ciscoYears     = 8
	ciscoWeeks     = 52
	ciscoSequences = 36 * 36 * 36 * 36 / lanes
	ciscoSerials   = uint32(ciscoYears * ciscoWeeks * ciscoSequences)
)

// These keep what is drawn for an identity apart.
const (
	forSerial = 1
	forPrefix = 2
)

// A serial is a serial number in parts.
type serial struct {
	year     int    // of manufacture
	when     uint32 // month or week, from 0
	sequence uint32
}

// serialNumber draws a device's serial number. Within one seed no two devices of any
// models share it: Linksys serials begin with the product, and Cisco ones, which begin
// with the factory, give each model its own part of the sequences.
func serialNumber(m *model.Model, seed uint64, i Index) serial {
	key := chance.Hash(seed, uint64(m.Lane), forSerial)
	if ciscoNumbered(m) {
		n := permuteBelow(uint32(i)%ciscoSerials, ciscoSerials, key)
		n, sequence := n/ciscoSequences, (n%ciscoSequences)*lanes+uint32(m.Lane)
		return serial{year: firstCisco + int(n/ciscoWeeks), when: n % ciscoWeeks, sequence: sequence}
	}
	n := permuteBelow(uint32(i)%linksysSerials, linksysSerials, key)
	n, sequence := n/100_000, n%100_000
	return serial{year: firstLinksys + int(n)/len(linksysMonths), when: n % uint32(len(linksysMonths)), sequence: sequence}
}

func ciscoNumbered(m *model.Model) bool {
	return m.Maker() == "Cisco" && len(m.SerialPrefix.Value) == 3
}

// serialOf returns a device's serial number.
func serialOf(m *model.Model, seed uint64, i Index) string {
	s := serialNumber(m, seed, i)
	if ciscoNumbered(m) {
		return fmt.Sprintf("%s%02d%02d%s", m.SerialPrefix.Value, s.year-ciscoEpoch, s.when+1, base36(s.sequence))
	}
	text := make([]byte, 0, 16)
	text = append(text, m.SerialPrefix.Value...)
	text = append(text, linksysYears[s.year-firstLinksys], linksysMonths[s.when])
	for power := uint32(10_000); power > 0; power /= 10 {
		text = append(text, '0'+byte(s.sequence/power%10))
	}
	return string(text)
}

// CheckSerial refuses a serial number that is not in the form of a model's.
func CheckSerial(m *model.Model, serial string) error {
	head, form := m.SerialPrefix.Value, "the year as a letter, the month, and five digits"
	fits := len(serial) == 12 && strings.HasPrefix(serial, head) && linksysForm.MatchString(serial[len(head):])
	if ciscoNumbered(m) {
		head, form = "three letters", "the year, the week, and four letters or digits"
		fits = ciscoForm.MatchString(serial)
	}
	if fits {
		return nil
	}
	return fmt.Errorf("%q is not in the form of a serial number of the %s: %s, %s, such as %s", serial, m.Name, head, form, serialOf(m, 0, 0))
}

// Forms of serial numbers: what stands behind a Linksys product, and whole Cisco ones.
var (
	linksysForm = regexp.MustCompile("^[A-HJ-NP-Z][1-9ABC][0-9]{5}$")
	ciscoForm   = regexp.MustCompile("^[A-Z]{3}[0-9]{2}(0[1-9]|[1-4][0-9]|5[0-3])[0-9A-Z]{4}$")
)

func base36(n uint32) string {
	const digits = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ"
	var b [4]byte
	for i := range b {
		b[3-i] = digits[n%36]
		n /= 36
	}
	return string(b[:])
}
