package webui

import (
	"bytes"
	"html"
	"strconv"
	"strings"

	"spafleet/device/profile"
)

// write writes the whole page: all tabs are in it, and a script shows one of them
// (device-surface.md §2.1: field).
func (s *sheet) write() {
	leaves := s.leaves()
	s.put("<html>\n<head>\n<title>", html.EscapeString(s.look.title), "</title>\n<style>\n", s.look.css(), "</style>\n</head>\n<body>\n<div class=\"page\">\n")
	s.banner()
	s.halves()
	s.put("<form method=\"post\" action=\"", s.look.target(s.audience.advanced), "\">\n")
	if s.asksToken() {
		s.put("<input type=\"hidden\" name=\"csrftoken\" value=\"", s.csrfToken(), "\">\n")
	}
	s.tabStrip(leaves)
	s.warning()
	s.put("<div id=\"tableData\">\n")
	s.page(s.firstTab(), func() { s.statusParts(s.firstTab()) })
	for _, l := range leaves {
		s.leaf(l)
	}
	s.put("</div>\n")
	s.buttons(len(leaves) > 0)
	s.put("</form>\n")
	s.foot()
	s.put("</div>\n<script>\n", styles["tabs.js"], "</script>\n</body>\n</html>\n")
}

// warning says that a form was not applied.
func (s *sheet) warning() {
	if len(s.wrong) > 0 {
		s.put("<div class=\"wrong\">Nothing was saved. Please correct the fields with red names.</div>\n")
	}
}

// leaf writes a tab with settings.
func (s *sheet) leaf(l leaf) {
	s.page(l.label, func() {
		for _, p := range l.parts {
			s.part(p)
		}
	})
}

// page writes one tab.
func (s *sheet) page(label string, contents func()) {
	s.put("<div class=\"tab-page\" id=\"", html.EscapeString(label), "\">\n")
	contents()
	s.put("</div>\n")
}

// firstTab is the tab with the status.
func (s *sheet) firstTab() string {
	if s.router && !s.audience.voice {
		return "Status"
	}
	return "Info"
}

// statusParts writes the sections of a tab of the status, in the words of the exports,
// whose names are the labels with other characters as _. Two items share a row.
func (s *sheet) statusParts(tab string) {
	group, shown, open := "", false, false // open: the last row has a place
	item := func(e profile.Element) {
		if e.Group != group {
			s.closeTable(shown, open)
			var section string
			section, shown = strings.CutPrefix(strings.TrimPrefix(e.Group, tab), "/")
			group, open = e.Group, false
			if shown {
				s.put("<h4>")
				s.words(section)
				s.put("</h4>\n<table class=\"stat\">\n")
			}
		}
		if !shown {
			return
		}
		single := alone[e.Name]
		if open && single {
			s.put("</tr>\n")
			open = false
		}
		if !open {
			s.put("<tr>")
		}
		s.put("<td>")
		s.words(e.Name)
		s.put(":<td><font color=\"darkblue\">", html.EscapeString(e.Value), "</font>")
		if open = !open && !single; !open {
			s.put("</tr>\n")
		}
	}
	s.q.view.EachStatus(item)
	for _, e := range provisioning(&s.q.view) {
		item(e)
	}
	s.closeTable(shown, open)
}

func (s *sheet) closeTable(begun, open bool) {
	if open {
		s.put("</tr>\n")
	}
	if begun {
		s.put("</table>\n")
	}
}

// words writes a name of the firmware with blanks.
func (s *sheet) words(name string) {
	begin := s.Len()
	s.put(name)
	for written := s.Bytes()[begin:]; ; {
		at := bytes.IndexByte(written, '_')
		if at < 0 {
			return
		}
		written[at] = ' '
	}
}

// banner is what stands above the tabs: words in place of the makers' pictures.
func (s *sheet) banner() {
	r := s.q.view.Unit.Row
	brand, name := html.EscapeString(r.Brand().Value), html.EscapeString(r.PN())
	switch s.look.style {
	case "pap.css":
		s.put("<div class=\"banner\"><b>", strings.ToUpper(brand), "</b><span>Firmware Version: ", html.EscapeString(r.Firmware.Version), "</span></div>\n",
			"<div class=\"model\"><b>Voice</b><i>Phone Adapter with ", strconv.Itoa(r.Model.Lines), " Ports</i><em>PAP2</em></div>\n")
	case "cisco.css":
		s.put("<div class=\"banner\"><b>", strings.ToLower(brand), "</b><div>Small Business<br><big>", html.EscapeString(s.look.title), "</big></div></div>\n",
			"<div class=\"primary\">")
		place(s, "", "/", "Voice")
		places(s, "/calllog.htm", "Call History", "/pdir.htm", "Personal Directory", "/attconstatus.htm", "Attendant Console Status")
		s.put("</div>\n")
	default:
		s.put("<div class=\"banner\"><b>", strings.ToUpper(brand), "</b><span>", name, " Configuration</span></div>\n")
		if s.look.phone {
			s.put("<div class=\"links\">")
			places(s, "/pdir.htm", "Personal Directory", "/calllog.htm", "Call History")
			if r.Model.Name == "SPA962" {
				places(s, "/spa932status.htm", "SPA932 Status")
			}
			s.put("</div>\n")
		} else if r.Model.Name == "SPA8000" {
			s.put("<div class=\"links\">")
			places(s, "/status", "Trunk Status")
			s.put("</div>\n")
		}
	}
}

// places are links to the pages beside the settings.
func places(s *sheet, pairs ...string) {
	for i := 0; i < len(pairs); i += 2 {
		place(s, pairs[i+1], pairs[i], pairs[i+1])
	}
}

// place is a link, or the name of the page that this is.
func place(s *sheet, page, path, label string) {
	if s.chosen == page {
		s.put("<b>", label, "</b>")
		return
	}
	s.put("<a href=\"", path, "\">", label, "</a>")
}

// halves are the two tabs above the tabs of a router.
func (s *sheet) halves() {
	if !s.router {
		return
	}
	home := s.q.home()
	s.put("<div class=\"halves\">")
	if s.audience.voice {
		s.put("<a href=\"", home, "\">Router</a><b>Voice</b>")
	} else {
		s.put("<b>Router</b><a href=\"", home, "voice/\">Voice</a>")
	}
	s.put("</div>\n")
}

func (s *sheet) tabStrip(leaves []leaf) {
	s.put("<div class=\"tabs\">")
	s.views("views")
	s.tab(s.firstTab())
	for _, l := range leaves {
		s.tab(l.label)
	}
	s.put("</div>\n")
}

func (s *sheet) tab(label string) {
	label = html.EscapeString(label)
	s.put("<span class=\"tab\" onclick=\"switchPage('", label, "')\">", label, "</span>")
}

// views are the links to the same page of the other account, and to its other view.
func (s *sheet) views(class string) {
	home, here, half := "/", "/admin/", ""
	login := "Admin Login"
	if s.audience.admin {
		home, here, login = "/admin/", "/", "User Login"
	}
	if s.audience.voice {
		half = "voice/"
	}
	s.put("<span class=\"", class, "\"><a href=\"", here, half, "\">", login, "</a> ")
	basic, advanced := home+half+"basic", home+half+"advanced"
	if half != "" {
		basic = home + half
	}
	switch {
	case s.chosen != "":
		s.put("<a href=\"", basic, "\">basic</a> | <a href=\"", advanced, "\">advanced</a>")
	case s.look.style == "pap.css" && s.audience.advanced:
		s.put("Advanced View (<a href=\"", basic, "\">switch to basic view</a>)")
	case s.look.style == "pap.css":
		s.put("Basic View (<a href=\"", advanced, "\">switch to advanced view</a>)")
	case s.audience.advanced:
		s.put("<a href=\"", basic, "\">basic</a> | <b>advanced</b>")
	default:
		s.put("<b>basic</b> | <a href=\"", advanced, "\">advanced</a>")
	}
	s.put("</span>")
}

// buttons are there where the page has fields; their words are those of the families
// (field).
func (s *sheet) buttons(fields bool) {
	if !fields {
		return
	}
	undo, submit := "Undo All Changes", "Submit All Changes"
	if s.look.style == "pap.css" {
		undo, submit = "Cancel Settings", "Save Settings"
	}
	button := func(kind, text string) { s.put("<input class=\"sbtSearch\" type=\"", kind, "\" value=\"", text, "\">") }
	s.put("<div class=\"buttons\">")
	if s.look.style == "pap.css" {
		button("submit", submit)
		button("reset", undo)
	} else {
		button("reset", undo)
		button("submit", submit)
	}
	s.put("</div>\n")
}

func (s *sheet) foot() {
	s.put("<div class=\"foot\">")
	if s.look.style == "cisco.css" {
		s.put("<span>Emulated by spafleet</span><span class=\"model\">", html.EscapeString(s.q.view.Unit.Row.PN()), " IP Phone</span>")
	} else {
		s.views("again")
		s.put("<span>Emulated by spafleet</span>")
	}
	s.put("</div>\n")
}
