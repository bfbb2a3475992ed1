package bundle_test

import (
	"archive/zip"
	"bytes"
	"fmt"
	"maps"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"spafleet/device"
	"spafleet/resync"
	"spafleet/scenarios/bundle"
)

func sample() *bundle.Bundle {
	return &bundle.Bundle{
		About: bundle.About{
			Format: bundle.Format, Program: "1.0", Name: "town", Seed: 1 << 63, Clock: "virtual", Start: time.Date(2020, 1, 1, 0, 0, 0, 0, time.UTC), Duration: 90,
			Devices: 20, Device: bundle.Device{Index: 17, MAC: "000e08000011", Group: "homes"}, Failure: bundle.Failure{Unmet: []string{"all synced"}, Why: "SP-CUST"},
			Flags: []bundle.Flag{{Name: "set", Value: "GPP_A=1"}}, StandIns: []bundle.StandIn{}, Notes: []string{},
		},
		Scenario: []byte("fleet: {}\n"), Files: map[string][]byte{"a/b.xml": []byte("<a/>"), "c": {}}, List: []byte("mac\n"), Events: []byte("{}\n"), Report: []byte("{}"),
	}
}

func written(t testing.TB, b *bundle.Bundle, v *bundle.Vault) []byte {
	t.Helper()
	var out bytes.Buffer
	if err := b.Write(&out, v); err != nil {
		t.Fatal(err)
	}
	return out.Bytes()
}

func TestABundleIsReadAsItWasWritten(t *testing.T) {
	b := sample()
	text := written(t, b, &bundle.Vault{})
	if again := written(t, b, &bundle.Vault{}); !bytes.Equal(text, again) {
		t.Error("it is written otherwise the second time")
	}
	got, err := bundle.Read(text)
	if err != nil || !reflect.DeepEqual(got, b) {
		t.Errorf("%v\n%+v\n%+v", err, got, b)
	}
}

// Nothing is written that nobody could read.
func TestWhatIsWrittenCanBeRead(t *testing.T) {
	for want, change := range map[string]func(*bundle.Bundle){
		"more than is read of one":     func(b *bundle.Bundle) { b.Report = bytes.Repeat([]byte{1}, 50<<20) },
		"in 406 parts":                 func(b *bundle.Bundle) { manyFiles(b, 400) },
		"device 17 of 17":              func(b *bundle.Bundle) { b.About.Devices = 17 },
		"its events have control":      func(b *bundle.Bundle) { b.Events = []byte("\x1b[2J") },
		"bundle.json has 2":            func(b *bundle.Bundle) { b.About.Failure.Why = strings.Repeat("x", 2<<20) },
		"it has a part \"files/../x\"": func(b *bundle.Bundle) { b.Files["../x"] = nil },
	} {
		b, out := sample(), bytes.Buffer{}
		change(b)
		if err := b.Write(&out, &bundle.Vault{}); err == nil || !strings.Contains(err.Error(), want) || out.Len() > 0 {
			t.Errorf("%v, want %q; %d bytes", err, want, out.Len())
		}
	}
}

func manyFiles(b *bundle.Bundle, n int) {
	b.Files = map[string][]byte{}
	for i := range n {
		b.Files[fmt.Sprint(i)] = nil
	}
}

// Of many secrets the first are told, and all are hidden.
func TestManySecretsFitIntoABundle(t *testing.T) {
	b, v := sample(), &bundle.Vault{}
	var list strings.Builder
	list.WriteString("mac,model,param:Password_1_\n")
	for i := range 20_000 {
		fmt.Fprintf(&list, "%012x,SPA942,canary-%d\n", i, i)
	}
	var err error
	if b.List, err = v.List([]byte(list.String())); err != nil {
		t.Fatal(err)
	}
	if err := b.Hide(v); err != nil {
		t.Fatal(err)
	}
	got, err := bundle.Read(written(t, b, v))
	if err != nil || got.About.Secrets != 20_000 || len(got.About.StandIns) != 100 || strings.Contains(string(got.List), "canary") {
		t.Errorf("%v: %d secrets, %d stand-ins", err, got.About.Secrets, len(got.About.StandIns))
	}
}

// archive makes an archive of parts, in the order of their names.
func archive(t *testing.T, parts map[string]string, more ...string) []byte {
	t.Helper()
	var out bytes.Buffer
	z := zip.NewWriter(&out)
	for _, name := range append(slices.Sorted(maps.Keys(parts)), more...) {
		w, err := z.Create(name)
		if err == nil {
			_, err = w.Write([]byte(parts[name]))
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	if err := z.Close(); err != nil {
		t.Fatal(err)
	}
	return out.Bytes()
}

const about = `{"format": 1, "devices": 1, "fleet_start": "2020-01-01T00:00:00Z"}`

func TestWhatStrangersMakeIsReadWithinLimits(t *testing.T) {
	zeros := strings.Repeat("\x00", 30<<20)
	many := map[string]string{"bundle.json": about}
	for i := range 400 {
		many[fmt.Sprint("files/", i)] = ""
	}
	flags := strings.Replace(about, "{", `{"flags": [`+strings.Repeat(`{"name":"set"},`, 600)+`{}],`, 1)
	for want, text := range map[string][]byte{
		"":                                archive(t, map[string]string{"bundle.json": about}),
		"this is no bundle":               []byte("fleet: {}"),
		"not a valid zip file":            []byte("PK\x03\x04"),
		"all parts together have more":    archive(t, map[string]string{"bundle.json": about, "events.jsonl": zeros, "report.json": zeros}),
		"it has 401 parts":                archive(t, many),
		`"../../etc/passwd"`:              archive(t, map[string]string{"bundle.json": about, "../../etc/passwd": ""}),
		`"files/../x"`:                    archive(t, map[string]string{"bundle.json": about, "files/../x": ""}),
		`"files//etc/passwd"`:             archive(t, map[string]string{"bundle.json": about, "files//etc/passwd": ""}),
		`"files/C:\\x"`:                   archive(t, map[string]string{"bundle.json": about, `files/C:\x`: ""}),
		`"files/"`:                        archive(t, map[string]string{"bundle.json": about, "files/": ""}),
		`"events.jsonl", or has it twice`: archive(t, map[string]string{"bundle.json": about, "events.jsonl": "{}"}, "events.jsonl"),
		"has format 2":                    archive(t, map[string]string{"bundle.json": `{"format": 2}`}),
		"device 7 of 7":                   archive(t, map[string]string{"bundle.json": strings.Replace(about, `"devices": 1`, `"devices": 7, "device": {"index": 7}`, 1)}),
		"device 0 of 99999999999":         archive(t, map[string]string{"bundle.json": strings.Replace(about, `"devices": 1`, `"devices": 99999999999`, 1)}),
		"cannot unmarshal number":         archive(t, map[string]string{"bundle.json": strings.Replace(about, `"devices": 1`, `"devices": 1e300`, 1)}),
		"its time is not one":             archive(t, map[string]string{"bundle.json": strings.Replace(about, `"devices": 1`, `"devices": 1, "duration_seconds": 1e300`, 1)}),
		"bundle.json has control":         archive(t, map[string]string{"bundle.json": strings.Replace(about, "{", `{"name": "\u001b[2J",`, 1)}),
		"its events have control":         archive(t, map[string]string{"bundle.json": about, "events.jsonl": `{"text":"\u001b[2J"}`}),
		"601 flags":                       archive(t, map[string]string{"bundle.json": flags}),
		"unexpected end of JSON input":    archive(t, map[string]string{"events.jsonl": "{}"}),
	} {
		_, err := bundle.Read(text)
		if (err == nil) != (want == "") || err != nil && !strings.Contains(err.Error(), want) {
			t.Errorf("%v, want %q", err, want)
		}
	}
}

// What an archive says of the size of a part is not believed.
func TestAPartIsAsLongAsItIs(t *testing.T) {
	text := archive(t, map[string]string{"bundle.json": about, "events.jsonl": strings.Repeat("a", 60<<20)})
	if _, err := bundle.Read(text); err == nil || len(text) > 1<<20 {
		t.Errorf("%d bytes: %v", len(text), err)
	}
	lies := bytes.ReplaceAll(text, []byte{0, 0, 0xc0, 3}, []byte{5, 0, 0, 0}) // 60 MB, little endian
	if _, err := bundle.Read(lies); err == nil {
		t.Error("a part that says it has 5 bytes was read")
	}
}

func FuzzRead(f *testing.F) {
	f.Add(written(f, sample(), &bundle.Vault{}))
	f.Add([]byte("PK\x03\x04"))
	f.Fuzz(func(t *testing.T, text []byte) {
		b, err := bundle.Read(text)
		if err != nil {
			return
		}
		if b.About.Devices < 1 || int(b.About.Device.Index) >= b.About.Devices {
			t.Errorf("device %d of %d", b.About.Device.Index, b.About.Devices)
		}
		for name := range b.Files {
			if strings.HasPrefix(name, "/") || strings.Contains("/"+name+"/", "/../") {
				t.Errorf("a file leads to %q", name)
			}
		}
		a := bundle.NewAnswers(b)
		for range 3 {
			_, wait, err := a.Answer(&resync.Request{Scheme: "http", Path: "/a"})
			if wait < 0 {
				t.Errorf("it waits %d, %v", wait, err)
			}
		}
	})
}

func TestAStandInIsOfTheKindOfItsSecret(t *testing.T) {
	v := &bundle.Vault{}
	for _, secret := range []string{"7261", "726155", "abcdefghij", "00112233445566778899aabbccddeeff", "pass word", "päßword", "a&b<c>\"d'"} {
		v.Add(secret, "a test")
	}
	seen := map[string]bool{}
	for i, tt := range []struct{ secret, letters string }{
		{"7261", "0123456789"}, {"726155", "0123456789"}, {"abcdefghij", "abcdefghijklmnopqrstuvwxyz0123456789"}, {"00112233445566778899aabbccddeeff", "0123456789abcdef"},
	} {
		got := v.Hide(tt.secret)
		if len(got) != len(tt.secret) || got == tt.secret || strings.Trim(got, tt.letters) != "" || seen[got] || v.StandIns()[i].Value != got {
			t.Errorf("%q for %q", got, tt.secret)
		}
		seen[got] = true
	}
	for _, text := range []string{
		"pass+word", "pass%20word", "p%C3%A4%C3%9Fword", "a&amp;b&lt;c&gt;\"d'", "a&amp;b&lt;c&gt;&quot;d&apos;", `a\u0026b\u003cc\u003e\"d'`, "a%26b%3Cc%3E%22d%27", "a&b<c>\"d''",
	} {
		if got := v.Hide("x=" + text + "&"); !strings.Contains(got, "hidden") && !strings.Contains(got, "hid") {
			t.Errorf("%q stays %q", text, got)
		}
	}
	// What the program makes itself stays, whatever digits it has.
	const line = `{"at":"2020-01-01T00:00:00.726155Z","mac":"000e08726155","dev":1,"next":"2020-01-01T00:00:01.726155Z"}`
	if got := string(v.HideJSON([]byte(line))); got != line || v.Hide("726155") == "726155" {
		t.Errorf("%s is %s", line, got)
	}
	b := sample()
	b.Events = []byte(`{"at":"2020-01-01T00:00:00Z","text": "with 726155 in it"}`)
	if err := b.Write(&bytes.Buffer{}, v); err == nil || !strings.Contains(err.Error(), "events.jsonl would still have the secret of a test") {
		t.Error(err)
	}
}

func TestSecretsAreFoundByWhatTheyLookLike(t *testing.T) {
	for text, want := range map[string]string{
		"<GPP_SA>word1</GPP_SA>": "word1",
		"<flat-profile><User_ID_1_>1001</User_ID_1_><Password_1_ ua=\"na\">word1</Password_1_>": "word1",
		"<a><GPP_SA>word1 and it is cut":                                 "word1 and it is cut",
		"Password_1_ \"word1\" ;":                                        "word1",
		"[--key word1] http://h/":                                        "word1",
		"[ --key \"word1\" --alias a.b=c ] http://h/":                    "word1",
		"http://h/a?x=1&password=word1":                                  "word1",
		"http://user:word1@h/":                                           "user word1",
		"<GPP_SD>word1-{{ secret(\"word2\") }}-${x}word3</GPP_SD>":       "word1- word3",
		"[--key $A] http://$B/$MA.xml?mac=000e08123456":                  "",
		"<GPP_A>no secret</GPP_A><Profile_Rule>http://h/</Profile_Rule>": "",
		`param("Password_1_") == "word1" && param("GPP_A") == "x1234"`:   "word1",
		"<GPP_SA>abc</GPP_SA>":                                           "",
	} {
		v := &bundle.Vault{}
		v.Text(text, "a text")
		hidden := v.Hide(text)
		for _, word := range strings.Fields(want) {
			if strings.Contains(hidden, word) {
				t.Errorf("%s: %s", text, hidden)
			}
		}
		if want == "" && hidden != text || want != "" && hidden == text || len(hidden) != len(text) {
			t.Errorf("%s: %s", text, hidden)
		}
	}
}

// A secret that YAML spells otherwise cannot be replaced, and so takes the scenario with
// it.
func TestAScenarioThatKeepsASecretIsLeftOut(t *testing.T) {
	b, v := sample(), &bundle.Vault{}
	b.Scenario = []byte(`fleet: {a: {set: {GPP_SA: "se\u0063ret word"}}}` + "\n")
	v.Scenario(b.Scenario)
	if err := b.Hide(v); err != nil {
		t.Fatal(err)
	}
	if b.Scenario != nil || !strings.Contains(b.About.Refusal, "cannot be replaced") {
		t.Errorf("%s, %s", b.Scenario, b.About.Refusal)
	}
}

func TestAnswersComeInTheirOrder(t *testing.T) {
	b := sample()
	b.About.Params = map[string]string{"GPP_A": "a&b"}
	b.Events = []byte(`{"kind":"fetch_failed","result":"dns","phase":"dns","scheme":"http","host":"h.test","path":"/a"}
{"kind":"fetch_failed","result":"timeout","phase":"first_byte","scheme":"http","host":"h.test","path":"/a","wait_ns":5000000000}
{"kind":"fetch","what":"profile","scheme":"http","host":"h.test","path":"/a","status":200,"bytes":77}
{"kind":"fetch_failed","result":"status","phase":"status","scheme":"http","host":"h.test","path":"/b","status":503}
{"kind":"fetch_failed","result":"corrupt","phase":"size","scheme":"tftp","host":"h.test","path":"/c"}
{"kind":"fetch_failed","result":"status","phase":"status","scheme":"tftp","host":"h.test","path":"/d","tftp_error":2}
`)
	a := bundle.NewAnswers(b)
	if a.Knows("h.test") || !a.Knows("h.test") || !a.Knows("other.test") {
		t.Error("the first lookup fails alone")
	}
	if _, wait, err := a.Answer(&resync.Request{Scheme: "http", Path: "/a"}); wait != 5e9 || err.(*resync.Error).Result != device.Timeout {
		t.Errorf("%d, %v", wait, err)
	}
	for range 2 { // the last one stays
		if r, _, err := a.Answer(&resync.Request{Scheme: "http", Path: "/a"}); err != nil || r.Status != 200 || !strings.Contains(string(r.Body), "<GPP_A>a&amp;b</GPP_A>") {
			t.Errorf("%v, %v", r, err)
		}
	}
	if r, _, err := a.Answer(&resync.Request{Scheme: "http", Path: "/b"}); err != nil || r.Status != 503 {
		t.Errorf("%v, %v", r, err)
	}
	if _, _, err := a.Answer(&resync.Request{Scheme: "tftp", Path: "/c"}); err == nil || !err.(*resync.Error).TooBig {
		t.Error(err)
	}
	if _, _, err := a.Answer(&resync.Request{Scheme: "tftp", Path: "/d"}); err == nil || err.(*resync.Error).Code != 2 {
		t.Error(err)
	}
	if r, _, err := a.Answer(&resync.Request{Scheme: "http", Path: "/never"}); err != nil || r.Status != 404 {
		t.Errorf("%v, %v", r, err)
	}
	if got := a.Hosts(); !slices.Equal(got, []string{"h.test"}) {
		t.Error(got)
	}
}

// A secret may be a word that spafleet uses itself.
func TestAWordOfTheFormMayBeASecret(t *testing.T) {
	b, v := sample(), &bundle.Vault{}
	v.Add("secrets", "a test")
	v.Add("kind", "a test")
	v.Add("device", "a test")
	b.Events = []byte(`{"kind":"boot","text":"one kind of secrets","list":["kind","a \"kind\""]}` + "\n")
	if err := b.Hide(v); err != nil {
		t.Fatal(err)
	}
	got, err := bundle.Read(written(t, b, v))
	if err != nil || got.About.Secrets != 3 || got.About.Device.Index != 17 {
		t.Errorf("%v: %+v", err, got)
	}
	if want := `{"kind":"boot","text":"one hid2 of hidden1","list":["hid2","a \"hid2\""]}` + "\n"; err == nil && string(got.Events) != want {
		t.Errorf("%s", got.Events)
	}
}

// A key may stand in a parameter that only a rule says is one.
func TestAParameterThatARuleTakesItsKeyFromIsSecret(t *testing.T) {
	for text, secret := range map[string]bool{
		"<Profile_Rule>[--key $B] http://h/</Profile_Rule><GPP_B>word1</GPP_B>":         true,
		"<Profile_Rule>[ --pwd \"$(B)\" ] http://h/</Profile_Rule><GPP_B>word1</GPP_B>": true,
		"<Profile_Rule>http://h/$B</Profile_Rule><GPP_B>word1</GPP_B>":                  false,
	} {
		v := &bundle.Vault{}
		for range 2 {
			v.Text(text, "a text")
		}
		if hidden := v.Hide(text); strings.Contains(hidden, "word1") == secret {
			t.Errorf("%s: %s", text, hidden)
		}
	}
}

func TestDifferenceNamesTheFirstLine(t *testing.T) {
	for _, tt := range []struct{ before, now, want string }{
		{"a\nb\n", "a\nb\n", ""},
		{"a\nb\n", "a\nc\nd\n", "line 2 was\n  b\nand is\n  c"},
		{"a\nb\n", "a\n", "line 2 was\n  b\nand is\n  "},
		{"a\n", "a\nb\n", "line 2 was\n  \nand is\n  b"},
	} {
		if got := bundle.Difference([]byte(tt.before), []byte(tt.now)); got != tt.want {
			t.Errorf("%q and %q: %q", tt.before, tt.now, got)
		}
	}
}
