package model

import (
	"cmp"
	"slices"
	"strings"
)

// hidden are parameters that a profile can set and that no export shows, beside
// those that no page has (profile-formats.md §5.1: field for the SPA942, whose
// export was compared with a sample; inferred for the others).
var hidden = []string{"GPP_SA", "GPP_SB", "GPP_SC", "GPP_SD", "Web_Serv", "Acoustic_Echo_Canceller_Enable",
	"EM_Phone_User_ID", "EM_Phone_Password", "EM_Mobile_User_ID", "EM_Mobile_Password",
	"Dictionary_Server_Copy", "Language_Selection_Copy", "Dictionary_Update_Status", "Test_Mode_Enable", "Protect_IVR_FactoryReset"}

// tabs is the order of the pages' tabs, behind Info: those of phones (field), and
// of routers, whose network half comes first (inferred).
var tabs = []string{"Wan_Setup", "Lan_Setup", "Application", "System", "Wi-Fi", "SIP", "Provisioning", "Regional", "Phone",
	"Line", "Ext", "PSTN_Line", "T1", "T2", "T3", "T4", "User", "PSTN_User", "Attendant_Console", "Att_Console", "TR-069"}

// exportOrder returns the places in Params of what exports show, tab by tab, the
// sections of a tab in the order of the catalogue.
func exportOrder(params []Param) []int32 {
	rank := map[string]int{}
	var order []int32
	for i, p := range params {
		tab, _, _ := strings.Cut(p.Group, "/")
		if tab == "(hidden)" || p.Nested() || slices.Contains(hidden, p.Name) {
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

// AppendHeading appends the comment in front of a section.
func AppendHeading(b []byte, group string) []byte {
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
