package main

import (
	"bytes"
	"fmt"
	"net/netip"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"

	"spafleet/bench/extproc"
	"spafleet/device"
	"spafleet/device/devicetest"
	"spafleet/fleet"
	"spafleet/fleet/fleettest"
	"spafleet/fsm"
	"spafleet/prov"
)

// An operator is a service provider as the founding documents have it: a TFTP server with
// the first files, one for each model, and a web server with a file for each device,
// which only this device can open, and one encrypted with the key that it brings.
type operator struct {
	tftp string
	web  *nginx
}

// The devices of the three ways, and the names of their first files.
var wayModels = []struct{ model, first string }{{"SPA2102", "spa2102.cfg"}, {"PAP2T", "init.cfg"}, {"SPA942", "spa942.cfg"}}

// newOperator serves the devices that fleets of seed 1 have.
func newOperator(t *testing.T) *operator {
	t.Helper()
	files, pages := readable(t), readable(t)
	p := &operator{web: newNginx(t, pages)}
	pairs := &prov.Pairs{Seed: 7}
	for i, m := range wayModels {
		write(t, filepath.Join(files, m.first), []byte("<flat-profile><Profile_Rule>http://"+p.web.addr+"/first/$MA.cfg</Profile_Rule></flat-profile>"))
		u := device.NewUnit(devicetest.Row(t, m.model, ""), 1, device.Index(i), netip.Addr{})
		pair := pairs.At(u.MAC.String(), 0)
		write(t, filepath.Join(pages, "first", u.MAC.String()+".cfg"), targeted(t, u.MAC.String(), pair, p.web.addr))
		full := fmt.Sprintf("<flat-profile><User_ID_1_>%s</User_ID_1_></flat-profile>", u.MAC)
		write(t, filepath.Join(pages, pair.Dir, "spa"+u.Row.Model.PSN.Value+".cfg"), opensslEncrypt(t, []byte(full), pair.Key))
	}
	p.tftp = dnsmasq(t, files).addr
	p.web.start(t)
	return p
}

// fresh is one unit of each model as it leaves the factory, but for what it is set to: names
// and values in turns.
func fresh(t *testing.T, c fleet.Config, set ...string) *fleettest.Fleet {
	t.Helper()
	c.Seed, c.Web.Listen = 1, true
	for _, m := range wayModels {
		row := devicetest.Turned(t, m.model, "", devicetest.BootsAtOnce())
		sets := map[string]string{"Resync_Random_Delay": "0", "Resync_Periodic": "1"}
		for i := 0; i < len(set); i += 2 {
			sets[set[i]] = set[i+1]
		}
		c.Groups = append(c.Groups, fleet.Group{Name: m.model, Row: row, Count: 1, Presets: sets})
	}
	return fleettest.Run(t, c)
}

// A passage is what a device went through on its way.
type passage struct {
	via   device.Via
	moves []string
	files []string // that it fetched, each once
}

// arrive waits until all devices are in SEC-PRV-2, and returns what each went through.
func (p *operator) arrive(t *testing.T, f *fleettest.Fleet) []passage {
	t.Helper()
	f.Until(t, "SEC-PRV-2 and its own file", func(v device.View) bool {
		return v.State == fsm.SecPrv2 && v.Get("User_ID_1_") == v.Unit.MAC.String()
	})
	var list []passage
	for dev := range wayModels {
		var w passage
		for _, e := range f.Events(device.Index(dev)) {
			switch {
			case e.Kind == device.Moved:
				w.moves = append(w.moves, e.Name())
				if e.Move == fsm.Customized {
					w.via = e.Via
				}
			case e.Kind == device.Fetched && !slices.Contains(w.files, e.File.Path):
				w.files = append(w.files, e.File.Path)
			}
		}
		w.moves = slices.Compact(w.moves) // each secure resync is another
		list = append(list, w)
	}
	return list
}

// same checks that devices went the way of the founding documents: whichever way they
// became SP-CUST, the same moves in the same order, the same files.
func (p *operator) same(t *testing.T, f *fleettest.Fleet, via device.Via) {
	t.Helper()
	log := ""
	for i, w := range p.arrive(t, f) {
		dev := device.Index(i)
		u := f.Unit(dev)
		if w.via != via {
			t.Errorf("%s was customized by %s, want %s\n%s", u.Row.Model.Name, w.via, via, f.Story(dev))
		}
		if want := []string{"customized", "targeted", "keyed", "secured"}; !slices.Equal(w.moves, want) {
			t.Errorf("%s moved %v, want %v\n%s", u.Row.Model.Name, w.moves, want, f.Story(dev))
		}
		pair := (&prov.Pairs{Seed: 7}).At(u.MAC.String(), 0)
		want := []string{"/" + wayModels[i].first, "/first/" + u.MAC.String() + ".cfg", "/" + pair.Dir + "/spa" + u.Row.Model.PSN.Value + ".cfg"}
		if !slices.Equal(w.files, want) {
			t.Errorf("%s fetched %v, want %v\n%s", u.Row.Model.Name, w.files, want, f.Story(dev))
		}
		log += u.UserAgent() + "\n"
	}
	served := p.web.logged(t, 2*len(wayModels))
	for _, agent := range strings.Fields(strings.ReplaceAll(log, " ", "\x00")) {
		if agent = strings.ReplaceAll(agent, "\x00", " "); !bytes.Contains(served, []byte(agent)) {
			t.Errorf("nginx never saw %s", agent)
		}
	}
}

// kea gives leases of 127.65.0.0/16, with a TFTP server in option 66 if there is one, until
// it is stopped.
func kea(t *testing.T, at netip.AddrPort, pool, tftp string) *extproc.Process {
	t.Helper()
	program := extproc.Need(t, "kea-dhcp4", "kea-dhcp4-server")
	dir := t.TempDir()
	config := filepath.Join(dir, "kea.json")
	options := ""
	if tftp != "" {
		options = `{"name": "tftp-server-name", "data": "` + tftp + `"}`
	}
	write(t, config, []byte(`{"Dhcp4": {
 "interfaces-config": {"interfaces": ["lo/127.0.0.1"], "dhcp-socket-type": "udp"},
 "lease-database": {"type": "memfile", "persist": false}, "multi-threading": {"enable-multi-threading": false},
 "subnet4": [{"subnet": "127.65.0.0/16", "pools": [{"pool": "`+pool+`"}], "option-data": [`+options+`]}],
 "loggers": [{"name": "kea-dhcp4", "output_options": [{"output": "stdout"}], "severity": "WARN"}]}}`))
	port := strconv.Itoa(int(at.Port()))
	cmd := exec.Command(program, "-c", config, "-p", port, "-P", port)
	cmd.Env = append(os.Environ(), "KEA_PIDFILE_DIR="+dir, "KEA_LOCKFILE_DIR="+dir)
	return extproc.Run(t, cmd, func() bool {
		sockets, err := os.ReadFile("/proc/net/udp")
		return err == nil && bytes.Contains(sockets, fmt.Appendf(nil, "0100007F:%04X", at.Port()))
	})
}

// leased is a fleet whose devices ask the DHCP server at an address.
func leased(at netip.AddrPort) fleet.Config {
	return fleet.Config{Addresses: netip.MustParsePrefix("127.65.0.0/16"), Source: fleet.Source{DHCP: fleet.DHCP{Relay: at}}}
}

// The first way into SP-CUST: a DHCP server names the operator's TFTP server, which has a
// file for each model.
func TestTheWayByDHCP(t *testing.T) {
	p := newOperator(t)
	at := netip.MustParseAddrPort(free(t))
	kea(t, at, "127.65.1.0/24", p.tftp)
	f := fresh(t, leased(at))
	p.same(t, f, device.ViaDHCP)
	for dev := range wayModels {
		if v, _ := f.View(device.Index(dev)); !netip.MustParsePrefix("127.65.1.0/24").Contains(v.Unit.IP) {
			t.Errorf("device %d has the address %s, which is not of the server's pool", dev, v.Unit.IP)
		}
	}
}

// The second way: somebody opens /admin/resync with server and path, as in
// http://x.x.x.x/admin/resync?prvserv/spa2102.cfg of the founding documents.
func TestTheWayByURL(t *testing.T) {
	curl := extproc.Need(t, "curl", "curl")
	p := newOperator(t)
	f := fresh(t, fleet.Config{})
	for i, m := range wayModels {
		url := f.WebURL(device.Index(i)) + "admin/resync?" + p.tftp + "/" + m.first
		if out, err := exec.CommandContext(t.Context(), curl, "--silent", "--show-error", "--fail", "--max-time", "20", url).CombinedOutput(); err != nil {
			t.Fatalf("curl %s: %v\n%s", url, err, out)
		}
	}
	p.same(t, f, device.ViaURL)
}

// The third way: somebody edits Profile_Rule in a browser, as in prserv/spa2102.cfg.
func TestTheWayByEdit(t *testing.T) {
	p := newOperator(t)
	f := fresh(t, fleet.Config{})
	c := extproc.OpenChromium(t)
	for i, m := range wayModels {
		path := "admin/advanced"
		if m.model == "SPA2102" {
			path = "admin/voice/advanced"
		}
		c.Visit(f.WebURL(device.Index(i)) + path)
		c.Eval(`[...document.querySelectorAll("span.tab")].find(t => t.textContent == "Provisioning").click()`)
		const rule = `[...document.querySelectorAll("td")].find(t => t.textContent.startsWith("Profile Rule:")).nextElementSibling.firstElementChild`
		c.Eval(rule + ".value = " + strconv.Quote(p.tftp+"/"+m.first))
		c.Load("Runtime.evaluate", map[string]any{"expression": `document.querySelector("input[type=submit]").click()`})
	}
	p.same(t, f, device.ViaEdit)
}

// A unit that is sold for remote customization asks the maker's server on its first start,
// which names the provider's company. A factory reset brings the unit back to the provider.
func TestAUnitForRemoteCustomization(t *testing.T) {
	pages := readable(t)
	web := newNginx(t, pages)
	write(t, filepath.Join(pages, "rc"), []byte("<flat-profile><Customization>Example Voice</Customization><Profile_Rule>http://"+web.addr+"/isp/$MA.xml</Profile_Rule></flat-profile>"))
	c := fleet.Config{Seed: 1, Speed: 120} // half a second stands for the minute until they ask again
	for i, model := range []string{"SPA2102", "SPA942"} {
		row := devicetest.Turned(t, model, "", devicetest.BootsAtOnce())
		u := device.NewUnit(row, 1, device.Index(i), netip.Addr{})
		write(t, filepath.Join(pages, "isp", u.MAC.String()+".xml"), []byte("<flat-profile><User_ID_1_>"+u.MAC.String()+"</User_ID_1_></flat-profile>"))
		c.Groups = append(c.Groups, fleet.Group{Name: model, Row: row, Count: 1, Presets: map[string]string{"Resync_Random_Delay": "0"},
			RCURL: "http://" + web.addr + "/rc?id=$MAU:$SN:$PN"})
	}
	f := fleettest.Run(t, c)
	f.Until(t, "nobody has answered, and the Info page says Pending", func(v device.View) bool {
		return v.Customization == "Pending" && v.State == fsm.MfgReset
	})
	web.start(t)
	provided := func(v device.View) bool {
		return v.Customization == "Example Voice" && v.Get("User_ID_1_") == v.Unit.MAC.String() && strings.Contains(v.Get("Profile_Rule"), "/isp/")
	}
	f.Until(t, "the provider's company and file", provided)
	for dev := range c.Groups {
		before := len(f.Events(device.Index(dev)))
		f.Do(t, device.Index(dev), device.FactoryReset)
		f.Until(t, "the provider's again after a factory reset", func(v device.View) bool {
			return v.Unit.Index != device.Index(dev) || provided(v) && len(f.Events(v.Unit.Index)) > before+2
		})
		vias := []device.Via{}
		for _, e := range f.Events(device.Index(dev)) {
			if e.Kind == device.Moved && e.Move == fsm.Customized {
				vias = append(vias, e.Via)
			}
		}
		if !slices.Equal(vias, []device.Via{device.ViaRC, device.ViaRC}) {
			t.Errorf("customized by %v, want twice by remote customization\n%s", vias, f.Story(device.Index(dev)))
		}
	}
	log := web.logged(t, 4)
	for dev := range c.Groups {
		u := f.Unit(device.Index(dev))
		if ask := "GET /rc?id=" + u.MAC.Upper() + ":" + u.Serial + ":" + u.Row.Model.PN.Value; !bytes.Contains(log, []byte(ask)) {
			t.Errorf("nginx never saw %s\n%s", ask, log)
		}
	}
}
