package device

import (
	"strings"

	"spafleet/device/model"
	"spafleet/device/profile"
)

// mask stands in exports for a password that is set (field).
const mask = "*************"

// Export returns the document of a device's settings, as its web server has it: of
// an SPA112, SPA122 and SPA232D config.xml, of all others spacfg.xml. Phones and
// SPA1xx have it (field). No export of another analog unit was ever seen; they
// answer with the phones' form (profile-formats.md §5.1: inferred).
func (v View) Export() []byte {
	if v.spa100() {
		return v.config()
	}
	return profile.Export("flat-profile", v.Spacfg())
}

// StatusXML returns the document of a device's status alone, nil where its family
// has none: 5xx phones and SPA1xx have it (field).
func (v View) StatusXML() []byte {
	switch r := v.Unit.Row; {
	case v.spa100():
		return v.flatStatus()
	case r.Model.Family.Phone && r.Generation >= 3:
		return profile.Export("Status", v.Status())
	}
	return nil
}

// spa100 reports whether the device is an SPA112, SPA122 or SPA232D, whose web
// server is another program.
func (v View) spa100() bool { return v.Unit.Row.Model.Family.Name == "SPA100" }

// Spacfg returns what the device's /admin/spacfg.xml says: the Info tab, then
// every parameter that a page shows, in the order of the tabs. Passwords that are
// set come as 13 asterisks, and nothing of GPP_SA to GPP_SD comes at all.
func (v View) Spacfg() []profile.Element {
	elements := v.Status()
	f := v.Params.Factory()
	if f == nil {
		return elements
	}
	for p := range f.Exported() {
		if !v.Unit.Row.Has(p) {
			continue
		}
		elements = append(elements, profile.Element{Group: p.Group, Name: p.Name, Value: masked(p, v.Params.Get(p.ID))})
	}
	return elements
}

func masked(p *model.Param, value string) string {
	if p.Type == "password" && value != "" {
		return mask
	}
	return value
}

// ReportXML returns the file that Report_Rule sends: the device's parameters in
// the style of the compiler's samples, with the end user's access
// (profile-formats.md §5.2: field). With before, only those that are not as they
// were then, as --delta asks (documented); with the zero Params all. It never has
// GPP_SA to GPP_SD (field), and passwords that are set are 13 asterisks, as in
// exports (inferred: no document says what a report has there). The call history,
// directory and environment blocks of real reports are not known and left out.
func ReportXML(v View, before Params) []byte {
	b := append([]byte(nil), "<flat-profile>\n"...)
	f := v.Params.Factory()
	if f == nil {
		return append(b, "</flat-profile>\n"...)
	}
	section, nest := "", profile.Nest{}
	for i := range f.Params {
		p := &f.Params[i]
		value, access := v.Params.Get(p.ID), v.Params.Access(p.ID)
		same := before.Factory() != nil && before.Get(p.ID) == value && before.Access(p.ID) == access
		if same || strings.HasPrefix(p.Name, "GPP_S") || !v.Unit.Row.Has(p) {
			continue
		}
		if p.Group != section {
			section = p.Group
			b = model.AppendHeading(nest.Close(b), section)
		}
		b = nest.Append(b, profile.Param{Name: p.Name, Value: masked(p, value), Access: access}, profile.Sample{Width: 32})
		b = append(b, '\n')
	}
	return append(nest.Close(b), "</flat-profile>\n"...)
}
