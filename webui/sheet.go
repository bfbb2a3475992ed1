package webui

import (
	"bytes"
	"html"
	"net/http"
	"strings"
	"sync"

	"spafleet/device/model"
	"spafleet/device/profile"
)

// An audience is the account that a page is for, and which half of it: what its path says.
type audience struct {
	admin    bool
	advanced bool
	voice    bool // of a router, its voice half
}

// audienceOf reads the path of a page, or of the form that was posted from it.
func audienceOf(q *request) audience {
	last := q.path[strings.LastIndexByte(q.path, '/')+1:]
	return audience{
		admin:    q.admin(),
		advanced: last == "advanced" || strings.HasPrefix(last, "a") && strings.Contains(last, "."),
		voice:    strings.Contains(q.path, "/voice/"),
	}
}

// A sheet is a page with all its tabs in the making. Where it answers a form with
// wrong values it has what was sent, and the names of the wrong fields are red.
type sheet struct {
	*bytes.Buffer
	q        *request
	look     look
	audience audience
	router   bool
	pick     func(label string) bool // which tabs of an SPA1xx are in this page; else nil
	values   map[model.ID]string     // that are not as the factory made them
	access   map[model.ID]profile.Access
	chosen   string // which of the pages beside the settings this is; "" for the settings
	sent     map[*field]string
	wrong    map[*field]bool
}

func newSheet(q *request) *sheet {
	s := &sheet{Buffer: buffers.Get().(*bytes.Buffer), q: q, look: q.look(), audience: audienceOf(q), router: q.view.Unit.Row.Model.Family.Router, values: map[model.ID]string{}, access: map[model.ID]profile.Access{}}
	for id, value := range q.view.Params.Differing() {
		s.values[id] = value
	}
	for id, access := range q.view.Params.Granted() {
		s.access[id] = access
	}
	return s
}

// settingsPage is the page of all tabs that a path shows.
func settingsPage(q *request) answer {
	s := newSheet(q)
	s.write()
	return s.answer()
}

// buffers are those of pages that were sent.
var buffers = sync.Pool{New: func() any { return new(bytes.Buffer) }}

// mostKept is the size of the largest buffer that is used again: the longest page has half
// of that.
const mostKept = 1 << 20

// answer returns the page, which is complete.
func (s *sheet) answer() answer {
	return answer{status: http.StatusOK, body: s.Bytes(), buffer: s.Buffer}
}

// free gives the buffer of an answer that was sent to the next page.
func (a answer) free() {
	if a.buffer != nil && a.buffer.Cap() <= mostKept {
		a.buffer.Reset()
		buffers.Put(a.buffer)
	}
}

// mayRead and mayWrite are what the page lets its reader do with a field. The
// administrator may do everything.
func (s *sheet) mayRead(f *field) bool {
	return s.q.view.Unit.Row.Has(f.param) && (s.audience.admin || s.accessOf(f) >= profile.ReadOnly)
}

func (s *sheet) mayWrite(f *field) bool {
	return s.audience.admin || s.accessOf(f) == profile.ReadWrite
}

func (s *sheet) accessOf(f *field) profile.Access {
	if a, ok := s.access[f.param.ID]; ok {
		return a
	}
	return f.param.Access
}

func (s *sheet) value(f *field) string {
	if v, ok := s.values[f.param.ID]; ok {
		return v
	}
	return f.param.Default
}

// shows reports whether the page has a tab at all.
func (s *sheet) shows(t *tab) bool {
	if s.pick != nil {
		return s.pick(t.label)
	}
	if s.router && s.audience.voice == t.router {
		return false
	}
	switch t.label {
	case "Lan Setup": // the user's basic view of an SPA2102 and SPA8000 has none (field)
		return s.audience.admin || s.audience.advanced
	case "Provisioning": // the administrator's alone (SPA-2000 guide: documented)
		return s.audience.admin
	}
	return true
}

// hasPart reports whether the page shows fields of a section.
func (s *sheet) hasPart(b *block) bool {
	if !b.basic && !s.audience.advanced {
		return false
	}
	for i := range b.fields {
		if s.mayRead(&b.fields[i]) {
			return true
		}
	}
	return false
}

// A leaf is a tab as the page shows it.
type leaf struct {
	label string
	parts []*block
}

func (s *sheet) leaves() []leaf {
	l := layoutOf(s.q.view.Unit.Row)
	leaves := make([]leaf, 0, len(l.tabs))
	for i := range l.tabs {
		t := &l.tabs[i]
		if !s.shows(t) {
			continue
		}
		var parts []*block
		for j := range t.sections {
			if b := &t.sections[j]; s.hasPart(b) {
				parts = append(parts, b)
			}
		}
		if len(parts) > 0 {
			leaves = append(leaves, leaf{t.label, parts})
		}
	}
	return leaves
}

func (s *sheet) put(texts ...string) {
	for _, t := range texts {
		s.WriteString(t)
	}
}

// part writes a section: a table with two pairs of label and field a row. A label is
// followed by a colon, four blanks and a cell with the field, by which scripts find it
// (surface-2.md §2.2: field).
func (s *sheet) part(b *block) {
	if b.title != "" {
		s.put("<h4>", html.EscapeString(b.title), "</h4>\n")
	}
	s.put("<table class=\"stat\">\n")
	open := false
	for i := range b.fields {
		f := &b.fields[i]
		if !s.mayRead(f) {
			continue
		}
		if f.alone && open {
			s.put("</tr>\n")
			open = false
		}
		if !open {
			s.put("<tr>")
		}
		s.field(f)
		if open = !open && !f.alone; !open {
			s.put("</tr>\n")
		}
	}
	if open {
		s.put("</tr>\n")
	}
	s.put("</table>\n")
}

func (s *sheet) field(f *field) {
	cell := "<td>"
	if f.alone {
		cell = "<td colspan=\"3\">"
	}
	if s.wrong[f] {
		s.put(`<td><font color="red">`, f.label, ":</font>&nbsp;&nbsp;&nbsp;&nbsp;", cell)
	} else {
		s.put("<td>", f.label, ":&nbsp;&nbsp;&nbsp;&nbsp;", cell)
	}
	value := s.value(f)
	if f.param.Type == "password" && value != "" {
		value = passwordMask
	}
	if sent, ok := s.sent[f]; ok {
		value = sent
	}
	switch {
	case !s.mayWrite(f):
		s.put(`<font color="darkblue">`, html.EscapeString(value), "</font>")
	case f.param.Type == "bool":
		s.flag(f, value)
	case f.isChoice():
		s.choice(f, value)
	default:
		s.put(f.control, html.EscapeString(value), `">`)
	}
}

// passwordMask stands for a password that is set (field). Sent back, it changes
// nothing.
const passwordMask = "*************"

// flag writes a choice of yes and no, which is sent as 1 and 0 (field). A value that is
// neither is the first option, so that a form leaves it as it is.
func (s *sheet) flag(f *field, value string) {
	on, ok := model.ParseBool(strings.TrimSpace(value))
	s.put(f.control)
	if !ok {
		s.put(`<option value="`, html.EscapeString(value), `" selected>`, html.EscapeString(value))
	}
	s.put(`<option value="1"`, selected(ok && on), `yes<option value="0"`, selected(ok && !on), "no</select>")
}

func selected(is bool) string {
	if is {
		return " selected>"
	}
	return ">"
}

// choice writes the options of a parameter, which are sent as they stand there (field).
// A value that is none of them is the first option.
func (s *sheet) choice(f *field, value string) {
	s.put(f.control)
	chosen := false
	for _, o := range f.param.Options {
		chosen = chosen || o == value
	}
	if !chosen {
		s.option(value, true)
	}
	for _, o := range f.param.Options {
		s.option(o, o == value)
	}
	s.put("</select>")
}

func (s *sheet) option(text string, chosen bool) {
	s.put("<option", selected(chosen), html.EscapeString(text))
}
