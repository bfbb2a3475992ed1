package webui_test

import (
	"fmt"
	"html"
	"net/url"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"

	"spafleet/device"
	"spafleet/device/devicetest"
	"spafleet/device/model"
	"spafleet/host/golden"
	"spafleet/webui"
)

// page returns the body of a page.
func page(t *testing.T, v device.View, path string) string {
	t.Helper()
	_, addr := serve(t, &webui.Site{}, v)
	got := get(t, addr, path)
	if statusOf(got) != "200 OK" {
		t.Fatalf("GET %s answers %s", path, statusOf(got))
	}
	_, body, _ := strings.Cut(got, "\r\n\r\n")
	return body
}

var (
	tabsOfPage = regexp.MustCompile(`<div class="tab-page" id="([^"]*)">`)
	pieces     = regexp.MustCompile(`<div class="tab-page" id="([^"]*)">|<h4>([^<]*)</h4>|<td>([^<]*):&nbsp;&nbsp;&nbsp;&nbsp;<td[^>]*>|<(?:input|select) class="(input.)"[^>]* name="(P?\d+)"|<font color="darkblue">`)
)

// tabs returns the tabs of a page.
func tabs(body string) string {
	var list []string
	for _, m := range tabsOfPage.FindAllStringSubmatch(body, -1) {
		list = append(list, m[1])
	}
	return strings.Join(list, ", ")
}

// outline returns the tabs, sections and labels of a page's settings, in their order.
func outline(body string) string {
	var b strings.Builder
	tab := ""
	for _, m := range pieces.FindAllStringSubmatch(body, -1) {
		switch {
		case m[1] != "":
			tab = m[1]
			if tab != "Info" && tab != "Status" {
				fmt.Fprintf(&b, "%s\n", tab)
			}
		case tab == "Info" || tab == "Status":
		case m[2] != "":
			fmt.Fprintf(&b, "  %s\n", m[2])
		case m[3] != "":
			fmt.Fprintf(&b, "    %s\n", m[3])
		}
	}
	return b.String()
}

// The tabs of each look, as captured pages and guides have them (device-surface.md §2.1, §2.2,
// §2.3).
func TestTabsOfEachLook(t *testing.T) {
	tests := []struct{ model, path, want string }{
		{"SPA2102", "/", "Status, Wan Setup"},
		{"SPA2102", "/admin/", "Status, Wan Setup, Lan Setup"},
		{"SPA2102", "/admin/advanced", "Status, Wan Setup, Lan Setup, Application"},
		{"SPA2102", "/voice/", "Info, System, User 1, User 2"},
		{"SPA2102", "/admin/voice/", "Info, System, SIP, Regional, Line 1, Line 2, User 1, User 2"},
		{"SPA2102", "/admin/voice/advanced", "Info, System, SIP, Provisioning, Regional, Line 1, Line 2, User 1, User 2"},
		{"SPA3102", "/admin/voice/advanced", "Info, System, SIP, Provisioning, Regional, Line 1, PSTN Line, User 1, PSTN User"},
		{"SPA8000", "/admin/voice/advanced", "Info, System, SIP, Provisioning, Regional, Line 1, Line 2, Line 3, Line 4, Line 5, Line 6, Line 7, Line 8, T1, T2, T3, T4, User 1, User 2, User 3, User 4, User 5, User 6, User 7, User 8"},
		{"PAP2T", "/", "Info, System, User 1, User 2"},
		{"PAP2T", "/admin/advanced", "Info, System, SIP, Provisioning, Regional, Line 1, Line 2, User 1, User 2"},
		{"SPA942", "/", "Info, System, Phone, User"},
		{"SPA942", "/admin/advanced", "Info, System, SIP, Provisioning, Regional, Phone, Ext 1, Ext 2, Ext 3, Ext 4, User"},
		{"SPA962", "/admin/advanced", "Info, System, SIP, Provisioning, Regional, Phone, Ext 1, Ext 2, Ext 3, Ext 4, Ext 5, Ext 6, User, SPA932"},
		{"SPA504G", "/admin/advanced", "Info, System, SIP, Provisioning, Regional, Phone, Ext 1, Ext 2, Ext 3, Ext 4, User, Attendant Console"},
		{"SPA525G2", "/admin/advanced", "Info, System, SIP, Provisioning, Regional, Phone, Ext 1, Ext 2, Ext 3, Ext 4, Ext 5, User, Att Console, TR-069, Wi-Fi"},
	}
	for _, tt := range tests {
		if got := tabs(page(t, view(t, tt.model, ""), tt.path)); got != tt.want {
			t.Errorf("%s %s has\n%s, want\n%s", tt.model, tt.path, got, tt.want)
		}
	}
}

// Tabs, sections, labels and their order, by model and account (device-surface.md §2.1, §2.2,
// §2.3).
func TestSectionsAndLabelsOfEachLook(t *testing.T) {
	for _, tt := range []struct {
		file, model, firmware string
		paths                 []string
	}{
		{"spa2102", "SPA2102", "5.2.10", []string{"/admin/advanced", "/admin/voice/advanced", "/admin/voice/", "/voice/"}},
		{"pap2t", "PAP2T", "5.1.6(LS)", []string{"/admin/advanced", "/admin/basic", "/basic"}},
		{"spa942", "SPA942", "6.1.5(a)", []string{"/admin/advanced", "/admin/basic", "/basic"}},
		{"spa504g", "SPA504G", "7.6.2f", []string{"/admin/advanced", "/admin/basic", "/basic"}},
		{"spa525g2", "SPA525G2", "", []string{"/admin/advanced", "/admin/basic", "/basic"}},
	} {
		var b strings.Builder
		for _, path := range tt.paths {
			b.WriteString("== " + path + "\n" + outline(page(t, view(t, tt.model, tt.firmware), path)))
		}
		golden.File(t, filepath.Join("testdata", "layout", tt.file+".golden.txt"), []byte(b.String()))
	}
}

// hiddenFields are the parameters that a profile can set and no page shows: exports of
// real units lack them.
func hiddenField(p *model.Param) bool {
	return strings.HasPrefix(p.Group, "(hidden)") || slices.Contains(strings.Fields(`GPP_SA GPP_SB GPP_SC GPP_SD EM_Phone_User_ID EM_Phone_Password EM_Mobile_User_ID EM_Mobile_Password
		Dictionary_Server_Copy Language_Selection_Copy Dictionary_Update_Status Protect_IVR_FactoryReset Web_Serv Acoustic_Echo_Canceller_Enable Test_Mode_Enable`), p.Name)
}

// Each parameter of a model is on exactly one of its pages: told by a value that no
// other parameter has.
func TestEachParameterIsOnExactlyOnePage(t *testing.T) {
	for m := range model.All() {
		if m.Family.Name == "SPA100" {
			continue // its pages are elsewhere
		}
		row := devicetest.Row(t, m.Name, "")
		paths := []string{"/admin/advanced"}
		if m.Family.Router {
			paths = append(paths, "/admin/voice/advanced")
		}
		names := map[string]int{}
		body := ""
		v := view(t, m.Name, "")
		for _, path := range paths {
			body += page(t, v, path)
		}
		for _, match := range pieces.FindAllStringSubmatch(body, -1) {
			if match[5] != "" {
				names[match[5]]++
			}
		}
		want := 0
		for _, name := range row.ParameterNames() {
			p, _ := row.Lookup(name)
			if hiddenField(p) && !(slices.Contains([]string{"Web_Serv", "Acoustic_Echo_Canceller_Enable", "Test_Mode_Enable"}, name) && m.Catalogue.Value != "SPA942") {
				continue
			}
			want++
		}
		if len(names) != want {
			t.Errorf("%s: %d fields, want %d", m.Name, len(names), want)
		}
		for name, n := range names {
			if n != 1 {
				t.Errorf("%s: field %s is there %d times", m.Name, name, n)
			}
		}
	}
}

// fieldOf returns how a page calls the field of a parameter: the one whose value
// changes with it.
func fieldOf(t *testing.T, modelName, firmware, path, tab, label string) string {
	t.Helper()
	at, found := "", ""
	for _, m := range pieces.FindAllStringSubmatch(page(t, view(t, modelName, firmware), path), -1) {
		switch {
		case m[1] != "":
			at = m[1]
		case m[3] != "":
			found = m[3]
		case m[5] != "" && at == tab && found == label:
			return m[5]
		}
	}
	t.Fatalf("%s: no %s in %s", modelName, label, tab)
	return ""
}

// The field numbers of captured pages (device-surface.md §1.7, surface-2.md §2.1).
func TestFieldNumbersOfCapturedPages(t *testing.T) {
	for _, tt := range []struct{ model, firmware, path, tab, label, want string }{
		{"SPA2102", "", "/admin/advanced", "Wan Setup", "HostName", "30255"},
		{"SPA2102", "", "/admin/advanced", "Wan Setup", "Static IP", "30639"},
		{"SPA2102", "", "/admin/advanced", "Wan Setup", "Connection Type", "29292"},
		{"SPA2102", "", "/admin/advanced", "Wan Setup", "PPPOE Login Password", "P29420"},
		{"SPA2102", "", "/admin/voice/advanced", "System", "User Password", "P34415"},
		{"SPA2102", "", "/admin/voice/advanced", "Line 1", "Proxy", "879"},
		{"SPA2102", "", "/admin/voice/advanced", "Line 1", "Password", "P175"},
		{"SPA2102", "", "/admin/voice/advanced", "Line 2", "Proxy", strconv.Itoa(879 ^ 0xB000)},
		{"PAP2T", "", "/admin/advanced", "System", "DHCP", "30383"},
		{"PAP2T", "", "/admin/advanced", "Line 1", "SIP Port", "35823"},
		{"SPA504G", "7.5.5", "/admin/advanced", "Ext 1", "Password", "P62639"},
		{"SPA504G", "7.5.5", "/admin/advanced", "Ext 2", "Password", "P" + strconv.Itoa(rol6(539+131)^0x726F)},
		{"SPA504G", "7.6.2f", "/admin/advanced", "User", "DND Setting", strconv.Itoa(rol6(2885) ^ 0x726F)},
		{"SPA962", "", "/admin/advanced", "User", "Speed Dial 2", strconv.Itoa(rol6(1151) ^ 0x726F)},
	} {
		if got := fieldOf(t, tt.model, tt.firmware, tt.path, tt.tab, tt.label); got != tt.want {
			t.Errorf("%s %s: %s is field %s, want %s", tt.model, tt.tab, tt.label, got, tt.want)
		}
	}
}

func rol6(n int) int { return (n<<6 | n>>10) & 0xFFFF }

// The form of a page that nobody changed changes nothing, whatever the values are.
func TestAnUntouchedPageChangesNothing(t *testing.T) {
	for m := range model.All() {
		if m.Family.Name == "SPA100" {
			continue
		}
		v := view(t, m.Name, "", "Profile_Rule=a&b \"c\" <d>")
		for _, path := range []string{"/", "/admin/advanced", "/admin/voice/advanced"} {
			if !m.Family.Router && strings.Contains(path, "voice") {
				continue
			}
			form := formOf(t, page(t, v, path))
			status, c, _ := webui.Browser{}.Visit(v, path[:strings.LastIndexByte(path, '/')+1]+target(m, path), form)
			if status != 200 || c != nil {
				t.Errorf("%s %s: sent back as it is, its form is answered %d and orders %+v", m.Name, path, status, c)
			}
		}
	}
}

func target(m *model.Model, path string) string {
	kind := "b"
	if strings.HasSuffix(path, "advanced") {
		kind = "a"
	}
	if m.Family.Phone && m.Family.Generation == 3 {
		return kind + "cisco.csc"
	}
	return kind + "sipura.spa"
}

var (
	inputs   = regexp.MustCompile(`<input[^>]* name="(\w+)"[^>]* value="([^"]*)">|<select[^>]* name="(\w+)">(.*?)</select>`)
	selected = regexp.MustCompile(`<option(?: value="([^"]*)")? selected>([^<]*)`)
)

// formOf returns what a browser sends of a page that nobody touched.
func formOf(t *testing.T, body string) string {
	t.Helper()
	var pairs []string
	for _, m := range inputs.FindAllStringSubmatch(body, -1) {
		if m[1] != "" {
			pairs = append(pairs, m[1]+"="+url.QueryEscape(html.UnescapeString(m[2])))
			continue
		}
		chosen := selected.FindAllStringSubmatch(m[4], -1)
		if len(chosen) != 1 {
			t.Fatalf("field %s has %d chosen options: %s", m[3], len(chosen), m[4])
		}
		value := chosen[0][2]
		if strings.Contains(chosen[0][0], "value=") {
			value = chosen[0][1]
		}
		pairs = append(pairs, m[3]+"="+url.QueryEscape(html.UnescapeString(value)))
	}
	return strings.Join(pairs, "&")
}

// BenchmarkAdvancedPage writes the longest page there is.
func BenchmarkAdvancedPage(b *testing.B) {
	row := devicetest.Row(b, "SPA509G", "")
	v := device.View{Unit: devicetest.Known(row, 7), Params: devicetest.Params(b, row.Factory), Powered: true, Now: noon.UnixNano()}
	var sets []device.Set
	for i, name := range row.ParameterNames() {
		if p, _ := row.Lookup(name); i%4 == 0 && p.Type == "string" {
			sets = append(sets, device.Set{ID: p.ID, Value: "value of " + name, Has: true})
		}
	}
	v.Params, _ = v.Params.With(new(device.Layers), sets)
	b.ReportMetric(float64(len(row.ParameterNames())), "parameters")
	for b.Loop() {
		if status, _, _ := (webui.Browser{}).Visit(v, "/admin/advanced", ""); status != 200 {
			b.Fatal(status)
		}
	}
}
