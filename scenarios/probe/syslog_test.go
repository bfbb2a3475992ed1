package probe

import "testing"

// TestTheFormOfLines: what stands around the lines of the templates, and how many other lines
// there are.
func TestTheFormOfLines(t *testing.T) {
	tests := []struct {
		lines  []string
		form   lineForm
		others int
		ok     bool
	}{
		{[]string{"<134>" + ownLine}, lineForm{134, false}, 0, true},
		{[]string{"<13>" + ownLine + "\n", "<13>another\n"}, lineForm{13, true}, 1, true},
		{[]string{ownLine, "FMM >>>> " + ownLine}, lineForm{-1, false}, 1, true},
		{[]string{"<x>" + ownLine}, lineForm{}, 1, false},
		{[]string{"another"}, lineForm{}, 1, false},
		{[]string{"<134>" + ownLine, ownLine}, lineForm{134, false}, 0, false},
		{nil, lineForm{}, 0, false},
	}
	for _, tt := range tests {
		if form, others, ok := formOf(tt.lines); form != tt.form && ok || others != tt.others || ok != tt.ok {
			t.Errorf("%q: form %v, %d others, %v, want %v, %d, %v", tt.lines, form, others, ok, tt.form, tt.others, tt.ok)
		}
	}
}
