package scenarios_test

import (
	"strconv"
	"testing"
	"time"

	"spafleet/scenarios"
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
		if got, err := scenarios.ParseCount(tt.text); err != nil || got != tt.want {
			t.Errorf("%s: %d, %v, want %d", tt.text, got, err, tt.want)
		}
	}
}

func TestWhatIsNoCountIsRefusedByName(t *testing.T) {
	for _, text := range []string{"", "k", "M", "1.5", "1.0001k", "-1", "-0", "+1", ".5k", "5.k", "1e3", "0x10", "1_000", "inf", "NaN", "1K", "1m",
		"1 k", " 1", "1kk", "1.2.3k", "1000001M", "99999999999999999999"} {
		n, err := scenarios.ParseCount(text)
		if want := strconv.Quote(text) + " is not a count; write 200, 10k or 1M"; err == nil || err.Error() != want {
			t.Errorf("%q: %d, %v", text, n, err)
		}
	}
}

func TestDurationsAreNumbersWithUnits(t *testing.T) {
	tests := []struct {
		text string
		want time.Duration
	}{
		{"0", 0}, {"0s", 0}, {"250ms", 250 * time.Millisecond}, {"45s", 45 * time.Second}, {"1h30m", 90 * time.Minute}, {"7d", 168 * time.Hour},
		{"2w", 336 * time.Hour}, {"1.5h", 90 * time.Minute}, {"0.29s", 290 * time.Millisecond}, {"1m500ms", 60500 * time.Millisecond},
		{"1d12h", 36 * time.Hour}, {"36500d", 36500 * 24 * time.Hour},
	}
	for _, tt := range tests {
		if got, err := scenarios.ParseDuration(tt.text); err != nil || got != tt.want {
			t.Errorf("%s: %s, %v, want %s", tt.text, got, err, tt.want)
		}
	}
}

func TestWhatIsNoDurationIsRefused(t *testing.T) {
	tests := []struct{ text, want string }{
		{"45", `a duration needs a unit (ms s m h d w); did you mean "45s"?`},
		{"1.5", `a duration needs a unit (ms s m h d w); did you mean "1.5s"?`},
		{"1m30", `"1m30" is not a duration such as 45s or 1h30m`},
		{"", `"" is not a duration such as 45s or 1h30m`},
	}
	for _, tt := range tests {
		if _, err := scenarios.ParseDuration(tt.text); err == nil || err.Error() != tt.want {
			t.Errorf("%q: %v, want %s", tt.text, err, tt.want)
		}
	}
	for _, text := range []string{"s", ".5s", "5.s", "-5s", "+5s", "5 s", "5y", "5us", "nan", "infs", "1e3s", "36501d", "60y", "36500d36500d36500d"} {
		if d, err := scenarios.ParseDuration(text); err == nil {
			t.Errorf("%q is %s", text, d)
		}
	}
}

func TestRatesAreCountsPerSecondMinuteOrHour(t *testing.T) {
	for text, want := range map[string]float64{"250/s": 250, "1k/s": 1000, "30/m": .5, "1.8k/h": .5} {
		if got, err := scenarios.ParseRate(text); err != nil || got != want {
			t.Errorf("%s: %g, %v, want %g", text, got, err, want)
		}
	}
	for _, text := range []string{"250", "250/d", "0/s", "/s", "250/", "1.5/s", "-1/s", "250 /s", "250/s/s"} {
		if got, err := scenarios.ParseRate(text); err == nil || err.Error() != strconv.Quote(text)+" is not a rate such as 250/s" {
			t.Errorf("%q: %g, %v", text, got, err)
		}
	}
}

func TestSizesAreNumbersOfBytes(t *testing.T) {
	for text, want := range map[string]int{"0B": 0, "512B": 512, "16KB": 16384, "1.5KB": 1536, "2MB": 2 << 20, "1GB": 1 << 30} {
		if got, err := scenarios.ParseSize(text); err != nil || got != want {
			t.Errorf("%s: %d, %v, want %d", text, got, err, want)
		}
	}
	for _, text := range []string{"16k", "16", "KB", "-1KB", "infB", "nanB", "1e3KB", ".5KB", "16 KB", "16kb", "3GB", "1TB"} {
		if got, err := scenarios.ParseSize(text); err == nil || err.Error() != strconv.Quote(text)+" is not a size such as 16KB" {
			t.Errorf("%q: %d, %v", text, got, err)
		}
	}
}
