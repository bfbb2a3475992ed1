package forecast_test

import (
	"slices"
	"testing"

	"spafleet/scenarios"
	"spafleet/scenarios/forecast"
)

// A plan counts the files beside profile and image that presets name, and their
// servers are contacts. What no device asks for by itself is neither.
func TestForecastOfExtraFiles(t *testing.T) {
	s := load(t, `
fleet:
  phones:
    model: SPA962
    count: 20
    set: {Dictionary_Server_Script: "serv=http://198.51.100.7/;d1=French;x1=fr.xml", Language_Selection: French, Ring1: "n=a;w=198.51.100.8/a", Ring2: "n=b;w=tftp://198.51.100.8:6969/b"}
  others:
    model: SPA941
    count: 30
    set: {Dictionary_Server_Script: "serv=http://198.51.100.9/;d1=French;x1=fr.xml", Language_Selection: French}
server: {}
`)
	for _, tt := range []struct {
		switches map[string]string
		want     []forecast.Extras
		hosts    []string
	}{
		{nil, []forecast.Extras{{What: "dictionary", Devices: 20, Files: 20}}, []string{"198.51.100.7"}},
		{map[string]string{"extra_files": "off"}, nil, nil},
		{map[string]string{"ring_tone": "boot", "rss": "boot"}, []forecast.Extras{{What: "dictionary", Devices: 20, Files: 20}, {What: "ring_tone", Devices: 20, Files: 40}, {What: "rss", Devices: 20, Files: 100}},
			[]string{"198.51.100.7", "198.51.100.8", "finance.yahoo.com", "newsrss.bbc.co.uk", "rss.cnn.com", "rss.news.yahoo.com"}},
	} {
		s.Fleet[0].Switches = tt.switches
		f, err := forecast.Of(s, scenarios.Machine{})
		if err != nil {
			t.Fatal(err)
		}
		var hosts []string
		for _, c := range f.Contacts {
			if c.Where != "embedded" && len(c.For) > 0 {
				hosts = append(hosts, c.Host)
			}
		}
		hosts = slices.DeleteFunc(hosts, func(h string) bool { return h == "embedded" })
		if !slices.Equal(f.Extras, tt.want) || !slices.Equal(hosts[:min(len(hosts), len(tt.hosts))], tt.hosts) || len(tt.hosts) == 0 && len(hosts) > 0 {
			t.Errorf("%v: %+v, contacts %q", tt.switches, f.Extras, hosts)
		}
	}
}
