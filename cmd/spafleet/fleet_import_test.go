package main

import (
	"encoding/json"
	"maps"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// aFleet is three groups that differ in models, firmware, files, intervals and addresses.
const aFleet = `
clock: {mode: virtual, start: 2026-11-02}
duration: 9h
fleet:
  desk:
    mix: {SPA504G 7.5.5: 18, SPA942 6.1.5(a): 12}
    addresses: 127.65.0.0/16
    nat: {1: 15, 2: 4, 3: 4, 5: 4}
    powered: false
    set: {Profile_Rule: "http://${server.http}/spa$PSN.cfg", Profile_Rule_B: "http://${server.http}/cfg/$MA.xml", Resync_Periodic: 3600}
  home:
    model: SPA2102
    firmware: 5.2.10
    count: 25
    addresses: 127.65.0.0/16
    powered: false
    set: {Profile_Rule: "http://${server.http}/p/k3y9f8s7d6f5a4b3c2d1/$MA.xml?key=sesame99&v=$SWVER", Resync_Periodic: 1800}
  old:
    mix: {PAP2T 5.1.6(LS): 15}
    addresses: 127.66.0.0/16 # by TFTP, two behind one address cannot be told apart
    powered: false
    set: {Resync_Periodic: 7200, Resync_Error_Retry_Delay: 600}
server:
  files:
    /spa$PSN.cfg: <flat-profile></flat-profile>
    /cfg/$MA.xml: {body: <flat-profile></flat-profile>, size: 4KB}
    /p/k3y9f8s7d6f5a4b3c2d1/$MA.xml: <flat-profile></flat-profile>
    /init.cfg: <flat-profile></flat-profile>
timeline:
  - {power_on: all, over: 30m}
expect:
  - {all: resyncs.ok > 1, by: 9h}
`

// importOf runs a scenario, and imports the log of its server.
func importOf(t *testing.T, scenario string, flags ...string) (sum imported, text []byte) {
	t.Helper()
	log := strings.TrimSuffix(scenario, ".yaml") + ".log"
	if code, out, say := spafleetIn(t, "run", scenario, "--access-log", log); code != exitOK {
		t.Fatalf("run: exit %d\n%s\n%s", code, out, say)
	}
	return importLog(t, log, flags...)
}

func importLog(t *testing.T, log string, flags ...string) (sum imported, text []byte) {
	t.Helper()
	return importLogs(t, filepath.Join(t.TempDir(), "imported.yaml"), append([]string{log}, flags...)...)
}

// importLogs imports logs, with flags among them, to a file.
func importLogs(t *testing.T, out string, args ...string) (sum imported, text []byte) {
	t.Helper()
	code, summary, say := spafleetIn(t, append([]string{"fleet", "import", "--json", "--out", out}, args...)...)
	if code != exitOK {
		t.Fatalf("import: exit %d\n%s\n%s", code, summary, say)
	}
	if err := json.Unmarshal([]byte(summary), &sum); err != nil {
		t.Fatal(err)
	}
	text, err := os.ReadFile(out)
	if err != nil {
		t.Fatal(err)
	}
	return sum, text
}

// The log of a run is imported as the fleet that ran: models, firmware, counts, files,
// intervals, devices behind addresses. The scenario runs, passes, and its own log is the
// same again.
func TestImportOfARunIsThatFleet(t *testing.T) {
	file := filepath.Join(t.TempDir(), "three.yaml")
	if err := os.WriteFile(file, []byte(aFleet), 0o600); err != nil {
		t.Fatal(err)
	}
	for range 2 {
		sum, text := importOf(t, file)
		want := []struct {
			every   int
			models  map[string]int
			files   string
			devices int
		}{
			{3600, map[string]int{"SPA504G 7.5.5": 18, "SPA942 6.1.5(a)": 12}, "/spa$PSN.cfg /cfg/$MA.xml", 30},
			{1800, map[string]int{"SPA2102 5.2.10": 25}, "/p/hidden/$MA.xml?key=hidden&v=$SWVER", 25},
			{7200, map[string]int{"PAP2T 5.1.6(LS)": 15}, "/init.cfg", 15},
		}
		if sum.Devices != 70 || sum.Addresses != 42 || !maps.Equal(sum.NAT, map[int]int{1: 30, 2: 4, 3: 4, 5: 4}) || len(sum.Groups) != len(want) {
			t.Fatalf("%d devices at %d addresses, %v, %d groups\n%s", sum.Devices, sum.Addresses, sum.NAT, len(sum.Groups), text)
		}
		for i, w := range want {
			if g := sum.Groups[i]; g.Interval != w.every || g.Jitter != 0 || g.Retries != 0 || !maps.Equal(g.Models, w.models) || strings.Join(g.Files, " ") != w.files || g.Devices != w.devices {
				t.Errorf("%+v, want %+v", g, w)
			}
		}
		for _, secret := range []string{"sesame99", "k3y9f8s7d6f5a4b3c2d1"} {
			if strings.Contains(string(text), secret) {
				t.Errorf("%s is in the scenario:\n%s", secret, text)
			}
		}
		if found := regexp.MustCompile(`[0-9A-Fa-f]{12}|CCQ|88019|FM500`).Find(text); found != nil {
			t.Errorf("%s, which looks like a device, is in the scenario:\n%s", found, text)
		}
		if !strings.Contains(string(text), "size: 4096B") {
			t.Errorf("the size of a file is not in the scenario:\n%s", text)
		}
		// 9 hours, as the first time, so that each interval is seen.
		file = filepath.Join(t.TempDir(), "again.yaml")
		text = regexp.MustCompile(`(?m)^duration: .*$`).ReplaceAll(text, []byte("duration: 9h"))
		if err := os.WriteFile(file, text, 0o600); err != nil {
			t.Fatal(err)
		}
	}
}

// instants returns when devices began to ask, and for which file. The second file of a
// pass may be asked for in the next second.
func instants(t *testing.T, log string) []string {
	list := slices.DeleteFunc(requestsIn(t, log), func(line string) bool { return strings.Contains(line, " /cfg/") })
	for i := range list {
		fields := strings.Fields(list[i])
		list[i] = fields[0] + " " + regexp.MustCompile(`[0-9a-f]{12}`).ReplaceAllString(fields[3], "MA")
	}
	slices.Sort(list)
	return list
}

// A replay has the requests of the log at their instants, to the second.
func TestReplayHasTheInstantsOfTheLog(t *testing.T) {
	dir := t.TempDir()
	file, log := filepath.Join(dir, "three.yaml"), filepath.Join(dir, "three.log")
	text := strings.NewReplacer("/p/k3y9f8s7d6f5a4b3c2d1/", "/p/", "?key=sesame99&v=$SWVER", "", "duration: 9h", "duration: 3h").Replace(aFleet)
	if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	sum, _ := importOf(t, file, "--replay")
	again := filepath.Join(dir, "again.log")
	if code, out, say := spafleetIn(t, "run", sum.Scenario, "--access-log", again); code != exitOK {
		t.Fatalf("replay: exit %d\n%s\n%s", code, out, say)
	}
	want, got := instants(t, log), instants(t, again)
	if !slices.Equal(got, want) {
		for i := range min(len(got), len(want)) {
			if got[i] != want[i] {
				t.Errorf("%d requests, want %d; the first that differs, after %d: %s, want %s", len(got), len(want), i, got[i], want[i])
				break
			}
		}
	}
	if sum.Arrivals != len(want) || len(want) < 70*2 {
		t.Errorf("%d arrivals, and %d devices began to ask", sum.Arrivals, len(want))
	}
}

// With --keep-macs the devices are those of the log.
func TestKeptDevicesAreThoseOfTheLog(t *testing.T) {
	dir := t.TempDir()
	log := filepath.Join(dir, "a.log")
	if err := os.WriteFile(log, []byte(`192.0.2.7 - - [30/Nov/2026:15:47:51 +0000] "GET /0002fd000001.xml HTTP/1.1" 200 5 "-" "Cisco/SPA504G-7.5.5 (0002FD000001)(CCQ16230001)"
192.0.2.7 - - [30/Nov/2026:15:48:51 +0000] "GET /000e08000001.xml HTTP/1.1" 200 5 "-" "Linksys/SPA-942-6.1.5(a) (88019L400001)"
`), 0o600); err != nil {
		t.Fatal(err)
	}
	sum, text := importLogs(t, filepath.Join(dir, "last, tuesday: #1.yaml"), log, "--keep-macs", "--replay")
	list, err := os.ReadFile(sum.DeviceAt)
	if err != nil || strings.Contains(string(text), "0002fd") {
		t.Fatalf("%v\n%s", err, text)
	}
	for _, want := range []string{"0002fd000001,SPA504G,7.5.5,CCQ16230001,", "000e08000001,SPA942,6.1.5(a),88019L400001,"} {
		if !strings.Contains(string(list), want) {
			t.Errorf("%q is not in the list:\n%s", want, list)
		}
	}
	if code, out, say := spafleetIn(t, "run", sum.Scenario); code != exitOK {
		t.Errorf("exit %d\n%s\n%s\n%s", code, out, say, text)
	}
}

// What cannot be imported is said with a hint, and nothing is written.
func TestWhatCannotBeImported(t *testing.T) {
	dir := t.TempDir()
	write := func(name, text string) string {
		name = filepath.Join(dir, name)
		if err := os.WriteFile(name, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		return name
	}
	line := `192.0.2.7 - - [30/Nov/2026:15:47:51 +0000] "GET /a.xml HTTP/1.1" 200 5 "-" "Mozilla/5.0 (X11)"` + "\n"
	device := `192.0.2.7 - - [30/Nov/2026:15:47:51 +0000] "GET /a.xml HTTP/1.1" 200 5 "-" "Linksys/SPA-942-6.1.5(a) (88019L400001)"` + "\n"
	out := filepath.Join(dir, "out.yaml")
	for _, tt := range []struct {
		args []string
		want string
	}{
		{nil, "give the log of a provisioning server"},
		{[]string{filepath.Join(dir, "none.log")}, "no such file or directory; give the log"},
		{[]string{dir}, "is a folder; give the logs in it"},
		{[]string{write("empty.log", "")}, "nor of anybody else: is it the log of a provisioning server?"},
		{[]string{write("browser.log", strings.Repeat(line, 3))}, `3  "Mozilla/5.0 (X11)"`},
		{[]string{write("binary.log", "\x00\x01\xff\n\x16\x03\n")}, `binary.log: 2 of 2 lines are in no format that is read, 0 longer than 64 KB; the first:` + "\n" + `  line 1: "\x00\x01\xff"`},
		{[]string{write("cut.gz", "\x1f\x8b\x08")}, "it begins as gzip does, and cannot be unpacked"},
		{[]string{write("one.log", device), "--from", "tomorrow"}, `--from "tomorrow" is not a time`},
		{[]string{write("one.log", device), "--from", "2027-01-01"}, "all 1 requests are before --from or after --to"},
		{[]string{write("one.log", device), "-"}, "- is standard input, and goes with no other log"},
		{[]string{write("one.log", device), "--out", "-", "--replay"}, "write a file beside the scenario: give --out a name"},
		{[]string{write("one.log", device), "--out", write("there.yaml", "")}, "is there already: give --out another name"},
		{[]string{write("one.log", device), "--out", filepath.Join(dir, "no", "a.yaml")}, "--out: "},
	} {
		args := append([]string{"fleet", "import"}, tt.args...)
		if !slices.Contains(args, "--out") {
			args = append(args, "--out", out)
		}
		code, _, say := spafleetIn(t, args...)
		if code != exitUsage || !strings.Contains(say, tt.want) {
			t.Errorf("%v: exit %d, %q; want %q", tt.args, code, say, tt.want)
		}
		if _, err := os.Stat(out); err == nil {
			t.Fatalf("%v wrote a scenario", tt.args)
		}
	}
}

// Lines that cannot be read are told and stop nothing. The scenario may go to the
// standard output, and from there to run.
func TestImportOfAMixedLog(t *testing.T) {
	log := filepath.Join(t.TempDir(), "mixed.log")
	if err := os.WriteFile(log, []byte(`192.0.2.7 - - [30/Nov/2026:15:47:51 +0000] "GET /spa942.cfg HTTP/1.1" 200 5 "-" "Linksys/SPA-942-6.1.5(a) (88019L400001)"
nonsense
Nov 30 15:40:00 boot in.tftpd[812]: RRQ from 192.0.2.8 filename /init.cfg
192.0.2.9 - - [30/Nov/2026:15:47:51 +0000] "GET /x HTTP/1.1" 404 5 "-" "Cisco/CP-8841-10.1.1 (SEP000000000000)"
`), 0o600); err != nil {
		t.Fatal(err)
	}
	code, out, say := spafleetIn(t, "fleet", "import", log, "--out", "-")
	if code != exitOK || !strings.Contains(say, "1 of 4 lines are in no format") || !strings.Contains(say, `line 2: "nonsense"`) || !strings.Contains(say, "left out: 1 request of models that spafleet does not have") {
		t.Fatalf("exit %d\n%s\n%s", code, out, say)
	}
	for _, want := range []string{"SPA942 6.1.5(a): 1", "PAP2T ", `"tftp://${server.tftp}/init.cfg"`, "# Guessed: the model of 1 device, by"} {
		if !strings.Contains(out, want) {
			t.Errorf("%q is not in the scenario:\n%s", want, out)
		}
	}
	file := filepath.Join(t.TempDir(), "mixed.yaml")
	if err := os.WriteFile(file, []byte(out), 0o600); err != nil {
		t.Fatal(err)
	}
	if code, out, say := spafleetIn(t, "run", file); code != exitOK {
		t.Errorf("exit %d\n%s\n%s", code, out, say)
	}
}
