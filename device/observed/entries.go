package observed

import (
	"encoding/hex"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/goccy/go-yaml/ast"

	"spafleet/device/hint"
	"spafleet/device/measure"
	"spafleet/device/model"
)

// all reads the whole file.
func (r *reader) all(n ast.Node) {
	f := r.file
	r.fields(n, "", []field{
		{"spafleet", true, func(ast.Node, string) {}}, // the first line has it
		{"model", true, func(n ast.Node, path string) { r.model(n, path) }},
		{"firmware", true, func(n ast.Node, path string) { r.firmware(n, path) }},
		{"date", true, func(n ast.Node, path string) { r.date(n, path) }},
		{"took", true, r.duration(&f.Took)},
		{"evidence", true, func(n ast.Node, path string) {
			if text := r.text(n, path); text != "" && text != "field" {
				r.wrong(n, path, "%s is not field: what was seen on a real phone", shown(text))
			}
		}},
		{"switches", false, r.switches},
		{"facts", false, r.facts},
	})
}

func (r *reader) model(n ast.Node, path string) {
	text := r.text(n, path)
	m, err := model.FindModel(text)
	switch {
	case text == "":
	case err != nil:
		r.fail(n, path, err)
	default:
		r.file.Model = m.Name
	}
}

func (r *reader) firmware(n ast.Node, path string) {
	r.file.Firmware = r.text(n, path)
	if r.file.Model == "" || r.file.Firmware == "" {
		return
	}
	row, err := model.NewRow(r.file.Model, r.file.Firmware, nil)
	if err != nil {
		r.fail(n, path, err)
	}
	r.row = row
}

func (r *reader) date(n ast.Node, path string) {
	text := r.text(n, path)
	day, err := time.Parse(dateForm, text)
	if err != nil && text != "" {
		r.wrong(n, path, "%s is not a date such as 2026-11-22", shown(text))
	}
	r.file.Date = day
}

func (r *reader) duration(to *time.Duration) func(ast.Node, string) {
	return func(n ast.Node, path string) {
		if text := r.text(n, path); text != "" {
			d, err := measure.Duration(text)
			if err != nil {
				r.fail(n, path, err)
			}
			*to = d
		}
	}
}

func (r *reader) count(to *int) func(ast.Node, string) {
	return func(n ast.Node, path string) {
		text := r.text(n, path)
		number, err := strconv.Atoi(text)
		if text != "" && (err != nil || number < 0 || number > mostAsked) {
			r.wrong(n, path, "%s is not a number from 0 to %d", shown(text), mostAsked)
		}
		*to = number
	}
}

// switches reads what is known of each switch. Without a model nothing can be said of them.
func (r *reader) switches(n ast.Node, path string) {
	if r.row == nil {
		return
	}
	places := order(r.row)
	for _, p := range r.pairs(n, path) {
		name := keyOf(p)
		_, known := places[name]
		switch {
		case !known:
			r.fail(p.Key, path, unknownSwitch(r.row, name))
		case r.seen[name]:
			r.wrong(p.Key, path, "the switch %q is given twice", name)
		default:
			r.seen[name] = true
			r.finding(p.Value, below(path, name), name)
		}
	}
}

func unknownSwitch(row *model.Row, name string) error {
	var known []string
	for _, s := range row.Switches {
		known = append(known, s.Name)
	}
	return hint.With(fmt.Errorf("unknown switch %s%s", shown(name), model.DidYouMean(name, known)), hint.Switches, row.Model.Name)
}

func (r *reader) finding(n ast.Node, path, name string) {
	f := Finding{Switch: name}
	before := r.mistakes.Count
	var at ast.Node
	r.fields(n, path, []field{
		{"value", false, func(n ast.Node, path string) { at, f.Value = n, r.text(n, path) }},
		{"one_of", false, func(n ast.Node, path string) { at, f.OneOf = n, r.texts(n, path) }},
		{"experiment", true, r.short(&f.Experiment)},
		{"asked", true, r.count(&f.Asked)},
		{"agreed", false, r.count(&f.Agreed)},
		{"why", false, r.short(&f.Why)},
	})
	if at == nil {
		at = n
	}
	if r.mistakes.Count > before {
		return
	}
	if err := f.check(r.row); err != nil {
		r.fail(at, path, err)
	}
	r.file.Findings = append(r.file.Findings, f)
}

// mostValues is how many values may be left of a switch.
const mostValues = 64

// texts reads a list of texts.
func (r *reader) texts(n ast.Node, path string) (list []string) {
	all, ok := n.(*ast.SequenceNode)
	if !ok || len(all.Values) > mostValues {
		r.wrong(n, path, "expected a list of at most %d values, such as [follow, fail]", mostValues)
		return nil
	}
	for i, v := range all.Values {
		list = append(list, r.text(v, fmt.Sprintf("%s[%d]", path, i)))
	}
	return list
}

// check reports what is wrong in a finding.
func (f *Finding) check(row *model.Row) error {
	if why := chosen[f.Switch]; why != "" {
		return errors.New(why)
	}
	if _, known := order(row)[f.Switch]; !known {
		return unknownSwitch(row, f.Switch)
	}
	for _, v := range append([]string{f.Value}, f.OneOf...) {
		if err := takes(row, f.Switch, v); err != nil && v != "" {
			return err
		}
	}
	switch {
	case f.Experiment == "":
		return errors.New("no experiment is named")
	case f.Asked < 0 || f.Asked > mostAsked:
		return fmt.Errorf("it was asked %d times, and 0 to %d are possible", f.Asked, mostAsked)
	case !f.Settled():
		return f.checkOpen()
	case len(f.OneOf) > 0 || f.Why != "":
		return errors.New("it has a value, so one_of and why have no place")
	case f.Agreed < 1 || f.Agreed > f.Asked:
		return fmt.Errorf("it was asked %d times, so %d cannot have agreed with the value", f.Asked, f.Agreed)
	}
	return nil
}

// checkOpen checks a finding that is not settled.
func (f *Finding) checkOpen() error {
	switch {
	case f.Why == "":
		return errors.New("it has neither a value, nor why it has none")
	case f.Agreed != 0:
		return errors.New("nothing can agree with a value where there is none")
	case len(f.OneOf) == 1:
		return errors.New("one_of has one value alone; where no other is left, it is the value")
	case len(f.OneOf) > mostValues:
		return fmt.Errorf("one_of has more than %d values", mostValues)
	}
	return nil
}

// takes reports whether a switch has a value; the error says which it has.
func takes(row *model.Row, name, value string) error {
	if _, err := model.NewRow(row.Model.Name, row.Firmware.Version, map[string]string{name: value}); err == nil {
		return nil
	}
	s := row.Switch(name)
	return fmt.Errorf("%s is not one of %s%s", shown(value), s.Choices, model.DidYouMean(value, s.Form().Words))
}

// facts reads the list of what was seen.
func (r *reader) facts(n ast.Node, path string) {
	all, ok := n.(*ast.SequenceNode)
	if !ok {
		r.wrong(n, path, "expected a list")
		return
	}
	if len(all.Values) > MostFacts {
		r.wrong(n, path, "%d facts are more than %d", len(all.Values), MostFacts)
		return
	}
	for i, v := range all.Values {
		r.fact(v, fmt.Sprintf("%s[%d]", path, i))
	}
}

func (r *reader) fact(n ast.Node, path string) {
	f, took := Fact{}, time.Duration(0)
	r.fields(n, path, []field{
		{"experiment", true, r.short(&f.Experiment)},
		{"what", true, r.short(&f.What)},
		{"time", false, r.duration(&took)},
		{"text", false, r.short(&f.Text)},
		{"hex", false, func(n ast.Node, path string) { f.Hex = r.hex(n, path) }},
	})
	f.Nanoseconds = int64(took)
	r.file.Facts = append(r.file.Facts, f)
}

// hex reads bytes, over as many lines as there are.
func (r *reader) hex(n ast.Node, path string) string {
	digits := strings.Join(strings.Fields(r.text(n, path)), "")
	raw, err := hex.DecodeString(digits)
	if err != nil {
		r.wrong(n, path, "the value is not an even number of hexadecimal digits")
	}
	return hex.EncodeToString(raw)
}
