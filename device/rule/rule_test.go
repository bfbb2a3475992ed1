package rule_test

import (
	"errors"
	"fmt"
	"os"
	"reflect"
	"runtime"
	"strings"
	"testing"

	"spafleet/device/rule"
)

func TestMistakesAreMarkedWhereTheyAre(t *testing.T) {
	data, err := os.ReadFile("testdata/mistakes.txt")
	if err != nil {
		t.Fatal(err)
	}
	blocks := strings.Split(strings.TrimSpace(string(data)), "\n\n")
	for _, block := range blocks[1:] {
		text, want, _ := strings.Cut(block, "\n")
		_, err := rule.Eval(text, newUnit(), rule.Dialect{})
		var syntax *rule.SyntaxError
		if !errors.As(err, &syntax) {
			t.Errorf("%s\naccepted", text)
			continue
		}
		got := fmt.Sprintf("%s^ %s (%s)", strings.Repeat(" ", syntax.Column), syntax.Msg, syntax.Hint)
		if got != want || syntax.Text != text {
			t.Errorf("mistake in\n%s\n got:\n%s\n%s\nwant:\n%s", text, syntax.Text, got, want)
		}
	}
}

func TestAMistakeIsMarkedInTheExpandedText(t *testing.T) {
	_, err := rule.Eval("($SWVER lt 6.0) /$MA # later", newUnit(), rule.Dialect{})
	var syntax *rule.SyntaxError
	if !errors.As(err, &syntax) {
		t.Fatalf("error is %v", err)
	}
	if want := "(5.2.13 lt 6.0) /000e08012345 "; syntax.Text != want || syntax.Column != 16 {
		t.Errorf("column %d of %q, want 16 of %q", syntax.Column, syntax.Text, want)
	}
}

func TestAnErrorIsOneShortLine(t *testing.T) {
	for _, text := range []string{
		strings.Repeat("\n/x", 5000),
		strings.Repeat("(", 5000),
		"(" + strings.Repeat("a\tb", 5000) + ")?",
		strings.Repeat("h", 5000),
		"\n" + strings.Repeat("x", 5000) + "://h/",
	} {
		_, err := rule.Eval(text, newUnit(), rule.Dialect{})
		if err == nil {
			t.Errorf("%.20q: accepted", text)
		} else if msg := err.Error(); len(msg) > 400 || strings.ContainsAny(msg, "\n\t") {
			t.Errorf("%.20q: error of %d bytes: %q", text, len(msg), msg)
		}
	}
}

func TestAnErrorDoesNotTellSecrets(t *testing.T) {
	env := newUnit()
	env["secret SA"] = "confidential"
	_, err := rule.Eval("[--key $SA] x", env, rule.Dialect{})
	var syntax *rule.SyntaxError
	if !errors.As(err, &syntax) || strings.Contains(syntax.Text+err.Error(), "confidential") {
		t.Errorf("error is %v", err)
	}
}

func TestWhySaysWhichConditionHeldWithWhichValues(t *testing.T) {
	env := newUnit()
	env["C"] = "($SWVER lt 1.0)? /old | (1 lt 2)? /x"
	env["E"] = "two\nlines"
	for _, tt := range []struct{ text, want string }{
		{"", "the rule is empty"},
		{"/x", "alternative 1 has no condition"},
		{"(1 eq 2)? /x | /y", "alternative 2 has no condition"},
		{"(x$$ eq x$$ and $(MA:4:2) ne 9 and $SA ne y)? /x", `alternative 1: x$$ eq x$$ and $(MA:4:2) ne 9 and $SA ne y, $(MA:4:2)="08"`},
		{`("$CCERT" eq "Installed")? /x`, `alternative 1: "$CCERT" eq "Installed", $CCERT="Installed"`},
		{"($SWVER ge 5.2 and $SWVER lt 6.0)? /x", `alternative 1: $SWVER ge 5.2 and $SWVER lt 6.0, $SWVER="5.2.13"`},
		{"(! 1.0.2)? /x", `alternative 1: ! 1.0.2, $SWVER="5.2.13"`},
		{"($REGTMR1 gt 0)? /$MA | ($B lt 5.0)? /y", `no condition held: $REGTMR1 gt 0, $REGTMR1="0" | $B lt 5.0, $SWVER="5.2.13", $B=""`},
		{"(\"$E\" ne \"\"\n and 1 eq 1)? /x", `alternative 1: "$E" ne ""  and 1 eq 1, $E="two\nlines"`},
		{"$C", "alternative 2: 1 lt 2"},
		{"($D $F eq x)? /x", `alternative 1: $D $F eq x, $D="x", $F=""`},
		{"($REGTMR1 eq 0$B)? /x", `alternative 1: $REGTMR1 eq 0$B, $REGTMR1="0", $B=""`},
	} {
		d, err := rule.Eval(tt.text, env, rule.Dialect{})
		if err != nil {
			t.Errorf("%s: %v", tt.text, err)
		} else if d.Why != tt.want {
			t.Errorf("%s\n got %s\nwant %s", tt.text, d.Why, tt.want)
		}
	}
}

func TestWhyTellsOnlyAFewValues(t *testing.T) {
	text := "(true"
	for i := range 12 {
		text += fmt.Sprintf(" and $(MA:%d:1) ne x", i)
	}
	d, err := rule.Eval(text+")? /x", newUnit(), rule.Dialect{})
	if n := strings.Count(d.Why, "="); err != nil || n != 8 {
		t.Errorf("%d values told, want 8: %s, %v", n, d.Why, err)
	}
}

func TestAlternativesDoNotJudge(t *testing.T) {
	env := newUnit()
	env["secret SA"] = "k1"
	got, err := rule.Alternatives(`(1 eq 2)? (a = "$D";)! /a | [--key $SA] https://h/$MA | | ("x" lt "y")? /c`, env, rule.Dialect{})
	if err != nil {
		t.Fatal(err)
	}
	want := []rule.Decision{
		{Alternative: 1, Assignments: []rule.Assignment{{Name: "GPP_A", Value: "x"}}, URL: rule.URL{Path: "/a"}, HasURL: true, Conditional: true},
		{Alternative: 2, Options: rule.Options{Key: "k1", HasKey: true}, URL: rule.URL{Scheme: "https", Host: "h", Path: "/000e08012345"}, HasURL: true},
		{Alternative: 3},
		{Alternative: 4, URL: rule.URL{Path: "/c"}, HasURL: true, Conditional: true},
	}
	if !reflect.DeepEqual(got, want) {
		t.Errorf("got %+v\nwant %+v", got, want)
	}
}

func TestABlankRuleHasNoAlternatives(t *testing.T) {
	for _, text := range []string{"", " \r\n", "# /x", "$B"} {
		if got, err := rule.Alternatives(text, newUnit(), rule.Dialect{}); len(got) != 0 || err != nil {
			t.Errorf("%q: got %v, %v", text, got, err)
		}
	}
}

func TestOneMalformedAlternativeFailsThemAll(t *testing.T) {
	got, err := rule.Alternatives("/a | /b c | /d", newUnit(), rule.Dialect{})
	var syntax *rule.SyntaxError
	if got != nil || !errors.As(err, &syntax) || syntax.Column != 8 {
		t.Errorf("got %v, %v", got, err)
	}
}

func TestABlankCommandIsTheZeroDecision(t *testing.T) {
	for _, arg := range []string{"", "  ", "$B"} {
		if d, err := rule.Command(arg, newUnit(), rule.Dialect{}); !reflect.DeepEqual(d, rule.Decision{}) || err != nil {
			t.Errorf("%q: got %+v, %v", arg, d, err)
		}
	}
}

func TestARuleMayHaveLineBreaks(t *testing.T) {
	text := "\r\n\t( $SWVER\n\tlt 6.0 )\n\t?\n\t( a = \"1\"\n;\n)\n!\n[\n--key\nk\n]\n/x\n|\n/y\n"
	v := vector{verb: "rule", text: text, env: newUnit()}
	if got, want := v.run(), `1 GPP_A="1" key="k" GET tftp://10.0.0.5:69/x`; got != want {
		t.Errorf("got %s, want %s", got, want)
	}
}

// strict fails the test when it is asked for what it should not be.
type strict struct {
	unit
	t *testing.T
}

func (s strict) Macro(name string) (string, bool) {
	if len(name) == 2 && name[0] == 'S' && strings.Contains("ABCD", name[1:]) || name == "" || name == "$" {
		s.t.Errorf("asked for macro %q", name)
	}
	return s.unit.Macro(name)
}

func (s strict) Secret(name string) (string, bool) {
	if name != "SC" {
		s.t.Errorf("asked for secret %q", name)
	}
	return s.unit.Secret(name)
}

func TestSecretsAreAskedForOnlyByAKey(t *testing.T) {
	env := strict{newUnit(), t}
	text := `("$SA" ne "x")? (a = "$SB";)! [--uid $SA --key $(SC)$$$A] http://h/$SD/$$/$()/$`
	d, err := rule.Eval(text, env, rule.Dialect{})
	if err != nil || d.Options.Key != "$ABCDEF" {
		t.Errorf("key %q, error %v", d.Options.Key, err)
	}
	rule.Expand(text, env, rule.Dialect{})
}

// Ten times the text may take ten times the work; a hundred would be quadratic. Work
// is counted, not timed: bytes that the parser looks at, macros that are asked for,
// and bytes that are allocated.
func TestWorkIsLinear(t *testing.T) {
	env := newUnit()
	for _, tt := range []struct{ prefix, unit string }{
		{"", "("}, {"", "(1"}, {"", "((1 eq 1) and "}, {"", "(1 eq 2)?|"}, {"(1 eq 1 and ", "("}, {"((true) and ", "(a="},
		{"", "$"}, {"", "$("}, {"", "$(A"}, {"", "$(A:1:"}, {"[--key ", "$SA"}, {"(1 eq ", "$B"}, {"(1 ne ", "$A"},
		{"", "|"}, {"/", "|"}, {"", "["}, {"[--key $SA ", "--key "}, {"[", "--a "}, {"", "[--key $SA]/x|"}, {"", "[--key $B]/x|"},
		{"", `"`}, {"", `\"`}, {`("`, `\"`}, {"", `""#`}, {"", " "}, {"/x", "\n"}, {"", "a"}, {"(1 eq ", "9"}, {"(1.", "1."}, {"(", "!"},
		{"", "($SWVER eq 0 and $PN eq 1)?/$MA|"}, {"", `(a="$A";)!|`}, {"(", `a="1";`}, {"", `(1 eq 2)?(a="";)!x|`},
		{"", "/"}, {"", "h:"}, {"", "x://"}, {"", "."},
	} {
		small, large := workOf(tt.prefix+repeatTo(tt.unit, 4_000), env), workOf(tt.prefix+repeatTo(tt.unit, 40_000), env)
		for what, n := range small {
			const noise = 4_000 // what has nothing to do with the length
			if large[what] > 20*n+noise {
				t.Errorf("%q and many %q: 4 kB need %d %s, 40 kB %d", tt.prefix, tt.unit, n, what, large[what])
			}
		}
	}
}

func repeatTo(unit string, size int) string { return strings.Repeat(unit, size/len(unit)) }

// asked counts what is asked of a unit.
type asked struct {
	unit
	n *int
}

func (a asked) Macro(name string) (string, bool) {
	*a.n++
	return a.unit.Macro(name)
}

func (a asked) Secret(name string) (string, bool) {
	*a.n++
	return a.unit.Secret(name)
}

// workOf returns the work of all entrances together.
func workOf(text string, u unit) map[string]int {
	macros := 0
	env := asked{u, &macros}
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	looked := rule.Looked(text, env, rule.Dialect{})
	rule.Expand(text, env, rule.Dialect{})
	runtime.ReadMemStats(&after)
	return map[string]int{"bytes read": looked, "macros": macros, "bytes allocated": int(after.TotalAlloc - before.TotalAlloc)}
}

func ExampleEval() {
	env := newUnit()
	d, err := rule.Eval(`("$CCERT" ne "Installed")? /plain.cfg | ($SWVER ge 5.2)? [--key $A] http://prov.example/$MA.cfg`, env, rule.Dialect{})
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(d.Why)
	fmt.Println(d.URL.Scheme, d.URL.Host, d.URL.Path, d.Options.Key)
	// Output:
	// alternative 2: $SWVER ge 5.2, $SWVER="5.2.13"
	// http prov.example /000e08012345.cfg ABCDEF
}

func BenchmarkEval(b *testing.B) {
	for name, text := range map[string]string{
		"plain": "/spa$PSN.cfg",
		"V5":    "($REGTMR1 eq 1)? http://p.tel.com/has-reg.cfg | [--post a] http://p.tel.com/lost-reg?",
		"V6":    `("$CCERT" eq "Deleted")? https://p.tel.com/config? | https://p.tel.com/config?Linksys$MAU`,
		"none":  "($SWVER lt 5.1.1)? tftp://s/a.bin | ($SWVER lt 5.2.5)? tftp://s/b.bin | ($SWVER lt 5.2.13)? http://s/c.bin",
	} {
		b.Run(name, func(b *testing.B) {
			env := newUnit()
			b.ReportAllocs()
			for b.Loop() {
				if _, err := rule.Eval(text, env, rule.Dialect{}); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

func BenchmarkExpand(b *testing.B) {
	env := newUnit()
	b.ReportAllocs()
	for b.Loop() {
		rule.Expand("$PN $MAC -- Requesting resync $SCHEME://$SERVIP:$PORT$PATH", env, rule.Dialect{})
	}
}
