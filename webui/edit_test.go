package webui_test

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"os/exec"
	"strings"
	"testing"

	"spafleet/bench/extproc"
	"spafleet/device"
	"spafleet/device/devicetest"
	many "spafleet/fleet"
	"spafleet/fleet/fleettest"
	"spafleet/fsm"
	"spafleet/resync"
)

// An edited is a fleet whose devices boot at once, are customized by nobody, and have an
// administrator's password, with a server that they may be sent to.
type edited struct {
	*fleettest.Fleet
	server *httptest.Server
	asked  chan string
}

func editable(t *testing.T, models ...string) *edited {
	t.Helper()
	e := &edited{asked: make(chan string, 100)}
	e.server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		e.asked <- r.URL.Path
		fmt.Fprint(w, "<flat-profile><GPP_A>from the new server</GPP_A></flat-profile>")
	}))
	t.Cleanup(e.server.Close)
	c := many.Config{Seed: 1, Web: many.Web{Listen: true}}
	for _, m := range models {
		row := devicetest.Turned(t, m, "", devicetest.BootsAtOnce())
		presets := map[string]string{"Resync_Random_Delay": "0"}
		if name := row.Factory.AdminPassword(); name != "" {
			presets[name] = "secret"
		}
		c.Groups = append(c.Groups, many.Group{Name: m, Row: row, Count: 1, Presets: presets})
	}
	e.Fleet = fleettest.Run(t, c)
	return e
}

// arrives checks that a page's edit moved a device to SP-CUST, rebooted it, and that it
// resyncs from the new URL by itself.
func (e *edited) arrives(t *testing.T, dev device.Index) {
	t.Helper()
	e.Until(t, "SP-CUST", func(v device.View) bool { return v.Unit.Index != dev || v.State == fsm.SpCust })
	moved, booted, set := false, false, false
	for _, k := range e.Events(dev) {
		switch k.Kind {
		case device.Moved:
			moved = moved || k.Move == fsm.Customized && k.Via == device.ViaEdit
		case device.Boot:
			booted = booted || k.Reason == device.ByParams
		case device.Web:
			set = set || k.Text == "set Profile_Rule"
		}
	}
	if !moved || !booted || !set {
		t.Errorf("customized by the edit: %v, rebooted: %v, told: %v\n%s", moved, booted, set, e.Story(dev))
	}
}

// From a shell: the page by Digest, the number of its field, and a form.
func TestCurlEditsProfileRule(t *testing.T) {
	curl := extproc.Need(t, "curl", "curl")
	e := editable(t, "SPA942")
	ask := func(args ...string) string {
		args = append([]string{"--silent", "--show-error", "--digest", "--user", "admin:secret", "--max-time", "20"}, args...)
		out, err := exec.CommandContext(t.Context(), curl, args...).CombinedOutput()
		if err != nil {
			t.Fatalf("curl: %v\n%s", err, out)
		}
		return string(out)
	}
	url := e.WebURL(0) + "admin/"
	_, rest, _ := strings.Cut(ask(url+"advanced"), "<td>Profile Rule:")
	_, rest, _ = strings.Cut(rest, `name="`)
	field, _, _ := strings.Cut(rest, `"`)
	page := ask("--data-urlencode", field+"="+e.server.URL+"/$MA.xml", url+"asipura.spa")
	if !strings.Contains(page, "SPA is updating your configuration.") {
		t.Errorf("the form is answered\n%s", page)
	}
	v, _ := e.View(0)
	if got, want := <-e.asked, "/"+v.Unit.MAC.String()+".xml"; got != want {
		t.Errorf("the device asks for %s, want %s", got, want)
	}
	e.arrives(t, 0)
}

// A person at a browser logs in, opens the tab Provisioning, edits Profile_Rule and
// submits.
func TestChromiumEditsProfileRule(t *testing.T) {
	c := extproc.OpenChromium(t)
	models := []string{"SPA2102", "PAP2T", "SPA942", "SPA504G", "SPA525G2"}
	e := editable(t, models...)
	for i, m := range models {
		dev := device.Index(i)
		path := "admin/advanced"
		if m == "SPA2102" {
			path = "admin/voice/advanced"
		}
		c.Visit(strings.Replace(e.WebURL(dev), "http://", "http://admin:secret@", 1) + path)
		c.Eval(`[...document.querySelectorAll("span.tab")].find(t => t.textContent == "Provisioning").click()`)
		const rule = `[...document.querySelectorAll("td")].find(t => t.textContent.startsWith("Profile Rule:")).nextElementSibling.firstElementChild`
		if visible := c.Eval(rule + ".offsetHeight > 0"); visible != "true" {
			t.Errorf("%s: the tab Provisioning does not show Profile Rule", m)
		}
		c.Eval(fmt.Sprintf("%s.value = %q", rule, e.server.URL+"/"+m+"/$MA.xml"))
		c.Load("Runtime.evaluate", map[string]any{"expression": `document.querySelector("input[type=submit]").click()`})
		if text := c.Eval("document.body.innerText"); !strings.Contains(text, "SPA is updating your configuration. Unit may reset.") {
			t.Errorf("%s: the browser shows\n%s", m, text)
		}
		v, _ := e.View(dev)
		if got, want := <-e.asked, "/"+m+"/"+v.Unit.MAC.String()+".xml"; got != want {
			t.Errorf("%s asks for %s, want %s", m, got, want)
		}
		e.arrives(t, dev)
	}
}

// An image that was uploaded is the unit's firmware after its restart; of a file that is none
// it restarts too, with its old firmware (surface-2.md §1.2).
func TestUploadedImagesAreInstalled(t *testing.T) {
	e := editable(t, "SPA112", "SPA122")
	old, _ := e.View(1)
	good, err := resync.MakeImage(old.Unit.Row.Model, "1.4.9", 200<<10)
	if err != nil {
		t.Fatal(err)
	}
	for dev, image := range [][]byte{good, good[:len(good)-1]} {
		body, header := uploadOf(t, "file", "new.bin", image)
		addr := strings.TrimSuffix(strings.TrimPrefix(e.WebURL(device.Index(dev)), "http://"), "/")
		if _, err := postAs(addr, "/upgrade.cgi", body, header); err != nil && dev == 0 {
			t.Error(err)
		}
	}
	e.Until(t, "both have rebooted", func(v device.View) bool {
		return v.Reason == device.ByUpgradeOK && v.Unit.Row.Firmware.Version == "1.4.9" || v.Reason == device.ByUpgradeFailed && v.Unit.Row == old.Unit.Row
	})
	for dev, want := range []string{"install new.bin", "install new.bin"} {
		told := ""
		for _, k := range e.Events(device.Index(dev)) {
			if k.Kind == device.Web {
				told += k.Text
			}
		}
		if told != want {
			t.Errorf("unit %d tells %q", dev, told)
		}
	}
	if story := e.Story(1); !strings.Contains(story, "upgrade_failed") || !strings.Contains(story, "boot upgrade_failed") {
		t.Errorf("the other did\n%s", story)
	}
}
