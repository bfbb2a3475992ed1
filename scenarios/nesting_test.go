package scenarios_test

import (
	"runtime"
	"strings"
	"testing"
	"time"

	"spafleet/scenarios"
)

// A file of a megabyte costs no more than some copies of it, whatever it nests.
func TestStructureIsCountedBeforeYAMLIsParsed(t *testing.T) {
	const size = 1 << 20 // of a scenario file, at most
	most := func(part string) string { return strings.Repeat(part, (size-200)/len(part)) }
	var stairs strings.Builder
	for i := range 1000 {
		stairs.WriteString(strings.Repeat(" ", i) + "a:\n")
	}
	const fleet = "fleet: {a: {model: SPA942}}\nduration: 1m\nserver: {files: {/a: \""
	tests := map[string]struct{ text, want string }{
		"lists in a line":     {most("["), "nested too deep"},
		"lists over lines":    {most("[\n"), "nested too deep"},
		"maps in a line":      {most("{a: "), "nested too deep"},
		"dashes":              {most("- "), "nested too deep"},
		"dashes before lists": {strings.Repeat("- ", 40) + strings.Repeat("[", 40), "nested too deep"},
		"keys of maps":        {most("? "), "nested too deep"},
		"keys in a line":      {most("a: "), "nested too deep"},
		"quoted keys":         {most("'a': "), "nested too deep"},
		"merges":              {most("<<: "), "nested too deep"},
		"steps":               {stairs.String(), "nested too deep"},
		"tags":                {"a: " + most("!t "), "nested too deep"},
		"anchors":             {"a: " + most("&a "), "nested too deep"},
		"behind a text":       {"a: |\n  [[[\nb: " + most("["), "nested too deep"},
		"behind a text in it": {"- a: |\n    [[[\n  b: " + most("["), "nested too deep"},
		"behind quotes":       {"a: 'it''s [[['\nb: \"\\\"[\n [[[\"\nc: " + most("["), "nested too deep"},
		"aliases":             {"a: [" + most("*a,") + "]", "nested too deep"},
		"a wide list":         {"a: [" + most("1,") + "]", "more than 20,000"},
		"a long list":         {most("- 1\n"), "more than 20,000"},
		"comments":            {most("#\n"), "more than 20,000"},
		"dashes and zeros":    {most("-\x00"), "is not text"},
		"documents":           {most("---\n"), "more than 20,000"},
		"templates":           {fleet + most("{{ma}}") + "\"}}", "more than 2,000 expressions"},
		"an expression":       {"fleet: {a: {model: SPA942}}\nduration: 1m\nexpect:\n  - {all: \"" + most("(") + "\"}\n", "too long: more than 4000 letters"},
		"a template":          {fleet + "{{" + most("(") + "}}\"}}", "too long: more than 4000 letters"},
	}
	if _, err := scenarios.Load("scenario.yaml", []byte(fleet+"x\"}}\n")); err != nil { // makes the tables of the models
		t.Fatal(err)
	}
	for name, tt := range tests {
		var before, after runtime.MemStats
		runtime.ReadMemStats(&before)
		_, err := scenarios.Load("scenario.yaml", []byte(tt.text))
		runtime.ReadMemStats(&after)
		if err == nil || !strings.Contains(err.Error(), tt.want) {
			t.Errorf("%s: %.300v, want %s", name, err, tt.want)
		}
		if used := (after.TotalAlloc - before.TotalAlloc) >> 20; used > 64 {
			t.Errorf("%s: %d MB for a file of %d bytes", name, used, len(tt.text))
		}
	}
}

// What only looks like structure is within a text, and does not count.
func TestTextsAreNoStructure(t *testing.T) {
	brackets := strings.Repeat("[{", 100)
	for name, body := range map[string]string{
		"a block text":        "|\n      " + brackets + "\n      - - - - [\n\n      a: b: c:\n",
		"a folded text":       ">-\n      " + brackets + "\n",
		"a text in quotes":    "'" + brackets + " it''s'\n",
		"another in quotes":   "\"" + brackets + "\\\" [[\"\n",
		"quotes over lines":   "\"[[\n     " + brackets + "\n     ]\"\n",
		"a plain text":        "x [[[ {{ma}} " + strings.Repeat("x[ ", 100) + "\n",
		"a key in a template": "\"{{ param('GPP_A') == 'x' ? 'a' : 'b' }}\"\n",
	} {
		text := "fleet:\n  a: {model: SPA942}\nduration: 1m\nserver:\n  files:\n    /a: " + body + "    /b: b\n"
		s, err := scenarios.Load("scenario.yaml", []byte(text))
		if err != nil && strings.Contains(err.Error(), "nested") || s != nil && s.Server.Files["/b"].Body != "b" {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestEncodingOfAScenario(t *testing.T) {
	const text = "name: x\nfleet:\n  a: {model: SPA942}\nduration: 1m\n"
	s, err := scenarios.Load("scenario.yaml", []byte("\ufeff"+text))
	if err != nil || s.Name != "x" || s.Duration != time.Minute {
		t.Errorf("with a byte order mark: %+v, %v", s, err)
	}
	for _, tt := range []struct{ text, want string }{
		{text + "about: caf\xe9", "scenario.yaml:5:11: byte 0xe9 is not text"},
		{"about: \u00e9\u00e9 \xff\n" + text, "scenario.yaml:1:11: byte 0xff is not text"},
		{"\xff\xfen\x00a\x00", "scenario.yaml:1:1: byte 0xff is not text; save the file as UTF-8"},
		{text + "a\x00b\x00", "scenario.yaml:5:2: byte 0x00 is not text; save the file as UTF-8"},
	} {
		_, err := scenarios.Load("scenario.yaml", []byte(tt.text))
		if err == nil || !strings.Contains(err.Error(), tt.want) {
			t.Errorf("%q: %v, want %s", tt.text, err, tt.want)
		}
	}
}
