package webui

import (
	"bytes"
	"embed"
	"fmt"
	"html/template"
)

//go:embed pages
var pageFiles embed.FS

var pages = template.Must(template.ParseFS(pageFiles, "pages/*.html"))

// A look is how the pages of a family present themselves.
type look struct {
	title string
	style string // stylesheet in pages
	realm string // first word of the Digest realms
}

// looks are the families whose pages differ from the blue ones of Sipura
// (device-surface.md §1.4, §1.5, §2: field). %s is the model's $PN.
var looks = map[string]look{
	"PAP":           {"Linksys PAP2 Configuration", "pap.css", "pap"},
	"gateway":       {"Cisco SPA Configuration", "blue.css", "spa"},
	"phone 30x/50x": {"%s Configuration Utility", "cisco.css", "spa"},
	"phone 51x":     {"%s Configuration Utility", "cisco.css", "spa"},
	"phone 525":     {"%s Configuration Utility", "cisco.css", "spa"},
}

// look returns the look of the request's device. The SPA1xx had another server
// altogether, of which only a login page is known; they look like their brand
// here (inferred).
func (q *request) look() look {
	m := q.view.Unit.Row.Model
	l, ok := looks[m.Family.Name]
	if !ok {
		return look{m.Brand.Value + " SPA Configuration", "blue.css", "spa"}
	}
	if l.style == "cisco.css" {
		l.title = fmt.Sprintf(l.title, m.PN.Value)
	}
	return l
}

// css returns a stylesheet of the build; there is no other.
func (l look) css() template.CSS {
	b, err := pageFiles.ReadFile("pages/" + l.style)
	if err != nil {
		panic(err)
	}
	return template.CSS(b)
}

// page renders a template of the build with data of its own type; that it fails
// is a mistake that the golden tests show.
func (q *request) page(status int, name string, data any) answer {
	var b bytes.Buffer
	if err := pages.ExecuteTemplate(&b, name+".html", data); err != nil {
		panic(err)
	}
	return answer{status: status, body: b.Bytes()}
}
