package capacity_test

import (
	"strings"
	"testing"
	"time"

	"spafleet/scenarios"
	"spafleet/scenarios/capacity"
)

// simulated is a server of eight workers that take 20 ms for each file: 400 a second.
const simulated = `
fleet: {phones: {model: SPA942}}
server:
  latency: 20ms
  workers: 8
  files:
    /spa942.cfg: <flat-profile><Resync_Periodic>0</Resync_Periodic></flat-profile>
`

func find(t *testing.T, text string, o capacity.Options) *capacity.Result {
	t.Helper()
	s, err := (&scenarios.File{Name: "capacity.yaml", Text: []byte(text)}).Load()
	if err != nil {
		t.Fatal(err)
	}
	o.Folder = t.TempDir()
	r, err := capacity.Find(t.Context(), s, o)
	if err != nil {
		t.Fatal(err)
	}
	for _, x := range r.Trials {
		t.Logf("%.4g/s: held %v, %d started, %d ok, behind %.3g, p95 %.3g s %v", x.Rate, x.Held, x.Started, x.OK, x.Behind, x.P95, x.Why)
	}
	return r
}

func TestAKnownCapacityIsFound(t *testing.T) {
	r := find(t, simulated, capacity.Options{})
	if r.Holds < 360 || r.Holds > 440 || r.Breaks > 1.05*r.Holds || r.Limit != capacity.ByServer {
		t.Errorf("it holds %.4g/s and breaks at %.4g/s by %s, want 400 within 10 %%", r.Holds, r.Breaks, r.Limit)
	}
	if half := find(t, strings.Replace(simulated, "workers: 8", "workers: 4", 1), capacity.Options{}); half.Holds < 180 || half.Holds > 220 {
		t.Errorf("half of the workers hold %.4g/s, want 200", half.Holds)
	}
}

func TestTheHighestRateIsABound(t *testing.T) {
	r := find(t, simulated, capacity.Options{Most: 50, Each: 4 * time.Second})
	if r.Holds != 50 || r.Breaks != 0 || r.Limit != capacity.ByMost {
		t.Errorf("%+v", r)
	}
	for _, x := range r.Trials {
		if x.Rate > 50 {
			t.Errorf("%.4g/s was tried", x.Rate)
		}
	}
}

// A fleet that cannot be provisioned has no capacity to look for.
func TestAServerWithoutTheFileIsAnError(t *testing.T) {
	s, err := (&scenarios.File{Name: "capacity.yaml", Text: []byte(strings.Replace(simulated, "/spa942.cfg", "/other.cfg", 1))}).Load()
	if err != nil {
		t.Fatal(err)
	}
	_, err = capacity.Find(t.Context(), s, capacity.Options{Most: 20, Folder: t.TempDir()})
	if err == nil || !strings.Contains(err.Error(), "none of 41 devices could be provisioned in 2m0s") || !strings.Contains(err.Error(), "/spa942.cfg") {
		t.Error(err)
	}
}
