package inventory

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"net/netip"
	"slices"
	"strings"

	"spafleet/device"
	"spafleet/device/model"
)

// A MACRange is MAC addresses one after the other. The zero MACRange has none.
type MACRange struct {
	first uint64
	room  int
}

// ParseMACRange reads FIRST-LAST, or FIRST, after which there is no end but the last
// address that there is.
func ParseMACRange(text string) (r MACRange, err error) {
	last := model.MAC{0xfe, 0xff, 0xff, 0xff, 0xff, 0xff}
	first, err := model.ParseMAC(text)
	if err != nil || strings.HasSuffix(text, "-") { // FIRST alone may have hyphens
		var ranged bool
		if first, last, ranged = cutMACs(text); !ranged {
			return r, fmt.Errorf("%s is not a MAC address of 12 hexadecimal digits, nor a range FIRST-LAST of them", shown(text))
		}
	}
	switch from, to := number(first), number(last); {
	case !possible(first) || !possible(last):
		return r, fmt.Errorf("%s: no device can have such an address", shown(text))
	case to < from:
		return r, fmt.Errorf("%s: the last address is below the first", shown(text))
	default:
		return MACRange{from, int(min(to-from, device.MaxDevices)) + 1}, nil
	}
}

// cutMACs divides a range at the hyphen that has a MAC address on both sides.
func cutMACs(text string) (first, last model.MAC, ok bool) {
	for i := range len(text) {
		if text[i] != '-' {
			continue
		}
		first, errFirst := model.ParseMAC(text[:i])
		last, errLast := model.ParseMAC(text[i+1:])
		if errFirst == nil && errLast == nil {
			return first, last, true
		}
	}
	return first, last, false
}

func number(m model.MAC) (n uint64) {
	for _, b := range m {
		n = n<<8 | uint64(b)
	}
	return n
}

// Room returns how many addresses the range has, at most one more than a fleet has
// devices.
func (r MACRange) Room() int { return r.room }

// At returns the n-th address, from 0.
func (r MACRange) At(n int) model.MAC {
	v := r.first + uint64(n)
	return model.MAC{byte(v >> 40), byte(v >> 32), byte(v >> 24), byte(v >> 16), byte(v >> 8), byte(v)}
}

// A SerialRange is serial numbers that count in their last digits. The zero
// SerialRange has none.
type SerialRange struct {
	head   string // what stands before the digits
	digits int
	first  int
	room   int
}

// ParseSerialRange reads FIRST-LAST, or FIRST, which ends where its digits do.
func ParseSerialRange(text string) (r SerialRange, err error) {
	text = strings.ToUpper(text)
	first, last, ranged := strings.Cut(text, "-")
	r.head = strings.TrimRight(first, "0123456789")
	r.digits = len(first) - len(r.head)
	if r.digits > mostDigits {
		r.head, r.digits = first[:len(first)-mostDigits], mostDigits
	}
	most := 1
	for range r.digits {
		most *= 10
	}
	end := most - 1
	switch tail, alike := strings.CutPrefix(last, r.head); {
	case first == "" || !isSerial(first):
		return r, fmt.Errorf("%s is not a serial number, nor a range FIRST-LAST of them", shown(text))
	case !ranged:
	case !alike || len(tail) != r.digits || r.digits == 0 || strings.Trim(tail, "0123456789") != "":
		return r, fmt.Errorf("%s: the two ends of a range differ in their last digits only, such as FM500F100000-FM500F199999", shown(text))
	default:
		end = decimal(tail)
	}
	r.first = decimal(first[len(r.head):])
	if end < r.first {
		return r, fmt.Errorf("%s: the last serial number is below the first", shown(text))
	}
	r.room = end - r.first + 1
	return r, nil
}

// mostDigits is how many digits of a serial number are counted; the makers' have six
// behind the year.
const mostDigits = 9

func decimal(digits string) (n int) {
	for i := range len(digits) {
		n = 10*n + int(digits[i]-'0')
	}
	return n
}

// Room returns how many serial numbers the range has.
func (r SerialRange) Room() int { return r.room }

// At returns the n-th serial number, from 0.
func (r SerialRange) At(n int) string {
	if r.digits == 0 {
		return r.head
	}
	return fmt.Sprintf("%s%0*d", r.head, r.digits, r.first+n)
}

// A RangedGroup is devices of one name, model and firmware that have their addresses
// or serial numbers from ranges. Without a range they have those of the seed.
type RangedGroup struct {
	Group
	MACs    MACRange
	Serials SerialRange
	// Skip is how many of the ranges are those of others: groups of one name may
	// share them.
	Skip int
}

// Twice says that two devices of a fleet have one MAC address, or one serial number.
type Twice struct {
	Key    string // mac or serial
	What   string // such as the MAC address 000e08a00000
	Groups [2]int // whose devices they are; the first one has a range
}

// Error says what it is that two devices have.
func (t *Twice) Error() string { return "two devices have " + t.What }

// Ranged returns the list of a fleet whose devices are numbered group by group, and
// have what the ranges of their groups say; nil where no group has a range. The error
// is a [*Twice]. The ranges must have room.
func Ranged(seed uint64, groups []RangedGroup) (*List, error) {
	if !slices.ContainsFunc(groups, func(g RangedGroup) bool { return g.MACs.room+g.Serials.room > 0 }) {
		return nil, nil
	}
	l := &List{name: "the ranges of the groups", ranges: groups}
	sum, first := sha256.New(), 0
	for i := range groups {
		g := &groups[i]
		l.groups = append(l.groups, g.Group)
		l.firsts = append(l.firsts, first)
		first += g.Count
		fmt.Fprintf(sum, "%d %+v %+v %d\n", g.Count, g.MACs, g.Serials, g.Skip)
	}
	l.digest = hex.EncodeToString(sum.Sum(nil))
	if twice := l.twice(seed); twice != nil {
		return nil, twice
	}
	return l, nil
}

// twice returns an address or a serial number that two devices have, nil for none. What
// follows from the seed never comes twice: one of the two is from a range.
func (l *List) twice(seed uint64) *Twice {
	for i := range l.ranges {
		a := &l.ranges[i]
		for k := range l.ranges {
			if b := &l.ranges[k]; k != i && b.Count > 0 && a.Count > 0 {
				if t := l.meet(seed, i, k); t != nil {
					return t
				}
			}
		}
	}
	return nil
}

// meet compares the devices of a group that has ranges with those of another group.
func (l *List) meet(seed uint64, i, k int) *Twice {
	a, b := &l.ranges[i], &l.ranges[k]
	switch low := a.MACs.first + uint64(a.Skip); {
	case a.MACs.room == 0:
	case b.MACs.room > 0:
		if other := b.MACs.first + uint64(b.Skip); low <= other && other < low+uint64(a.Count) {
			return &Twice{"mac", "the MAC address " + b.MACs.At(b.Skip).String(), [2]int{i, k}}
		}
	default:
		for n := range b.Count {
			if mac := device.MACOf(b.Row.Model, seed, device.Index(l.firsts[k]+n)); low <= number(mac) && number(mac) < low+uint64(a.Count) {
				return &Twice{"mac", "the MAC address " + mac.String(), [2]int{i, k}}
			}
		}
	}
	if a.Serials.room == 0 || a.Row.Model != b.Row.Model {
		return nil
	}
	for n := range b.Count {
		if serial := l.Unit(b.Row, seed, device.Index(l.firsts[k]+n), netip.Addr{}).Serial; a.Serials.has(serial, a.Skip, a.Count) {
			return &Twice{"serial", "the serial number " + serial, [2]int{i, k}}
		}
	}
	return nil
}

// has reports whether a serial number is among some of the range.
func (r SerialRange) has(serial string, skip, count int) bool {
	tail, ok := strings.CutPrefix(serial, r.head)
	if !ok || len(tail) != r.digits || strings.Trim(tail, "0123456789") != "" {
		return false
	}
	n := decimal(tail) - r.first - skip
	return 0 <= n && n < count
}
