package rule_test

import (
	"fmt"
	"strings"
	"sync"
	"testing"

	"spafleet/device/rule"
)

func TestReadSaysWhatTheTextSaysByItself(t *testing.T) {
	for _, tt := range []struct {
		text                string
		strong, http, delta bool
	}{
		{"", false, false, false},
		{"/spa$PSN.cfg", false, false, false},
		{"http://h/$MAU-$SN-$SWVER.xml", false, true, false},
		{"HTTP://h/", false, true, false},
		{"tftp://h/x | Https://h/x", true, true, false},
		{"[--key k] tftp://h/x", true, false, false},
		{"[--delta] /x", true, false, true},
		{"$A", true, false, false},    // can hold any rule
		{"/$MAX", true, false, false}, // no macro of ours; it may be one of a later firmware
		{"/x # https", true, true, false},
	} {
		r := rule.Read(tt.text, rule.Dialect{})
		if r.MayBeStrong() != tt.strong || r.NamesHTTP() != tt.http || r.HasDelta() != tt.delta {
			t.Errorf("%q: strong %v, http %v, delta %v", tt.text, r.MayBeStrong(), r.NamesHTTP(), r.HasDelta())
		}
	}
}

func TestRulesAreRememberedByTextAndDialect(t *testing.T) {
	const text = "/remembered/$MA.cfg"
	first := rule.Read(text, rule.Dialect{})
	if rule.Read(strings.Clone(text), rule.Dialect{}) != first {
		t.Error("the same text is read again")
	}
	if rule.Read(text, rule.Dialect{NoSubstrings: true}) == first {
		t.Error("another dialect gets the same rule")
	}
	for _, large := range []string{strings.Repeat("x", 4096), strings.Repeat("$A", 100)} {
		first, second := rule.Read(large, rule.Dialect{}), rule.Read(large, rule.Dialect{})
		if first == second {
			t.Errorf("a rule of %d bytes is remembered", len(large))
		}
	}
}

// Many devices evaluate many rules at once, more than are remembered.
func TestRulesOfManyTextsDoNotMix(t *testing.T) {
	env := newUnit()
	var wg sync.WaitGroup
	for worker := range 4 {
		wg.Go(func() {
			for i := range 3000 {
				path := fmt.Sprintf("/%d/%d.cfg", worker%2, i)
				d, err := rule.Eval(path+"?$A", env, rule.Dialect{})
				if err != nil || d.URL.Path != path+"?ABCDEF" {
					t.Errorf("%s: %+v, %v", path, d.URL, err)
					return
				}
			}
		})
	}
	wg.Wait()
}
