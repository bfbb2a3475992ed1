package harness

import (
	"bytes"
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"strings"
	"testing"
	"time"
)

func TestVerdictSaysByHowMuchATargetIsMissed(t *testing.T) {
	for v, want := range map[Verdict]string{
		AtMost("cost", 0.18, 0.18, "ms"): "cost: 0.18 ms (≤ 0.18 ms): met",
		AtMost("cost", 0.27, 0.18, "ms"): "cost: 0.27 ms (≤ 0.18 ms): MISSED by 50.0 %",
		AtLeast("ratio", 0.55, 0.55, ""): "ratio: 0.55 (≥ 0.55): met",
		AtLeast("ratio", 0.44, 0.55, ""): "ratio: 0.44 (≥ 0.55): MISSED by 20.0 %",
	} {
		if got := v.String(); got != want {
			t.Errorf("%q, want %q", got, want)
		}
	}
}

// Rounds that ran side by side are compared: a slow moment of the machine is the
// same for both.
func TestRatioIsTheMedianOfRounds(t *testing.T) {
	a, b := &Side{}, &Side{}
	for i, pair := range [][2]int{{90, 100}, {900, 1000}, {200, 100}} {
		a.Add(Round{Count: pair[0], Elapsed: time.Second, CPU: time.Duration(i+1) * time.Second})
		b.Add(Round{Count: pair[1], Elapsed: time.Second})
	}
	if r := a.Ratio(b); r != 0.9 {
		t.Errorf("ratio %v, want 0.9", r)
	}
	if a.Rate != 200 || a.Cost != Median([]float64{1000. / 90, 2000. / 900, 3000. / 200}) {
		t.Errorf("rate %v, cost %v", a.Rate, a.Cost)
	}
}

// Only what could not be measured ends with a code other than 0.
func TestExitCodes(t *testing.T) {
	missed := Verdict{What: "speed", Value: 1, Target: 2}
	i := &Instrument{Name: "bench/x", Flags: func(f *flag.FlagSet) func() error {
		n := f.Int("n", 1, "")
		return func() error {
			if *n < 1 {
				return errors.New("--n is 1 or more")
			}
			return nil
		}
	}, Measure: func(context.Context, io.Writer) (Report, error) { return told{missed}, nil }}
	broken := &Instrument{Name: "bench/x", Measure: func(context.Context, io.Writer) (Report, error) { return nil, errors.New("no server") }}
	for _, tt := range []struct {
		i          *Instrument
		args       string
		code       int
		out, wrong string
	}{
		{i, "", 0, "MISSED", ""}, {i, "--json", 0, `"met": false`, ""}, {i, "-h", 0, "", "--"},
		{i, "--n 0", 2, "", "--n is 1 or more"}, {i, "--m", 2, "", "not defined"}, {i, "fast", 2, "", `"fast" is no option`},
		{broken, "", 1, "", "bench/x: no server"},
	} {
		var out, errs bytes.Buffer
		code := tt.i.Run(t.Context(), strings.Fields(tt.args), nil, &out, &errs)
		if code != tt.code || !strings.Contains(out.String(), tt.out) || tt.code != 0 && !strings.Contains(errs.String(), tt.wrong) {
			t.Errorf("%q: exit %d, want %d; %q %q, want %q %q", tt.args, code, tt.code, out.String(), errs.String(), tt.out, tt.wrong)
		}
	}
}

type told struct {
	Verdict Verdict `json:"verdict"`
}

func (r told) Print(out io.Writer) { fmt.Fprintln(out, r.Verdict) }
