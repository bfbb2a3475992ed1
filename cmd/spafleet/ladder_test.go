package main

import (
	"bytes"
	"fmt"
	"net/netip"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"spafleet/bench/extproc"
	"spafleet/device"
	"spafleet/device/devicetest"
	"spafleet/device/model"
	"spafleet/resync"
	"spafleet/scenarios/report"
)

// Fifty SPA2102 climb three stages, the first by dnsmasq's TFTP, the others by
// nginx's HTTP. The servers' logs say that each device took each image once, and
// who it said it was.
func TestRealServersTakeAFleetUpALadder(t *testing.T) {
	const homes = 50
	tftpRoot, httpRoot := readable(t), readable(t)
	web := newNginx(t, httpRoot)
	rule := fmt.Sprintf(`($SWVER lt 5.1.10)? tftp://127.9.69.1/fw/spa2102-5-1-10.bin | ($SWVER lt 5.2.5)? http://%s/fw/spa2102-5-2-5.bin | ($SWVER lt 5.2.12)? http://%s/fw/spa2102-5-2-12.bin`, web.addr, web.addr)
	write(t, filepath.Join(tftpRoot, "spa2102.cfg"), []byte("<flat-profile><User_ID_1_>kept</User_ID_1_><Upgrade_Rule>"+strings.ReplaceAll(rule, "<", "&lt;")+"</Upgrade_Rule></flat-profile>"))
	write(t, filepath.Join(tftpRoot, "fw", "spa2102-5-1-10.bin"), firmwareImage(t, "SPA2102", "5.1.10"))
	write(t, filepath.Join(httpRoot, "fw", "spa2102-5-2-5.bin"), firmwareImage(t, "SPA2102", "5.2.5"))
	write(t, filepath.Join(httpRoot, "fw", "spa2102-5-2-12.bin"), firmwareImage(t, "SPA2102", "5.2.12"))
	tftp := dnsmasq(t, tftpRoot)
	web.start(t)
	result := runScenario(t, fmt.Sprintf(`
name: ladder
fleet:
  homes: {model: SPA2102, firmware: 3.3.6, count: %d, switches: {boot_time: 0s, reboot_time: 0s, flash_time: 0s}, set: {Resync_Random_Delay: 0}}
target: {hosts: [127.9.69.1, 127.0.0.1], tftp: %s}
expect:
  - all: firmware == "5.2.12" && upgrades.ok == 3 && param("User_ID_1_") == "kept"
    by: 90s
  - never: event.kind == "upgrade_failed"
`, homes, tftp.addr))
	if result.Verdict != report.Passed {
		t.Fatalf("verdict %s, expected %+v, findings %+v", result.Verdict, result.Expect, result.Findings)
	}
	row := devicetest.Row(t, "SPA2102", "3.3.6")
	access := web.logged(t, 2*homes)
	for i := range device.Index(homes) {
		u := device.NewUnit(row, 1, i, netip.AddrFrom4([4]byte{127, 64, 0, byte(i) + 1}))
		sent := fmt.Sprintf("sent %s to %s", filepath.Join(tftpRoot, "fw", "spa2102-5-1-10.bin"), u.IP)
		extproc.Must(t, extproc.Wait("dnsmasq logs "+sent, func() bool { return strings.Contains(tftp.log.Output(), sent+"\n") }))
		if n := strings.Count(tftp.log.Output(), sent+"\n"); n != 1 {
			t.Errorf("dnsmasq sent the first stage %d times to %s", n, u.IP)
		}
		for image, says := range map[string]string{"5-2-5": "5.1.10", "5-2-12": "5.2.5"} {
			line := regexp.MustCompile(`(?m)^` + regexp.QuoteMeta(u.IP.String()) + ` .*GET /fw/spa2102-` + image + `\.bin .* 200 .*"` +
				regexp.QuoteMeta("Linksys/SPA-2102-"+says+" ("+u.Serial+")") + `"`)
			if n := len(line.FindAll(access, -1)); n != 1 {
				t.Errorf("nginx served %s %d times to %s as %s", image, n, u.IP, says)
			}
		}
	}
	t.Logf("%d devices climbed three stages in %.2f s", homes, result.Expect[0].DecidedAt)
}

// An SPA504G on 7.4.9 is refused 7.5.5 until it has 7.5.2b.
func TestRealServerRefusesAStageLeftOut(t *testing.T) {
	root := readable(t)
	web := newNginx(t, root)
	write(t, filepath.Join(root, "7-5-2b.bin"), firmwareImage(t, "SPA504G", "7.5.2b"))
	write(t, filepath.Join(root, "7-5-5.bin"), firmwareImage(t, "SPA504G", "7.5.5"))
	web.start(t)
	result := runScenario(t, fmt.Sprintf(`
name: stage
fleet:
  desk:
    model: SPA504G
    firmware: 7.4.9
    lease: none
    switches: {boot_time: 0s, reboot_time: 0s, flash_time: 0s}
    set: {Resync_Random_Delay: 0, Profile_Rule: "", Upgrade_Rule: "http://%[1]s/7-5-5.bin", Upgrade_Error_Retry_Delay: 3600}
target: {hosts: [127.0.0.1]}
timeline:
  - name: refused
    when:
      all: last("upgrade_failed").err == "upgrade not allowed, version constraint"
    by: 10s
    set: {of: all, values: {Upgrade_Rule: "http://%[1]s/7-5-2b.bin"}}
  - at: refused
    resync: all
  - name: staged
    when: {all: firmware == "7.5.2b"}
    by: 10s
    set: {of: all, values: {Upgrade_Rule: "http://%[1]s/7-5-5.bin"}}
  - at: staged
    resync: all
expect:
  - all: firmware == "7.5.5"
    by: staged + 10s
`, web.addr))
	if result.Verdict != report.Passed {
		t.Fatalf("verdict %s, timeline %+v, expected %+v, findings %+v", result.Verdict, result.Timeline, result.Expect, result.Findings)
	}
}

func firmwareImage(t *testing.T, name, version string) []byte {
	t.Helper()
	m, err := model.FindModel(name)
	if err != nil {
		t.Fatal(err)
	}
	image, err := resync.MakeImage(m, version, 300<<10)
	if err != nil {
		t.Fatal(err)
	}
	return bytes.Clone(image)
}

// runScenario runs a scenario in a file of its own.
func runScenario(t *testing.T, text string) *report.Report {
	t.Helper()
	path := filepath.Join(t.TempDir(), "scenario.yaml")
	write(t, path, []byte(text))
	return runJSON(t, "run", path, "--json")
}
