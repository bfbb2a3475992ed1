package probe

import (
	"testing"
	"testing/synctest"
	"time"
)

func TestTimesAreToldInWords(t *testing.T) {
	for d, want := range map[time.Duration]string{
		5 * time.Second:                 "1 minute",
		12*time.Minute + 20*time.Second: "12 minutes",
		89 * time.Minute:                "89 minutes",
		95 * time.Minute:                "1 hour 35 minutes",
		2 * time.Hour:                   "2 hours",
		2*time.Hour + 6*time.Minute:     "2 hours 10 minutes",
	} {
		if got := roughly(d); got != want {
			t.Errorf("%s is told as %q, not %q", d, got, want)
		}
	}
}

// What remains is told each five minutes, as quick as the phone was until then.
func TestWhatRemainsIsToldNowAndThen(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		row := &experiment{times: 1, takes: passesAnd(0, 10*time.Minute)}
		r := newRemainder([]*experiment{row, row, row, row}, time.Second)
		for i, want := range []string{"", "", "about 10 minutes left", ""} {
			if got := r.say(i); got != want {
				t.Errorf("before experiment %d it says %q, not %q", i, got, want)
			}
			time.Sleep(5*time.Minute - time.Second)
		}
	})
}
