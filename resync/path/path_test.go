package path_test

import (
	"slices"
	"strings"
	"testing"

	"spafleet/resync/path"
)

func TestPathsMatch(t *testing.T) {
	for _, tt := range []struct {
		syntax     path.Syntax
		text, path string
		values     []string // nil: no match
	}{
		{0, "/spa942.cfg", "/spa942.cfg", []string{}},
		{0, "/spa942.cfg", "/SPA942.cfg", nil},
		{0, "/$MA.cfg", "/000e08012345.cfg", []string{"000e08012345"}},
		{0, "/$MA.cfg", "/000E08012345.cfg", nil},
		{0, "/$MAU/$PN", "/000E08012345/SPA-942", []string{"000E08012345", "SPA-942"}},
		{0, "/$MAC", "/00:0e:08:01:23:45", []string{"00:0e:08:01:23:45"}},
		{0, "/$(PSN)x", "/2102x", []string{"2102"}},
		{0, "/$MA_x", "/000e08012345_x", []string{"000e08012345"}},
		{0, "/$$MA", "/$MA", []string{}},
		{0, "/cost$.cfg", "/cost$.cfg", []string{}},
		{0, "/end$", "/end$", []string{}},
		{0, "/a*", "/ab", nil},
		{0, "/a*", "/a*", []string{}},
		{path.Wildcards, "/a*/$SN.b", "/axx/7K1.b", []string{"7K1"}},
		{path.Wildcards, "/*", "/anything\nat all", []string{}},
		{path.Wildcards, "/{{ x }}", "/{{ x }}", []string{}},
		{path.Expressions, "/{{ dir }}/a", "/x1/a", []string{"x1"}},
		{path.Expressions, "/{{ dir }}/a", "/x/1/a", nil},
	} {
		p, err := path.Parse(tt.text, tt.syntax)
		if err != nil {
			t.Errorf("%s: %v", tt.text, err)
			continue
		}
		values, ok := p.Match(tt.path)
		if ok != (tt.values != nil) || !slices.Equal(values, tt.values) {
			t.Errorf("%s, %s: %q, %t, want %q", tt.text, tt.path, values, ok, tt.values)
		}
	}
}

func TestWhatAPathMayNotHold(t *testing.T) {
	for text, want := range map[string]string{
		"a": "a path begins with /", "": "a path begins with /",
		"/$XY":     "$XY is no macro that a path may hold; they are $MA, $MAU, $MAC, $SN, $PSN, $PN",
		"/$MAX":    "$MAX is no macro that a path may hold; did you mean $(MA)X?",
		"/$(MA":    "$( without )",
		"/$()":     "is no macro",
		"/{{ x":    "{{ without }}",
		"/$SWVER/": "$SWVER is no macro",
	} {
		if _, err := path.Parse(text, path.Expressions); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%q: %v, want %s", text, err, want)
		}
	}
}

func TestAMacroBeforeAnotherIsMoreTelling(t *testing.T) {
	if path.Rank("MA") != 0 || path.Rank("PN") <= path.Rank("SN") || path.Rank("SWVER") != -1 {
		t.Error(path.Rank("MA"), path.Rank("PN"), path.Rank("SN"), path.Rank("SWVER"))
	}
}

func FuzzPathsMatchThemselves(f *testing.F) {
	for _, text := range []string{"/a", "/$MA.cfg", "/cost$.cfg", "/$$x", "/{{ dir }}/*", "/$(PN)"} {
		f.Add(text, uint8(3))
	}
	f.Fuzz(func(t *testing.T, text string, s uint8) {
		p, err := path.Parse(text, path.Syntax(s))
		if err != nil || len(p.Slots) > 0 || p.Plain == "" {
			return
		}
		if _, ok := p.Match(p.Plain); !ok {
			t.Errorf("%q does not match %q", text, p.Plain)
		}
	})
}
