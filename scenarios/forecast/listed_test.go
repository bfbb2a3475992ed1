package forecast_test

import (
	"fmt"
	"strings"
	"testing"

	"spafleet/device"
	"spafleet/device/inventory"
	"spafleet/scenarios"
	"spafleet/scenarios/forecast"
)

// listed is a scenario of a list of devices.
func listed(t *testing.T, text string, set ...scenarios.Preset) *scenarios.Scenario {
	t.Helper()
	l, err := inventory.Read([]byte(text), "phones.csv", "")
	if err != nil {
		t.Fatal(err)
	}
	s := &scenarios.Scenario{Name: "listed", Seed: 1, Duration: 1}
	s.List(l)
	for i := range s.Fleet {
		s.Fleet[i].Set = set
	}
	return s
}

// What each device of a list is set to counts, not what its group is.
func TestTheForecastOfAListIsOfItsDevices(t *testing.T) {
	var b strings.Builder
	b.WriteString("mac,model,group,profile_rule,param:Resync_On_Reset,param:Resync_Random_Delay,param:GPP_A\n")
	for i := range 3000 {
		rule, reset, delay := fmt.Sprintf("http://$A:8080/%d", i), "Yes", "0"
		switch i % 10 {
		case 3:
			reset = "No"
		case 5:
			delay = "2"
		}
		if i == 2999 {
			rule = "https://10.9.9.9/$MA"
		}
		fmt.Fprintf(&b, "%012x,SPA942,g%d,%s,%s,%s,10.0.0.%d\n", 0x000e08000000+i, i%3, rule, reset, delay, 1+i%50)
	}
	f, err := forecast.Of(listed(t, b.String()), scenarios.Machine{})
	if err != nil {
		t.Fatal(err)
	}
	if f.Devices != 3000 || len(f.Models) != 1 || f.Models[0].Devices != 3000 {
		t.Errorf("%d devices, %+v", f.Devices, f.Models)
	}
	hosts := map[string]bool{}
	for _, c := range f.Contacts {
		hosts[c.Host] = true
	}
	if len(hosts) != 51 || !hosts["10.0.0.50"] || !hosts["10.9.9.9"] {
		t.Errorf("%d hosts: %v", len(hosts), hosts)
	}
	// A sample is within some percent of what it stands for, and all of it is counted.
	near := func(what string, got, want float64) {
		if got < want*0.95 || got > want*1.05 {
			t.Errorf("%s: %.1f, want about %.1f", what, got, want)
		}
	}
	near("at once", float64(f.Start.AtOnce), 2400)
	near("waiting", float64(f.Start.Waiting), 300)
	near("with a delay", f.Start.PerSecond*f.Start.Window, 300)
	if !f.Certificates.Known {
		t.Error("one device asks by https, and no certificate is foreseen")
	}
	if len(f.Misfits) == 0 || !strings.Contains(f.Misfits[0].Flag, "Operator") {
		t.Errorf("3000 devices would contact servers off this machine: %+v", f.Misfits)
	}
	whole := 0
	for i := range 4 {
		s, err := forecast.Of(listed(t, b.String()), scenarios.Machine{Shard: device.Shard{Index: i, Count: 4}})
		if err != nil {
			t.Fatal(err)
		}
		whole += s.Devices
		near("at once in a shard", float64(s.Start.AtOnce), 600)
	}
	if whole != 3000 {
		t.Errorf("shards have %d devices", whole)
	}
}

// Addresses of a list are shown as they are, and need not fit a prefix.
func TestTheForecastKnowsListedAddresses(t *testing.T) {
	f, err := forecast.Of(listed(t, "mac,model,address\n000e08000001,SPA942,198.51.100.9\n000e08000002,SPA942,198.51.100.7\n"), scenarios.Machine{})
	if err != nil {
		t.Fatal(err)
	}
	if a := f.Addresses; a.First != "198.51.100.7" || a.Last != "198.51.100.9" || a.Own || a.Prefix != "" {
		t.Errorf("%+v", a)
	}
}

// Some devices of a group have no server, and the note says how many.
func TestNotesOfAListCountItsDevices(t *testing.T) {
	s := listed(t, "mac,model,profile_rule\n000e08000001,SPA2102,http://h/x\n000e08000002,SPA2102,\n000e08000003,SPA2102,http://h/$MAUX\n")
	s.Fleet[0].NoLease = true
	p, err := scenarios.NewPlan(s)
	if err != nil {
		t.Fatal(err)
	}
	notes, err := forecast.Notes(p, &scenarios.Machine{})
	if err != nil {
		t.Fatal(err)
	}
	text := strings.Join(notes, "\n")
	for _, want := range []string{"about 1 of 3 SPA2102 5.2.12 of devices have no server when they start", "Profile_Rule of SPA2102 5.2.12: $MAUX is no macro"} {
		if !strings.Contains(text, want) {
			t.Errorf("%s\nwant %s", text, want)
		}
	}
}

// One device of a large fleet, run alone, is no crowd.
func TestADeviceAloneIsNoCrowd(t *testing.T) {
	s := &scenarios.Scenario{Name: "x", Seed: 1, Duration: 1, Fleet: []scenarios.Group{{Name: "a", Model: "SPA942", Count: 5000, Set: []scenarios.Preset{{Name: "Profile_Rule", Value: "http://10.0.0.1/x"}}}}}
	p, err := scenarios.NewPlan(s)
	if err != nil {
		t.Fatal(err)
	}
	for shard, refused := range map[device.Shard]bool{{}: true, {Index: 1, Count: 5000}: true, device.Only(4711, 5000): false} {
		m := &scenarios.Machine{Shard: shard}
		if err := forecast.Permitted(p, forecast.Guard(p, m), m); (err != nil) != refused {
			t.Errorf("%+v: %v", shard, err)
		}
	}
}
