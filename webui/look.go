package webui

import (
	"embed"
	"fmt"
	"html/template"

	"spafleet/device/model"
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

// lookOf returns the look of a firmware's pages. The SPA1xx had another server altogether, of
// which only a login page is known; they look like their brand here (inferred).
func lookOf(r *model.Row) look {
	l, ok := looks[r.Model.Family.Name]
	if !ok {
		return look{r.Brand().Value + " SPA Configuration", "blue.css", "spa"}
	}
	if l.style == "cisco.css" {
		l.title = fmt.Sprintf(l.title, r.Model.PN.Value)
	}
	return l
}

// css returns one of the embedded stylesheets.
func (l look) css() template.CSS {
	b, err := pageFiles.ReadFile("pages/" + l.style)
	if err != nil {
		panic(err)
	}
	return template.CSS(b)
}
