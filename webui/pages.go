package webui

import (
	"fmt"
	"net/http"
	"strings"
	"time"

	"spafleet/device"
	"spafleet/device/profile"
)

// alone are the names whose items have a row to themselves on real pages (field).
var alone = map[string]bool{"Primary__DNS": true, "Secondary__DNS": true, "Mapped_SIP_Port": true, "Status": true, "Ring_Tone_1": true, "Ring_Tone_2": true}

func blanks(name string) string { return strings.ReplaceAll(name, "_", " ") }

// provisioning is what no real device shows: where the emulated one stands.
func provisioning(v *device.View) []profile.Element {
	proven := "No"
	if v.Proven {
		proven = "Yes"
	}
	next := "none"
	if v.Due != 0 {
		next = fmt.Sprintf("%d s", max(v.Due-v.Now, 0)/int64(time.Second))
	}
	const group = "/Provisioning Status (spafleet emulator)"
	return []profile.Element{
		{Group: group, Name: "State", Value: v.State.String()},
		{Group: group, Name: "Proven", Value: proven},
		{Group: group, Name: "Next_Resync_In", Value: next},
		{Group: group, Name: "Resyncs", Value: fmt.Sprintf("%d successful, %d failed", v.Resyncs.OK, v.Resyncs.Failed)},
	}
}

// settings is the device's own export, settings and on phones status in one. Phones
// have it under both paths (device-surface.md §1.3: field). That the user's half
// shows as much as the administrator's is inferred.
func (q *request) settings() answer {
	return answer{status: http.StatusOK, kind: xmlKind, body: q.view.Export()}
}

// status is the status alone.
func (q *request) status() answer {
	body := q.view.StatusXML()
	if body == nil {
		return q.failure(http.StatusNotFound)
	}
	return answer{status: http.StatusOK, kind: xmlKind, body: body}
}
