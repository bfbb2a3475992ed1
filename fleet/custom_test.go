package fleet_test

import (
	"slices"
	"strings"
	"testing"
	"time"

	"spafleet/device"
	"spafleet/device/model"
	"spafleet/fleet"
)

// rcURL is a customization server of these tests.
const rcURL = "http://192.0.2.7/rc/$PN"

var acme = map[string]string{
	"/rc/SPA-2102": profileOf("Profile_Rule=http://192.0.2.5/$ISCUST", "GPP_A=acme", "Customization=Acme Telecom"),
	"/1":           profileOf("GPP_B=1"),
}

// asked returns when a device asked for files of a kind.
func asked(s *stand, what string) (list []time.Duration) {
	booted := s.of(0, device.Boot)[0].At
	for _, e := range s.of(0, device.Fetched, device.FetchFailed) {
		if e.File.What == what {
			list = append(list, time.Duration(e.At-booted))
		}
	}
	return list
}

func TestCustomizationComesBeforeTheFirstResync(t *testing.T) {
	tl := timeline{rc: rcURL, bare: true, files: acme, lasts: 30 * time.Minute, set: []string{"Resync_Random_Delay=2"},
		moves: []move{{after: 10 * time.Minute, order: device.SetParams, pairs: []string{"GPP_A=mine", "GPP_C=mine"}}, {after: 20 * time.Minute, order: device.FactoryReset}}}
	_, s := tl.run(t)
	want := "power_on boot:power customized:rc boot:customization start:power_on ok " +
		"factory-reset customized:rc boot:factory_reset start:power_on ok"
	if got := s.story(0); got != want {
		t.Errorf("story %s\nwant  %s", got, want)
	}
	v := s.view(0)
	if v.Customization != "Acme Telecom" {
		t.Errorf("Customization is %q", v.Customization)
	}
	for name, want := range map[string]string{"GPP_A": "acme", "GPP_B": "1", "GPP_C": ""} {
		if got := s.value(0, name); got != want {
			t.Errorf("after a factory reset %s = %q, want %q", name, got, want)
		}
	}
	if got := asked(s, "customization"); !slices.Equal(got, []time.Duration{0}) {
		t.Errorf("asked the customization server after %v, want at once and never again", got)
	}
	if code := s.of(0, device.Boot)[1].Reason.Code(); !strings.HasSuffix(code, "400000") {
		t.Errorf("reboot code %s", code)
	}
}

func TestUncustomizedUnitStaysPendingOrOpens(t *testing.T) {
	const s = time.Second
	retries := []time.Duration{0, 60 * s, 180 * s, 420 * s, 2220 * s, 4020 * s}
	tests := []struct {
		name     string
		tl       timeline
		rc       []time.Duration
		contacts []contact
		shows    string
	}{
		{"no file", timeline{files: served}, retries, nil, "Pending"},
		{"no file, by switch", timeline{files: served, switches: map[string]string{"rc_after_fnf": "open"}}, []time.Duration{0}, []contact{atBoot}, "Open"},
		{"a corrupt file", timeline{files: map[string]string{"/rc/SPA-2102": "<flat-profile>"}}, retries, nil, "Pending"},
		{"a corrupt file, by switch", timeline{files: map[string]string{"/rc/SPA-2102": "<flat-profile>"}, switches: map[string]string{"rc_after_fnf": "open"}}, retries, nil, "Pending"},
		{"a silent server", timeline{down: true}, retries, nil, "Pending"},
		{"an ordered resync begins the wait again", timeline{files: served, moves: []move{{after: 100 * s, order: device.Resync}}},
			[]time.Duration{0, 60 * s, 340 * s, 2140 * s, 3940 * s}, []contact{{100 * s, model.ByStep}}, "Pending"},
		{"a reboot", timeline{files: served, moves: []move{{after: 2000 * s, order: device.Reboot}}},
			[]time.Duration{0, 60 * s, 180 * s, 420 * s, 2012 * s, 2072 * s, 2192 * s, 2432 * s, 4232 * s}, nil, "Pending"},
		{"a trigger", timeline{files: served, set: []string{"Resync_Trigger_1=true"}}, retries, nil, "Pending"},
		{"firmware that does not know it", timeline{files: served, model: "SPA941", firmware: "4.1.8"}, nil, []contact{atBoot}, "Open"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			tl := tt.tl
			tl.rc, tl.lasts, tl.set = rcURL, 4500*s, append([]string{"Resync_Random_Delay=0", "Resync_Periodic=0"}, tl.set...)
			contacts, s := tl.run(t)
			if !slices.Equal(contacts[0], tt.contacts) {
				t.Errorf("resyncs %v, want %v", contacts[0], tt.contacts)
			}
			if got := asked(s, "customization"); !slices.Equal(got, tt.rc) {
				t.Errorf("asked the customization server after %v, want %v", got, tt.rc)
			}
			if got := s.view(0).Customization; got != tt.shows {
				t.Errorf("Customization is %q, want %q", got, tt.shows)
			}
		})
	}
}

func TestOrdinaryUnitIsOpen(t *testing.T) {
	for turned, want := range map[string]string{"open": "Open", "not_customized": "Not Customized"} {
		_, s := timeline{files: served, lasts: time.Minute, switches: map[string]string{"not_customized": turned}}.run(t)
		if got := s.view(0).Customization; got != want {
			t.Errorf("Customization is %q, want %q", got, want)
		}
	}
}

func TestCustomizationURLMustBeWhole(t *testing.T) {
	for url, ok := range map[string]bool{
		"": true, "http://192.0.2.7/rc?id=$MAU:$SN:$PN&sw=$SWVER": true, `[--key "k"] https://rc.example.com/x`: true,
		"http://192.0.2.7": false, "/rc": false, "ftp://192.0.2.7/rc": false, "http://a/b http://c/d": false,
	} {
		g := ata(t, 1)
		g.RCURL = url
		if _, err := fleet.New(fleet.Config{Network: newNetwork(), Groups: []fleet.Group{g}}); (err == nil) != ok {
			t.Errorf("%q: %v", url, err)
		}
	}
}
