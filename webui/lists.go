package webui

import (
	"html"
	"net/http"
)

// The pages of phones beside their settings (device-surface.md §1.3, surface-2.md §2.2:
// field). An emulated phone makes no calls, and has an empty directory and no console.

func callHistory(q *request) answer {
	return list(q, "Call History", "From", "To", "Time", "Duration")
}

func directory(q *request) answer { return list(q, "Personal Directory", "Name", "Number") }

func console(q *request) answer {
	if q.view.Unit.Row.Generation < 3 {
		return q.failure(http.StatusNotFound)
	}
	return list(q, "Attendant Console Status", "Unit", "Enable", "Subscribe Expires", "HW Version", "SW Version")
}

func console932(q *request) answer {
	if q.view.Unit.Row.Model.Name != "SPA962" {
		return q.failure(http.StatusNotFound)
	}
	return list(q, "SPA932 Status", "Unit", "Enable", "Subscribe Expires", "HW Version", "SW Version")
}

// list is a page with the head of a table.
func list(q *request, title string, columns ...string) answer {
	if !q.look().phone {
		return q.failure(http.StatusNotFound)
	}
	s := newSheet(q)
	s.put("<html>\n<head>\n<title>", html.EscapeString(s.look.title), "</title>\n<style>\n", s.look.css(), "</style>\n</head>\n<body>\n<div class=\"page\">\n")
	s.banner()
	s.put("<div class=\"tab-page\" id=\"", title, "\">\n<h4>", title, "</h4>\n<table class=\"stat\">\n<tr>")
	for _, c := range columns {
		s.put("<td>&nbsp;", c)
	}
	s.put("</tr>\n</table>\n</div>\n")
	s.foot()
	s.put("</div>\n</body>\n</html>\n")
	return s.answer()
}
