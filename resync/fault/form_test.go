package fault_test

import (
	"slices"
	"testing"

	"spafleet/resync/fault"
)

// What an effect reads has its form; what has the form is refused only for its numbers.
func TestFormsAreThoseOfWhatIsRead(t *testing.T) {
	texts := []string{
		"", "0", "5", "99", "200", "404", "600", "-1", "1.5", "true", "false", "yes", "all", "none", "block 3", "block 3 once", "block 3 twice", "block",
		"block x", "ack 0", "ack 3-", "packet 5-9", "packet  5-9  once", "packets 5", "2%", "100%", "0%", "200%", "2 %", "%", "20ms", "20ms..2s", "2s..20ms", "20",
		"64kbit/s", "1 Mbit/s", "1.5bit/s", "64k", "64Kbit/s", "0.1bit/s", "4KB", "0B", "4k", "endless", "storm", "stormy", "drip ", "3", "1-2", "4-", "1,3", "1, 3-5", "-3", "1,,2", "2-1",
	}
	tooMuch := []string{"0%", "200%", "2s..20ms", "0.1bit/s", "99", "200", "404", "600", "2-1", "0", "drip "}
	check := func(name string, takes, reads bool, text string) {
		if takes != reads && !(takes && slices.Contains(tooMuch, text)) {
			t.Errorf("%s: %q has the form: %t, and is read: %t", name, text, takes, reads)
		}
	}
	for _, e := range fault.Table() {
		read := 0
		for _, text := range texts {
			err := e.Parse(&fault.Effects{}, text)
			check(e.Key, e.Form.Takes(text), err == nil, text)
			if err == nil {
				read++
			}
		}
		for _, like := range e.Form.Like {
			if err := e.Parse(&fault.Effects{}, like); err != nil || !e.Form.Takes(like) {
				t.Errorf("%s: the example %q: %v", e.Key, like, err)
			}
		}
		if read == 0 || e.About == "" {
			t.Errorf("%s: about %q, and %d texts are read", e.Key, e.About, read)
		}
	}
	for _, text := range texts {
		_, err := fault.ParseOrdinals(text)
		check("nth", fault.OrdinalsForm.Takes(text), err == nil, text)
	}
}
