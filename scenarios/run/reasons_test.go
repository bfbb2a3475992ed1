package run_test

import (
	"bytes"
	"slices"
	"strconv"
	"strings"
	"testing"

	"spafleet/device"
	"spafleet/scenarios/report/why"
	"spafleet/scenarios/run"
	"spafleet/scenarios/scenariotest"
)

// A device whose server is wrong in several ways, with a secret in each place that
// has one.
const troubled = `
seed: 5
clock: virtual
fleet:
  phones:
    model: SPA942
    firmware: 6.1.5(a)
    count: 2
    set:
      Profile_Rule: '($SWVER lt 5)? /old.cfg | ("$A" ne "")? [--key $A] https://${server.https}/$MA.xml | http://${server.http}/x.xml'
      Resync_Error_Retry_Delay: "30,60,120"
      GPP_SA: canary1
server:
  https:
    - {ca: ciscosb1}
  files:
    /x.xml: |
      <flat-profile><Nope>1</Nope><Resync_Periodic>often</Resync_Periodic><Admin_Passwd>canary2</Admin_Passwd>
      <User_Password>canary3</User_Password><GPP_A>canary4</GPP_A><GPP_B>canary1</GPP_B>
      <Profile_Rule_B>("$B" eq "x")? [--key "canary 6"] /b.cfg | ($A eq x)? /c.cfg</Profile_Rule_B>
      <Password_1_>canary5</Password_1_></flat-profile>
timeline:
  - {at: 5m, resync: {of: all, url: '[--key canary7 --pwd "canary 8"] http://${server.http}/none.xml'}}
  - {at: 6m, set: {of: all, values: {Profile_Rule: '[--key canary9 x] /y'}}}
  - {at: 7m, resync: all}
  - {at: 8m, off_hook: all}
  - {at: 9m, resync: all}
duration: 10m
`

func storyOf(t *testing.T, log []byte, device string) *why.Device {
	t.Helper()
	r, err := why.NewReader(device)
	if err != nil {
		t.Fatal(err)
	}
	if err := r.Read(bytes.NewReader(log)); err != nil {
		t.Fatal(err)
	}
	d, err := r.Device()
	if err != nil {
		t.Fatal(err)
	}
	return d
}

func TestAStorySaysWhatADeviceDidAndWhy(t *testing.T) {
	var log bytes.Buffer
	if _, err := run.Run(t.Context(), scenariotest.Parse(t, troubled), run.Options{Events: &log}); err != nil {
		t.Fatal(err)
	}
	var b strings.Builder
	if err := storyOf(t, log.Bytes(), "1").WriteText(&b); err != nil {
		t.Fatal(err)
	}
	story := strings.Join(strings.Fields(b.String()), " ")
	for _, want := range []string{
		"SPA942 6.1.5(a) · MAC 000e087c4fde · serial 88019L436186 · device 1", "boots: the power came",
		`the first resync after the boot, after a random delay: Resync_Random_Delay is "2"`,
		`Profile_Rule: alternative 1 does not hold: $SWVER lt 5, $SWVER="6.1.5(a)" Profile_Rule: alternative 2 does not hold: "$A" ne "", $A="" Profile_Rule: alternative 3 has no condition`,
		"Profile_Rule asks for http://127.0.0.1/x.xml: HTTP 200, ", "values change, which asks for a warm reboot",
		"ignored, for the model has no such parameter: Nope", `Resync_Periodic "often"`,
		"goes on in 20s: the boot is over, and the firmware starts", `alternative 2 holds: "$A" ne "", $A=***`,
		"Profile_Rule_B: alternative 1 does not hold: \"$B\" eq \"x\", $B=***",
		"TLS handshake failed, certificate error 20, alert 48: the device does not know the issuer", "hint: the server's certificate", "sipura1 (documented)",
		`retry 2: Resync_Error_Retry_Delay is "30,60,120"`, "the command's URL asks for http://127.0.0.1/none.xml: HTTP 404, file not found",
		`Profile_Rule cannot be read: column 15: option expected, found "…"`, "at the end of the log, it waits since 2020-01-01 00:09:00.000",
		"for the end of a call",
	} {
		if !strings.Contains(story, want) {
			t.Errorf("the story lacks %q", want)
		}
	}
	if t.Failed() {
		t.Log(b.String())
	}
	for name, text := range map[string]string{"story": b.String(), "log": log.String()} {
		if at := strings.Index(text, "canary"); at >= 0 {
			t.Errorf("the %s shows a secret: …%s", name, text[max(at-200, 0):min(at+60, len(text))])
		}
	}
}

// A device does the same whether something asks for its reasons or not: those are
// beside the events that it counts.
func TestReasonsChangeNothing(t *testing.T) {
	var counted [2][]string
	reasons := 0
	for i, asked := range []bool{false, true} {
		_, err := run.Run(t.Context(), scenariotest.Parse(t, troubled), run.Options{Reasons: asked, Tell: func(events []device.Event) {
			for _, e := range events {
				switch {
				case e.Kind.Counted():
					counted[i] = append(counted[i], strconv.FormatInt(e.At, 10)+" "+strconv.Itoa(int(e.Dev))+" "+strconv.Itoa(int(e.N))+" "+e.Name())
				case e.Kind != device.Late && !asked:
					t.Errorf("nothing asked for %s", e.Name())
				case e.Kind != device.Late:
					reasons++
				}
			}
		}})
		if err != nil {
			t.Fatal(err)
		}
	}
	if !slices.Equal(counted[0], counted[1]) || len(counted[0]) < 60 || reasons < 40 {
		t.Errorf("%d events and %d with reasons, which are %d", len(counted[0]), len(counted[1]), reasons)
	}
}

// Where the limits let few attempts run, devices say that they wait for others.
func TestADeviceSaysThatItWaitsForOthers(t *testing.T) {
	var log bytes.Buffer
	scenario := scenariotest.Parse(t, `
clock: real
limits: {rate: 10/s, lateness: 10s}
fleet:
  phones: {model: SPA942, count: 4, set: {Resync_Random_Delay: 0}}
server: {files: {/spa942.cfg: "<flat-profile></flat-profile>"}}
duration: 1s
`)
	if _, err := run.Run(t.Context(), scenario, run.Options{Events: &log}); err != nil {
		t.Fatal(err)
	}
	if n := strings.Count(log.String(), `"kind":"waits","state":"MFG-RESET","cause":"power_on","text":"other devices' attempts`); n < 3 {
		t.Errorf("%d devices waited:\n%s", n, log.String())
	}
}
