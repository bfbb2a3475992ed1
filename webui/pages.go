package webui

import (
	"fmt"
	"net/http"
	"slices"
	"strings"
	"time"

	"spafleet/device"
)

// A section is a headed table of two pairs a row.
type section struct {
	Title string
	Rows  [][]pair
}

type pair struct{ Label, Value string }

// alone are the labels that have a row to themselves on real pages (field).
var alone = []string{"Primary  DNS", "Secondary  DNS", "Mapped SIP Port", "Status", "Ring Tone 1", "Ring Tone 2"}

func newSection(title string, pairs ...pair) section {
	s, open := section{Title: title}, false // open: the last row has a place
	for _, p := range pairs {
		single := slices.Contains(alone, p.Label)
		if open && !single {
			last := len(s.Rows) - 1
			s.Rows[last], open = append(s.Rows[last], p), false
			continue
		}
		s.Rows, open = append(s.Rows, []pair{p}), !single
	}
	return s
}

// tab returns the sections of a tab, Info or of routers Status, in the words of the
// exports, whose names are the labels with other characters as _.
func (q *request) tab(name string) []section {
	var sections []section
	elements := q.view.Status()
	for len(elements) > 0 {
		group, n := elements[0].Group, 0
		var pairs []pair
		for n < len(elements) && elements[n].Group == group {
			pairs = append(pairs, pair{blanks(elements[n].Name), elements[n].Value})
			n++
		}
		if title, ok := strings.CutPrefix(group, name+"/"); ok {
			sections = append(sections, newSection(blanks(title), pairs...))
		}
		elements = elements[n:]
	}
	return sections
}

func blanks(name string) string { return strings.ReplaceAll(name, "_", " ") }

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

// settings is the device's own export, settings and on phones status in one. Phones
// have it under both paths (device-surface.md §1.3: field). That the user's half
// shows as much as the administrator's is inferred.
func (q *request) settings() answer {
	return answer{status: http.StatusOK, xml: true, body: q.view.Export()}
}

// status is the status alone.
func (q *request) status() answer {
	body := q.view.StatusXML()
	if body == nil {
		return q.failure(http.StatusNotFound)
	}
	return answer{status: http.StatusOK, xml: true, body: body}
}
