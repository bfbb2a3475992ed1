package observed_test

import (
	"bytes"
	"encoding/hex"
	"errors"
	"maps"
	"net/netip"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"spafleet/device/hint"
	"spafleet/device/model"
	"spafleet/device/observed"
	"spafleet/host/golden"
)

// example is a file with something of everything. Its findings are not in the order of
// the table.
func example() *observed.File {
	return &observed.File{
		Model: "SPA942", Firmware: "6.1.5(a)", Date: time.Date(2026, 11, 22, 0, 0, 0, 0, time.UTC), Took: 12*time.Minute + 30*time.Second,
		Findings: []observed.Finding{
			{Switch: "redirects", OneOf: []string{"follow", "moved"}, Experiment: "http 302", Asked: 2, Why: "the phone did not come back within 2m"},
			{Switch: "tftp_wait", Value: "3s", Experiment: "tftp silence", Asked: 3, Agreed: 3},
			{Switch: "http_version", Value: "1.1", Experiment: "http request", Asked: 4, Agreed: 3},
			{Switch: "bare_less_than", Experiment: "bare <", Why: "skipped: it was not asked for"},
		},
		Facts: []observed.Fact{
			{Experiment: "tftp silence", What: "from request 1 to request 2", Nanoseconds: 3_002_114_001},
			{Experiment: "tftp silence", What: "to the first byte", Nanoseconds: 114_000},
			{Experiment: "http request", What: "User-Agent", Text: "Linksys/SPA942-6.1.5(a) (FMX0A0000001)"},
			{Experiment: "http request", What: "request", Hex: hex.EncodeToString([]byte("GET /000e08aabbcc HTTP/1.1\r\nHost: 192.0.2.10:8080\r\n\r\n"))},
		},
	}
}

var phone = observed.Secrets{
	MAC: model.MAC{0x00, 0x0e, 0x08, 0xaa, 0xbb, 0xcc}, Serial: "FMX0A0000001",
	Addresses: []netip.Addr{netip.MustParseAddr("192.0.2.10")}, Words: []string{"s3cret&word", "pw"},
}

func written(t testing.TB, f *observed.File, s observed.Secrets) string {
	t.Helper()
	var b bytes.Buffer
	if err := f.Write(&b, s); err != nil {
		t.Fatal(err)
	}
	return b.String()
}

func TestAFileIsWrittenAndReadAgain(t *testing.T) {
	text := written(t, example(), phone)
	golden.File(t, "testdata/spa942.yaml", []byte(text))
	f, err := observed.Read([]byte(text), "spa942.yaml")
	if err != nil {
		t.Fatal(err)
	}
	want := example().Without(phone)
	slices.SortFunc(want.Findings, func(a, b observed.Finding) int {
		table := []string{"tftp_wait", "http_version", "redirects", "bare_less_than"}
		return slices.Index(table, a.Switch) - slices.Index(table, b.Switch)
	})
	if !reflect.DeepEqual(f, want) {
		t.Errorf("read:\n%+v\nwant:\n%+v", f, want)
	}
	if again := written(t, f, observed.Secrets{}); again != text {
		t.Errorf("written again:\n%s", again)
	}
	if got, want := f.Switches(), map[string]string{"tftp_wait": "3s", "http_version": "1.1"}; !maps.Equal(got, want) {
		t.Errorf("settled: %v, want %v", got, want)
	}
}

func TestEditorsMayHaveSavedAFile(t *testing.T) {
	text := written(t, example(), phone)
	for name, other := range map[string]string{
		"with a byte order mark":   "\ufeff" + text,
		"with the ends of Windows": strings.ReplaceAll(text, "\n", "\r\n"),
		"with a comment":           strings.Replace(text, "model:", "# mine\nmodel:", 1),
		"of the product name":      strings.Replace(text, "model: SPA942", "model: spa-942", 1),
	} {
		if f, err := observed.Read([]byte(other), "f"); err != nil || written(t, f, observed.Secrets{}) != text {
			t.Errorf("%s: %+v, %v", name, f, err)
		}
	}
}

// Texts that YAML could take for something else, or that end a line, come back as they were.
func TestTextsComeBackAsTheyWere(t *testing.T) {
	for _, text := range []string{"yes", "No", "1.1", "1e3", "0x1f", "~", "null", "- a", "a: b", "a #b", "# a", " a ", "a\nb\n", "a\r\nb", "\ta", `"a"`, `a\b`, "'",
		"|", ">", "&a", "*a", "!t", "%", "@", "`", "{a}", "[a]", "---", "...", "é", "a\u2028b\u0085c\x00\x7f", "\U0001f4de", "\ufeff", "2026-11-22", "?", ": ", "<<", "=", "",
		strings.Repeat("é", 1900)} {
		f := &observed.File{Model: "PAP2T", Firmware: "5.1.6(LS)", Facts: []observed.Fact{{Experiment: "e", What: "w", Text: text}}}
		back, err := observed.Read([]byte(written(t, f, observed.Secrets{})), "f")
		if err != nil || back.Facts[0].Text != text {
			t.Errorf("%q: %+v, %v", text, back, err)
		}
	}
}

func TestWhatIsTooLongIsCut(t *testing.T) {
	f := example()
	f.Facts = []observed.Fact{{Experiment: "e", What: "bytes", Text: strings.Repeat("é", 9000), Hex: strings.Repeat("ab", 20_000)}}
	back, err := observed.Read([]byte(written(t, f, phone)), "f")
	if err != nil {
		t.Fatal(err)
	}
	fact := back.Facts[0]
	if fact.What != "bytes (the first 16384 bytes of 20000)" || len(fact.Hex) != 2*16384 || !strings.HasSuffix(fact.Text, "éé…") || len(fact.Text) > 4000 {
		t.Errorf("%s, %d digits, %d bytes", fact.What, len(fact.Hex), len(fact.Text))
	}
}

func TestSecretsAreInNoFile(t *testing.T) {
	for _, text := range []string{
		"/000e08aabbcc.xml", "000E08AABBCC", "00:0e:08:aa:bb:cc", "00-0E-08-AA-BB-CC", "000e.08aa.bbcc", "00%3A0e%3A08%3Aaa%3Abb%3Acc",
		"(FMX0A0000001)", "fmx0a0000001", "192.0.2.10", "http://192.0.2.10:80/", "010.001.2.3", "gateway 08:00:27:01:02:03",
		"user:s3cret&word", "s3cret%26word", "Authorization: Basic dXNlcjpzM2NyZXQmd29yZA==", "a pw b", "000e08aabbcc000e08aabbcc",
	} {
		f := example()
		f.Findings[0].Why, f.Findings[0].Experiment = text, text
		f.Facts = []observed.Fact{{Experiment: text, What: text, Text: text, Hex: hex.EncodeToString([]byte(text))}}
		back, err := observed.Read([]byte(written(t, f, phone)), "f")
		if err != nil {
			t.Fatal(err)
		}
		raw, _ := hex.DecodeString(back.Facts[0].Hex)
		for _, got := range []string{back.Facts[0].Text, back.Facts[0].What, back.Facts[0].Experiment, back.Findings[2].Why, string(raw)} {
			if !strings.Contains(got, "x") || got == text || len(got) != len(text) {
				t.Errorf("%q became %q", text, got)
			}
			for _, secret := range []string{"aabb", "AABB", "aa", "A0000001", "a0000001", "192", "010", "27", "s3cret", "pw", "zM2"} {
				if strings.Contains(got, secret) {
					t.Errorf("%q became %q, with %q", text, got, secret)
				}
			}
		}
	}
}

func TestAddressesAreMaskedAsBytesToo(t *testing.T) {
	f := example()
	f.Facts = []observed.Fact{{Experiment: "dhcp", What: "request", Hex: "01000e08aabbcc02c000020a03"}}
	back, err := observed.Read([]byte(written(t, f, phone)), "f")
	if err != nil || back.Facts[0].Hex != "01787878787878027878787803" {
		t.Errorf("%+v, %v", back, err)
	}
}

func TestWhatIsNoSecretStays(t *testing.T) {
	for _, text := range []string{"Linksys/SPA942-6.1.5(a)", "1.2.3", "1.2.3.4.5", "300.1.2.3", "spwd", "00:0e:08", "dGhpcyBpcyBub25l"} {
		f := example()
		f.Facts = []observed.Fact{{Experiment: "e", What: "w", Text: text, Hex: hex.EncodeToString([]byte(text))}}
		if got := f.Without(phone).Facts[0]; got != f.Facts[0] {
			t.Errorf("%q became %+v", text, got)
		}
	}
}

func TestWriteRefusesWhatNoFileCanHold(t *testing.T) {
	tests := []struct {
		name, want string
		change     func(*observed.File)
	}{
		{"a model", `unknown model "SPA942x"; did you mean "SPA942"?`, func(f *observed.File) { f.Model = "SPA942x" }},
		{"a firmware", `firmware "6" of SPA942 cannot be read`, func(f *observed.File) { f.Firmware = "6" }},
		{"a switch", `unknown switch "tftp_weit"; did you mean "tftp_wait"?`, func(f *observed.File) { f.Findings[1].Switch = "tftp_weit" }},
		{"a value", `switch redirects: "folow" is not one of follow, moved or fail; did you mean "follow"?`, func(f *observed.File) { f.Findings[0].OneOf[0] = "folow" }},
		{"a switch twice", "switch redirects is found twice", func(f *observed.File) { f.Findings[1] = f.Findings[0] }},
		{"a choice of the tester", "no phone has it", func(f *observed.File) { f.Findings[1].Switch = "evidence" }},
		{"no reason", "it has neither a value, nor why it has none", func(f *observed.File) { f.Findings[3].Why = "" }},
		{"one value left", "one_of has one value alone", func(f *observed.File) { f.Findings[0].OneOf = f.Findings[0].OneOf[:1] }},
		{"too many that agree", "it was asked 3 times, so 4 cannot have agreed", func(f *observed.File) { f.Findings[1].Agreed = 4 }},
		{"nobody asked", "it was asked 0 times, so 0 cannot have agreed", func(f *observed.File) { f.Findings[1].Asked, f.Findings[1].Agreed = 0, 0 }},
		{"a secret value", "the value of switch ivr_admin_password is a secret of the phone", func(f *observed.File) {
			f.Findings[1].Switch, f.Findings[1].Value = "ivr_admin_password", "8642"
		}},
		{"no bytes", "its bytes are no hexadecimal digits", func(f *observed.File) { f.Facts[0].Hex = "0g" }},
		{"a time below 0", "its time is below 0", func(f *observed.File) { f.Facts[0].Nanoseconds = -1 }},
		{"no name", "it needs both names", func(f *observed.File) { f.Facts[0].What = "" }},
		{"too many facts", "1501 facts are more than 1500", func(f *observed.File) { f.Facts = make([]observed.Fact, observed.MostFacts+1) }},
	}
	secrets := phone
	secrets.Words = []string{"8642"}
	for _, tt := range tests {
		f := example()
		tt.change(f)
		var b bytes.Buffer
		if err := f.Write(&b, secrets); err == nil || !strings.Contains(err.Error(), tt.want) || b.Len() > 0 {
			t.Errorf("%s: %v after %d bytes, want %s", tt.name, err, b.Len(), tt.want)
		}
	}
}

// The fullest file that can be written can be read.
func TestAFullFileCanBeRead(t *testing.T) {
	row, err := model.NewRow("SPA942", "6.1.5(a)", nil)
	if err != nil {
		t.Fatal(err)
	}
	f := &observed.File{Model: "SPA942", Firmware: "6.1.5(a)"}
	for _, s := range row.Switches[1:] {
		f.Findings = append(f.Findings, observed.Finding{Switch: s.Name, Value: s.Value, Experiment: "e: " + s.Name, Asked: 3, Agreed: 3})
	}
	for range observed.MostFacts {
		f.Facts = append(f.Facts, observed.Fact{Experiment: "e: [", What: "w - {", Text: "x", Hex: strings.Repeat("ab", 500), Nanoseconds: 5})
	}
	start := time.Now()
	back, err := observed.Read([]byte(written(t, f, phone)), "f")
	if err != nil || len(back.Facts) != observed.MostFacts || len(back.Findings) != len(row.Switches)-1 {
		t.Errorf("%v", err)
	}
	t.Logf("written and read in %v", time.Since(start))
}

func TestMistakesNameTheirPlaceAndWhatWasExpected(t *testing.T) {
	text := written(t, example(), phone)
	with := func(old, other string) string {
		if !strings.Contains(text, old) {
			t.Fatalf("the example lacks %q", old)
		}
		return strings.Replace(text, old, other, 1)
	}
	tests := []struct{ name, text, want string }{
		{"nothing", "", `f:1:1: this is no file of what a phone was observed to do: its first line is not "spafleet: probe 1"`},
		{"a scenario", "fleet:\n  a: {model: SPA942}\n", "f:1:1: this is no file of what a phone was observed to do"},
		{"a later format", with("probe 1", "probe 2"), `f:1:1: the file has the format probe "2", and this program reads probe 1`},
		{"bytes", "\x00\x01", "f:1:1: byte 0x00 is not text"},
		{"a model", with("SPA942\n", "SPA942x\n"), `f:2:8: model: unknown model "SPA942x"; did you mean "SPA942"?`},
		{"no model", with("model: SPA942\n", ""), `the key "model" is missing`},
		{"a firmware", with("6.1.5(a)", "six"), `f:3:11: firmware: firmware "six" of SPA942 cannot be read`},
		{"a date", with("2026-11-22", "22.11.2026"), `f:4:7: date: "22.11.2026" is not a date such as 2026-11-22`},
		{"a time", with("12m30s", "12"), `f:5:7: took: a duration needs a unit (ms s m h d w); did you mean "12s"?`},
		{"other evidence", with("evidence: field", "evidence: guess"), `f:6:11: evidence: "guess" is not field`},
		{"a key", with("took:", "tok:"), `f:5:1: unknown key "tok"; did you mean "took"?`},
		{"a key twice", with("took:", "date: 2026-01-01\ntook:"), `f:5:1: the key "date" is given twice`},
		{"a switch", with("tftp_wait", "tftp_weit"), `f:8:3: switches: unknown switch "tftp_weit"; did you mean "tftp_wait"?`},
		{"a switch twice", with("  redirects:", "  tftp_wait:"), `switches: the switch "tftp_wait" is given twice`},
		{"a value", with("value: 3s", "value: 3"), `f:9:12: switches.tftp_wait: "3" is not one of a duration`},
		{"a word", with("[follow, ", "[folow, "), `switches.redirects: "folow" is not one of follow, moved or fail; did you mean "follow"?`},
		{"a number", with("asked: 3", "asked: often"), `f:11:12: switches.tftp_wait.asked: "often" is not a number from 0 to 1000000`},
		{"what does not add up", with("agreed: 3", "agreed: 5"), "it was asked 3 times, so 5 cannot have agreed with the value"},
		{"a text in place of a map", with("    value: 3s\n    experiment: tftp silence\n    asked: 3\n    agreed: 3\n", "    3s\n"), `switches.tftp_wait: expected keys with values, such as "model: SPA942"`},
		{"a map in place of a text", with("SPA942\n", "{a: b}\n"), "f:2:8: model: expected a text"},
		{"a map in place of a list", with("one_of: [follow, moved]", "one_of: follow"), "switches.redirects.one_of: expected a list of at most 64 values"},
		{"no list", with("facts:\n", "facts: none\nfacts2:\n"), "facts: expected a list"},
		{"an anchor", with("value: 3s", "value: &a 3s"), "switches.tftp_wait.value: expected a text"},
		{"no value", with("value: 3s", "value:"), "switches.tftp_wait.value: the value is missing"},
		{"bytes of a fact", with("hex: |-\n      47", "hex: |-\n      4"), "facts[3].hex: the value is not an even number of hexadecimal digits"},
		{"a long text", with("tftp silence", strings.Repeat("x", 4001)), "the text has 4001 bytes, more than 4000"},
		{"too long", text + strings.Repeat(" ", observed.MostBytes), "bytes, more than 4194304"},
		{"deep", text + "x: " + strings.Repeat("[", 100), "nested too deep"},
		{"two documents", text + "---\na: b\n", "the file is more than one document"},
		{"no YAML", text + "\"\n", "f:"},
	}
	for _, tt := range tests {
		f, err := observed.Read([]byte(tt.text), "f")
		if err == nil || !strings.Contains(err.Error(), tt.want) {
			t.Errorf("%s: %+v, %v\nwant %s", tt.name, f, err, tt.want)
		}
	}
}

func TestMistakesAreCountedAndHaveTheirHints(t *testing.T) {
	var b strings.Builder
	b.WriteString("spafleet: probe 1\nmodel: SPA942\nfirmware: 6.1.5(a)\ndate: 2026-11-22\ntook: 0\nevidence: field\nswitches:\n")
	for range 30 {
		b.WriteString("  no_such_switch: {}\n")
	}
	_, err := observed.Read([]byte(b.String()), "f")
	var all *observed.Mistakes
	if !errors.As(err, &all) || all.Count != 30 || len(all.First) != 20 || !strings.HasSuffix(err.Error(), "\n30 mistakes in all; the others are not shown") {
		t.Errorf("%v", err)
	}
	if h := hint.In(err); len(h) != 1 || h[0].Kind != hint.Switches || h[0].Of != "SPA942" {
		t.Errorf("hints %+v", h)
	}
}

// What can be read can be written, and comes back as it was.
func FuzzRead(f *testing.F) {
	text := written(f, example(), phone)
	f.Add([]byte(text))
	f.Add([]byte(strings.Replace(text, "tftp silence", `"a\x41\u2028\U0001f4de\t"`, 1)))
	f.Add([]byte("spafleet: probe 1\nmodel: PAP2T\nfirmware: 5.1.6(LS)\ndate: 2026-11-22\ntook: 0\nevidence: field\nfacts:\n- {experiment: e, what: w, hex: 'ab CD'}\n"))
	f.Fuzz(func(t *testing.T, src []byte) {
		file, err := observed.Read(src, "f")
		if err != nil {
			return
		}
		file.Took = file.Took.Round(time.Second) // as it is written
		first := file.Without(observed.Secrets{})
		back, err := observed.Read([]byte(written(t, first, observed.Secrets{})), "f")
		if err != nil || !reflect.DeepEqual(back, first) {
			t.Errorf("%+v\ncame back as %+v, %v", first, back, err)
		}
	})
}
