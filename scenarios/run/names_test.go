package run_test

import (
	"bytes"
	"strings"
	"testing"

	"spafleet/scenarios"
	"spafleet/scenarios/report"
	"spafleet/scenarios/run"
)

// open is a file with two passwords, a key, an element that nobody knows and a value
// that no device takes.
const open = `<flat-profile><Password_1_>correct horse</Password_1_> <Password_2_></Password_2_> <GPP_SA>0123</GPP_SA> <GPP_A>k1</GPP_A>
        <Profile_Rule_B>[--key $A] http://${server.http}/b.cfg</Profile_Rule_B> <No_Such>1</No_Such> <Resync_Periodic>often</Resync_Periodic>
        <Resync_Random_Delay>0</Resync_Random_Delay></flat-profile>`

// judged runs a scenario in virtual time and returns what came of its expectations.
func judged(t *testing.T, text string, events *bytes.Buffer) *report.Report {
	t.Helper()
	s, err := scenarios.Load("names.yaml", []byte(text))
	if err != nil {
		t.Fatal(err)
	}
	o := run.Options{}
	if events != nil {
		o.Events = events
	}
	r, err := run.Run(t.Context(), s, o)
	if err != nil {
		t.Fatal(err)
	}
	return r
}

func failed(r *report.Report) (names []string) {
	for _, e := range r.Expect {
		if !e.OK {
			names = append(names, e.Name)
		}
	}
	return names
}

func TestSecretsOnTheLineAreCounted(t *testing.T) {
	text := `
fleet:
  clear: {model: SPA942, firmware: 6.1.5(a), count: 2, set: {Resync_Random_Delay: 0}}
  basic: {model: SPA504G, firmware: 7.5.5, count: 2, lease: none, set: {Resync_Random_Delay: 0, Profile_Rule: "[--uid u --pwd passw0rd] http://${server.http}/c/$MA.cfg"}}
  path: {model: SPA504G, firmware: 7.5.5, count: 2, lease: none, set: {Resync_Random_Delay: 0, Admin_Passwd: hidden9, Profile_Rule: "[--uid u --pwd passw0rd] https://${server.https}/hidden9/d.cfg"}}
  query: {model: SPA504G, firmware: 7.5.5, count: 2, lease: none, set: {Resync_Random_Delay: 0, Admin_Passwd: hidden9, Profile_Rule: "[--uid u --pwd passw0rd] http://${server.http}/c/hidden9.cfg"}}
server:
  auth: {scheme: basic, user: u, password: passw0rd}
  https: {ca: sipura1}
  files:
    /spa942.cfg: "` + strings.Join(strings.Fields(open), " ") + `"
    /b.cfg: {body: "<flat-profile><Password_3_>x</Password_3_></flat-profile>", key: k1}
    /c/$MA.cfg: <flat-profile><User_ID_1_>x</User_ID_1_></flat-profile>
    /c/hidden9.cfg: <flat-profile><User_ID_1_>x</User_ID_1_></flat-profile>
    /hidden9/d.cfg: <flat-profile><Password_1_>y</Password_1_></flat-profile>
duration: 3h
expect:
  - {of: clear, all: events("fetch") >= 2 && fetches.failed > 0}
  - {of: clear, always: event.kind != "fetch" || event.secrets == 3 , name: of each file that is the same too}
  - {of: basic, all: fetches.ok >= 2 && last("fetch").secrets == 1}
  - {of: path, all: fetches.ok >= 2 && last("fetch").secrets == 0}
  - {of: query, all: fetches.ok >= 2 && last("fetch").secrets == 2}
  - {of: clear, never: event.secrets > 0, name: a lie}
`
	var log bytes.Buffer
	r := judged(t, text, &log)
	if got := strings.Join(failed(r), ", "); got != "a lie" {
		t.Errorf("failed: %s; %+v", got, r.Expect)
	}
	lines := 0
	for line := range strings.Lines(log.String()) {
		if strings.Contains(line, `"kind":"fetch"`) && strings.Contains(line, `"/spa942.cfg"`) {
			lines++
			if !strings.Contains(line, `"secrets":3`) {
				t.Error(line)
			}
		}
		if strings.Contains(line, `"scheme":"https"`) && strings.Contains(line, `"secrets"`) {
			t.Error(line)
		}
	}
	if lines < 4 {
		t.Errorf("%d fetches in the log", lines)
	}
}

func TestTimesAndElementsOfADevice(t *testing.T) {
	text := `
fleet:
  phones: {model: SPA942, firmware: 6.1.5(a), count: 3, switches: {boot_time: 30s}, set: {Resync_Random_Delay: 0}}
server:
  files:
    /spa942.cfg: <flat-profile><No_Such>1</No_Such><Nor_This>1</Nor_This><Resync_Periodic>often</Resync_Periodic></flat-profile>
timeline:
  - {at: 90m, reboot: all}
  - {at: 150m, power_off: all}
duration: 3h
expect:
  - {all: params.unknown == 2 && params.rejected == 1, at: 1h, name: elements}
  - {all: 'uptime == duration("1h20m")', at: 80m, name: since the start}
  - {all: 'next_resync >= duration("40m") && next_resync < duration("40m1s")', at: 80m, name: until the next}
  - {all: 'uptime == duration("9m30s")', at: 100m, name: since the reboot}
  - {all: 'uptime == duration("0") && next_resync < duration("0") || powered', at: end, from: start, name: without power}
  - {none: powered, at: end}
  - {never: 'event.kind == "resync_ok" && elapsed > duration("1m") && elapsed < duration("90m") && uptime != elapsed', name: at each event}
  - {never: 'event.kind == "boot" && uptime > duration("0")', name: at a boot}
  - {all: 'uptime > duration("10m")', at: 100m, name: a lie}
  - {all: params.unknown == 0, at: 1h, from: start, name: another lie}
`
	r := judged(t, text, nil)
	if got := strings.Join(failed(r), ", "); got != "a lie, another lie" {
		t.Errorf("failed: %s; %+v", got, r.Expect)
	}
}
