package measure_test

import (
	"strconv"
	"testing"
	"time"

	"spafleet/device/measure"
)

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
		if got, err := measure.Duration(tt.text); err != nil || got != tt.want {
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
		if _, err := measure.Duration(tt.text); err == nil || err.Error() != tt.want {
			t.Errorf("%q: %v, want %s", tt.text, err, tt.want)
		}
	}
	for _, text := range []string{"s", ".5s", "5.s", "-5s", "+5s", "5 s", "5y", "5us", "nan", "infs", "1e3s", "36501d", "60y", "36500d36500d36500d"} {
		if d, err := measure.Duration(text); err == nil {
			t.Errorf("%q is %s", text, d)
		}
	}
}

func TestSizesAreNumbersOfBytes(t *testing.T) {
	for text, want := range map[string]int{"0B": 0, "512B": 512, "16KB": 16384, "1.5KB": 1536, "2MB": 2 << 20, "1GB": 1 << 30} {
		if got, err := measure.Size(text); err != nil || got != want {
			t.Errorf("%s: %d, %v, want %d", text, got, err, want)
		}
	}
	for _, text := range []string{"16k", "16", "KB", "-1KB", "infB", "nanB", "1e3KB", ".5KB", "16 KB", "16kb", "3GB", "1TB"} {
		if got, err := measure.Size(text); err == nil || err.Error() != strconv.Quote(text)+" is not a size such as 16KB" {
			t.Errorf("%q: %d, %v", text, got, err)
		}
	}
}

func TestDurationsAreWrittenAsTheyAreRead(t *testing.T) {
	for d, want := range map[time.Duration]string{0: "0", 45 * time.Minute: "45m", 90 * time.Minute: "1h30m", 168 * time.Hour: "7d", 1500 * time.Millisecond: "1s500ms"} {
		if got := measure.Format(d); got != want {
			t.Errorf("%s: %s, want %s", d, got, want)
		}
	}
}

func TestSpans(t *testing.T) {
	for text, want := range map[string][2]time.Duration{"5s": {5e9, 5e9}, "100ms..2s": {1e8, 2e9}, "0 .. 1s": {0, 1e9}} {
		if least, most, err := measure.Span(text); err != nil || least != want[0] || most != want[1] {
			t.Errorf("%q: %s to %s, %v", text, least, most, err)
		}
	}
	for _, text := range []string{"", "..", "1s..", "2s..1s", "1s...2s"} {
		if least, most, err := measure.Span(text); err == nil {
			t.Errorf("%q: %s to %s", text, least, most)
		}
	}
}

func TestWhatLastsNoTimeIsNotPositive(t *testing.T) {
	for _, text := range []string{"0", "0s", "0ms", "0.0000001ms"} {
		if d, err := measure.Positive(text); err == nil || err.Error() != strconv.Quote(text)+" is no time at all; give one above 0, such as 30s" {
			t.Errorf("%q: %s, %v", text, d, err)
		}
	}
	if d, err := measure.Positive("1ms"); d != time.Millisecond || err != nil {
		t.Errorf("1ms: %s, %v", d, err)
	}
	if _, err := measure.Positive("soon"); err == nil {
		t.Error("soon is a duration")
	}
}
