package settings

import (
	"strconv"
	"strings"

	"spafleet/device/model"
)

// A sheet is a page that is read. A tab is a division whose id is its name, a section
// begins with its title, and a field stands behind its label, which ends with a colon.
type sheet struct {
	found    []found
	label    string // of the field that must follow; "": none
	value    *found // whose text is being read
	choice   *found // whose options are being read
	chosen   bool   // the option that is being read is the choice
	complete bool
	password bool // somewhere is a field for one
}

// A found is a tab, a heading or a field, in the order of the page.
type found struct {
	kind  foundKind
	text  string // of a tab or heading its name, of a field its value
	label string
	form  string // the element: input, select, textarea or font
	word  bool   // it is a field for a password
	why   string // why the text is not the value
	read  bool   // of a choice: one of the options is chosen
}

type foundKind uint8

const (
	aTab foundKind = iota
	aHeading
	aField
)

// readPage reads a page of settings. Asks says that the page asks for a password only, partly
// that it ends early.
func (s *Settings) readPage(text, from string) (asks bool, partly string) {
	p := readSheet(text)
	if !p.complete {
		partly = ", and the page ends early"
	}
	for _, f := range p.fields() {
		if isStatus(f.tab) {
			s.introduce(f.label, f.text)
		}
	}
	s.identify()
	at, read := placesOf(s.row()), 0
	counts := map[[3]string]int{}
	for _, f := range p.fields() {
		tab, label := folded(f.tab), folded(f.label)
		part := f.part(at, tab)
		key := [3]string{tab, part, label}
		nth := counts[key]
		counts[key]++
		if f.form == "font" && !at.tabs[tab] { // of the tab with the status, for example
			continue
		}
		if param := at.find(tab, part, label, nth); param != nil {
			s.add(param.Name, f.of(param, from))
			read++
		}
	}
	return read == 0 && p.password, partly
}

// A field is a field of a page with where it stands.
type field struct {
	found
	tab   string
	heads []string // the headings in its tab up to it, the last one first
}

// part returns the last heading that is a section of the tab.
func (f field) part(at *places, tab string) string {
	for _, h := range f.heads {
		if part := folded(h); at.parts[[2]string{tab, part}] {
			return part
		}
	}
	return ""
}

// of returns the value of a field as the device has it.
func (f field) of(param *model.Param, from string) Value {
	v := Value{Text: f.text, From: from, Unknown: f.why}
	if f.form == "select" {
		if stored, ok := param.Take(v.Text); ok {
			v.Text = stored
		}
	}
	if why := hidden(param.Name, v.Text, f.word); why != "" {
		v.Unknown = why
	}
	return v
}

// mostHeads bounds how many headings are looked at for a section.
const mostHeads = 4

// fields returns the fields with where they stand.
func (p *sheet) fields() []field {
	var list []field
	tab, heads := "", []string(nil)
	for _, f := range p.found {
		switch f.kind {
		case aTab:
			tab, heads = f.text, nil
		case aHeading:
			heads = append([]string{f.text}, heads[:min(len(heads), mostHeads-1)]...)
		case aField:
			list = append(list, field{f, tab, heads})
		}
	}
	return list
}

func readSheet(text string) *sheet {
	p, m := &sheet{}, markup{text}
	for {
		before, t, ok := m.next()
		if !ok {
			return p
		}
		p.text(before)
		p.tag(t)
	}
}

// text takes what stands between two tags.
func (p *sheet) text(raw string) {
	switch {
	case p.choice != nil:
		if p.chosen {
			p.choice.text, p.choice.read = strings.TrimSpace(unescaped(raw)), true
		}
		p.chosen = false
		return
	case p.value != nil:
		p.value.text += unescaped(raw)
		return
	}
	words := strings.Join(strings.Fields(strings.ReplaceAll(unescaped(raw), "\u00a0", " ")), " ")
	if label, ok := strings.CutSuffix(words, ":"); ok {
		p.label = strings.TrimSpace(label)
	} else if words != "" {
		p.found = append(p.found, found{kind: aHeading, text: words})
		p.label = ""
	}
}

func (p *sheet) tag(t tag) {
	p.end(t.name)
	switch t.name {
	case "div", "/html":
		if id := unescaped(t.attributes["id"]); id != "" && id != "tableData" {
			p.found, p.label = append(p.found, found{kind: aTab, text: id}), ""
		}
		p.complete = p.complete || t.name == "/html"
	case "input":
		p.input(t)
	case "font", "textarea":
		if p.label != "" {
			p.value = p.begin(t)
		}
	case "select":
		if p.label != "" {
			p.choice = p.begin(t)
			p.choice.why = "the page shows no choice"
		}
	case "option":
		_, p.chosen = t.attributes["selected"]
	}
}

// end ends a value whose text has been read.
func (p *sheet) end(tag string) {
	switch {
	case p.value != nil && (p.value.form == "font" || tag == "/textarea"):
		p.keep(*p.value)
		p.value = nil
	case p.choice != nil && tag != "option" && tag != "/option":
		if p.choice.read {
			p.choice.why = ""
		}
		p.keep(*p.choice)
		p.choice, p.chosen = nil, false
	}
}

func (p *sheet) begin(t tag) *found {
	f := &found{kind: aField, label: p.label, form: t.name}
	if t.torn {
		f.why = torn
	}
	p.label = ""
	return f
}

func (p *sheet) keep(f found) { p.found = append(p.found, f) }

// input takes a field of one line.
func (p *sheet) input(t tag) {
	kind := strings.ToLower(t.attributes["type"])
	p.password = p.password || kind == "password"
	if p.label == "" || kind != "" && kind != "text" && kind != "password" {
		return
	}
	raw, ok := t.attributes["value"]
	f := p.begin(t)
	f.text, f.word = unescaped(raw), kind == "password"
	if !ok {
		f.text = "" // a field without a value is empty
	}
	if most, err := strconv.Atoi(t.attributes["maxlength"]); err == nil && most > 0 && len(f.text) >= most && f.why == "" {
		f.why = full
	}
	p.keep(*f)
}
