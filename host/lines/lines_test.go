package lines_test

import (
	"slices"
	"strings"
	"testing"
	"unicode/utf8"

	"spafleet/host/lines"
)

func TestTextsBreakAtBlanks(t *testing.T) {
	for _, tt := range []struct {
		text  string
		width int
		want  []string
	}{
		{"", 5, []string{""}},
		{"one two  three\nfour", 8, []string{"one two", "three", "four"}},
		{"äöü éèê", 7, []string{"äöü éèê"}}, // letters count, not bytes
		{"a longerthanaline b", 6, []string{"a", "longerthanaline", "b"}},
	} {
		if got := lines.Wrap(tt.text, tt.width); !slices.Equal(got, tt.want) {
			t.Errorf("%q in %d: %q", tt.text, tt.width, got)
		}
	}
}

func TestATextHangsUnderItsIndent(t *testing.T) {
	text := strings.Repeat("word ", 40)
	got := lines.Hang("✗ head ", "  ", text)
	list := strings.Split(strings.TrimSuffix(got, "\n"), "\n")
	if len(list) < 3 || !strings.HasPrefix(list[0], "✗ head word") || strings.Count(got, "word") != 40 {
		t.Errorf("%q", got)
	}
	for i, line := range list {
		n := utf8.RuneCountInString(line)
		if n > lines.Width || i < len(list)-1 && n+len(" word") <= lines.Width || i > 0 && (!strings.HasPrefix(line, "  word")) {
			t.Errorf("line %d has %d letters: %q", i, n, line)
		}
	}
	if got := lines.Hang("head ", "", ""); got != "head \n" {
		t.Errorf("%q", got)
	}
}
