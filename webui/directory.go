package webui

import (
	"html"
	"net/http"
	"strconv"
	"strings"

	"spafleet/device"
	"spafleet/device/measure"
)

// The personal directory: a page with a field for each entry, which scripts read and post
// back as n=NAME;p=NUMBER (surface-2.md §2.2: field).

// directoryIndexes are the firmware's numbers of the first entry: 1138 on a 9xx (surface-2.md
// §2.1: field; which model that was is not said, and an SPA962 has another parameter there).
// Those of other phones are this program's.
const (
	directory9xx = 1138
	directoryOwn = 2 * ownIndexes
)

func directoryIndex(q *request) uint16 {
	if q.view.Unit.Row.Generation < 3 && q.view.Unit.Row.Model.Name != "SPA962" {
		return directory9xx
	}
	return directoryOwn
}

// directoryTarget is where the page posts to: /pdir.spa, of 5xx phones /pdir.csc.
func directoryTarget(q *request) string {
	_, suffix, _ := strings.Cut(q.look().form, ".")
	return "pdir." + suffix
}

// isDirectory reports whether the device takes entries of its directory at a path.
func isDirectory(q *request) bool {
	return q.look().phone && q.path == "/"+directoryTarget(q)
}

func directory(q *request) answer { return directoryPage(q, q.view.Directory, nil) }

// directoryPage shows the entries, and in red those that were not taken.
func directoryPage(q *request, entries device.Directory, wrong map[int]string) answer {
	if !q.look().phone {
		return q.failure(http.StatusNotFound)
	}
	const title = "Personal Directory"
	s := newSheet(q)
	listHead(s, title)
	s.put("<form class=\"directory\" method=\"post\" action=\"", directoryTarget(q), "\">\n")
	if len(wrong) > 0 {
		s.put("<div class=\"wrong\">Nothing was saved. Please correct the fields with red names.</div>\n")
	}
	s.put("<div class=\"tab-page\" id=\"", title, "\">\n<h4>", title, "</h4>\n<table class=\"stat\">\n")
	for n := 1; n <= device.DirectorySize; n++ {
		if n%2 == 1 {
			s.put("<tr>")
		}
		label, value := strconv.Itoa(n), entries.Entry(n)
		if sent, ok := wrong[n]; ok {
			label, value = `<font color="red">`+label+"</font>", sent
		}
		s.put("<td>", label, ":&nbsp;&nbsp;&nbsp;&nbsp;<td><input class=\"inputw\" name=\"", strconv.Itoa(int(numberOf(directoryIndex(q)+uint16(n-1)))),
			"\" maxlength=\"", strconv.Itoa(device.MostEntry), "\" value=\"", html.EscapeString(value), "\">")
		if n%2 == 0 {
			s.put("</tr>\n")
		}
	}
	s.put("</table>\n</div>\n")
	s.buttons(true)
	s.put("</form>\n")
	listFoot(s)
	return s.answer()
}

// editDirectory takes entries of the directory, any part of them. What an entry may say is
// not known: each text is taken that is not too long. Of an unknown field, see submit.
func editDirectory(q *request) answer {
	body, refusal, ok := posted(q, "form")
	if !ok {
		return refusal
	}
	changes, wrong, unknown := map[int]string{}, map[int]string{}, 0
	for pair := range strings.SplitSeq(string(body), "&") {
		name, value, _ := strings.Cut(pair, "=")
		if pair == "" {
			continue
		}
		entry := lenientUnescape(value)
		switch n, ok := entryOf(q, name); {
		case !ok:
			unknown++
		case len(entry) > device.MostEntry:
			wrong[n] = entry
		default:
			changes[n] = entry
		}
	}
	switch {
	case unknown > 0 && q.view.Unit.Row.Behaviour.Web.StrictForms:
		return q.refused(http.StatusBadRequest, "a form with "+measure.Counted(unknown, "unknown field"))
	case len(wrong) > 0:
		page := directoryPage(q, q.view.Directory.With(changes), wrong)
		a := q.refused(http.StatusOK, "a directory with "+measure.Counted(len(wrong), "entry")+" too long")
		a.body, a.buffer = page.body, page.buffer
		return a
	}
	for n, entry := range changes {
		if entry == q.view.Directory.Entry(n) {
			delete(changes, n)
		}
	}
	a := q.render(http.StatusOK, "update", message{Title: q.look().title, Home: "/pdir.htm", Seconds: q.refresh()})
	if len(changes) > 0 {
		c := q.view.Directory.Edit(changes)
		c.Requester = q.from
		a.command = &c
	}
	return a
}

// entryOf returns the entry of a field, from 1.
func entryOf(q *request, name string) (int, bool) {
	number, err := strconv.ParseUint(name, 10, 16)
	if err != nil {
		return 0, false
	}
	n := int(indexOf(uint16(number))) - int(directoryIndex(q))
	return n + 1, 0 <= n && n < device.DirectorySize
}
