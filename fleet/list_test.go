package fleet_test

import (
	"context"
	"fmt"
	"net/netip"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"spafleet/device"
	"spafleet/device/devicetest"
	"spafleet/device/inventory"
	"spafleet/device/model"
	"spafleet/fleet"
	"spafleet/fleet/state"
	"spafleet/fsm"
	"spafleet/resync"
)

// read reads a list of devices.
func read(t testing.TB, text string) *inventory.List {
	t.Helper()
	l, err := inventory.Read([]byte(text), "phones.csv", "")
	if err != nil {
		t.Fatal(err)
	}
	return l
}

// listed is the fleet of a list, with presets over which the list's values go.
func listed(t testing.TB, l *inventory.List, presets ...string) fleet.Config {
	t.Helper()
	c := fleet.Config{Seed: 1, List: l}
	for _, g := range l.Groups() {
		r := row(t, g.Row.Model.Name, g.Row.Firmware.Version, devicetest.BootsAtOnce())
		c.Groups = append(c.Groups, fleet.Group{Name: g.Name, Row: r, Count: g.Count, Presets: settings(append(slices.Clone(atOnce), presets...)...)})
	}
	return c
}

const three = `mac,model,firmware,serial,group,address,param:GPP_A,profile_rule
00:0e:08:00:00:0a,SPA2102,5.2.10,FM500G100001,homes,127.80.0.9,own,http://192.0.2.5/$MA
00:0e:08:00:00:0b,SPA942,,88019FA00001,desk,127.80.0.5,,
00:0e:08:00:00:0c,SPA2102,5.2.10,FM500G100002,homes,127.80.0.7,,
`

// Devices of a list are who it says, in the order of its lines, and are set to what it
// says over what their group is set to; after a factory reset too.
func TestListedDevicesAreWhoTheListSays(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n := newNetwork()
		n.put("/a", profileOf("GPP_B=1", "GPP_A=given"))
		n.put("/000e0800000a", profileOf("GPP_B=2"))
		s := start(t, n, listed(t, read(t, three), "GPP_A=all"))
		<-time.After(time.Second)
		for dev, want := range []string{
			"000e0800000a FM500G100001 127.80.0.9 SPA2102 homes: own 2 http://192.0.2.5/$MA",
			"000e0800000b 88019FA00001 127.80.0.5 SPA942 desk: given 1 http://192.0.2.5/a",
			"000e0800000c FM500G100002 127.80.0.7 SPA2102 homes: given 1 http://192.0.2.5/a",
		} {
			dev := device.Index(dev)
			who := func() string {
				v := s.view(dev)
				return fmt.Sprintf("%s %s %s %s %s: %s %s %s", v.Unit.MAC, v.Unit.Serial, v.Unit.IP, v.Unit.Row.Model.Name, s.f.Group(dev).Name, s.value(dev, "GPP_A"), s.value(dev, "GPP_B"), s.value(dev, "Profile_Rule"))
			}
			if got := who(); got != want {
				t.Errorf("device %d: %s\nwant %s", dev, got, want)
			}
			if u := s.f.Unit(dev); u.MAC != s.view(dev).Unit.MAC || s.f.MAC(dev) != u.MAC {
				t.Errorf("device %d is %s, %s and %s", dev, u.MAC, s.f.MAC(dev), s.view(dev).Unit.MAC)
			}
			if v, ok := s.f.At(s.view(dev).Unit.IP); !ok || v.Unit.Index != dev {
				t.Errorf("at its address is device %d, %t", v.Unit.Index, ok)
			}
			s.do(dev, device.FactoryReset)
			<-time.After(time.Second)
			if got := who(); got != want {
				t.Errorf("device %d after a factory reset: %s\nwant %s", dev, got, want)
			}
			if state := s.view(dev).State; state != fsm.SpCust {
				t.Errorf("device %d is in %s", dev, state)
			}
		}
	})
}

// A device whose list sets its rule is customized by it, one of its group that it says
// nothing of is not.
func TestAListedRuleCustomizesItsDevice(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := listed(t, read(t, three))
		for i := range c.Groups {
			delete(c.Groups[i].Presets, "Profile_Rule")
		}
		s := start(t, newNetwork(), c)
		<-time.After(time.Second)
		for dev, want := range []fsm.State{fsm.SpCust, fsm.MfgReset, fsm.MfgReset} {
			if got := s.view(device.Index(dev)).State; got != want {
				t.Errorf("device %d is in %s, not in %s", dev, got, want)
			}
		}
	})
}

// twelve are the devices of restless, as a list has them: mixed.
func twelve(t *testing.T) (*inventory.List, func() []fleet.Group) {
	names, models := []string{"atas", "phones", "daily"}, []string{"SPA2102,5.2.10", "SPA942,6.1.5(a)", "SPA504G,7.5.5"}
	var b strings.Builder
	b.WriteString("mac,group,model,firmware,param:GPP_P\n")
	for i := range 12 {
		fmt.Fprintf(&b, "000e080000%02x,%s,%s,own %d\n", 3*i, names[i%3], models[i%3], i)
	}
	return read(t, b.String()), func() []fleet.Group {
		groups := restless(t)
		for i := range groups {
			groups[i].Count = 4
		}
		return groups
	}
}

// A fleet of a list resumes as any other, and only as that of the same list.
func TestAnInterruptedFleetOfAListDoesWhatAnotherDoes(t *testing.T) {
	l, groups := twelve(t)
	whole := career{groups: groups, list: l, n: newNetwork(), loops: 2, every: 24 * time.Hour, spells: []spell{{lasts: 30 * time.Hour}}}
	whole.n.put("/a", profileOf("GPP_A=1"))
	parts := whole
	parts.spells = []spell{{lasts: 7 * time.Hour}, {lasts: 23 * time.Hour}}
	parts.loops = 3
	want, got := whole.live(t), parts.live(t)
	for dev := range device.Index(12) {
		a, b := contactsOf(want, dev), contactsOf(got, dev)
		if !slices.Equal(a, b) || len(a) < 2 {
			t.Errorf("device %d: contacts %v\nwithout interruption %v", dev, b, a)
		}
		if v := got.view(dev); v.Unit.MAC != (model.MAC{0, 0x0e, 8, 0, 0, byte(3 * dev)}) || got.value(dev, "GPP_P") != fmt.Sprintf("own %d", dev) {
			t.Errorf("device %d is %s with %q", dev, v.Unit.MAC, got.value(dev, "GPP_P"))
		}
	}
}

func TestAStateOfAnotherListIsRefused(t *testing.T) {
	file := filepath.Join(t.TempDir(), "x")
	c := listed(t, read(t, three))
	c.Network, c.Save.File = newNetwork(), file
	synctest.Test(t, func(t *testing.T) {
		f, err := fleet.New(c)
		if err != nil {
			t.Fatal(err)
		}
		ctx, stop := context.WithTimeout(t.Context(), time.Minute)
		defer stop()
		if err := f.Run(ctx); err != nil {
			t.Fatal(err)
		}
	})
	resume := func(l *inventory.List) error {
		saved, err := state.Open(file)
		if err != nil {
			t.Fatal(err)
		}
		defer saved.Close()
		again := listed(t, read(t, three))
		if again.List = l; l != nil {
			again = listed(t, l)
		}
		again.Network, again.Resume = newNetwork(), saved
		_, err = fleet.New(again)
		return err
	}
	for change, want := range map[[2]string]string{
		{"0a,SPA2102", "0d,SPA2102"}:                  "the list of the devices, or a range, has changed",
		{"FM500G100002", "FM500G100003"}:              "the list of the devices, or a range, has changed",
		{"127.80.0.7", "127.80.0.8"}:                  "the list of the devices, or a range, has changed",
		{",own,", ",other,"}:                          "the list of the devices, or a range, has changed",
		{"desk", "hall"}:                              `the name is hall here and was desk`,
		{"5.2.10,FM500G100001", "5.2.5,FM500G100001"}: "the number of groups is 3 here and was 2",
		{"param:GPP_A", "PARAM:gpp_a"}:                "",
	} {
		text := strings.Replace(three, change[0], change[1], 1)
		if change[1] == "PARAM:gpp_a" {
			text = strings.Replace(three, change[0], "PARAM:GPP_A", 1) + "\n"
		}
		err := resume(read(t, text))
		if want == "" && err != nil || want != "" && (err == nil || !strings.Contains(err.Error(), want)) {
			t.Errorf("%v: %v, want %q", change, err, want)
		}
	}
	if err := resume(nil); err == nil || !strings.Contains(err.Error(), "the devices follow from the seed here and were those of a list or of ranges") {
		t.Errorf("without a list: %v", err)
	}
}

// Each shard has the list's devices whose numbers are its own.
func TestShardsOfAListAreTheList(t *testing.T) {
	l := read(t, three)
	seen := map[model.MAC]int{}
	for i := range 2 {
		c := listed(t, l)
		c.Network, c.Shard = newNetwork(), device.Shard{Index: i, Count: 2}
		f, err := fleet.New(c)
		if err != nil {
			t.Fatal(err)
		}
		for dev := range device.Index(3) {
			if v, ok := f.View(dev); ok {
				seen[v.Unit.MAC]++
				if int(dev)%2 != i || v.Unit.MAC != l.MAC(nil, 0, dev) {
					t.Errorf("device %d, %s, is in shard %d", dev, v.Unit.MAC, i)
				}
			}
		}
	}
	if len(seen) != 3 {
		t.Errorf("%v", seen)
	}
}

func TestGroupsThatAreNotTheListsAreRefused(t *testing.T) {
	for name, change := range map[string]func(*fleet.Config){
		"count":    func(c *fleet.Config) { c.Groups[0].Count = 5 },
		"model":    func(c *fleet.Config) { c.Groups[0].Row = row(t, "PAP2T", "", nil) },
		"firmware": func(c *fleet.Config) { c.Groups[0].Row = row(t, "SPA2102", "5.2.5", nil) },
		"order":    func(c *fleet.Config) { slices.Reverse(c.Groups) },
		"more":     func(c *fleet.Config) { c.Groups = append(c.Groups, fleet.Group{Row: c.Groups[0].Row}) },
		"fewer":    func(c *fleet.Config) { c.Groups = c.Groups[:1] },
	} {
		c := listed(t, read(t, three))
		c.Network = newNetwork()
		change(&c)
		if _, err := fleet.New(c); err == nil || !strings.Contains(err.Error(), "the groups are not those of phones.csv") {
			t.Errorf("another %s: %v", name, err)
		}
	}
}

// Where the listed addresses are not this machine's, all devices ask from one.
func TestListedAddressesAreTried(t *testing.T) {
	if runtime.GOOS == "linux" && !fleet.NewAddresses(netip.Prefix{}, read(t, three), nil).CanBind() {
		t.Error("no loopback address of the list can be bound")
	}
	if fleet.NewAddresses(netip.Prefix{}, read(t, strings.Replace(three, "127.80.0.7", "198.51.100.7", 1)), nil).CanBind() {
		t.Error("198.51.100.7 is none of this machine's")
	}
}

// ownList lists devices of which each has a serial number, a rule and two parameters of
// its own.
func ownList(t testing.TB, devices int) *inventory.List {
	var b strings.Builder
	b.WriteString("mac,model,firmware,serial,profile_rule,param:User_ID_1_,param:Display_Name_1_\n")
	for i := range devices {
		fmt.Fprintf(&b, "00:0e:08:%02x:%02x:%02x,SPA2102,5.2.10,FM500G1%05d,http://127.0.0.1/a?customer=%d&mac=$MA,%d,Desk %d\n", i>>16, i>>8&255, i&255, i, i, 100_000+i, i)
	}
	return read(t, b.String())
}

// A list's device may cost 400 bytes, what is listed of it and a profile included.
func TestListedDeviceCostsLittle(t *testing.T) {
	const devices = 10_000
	n := newNetwork()
	row(t, "SPA2102", "", nil) // the catalogue is no device's
	heap := heapBytes()
	c := listed(t, ownList(t, devices), "Resync_Periodic=3600")
	c.Network, c.Outstanding = listQuiet{quiet{n}}, 100
	f, err := fleet.New(c)
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error, 1)
	go func() { done <- f.Run(ctx) }()
	idle := func() bool {
		for dev := device.Index(devices); dev > 0; dev-- {
			if v, _ := f.View(dev - 1); v.Resyncs.OK == 0 || v.Due == 0 {
				return false
			}
		}
		return true
	}
	limit, stop := context.WithTimeout(ctx, patience)
	defer stop()
	if err := f.Await(limit, idle); err != nil {
		t.Fatal(err)
	}
	each := (heapBytes() - heap) / devices
	t.Logf("%d bytes per idle device", each)
	if each > 400 {
		t.Errorf("%d bytes per idle device of a list, want at most 400", each)
	}
	cancel()
	if err := <-done; err != nil {
		t.Fatal(err)
	}
}

// listQuiet has a profile at every path.
type listQuiet struct{ quiet }

func (listQuiet) Fetch(context.Context, *resync.Request) (resync.Response, error) {
	return resync.Response{Status: 200, Body: []byte(profileOf("Resync_Periodic=7200", "GPP_A=1", "GPP_B=2", "GPP_C=3"))}, nil
}
