package fleet_test

import (
	"fmt"
	"net/netip"
	"strings"
	"testing"
	"time"

	"spafleet/device"
	"spafleet/fleet"
	"spafleet/prov"
	"spafleet/resync/modelled"
)

// A ladder of three images over fifty devices, as it stands in the server's log: each
// device asks for the profile, is away while it reboots for what that has changed, asks
// again and gets the first image, is away while it writes that and starts, and so on.
// The times are the firmware's; between them lies the random delay of each boot.
func TestALadderInTheServersLog(t *testing.T) {
	const count, delay = 50, 40 * time.Second // Resync_Random_Delay 2, in units of 20 s
	for _, tt := range []struct {
		model, firmware string
		stages          []string
		warm, flash     time.Duration // how long a device is away: after changed parameters, and after an image
	}{
		{"SPA2102", "3.3.6", []string{"5.1.10", "5.2.5", "5.2.12"}, 6 * time.Second, (15 + 12) * time.Second},
		{"SPA942", "5.1.8", []string{"5.1.10", "5.1.15(a)", "6.1.5(a)"}, 20 * time.Second, (30 + 30) * time.Second},
		{"SPA504G", "7.4.9", []string{"7.5.2b", "7.5.5", "7.6.2f"}, 50 * time.Second, (60 + 50) * time.Second},
	} {
		t.Run(tt.model, func(t *testing.T) {
			files, rule := map[string]prov.Entry{}, []string{}
			for i, version := range tt.stages {
				path := fmt.Sprintf("/stage-%d.bin", i)
				files[path] = prov.Entry{Body: image(t, tt.model, version)}
				rule = append(rule, fmt.Sprintf("($SWVER lt %s)? http://127.0.0.1%s", version, path))
			}
			files["/a.xml"] = prov.Entry{Body: "<flat-profile><User_ID_1_>1001</User_ID_1_><Upgrade_Rule>" +
				strings.ReplaceAll(strings.Join(rule, " | "), "<", "&lt;") + "</Upgrade_Rule></flat-profile>"}
			log := map[netip.Addr][]prov.Line{}
			core, err := prov.NewCore(files, prov.Options{Log: func(l prov.Line) { log[l.Source] = append(log[l.Source], l) }})
			if err != nil {
				t.Fatal(err)
			}
			group := fleet.Group{Name: "homes", Row: row(t, tt.model, tt.firmware, nil), Count: count,
				Presets: settings("Profile_Rule=http://127.0.0.1/a.xml", "Resync_Periodic=0", "Resync_Random_Delay=2")}
			run(t, core, group, 20*time.Minute)
			spread := map[time.Duration]bool{}
			for addr, lines := range log {
				checkLadder(t, addr, lines, append([]string{tt.firmware}, tt.stages...), func(after int) (least, most time.Duration) {
					switch after {
					case 0: // the profile that changes parameters
						return tt.warm, tt.warm + delay
					case 1, 3, 5: // the same profile; the image follows at once
						return 0, time.Second
					}
					return tt.flash, tt.flash + delay
				}, spread)
			}
			if len(log) != count || len(spread) < 4*count*9/10 {
				t.Errorf("%d devices are in the log, with %d different pauses", len(log), len(spread))
			}
		})
	}
}

// checkLadder checks the lines of one device: the profile with each firmware, twice with
// the first, and each image once. Pause returns the bounds of the time from a line to
// the next. Whole notes the pauses that have a random delay.
func checkLadder(t *testing.T, addr netip.Addr, lines []prov.Line, firmwares []string, pause func(after int) (least, most time.Duration), whole map[time.Duration]bool) {
	t.Helper()
	var want []string
	for i, firmware := range firmwares {
		want = append(want, "/a.xml "+firmware)
		if i == 0 {
			want = append(want, "/a.xml "+firmware)
		}
		if i < len(firmwares)-1 {
			want = append(want, fmt.Sprintf("/stage-%d.bin %s", i, firmware))
		}
	}
	if len(lines) != len(want) {
		t.Fatalf("%s: %d lines, want %d: %+v", addr, len(lines), len(want), lines)
	}
	for i, l := range lines {
		path, firmware, _ := strings.Cut(want[i], " ")
		if l.Path != path || !strings.Contains(l.UserAgent, "-"+firmware+" (") || l.Status != 200 {
			t.Errorf("%s: line %d is %s by %q, want %s", addr, i, l.Path, l.UserAgent, want[i])
		}
		if i+1 == len(lines) {
			break
		}
		least, most := pause(i)
		got := time.Duration(lines[i+1].At - l.At)
		if got < least || got > most+time.Second {
			t.Errorf("%s: %v from line %d to the next, want %v to %v", addr, got, i, least, most)
		}
		if most > time.Second {
			whole[got] = true
		}
	}
}

// run runs a group in virtual time against a server.
func run(t *testing.T, core *prov.Core, group fleet.Group, lasts time.Duration) {
	t.Helper()
	var f *fleet.Fleet
	f, err := fleet.New(fleet.Config{
		Seed: 1, Clock: fleet.Virtual, Groups: []fleet.Group{group},
		InProcess: &modelled.Network{Server: core, Addr: inProcess, TFTP: 69, HTTP: 80},
		Conduct: func(at int64, _ func(_ device.Index, _ device.Command)) (int64, bool) {
			return f.Start() + int64(lasts), at >= f.Start()+int64(lasts)
		},
	})
	if err != nil {
		t.Fatal(err)
	}
	if err := f.Run(t.Context()); err != nil {
		t.Fatal(err)
	}
}
