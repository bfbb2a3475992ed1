package model

import (
	"cmp"
	"slices"
	"strings"
)

// hidden are parameters that a profile can set and that no export shows, beside
// those that no page has: the whole exports of an SPA942, an SPA962 and an SPA525G2
// lack them, as far as the models have them (field; inferred for the others).
var hidden = []string{"GPP_SA", "GPP_SB", "GPP_SC", "GPP_SD", "EM_Phone_User_ID", "EM_Phone_Password", "EM_Mobile_User_ID", "EM_Mobile_Password",
	"Dictionary_Server_Copy", "Language_Selection_Copy", "Dictionary_Update_Status", "Protect_IVR_FactoryReset"}

// hidden942 are those that the export of an SPA942 alone lacks (field; profile-formats.md
// §5.1), those of phones with its set likewise (inferred).
var hidden942 = []string{"Web_Serv", "Acoustic_Echo_Canceller_Enable", "Test_Mode_Enable"}

func hiddenOf(model string) []string {
	if m, err := FindModel(model); err == nil && m.Catalogue.Value == "SPA942" {
		return slices.Concat(hidden, hidden942)
	}
	return hidden
}

// tabs is the order of the pages' tabs, behind Info: those of phones (field), and
// of routers, whose network half comes first (inferred).
var tabs = []string{"Wan_Setup", "Lan_Setup", "Application", "System", "SIP", "Provisioning", "Regional", "Phone",
	"Line", "Ext", "PSTN_Line", "T1", "T2", "T3", "T4", "User", "PSTN_User", "Attendant_Console", "Att_Console", "SPA932", "TR-069", "Wi-Fi"}

// behind are sections that stand behind another one, wherever the compiler's samples
// have them (exports of an SPA962 and SPA525G2: field).
var behind = map[string]string{"Phone/Supplementary_Services": "Phone/Line_Key_LED_Pattern"}

// exportOrder returns the places in Params of what exports show, tab by tab, the
// sections of a tab in the order of the catalogue.
func exportOrder(params []Param, hidden []string) []int32 {
	rank := map[string]int{}
	var order []int32
	for i, p := range params {
		tab, _, _ := strings.Cut(p.Group, "/")
		if tab == "(hidden)" || p.Nested() || slices.Contains(hidden, p.Name) {
			continue
		}
		if _, ok := rank[p.Group]; !ok {
			rank[p.Group] = tabRank(tab)<<16 + 2*len(rank)
		}
		order = append(order, int32(i))
	}
	for section, front := range behind {
		if at, ok := rank[front]; ok && rank[section] < at {
			rank[section] = at + 1
		}
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
