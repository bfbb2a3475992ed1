package webui_test

import (
	"bytes"
	"image/png"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"spafleet/bench/extproc"
	"spafleet/device"
	"spafleet/webui"
)

// Pictures of the pages, for a person to look at: SPAFLEET_PICTURES names the folder
// that they are written to.
var pictures = []struct {
	name, model, firmware, path string
	sets                        []string
	width, height               int
}{
	{"spa2102-status", "SPA2102", "5.2.10", "/admin/", nil, 760, 420},
	{"spa2102-wan", "SPA2102", "5.2.10", "/admin/advanced#/Wan%20Setup", nil, 760, 620},
	{"spa2102-line", "SPA2102", "5.2.10", "/admin/voice/advanced#/Line%201", []string{"User_ID_1_=2001", "Password_1_=secret", "Proxy_1_=sip.example.com"}, 760, 900},
	{"pap2t-info", "PAP2T", "5.1.6(LS)", "/", nil, 900, 560},
	{"pap2t-provisioning", "PAP2T", "5.1.6(LS)", "/admin/advanced#/Provisioning", nil, 900, 760},
	{"spa942-info", "SPA942", "6.1.5(a)", "/", nil, 760, 560},
	{"spa942-ext", "SPA942", "6.1.5(a)", "/admin/advanced#/Ext%201", nil, 760, 800},
	{"spa504g-info", "SPA504G", "7.6.2f", "/admin/", nil, 1000, 560},
	{"spa504g-provisioning", "SPA504G", "7.6.2f", "/admin/advanced#/Provisioning", []string{"Profile_Rule=https://prov.example.com/$MA.xml"}, 1000, 760},
	{"spa112-login", "SPA112", "", "/", nil, 700, 380},
	{"spa112-status", "SPA112", "", "/index.asp;session_id=KEY", nil, 1000, 560},
	{"spa112-voice", "SPA112", "", "/voice_pages.asp;session_id=KEY#/Line%201", nil, 1000, 600},
	{"spa112-frame", "SPA112", "", "/voice.asp;session_id=KEY", nil, 1000, 700},
	{"spa122-network", "SPA122", "", "/Network_Service.asp;session_id=KEY", nil, 1000, 600},
	{"spa942-calls", "SPA942", "6.1.5(a)", "/calllog.htm", nil, 760, 300},
	{"spa942-directory", "SPA942", "6.1.5(a)", "/pdir.htm", nil, 760, 420},
	{"spa962-console", "SPA962", "6.1.5(a)", "/spa932status.htm", nil, 760, 300},
	{"spa504g-calls", "SPA504G", "7.6.2f", "/calllog.htm", nil, 1000, 300},
	{"spa504g-directory", "SPA504G", "7.6.2f", "/pdir.htm", nil, 1000, 420},
	{"spa504g-console", "SPA504G", "7.6.2f", "/attconstatus.htm", nil, 1000, 300},
	{"spa504g-display", "SPA504G", "7.6.2f", "/screendump.bmp", []string{"Station_Name=Reception", "User_ID_1_=2001"}, 300, 160},
	{"spa504g-lights", "SPA504G", "7.6.2f", "/statusbmp.bmp", nil, 300, 160},
	{"spa8000-trunks", "SPA8000", "", "/status", nil, 760, 300},
	{"spa8000-status", "SPA8000", "", "/admin/", nil, 760, 420},
	{"spa525g2-user", "SPA525G2", "", "/advanced#/User", nil, 1000, 600},
}

// titles are those of the pages without tabs.
var titles = map[string]string{
	"/calllog.htm": "Call History", "/pdir.htm": "Personal Directory", "/attconstatus.htm": "Attendant Console Status", "/spa932status.htm": "SPA932 Status", "/status": "Trunk Status",
}

// keep writes a picture for a person.
func keep(t *testing.T, name string, picture []byte) {
	t.Helper()
	folder := os.Getenv("SPAFLEET_PICTURES")
	if folder == "" {
		return
	}
	if err := os.WriteFile(filepath.Join(folder, name+".png"), picture, 0o644); err != nil {
		t.Fatal(err)
	}
}

// A real browser shows each page, in its window, with the tab that is asked for
// (device-surface.md §2.1, §2.2, §2.3).
func TestChromiumShowsEachLook(t *testing.T) {
	c := extproc.OpenChromium(t)
	for _, p := range pictures {
		v := view(t, p.model, p.firmware, p.sets...)
		v.Directory = device.Directory{"n=Reception;p=2001", "", "n=Workshop & Store;p=2014"}
		_, addr := serve(t, &webui.Site{}, v)
		c.Visit("http://" + addr + strings.Replace(p.path, "KEY", v.Session("admin"), 1))
		picture := c.Shot(p.width, p.height)
		keep(t, p.name, picture)
		shown, err := png.Decode(bytes.NewReader(picture))
		if err != nil || shown.Bounds().Dx() != p.width {
			t.Errorf("%s: %v, %v", p.name, err, shown.Bounds())
		}
		if wide := c.Eval("document.documentElement.scrollWidth <= innerWidth"); wide != "true" {
			t.Errorf("%s: wider than its window", p.name)
		}
		want := "Info"
		if title := titles[p.path]; title != "" {
			want = title
			if got := c.Eval(`document.querySelector("div.tab-page").id`); got != want {
				t.Errorf("%s: the page is %q, want %q", p.name, got, want)
			}
			continue
		}
		if strings.HasSuffix(p.path, ".bmp") {
			if got := c.Eval(`document.images[0].naturalWidth + " by " + document.images[0].naturalHeight`); got != "128 by 64" {
				t.Errorf("%s: the picture is %s", p.name, got)
			}
			continue
		}
		if _, tab, ok := strings.Cut(p.path, "#/"); ok {
			want = strings.ReplaceAll(tab, "%20", " ")
		} else if p.model == "SPA2102" || p.model == "SPA8000" {
			want = "Status"
		}
		if p.model == "SPA112" || p.model == "SPA122" {
			continue // most of its pages have no tabs
		}
		const open = `[...document.querySelectorAll("div.tab-page")].filter(p => p.style.display != "none").map(p => p.id).join()`
		if got := c.Eval(open); got != want {
			t.Errorf("%s: the page shows tab %q, want %q", p.name, got, want)
		}
		c.Eval(`document.querySelectorAll("span.tab")[0].click()`)
		if got := c.Eval(open); got == want && strings.Contains(p.path, "#") {
			t.Errorf("%s: a click on the first tab shows %q", p.name, got)
		}
	}
}

// A person who enters a wrong value sees the page again, with its name in red and what was
// entered.
func TestChromiumShowsAWrongValue(t *testing.T) {
	c := extproc.OpenChromium(t)
	f, addr := serve(t, &webui.Site{}, view(t, "SPA942", ""))
	c.Visit("http://" + addr + "/admin/advanced")
	const port = `[...document.querySelectorAll("td")].find(t => t.textContent.startsWith("Web Server Port:"))`
	c.Eval(port + ".nextElementSibling.firstElementChild.value = 99999")
	c.Load("Runtime.evaluate", map[string]any{"expression": `document.querySelector("input[type=submit]").click()`})
	if command := f.command(t); command.Order != device.Refuse {
		t.Errorf("it orders %+v", command)
	}
	c.Eval(`[...document.querySelectorAll("span.tab")].find(t => t.textContent == "System").click()`)
	keep(t, "spa942-wrong", c.Shot(760, 420))
	if got := c.Eval("getComputedStyle(" + port + ".firstElementChild).color + " + port + ".nextElementSibling.firstElementChild.value"); got != "rgb(255, 0, 0)99999" {
		t.Errorf("its name and value are %s", got)
	}
}
