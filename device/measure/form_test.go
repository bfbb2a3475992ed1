package measure_test

import (
	"slices"
	"testing"

	"spafleet/device/measure"
)

// What a function reads has its form, and nothing else has it but what is too much.
func TestFormsAreThoseOfWhatIsRead(t *testing.T) {
	texts := []string{
		"", "0", "5", "05", "1.0", "1.5", "-1", "+1", ".5", "5.", "k", "10k", "1.5k", "1M", "1K", "1 k", "1e3", "0x10", "nan", "inf",
		"0s", "45s", "1h30m", "7d", "2w", "250ms", "1.5h", "1m30", "s", "5 s", "5y", "5us", "45", "20ms..2s", "20ms .. 2s", "..2s", "20ms..", "1..2",
		"512B", "16KB", "1.5MB", "1GB", "16k", "16kb", "KB", "1TB", "250/s", "1k/m", "30/h", "1.5/s", "250/d", "/s", "250/", "250/s/s",
		"5%", "0.5%", "%", "5 %", "true", "false", "yes", "x",
	}
	for name, f := range map[string]struct {
		form  measure.Form
		reads func(string) error
		not   []string // what has the form and is refused: what only arithmetic can tell
	}{
		"count":    {measure.CountForm, func(text string) error { _, err := measure.Count(text); return err }, nil},
		"duration": {measure.DurationForm, func(text string) error { _, err := measure.Duration(text); return err }, nil},
		"positive": {measure.PositiveForm, func(text string) error { _, err := measure.Positive(text); return err }, []string{"0s"}},
		"span":     {measure.SpanForm, func(text string) error { _, _, err := measure.Span(text); return err }, nil},
		"size":     {measure.SizeForm, func(text string) error { _, err := measure.Size(text); return err }, nil},
		"rate":     {measure.RateForm, func(text string) error { _, err := measure.Rate(text); return err }, nil},
	} {
		read := 0
		for _, text := range texts {
			reads := f.reads(text) == nil
			if has := f.form.Takes(text); has != reads && !(has && slices.Contains(f.not, text)) {
				t.Errorf("%s: %q has the form: %t, and is read: %t", name, text, has, reads)
			}
			if reads {
				read++
			}
		}
		for _, like := range f.form.Like {
			if !f.form.Takes(like) || f.reads(like) != nil {
				t.Errorf("%s: the example %q is none", name, like)
			}
		}
		if read < 3 {
			t.Errorf("%s: only %d texts are read", name, read)
		}
	}
}

func TestFormsAreJoined(t *testing.T) {
	f := measure.BoolForm.Or(measure.Form{Pattern: "[0-9]+", Least: 1, Most: 9}).Or(measure.ShareForm)
	for text, want := range map[string]bool{"true": true, "7": true, "5%": true, "": false, "5s": false, "truex": false, "x5%": false} {
		if f.Takes(text) != want {
			t.Errorf("%q: %t", text, !want)
		}
	}
	if f.Most != 0 || measure.BoolForm.Any() || !(measure.Form{}).Or(f).Any() || !f.Or(measure.Form{}).Any() {
		t.Errorf("%+v", f)
	}
	if limits := measure.BoolForm.Or(measure.Form{Pattern: "[0-9]+", Most: 9}); limits.Most != 9 || len(f.Like) != 1 {
		t.Errorf("%+v", limits)
	}
}
