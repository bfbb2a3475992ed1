package webui_test

import (
	"fmt"
	"net/netip"
	"strings"
	"testing"

	"spafleet/device"
	"spafleet/host/golden"
	"spafleet/webui"
)

// paths are the rows of docs/web.md.
var paths = []struct{ paths, what, evidence string }{
	{"/", "status and settings, the user's pages; of routers the Router half; of an SPA1xx the login page", "field"},
	{"/basic /advanced", "the same, basic and advanced view", "field"},
	{"/admin/ /admin/basic /admin/advanced", "the same, the administrator's pages", "field"},
	{"/voice/ /voice/advanced /admin/voice/ /admin/voice/advanced", "the Voice half of a router", "field; /voice/advanced: inferred"},
	{"/pdir.htm", "personal directory, 100 entries", "field"},
	{"/calllog.htm", "call history, without calls", "field"},
	{"/attconstatus.htm", "attendant console, without a unit (of an SPA962 `/spa932status.htm`)", "field"},
	{"/spacfg.xml /admin/spacfg.xml", "status and settings, with `group` attributes", "phones: field; ATAs: inferred"},
	{"/status.xml", "status alone, root `<Status>`", "field"},
	{"/admin/status.xml", "the same; of an SPA1xx `<flat-status>`", "field"},
	{"/admin/config.xml", "settings, with `<router-configuration>`, without attributes", "form: field; path: documented for its heirs"},
	{"/admin/resync /resync", "resync, with `?URL` from there", "documented; without /admin: field"},
	{"/admin/upgrade /upgrade", "upgrade, with `?URL` from there", "documented"},
	{"/admin/reboot /reboot", "reboot", "documented; without /admin: field"},
	{"/ringtone /admin/ringtone", "fetches a ring tone, with `?URL` from there, path `/ring.dat` where none is named", "field"},
	{"/updateCA /admin/updateCA", "from 7.5 on: fetches an authority, with `?URL` from there, else that of `Custom_CA_Rule`", "field"},
	{"/screendump.bmp /admin/screendump.bmp", "the display, a BMP of 128 by 64 points (not of an SPA301, SPA501G and SPA525)", "field; what it shows: inferred"},
	{"/statusbmp.bmp", "the lights of the line keys, another such BMP", "field; its form: inferred"},
	{"/crossdomain.xml", "a policy by which everybody may ask", "field; what it says: inferred"},
	{"/spabanner.jpg", "a bar of one colour in place of the makers' picture, without a login", "field"},
	{"/UI_Linksys.jpg /UI_Cisco.gif /UI_02.gif /UI_10.gif", "the same for `UI_02.gif` to `UI_10.gif`", "field"},
	{"POST /spacfg.spa", "a profile in XML, applied as far as the account may (30x, 50x, 51x)", "field; the form of the body: inferred"},
	{"POST /pdir.spa", "entries of the directory", "field"},
	{"POST /pdir.csc", "the same", "field"},
	{"POST /bsipura.spa POST /asipura.spa POST /admin/asipura.spa", "forms of the settings", "field"},
	{"POST /bcisco.csc POST /acisco.csc POST /admin/acisco.csc", "forms of the settings", "field"},
	{"POST /linksys.pbp", "form of the user's basic page", "field"},
	{"POST /admin/voice/asipura.spa", "form of the administrator's Voice half", "field"},
	{"POST /login.cgi POST /apply.cgi POST /upgrade.cgi", "login, actions and images", "field"},
	{"POST /CGI/Execute", "XML push: resync", "documented"},
}

var pathModels = []struct{ family, model, firmware string }{
	{"ATA", "PAP2T", ""}, {"router ATA", "SPA2102", ""}, {"9xx", "SPA942", ""}, {"5xx", "SPA504G", "7.5.5"}, {"SPA1xx", "SPA112", ""},
}

// answers says whether a device has a path.
func answers(t *testing.T, addr, path string) string {
	t.Helper()
	ask := func(path string) string {
		if target, ok := strings.CutPrefix(path, "POST "); ok && target == "/CGI/Execute" {
			return statusOf(push(t, addr, form(items("Resync:"))))
		} else if target == "/spacfg.spa" {
			return statusOf(send(t, addr, target, "<flat-profile/>"))
		} else if ok {
			return statusOf(send(t, addr, target, ""))
		}
		return statusOf(get(t, addr, path))
	}
	mark := "✓"
	status := ask(path)
	if method, target, _ := strings.Cut(path, " "); method == "POST" && strings.HasSuffix(target, ".cgi") && status != "404 Not Found" && status != "405 Method Not Allowed" {
		return mark
	}
	if status == "401 Unauthorized" {
		mark, status = "login", ask(path+"&xuser=admin&xpassword=admin")
	}
	switch status {
	case "200 OK":
		return mark
	case "404 Not Found", "405 Method Not Allowed":
		return "–"
	}
	return status
}

// docs/web.md has what devices answer to each path (device-surface.md §1.3).
func TestThePageOfPathsIsWhatDevicesAnswer(t *testing.T) {
	var b strings.Builder
	b.WriteString("\n| path | what |")
	for _, m := range pathModels {
		fmt.Fprintf(&b, " %s |", m.family)
	}
	b.WriteString(" evidence |\n|---|---|" + strings.Repeat("---|", len(pathModels)+1) + "\n")
	addrs := make([]string, len(pathModels))
	for i, m := range pathModels {
		f := &fleet{views: map[netip.Addr]device.View{netip.MustParseAddr("127.0.0.1"): view(t, m.model, m.firmware)}}
		addrs[i] = listen(t, &webui.Site{Devices: quiet{f}}, "127.0.0.1:0")
	}
	for _, row := range paths {
		list := strings.Fields(row.paths)
		if list[0] == "POST" {
			list = strings.Split("POST "+strings.ReplaceAll(row.paths[len("POST "):], " POST ", "\nPOST "), "\n")
		}
		fmt.Fprintf(&b, "| `%s` | %s |", strings.Join(list, "`, `"), row.what)
		for i := range pathModels {
			mark := answers(t, addrs[i], list[0])
			for _, path := range list[1:] {
				if other := answers(t, addrs[i], path); other != mark {
					t.Errorf("%s: %s is %s, %s is %s: they want rows of their own", pathModels[i].model, list[0], mark, path, other)
				}
			}
			fmt.Fprintf(&b, " %s |", mark)
		}
		fmt.Fprintf(&b, " %s |\n", row.evidence)
	}
	golden.Section(t, "../docs/web.md", "<!-- paths -->", "<!-- /paths -->", b.String())
}
