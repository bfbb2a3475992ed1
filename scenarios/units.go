package scenarios

import (
	"fmt"
	"math"
	"strconv"
	"strings"
	"time"
)

// ParseCount reads a whole number such as 200, 10k or 1M.
func ParseCount(text string) (int, error) {
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
	if _, ok := number(digits); !ok || err != nil || len(part) > zeros || n > mostCount {
		return 0, fmt.Errorf("%q is not a count; write 200, 10k or 1M", text)
	}
	return int(n), nil
}

const mostCount = 1_000_000_000_000

// number reads digits, with a fraction or without. Signs, exponents and words
// such as inf, which Go's own parser takes, are not numbers of the format.
func number(text string) (float64, bool) {
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

// ParseDuration reads a duration such as 45s, 1h30m, 7d, or 0.
func ParseDuration(text string) (time.Duration, error) {
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
		n, ok := number(rest[:i])
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

// formatDuration writes a duration as ParseDuration reads it, to the millisecond.
func formatDuration(d time.Duration) string {
	var b strings.Builder
	for _, i := range []int{4, 3, 2, 1, 0} { // days first: nobody writes 1w for 7d
		if n := d / units[i].d; n > 0 {
			fmt.Fprintf(&b, "%d%s", n, units[i].name)
			d %= units[i].d
		}
	}
	return cmpOr(b.String(), "0")
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
	if _, ok := number(text); ok {
		return fmt.Errorf("a duration needs a unit (ms s m h d w); did you mean %q?", text+"s")
	}
	return fmt.Errorf("%q is not a duration such as 45s or 1h30m", text)
}

// ParseRate reads a rate such as 250/s and returns it per second.
func ParseRate(text string) (float64, error) {
	count, unit, ok := strings.Cut(text, "/")
	n, err := ParseCount(count)
	per := map[string]float64{"s": 1, "m": 60, "h": 3600}[unit]
	if !ok || err != nil || per == 0 || n == 0 {
		return 0, fmt.Errorf("%q is not a rate such as 250/s", text)
	}
	return float64(n) / per, nil
}

// ParseSize reads a size such as 16KB.
func ParseSize(text string) (int, error) {
	for _, u := range []struct {
		name string
		n    float64
	}{{"KB", 1 << 10}, {"MB", 1 << 20}, {"GB", 1 << 30}, {"B", 1}} {
		if digits, ok := strings.CutSuffix(text, u.name); ok {
			n, ok := number(digits)
			if ok && n*u.n <= 1<<31 {
				return int(n * u.n), nil
			}
		}
	}
	return 0, fmt.Errorf("%q is not a size such as 16KB", text)
}

// parseQuantity reads a count or a share.
func parseQuantity(text string) (quantity, error) {
	text = strings.TrimSpace(text)
	if digits, ok := strings.CutSuffix(text, "%"); ok {
		n, ok := number(digits)
		if !ok || n <= 0 || n > 100 {
			return quantity{}, fmt.Errorf("%q is not a share such as 30%%", text)
		}
		return quantity{n, true, text}, nil
	}
	n, err := ParseCount(text)
	return quantity{float64(n), false, text}, err
}
