package probe

import (
	"fmt"
	"slices"
	"strings"

	"spafleet/device/profile"
)

var profileExperiments = slices.Concat(profileTexts, profileAccess)

var profileTexts = []*experiment{
	{
		name: "xml-mistakes", question: "What does the phone do about mistakes in XML?",
		settles: []string{"broken_file", "mismatched_end", "slash_in_name", "bare_less_than", "bare_attribute", "blank_in_end_tag"},
		takes:   passes(17), run: xmlMistakes,
	},
	{
		name: "xml-values", question: "How does the phone read the values of a file?",
		settles: []string{"empty_element", "bare_ampersand", "cdata"}, takes: passes(9), run: xmlValues,
	},
	{
		name: "value-blanks", question: "Does the phone drop blanks around a value?",
		settles: []string{"value_blanks"}, takes: passes(7), run: valueBlanks,
	},
	{
		name: "no-profile", question: "Does a resync fail by a file that is no profile?",
		settles: []string{"empty_file", "no_flat_profile"}, takes: passes(11), run: noProfile,
	},
	{
		name: "file-forms", question: "Does the phone take a file in the compiler's source form, and a plain one where the rule has a key?",
		settles: []string{"plain_source", "plain_under_key"}, takes: passes(9), run: fileForms,
	},
	{
		name: "file-facts", question: "How does the phone read keys, alias maps, names, byte order marks and several roots?",
		takes: passes(35), times: 1, run: fileFacts,
	},
}

// What became of a file with a value before something and another one behind it.
const (
	untouched = "before" // the value that the parameter had
	atStart   = "start"
	atEnd     = "end"
	unread    = "not known"
)

// counted says the same in words, and which value another one is.
func counted(value string) string {
	if words := countedWords[value]; words != "" {
		return words
	}
	return fmt.Sprintf("the value is %q", value)
}

var countedWords = map[string]string{
	untouched: "nothing of the file counted", atStart: "what stands before it counted", atEnd: "all of the file counted",
	unread: "it is not known which value counted",
}

// written puts the names of the phone's own parameters into a file or a rule that has N for
// the one that is read back and M for another.
func written(t *trial, text string) string {
	return strings.NewReplacer("GPP_N", "GPP_"+t.letters.read, "GPP_M", "GPP_"+t.letters.more, "[m]", strings.ToLower(t.letters.more)).Replace(text)
}

// around returns a profile with a value before a text and another behind it.
func around(text string) string {
	return begun("\n" + text + "\n<GPP_N>end</GPP_N>\n</flat-profile>\n")
}

// begun returns a profile with a value, that goes on with a text.
func begun(text string) string { return "<flat-profile>\n<GPP_N>start</GPP_N>" + text }

// valueAfter says which value the parameter has after a file.
func valueAfter(t *trial, file string) string {
	value, ok := t.apply(written(t, file))
	if !ok {
		return unread
	}
	return value
}

// lastCounts makes sure that of two values for one parameter the last one counts, else the
// values that the phone has afterwards would say something else.
func lastCounts(t *trial) {
	if value := valueAfter(t, around("")); value != atEnd && t.failed == nil {
		t.fail("of two values for one parameter the last one does not count: it is %q", value)
	}
}

// onMistake are the meanings of the values after a file with a mistake.
func onMistake(overlooked string) map[string]string {
	return map[string]string{untouched: "refuse", atStart: "apply_start", atEnd: overlooked}
}

var mistakeDoubts = []doubt{
	{"broken_file", "a comment that is never ended", around("<!-- never ended"), onMistake("")},
	{"broken_file", "a file that ends in an element", begun("\n<GPP_M>x"), onMistake("")},
	{"mismatched_end", "<GPP_M>x</GPP_X>", around("<GPP_M>x</GPP_X>"), onMistake("closes")},
	{"slash_in_name", "<GPP_M/x>x</GPP_M/x>", around("<GPP_M/x>x</GPP_M/x>"), onMistake("skip")},
	{"bare_less_than", "<GPP_M>(<:1>xx.)</GPP_M>", around("<GPP_M>(<:1>xx.)</GPP_M>"), onMistake("text")},
	{"bare_attribute", `<GPP_M x"y">x</GPP_M>`, around(`<GPP_M x"y">x</GPP_M>`), onMistake("ignore")},
	{"blank_in_end_tag", "<GPP_M>x</GPP_M >", around("<GPP_M>x</GPP_M >"), onMistake("accept")},
}

func xmlMistakes(t *trial) {
	lastCounts(t)
	resolve(t, mistakeDoubts, valueAfter, counted)
}

var valueDoubts = []doubt{
	{"empty_element", "<GPP_N/>", begun("\n<GPP_N/>\n</flat-profile>\n"), map[string]string{atStart: "keep", "": "clear"}},
	{"bare_ampersand", "a&b", "<flat-profile><GPP_N>a&b</GPP_N></flat-profile>\n", map[string]string{"a&b": "keep", untouched: "refuse"}},
	{"cdata", "<![CDATA[end]]>", begun("\n<GPP_N><![CDATA[end]]></GPP_N>\n</flat-profile>\n"), map[string]string{atStart: "ignore", atEnd: "text"}},
}

func xmlValues(t *trial) {
	lastCounts(t)
	resolve(t, valueDoubts, valueAfter, counted)
}

var blankDoubts = []doubt{
	{"value_blanks", "a line end before a value", "\nx", map[string]string{"dropped": "trim", "kept": "keep"}},
	{"value_blanks", "a blank behind a value", "x ", map[string]string{"dropped": "trim", "kept": "keep"}},
}

// valueBlanks compares a value that is written with a blank with one that has none: rule B
// does. What is read back would not show a blank at its end, and rule B may be refused with
// one at its start.
func valueBlanks(t *trial) {
	t.set("GPP_"+t.letters.want, "x")
	resolve(t, blankDoubts, func(t *trial, text string) string {
		asked := follow(t, t.url, given(written(t, "<flat-profile><GPP_N>"+text+"</GPP_N></flat-profile>\n")))
		if len(asked) == 0 {
			return "nothing was asked for"
		}
		place, value := saidAfter(t, asked[len(asked)-1])
		switch {
		case place == "same":
			return "dropped"
		case place == "read" && value == strings.TrimSpace(text), place == "" && lastEnded(t) == endings["2"]:
			return "kept"
		}
		return fmt.Sprintf("the value is %q", value)
	}, asSeen)
}

// saidAfter returns which address rule B asked for last after a request.
func saidAfter(t *trial, after request) (place, value string) {
	for _, q := range t.s.server.since(0) {
		if q.at.After(after.at) && (q.place == "same" || q.place == "read") {
			place, value = q.place, q.rest
		}
	}
	return place, value
}

// failsBy says how the resync ended whose file has a text, where nothing of it counted.
func failsBy(t *trial, file string) string {
	asked := follow(t, t.url, given(written(t, file)))
	if len(asked) == 0 {
		return "nothing was asked for"
	}
	if value, ok := readAfter(t, asked[len(asked)-1]); !ok || value != untouched {
		return fmt.Sprintf("the parameter is %q", value)
	}
	return endOf(t, asked)
}

func failing(well string) map[string]string {
	return map[string]string{endings["2"]: "fail", endings["1"]: well}
}

var emptyDoubts = []doubt{
	{"empty_file", "a file of no bytes", "", failing("ignore")},
	{"empty_file", "a file of blanks", " \r\n", failing("ignore")},
	{"no_flat_profile", "XML without flat-profile", "<profile>\n<GPP_N>end</GPP_N>\n</profile>\n", failing("ignore")},
	{"", "<flat-profile/>", "<flat-profile/>\n", nil},
	{"", "a web page", "<!DOCTYPE html>\n<html><head><title>x</title></head><body><p>x<br></body></html>\n", nil},
}

func noProfile(t *trial) { resolve(t, emptyDoubts, failsBy, asSeen) }

// fileForms offers a file in source form, and under a key one that is not encrypted. That
// means something where the phone takes an encrypted one.
func fileForms(t *trial) {
	resolve(t, []doubt{{"plain_source", "a file in source form", "GPP_N \"end\" ;\n", map[string]string{untouched: "refuse", atEnd: "accept"}}}, valueAfter, counted)
	under := func(rule, body string) string {
		value, ok := t.applied(func(name string) string { return rule + " " + t.url(name) }, given(body))
		if !ok {
			return unread
		}
		return value
	}
	plain := written(t, around(""))
	value := under("[--key probe]", sealed(plain, "probe"))
	t.fact("an encrypted file", "%s", counted(value))
	if value != atEnd {
		return
	}
	value = under("[--key probe]", plain)
	t.fact("a plain file under a key", "%s", counted(value))
	values := map[string]string{untouched: "refuse", atEnd: "accept"}
	if values[value] != "" {
		t.settle("plain_under_key", values[value])
	}
}

// sealed encrypts a file as openssl does.
func sealed(plain, key string) string {
	return string(profile.Encrypt([]byte(plain), key, [8]byte{'p', 'r', 'o', 'b', 'e', 1, 2, 3}))
}

// A keyed file is a rule's option and what it is to open.
var keyFacts = []struct{ what, option, key string }{
	{"a key in quotes", `[--key "probe key"]`, "probe key"},
	{"a key of 64 hexadecimal digits", "[--key " + hexKey + "]", hexKey},
	{"a key of 33 characters", "[--key " + longKey + "]", longKey},
	{"another key", "[--key other]", "probe"},
	{"an encrypted file without a key", "", "probe"},
}

var (
	hexKey  = strings.Repeat("0123456789abcdef", 4)
	longKey = strings.Repeat("k", 33)
)

var nameFacts = []doubt{
	{"", "two flat-profiles", "<flat-profile><GPP_N>start</GPP_N></flat-profile>\n<flat-profile><GPP_N>end</GPP_N></flat-profile>\n", nil},
	{"", "a flat-profile in another element", "<device><flat-profile><GPP_N>end</GPP_N></flat-profile></device>\n", nil},
	{"", "an element beside the flat-profile", "<device><x>1</x></device><flat-profile><GPP_N>end</GPP_N></flat-profile>\n", nil},
	{"", "a byte order mark", "\xef\xbb\xbf<flat-profile><GPP_N>end</GPP_N></flat-profile>\n", nil},
	{"", "an XML declaration", "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<flat-profile><GPP_N>end</GPP_N></flat-profile>\n", nil},
	{"", "a comment", around("<!-- a comment -->"), nil},
	{"", "a name in small letters", begun("\n<gpp_n>end</gpp_n>\n</flat-profile>\n"), nil},
	{"", "an unknown name", around("<GPP_Nobody>x</GPP_Nobody>"), nil},
	{"", "an element within an element", around("<GPP_M><GPP_N>inside</GPP_N></GPP_M>"), nil},
	{"", "references", "<flat-profile><GPP_N>&#101;&#x6e;&#100;</GPP_N></flat-profile>\n", nil},
	{"", "a value in an attribute", `<flat-profile><GPP_N value="end"/></flat-profile>`, nil},
}

// fileFacts reads what no switch is about.
func fileFacts(t *trial) {
	resolve(t, nameFacts, valueAfter, counted)
	plain := written(t, around(""))
	for _, k := range keyFacts {
		if value, ok := t.applied(func(name string) string { return k.option + " " + t.url(name) }, given(sealed(plain, k.key))); ok {
			t.fact(k.what, "%s", counted(value))
		}
	}
	t.set("GPP_"+t.letters.more, written(t, "/device/x = /flat-profile/GPP_N ;"))
	if value, ok := t.applied(func(name string) string { return written(t, "[--alias [m]] ") + t.url(name) }, given("<device><x>end</x></device>\n")); ok {
		t.fact("a map of names", "%s", counted(value))
	}
}
