package unit

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"spafleet/device"
	"spafleet/device/devicetest"
	"spafleet/device/model"
)

const french = "Dictionary_Server_Script=serv=http://192.0.2.5/i18n/;d0=English;x0=en.xml;d1=French;x1=fr.xml;d2=German;x2=de.xml"

// When a phone asks for files beside profile and image: after its first contact,
// one after the other, again only where what they come from has changed or they
// could not be had. See device-surface.md §4.3 and surface-2.md §4.2, §4.3.
func TestExtraFilesHaveTheirTime(t *testing.T) {
	quiet := []string{"Resync_Random_Delay=0", "Resync_Periodic=3600"}
	fails := func(until int) func(int) bool { return func(n int) bool { return n >= until } }
	tests := []struct {
		name, model, switches string
		set                   []string
		extras                func(int) bool
		do                    []do
		until                 float64
		want                  string
	}{
		{"a dictionary, once", "SPA942", "", []string{french, "Language_Selection=French"}, nil, nil, 8000,
			"0 power_on, 0 dictionary http://192.0.2.5/i18n/fr.xml by change, 3600 periodic, 7200 periodic"},
		{"English is built in", "SPA942", "", []string{french, "Language_Selection=English"}, nil, nil, 100, "0 power_on"},
		{"no language", "SPA504G", "", []string{french}, nil, nil, 100, "0 power_on"},
		{"a language without a file", "SPA504G", "", []string{french, "Language_Selection=Russian"}, nil, nil, 100, "0 power_on"},
		{"a model without the row", "SPA941", "", []string{french, "Language_Selection=French"}, nil, nil, 100, "0 power_on"},
		{"turned off", "SPA942", "extra_files=off", []string{french, "Language_Selection=French"}, nil, nil, 100, "0 power_on"},
		{"turned off by kind", "SPA942", "dictionary=never", []string{french, "Language_Selection=French"}, nil, nil, 100, "0 power_on"},
		{"an edit changes the language", "SPA942", "", []string{french, "Language_Selection=French"}, nil, []do{{50, device.SetParams, "Language_Selection=German"}, {60, device.SetParams, "GPP_A=x"}}, 100,
			"0 power_on, 0 dictionary http://192.0.2.5/i18n/fr.xml by change, 50 dictionary http://192.0.2.5/i18n/de.xml by change"},
		{"there and back again", "SPA942", "", []string{french, "Language_Selection=French"}, nil, []do{{50, device.SetParams, "Language_Selection=German"}, {60, device.SetParams, "Language_Selection=French"}}, 100,
			"0 power_on, 0 dictionary http://192.0.2.5/i18n/fr.xml by change, 50 dictionary http://192.0.2.5/i18n/de.xml by change, 60 dictionary http://192.0.2.5/i18n/fr.xml by change"},
		{"a boot keeps the dictionary", "SPA942", "", []string{french, "Language_Selection=French"}, nil, []do{{50, device.Reboot, ""}}, 100,
			"0 power_on, 0 dictionary http://192.0.2.5/i18n/fr.xml by change, 80 power_on"},
		{"a factory reset does not", "SPA942", "", []string{french, "Language_Selection=French"}, nil, []do{{50, device.FactoryReset, ""}}, 100,
			"0 power_on, 0 dictionary http://192.0.2.5/i18n/fr.xml by change, 80 power_on, 80 dictionary http://192.0.2.5/i18n/fr.xml by change"},
		{"a dictionary that comes the third time", "SPA942", "", []string{french, "Language_Selection=French"}, fails(2), nil, 1000,
			"0 power_on, 0 dictionary http://192.0.2.5/i18n/fr.xml by change, 60 dictionary http://192.0.2.5/i18n/fr.xml by retry, 120 dictionary http://192.0.2.5/i18n/fr.xml by retry"},
		{"it gives up until the next boot", "SPA942", "dictionary_tries=2 dictionary_wait=5s", []string{french, "Language_Selection=French"}, fails(9), []do{{100, device.Reboot, ""}}, 1000,
			"0 power_on, 0 dictionary http://192.0.2.5/i18n/fr.xml by change, 5 dictionary http://192.0.2.5/i18n/fr.xml by retry, " +
				"130 power_on, 130 dictionary http://192.0.2.5/i18n/fr.xml by change, 135 dictionary http://192.0.2.5/i18n/fr.xml by retry"},
		{"a call holds the second try up", "SPA942", "", []string{french, "Language_Selection=French"}, fails(1), []do{{50, device.HookOff, ""}, {90, device.HookOn, ""}}, 1000,
			"0 power_on, 0 dictionary http://192.0.2.5/i18n/fr.xml by change, 90 dictionary http://192.0.2.5/i18n/fr.xml by retry"},
		{"power loss ends the tries", "SPA942", "", []string{french, "Language_Selection=French"}, fails(9), []do{{50, device.SwitchOff, ""}}, 1000,
			"0 power_on, 0 dictionary http://192.0.2.5/i18n/fr.xml by change"},
		{"no resync at boot", "SPA942", "", []string{french, "Language_Selection=French", "Resync_On_Reset=No"}, nil, nil, 100, "0 dictionary http://192.0.2.5/i18n/fr.xml by change"},
		{"a picture that is shown", "SPA504G", "", []string{"BMP_Picture_Download_URL=http://192.0.2.5/a.bmp", "Select_Background_Picture=BMP Picture"}, nil,
			[]do{{50, device.SetParams, "BMP_Picture_Download_URL=http://192.0.2.5/a.bmp?1"}, {60, device.SetParams, "Select_Background_Picture=None"}, {70, device.SetParams, "Select_Background_Picture=BMP Picture"}}, 100,
			"0 power_on, 0 picture http://192.0.2.5/a.bmp by change, 50 picture http://192.0.2.5/a.bmp?1 by change"},
		{"a picture that is not shown", "SPA504G", "", []string{"BMP_Picture_Download_URL=http://192.0.2.5/a.bmp"}, nil, nil, 100, "0 power_on"},
		{"by switch all the same", "SPA504G", "picture=set", []string{"BMP_Picture_Download_URL=http://192.0.2.5/a.bmp"}, nil, nil, 100, "0 power_on, 0 picture http://192.0.2.5/a.bmp by change"},
		{"a picture that is missing", "SPA525G2", "", []string{"BMP_Picture_Download_URL=http://192.0.2.5/a.jpg", "Logo_Type=Download BMP Picture"}, fails(9), nil, 8000,
			"0 power_on, 0 picture http://192.0.2.5/a.jpg by change, 3600 periodic, 7200 periodic"},
		{"ring tones, by switch", "SPA942", "ring_tone=boot", []string{"Ring2=n=Own;w=192.0.2.5/own.dat;c=0", "Ring3=n=Other;w=tftp://192.0.2.5/other.dat;c=0"}, nil, []do{{50, device.Reboot, ""}}, 90,
			"0 power_on, 0 ring_tone 192.0.2.5/own.dat by change, 0 ring_tone tftp://192.0.2.5/other.dat by change, 80 power_on, 80 ring_tone 192.0.2.5/own.dat by change, 80 ring_tone tftp://192.0.2.5/other.dat by change"},
		{"ring tones of the phone itself", "SPA525G2", "ring_tone=boot", nil, nil, nil, 90, "0 power_on"},
		{"the directory, by switch", "SPA504G", "directory=boot", []string{"XML_Directory_Service_URL=http://192.0.2.5/dir?mac=$MA"}, nil, nil, 8000,
			"0 power_on, 0 directory http://192.0.2.5/dir?mac=$MA by change, 3600 periodic, 7200 periodic"},
		{"nobody opens it", "SPA504G", "", []string{"XML_Directory_Service_URL=http://192.0.2.5/dir"}, nil, nil, 8000, "0 power_on, 3600 periodic, 7200 periodic"},
		{"news, by switch", "SPA962", "rss=30m", []string{"RSS_Feed_URL_1=name=News; url=http://192.0.2.5/rss", "RSS_Feed_URL_2=", "RSS_Feed_URL_3=", "RSS_Feed_URL_4=", "RSS_Feed_URL_5="}, func(n int) bool { return n != 1 }, nil, 5500,
			"0 power_on, 0 rss http://192.0.2.5/rss by change, 1800 rss http://192.0.2.5/rss by periodic, 3600 periodic, 3600 rss http://192.0.2.5/rss by retry, 5400 rss http://192.0.2.5/rss by periodic"},
		{"nobody reads them", "SPA962", "", nil, nil, nil, 100, "0 power_on"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			b := newBench(t, devicetest.Row(t, tt.model, "", strings.Fields(tt.switches)...), 0, slices.Concat(quiet, tt.set)...)
			b.extras = tt.extras
			b.take(b.at().PowerOn())
			for _, d := range tt.do {
				b.runUntil(d.at)
				var pairs []string
				if d.sets != "" {
					pairs = []string{d.sets}
				}
				b.do(d.order, pairs...)
			}
			b.runUntil(tt.until)
			got := strings.Join(slices.DeleteFunc(b.did, func(s string) bool { return strings.Contains(s, "boot:") || strings.HasSuffix(s, " off") }), ", ")
			if got != tt.want {
				t.Errorf("it does %s\nwant %s", got, tt.want)
			}
		})
	}
}

// A phone whose files are in flash, or whose tries are not over, goes on as it would
// have: it asks for nothing again.
func TestARecordKeepsExtraFiles(t *testing.T) {
	presets := []string{"Resync_Random_Delay=0", french, "Language_Selection=French", "BMP_Picture_Download_URL=http://192.0.2.5/a.bmp", "Select_Logo=BMP Picture"}
	row := devicetest.Row(t, "SPA942", "", "picture=shown", "dictionary_tries=5")
	for _, fails := range []bool{false, true} {
		b := newBench(t, row, 0, presets...)
		b.extras = func(n int) bool { return !fails }
		b.take(b.at().PowerOn())
		b.runUntil(70)
		r := b.m.Record(b.dev, &b.u)
		again := newBench(t, row, 0, presets...)
		again.extras, again.now, again.did, again.started, again.asked = b.extras, b.now, slices.Clone(b.did), b.started, b.asked
		again.m.Restore(&again.u, &r)
		again.take(again.at().Resume(b.now, true))
		for _, x := range []*bench{b, again} {
			x.runUntil(2000)
		}
		if !slices.Equal(again.did, b.did) || !fails && b.asked != 2 || fails && b.asked != 6 {
			t.Errorf("it goes on %s\nwould have %s", strings.Join(again.did, ", "), strings.Join(b.did, ", "))
		}
	}
}

// What a phone has in flash takes no memory of its own, however many do.
func TestStoredFilesTakeNoMemory(t *testing.T) {
	b := newBench(t, devicetest.Row(t, "SPA942", ""), 0, "Resync_Random_Delay=0", french, "Language_Selection=French", "BMP_Picture_Download_URL=http://192.0.2.5/a.bmp", "Select_Logo=BMP Picture")
	b.take(b.at().PowerOn())
	b.runUntil(100)
	if b.asked != 2 || b.u.opt != nil || b.u.kept == 0 {
		t.Errorf("%d files, %+v", b.asked, b.u.opt)
	}
}

// Power loss and a reboot cancel the transfer of an extra file, which is asked for
// at the next start.
func TestExtraFilesAreCutOff(t *testing.T) {
	for _, order := range []device.Order{device.SwitchOff, device.Reboot, device.FactoryReset} {
		b := newBench(t, devicetest.Row(t, "SPA942", ""), 0, "Resync_Random_Delay=0", "Resync_On_Reset=No", french, "Language_Selection=French")
		s := *b.at().PowerOn().Start
		b.at().Admit(&s)
		b.at().Begin(&s, 7)
		if fx := b.at().Do(device.Command{Order: order}); fx.Cancel != 7 {
			t.Errorf("%s does not cancel it", order)
		}
		if order == device.SwitchOff {
			b.at().Do(device.Command{Order: device.SwitchOn})
		}
		b.runUntil(100)
		if got := strings.Join(b.did, ", "); !strings.Contains(got, "dictionary http://192.0.2.5/i18n/fr.xml by change") {
			t.Errorf("after %s: %s", order, got)
		}
	}
}

// Sets of stored files are kept once, however many devices have them, and not
// longer than one has them.
func TestKeptSetsAreShared(t *testing.T) {
	var k keptSets
	file := func(param string, n int) *model.Extra {
		return &model.Extra{Param: param, Key: model.ExtraKey(param, fmt.Sprint(n))}
	}
	numbers := make([]uint32, 1000)
	for round := range 3 {
		for i := range numbers {
			numbers[i] = k.with(numbers[i], file("BMP_Picture_Download_URL", round))
			numbers[i] = k.with(numbers[i], file("Dictionary_Server_Script", round))
		}
		if len(k.numbers) != 1 || numbers[0] != numbers[999] || len(k.keys(numbers[0])) != 2 || len(k.sets) > 3 {
			t.Fatalf("round %d: %d sets of %d, %v", round, len(k.numbers), len(k.sets), k.keys(numbers[0]))
		}
		if !k.has(numbers[5], file("Dictionary_Server_Script", round).Key) || k.has(numbers[5], file("Dictionary_Server_Script", round+1).Key) {
			t.Errorf("round %d: %v", round, k.keys(numbers[5]))
		}
	}
	for i := range numbers {
		numbers[i] = k.swap(numbers[i], nil)
	}
	if len(k.numbers) != 0 || numbers[0] != 0 {
		t.Errorf("%d sets are left", len(k.numbers))
	}
}
