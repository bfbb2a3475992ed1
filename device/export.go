package device

import (
	"cmp"
	"slices"
	"strings"

	"spafleet/device/profile"
)

// mask stands in exports for a password that is set (field).
const mask = "*************"

// hidden are parameters that a profile can set and that no export shows, beside
// those that no page has (profile-formats.md §5.1: field for the SPA942, whose
// export was compared with a sample; inferred for the others).
var hidden = []string{"GPP_SA", "GPP_SB", "GPP_SC", "GPP_SD", "Web_Serv", "Acoustic_Echo_Canceller_Enable",
	"EM_Phone_User_ID", "EM_Phone_Password", "EM_Mobile_User_ID", "EM_Mobile_Password",
	"Dictionary_Server_Copy", "Language_Selection_Copy", "Dictionary_Update_Status", "Test_Mode_Enable", "Protect_IVR_FactoryReset"}

// tabs is the order of the pages' tabs, behind Info: those of phones (field), and
// of routers, whose network half comes first (inferred).
var tabs = []string{"Wan_Setup", "Lan_Setup", "Application", "System", "SIP", "Provisioning", "Regional", "Phone",
	"Line", "Ext", "User", "Attendant_Console", "Att_Console"}

// Spacfg returns what the device's /admin/spacfg.xml says: the Info tab, then
// every parameter that a page shows, in the order of the tabs. Passwords that are
// set come as 13 asterisks, and nothing of GPP_SA to GPP_SD comes at all.
func (v *View) Spacfg() []profile.Element {
	elements := v.Status()
	f := v.Params.Factory()
	if f == nil {
		return elements
	}
	elements = slices.Grow(elements, len(f.exported))
	for _, i := range f.exported {
		p := &f.Params[i]
		if !v.Unit.Row.Has(p) {
			continue
		}
		elements = append(elements, profile.Element{Group: p.Group, Name: p.Name, Value: masked(p, v.Params.Get(p.ID))})
	}
	return elements
}

func masked(p *Param, value string) string {
	if p.Type == "password" && value != "" {
		return mask
	}
	return value
}

// exportOrder returns the places in Params of what exports show, tab by tab, the
// sections of a tab in the order of the catalogue.
func exportOrder(params []Param) []int32 {
	rank := map[string]int{}
	var order []int32
	for i, p := range params {
		tab, _, _ := strings.Cut(p.Group, "/")
		if tab == "(hidden)" || slices.Contains(hidden, p.Name) {
			continue
		}
		if _, ok := rank[p.Group]; !ok {
			rank[p.Group] = tabRank(tab)<<16 + len(rank)
		}
		order = append(order, int32(i))
	}
	slices.SortStableFunc(order, func(a, b int32) int { return cmp.Compare(rank[params[a].Group], rank[params[b].Group]) })
	return order
}

// tabRank orders tabs, numbered ones of a kind by their number.
func tabRank(tab string) int {
	kind := tab
	n := lineOf(tab)
	if n > 0 {
		kind, _, _ = strings.Cut(tab, "_")
	}
	at := slices.Index(tabs, kind)
	if at < 0 {
		at = len(tabs)
	}
	return at<<8 + n
}

// ReportXML returns the file that Report_Rule sends: the device's parameters in
// the style of the compiler's samples, with the end user's access
// (profile-formats.md §5.2: field). With before, only those that are not as they
// were then, as --delta asks (documented); with the zero Params all. It never has
// GPP_SA to GPP_SD (field), and passwords that are set are 13 asterisks, as in
// exports (inferred: nobody says what a report has there). The call history,
// directory and environment blocks of real reports are not known and left out.
func ReportXML(v View, before Params) []byte {
	b := append([]byte(nil), "<flat-profile>\n"...)
	f := v.Params.Factory()
	if f == nil {
		return append(b, "</flat-profile>\n"...)
	}
	section := ""
	for i := range f.Params {
		p := &f.Params[i]
		value, access := v.Params.Get(p.ID), v.Params.Access(p.ID)
		same := before.Factory() != nil && before.Get(p.ID) == value && before.Access(p.ID) == access
		if same || strings.HasPrefix(p.Name, "GPP_S") || !v.Unit.Row.Has(p) {
			continue
		}
		if p.Group != section {
			section = p.Group
			b = appendHeading(b, section)
		}
		b = profile.AppendSample(b, profile.Param{Name: p.Name, Value: masked(p, value), Access: access}, profile.Sample{Width: 32})
		b = append(b, '\n')
	}
	return append(b, "</flat-profile>\n"...)
}

// appendHeading appends the comment in front of a section.
func appendHeading(b []byte, group string) []byte {
	return append(append(append(b, "  <!-- "...), heading(group)...), " -->\n"...)
}

// heading returns the words of a section.
func heading(group string) string {
	tab, section, _ := strings.Cut(group, "/")
	if section == "" {
		section = strings.Trim(tab, "()")
	}
	return strings.TrimSpace(strings.ReplaceAll(section, "_", " "))
}
