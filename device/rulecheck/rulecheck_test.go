package rulecheck_test

import (
	"slices"
	"strings"
	"testing"

	"spafleet/device"
	"spafleet/device/devicetest"
	"spafleet/device/rulecheck"
)

// found returns the findings of a rule, for a device whose parameters are the factory's.
func found(t *testing.T, model string, turned map[string]string, text string) []string {
	t.Helper()
	u := devicetest.Unit(devicetest.Turned(t, model, "", turned), 0)
	var lines []string
	for _, f := range rulecheck.Rule(device.Env{Unit: &u, Params: device.Reset(u.Row.Factory)}, text) {
		lines = append(lines, f.String())
	}
	return lines
}

func TestOddThingsAreFound(t *testing.T) {
	never := "is never true: text has only eq and ne (documented)"
	tests := []struct {
		model, rule string
		want        []string // beginnings and ends of each finding, divided by …
	}{
		{"SPA514G", `($SWVER lt 7.6.2.a)? http://h/x`, []string{"alternative 1: $SWVER lt 7.6.2.a has a version with a dot too many: taken for text, which has only eq and ne, it is never true (inferred)…switch dotted_suffix says it"}},
		{"SPA514G", `($SWVER gt "7.5.2b")? http://h/x`, []string{`alternative 1: $SWVER gt "7.5.2b" ` + never + "…"}},
		{"SPA514G", `("$SWVER" lt "7.5.2b")? http://h/x`, []string{`alternative 1: "$SWVER" lt "7.5.2b" ` + never + "…"}},
		{"SPA514G", `($SWVER lt 7-5-2b)? http://h/x`, []string{"alternative 1: $SWVER lt 7-5-2b " + never + "…"}},
		{"SPA514G", `($SWVER ne "7.5.2")? http://h/x`, []string{"alternative 1: $SWVER ne \"7.5.2\" is never true: text is compared with a number or version (inferred)…"}},
		{"SPA514G", `(7.5 gt 7.6)? http://h/x`, []string{"alternative 1: 7.5 gt 7.6 is never true (documented)…"}},
		{"SPA514G", `($SWVER lt 7.6.2a and "$A" eq "x" and $B ne 5 and "$MA" ne "0")? http://h/$MA$(MAU).$PSN | http://h/y`, nil},
		{"SPA504G", `http://h/x | http://h/y`, []string{"alternative 1: it has no condition, so alternative 2 is never reached (inferred)…"}},
		{"SPA504G", `(true)? http://h/x | http://h/y`, []string{"alternative 1: it has no condition, so…"}},
		{"SPA504G", `($SWVER lt 7.5.2b)? http://h/x || http://h/y`, []string{"alternative 2: it is empty, so the rule ends there, and alternative 3 is never reached (documented)…one |"}},
		{"SPA504G", `($SWVER lt 7.5.2b)? http://h/x |`, nil},
		{"SPA504G", `http://h/$MAX/$ma`, []string{`$MAX is no macro of SPA504G 7.6.2g and stays as it is written (documented)…did you mean "MA"?`, `$ma is no macro…did you mean "MA"?`}},
		{"SPA504G", `http://h/$SA`, []string{"$SA stays as it is written: it is replaced after --key alone (documented)"}},
		{"SPA504G", `[--key "$SA$A"] http://h/x`, []string{"alternative 1: the key is empty at present (inferred)…"}},
		{"SPA504G", `[--key 1 --md 5] http://h/x`, []string{"alternative 1: --md means nothing to the device (inferred)"}},
		{"SPA504G", `[--uid u --pwd p] http://h/x`, nil},
		{"SPA942", `[--uid u --pwd p] http://h/x`, []string{"alternative 1: SPA942 6.1.5(a) does not use --uid and --pwd (inferred)…http_auth=basic_digest makes it do so"}},
		{"SPA504G", `(oops`, nil},
		{"SPA504G", ``, nil},
	}
	for _, tt := range tests {
		got := found(t, tt.model, nil, tt.rule)
		ok := len(got) == len(tt.want)
		for i := 0; ok && i < len(got); i++ {
			begin, end, _ := strings.Cut(tt.want[i], "…")
			ok = strings.HasPrefix(got[i], begin) && strings.HasSuffix(got[i], end)
		}
		if !ok {
			t.Errorf("%s, %s:\ngot  %q\nwant %q", tt.model, tt.rule, got, tt.want)
		}
	}
}

func TestASwitchChangesWhatIsOdd(t *testing.T) {
	for _, tt := range []struct{ name, value, rule string }{
		{"failed_alternative", "next", "http://h/x | http://h/y"},
		{"http_auth", "basic_digest", "[--uid u --pwd p] http://h/x"},
		{"macro_case", "any", "http://h/$ma"},
	} {
		before, after := found(t, "SPA942", nil, tt.rule), found(t, "SPA942", map[string]string{tt.name: tt.value}, tt.rule)
		if len(before) != 1 || len(after) != 0 {
			t.Errorf("%s: %q, with the switch %q", tt.rule, before, after)
		}
	}
}

func TestFactoryRulesHaveNothingOdd(t *testing.T) {
	u := devicetest.Unit(devicetest.Turned(t, "SPA504G", "", nil), 0)
	params := device.Reset(u.Row.Factory)
	for _, name := range []string{"Profile_Rule", "Upgrade_Rule", "Report_Rule"} {
		text, _ := params.Lookup(name)
		if list := rulecheck.Rule(device.Env{Unit: &u, Params: params}, text); !slices.Equal(list, nil) {
			t.Errorf("%s %q: %v", name, text, list)
		}
	}
}
