package probe

import (
	"context"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"spafleet/certs"
	"spafleet/device/model"
	"spafleet/device/observed"
	"spafleet/scenarios/probe/probetest"
)

// askedModels are models and firmware: of each model the newest, then the oldest that is known,
// then the others, until there are as many as wanted.
func askedModels(t *testing.T, wanted int) (list []*model.Row) {
	t.Helper()
	for i := range 100 { // the newest, then the oldest, then those between
		for m := range model.All() {
			if i > len(m.Firmwares) {
				continue
			}
			version := m.Newest().Version
			if i > 0 {
				version = m.Firmwares[i-1].Version
			}
			row, err := model.NewRow(m.Name, version, nil)
			if err != nil {
				t.Fatal(err)
			}
			if row.Model.Name == "SPA2000" && row.Generation == 1 && row.Older("2") || slices.ContainsFunc(list, func(r *model.Row) bool { return r.Model == row.Model && r.Firmware.Version == row.Firmware.Version }) {
				continue // the first firmware of an SPA2000 reads no XML
			}
			list = append(list, row)
		}
	}
	return list[:min(wanted, len(list))]
}

// Forty models are asked everything. What is found is what the tables have, or is left open.
func TestFortyModelsAreAskedEverything(t *testing.T) {
	t.Parallel()
	var settled, open int
	wanted := 40
	if os.Getenv("SPAFLEET_SLOW") != "" {
		wanted = 1000
	}
	for _, row := range askedModels(t, wanted) {
		t.Run(row.Model.Name+" "+row.Firmware.Version, func(t *testing.T) {
			probetest.Bubble(t, func(t *testing.T) {
				l := newLoop(t, row.Model.Name, row.Firmware.Version, nil)
				l.question.Names = nil
				began := time.Now()
				f, err := Ask(context.Background(), l.question)
				if err != nil {
					t.Errorf("%v\n%s", err, strings.Join(l.Person.Said(), "\n"))
				}
				u := l.Phone.View().Unit
				defective := (&certs.Holder{PKI: loopPKI()}).Kind(&u) == certs.DefectiveCertificate // as some units left the factory
				t.Logf("%v of the phone's time", time.Since(began))
				for _, found := range f.Findings {
					want := comesTo(row, found.Switch, row.Switch(found.Switch).Value)
					switch {
					case observed.Same(found.Value, want), found.Switch == "client_certificate" && defective && found.Value == row.Switch("defect").Value:
						settled++
					case found.Value == "" && (len(found.OneOf) == 0 || slices.Contains(found.OneOf, want)):
						open++
						t.Logf("open: %s (%s) %s", found.Switch, want, found.Why)
					default:
						t.Errorf("%s: found %q %v, want %q", found.Switch, found.Value, found.OneOf, want)
					}
				}
			})
		})
	}
	t.Logf("%d settled, %d open", settled, open)
}
