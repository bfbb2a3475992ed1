package fleet_test

import (
	"testing"
	"time"

	"spafleet/device"
	"spafleet/fleet"
)

// phonesWithADictionary are phones of several makes, and a picture for each.
func phonesWithADictionary(t *testing.T) []fleet.Group {
	presets := settings("Profile_Rule=http://192.0.2.5/a", "Resync_Periodic=600", "Resync_Random_Delay=0", "Language_Selection=French",
		"Dictionary_Server_Script=serv=http://192.0.2.5/;d1=French;x1=fr.xml", "BMP_Picture_Download_URL=http://192.0.2.5/logo.bmp", "Select_Logo=BMP Picture")
	return []fleet.Group{
		{Name: "old", Row: row(t, "SPA942", "6.1.5(a)", nil), Count: 3, Presets: presets},
		{Name: "new", Row: row(t, "SPA504G", "7.5.5", nil), Count: 3, Presets: presets},
	}
}

// What is in a phone's flash is there after the program was away: nothing is asked
// for again. A phone that had not got its dictionary goes on trying.
func TestResumedPhonesKeepTheirFiles(t *testing.T) {
	c := career{groups: func() []fleet.Group { return phonesWithADictionary(t) }, n: newNetwork(), loops: 2,
		spells: []spell{{lasts: 100 * time.Second}, {lasts: time.Hour, away: time.Hour}, {lasts: time.Hour}}}
	c.n.put("/a", profileOf("GPP_A=1"))
	c.n.put("/logo.bmp", "BM")
	s := c.live(t)
	counts := map[string]int{}
	for dev := range device.Index(6) {
		for _, e := range s.of(dev, device.Fetched, device.FetchFailed) {
			if e.File.Param != "" {
				counts[e.Name()+" "+e.File.What+" by "+e.Cause.String()]++
			}
		}
	}
	want := map[string]int{"fetch picture by change": 6, "fetch_failed dictionary by change": 6, "fetch_failed dictionary by retry": 12}
	for what, n := range want {
		if counts[what] != n {
			t.Errorf("%s: %d, want %d", what, counts[what], n)
		}
	}
	if len(counts) != len(want) {
		t.Errorf("%v, want %v", counts, want)
	}
}
