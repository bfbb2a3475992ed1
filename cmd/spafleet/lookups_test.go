package main

import (
	"go/ast"
	"go/parser"
	"go/token"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"

	"spafleet/device/model"
)

// Which models have a parameter that the program looks up. What is not in someHave is
// in the set of every model.
type havers struct {
	has func(*model.Row) bool
	how string // what says so
}

func family(names ...string) func(*model.Row) bool {
	return func(r *model.Row) bool { return slices.Contains(names, r.Model.Family.Name) }
}

func models(names ...string) func(*model.Row) bool {
	return func(r *model.Row) bool { return slices.Contains(names, r.Model.Name) }
}

func not(f func(*model.Row) bool) func(*model.Row) bool {
	return func(r *model.Row) bool { return !f(r) }
}

func anyOf(list ...func(*model.Row) bool) func(*model.Row) bool {
	return func(r *model.Row) bool {
		return slices.ContainsFunc(list, func(f func(*model.Row) bool) bool { return f(r) })
	}
}

func bothOf(a, b func(*model.Row) bool) func(*model.Row) bool {
	return func(r *model.Row) bool { return a(r) && b(r) }
}

var (
	spa1xx   = models("SPA112", "SPA122", "SPA232D")
	spa525   = models("SPA525G", "SPA525G2")
	third    = func(r *model.Row) bool { return r.Generation == 3 }
	early9xx = family("phone 9xx")
	smallATA = models("SPA1000", "SPA1001", "SPA2000", "SPA2002", "PAP2", "PAP2T")
	display  = anyOf(early9xx, bothOf(third, not(models("SPA301", "SPA501G"))))
	router   = not(anyOf(smallATA, spa1xx, third, early9xx)) // a LAN and a WAN side, or a set of one
)

var someHave = map[string]havers{
	"Resync_At__HHmm_":       {anyOf(third, spa1xx), "documented for 7.x phones and SPA1xx"},
	"Resync_At_Random_Delay": {anyOf(third, spa1xx), "likewise"},
	"Network_Startup_Delay":  {anyOf(third, spa1xx), "documented for 7.x phones, exports of SPA1xx"},
	"DHCP_Option_To_Use":     {third, "documented for 7.x phones"},
	"Transport_Protocol":     {third, "exports and samples of 7.x phones"},
	"HTTP_Report_Method":     {third, "exports and samples of 7.x phones"},

	"User_Password":            {not(spa1xx), "SPA1xx: inside <router-configuration> (export)"},
	"IVR_Admin_Passwd":         {spa1xx, "export"},
	"Protect_IVR_FactoryReset": {not(spa525), "exports hide it; absent from the SPA525's (inferred)"},

	"CTI_Enable":      {anyOf(early9xx, third, spa1xx), "exports of phones and SPA1xx"},
	"Sub_Min_Expires": {anyOf(early9xx, third), "exports of phones"},
	"Sub_Retry_Intvl": {anyOf(early9xx, third), "likewise"},
	"Use_Backup_IP":   {bothOf(third, not(spa525)), "samples of 7.5.5, texts of 7.6.2f"},

	"CISCO_XML_EXE_Auth_Mode": {third, "samples of 7.5.5, texts of 7.6.2f"},
	"CISCO_XML_EXE_Enable":    {third, "texts of 7.6.2f, export of the SPA525G2"},
	"XML_User_Name":           {third, "samples of 7.4.8a and 7.5.5"},
	"XML_Password":            {third, "likewise"},

	"Random_REG_CID_On_Reboot": {anyOf(early9xx, third), "samples of phones"},

	"Custom_CA_RULE":      {bothOf(third, not(spa525)), "texts of 7.6.2f"},
	"Custom_CA_URL":       {anyOf(spa525, spa1xx), "exports"},
	"Enable_SSLv3":        {third, "texts of 7.6.2f"},
	"SSL_Key_Negotiation": {bothOf(third, not(spa525)), "texts of 7.6.2f"},

	"DNS_Query_TTL_Ignore": {anyOf(spa1xx, bothOf(third, not(spa525))), "samples and exports"},
	"DNS_Server_Order":     {not(spa1xx), "samples and exports"},
	"DNS_Query_Mode":       {not(anyOf(spa1xx, spa525)), "likewise"},
	"Primary_DNS":          {not(spa1xx), "SPA1xx: inside <router-configuration> (export)"},
	"Secondary_DNS":        {not(spa1xx), "likewise"},
	"Connection_Type":      {not(anyOf(smallATA, spa1xx)), "ATAs without a router have DHCP and Static_IP"},
	"Static_IP":            {not(spa1xx), "SPA1xx: inside <router-configuration> (export)"},
	"Enable_CDP":           {anyOf(early9xx, third), "phones"},

	"Time_Zone":                   {not(spa1xx), "SPA1xx: inside <router-configuration> (export)"},
	"Daylight_Saving_Time_Rule":   {not(spa1xx), "likewise"},
	"Daylight_Saving_Time_Enable": {not(anyOf(smallATA, spa1xx, models("SPA3000", "SPA3102"))), "samples"},
	"NTP_Enable":                  {third, "samples of 7.x phones"},
	"Primary_NTP_Server":          {not(spa1xx), "SPA1xx: inside <router-configuration> (export)"},
	"Secondary_NTP_Server":        {not(spa1xx), "likewise"},

	"Enable_Web_Server":     {anyOf(smallATA, early9xx, third), "routers have Enable_WAN_Web_Server"},
	"Web_Server_Port":       {anyOf(smallATA, early9xx, third), "routers have WAN_Web_Server_Port"},
	"Enable_WAN_Web_Server": {router, "sample of the SPA2102"},
	"WAN_Web_Server_Port":   {router, "likewise"},
	"LAN_IP_Address":        {router, "likewise"},
	"Networking_Service":    {router, "likewise"},
	"Multicast_Address":     {anyOf(early9xx, third, spa1xx, models("SPA9000")), "samples of phones; export of the SPA122; guide of the SPA9000"},

	"Signaling_Protocol": {bothOf(third, not(spa525)), "sample of the SPA50x"},
	"SPCP_Auto-detect":   {bothOf(third, not(spa525)), "likewise"},

	"Enable_Direct_Action_Url":   {bothOf(third, not(spa525)), "texts of 7.6.2f"},
	"Default_Character_Encoding": {anyOf(early9xx, bothOf(third, not(anyOf(spa525, models("SPA301", "SPA501G"))))), "samples of phones with a display"},
	"Enable_BT":                  {spa525, "export"},
	"Station_Name":               {anyOf(early9xx, third, spa1xx), "samples of phones; export of the SPA122"},
	"Text_Logo":                  {anyOf(early9xx, bothOf(third, not(models("SPA301", "SPA501G")))), "samples of phones with a display"},

	"BMP_Picture_Download_URL":  {display, "samples of phones with a display"},
	"Dictionary_Server_Script":  {display, "likewise"},
	"Language_Selection":        {display, "likewise"},
	"Select_Logo":               {bothOf(display, not(spa525)), "likewise"},
	"Select_Background_Picture": {bothOf(display, not(spa525)), "likewise"},
	"Logo_Type":                 {spa525, "export"},
	"Background_Picture_Type":   {spa525, "export"},
	"XML_Directory_Service_URL": {bothOf(display, third), "samples of 7.x phones with a display"},
	"RSS_Feed_URL_1":            {anyOf(spa525, models("SPA962")), "export of the SPA525, sample of the SPA962"},

	"Enable_TR-069":                {anyOf(spa525, models("SPA512G", "SPA514G")), "exports"},
	"Enable_Broadsoft_Hoteling_1_": {third, "texts of 7.6.2f, exports"},
}

// onlyTables are packages and files whose names of parameters are tables, which their own
// tests hold to the sets.
var onlyTables = []string{"device/model", "device/profile", "webui/number.go"}

// Every parameter that the program looks up is in the set of each model whose documents,
// samples or exports have it, and in no other. A name that is new here needs a row
// in someHave, unless every model has it.
func TestEachSetHasWhatIsLookedUp(t *testing.T) {
	names := lookedUp(t)
	if len(names) < 50 || !slices.Contains(names, "Profile_Rule_D") || !slices.Contains(names, "Resync_At__HHmm_") {
		t.Fatalf("only these are looked up: %q", names)
	}
	for _, name := range names {
		h, some := someHave[name]
		for m := range model.All() {
			row, err := model.NewRow(m.Name, "", nil)
			if err != nil {
				t.Fatal(err)
			}
			want := !some || h.has(row)
			if _, has := row.Lookup(name); has != want {
				t.Errorf("%s %s has %s: %t, want %t (%s)", m.Name, row.Firmware.Version, name, has, want, h.how)
			}
		}
	}
	for name := range someHave {
		if !slices.Contains(names, name) {
			t.Errorf("%s is not looked up any more: remove its row", name)
		}
	}
}

// lookedUp returns the flat parameters whose names stand in the program's source. A name in a
// call of Lookup or Bool must be one that some model has.
func lookedUp(t *testing.T) []string {
	t.Helper()
	names := map[string]bool{}
	for dir, files := range sources(t) {
		if slices.Contains(onlyTables, dir) || strings.HasPrefix(dir, "bench") || dir == "device/devicetest" || strings.HasSuffix(dir, "test") || dir == "scenarios/capacity" {
			continue
		}
		for _, file := range files {
			if slices.Contains(onlyTables, dir+"/"+filepath.Base(file)) {
				continue
			}
			f, err := parser.ParseFile(token.NewFileSet(), file, nil, 0)
			if err != nil {
				t.Fatal(err)
			}
			ast.Inspect(f, func(n ast.Node) bool {
				switch n := n.(type) {
				case *ast.CallExpr:
					if name := parameterOf(n); name != "" && !known(name) {
						t.Errorf("%s looks up %s, which no model has", file, name)
					}
				case *ast.BasicLit:
					if name, err := strconv.Unquote(n.Value); err == nil && n.Kind == token.STRING && strings.Contains(name, "_") && known(name) {
						names[name] = true
					}
				}
				return true
			})
		}
	}
	var list []string
	for name := range names {
		if !strings.Contains(name, "/") {
			list = append(list, name)
		}
	}
	slices.Sort(list)
	return list
}

func known(name string) bool {
	_, ok := model.LookupID(name)
	return ok
}

// parameterOf returns the name in a call of Lookup, lookup or Bool that is written out, "" for none.
func parameterOf(call *ast.CallExpr) string {
	f, ok := call.Fun.(*ast.SelectorExpr)
	if !ok || len(call.Args) == 0 || !slices.Contains([]string{"Lookup", "lookup", "Bool"}, f.Sel.Name) {
		return ""
	}
	if x, ok := f.X.(*ast.Ident); ok && (x.Name == "c" || x.Name == "flags") { // flags of a command
		return ""
	}
	lit, ok := call.Args[0].(*ast.BasicLit)
	if !ok || lit.Kind != token.STRING {
		return ""
	}
	name, _ := strconv.Unquote(lit.Value) // a literal of the source
	if !strings.Contains(name, "_") {
		return ""
	}
	return name
}
