package webui

import (
	"fmt"
	"html/template"
	"net/http"
	"slices"
	"strings"
	"time"

	"spafleet/device"
	"spafleet/device/profile"
)

// infoPage is the status page, the only one of the admin pages so far.
type infoPage struct {
	Title    string
	Style    template.CSS
	Home     string // / or /admin/
	Admin    bool
	Advanced bool
	Router   bool // has a Router and a Voice half
	Voice    bool // this is the Voice half
	Sections []section
}

// A section is a headed table of two pairs a row.
type section struct {
	Title string
	Rows  [][]pair
}

type pair struct{ Label, Value string }

func newSection(title string, pairs ...pair) section {
	return section{title, slices.Collect(slices.Chunk(pairs, 2))}
}

// voice is the Voice half of a router's pages, which other models lack.
func (q *request) voice() answer {
	if !q.view.Unit.Row.Model.Family.Router {
		return q.failure(http.StatusNotFound)
	}
	return q.info()
}

func (q *request) info() answer {
	path, l := q.URL.Path, q.look()
	return q.page(http.StatusOK, "info", infoPage{
		Title:    l.title,
		Style:    l.css(),
		Home:     q.home(),
		Admin:    q.admin(),
		Advanced: strings.HasSuffix(path, "/advanced"),
		Router:   q.view.Unit.Row.Model.Family.Router,
		Voice:    strings.Contains(path, "/voice/"),
		Sections: []section{q.product(), systemStatus(q.view), provisioning(q.view)},
	})
}

// product is the section by which scrapers know a device. Its words are those of
// the exports, its labels their names with blanks.
func (q *request) product() section {
	var pairs []pair
	for _, e := range q.view.Product() {
		pairs = append(pairs, pair{strings.ReplaceAll(e.Name, "_", " "), e.Value})
	}
	return newSection("Product Information", pairs...)
}

func systemStatus(v device.View) section {
	return newSection("System Status",
		pair{"Current Time", v.Clock()},
		pair{"Elapsed Time", v.Elapsed()},
		pair{"Current IP", v.Unit.IP.String()},
		pair{"Host Name", v.HostName()})
}

// provisioning is what no real device shows: where the emulated one stands.
func provisioning(v device.View) section {
	proven := "No"
	if v.Proven {
		proven = "Yes"
	}
	next := "none"
	if v.Due != 0 {
		next = fmt.Sprintf("%d s", max(v.Due-v.Now, 0)/int64(time.Second))
	}
	return newSection("Provisioning Status (spafleet emulator)",
		pair{"State", v.State.String()},
		pair{"Proven", proven},
		pair{"Next Resync In", next},
		pair{"Resyncs", fmt.Sprintf("%d successful, %d failed", v.Resyncs.OK, v.Resyncs.Failed)})
}

// spacfg is the device's own export: settings and status in one. Phones have it
// under both paths (device-surface.md §1.3: field). No export of an analog unit
// was ever seen; they answer with the same form (profile-formats.md §5.1:
// inferred). That the user's half shows as much as the administrator's is
// inferred too.
func (q *request) spacfg() answer {
	return q.export("flat-profile", q.view.Spacfg())
}

// status is the Info tab alone, which the 5xx phones have (field).
func (q *request) status() answer {
	if r := q.view.Unit.Row; !r.Model.Family.Phone || r.Generation < 3 {
		return q.failure(http.StatusNotFound)
	}
	return q.export("Status", q.view.Status())
}

func (q *request) export(root string, elements []profile.Element) answer {
	return answer{status: http.StatusOK, xml: true, body: profile.Export(root, elements)}
}
