package scenarios

import (
	"fmt"
	"strconv"
	"strings"

	"spafleet/device/measure"
	"spafleet/scenarios/report"
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
	if _, ok := measure.Decimal(digits); !ok || err != nil || len(part) > zeros || n > mostCount {
		return 0, fmt.Errorf("%q is not a count; write 200, 10k or 1M", text)
	}
	return int(n), nil
}

const mostCount = 1_000_000_000_000

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

// ParseQuantity reads a count or a share.
func ParseQuantity(text string) (report.Quantity, error) {
	text = strings.TrimSpace(text)
	if digits, ok := strings.CutSuffix(text, "%"); ok {
		n, ok := measure.Decimal(digits)
		if !ok || n <= 0 || n > 100 {
			return report.Quantity{}, fmt.Errorf("%q is not a share such as 30%%", text)
		}
		return report.Quantity{N: n, Percent: true, Text: text}, nil
	}
	n, err := ParseCount(text)
	return report.Quantity{N: float64(n), Text: text}, err
}
