package scenarios

import (
	"testing"
	"time"

	"pgregory.net/rapid"
)

func TestPaces(t *testing.T) {
	s := time.Second
	tests := []struct {
		name string
		pace Pace
		n    int
		want []time.Duration
	}{
		{"a rate", Pace{From: 2, To: 2}, 4, []time.Duration{0, s / 2, s, 3 * s / 2}},
		{"over a time", Pace{Over: 40 * s}, 4, []time.Duration{0, 10 * s, 20 * s, 30 * s}},
		{"a ramp, then held", Pace{From: 1, To: 3, Over: 2 * s}, 8, []time.Duration{0, 732050807, 1236067977, 1645751311, 2 * s, 2333333333, 2666666666, 3 * s}},
		{"a ramp downwards", Pace{From: 3, To: 1, Over: 2 * s}, 6, []time.Duration{0, 354248688, 763932022, 1267949192, 2 * s, 3 * s}},
	}
	for _, tt := range tests {
		for i, want := range tt.want {
			if got := tt.pace.At(i, tt.n); (got - want).Abs() > time.Microsecond {
				t.Errorf("%s: device %d has its turn at %v, want %v", tt.name, i, got, want)
			}
		}
	}
}

// Turns come in order, and as many of them in a time as the rates allow.
func TestARampKeepsItsRates(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		rate := rapid.Float64Range(0.01, 1000)
		p := Pace{From: rate.Draw(t, "from"), To: rate.Draw(t, "to"), Over: time.Duration(rapid.IntRange(1, 1000).Draw(t, "over")) * time.Second}
		last := p.At(0, 1000)
		if last != 0 {
			t.Errorf("the first has its turn at %v", last)
		}
		for i := 1; i < 1000; i++ {
			at := p.At(i, 1000)
			pause := (at - last).Seconds()
			if pause < 0.999/max(p.From, p.To)-1e-6 || pause > 1.001/min(p.From, p.To)+1e-6 {
				t.Fatalf("%+v: between devices %d and %d it is %gs", p, i-1, i, pause)
			}
			last = at
		}
	})
}
