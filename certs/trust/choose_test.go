package trust_test

import (
	"fmt"
	"strings"
	"testing"

	"spafleet/certs"
	"spafleet/certs/trust"
	"spafleet/device/devicetest"
	"spafleet/device/model"
)

// rows reads "MODEL MODEL FIRMWARE/MODEL".
func rows(t *testing.T, models string, turned map[string]string) []*model.Row {
	t.Helper()
	var list []*model.Row
	for _, word := range strings.Fields(models) {
		firmware, name, has := strings.Cut(word, "/")
		if !has {
			firmware, name = "", word
		}
		list = append(list, devicetest.Turned(t, name, firmware, turned))
	}
	return list
}

func TestServicesForModels(t *testing.T) {
	documented := map[string]string{"ca_table": "documented"}
	tests := []struct {
		models string
		turned map[string]string
		want   string
	}{
		{"SPA942", nil, "443 sipura1 SPA942"},
		{"PAP2T SPA942 SPA504G", nil, "443 sipura1 PAP2T,SPA942,SPA504G"},
		{"1.3.1(003)/SPA112 SPA942", nil, "443 sipura1 SPA112,SPA942"}, // an operator saw it
		{"1.3.1(003)/SPA112 SPA942", documented, "443 sipura1 SPA942; 8443 ciscosb1 SPA112"},
		{"SRP521 SRP541 SPA942", nil, "443 ciscosb1 SRP521,SRP541; 8443 sipura1 SPA942"},
		{"SPA942 PAP2 SRP521", documented, "443 sipura1 SPA942; 8443 ciscosb1 SRP521; 8444 linksys1 PAP2"},
		{"SPA942 SPA942", nil, "443 sipura1 SPA942"},
		{"7.4.9c/SPA508G SPA112 SRP521", nil, "443 ciscosb1 SPA508G,SPA112,SRP521"},
	}
	for _, tt := range tests {
		var got []string
		for _, s := range trust.Services(certs.New(1), rows(t, tt.models, tt.turned)) {
			got = append(got, fmt.Sprintf("%d %s %s", s.Port, s.CA, strings.Join(s.Models, ",")))
		}
		if text := strings.Join(got, "; "); text != tt.want {
			t.Errorf("%s: %s, want %s", tt.models, text, tt.want)
		}
	}
}

func TestAnAuthorityThatHasEndedServesOnlyFirmwareThatIgnoresTimes(t *testing.T) {
	for firmware, want := range map[string]bool{"7.5.4": true, "7.6.2": false} {
		if got := trust.Serves(certs.New(1), certs.Linksys1, rows(t, firmware+"/SPA508G", nil)[0]); got != want {
			t.Errorf("%s: %v, want %v", firmware, got, want)
		}
	}
	p, err := certs.Init(t.TempDir(), certs.InitOptions{LinksysValid: true})
	if err != nil {
		t.Fatal(err)
	}
	if !trust.Serves(p, certs.Linksys1, rows(t, "7.6.2/SPA508G", nil)[0]) {
		t.Error("it has not ended, and is refused")
	}
}
