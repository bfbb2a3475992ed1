package report

import (
	"cmp"
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"spafleet/device"
	"spafleet/device/measure"
	"spafleet/device/model"
)

// Explain adds to the findings what the models' tables say of the parameters in
// them. It is for the end of a run: it takes time.
func (s *Summary) Explain() {
	rows := map[string]*model.Row{}
	for _, m := range s.Models {
		row, err := model.NewRow(m.Model, m.Firmware, nil)
		if err != nil {
			continue // a shard's, of another version of this program
		}
		rows[m.Make.String()] = row
		if from := row.Model.Catalogue.Value; from != m.Model && len(s.Findings.UnknownParams)+len(s.Findings.RejectedParams) > 0 {
			s.Findings.DerivedSets[m.Model] = from
		}
	}
	for i := range s.Findings.UnknownParams[:min(len(s.Findings.UnknownParams), mostExplained)] {
		p := &s.Findings.UnknownParams[i]
		if row := rowOf(p, rows); row != nil {
			why := device.WhyLacks(row, p.Name)
			p.Reason, p.Hint = why.Reason, why.Hint
		}
	}
	for i := range s.Findings.RejectedParams {
		p := &s.Findings.RejectedParams[i]
		if row := rowOf(p, rows); row != nil {
			if param, ok := row.Lookup(p.Name); ok {
				p.Takes = param.Takes()
			}
		}
	}
}

// rowOf returns the first of the models that a finding is of.
func rowOf(p *Named, rows map[string]*model.Row) *model.Row {
	first := ""
	for name := range p.Models {
		if rows[name] != nil && (first == "" || name < first) {
			first = name
		}
	}
	return rows[first]
}

// mostExplained bounds the search for names that were meant.
const mostExplained = 200

// lastNumber finds the number at the end of a name.
var lastNumber = regexp.MustCompile(`^(.*?_)(\d+)(_*)$`)

// A fold is parameters whose names differ in their last number only, and that are
// alike otherwise.
type fold struct {
	Named
	head, tail  string // of the name, beside the number
	first, last int
	names       int
}

// mostFolded bounds how many names of a list are folded.
const mostFolded = 500

// folded folds the beginning of a list, and returns the most frequent first.
func folded(list []Named) []fold {
	var all, folds []fold
	for _, p := range list[:min(len(list), mostFolded)] {
		f := fold{Named: p, names: 1}
		if m := lastNumber.FindStringSubmatch(p.Name); m != nil {
			f.first, _ = strconv.Atoi(m[2]) // of digits; one that is too large is some number
			f.head, f.tail, f.last = m[1], m[3], f.first
		}
		all = append(all, f)
	}
	slices.SortStableFunc(all, func(a, b fold) int {
		return cmp.Or(cmp.Compare(cmp.Or(a.head, a.Name), cmp.Or(b.head, b.Name)), cmp.Compare(a.tail, b.tail), cmp.Compare(a.first, b.first))
	})
	for _, f := range all {
		if n := len(folds); n > 0 && folds[n-1].goesOn(&f) {
			last := &folds[n-1]
			last.last, last.names, last.Count = f.last, last.names+1, last.Count+f.Count
			continue
		}
		folds = append(folds, f)
	}
	slices.SortStableFunc(folds, func(a, b fold) int { return b.Count - a.Count })
	return folds
}

// goesOn reports whether a parameter is the next of a fold.
func (f *fold) goesOn(p *fold) bool {
	return p.head != "" && f.head == p.head && f.tail == p.tail && p.first == f.last+1 &&
		f.Reason == p.Reason && f.Takes == p.Takes && f.Value == p.Value
}

// name returns the names of a fold: Auth_ID_5_ … _12_.
func (f *fold) name() string {
	if f.names == 1 {
		return f.Name
	}
	return fmt.Sprintf("%s%d%s … _%d%s", f.head, f.first, f.tail, f.last, f.tail)
}

// writeParams writes what devices did not take, the most frequent first.
func writeParams(b *strings.Builder, title, what string, list []Named, more int) {
	if len(list) == 0 {
		return
	}
	times := more
	for i := range list {
		times += list[i].Count
	}
	fmt.Fprintf(b, "\n%s: %s, %d times\n", title, measure.Counted(len(list), what), times)
	folds := folded(list)
	for i := range folds[:min(len(folds), mostFindings)] {
		f := &folds[i]
		text := f.name()
		for _, s := range []string{quoted(f.Value), prefixed("takes ", f.Takes), f.Reason, f.Hint} {
			if s != "" {
				text += "; " + s
			}
		}
		wrap(b, fmt.Sprintf("  %7d × ", f.Count), text)
		if len(f.Models) > 0 {
			wrap(b, indent, measure.Counts(f.Models, mostModels))
		}
	}
	if n := len(folds) - mostFindings; n > 0 {
		fmt.Fprintf(b, "            and %d more; the JSON result has all\n", n)
	}
}

// writeDerived says whose parameters are known only by another model: of those a
// finding may be wrong.
func writeDerived(b *strings.Builder, derived map[string]string) {
	for i, name := range slices.Sorted(maps.Keys(derived)) {
		if i == 0 {
			b.WriteByte('\n')
		}
		wrap(b, "  ", fmt.Sprintf("The parameters of %s are derived from those of %s (inferred): a real one may have others.", name, derived[name]))
	}
}

func quoted(value string) string {
	if value == "" {
		return ""
	}
	return fmt.Sprintf("value %q", value)
}

func prefixed(head, text string) string {
	if text == "" {
		return ""
	}
	return head + text
}
