package doctor_test

import (
	"fmt"
	"os"
	"testing"
	"time"

	"spafleet/device/model"
	"spafleet/scenarios/doctor"
)

// All models with all firmware that was seen of them ask within the time of one question.
func TestAllModelsAskInTime(t *testing.T) {
	var list []doctor.Device
	for m := range model.All() {
		for _, f := range m.Firmwares {
			row, err := model.NewRow(m.Name, f.Version, nil)
			ok(t, err)
			list = append(list, doctor.Device{Row: row})
		}
	}
	s := nginx(t)
	settings := map[string]string{"tls12-only": "https", "plain": "http"}
	if os.Getenv("SPAFLEET_SLOW") != "" { // certificates and a thousand handshakes
		settings["right"] = "https"
	}
	for setting, scheme := range settings {
		r := inquire(t, doctor.Question{URL: fmt.Sprintf("%s://%s", scheme, named(s.at[setting])), Devices: list, Certs: s.certs, Hosts: here, Seed: 1})
		if r.Incomplete != "" || len(r.Devices) < 300 {
			t.Errorf("%s: %d devices, incomplete: %s", setting, len(r.Devices), r.Incomplete)
		}
		t.Logf("%s: %d devices, %d findings in %v", setting, len(r.Devices), len(r.Findings), time.Duration(r.Took))
	}
}
