package webui

import (
	"net/http"
	"strings"

	"spafleet/device"
	"spafleet/device/measure"
	"spafleet/device/model"
	"spafleet/device/profile"
)

// isProfile reports whether a phone takes a profile at a path. Of 30x/50x phones a text of
// the firmware says so (device-surface.md §1.3: field); that 51x have it, and the
// administrator a path of his own, is inferred.
func isProfile(q *request) bool {
	name := q.view.Unit.Row.Model.Family.Name
	return (name == "phone 30x/50x" || name == "phone 51x") && (q.path == "/spacfg.spa" || q.path == "/admin/spacfg.spa")
}

// applyProfile takes a profile in open XML, not more of it than of a form, and sets what it
// says as an administrator would on the pages; of what comes by the user's path only what
// the user may change. The form of the body and all of this are inferred. A body that is no
// profile is a bad request, and names that the phone lacks are left out, as in files.
func applyProfile(q *request) answer {
	body, refusal, ok := posted(q, "profile")
	if !ok {
		return refusal
	}
	file, err := profile.Decode(body, profile.Options{MAC: q.view.Unit.MAC.String(), Limit: mostForm})
	if err != nil {
		return q.refused(http.StatusBadRequest, "a profile that cannot be read")
	}
	row := q.view.Unit.Row
	var sets []device.Set
	var changed []string
	for i := range file.Params {
		p := &file.Params[i]
		param, ok := row.Lookup(p.Name)
		if !ok || !q.admin() && q.view.Params.Access(param.ID) != profile.ReadWrite {
			continue
		}
		set := device.Set{ID: param.ID}
		if value, ok := param.Take(p.Value); ok && p.Has && (param.Type != "password" || value != passwordMask) && value != q.view.Params.Get(param.ID) {
			set.Has, set.Value = true, strings.Clone(value)
			changed = append(changed, param.Name)
		}
		if q.admin() && p.Access != q.view.Params.Access(param.ID) {
			set.Access = p.Access
		}
		if set.Has || set.Access != 0 {
			sets = append(sets, set)
		}
	}
	a := q.render(http.StatusOK, "update", message{Title: q.look().title, Home: q.home(), Seconds: q.refresh()})
	if len(sets) > 0 {
		a.command = &device.Command{Order: device.SetParams, Cause: model.ByWeb, Requester: q.from, Sets: sets, Argument: measure.FirstOf(changed, mostListed)}
	}
	return a
}
