package forecast_test

import (
	"strings"
	"testing"

	"spafleet/scenarios"
	"spafleet/scenarios/forecast"
)

// noted returns the notes of a scenario.
func noted(t *testing.T, text string) []string {
	t.Helper()
	s, err := scenarios.Load("served.yaml", []byte(text))
	if err != nil {
		t.Fatal(err)
	}
	f, err := forecast.Of(s, scenarios.Machine{})
	if err != nil {
		t.Fatal(err)
	}
	return f.Notes
}

func TestNotesOnTheFilesOfTheServer(t *testing.T) {
	const text = `
duration: 1h
fleet:
  phones: {model: SPA942, firmware: 6.1.5(a)}
  ata: {model: SPA2102, firmware: 5.2.10, lease: none, set: {Profile_Rule: "http://${server.http}/a/$MA.xml"}}
server:
  files:
    /spa942.cfg: |
      <flat-profile>
        <No_Such>1</No_Such>
        <Profile_Rule_B>($SWVER lt 7)? [--key $A] http://${server.http}/b/$MA.xml | http://${server.http}/other.xml</Profile_Rule_B>
        <Profile_Rule_C>[--key x http://${server.http}/c.xml</Profile_Rule_C>
        <GPP_A>k</GPP_A>
        <GPP_B>{{ index % 4 }}</GPP_B> <Profile_Rule_D>http://${server.http}/site/$B.xml</Profile_Rule_D>
      </flat-profile>
    /b/$MA.xml: {body: "<flat-profile><Resync_Periodic>often</Resync_Periodic></flat-profile>", key: k}
    /other.xml: {body: <flat-profile></flat-profile>, key: k}
    /a/$MA.xml: {body: "<flat-profile><User_ID_1_>{{ index }}</User_ID_1_><Resync_Periodic>{{ index }}x</Resync_Periodic></flat-profile>", key: k}
    /later.xml: <flat-profile></flat-profile>
    /SPA942.cfg: <flat-profile></flat-profile>
    /site/3.xml: <flat-profile></flat-profile>
    /forgotten.xml: <flat-profile><Also_None>1</Also_None></flat-profile>
    /{{ dir }}/x.xml: <flat-profile></flat-profile>
timeline:
  - {at: 1m, resync: {of: all, url: "http://${server.http}/later.xml"}}
`
	want := []string{
		"server.files./SPA942.cfg: nothing that is known before the start asks for it; devices ask for /spa942.cfg, and the case of letters counts",
		"server.files./a/$MA.xml: it is encrypted, and no rule that asks for it has a key",
		"server.files./b/$MA.xml, line 1: Resync_Periodic: ",
		"server.files./forgotten.xml: nothing that is known before the start asks for it",
		"server.files./other.xml: it is encrypted, and no rule that asks for it has a key",
		"server.files./spa942.cfg, line 2: No_Such: ",
		"server.files./spa942.cfg, line 4: Profile_Rule_C: ",
	}
	var got []string
	for _, n := range noted(t, text) {
		if strings.HasPrefix(n, "server.files.") {
			got = append(got, n)
		}
	}
	if len(got) != len(want) {
		t.Fatalf("%s", strings.Join(got, "\n"))
	}
	for i, n := range got {
		if !strings.HasPrefix(n, want[i]) {
			t.Errorf("%s, want %s …", n, want[i])
		}
	}
}

// What a threshold on a duration measures in virtual time is said, and only then.
func TestANoteOnDurationsInVirtualTime(t *testing.T) {
	const rest = "fleet: {a: {model: SPA942}}\nduration: 1m\nserver: {files: {/spa942.cfg: x}}\nthresholds: {resync_duration: [p(95)<1s, max<2s], ready_duration: max<1m, resync_failed: rate==0}\n"
	const note = "thresholds on resync_duration, ready_duration: in virtual time a round trip takes 5 ms and what faults add, so a limit for a duration measures the model, not a server"
	for clock, want := range map[string]bool{"virtual": true, "mixed": false, "real": false} {
		if notes := strings.Join(noted(t, "clock: "+clock+"\n"+rest), "\n"); strings.Contains(notes, note) != want {
			t.Errorf("%s: %s", clock, notes)
		}
	}
}
