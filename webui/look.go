package webui

import (
	"embed"
	"fmt"
	"html/template"
	"strings"

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
	form  string // last part of the POST targets: Asipura.spa with a for advanced, b for basic
	phone bool
}

// looks are the families whose pages differ from the blue ones of Sipura
// (device-surface.md §1.3, §1.4, §1.5, §2: field). %s is the model's $PN.
var looks = map[string]look{
	"PAP":           {title: "Linksys PAP2 Configuration", style: "pap.css", realm: "pap", form: "sipura.spa"},
	"gateway":       {title: "Cisco SPA Configuration", style: "blue.css", realm: "spa", form: "sipura.spa"},
	"phone 30x/50x": {title: "%s Configuration Utility", style: "cisco.css", realm: "spa", form: "cisco.csc", phone: true},
	"phone 51x":     {title: "%s Configuration Utility", style: "cisco.css", realm: "spa", form: "cisco.csc", phone: true},
	"SPA100":        {title: "%s Configuration Utility", style: "spa100.css", realm: "spa"},
	"phone 525":     {title: "%s Configuration Utility", style: "cisco.css", realm: "spa", form: "cisco.csc", phone: true},
}

// lookOf returns the look of a firmware's pages.
func lookOf(r *model.Row) look {
	l, ok := looks[r.Model.Family.Name]
	if !ok {
		return look{title: r.Brand().Value + " SPA Configuration", style: "blue.css", realm: "spa", form: "sipura.spa", phone: r.Model.Family.Phone}
	}
	if strings.Contains(l.title, "%s") {
		l.title = fmt.Sprintf(l.title, r.Model.PN.Value)
	}
	return l
}

// target returns where a page posts its form: a relative path.
func (l look) target(advanced bool) string {
	if advanced {
		return "a" + l.form
	}
	return "b" + l.form
}

// css returns one of the embedded stylesheets.
func (l look) css() string { return styles[l.style] }

// styles are the embedded stylesheets and scripts.
var styles = readStyles()

func readStyles() map[string]string {
	files, err := pageFiles.ReadDir("pages")
	if err != nil {
		panic(err)
	}
	styles := map[string]string{}
	for _, f := range files {
		b, err := pageFiles.ReadFile("pages/" + f.Name())
		if err != nil {
			panic(err)
		}
		styles[f.Name()] = string(b)
	}
	return styles
}
