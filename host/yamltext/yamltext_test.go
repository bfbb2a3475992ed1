package yamltext_test

import (
	"strings"
	"testing"

	"spafleet/host/yamltext"
)

func TestATextHasOneKindOfLineEndAndNoMark(t *testing.T) {
	tests := []struct {
		src, want string
		bad       int
	}{
		{"\ufeffa: b\r\nc: d\re: f\n", "a: b\nc: d\ne: f\n", -1},
		{"é: \x00", "é: \x00", 4},
		{"a\n\xff", "a\n\xff", 2},
		{"", "", -1},
	}
	for _, tt := range tests {
		if got, bad := yamltext.Clean([]byte(tt.src)); string(got) != tt.want || bad != tt.bad {
			t.Errorf("%q: %q, %d", tt.src, got, bad)
		}
	}
	if line, col := yamltext.Place([]byte("a\néb"), 4); line != 2 || col != 2 {
		t.Errorf("place %d:%d", line, col)
	}
}

func TestStructureIsCounted(t *testing.T) {
	tests := []struct {
		text, what string
		line, col  int
	}{
		{"a:\n  - {b: [c]}\n", "", 0, 0},
		{"a: 1\nb: " + strings.Repeat("[", 65), "nested too deep", 2, 67},
		{strings.Repeat("- 1\n", 20_000), "more than 20,000", 10_001, 1},
		{"a: |\n" + strings.Repeat("  [[[[\n", 30_000), "", 0, 0},
	}
	for _, tt := range tests {
		what, line, col := yamltext.Excess(tt.text)
		if !strings.HasPrefix(what, tt.what) || (what == "") != (tt.what == "") || line != tt.line || col != tt.col {
			t.Errorf("%.20q: %q at %d:%d", tt.text, what, line, col)
		}
	}
	if deepest, parts := yamltext.Count("a:\n  - {b: [c]}\n"); deepest != 4 || parts < 5 {
		t.Errorf("%d deep, %d parts", deepest, parts)
	}
}
