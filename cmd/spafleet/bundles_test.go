package main

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"spafleet/scenarios/bundle"
)

// spafleetIn runs a command line in memory.
func spafleetIn(t *testing.T, args ...string) (code int, out, say string) {
	t.Helper()
	var o, e bytes.Buffer
	code = execute(t.Context(), args, streams{strings.NewReader(""), &o, &e})
	return code, o.String(), e.String()
}

// fails are scenarios in which device 17 does not get what it should, each in a way of
// its own.
var fails = map[string]struct{ scenario, whole string }{
	"a fault by chance": {scenario: `
fleet: {town: {model: SPA2102, count: 20, set: {Resync_Random_Delay: 3}}}
server: {files: {/spa2102.cfg: <flat-profile><User_ID_1_>1</User_ID_1_></flat-profile>}}
timeline:
  - fault: {of: all where index == 17, match: tftp, chance: 95%, lose: all}
expect: [{all: synced, by: 10m}]
`},
	"a file of its own, and steps": {scenario: `
duration: 1h
fleet:
  homes: {mix: {SPA942 6.1.5(a): 60%, SPA504G 7.5.5: 40%}, count: 15, set: {Resync_Error_Retry_Delay: 30-90}}
  desk: {model: SPA525G2, count: 5}
server:
  files:
    /spa$PSN.cfg: <flat-profile><Profile_Rule_B>http://${server.http}/$MA.xml</Profile_Rule_B><Resync_Periodic>600</Resync_Periodic></flat-profile>
    /$MA.xml: '<flat-profile><GPP_P>{{ index == 17 ? "no" : secret("p") }}</GPP_P></flat-profile>'
timeline:
  - at: 10m
    resync: 30% of all
  - {at: 20m, reboot: desk, rate: 1/s}
  - {at: 30m, server: {files: {/$MA.xml: {status: 503}}}}
expect: [{none: 'param("GPP_P") == "no"', at: end, from: start}]
`},
	"HTTPS, with a PIN": {scenario: `
fleet: {retail: {model: SPA2102, firmware: 5.2.10, count: 20, lease: none}}
server:
  name: prov.example.test
  https: {ca: sipura1, client: require}
  files: {'/{{ index == 17 ? "x" : secret("pin") }}/$MA': '<flat-profile><Password_1_>{{ secret("sip") }}</Password_1_></flat-profile>'}
timeline: [{at: 10s, resync: {of: all, url: 'https://${server.https}/{{ secret("pin") }}/$MA'}}]
expect: [{all: param("Password_1_") == secret("sip"), by: 5m}]
`},
	"a step that waits for all": {whole: "when it happens is known only where the whole fleet is", scenario: `
duration: 20m
fleet: {town: {model: PAP2T, count: 20}}
server: {files: {/init.cfg: <flat-profile><GPP_A>1</GPP_A></flat-profile>}}
timeline:
  - name: ready
    when: {all: synced}
    by: 10m
  - {at: ready + 1m, server: {files: {/init.cfg: {status: 404}}}}
  - {at: ready + 2m, resync: all where index == 17}
expect: [{always: 'event.kind != "resync_failed"'}]
`},
	"a server that is slow for all": {whole: "wait for each other's answers", scenario: `
fleet: {town: {model: SPA942, count: 20, set: {Resync_Random_Delay: 0}}}
server: {workers: 1, latency: 400ms, files: {/spa942.cfg: "<flat-profile><GPP_A>{{ index }}</GPP_A></flat-profile>"}}
expect: [{none: param("GPP_A") == "17", at: end, from: start}]
duration: 2m
`},
	"a bug": {whole: "a bug is judged where the whole fleet is", scenario: `
duration: 5m
fleet:
  unaffected: {model: SPA942, count: 15, set: {Profile_Rule: "http://${server.http}/a"}}
  affected: {model: SPA942, count: 5, set: {Profile_Rule: "http://${server.http}/A"}}
server: {files: {/a: <flat-profile><GPP_B>1</GPP_B></flat-profile>}}
timeline: [{at: 2m, resync: {of: all where index == 17, url: "http://${server.http}/a"}}]
expect: [{none: 'index == 17 && param("GPP_B") == "1"', at: end, from: start}]
bug:
  source: [a test]
  evidence: inferred
  trait: [set]
  symptom: 404
  shows: event.kind == "server_log" && event.status == 404
`},
}

// A bundle's replay does the same, to the byte, as the device did in its fleet.
func TestABundleDoesWhatItsDeviceDid(t *testing.T) {
	t.Parallel()
	for name, tt := range fails {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			dir := t.TempDir()
			file, log, again := filepath.Join(dir, "fails.yaml"), filepath.Join(dir, "log"), filepath.Join(dir, "again")
			if err := os.WriteFile(file, []byte(tt.scenario), 0o600); err != nil {
				t.Fatal(err)
			}
			code, out, say := spafleetIn(t, "run", file, "--seed", "7", "--events", log, "--bundles", dir)
			if code != exitFailed {
				t.Fatalf("exit code %d\n%s%s", code, out, say)
			}
			archive := filepath.Join(dir, "fails-seed-7-device-17.zip")
			b, err := readBundle(archive)
			if b == nil || err != nil {
				t.Fatalf("%v\n%s%s", err, out, say)
			}
			all, err := os.ReadFile(log)
			if err != nil {
				t.Fatal(err)
			}
			if d := bundle.Difference(of17(all), b.Events); d != "" || len(b.Events) == 0 {
				t.Errorf("the bundle has not the events of the run: %s", d)
			}
			code, out, say = spafleetIn(t, "run", archive, "--events", again)
			if code != exitFailed || !strings.Contains(out, "its events are the same to the byte\nthe bundle's failure showed again\n") {
				t.Errorf("exit code %d\n%s%s", code, out, say)
			}
			if how := "without the other devices"; tt.whole == "" && !strings.Contains(out, how) || !strings.Contains(out, tt.whole) {
				t.Errorf("%s\nwant %q", out, tt.whole)
			}
			if all, err = os.ReadFile(again); err != nil || !bytes.HasPrefix(of17(all), b.Events) {
				t.Errorf("%v: the events of the replay are others", err)
			}
		})
	}
}

// A replay of a scenario that ran commands of its user's shows the failure, and executes
// none of them.
func TestAReplayExecutesNoCommands(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	file, made := filepath.Join(dir, "fails.yaml"), filepath.Join(dir, "made")
	text := `
clock: real
limits: {lateness: 1h}
fleet: {phone: {model: SPA942, set: {Resync_Random_Delay: 0}, switches: {boot_time: 0s}}}
server: {files: {/other.cfg: <flat-profile></flat-profile>}}
timeline: [{name: prepared, run: [touch, "` + made + `"]}]
expect: [{all: resyncs.ok > 0, by: 1s}]
`
	if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	code, out, say := spafleetIn(t, "run", file, "--bundles", dir, "--allow-commands")
	archives, _ := filepath.Glob(filepath.Join(dir, "*.zip"))
	if code != exitFailed || len(archives) != 1 {
		t.Fatalf("exit code %d, %v\n%s%s", code, archives, out, say)
	}
	if err := os.Remove(made); err != nil {
		t.Fatal(err)
	}
	code, out, say = spafleetIn(t, "run", archives[0])
	if code != exitFailed || !strings.Contains(out, "the bundle's failure showed again") {
		t.Errorf("exit code %d\n%s%s", code, out, say)
	}
	if !strings.Contains(out+say, "a replay executes no commands of steps") {
		t.Errorf("it does not say that commands are left out:\n%s%s", out, say)
	}
	if _, err := os.Stat(made); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("the replay executed the command: %v", err)
	}
}

// The bugs of the field too: what their affected devices do is the same in a replay.
func TestABundleOfABugDoesTheSame(t *testing.T) {
	t.Parallel()
	names, err := filepath.Glob("../../scenarios/bugs/*.yaml")
	if err != nil || len(names) < 40 {
		t.Fatalf("%d bugs, %v", len(names), err)
	}
	for i, name := range names {
		if i%6 != 0 { // some of them are enough
			continue
		}
		t.Run(filepath.Base(name), func(t *testing.T) {
			t.Parallel()
			dir := t.TempDir()
			code, out, say := spafleetIn(t, "run", name, "--with", "bug.cures=null", "--with", `expect=[{all: "reboots == 999", at: end}]`, "--bundles", dir, "--most-bundles", "1")
			list, _ := filepath.Glob(filepath.Join(dir, "*.zip"))
			if code != exitFailed || len(list) != 1 {
				t.Fatalf("exit code %d, %v\n%s%s", code, list, out, say)
			}
			if code, out, say = spafleetIn(t, "run", list[0]); code != exitFailed || !strings.Contains(out, "its events are the same to the byte") {
				t.Errorf("exit code %d\n%s%s", code, out, say)
			}
		})
	}
}

// of17 are the lines of device 17 in a log of events.
func of17(log []byte) []byte {
	var lines []byte
	for line := range bytes.Lines(log) {
		if bytes.Contains(line[:min(len(line), 100)], []byte(`"dev":17,`)) {
			lines = append(lines, line...)
		}
	}
	return lines
}

// The secrets of a run, by their classes. Each canary must be in no byte of a bundle.
const canaries = `
params:
  login: {secret: true}
  plain: canary-by-param
duration: 30m
fleet:
  town:
    model: SPA942
    count: 18
    switches: {http_auth: basic_digest}
    set:
      Resync_Error_Retry_Delay: 60
      Password_2_: canary-preset
      GPP_SB: canary-gpp-sb
      GPP_SC: "${plain}"
      Profile_Rule: "[--key canary-rule-key --uid canary-uid --pwd canary-pwd] http://${server.http}/$MA.xml?token=canary-token"
      GPP_L: http://canary-user:canary-word@prov.example.test/
      Profile_Rule_B: "http://${server.http}/${login}/b?apikey=canary%20query"
server:
  auth: {scheme: digest, user: canary-uid, password: canary-pwd}
  files:
    /$MA.xml?token=canary-token:
      key: canary-rule-key
      body: |
        <flat-profile>
          <GPP_SA ua="na">canary-&lt;body&gt;</GPP_SA>
          <Password_1_><![CDATA[canary-cdata]]></Password_1_>
          <Admin_Passwd>{{ "canary-expr" + string(index) }}</Admin_Passwd>
          <User_Password>7261</User_Password> <GPP_K>{{ secret("canary") }}</GPP_K>
          <Profile_Rule_C>[--key "canary-c-key"] http://${server.http}/c.xml</Profile_Rule_C>
        </flat-profile>
    /c.xml: {from: files/c.xml, key: canary-c-key}
timeline:
  - {at: 1m, set: {of: all, values: {GPP_SD: canary-gpp-sd}}}
  - {at: 2m, web: {of: all, path: /admin/resync, user: admin, password: canary-web}}
  - {at: 3m, web: {of: all, path: '/admin/x?xuser=a&xpassword=canary-x', post: 'Password_3_=canary-post&a=b'}}
expect:
  - {none: index == 17 && param("GPP_SD") == 'canary-gpp-sd', at: end, from: start}
`

func TestNoSecretIsInABundle(t *testing.T) {
	dir := t.TempDir()
	write := func(name, text string) string {
		name = filepath.Join(dir, name)
		if err := os.MkdirAll(filepath.Dir(name), 0o700); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(name, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		return name
	}
	t.Setenv("SPAFLEET_PARAM_LOGIN", "canary-secret-param")
	write("files/c.xml", "<flat-profile><EM_Phone_Password>canary-file</EM_Phone_Password><GPP_SC>canary&amp;file</GPP_SC></flat-profile>")
	file := write("canaries.yaml", canaries)
	code, out, say := spafleetIn(t, "run", file, "--set", "Password_4_=canary-flag", "--with", "params.login=canary-replaced", "--with", "params.login=canary-secret-param", "--with", `fleet.town.set.GPP_SA=canary-with`, "--bundles", dir)
	if code != exitFailed {
		t.Fatalf("exit code %d\n%s%s", code, out, say)
	}
	archive := filepath.Join(dir, "canaries-seed-1-device-17.zip")
	b := noCanary(t, archive)
	if len(b.About.StandIns) < 20 || b.About.Refusal != "" {
		t.Errorf("stand-ins %v, %s", b.About.StandIns, b.About.Refusal)
	}
	if text := string(b.Scenario); !strings.Contains(text, "Password_2_: hidden") || strings.Contains(text, "7261") || !strings.Contains(text, `secret("canary")`) {
		t.Errorf("%s", text)
	}
	code, out, say = spafleetIn(t, "run", archive)
	if code != exitFailed || !strings.Contains(out, "its events are the same to the byte\nthe bundle's failure showed again") {
		t.Errorf("exit code %d\n%s%s", code, out, say)
	}
}

// noCanary reads a bundle, and looks for what is no word of a template in all of its
// parts.
func noCanary(t *testing.T, archive string) *bundle.Bundle {
	t.Helper()
	b, err := readBundle(archive)
	if b == nil || err != nil {
		t.Fatalf("%s: %v", archive, err)
	}
	about, err := json.Marshal(b.About)
	if err != nil {
		t.Fatal(err)
	}
	parts := map[string]string{"about": string(about), "scenario": string(b.Scenario), "list": string(b.List), "events": string(b.Events), "report": string(b.Report)}
	for name, text := range b.Files {
		parts["files/"+name] = name + string(text)
	}
	raw, err := os.ReadFile(archive)
	if err != nil {
		t.Fatal(err)
	}
	parts["the archive itself"] = string(raw)
	for name, text := range parts {
		text = strings.ReplaceAll(text, `secret("canary")`, "")
		if i := strings.Index(strings.ReplaceAll(text, "canaries", "        "), "canary"); i >= 0 {
			t.Errorf("%s has a canary: %s", name, text[max(i-80, 0):min(i+80, len(text))])
		}
	}
	return b
}

// A list may stand in the scenario.
func TestSecretsOfAListInTheScenarioAreInNoBundle(t *testing.T) {
	dir := t.TempDir()
	file := filepath.Join(dir, "inline.yaml")
	text := "devices: |\n  mac,model,param:Password_1_\n  000e08123456,SPA942,canary-inline\nserver: {}\nexpect: [{all: synced, by: 1m}]\n"
	if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	code, out, say := spafleetIn(t, "run", file, "--bundles", dir)
	if code != exitFailed {
		t.Fatalf("exit code %d\n%s%s", code, out, say)
	}
	archive := filepath.Join(dir, "inline-seed-1-device-0.zip")
	noCanary(t, archive)
	if code, out, say = spafleetIn(t, "run", archive); code != exitFailed || !strings.Contains(out, "the same to the byte") {
		t.Errorf("exit code %d\n%s%s", code, out, say)
	}
}

// Devices of a list have secrets of their own, and the files of certificates that it
// names are not in a bundle.
func TestABundleHoldsTheListOfTheDevices(t *testing.T) {
	dir := t.TempDir()
	var list strings.Builder
	list.WriteString("# phones\nmac;model;param:Password_1_;param:User_ID_1_;certificate;key\n")
	for i := range 20 {
		fmt.Fprintf(&list, "000e081234%02x;SPA942;canary-%d;%d;;\n", i, i, 1000+i)
	}
	file := filepath.Join(dir, "phones.csv")
	if err := os.WriteFile(file, []byte(list.String()), 0o600); err != nil {
		t.Fatal(err)
	}
	code, out, say := spafleetIn(t, "run", "--devices", file, "--virtual", "10m", "--until", "SEC-PRV-2", "--timeout", "1s", "--bundles", dir)
	if code != exitFailed {
		t.Fatalf("exit code %d\n%s%s", code, out, say)
	}
	archive := filepath.Join(dir, "run-seed-1-device-0.zip")
	if b := noCanary(t, archive); !strings.Contains(string(b.List), "000e08123413,SPA942,hidden") || strings.Contains(string(b.List), "certificate") {
		t.Errorf("%s", b.List)
	}
	code, out, say = spafleetIn(t, "run", archive, "--json")
	var got replayedBundle
	if err := json.Unmarshal([]byte(out), &got); err != nil || code != exitFailed || !got.Showed || !got.SameEvents || !got.Alone || got.Device.MAC != "000e08123400" {
		t.Errorf("exit code %d, %v\n%s%s", code, err, out, say)
	}
}

// A bundle of a stranger reads no file and reaches nobody.
func TestAStrangersBundleIsRefusedOrHarmless(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	outside := filepath.Join(dir, "outside.csv")
	if err := os.WriteFile(outside, []byte("mac,model\n000e08123456,SPA942\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	const server = "fleet: {a: {model: SPA942, count: 3, set: {Resync_Random_Delay: 0}}}\nduration: 1m\n"
	for name, tt := range map[string]struct {
		change func(b *bundle.Bundle)
		code   int
		want   string
	}{
		"a list outside": {func(b *bundle.Bundle) { b.Scenario = []byte("devices: " + outside + "\nduration: 1m\n") }, exitUsage, "is not a path below the scenario's folder"},
		"a list above":   {func(b *bundle.Bundle) { b.Scenario = []byte("devices: ../outside.csv\nduration: 1m\n") }, exitUsage, "is not a path below the scenario's folder"},
		"a file outside": {func(b *bundle.Bundle) {
			b.Scenario = []byte(server + "server: {files: {/a: {from: " + outside + "}}}\n")
		}, exitUsage, "is not a path below the scenario's folder"},
		"certificates": {func(b *bundle.Bundle) {
			b.List = []byte("mac,model,certificate\n000e08123456,SPA942," + outside + "\n")
		}, exitUsage, "names files of certificates"},
		"a flag that reads": {func(b *bundle.Bundle) {
			b.About.Flags = append(b.About.Flags, bundle.Flag{Name: "devices", Value: outside})
		}, exitUsage, "a bundle has no --devices"},
		"a flag that runs": {func(b *bundle.Bundle) {
			b.About.Flags = append(b.About.Flags, bundle.Flag{Name: "decoder", Value: "/bin/true"})
		}, exitUsage, "a bundle has no --decoder"},
		"a flag that sends": {func(b *bundle.Bundle) {
			b.About.Flags = append(b.About.Flags, bundle.Flag{Name: "result-url", Value: "http://127.0.0.1:1/"})
		}, exitUsage, "a bundle has no --result-url"},
		"a clock that is real": {func(b *bundle.Bundle) { b.Scenario = []byte(server + "clock: real\nserver: {}\n") }, exitOK, "replayed in virtual time"},
		"a public target": {func(b *bundle.Bundle) {
			b.Scenario = []byte(server + "target: {hosts: [192.0.2.7], trust: /dev/zero}\n")
			b.About.Recorded = true
		}, exitOK, "replayed in virtual time"},
		"another device": {func(b *bundle.Bundle) {
			b.About.Device.Index, b.About.Devices = 3, 4
			b.Scenario = []byte(server + "server: {}\n")
		}, exitUsage, "the scenario has 3 devices, and the bundle is of device 3"},
		"a fleet without end": {func(b *bundle.Bundle) {
			b.Scenario = []byte("fleet: {a: {model: SPA942, count: 1M}}\nserver: {workers: 1}\nduration: 1m\n")
		}, exitUsage, "the fleet is too large"},
		"no scenario":            {func(b *bundle.Bundle) { b.Scenario = []byte("fleet: [") }, exitUsage, "the bundle cannot be replayed: scenario.yaml:1"},
		"says that it cannot be": {func(b *bundle.Bundle) { b.About.Refusal = "it was resumed" }, exitUsage, "the bundle cannot be replayed: it was resumed"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b := aBundle()
			tt.change(b)
			file := filepath.Join(t.TempDir(), "b.zip")
			f, err := os.Create(file)
			if err != nil {
				t.Fatal(err)
			}
			if err := b.Write(f, &bundle.Vault{}); err != nil {
				t.Fatal(err)
			}
			f.Close()
			code, out, say := spafleetIn(t, "run", file)
			if code != tt.code || !strings.Contains(out+say, tt.want) || strings.Contains(out+say, "000e08123456") && tt.code != exitOK {
				t.Errorf("exit code %d, want %d and %q\n%s%s", code, tt.code, tt.want, out, say)
			}
		})
	}
}

// aBundle is one of flags alone.
func aBundle() *bundle.Bundle {
	b := &bundle.Bundle{Events: []byte("{}\n"), Report: []byte("{}")}
	b.About = bundle.About{Format: bundle.Format, Name: "strange", Seed: 1, Clock: "virtual", Duration: 60, Devices: 1, Flags: []bundle.Flag{{Name: "model", Value: "SPA942"}}}
	b.About.Start = b.About.Start.AddDate(2019, 0, 0)
	return b
}
