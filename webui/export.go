package webui

import (
	"net/http"

	"spafleet/device/profile"
)

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
