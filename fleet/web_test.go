package fleet_test

import (
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"spafleet/device"
	"spafleet/device/devicetest"
	"spafleet/device/model"
	"spafleet/fleet"
)

// webFleet runs devices that do nothing but answer on the web.
func webFleet(t *testing.T, count int) *stand {
	s := start(t, newNetwork(), fleet.Config{Groups: []fleet.Group{ata(t, count, "Resync_On_Reset=No")}, Web: fleet.Web{Listen: true}})
	s.await("power", func() bool { return s.count(device.PowerOn) == count })
	return s
}

// get asks for a page and returns all that comes: nothing where the connection is
// reset, which may be noticed at any moment.
func get(t *testing.T, addr, path string) string {
	t.Helper()
	c, err := net.DialTimeout("tcp4", addr, patience)
	if errors.Is(err, syscall.ECONNRESET) {
		return ""
	}
	if err != nil {
		t.Error(err)
		return ""
	}
	defer c.Close()
	c.SetDeadline(time.Now().Add(patience))
	fmt.Fprintf(c, "GET %s HTTP/1.1\r\nHost: %s\r\n\r\n", path, addr)
	answer, err := io.ReadAll(c)
	if err != nil && !errors.Is(err, syscall.ECONNRESET) {
		t.Error(err)
	}
	return string(answer)
}

func TestEachAddressIsADevicesWebServer(t *testing.T) {
	s := webFleet(t, 300)
	for _, dev := range []device.Index{0, 1, 255, 299} {
		v := s.view(dev)
		addr := fmt.Sprintf("%s:%d", v.Unit.IP, s.f.WebPort())
		if want := "http://" + addr + "/"; s.f.WebURL(dev) != want {
			t.Errorf("WebURL %s, want %s", s.f.WebURL(dev), want)
		}
		if page := get(t, addr, "/"); !strings.Contains(page, v.Unit.Serial) {
			t.Errorf("%s: no serial number %s on the page", addr, v.Unit.Serial)
		}
	}
	s.do(1, device.SwitchOff)
	s.await("power loss", func() bool { return !s.view(1).Powered })
	for what, addr := range map[string]string{"without power": "127.64.0.2", "beyond the fleet": "127.64.2.0", "no device's": "127.0.0.1"} {
		if page := get(t, fmt.Sprintf("%s:%d", addr, s.f.WebPort()), "/"); page != "" {
			t.Errorf("%s, %s, answers %q", addr, what, page)
		}
	}
}

func TestWebPageOrdersAResync(t *testing.T) {
	s := webFleet(t, 1)
	get(t, fmt.Sprintf("127.64.0.1:%d", s.f.WebPort()), "/admin/resync?http://192.0.2.5/x.cfg")
	s.await("the transfer", func() bool { return s.view(0).Resyncs.Failed == 1 })
	if e := s.of(0, device.ResyncStarted)[0]; e.Cause != model.ByWeb {
		t.Errorf("cause %s", e.Cause)
	}
}

// An XML push comes by the web server, is logged as the phone logs it, and starts a
// resync of its own cause.
func TestXMLPushOrdersAResync(t *testing.T) {
	phones := fleet.Group{Name: "phones", Row: row(t, "SPA504G", "7.5.5", devicetest.BootsAtOnce()), Count: 2,
		Presets: settings(append(slices.Clone(atOnce), "Resync_On_Reset=No", "Debug_Server=192.0.2.9")...)}
	s := start(t, newNetwork(), fleet.Config{Groups: []fleet.Group{phones}, Web: fleet.Web{Listen: true}})
	s.await("power", func() bool { return s.count(device.PowerOn) == 2 })
	body := "XML=" + url.QueryEscape(`<CiscoIPPhoneExecute><ExecuteItem URL="Resync:http://192.0.2.5/x.cfg"/></CiscoIPPhoneExecute>`)
	answer, err := http.Post(fmt.Sprintf("http://127.64.0.2:%d/CGI/Execute", s.f.WebPort()), "application/x-www-form-urlencoded", strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	page, err := io.ReadAll(answer.Body)
	answer.Body.Close()
	if err != nil || !strings.Contains(string(page), `<ResponseItem Status="0" Data="" URL="Resync:http://192.0.2.5/x.cfg"/>`) {
		t.Errorf("the answer is %s, %v", page, err)
	}
	s.await("the transfer", func() bool { return s.view(1).Resyncs.Failed == 1 })
	web, started := s.of(1, device.Web), s.of(1, device.ResyncStarted)
	if len(web) != 1 || web[0].Cause != model.ByXMLPush || web[0].Text != "resync http://192.0.2.5/x.cfg" || started[0].Cause != model.ByXMLPush {
		t.Errorf("told %+v and %+v", web, started)
	}
	if lines := s.of(1, device.Syslog); !slices.ContainsFunc(lines, func(e device.Event) bool { return e.Text == "CMXAPP:Resync:http://192.0.2.5/x.cfg" }) {
		t.Errorf("logged %+v", lines)
	}
	if s.count(device.Web) != 1 || len(s.of(0, device.ResyncStarted)) != 0 {
		t.Errorf("the other phone did %s", s.story(0))
	}
}

// A poller that asks every unit of a fleet gets each one's own document.
func TestEveryUnitOfAFleetAnswersThePoller(t *testing.T) {
	const count, pollers = 1000, 8
	units := fleet.Group{Name: "units", Row: row(t, "SPA112", "", devicetest.BootsAtOnce()), Count: count,
		Presets: settings(append(slices.Clone(atOnce), "Resync_On_Reset=No")...)}
	s := start(t, newNetwork(), fleet.Config{Groups: []fleet.Group{units}, Web: fleet.Web{Listen: true}})
	s.await("power", func() bool { return s.count(device.PowerOn) == count })
	serials := make([]string, count)
	for dev := range serials {
		serials[dev] = s.view(device.Index(dev)).Unit.Serial
	}
	var all sync.WaitGroup
	for p := range pollers {
		all.Go(func() {
			for dev := p; dev < count; dev += pollers {
				addr := strings.TrimSuffix(strings.TrimPrefix(s.f.WebURL(device.Index(dev)), "http://"), "/")
				if page := get(t, addr, "/admin/status.xml&xuser=admin&xpassword=admin"); !strings.Contains(page, "<Serial_Number>"+serials[dev]+"</Serial_Number>") {
					t.Errorf("%s answers %.300s", addr, page)
				}
			}
		})
	}
	all.Wait()
}

func TestUsedWebPortIsAnError(t *testing.T) {
	s := webFleet(t, 1)
	f, err := fleet.New(fleet.Config{Network: newNetwork(), Groups: []fleet.Group{ata(t, 1)}, Web: fleet.Web{Listen: true, Port: s.f.WebPort()}})
	if err != nil {
		t.Fatal(err)
	}
	if err := f.Open(); err == nil || !strings.Contains(err.Error(), fmt.Sprint(s.f.WebPort())) {
		t.Errorf("error %v, want one that names the port", err)
	}
}
