package why_test

import (
	"bytes"
	"fmt"
	"slices"
	"strings"
	"testing"

	"spafleet/scenarios/report/why"
)

// line is a line of an event log, of a device and a second of the log.
func line(dev, second int, kind, more string) string {
	return fmt.Sprintf(`{"at":"2020-01-01T%02d:%02d:%02dZ","dev":%d,"mac":"000e0800%04x","n":1,"kind":%q,"state":"SP-CUST"%s}`+"\n",
		second/3600%24, second/60%60, second%60, dev, dev, kind, more)
}

const serial = `,"model":"SPA942","firmware":"6.1.5(a)","serial":"88019L436186"`

func threeDevices() string {
	return line(0, 0, "power_on", "") + line(300, 0, "power_on", serial) + line(2, 0, "power_on", "") +
		line(300, 1, "boot", `,"reason":"power"`) + line(2, 9, "syslog", `,"text":"hello"`)
}

func tell(t *testing.T, name, log string) (*why.Device, error) {
	t.Helper()
	r, err := why.NewReader(name)
	if err != nil {
		return nil, err
	}
	if err := r.Read(strings.NewReader(log)); err != nil {
		return nil, err
	}
	return r.Device()
}

func text(t *testing.T, d *why.Device) string {
	t.Helper()
	var b strings.Builder
	if err := d.WriteText(&b); err != nil {
		t.Fatal(err)
	}
	return b.String()
}

func TestADeviceHasManyNames(t *testing.T) {
	for _, name := range []string{"000e0800012c", "00:0E:08:00:01:2C", "00-0e-08-00-01-2c", "000e.0800.012c", "300", "88019L436186", "88019l436186"} {
		d, err := tell(t, name, threeDevices())
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		if d.Index != 300 || d.MAC != "000e0800012c" || d.Serial != "88019L436186" || len(d.Steps()) != 3 {
			t.Errorf("%s: %+v", name, d)
		}
	}
}

func TestADeviceThatIsNotThereHasANearestOne(t *testing.T) {
	for _, tt := range []struct{ name, log, want string }{
		{"000e0800012d", threeDevices(), "no event of 000e0800012d; nearest are 000e0800012c (device 300), 000e08000000 (device 0)"},
		{"301", threeDevices(), "the largest index is 300"},
		{"88019L436187", threeDevices(), "serial numbers stand in lines of power_on"},
		{"00:0e:08", threeDevices(), "give a MAC address, a serial number or an index"},
		{"", threeDevices(), "no device is named"},
		{"1", "", "there are no events"},
		{"1", "{\"verdict\":\"failed\"}\n", "line 1 is no event"},
		{"300", threeDevices() + "{}\n", "line 6 is no event"},
		{"300", line(300, 0, "power_on", `,"text":3`), "line 1 is no event"},
	} {
		if _, err := tell(t, tt.name, tt.log); err == nil || !strings.Contains(err.Error(), tt.want) {
			t.Errorf("%q: %v, want %q", tt.name, err, tt.want)
		}
	}
}

// A log may be cut anywhere: the program was ended, or it is still written.
func TestALogMayBeWrittenInAnyParts(t *testing.T) {
	log := threeDevices()
	want, err := tell(t, "300", log)
	if err != nil {
		t.Fatal(err)
	}
	for size := 1; size < len(log); size += 7 {
		r, _ := why.NewReader("300")
		for part := range slices.Chunk([]byte(log), size) {
			if _, err := r.Write(part); err != nil {
				t.Fatal(err)
			}
		}
		if d, err := r.Device(); err != nil || text(t, d) != text(t, want) {
			t.Fatalf("in parts of %d: %v", size, err)
		}
	}
	d, err := tell(t, "300", log[:len(log)-9])
	if err != nil || !d.Cut || !strings.Contains(text(t, d), "the log ends within a line") {
		t.Errorf("%+v, %v", d, err)
	}
}

// A device that reboots for a week has a story that can be read.
func TestALongStoryIsBoundedAndSaysWhatRepeats(t *testing.T) {
	r, _ := why.NewReader("0")
	for i := range 20_000 {
		log := line(0, i, "boot", `,"reason":"params","text":"A → B"`) + line(0, i, "resync_started", `,"cause":"power_on"`) +
			line(0, i, "resync_ok", "") + line(1, i, "boot", "")
		if _, err := r.Write([]byte(log)); err != nil {
			t.Fatal(err)
		}
	}
	d, err := r.Device()
	if err != nil {
		t.Fatal(err)
	}
	if n := len(d.Steps()); n != 2002 {
		t.Errorf("%d steps are kept", n)
	}
	story := text(t, d)
	if strings.Count(story, "\n") > 40 || !strings.Contains(story, "… the same 132 times more, the last at ") || !strings.Contains(story, "58000 more steps are left out here") {
		t.Errorf("%s", story)
	}
}

func TestALineWithoutEndIsRefused(t *testing.T) {
	r, _ := why.NewReader("0")
	var err error
	for range 40 {
		if _, err = r.Write(bytes.Repeat([]byte("x"), 1<<20)); err != nil {
			break
		}
	}
	if err == nil || !strings.Contains(err.Error(), "this is no log of events") {
		t.Error(err)
	}
}

// What a device waits for at the end of the log, and since when.
func TestTheEndSaysWhatTheDeviceWaitsFor(t *testing.T) {
	const next = `,"cause":"periodic","text":"the periodic resync","next":"2020-01-01T01:00:00Z"`
	on := line(0, 0, "power_on", "") + line(0, 0, "boot", `,"reason":"power"`)
	ok := on + line(0, 1, "resync_started", "") + line(0, 2, "resync_ok", "")
	for _, tt := range []struct{ log, want string }{
		{on, "the log does not say what it waits for"},
		{on + line(0, 0, "timer", `,"text":"the boot is over","next":"2020-01-01T00:00:20Z"`), "it waits since 2020-01-01 00:00:00.000 until 2020-01-01 00:00:20.000: the boot is over"},
		{on + line(0, 1, "resync_started", ""), "the resync is under way since 2020-01-01 00:00:01.000"},
		{on + line(0, 1, "waits", `,"text":"other attempts"`), "it waits since 2020-01-01 00:00:01.000 for other attempts"},
		{ok + line(0, 2, "timer", next), "it waits since 2020-01-01 00:00:02.000 until 2020-01-01 01:00:00.000: the periodic resync"},
		{ok + line(0, 2, "timer", `,"text":"it does not come back by itself"`), "it waits since 2020-01-01 00:00:02.000: it does not come back by itself"},
		{ok + line(0, 2, "timer", next) + line(0, 3, "waits", `,"text":"the end of a call"`) + line(0, 9, "waits", `,"text":"the end of a call"`),
			"it waits since 2020-01-01 00:00:03.000 for the end of a call"},
		{ok + line(0, 3, "waits", `,"text":"the end of a call"`) + line(0, 9, "timer", `,"text":"it starts in spite of it","next":"2020-01-01T01:00:00Z"`) + line(0, 9, "waits", `,"text":"the end of a call"`),
			"it waits since 2020-01-01 00:00:03.000, until 2020-01-01 01:00:00.000 at the latest, for the end of a call"},
		{ok + line(0, 5, "power_off", ""), "it has had no power since 2020-01-01 00:00:05.000"},
	} {
		d, err := tell(t, "0", tt.log)
		if err != nil {
			t.Fatal(err)
		}
		steps := d.Steps()
		if got := steps[len(steps)-1]; got.Kind != "end" || !strings.Contains(got.Text, tt.want) {
			t.Errorf("%q, want %q", got.Text, tt.want)
		}
	}
}

// A log of another version, or of a server with odd names, may hold secrets.
func TestTheStoryShowsNoSecrets(t *testing.T) {
	log := line(0, 0, "power_on", "") +
		line(0, 0, "boot", `,"reason":"params","text":"Profile_Rule \"\" → \"[--key \\\"canary one\\\" --uid u --pwd canary2] http://u:canary3@h/\""`) +
		line(0, 1, "web", `,"text":"resync [--key canary4] http://h/?a=1&password=canary5"`) +
		line(0, 2, "fetch_failed", `,"rule":"A","scheme":"http","host":"h","path":"/x?pin=canary6","said":"<flat-profile><GPP_SA>canary7</GPP_SA><Admin_Passwd>canary8"`) +
		line(0, 3, "rule", `,"rule":"A","err":"column 3: --key canary9"`)
	d, err := tell(t, "0", log)
	if err != nil {
		t.Fatal(err)
	}
	story := text(t, d)
	if strings.Contains(story, "canary") || strings.Count(story, "***") < 8 {
		t.Error(story)
	}
}

func TestTheStoryFitsATerminal(t *testing.T) {
	log := line(0, 0, "power_on", serial) + line(0, 1, "resync_started", `,"cause":"retry"`) +
		line(0, 2, "fetch", `,"rule":"A","scheme":"http","host":"h","path":"/`+strings.Repeat("long", 60)+`","status":200,"bytes":7`) +
		line(0, 2, "applied", `,"changed":1,"unknown":["`+strings.Repeat(`A_Parameter","`, 40)+`B"],"rejected":["C"],"refused":["often"]`)
	d, err := tell(t, "0", log)
	if err != nil {
		t.Fatal(err)
	}
	story := text(t, d)
	for _, l := range strings.Split(story, "\n") {
		if len([]rune(l)) > 80 {
			t.Errorf("%d columns: %s", len([]rune(l)), l)
		}
	}
	if !strings.Contains(story, "and 29 more") || !strings.Contains(story, `C "often"`) {
		t.Error(story)
	}
}
