package report_test

import (
	"slices"
	"testing"

	"spafleet/device/measure"
	"spafleet/scenarios/report"
)

// What a metric is limited by has the form that it tells, and nothing else has it but
// what is too little.
func TestLimitsHaveTheirForm(t *testing.T) {
	texts := []string{
		"p(95)<500ms", "p(99.9) <= 2s", "p(0)<1s", "p()<1s", "p(95)500ms", "avg>1s", "min==0", "med!=1m", "max<500", "max<5s", "max<10", "value>=3", "rate<1%", "rate<0.5",
		"rate<101%", "rate<50", "rate=1%", "count<10k", "count<1.5", "count==0", "count<5s", "sum<3", "<3", "", "rate<", "p(95)<", "avg<1.5",
	}
	metrics := 0
	report.EachMetric(func(name, one, kind, example string, limit measure.Form, _ []string) {
		metrics++
		if one == "" || kind == "" || !limit.Takes(example) {
			t.Errorf("%s: %q, a %s such as %s", name, one, kind, example)
		}
		for _, text := range texts {
			_, err := report.ParseThreshold(name, text)
			if has := limit.Takes(text); has != (err == nil) && !(has && slices.Contains([]string{"p(0)<1s", "rate<50"}, text)) {
				t.Errorf("%s: %q has the form: %t, and is read: %v", name, text, has, err)
			}
		}
	})
	if metrics < 20 {
		t.Errorf("%d metrics", metrics)
	}
}
