package profile_test

import (
	"errors"
	"fmt"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"spafleet/device/profile"
)

// The parameters of a body inside flat-profile. Dropping names that a device
// does not have, and letting the last of two win, is for the device.
func TestScanReadsElements(t *testing.T) {
	tests := []struct{ name, body, want string }{
		{"value is trimmed", "<GPP_A> 12345678\n  </GPP_A>", `GPP_A "12345678"`},
		{"self-closed leaves the value", `<GPP_A/>`, `GPP_A`},
		{"self-closed changes the access", `<GPP_A ua="rw"/>`, `GPP_A rw`},
		{"self-closed with a space", `<GPP_A ua="rw" />`, `GPP_A rw`},
		{"empty element empties", `<GPP_A></GPP_A>`, `GPP_A ""`},
		{"blank element empties", "<GPP_A> \t\r\n </GPP_A>", `GPP_A ""`},
		{"duplicates keep their order", `<GPP_A>x</GPP_A><GPP_A>y</GPP_A>`, "GPP_A \"x\"\nGPP_A \"y\""},
		{"case is kept", `<gpp_a>x</gpp_a>`, `gpp_a "x"`},
		{"unknown attributes are ignored", `<Foo>1</Foo><GPP_A zz="1">x</GPP_A>`, "Foo \"1\"\nGPP_A \"x\""},
		{"entities", `<GPP_A>a&lt;b&amp;&#65;&#x42;</GPP_A>`, `GPP_A "a<b&AB"`},
		{"line break becomes a space", "<GPP_A>one\n two</GPP_A>", `GPP_A "one  two"`},
		{"CR LF is one line break", "<GPP_A>one\r\ntwo\rthree</GPP_A>", `GPP_A "one two three"`},
		{"macros stay as they are", `<Profile_Rule>[--key "$A"] /x</Profile_Rule>`, `Profile_Rule "[--key \"$A\"] /x"`},
		{"access", `<User_ID_1_ ua="ro">101</User_ID_1_>`, `User_ID_1_ ro "101"`},

		{"space by reference is kept", "<A>&#32;a&#10;</A>", `A " a\n"`},
		{"reference to NUL is text", `<A>&#0;&#xD800;&#x110000;&#99999999999;</A>`, `A "&#0;&#xD800;&#x110000;&#99999999999;"`},
		{"high reference is UTF-8", `<A>&#233;</A>`, `A "é"`},
		{"high bytes are kept", "<A>\xe9</A>", `A "\xe9"`},
		{"single quotes", `<A ua='na' b='">'>x</A>`, `A na "x"`},
		{"unquoted attribute is ignored", `<A ua=rw x=/a/b>x</A><B y=c/>`, "A \"x\"\nB"},
		{"attribute without value", `<A selected ua = "ro">x</A>`, `A ro "x"`},
		{"odd signs in a tag", `<A / = ="x" ua="ro">x</A>`, `A ro "x"`},
		{"other words are no access", `<A ua="RW">x</A><B ua="">y</B>`, "A \"x\"\nB \"y\""},
		{"value attribute", `<A value=" a&amp;b "/><B value="b"></B>`, "A \"a&b\"\nB \"b\""},
		{"text wins over the value attribute", `<A value="a">b</A>`, `A "b"`},
		{"empty value attribute empties", `<A value=""/>`, `A ""`},
		{"space in a close tag", "<A>x</A\n >", `A "x"`},
		{"comment in a value", `<A>x<!-- <B>no</B> -->y</A>`, `A "xy"`},
		{"comment with hyphens", `<!------ x -- y ------><A>x</A>`, `A "x"`},
		{"comment without content", `<!----><A>x</A>`, `A "x"`},
		{"processing instruction", `<?php <A>no</A> ?><A>x</A>`, `A "x"`},
		{"loose text", "[Provisioning]\n//x <A>x</A>;", `A "x"`},
		{"group is skipped with its content", `<G>t<A>no</A><H><A/></H></G><A>x</A>`, `A "x"`},
		{"CDATA drops the element", `<B><![CDATA[</B>]]></B><A>x</A>`, `A "x"`},
		{"profile in a profile", `<flat-profile><A>x</A></flat-profile>`, `A "x"`},
		{"every sign of the name alphabet", `<_A-1.b:C>x</_A-1.b:C>`, `_A-1.b:C "x"`},
		{"nothing", ``, ``},
	}
	for _, tt := range tests {
		file, err := profile.Scan("<flat-profile>"+tt.body+"</flat-profile>", profile.Options{})
		if got := strings.TrimSuffix(show(file.Params), "\n"); err != nil || got != tt.want {
			t.Errorf("%s: got %v\n%s\nwant\n%s", tt.name, err, got, tt.want)
		}
	}
}

func TestScanFindsTheProfileAnywhere(t *testing.T) {
	for _, text := range []string{
		`<device><flat-profile><A>x</A></flat-profile></device>`,
		`<a><b><A>no</A><c d="e"><flat-profile f="g"><A>x</A></flat-profile></c></b></a>`,
		"\xef\xbb\xbf<!DOCTYPE x [ <!ENTITY y \"z\"> ]>\n<flat-profile><A>x</A></flat-profile>",
		`junk <flat-profile/> <flat-profile><A>x</A></flat-profile> junk`,
	} {
		file, err := profile.Scan(text, profile.Options{})
		if got := show(file.Params); err != nil || got != "A \"x\"\n" {
			t.Errorf("%s: got %q, %v", text, got, err)
		}
	}
}

func TestScanRefusesBrokenFilesWhole(t *testing.T) {
	tests := []struct{ text, hint string }{
		{``, "no <flat-profile>"},
		{`no markup`, "no <flat-profile>"},
		{"<flat-profile>\n<A>x</B>\n</flat-profile>", "line 2: </B> where </A> is due"},
		{"<flat-profile>\n<A>x</A>\n</flat-profil>", "line 3: </flat-profil> where </flat-profile> is due"},
		{"<flat-profile>\n<A>x</A>", "<flat-profile> is never closed"},
		{"<device><flat-profile><A>x</A></flat-profile>", "<device> is never closed"},
		{"<flat-profile></flat-profile></device>", "</device> closes nothing"},
		{"<flat-profile><A>x", "ends inside an element"},
		{"<flat-profile><A", "bad tag"},
		{"<flat-profile><A ", "<A is never ended"},
		{"<flat-profile><A ua", "<A is never ended"},
		{"<flat-profile><A ua=", "<A is never ended"},
		{`<flat-profile><A ua="ro>x</A></flat-profile>`, "<A> lacks its closing quote"},
		{`<flat-profile><A <B>x</B></flat-profile>`, "<A is never ended"},
		{`<flat-profile><A>x</A x></flat-profile>`, "bad close tag"},
		{`<flat-profile><A>x</ A></flat-profile>`, "bad close tag"},
		{`<flat-profile><!-- never`, "comment is never ended"},
		{`<flat-profile><A><![CDATA[x</A></flat-profile>`, "CDATA section is never ended"},
		{`<flat-profile><!x`, "declaration is never ended"},
		{`<flat-profile><?x`, "processing instruction is never ended"},
		{`<flat-profile><A>1 < 2</A></flat-profile>`, "&lt;"},
		{`<flat-profile><A>(S0<:1>)</A></flat-profile>`, "&lt;"},
		{`<flat-profile><></></flat-profile>`, "bad tag"},
		{`<flat-profile><1>x</1></flat-profile>`, "bad tag"},
		{`<flat-profile><`, "bad tag"},
	}
	for _, tt := range tests {
		file, err := profile.Scan("<!-- a -->"+tt.text, profile.Options{})
		text, hint := refusal(t, err)
		if text != "corrupt file" || !strings.Contains(hint, tt.hint) {
			t.Errorf("%s: got %q with hint %q, want corrupt file with %q", tt.text, text, hint, tt.hint)
		}
		if file.Params != nil {
			t.Errorf("%s: parameters are returned: %v", tt.text, file.Params)
		}
	}
}

// A file with a mistake is refused, taken up to it, or taken all the same; a file of
// which something does not count says so.
func TestMistakesAreWhatTheOptionsSay(t *testing.T) {
	is := func(on func(*profile.Mistakes) *profile.OnMistake, does profile.OnMistake) (o profile.Options) {
		*on(&o.Mistakes) = does
		return o
	}
	broken := func(m *profile.Mistakes) *profile.OnMistake { return &m.Broken }
	end := func(m *profile.Mistakes) *profile.OnMistake { return &m.EndTag }
	slash := func(m *profile.Mistakes) *profile.OnMistake { return &m.Slash }
	less := func(m *profile.Mistakes) *profile.OnMistake { return &m.Less }
	attribute := func(m *profile.Mistakes) *profile.OnMistake { return &m.Attribute }
	blank := func(m *profile.Mistakes) *profile.OnMistake { return &m.Blank }
	const (
		unended    = "<B>y"
		mismatched = "\n<B>y</C><D>z</D></flat-profile>"
		slashed    = "<B/C>y</B/C><D>z</D></flat-profile>"
		unclosed   = "<B/C>y<B/C><D>z</D></flat-profile>"
		dialPlan   = "<B>(<:1>x|<9 > y)</B><D>z</D></flat-profile>"
		unequal    = `<B ua"na">y</B><D>z</D></flat-profile>`
		blanked    = "<B>y</B ></flat-profile>"
	)
	tests := []struct {
		text         string
		o            profile.Options
		want, partly string // nothing: refused
	}{
		{unended, is(broken, profile.ApplyStart), `A "x"`, "up to line 1: the file ends inside an element"},
		{unended, is(broken, profile.Overlook), "", ""},
		{mismatched, is(broken, profile.ApplyStart), "", ""},
		{mismatched, is(end, profile.ApplyStart), `A "x"`, "up to line 2: </C> where </B> is due"},
		{mismatched, is(end, profile.Overlook), `A "x" B "y" D "z"`, ""},
		{"</A></flat-profile></B>", is(end, profile.Overlook), `A "x"`, ""}, // </A> ends the profile
		{"</flat-profile></B>", is(end, profile.Overlook), `A "x"`, ""},
		{slashed, profile.Options{}, "", ""},
		{slashed, is(slash, profile.ApplyStart), `A "x"`, "up to line 1: the element name B/C has a slash: it is the name of the web page, with its slash; profiles have an underscore in its place"},
		{slashed, is(slash, profile.Overlook), `A "x" D "z"`, "without <B/C> in line 1: the name of the web page, with its slash; profiles have an underscore in its place"},
		{unclosed, is(slash, profile.ApplyStart), `A "x"`, "up to line 1: the element name B/C has a slash: it is the name of the web page, with its slash; profiles have an underscore in its place"},
		{unclosed, is(slash, profile.Overlook), "", ""},
		{dialPlan, is(less, profile.ApplyStart), `A "x"`, "up to line 1: bad tag: < in a value must be written &lt;"},
		{dialPlan, is(less, profile.Overlook), `A "x" B "(<:1>x|<9 > y)" D "z"`, ""},
		{"1 < 2 </flat-profile>", is(less, profile.Overlook), `A "x"`, ""},
		{unequal, profile.Options{}, `A "x" B "y" D "z"`, ""},
		{unequal, is(attribute, profile.Refuse), "", ""},
		{unequal, is(attribute, profile.ApplyStart), `A "x"`, `up to line 1: an attribute of <B> lacks its equals sign: ua"na"`},
		{blanked, profile.Options{}, `A "x" B "y"`, ""},
		{blanked, is(blank, profile.Refuse), "", ""},
		{blanked, is(blank, profile.ApplyStart), `A "x"`, "up to line 1: a blank in the close tag </B >"},
		{"<B> \ty\n</B></flat-profile>", profile.Options{KeepBlanks: true}, `A "x" B " \ty "`, ""},
		{"\n<B><![CDATA[x]]></B></flat-profile>", profile.Options{}, `A "x"`, "without <B> in line 2: it holds a CDATA section"},
		{"<G><H><![CDATA[x]]></H></G></flat-profile>", profile.Options{}, `A "x"`, ""},
	}
	for _, tt := range tests {
		scratch := &profile.Scratch{}
		for range 2 {
			o := tt.o
			o.Scratch = scratch
			file, err := profile.Scan("<flat-profile><A>x</A>"+tt.text, o)
			got := strings.TrimSuffix(strings.ReplaceAll(show(file.Params), "\n", " "), " ")
			if got != tt.want || file.Partly != tt.partly || (err == nil) != (tt.want != "") {
				t.Errorf("%s with %+v:\ngot  %s, partly %q, %v\nwant %s, partly %q", tt.text, o.Mistakes, got, file.Partly, err, tt.want, tt.partly)
			}
			if (file.Partly == "") != (file.Mistake == "") {
				t.Errorf("%s: partly %q, but mistake %q", tt.text, file.Partly, file.Mistake)
			}
		}
	}
	if file, err := profile.Scan("<B/C>y</B/C><flat-profile></flat-profile>", is(slash, profile.ApplyStart)); err == nil {
		t.Errorf("taken up to a mistake before the profile: %+v", file)
	}
}

// Each parameter says where its element stands, also one that is the same as in the
// file before; a mistake says where it stands.
func TestPlaces(t *testing.T) {
	const text = "\xef\xbb\xbf<flat-profile>\n <A>1</A>\n<B ua=\"na\">2</B><C/><D><!-- -->3</D>\n</flat-profile>"
	scratch := &profile.Scratch{}
	for range 2 {
		file, err := profile.Scan(text, profile.Options{Scratch: scratch})
		if err != nil {
			t.Fatal(err)
		}
		var got []string
		for _, p := range file.Params {
			line, column := profile.Place(file.Text, int(p.Offset))
			got = append(got, fmt.Sprintf("%s %d:%d", p.Name, line, column))
		}
		if want := []string{"A 2:2", "B 3:1", "C 3:17", "D 3:21"}; !slices.Equal(got, want) {
			t.Errorf("%q, want %q", got, want)
		}
	}
	var e *profile.Error
	if _, err := profile.Scan("<flat-profile>\n  <A>1</B></flat-profile>", profile.Options{}); !errors.As(err, &e) || e.Line != 2 || e.Column != 7 {
		t.Errorf("%+v", e)
	}
}

func TestAnEmptyFileIsCorruptByOption(t *testing.T) {
	for _, text := range []string{"", " \r\n"} {
		for _, o := range []profile.Options{{}, {AcceptSource: true}} {
			_, err := profile.Decode([]byte(text), o)
			if text, hint := refusal(t, err); text != "corrupt file" || hint != "the file is empty" {
				t.Errorf("%q with hint %q", text, hint)
			}
		}
		if file, err := profile.Decode([]byte(text), profile.Options{EmptyFile: true, Keyed: true, Key: "k"}); err != nil || len(file.Params) > 0 {
			t.Errorf("%q: %+v, %v", text, file, err)
		}
	}
}

func TestStrictAmpersandRefusesOnlyBareOnes(t *testing.T) {
	for value, ok := range map[string]bool{
		"a &amp; b": true,
		"&foo;":     true,
		"&#x0;":     true,
		"a & b":     false,
		"a&b=c;":    false,
		"a&":        false,
	} {
		_, err := profile.Scan("<flat-profile><A>"+value+"</A></flat-profile>", profile.Options{StrictAmpersand: true})
		if text, _ := refusal(t, err); (text == "") != ok {
			t.Errorf("%q: got %v, want accepted: %v", value, err, ok)
		}
	}
}

func TestNestedSectionsCountOnlyInRouterConfiguration(t *testing.T) {
	text := `<flat-profile><Other><A>no</A></Other><router-configuration>` +
		`<WAN><Sub><B>b</B></Sub><C ua="na"/></WAN></router-configuration></flat-profile>` +
		`<router-configuration><D>no</D></router-configuration>`
	file, err := profile.Scan(text, profile.Options{Nested: true})
	if got := show(file.Params); err != nil || got != "router-configuration/WAN/Sub/B \"b\"\nrouter-configuration/WAN/C na\n" {
		t.Errorf("got %q, %v", got, err)
	}
}

// One megabyte of each takes some milliseconds; a quadratic scanner would
// take minutes.
func TestScanTakesLinearTime(t *testing.T) {
	const size = 1 << 20
	for _, unit := range []string{
		"<", "&", "<!--", "<!---->", "<a>", "<a ", "<a/>", "<a b='", "<a b=\"c\" ", "<a></a>", "</a>",
		"<![CDATA[", "<a><!---->x", "x<!---->", "&amp", "&;", "\r\n", "=", "/", "<?", "<?>",
	} {
		for _, lead := range []string{"", "<flat-profile>", "<flat-profile><a>", "<flat-profile><a "} {
			text := lead + strings.Repeat(unit, size/len(unit)) + "</a></flat-profile>"
			start := time.Now()
			profile.Scan(text, profile.Options{Nested: true, CDATA: true, Aliases: "/a/a/a = /flat-profile/B"})
			if took := time.Since(start); took > 10*time.Second {
				t.Errorf("1 MB of %q after %q took %v", unit, lead, took)
			}
		}
	}
}

func TestAForeignFileIsEmptyOrCorruptByOption(t *testing.T) {
	for text, foreign := range map[string]bool{"<html><p>x</p></html>": true, "<html/>": true, "": false, "no markup": false, "<!-- -->": false} {
		if _, err := profile.Scan(text, profile.Options{}); err == nil {
			t.Errorf("%q: accepted without the option", text)
		}
		file, err := profile.Scan(text, profile.Options{EmptyForeign: true})
		if (err == nil) != foreign || len(file.Params) > 0 {
			t.Errorf("%q: %v, %v; want it accepted: %v", text, file.Params, err, foreign)
		}
	}
}

// A file of more elements than a scratch keeps leaves nothing in it, and is read all
// the same, as is the one after it.
func TestARoomKeepsLittle(t *testing.T) {
	scratch := &profile.Scratch{}
	long := "<flat-profile>" + strings.Repeat("<A>1</A>", 1<<14+1) + "</flat-profile>"
	for _, text := range []string{long, long, "<flat-profile><A>1</A></flat-profile>"} {
		got, err := profile.Scan(text, profile.Options{Scratch: scratch})
		if want := strings.Count(text, "<A>"); err != nil || len(got.Params) != want {
			t.Errorf("%d parameters (%v), want %d", len(got.Params), err, want)
		}
		if text == long && !reflect.ValueOf(*scratch).IsZero() {
			t.Error("the scratch holds on to a long file")
		}
	}
}
