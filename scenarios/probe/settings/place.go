package settings

import (
	"slices"
	"strings"
	"sync"
	"unicode"

	"spafleet/device/model"
	"spafleet/webui"
)

// places are where pages have parameters. Words are compared without what pages and names
// spell differently: blanks, brackets, slashes and underscores.
type places struct {
	one    bool // of one model
	tabs   map[string]bool
	parts  map[[2]string]bool // tab and section
	fields map[string][]place // by label
}

type place struct {
	tab, part string
	param     *model.Param
}

// placesOf returns the places of a row, for nil those of all models.
func placesOf(r *model.Row) *places {
	if r == nil {
		return anywhere()
	}
	p := newPlaces()
	p.one = true
	p.add(r)
	return p
}

func newPlaces() *places {
	return &places{tabs: map[string]bool{}, parts: map[[2]string]bool{}, fields: map[string][]place{}}
}

func (p *places) add(r *model.Row) {
	for at := range webui.Places(r) {
		f := place{folded(at.Tab), folded(at.Section), at.Param}
		p.tabs[f.tab], p.parts[[2]string{f.tab, f.part}] = true, true
		label := folded(at.Label)
		p.fields[label] = append(p.fields[label], f)
	}
}

// anywhere has the places of all models at their newest firmware.
var anywhere = sync.OnceValue(func() *places {
	p := newPlaces()
	for m := range model.All() {
		if r, err := model.NewRow(m.Name, "", nil); err == nil {
			p.add(r)
		}
	}
	return p
})

// folded returns the letters and digits of a text, with one underscore for what stands
// between them.
func folded(text string) string {
	return strings.Join(strings.FieldsFunc(text, func(r rune) bool { return !unicode.IsLetter(r) && !unicode.IsDigit(r) }), "_")
}

// find returns the parameter of a label, nil where it cannot be told. Of several in a
// section the nth is meant, from 0. A tab that no page has, "" for example, says nothing.
func (p *places) find(tab, part, label string, nth int) *model.Param {
	all := p.fields[label]
	if p.tabs[tab] {
		all = only(all, func(f place) bool { return f.tab == tab })
	}
	if here := only(all, func(f place) bool { return f.tab == tab && f.part == part }); len(here) > 0 {
		if p.one && nth < len(here) {
			return here[nth].param
		}
		all = here
	}
	if len(all) == 0 || slices.ContainsFunc(all, func(f place) bool { return f.param.Name != all[0].param.Name }) {
		return nil
	}
	return all[0].param
}

func only(all []place, wanted func(place) bool) []place {
	var some []place
	for _, f := range all {
		if wanted(f) {
			some = append(some, f)
		}
	}
	return some
}

// secrets are the names of all models' secret parameters.
var secrets = sync.OnceValue(func() map[string]bool {
	names := map[string]bool{}
	for m := range model.All() {
		for i := range m.Factory().Params {
			if p := &m.Factory().Params[i]; p.Secret() {
				names[p.Name] = true
			}
		}
	}
	return names
})

// isSecret reports whether a parameter of any model, or one that looks like it, is a
// password or key.
func isSecret(name string) bool { return secrets()[name] || strings.Contains(name, "Passw") }
