package rule_test

import (
	"math/rand/v2"
	"testing"

	"spafleet/device/rule"
)

func TestVersionsInOrder(t *testing.T) {
	ordered := []string{
		"", "0.9.12", "1.0.2", "1.0.31", "1.0.31(b)", "1.1", "2.0.3", "2.0.3(0412s)", "2.0.3(0413s)", "2.0.11",
		"3.3.6", "5.1.5(GWa)", "5.1.5(LS)", "5.1.10(GW)", "5.2", "5.2.13", "6.1.5", "6.1.5(a)", "6.1.5b",
		"6.1.10(001)", "6.1.10(2)", "6.1.10(010)", "6.1.10(a)", "7.4.9a", "7.5.2", "7.5.2b", "7.6.2f",
		"99999999999999999999.0", "100000000000000000000.0",
	}
	for i, a := range ordered {
		for j, b := range ordered {
			want := min(1, max(-1, i-j))
			if got := rule.CompareVersions(a, b, false); got != want {
				t.Errorf("%q against %q: got %d, want %d", a, b, got, want)
			}
		}
	}
}

func TestEqualVersions(t *testing.T) {
	for _, tt := range []struct {
		a, b         string
		ignoreSuffix bool
	}{
		{"", "0.0.0", false},
		{"5.2", "5.2.0", false},
		{"5.02.013", "5.2.13", false},
		{"6.1.5(a)", "6.1.5a", false},
		{"5.2.13", "5.2.13(x)", true},
		{"5.1.10(GW)", "5.1.10-GW", true},
	} {
		if got := rule.CompareVersions(tt.a, tt.b, tt.ignoreSuffix); got != 0 {
			t.Errorf("%q against %q: got %d, want 0", tt.a, tt.b, got)
		}
	}
}

func TestVersionsAreTotallyOrdered(t *testing.T) {
	random := rand.New(rand.NewPCG(1, 2))
	draw := func() string {
		s := make([]byte, random.IntN(6))
		for i := range s {
			s[i] = "0012..ab()-"[random.IntN(11)]
		}
		return string(s)
	}
	for range 200_000 {
		a, b, c := draw(), draw(), draw()
		ab, bc, ac := rule.CompareVersions(a, b, false), rule.CompareVersions(b, c, false), rule.CompareVersions(a, c, false)
		if ab != -rule.CompareVersions(b, a, false) {
			t.Fatalf("%q and %q depend on their order", a, b)
		}
		if ab <= 0 && bc <= 0 && ac > 0 {
			t.Fatalf("%q <= %q <= %q but not %q <= %q", a, b, c, a, c)
		}
	}
}
