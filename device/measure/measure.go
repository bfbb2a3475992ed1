// Package measure reads durations, sizes and numbers as scenario files and flags
// write them.
package measure

import (
	"cmp"
	"fmt"
	"math"
	"strconv"
	"strings"
	"time"
)

// Decimal reads digits, with a fraction or without. Signs, exponents and words
// such as inf, which Go's own parser takes, are not numbers of the format.
func Decimal(text string) (float64, bool) {
	whole, part, split := strings.Cut(text, ".")
	for _, digits := range []string{whole, part} {
		if strings.Trim(digits, "0123456789") != "" {
			return 0, false
		}
	}
	if whole == "" || split && part == "" {
		return 0, false
	}
	n, err := strconv.ParseFloat(text, 64)
	return n, err == nil
}

var units = []struct {
	name string
	d    time.Duration
}{{"ms", time.Millisecond}, {"s", time.Second}, {"m", time.Minute}, {"h", time.Hour}, {"d", 24 * time.Hour}, {"w", 7 * 24 * time.Hour}}

// Duration reads a duration such as 45s, 1h30m, 7d, or 0.
func Duration(text string) (time.Duration, error) {
	if text == "0" {
		return 0, nil
	}
	var total time.Duration
	rest := text
	for rest != "" {
		i := 0
		for i < len(rest) && (rest[i] >= '0' && rest[i] <= '9' || rest[i] == '.') {
			i++
		}
		n, ok := Decimal(rest[:i])
		unit, left := splitUnit(rest[i:])
		if !ok || unit == 0 || n*float64(unit)+float64(total) > float64(longest) {
			return 0, durationError(text)
		}
		total += time.Duration(math.Round(n * float64(unit)))
		rest = left
	}
	if text == "" {
		return 0, durationError(text)
	}
	return total, nil
}

// Positive reads a duration above 0: how long something lasts.
func Positive(text string) (time.Duration, error) {
	d, err := Duration(text)
	if err == nil && d == 0 {
		err = fmt.Errorf("%q is no time at all; give one above 0, such as 30s", text)
	}
	return d, err
}

// Format writes a duration as Duration reads it, to the millisecond.
func Format(d time.Duration) string {
	var b strings.Builder
	for _, i := range []int{4, 3, 2, 1, 0} { // days first: nobody writes 1w for 7d
		if n := d / units[i].d; n > 0 {
			fmt.Fprintf(&b, "%d%s", n, units[i].name)
			d %= units[i].d
		}
	}
	return cmp.Or(b.String(), "0")
}

const longest = 100 * 365 * 24 * time.Hour

func splitUnit(s string) (time.Duration, string) {
	for _, u := range units {
		if rest, ok := strings.CutPrefix(s, u.name); ok {
			return u.d, rest
		}
	}
	return 0, s
}

func durationError(text string) error {
	if _, ok := Decimal(text); ok {
		return fmt.Errorf("a duration needs a unit (ms s m h d w); did you mean %q?", text+"s")
	}
	return fmt.Errorf("%q is not a duration such as 45s or 1h30m", text)
}

// Size reads a size such as 16KB.
func Size(text string) (int, error) {
	for _, u := range []struct {
		name string
		n    float64
	}{{"KB", 1 << 10}, {"MB", 1 << 20}, {"GB", 1 << 30}, {"B", 1}} {
		if digits, ok := strings.CutSuffix(text, u.name); ok {
			n, ok := Decimal(digits)
			if ok && n*u.n <= 1<<31 {
				return int(n * u.n), nil
			}
		}
	}
	return 0, fmt.Errorf("%q is not a size such as 16KB", text)
}

// Span reads a duration, or D..D from the shortest to the longest.
func Span(text string) (least, most time.Duration, err error) {
	first, last, spread := strings.Cut(text, "..")
	if least, err = Duration(strings.TrimSpace(first)); err != nil {
		return least, least, err
	}
	most = least
	if spread {
		most, err = Duration(strings.TrimSpace(last))
	}
	if err == nil && most < least {
		err = fmt.Errorf("%q ends before it begins", text)
	}
	return least, most, err
}

// Count reads a whole number such as 200, 10k or 1M.
func Count(text string) (int, error) {
	digits, zeros := text, 0
	if d, ok := strings.CutSuffix(text, "k"); ok {
		digits, zeros = d, 3
	} else if d, ok := strings.CutSuffix(text, "M"); ok {
		digits, zeros = d, 6
	}
	// Moved in decimal: 1.001 times 1000 is not 1001 in binary.
	whole, part, _ := strings.Cut(digits, ".")
	part = strings.TrimRight(part, "0")
	n, err := strconv.ParseUint(whole+part+strings.Repeat("0", max(zeros-len(part), 0)), 10, 64)
	if _, ok := Decimal(digits); !ok || err != nil || len(part) > zeros || n > mostCount {
		return 0, fmt.Errorf("%q is not a count; write 200, 10k or 1M", text)
	}
	return int(n), nil
}

const mostCount = 1_000_000_000_000

// Rate reads a rate such as 250/s and returns it per second.
func Rate(text string) (float64, error) {
	count, unit, ok := strings.Cut(text, "/")
	n, err := Count(count)
	per := map[string]float64{"s": 1, "m": 60, "h": 3600}[unit]
	if !ok || err != nil || per == 0 || n == 0 {
		return 0, fmt.Errorf("%q is not a rate such as 250/s", text)
	}
	return float64(n) / per, nil
}
