package scenarios_test

import (
	"os"
	"reflect"
	"regexp"
	"strings"
	"testing"

	"spafleet/device"
	"spafleet/device/observed"
	"spafleet/host/golden"
	"spafleet/resync/fault"
	"spafleet/scenarios"
	"spafleet/scenarios/expression"
)

// TestDocumentHasEveryName holds docs/scenario.md to the names that the readers
// take: what is missing there nobody finds.
func TestDocumentHasEveryName(t *testing.T) {
	text, err := os.ReadFile("../docs/scenario.md")
	if err != nil {
		t.Fatal(err)
	}
	words := map[string]bool{}
	for _, code := range regexp.MustCompile("(?s)```.*?```|`[^`]*`").FindAllString(string(text), -1) {
		for _, word := range regexp.MustCompile(`[a-z][a-z0-9_-]*`).FindAllString(code, -1) {
			words[word] = true
		}
	}
	want := device.KindNames()
	for _, vars := range []any{expression.RequestVars{}, expression.Event{}} {
		want = append(want, expressionNames(reflect.TypeOf(vars))...)
	}
	for _, e := range fault.Table() {
		want = append(want, e.Key)
	}
	for _, h := range fault.Hostiles() {
		want = append(want, string(h))
	}
	for _, name := range want {
		if !words[name] {
			t.Errorf("docs/scenario.md does not have %q", name)
		}
	}
	if len(want) < 80 {
		t.Errorf("only %d names were looked for", len(want))
	}
}

// The table of the scenarios that come with the program is made from their files.
func TestDocumentHasTheLibrary(t *testing.T) {
	const file, head, tail = "../docs/scenario.md", "<!-- library -->\n", "<!-- /library -->"
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	before, rest, ok := strings.Cut(string(text), head)
	_, after, closed := strings.Cut(rest, tail)
	if !ok || !closed {
		t.Fatalf("%s has no %s", file, head)
	}
	table := "| scenario | what happens |\n|---|---|\n"
	for _, name := range scenarios.Names() {
		file, err := scenarios.BuiltinFile(name)
		if err != nil {
			t.Fatal(err)
		}
		table += "| `" + name + "` | " + file.About() + " |\n"
	}
	golden.File(t, file, []byte(before+head+table+tail+after))
}

func expressionNames(vars reflect.Type) []string {
	var list []string
	for i := range vars.NumField() {
		f := vars.Field(i)
		if f.Anonymous {
			list = append(list, expressionNames(f.Type)...)
			continue
		}
		list = append(list, f.Tag.Get("expr"))
	}
	return list
}

// The example of a file of switches can be read.
func TestDocumentHasAFileOfSwitches(t *testing.T) {
	text, err := os.ReadFile("../docs/scenario.md")
	if err != nil {
		t.Fatal(err)
	}
	_, rest, _ := strings.Cut(string(text), "```yaml\nspafleet:")
	example, _, ok := strings.Cut(rest, "```")
	f, err := observed.Read([]byte("spafleet:"+example), "example")
	if !ok || err != nil || len(f.Findings) != 2 || len(f.Facts) != 2 {
		t.Errorf("%+v, %v", f, err)
	}
}

// The first example of the document is a whole scenario.
func TestDocumentBeginsWithAScenario(t *testing.T) {
	text, err := os.ReadFile("../docs/scenario.md")
	if err != nil {
		t.Fatal(err)
	}
	_, rest, _ := strings.Cut(string(text), "```yaml\n")
	example, _, ok := strings.Cut(rest, "```")
	s, err := scenarios.Load("hello.yaml", []byte(example))
	if !ok || err != nil {
		t.Fatalf("%v\n%s", err, example)
	}
	if !s.HasExpectations() {
		t.Error("it expects nothing")
	}
}
