package scenarios

import (
	"fmt"
	"strings"

	"spafleet/device/measure"
	"spafleet/scenarios/report"
)

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
	n, err := measure.Count(text)
	return report.Quantity{N: float64(n), Text: text}, err
}
