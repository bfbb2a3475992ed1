package scenarios

import (
	"math"
	"slices"
	"strconv"
	"testing"

	"pgregory.net/rapid"

	"spafleet/scenarios/report"
)

func TestQuantitiesAreCountsOrShares(t *testing.T) {
	for text, want := range map[string]report.Quantity{"5": {N: 5, Percent: false, Text: "5"}, "10k": {N: 10000, Percent: false, Text: "10k"}, "30%": {N: 30, Percent: true, Text: "30%"}, "99.9%": {N: 99.9, Percent: true, Text: "99.9%"}, "100%": {N: 100, Percent: true, Text: "100%"}} {
		if got, err := ParseQuantity(text); err != nil || got != want {
			t.Errorf("%s: %+v, %v", text, got, err)
		}
	}
	for _, text := range []string{"0%", "101%", "-5%", "%", "nan%", "inf%", "1e1%", "0x1p4%", "30 %"} {
		if got, err := ParseQuantity(text); err == nil || err.Error() != strconv.Quote(text)+" is not a share such as 30%" {
			t.Errorf("%q: %+v, %v", text, got, err)
		}
	}
}

func TestLargestRemainderTiesGoToTheEarlierRow(t *testing.T) {
	tests := []struct {
		percents []float64
		total    int
		want     []int
	}{
		{[]float64{34, 33, 33}, 20, []int{7, 7, 6}},
		{[]float64{50, 50}, 3, []int{2, 1}},
		{[]float64{33.33, 33.33, 33.33}, 1000000, []int{333334, 333333, 333333}},
		{[]float64{55, 30, 15}, 10000, []int{5500, 3000, 1500}},
		{[]float64{99, 1}, 10, []int{10, 0}},
	}
	for _, tt := range tests {
		if got := apportion(shares(tt.percents), tt.total); !slices.Equal(got, tt.want) {
			t.Errorf("%v of %d: %v, want %v", tt.percents, tt.total, got, tt.want)
		}
	}
}

func shares(percents []float64) []Share {
	list := make([]Share, len(percents))
	for i, p := range percents {
		list[i].Percent = p
	}
	return list
}

func TestSharesAddUpToTheGroupAndEachIsWithinOneOfExact(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		weights := rapid.SliceOfN(rapid.IntRange(1, 1000), 1, 12).Draw(t, "weights")
		total := rapid.IntRange(0, 1000000).Draw(t, "total")
		sum := 0
		for _, w := range weights {
			sum += w
		}
		percents := make([]float64, len(weights))
		for i, w := range weights {
			percents[i] = 100 * float64(w) / float64(sum)
		}
		left := total
		for i, n := range apportion(shares(percents), total) {
			left -= n
			if exact := float64(total) * float64(weights[i]) / float64(sum); n < 0 || math.Abs(float64(n)-exact) >= 1+1e-6 {
				t.Fatalf("share %d of %d is %d, exactly %g", i, total, n, exact)
			}
		}
		if left != 0 {
			t.Fatalf("%d of %d devices are left over", left, total)
		}
	})
}
