package measure_test

import (
	"strconv"
	"testing"

	"spafleet/device/measure"
)

func TestCountsAreWholeNumbersWithALetterForThousandsAndMillions(t *testing.T) {
	tests := []struct {
		text string
		want int
	}{
		{"0", 0}, {"1", 1}, {"200", 200}, {"10k", 10000}, {"1M", 1000000}, {"1.5k", 1500}, {"1.001k", 1001}, {"4.35M", 4350000},
		{"1.0", 1}, {"007", 7}, {"0.25k", 250}, {"1000000M", 1e12},
	}
	for _, tt := range tests {
		if got, err := measure.Count(tt.text); err != nil || got != tt.want {
			t.Errorf("%s: %d, %v, want %d", tt.text, got, err, tt.want)
		}
	}
}

func TestWhatIsNoCountIsRefusedByName(t *testing.T) {
	for _, text := range []string{"", "k", "M", "1.5", "1.0001k", "-1", "-0", "+1", ".5k", "5.k", "1e3", "0x10", "1_000", "inf", "NaN", "1K", "1m",
		"1 k", " 1", "1kk", "1.2.3k", "1000001M", "99999999999999999999"} {
		n, err := measure.Count(text)
		if want := strconv.Quote(text) + " is not a count; write 200, 10k or 1M"; err == nil || err.Error() != want {
			t.Errorf("%q: %d, %v", text, n, err)
		}
	}
}

func TestRatesAreCountsPerSecondMinuteOrHour(t *testing.T) {
	for text, want := range map[string]float64{"250/s": 250, "1k/s": 1000, "30/m": .5, "1.8k/h": .5} {
		if got, err := measure.Rate(text); err != nil || got != want {
			t.Errorf("%s: %g, %v, want %g", text, got, err, want)
		}
	}
	for _, text := range []string{"250", "250/d", "0/s", "/s", "250/", "1.5/s", "-1/s", "250 /s", "250/s/s"} {
		if got, err := measure.Rate(text); err == nil || err.Error() != strconv.Quote(text)+" is not a rate such as 250/s" {
			t.Errorf("%q: %g, %v", text, got, err)
		}
	}
}
