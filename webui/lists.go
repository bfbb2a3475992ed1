package webui

import (
	"html"
	"net/http"
)

// The pages of phones beside their settings (device-surface.md §1.3, surface-2.md §2.2:
// field). An emulated phone makes no calls, and has no console.

func callHistory(q *request) answer {
	return phoneList(q, "Call History", "No calls.", "From", "To", "Time", "Duration")
}

func console(q *request) answer {
	if !is5xx(q) {
		return q.failure(http.StatusNotFound)
	}
	return phoneList(q, "Attendant Console Status", noConsole, consoleColumns...)
}

func console932(q *request) answer {
	if q.view.Unit.Row.Model.Name != "SPA962" {
		return q.failure(http.StatusNotFound)
	}
	return phoneList(q, "SPA932 Status", noConsole, consoleColumns...)
}

const noConsole = "No unit."

// consoleColumns are inferred.
var consoleColumns = []string{"Unit", "Enable", "Subscribe Expires", "HW Version", "SW Version"}

// trunkStatus is the page of an SPA8000 that a captured page has a link to (field). What
// it says is inferred: an emulated device has no trunk.
func trunkStatus(q *request) answer {
	if q.view.Unit.Row.Model.Name != "SPA8000" {
		return q.failure(http.StatusNotFound)
	}
	return list(q, "Trunk Status", "No trunk.", "Trunk", "Lines", "State")
}

func phoneList(q *request, title, empty string, columns ...string) answer {
	if !q.look().phone {
		return q.failure(http.StatusNotFound)
	}
	return list(q, title, empty, columns...)
}

// list is a page with a table without rows. Scripts look for a table of the class stat in a
// division tab-page, whose cells begin with a blank (field).
func list(q *request, title, empty string, columns ...string) answer {
	s := newSheet(q)
	listHead(s, title)
	s.put("<div class=\"list\">\n<div class=\"tab-page\" id=\"", title, "\">\n<h4>", title, "</h4>\n<table class=\"stat\">\n<tr>")
	for _, c := range columns {
		s.put("<td>&nbsp;", c)
	}
	s.put("</tr>\n</table>\n<p>", empty, "</p>\n</div>\n</div>\n")
	listFoot(s)
	return s.answer()
}

// listHead begins a page without tabs.
func listHead(s *sheet, title string) {
	s.put("<html>\n<head>\n<title>", html.EscapeString(s.look.title), "</title>\n<style>\n", s.look.css(), "</style>\n</head>\n<body>\n<div class=\"page\">\n")
	s.chosen = title
	s.banner()
}

func listFoot(s *sheet) {
	s.foot()
	s.put("</div>\n</body>\n</html>\n")
}
