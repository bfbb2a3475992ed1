package main

import (
	"fmt"
	"net/netip"
	"os"
	"os/exec"
	"path/filepath"
	"testing"

	"spafleet/bench/extproc"
	"spafleet/device"
	"spafleet/device/devicetest"
	"spafleet/scenarios/report"
)

// Two hundred phones, with SPAFLEET_SLOW two thousand, are registered with Kamailio, each with
// the account that nginx gave it. SIPp sends each a NOTIFY by way of Kamailio and answers
// the challenge. All resync, and the report has how long each took from NOTIFY to fetched.
func TestPhonesResyncWhenTheirRegistrarNotifies(t *testing.T) {
	sipp := extproc.Need(t, "sipp", "sip-tester")
	phones := 200
	if os.Getenv("SPAFLEET_SLOW") != "" {
		phones = 2000
	}
	pages := readable(t)
	web, registrar := newNginx(t, pages), extproc.StartKamailio(t, "secret")
	users := "SEQUENTIAL\n"
	row := devicetest.Row(t, "SPA942", "6.1.5(a)")
	for dev := range device.Index(phones) {
		mac := device.NewUnit(row, 1, dev, netip.Addr{}).MAC.String()
		write(t, filepath.Join(pages, mac+".xml"), fmt.Appendf(nil, "<flat-profile><User_ID_1_>%s</User_ID_1_><Password_1_>secret</Password_1_><Proxy_1_>%s</Proxy_1_></flat-profile>", mac, registrar.At))
		users += mac + ";[authentication username=" + mac + " password=secret]\n"
	}
	web.start(t)
	scenario := filepath.Join(t.TempDir(), "notify.yaml")
	write(t, scenario, fmt.Appendf(nil, `
name: notify
fleet:
  phones: {model: SPA942, firmware: 6.1.5(a), count: %d, switches: {boot_time: 0s, reboot_time: 0s}, set: {Resync_Random_Delay: 0, Resync_Periodic: 0, Profile_Rule: "http://%s/$MA.xml"}}
target: {hosts: [127.0.0.1], sip: true}
expect:
  - all: events("notify") == 1 && last("resync_ok").cause == "notify" && last("resync_ok").at >= last("notify").at
    by: 60s
`, phones, web.addr))
	folder := t.TempDir() // SIPp writes files where it is
	list, script := filepath.Join(folder, "users.csv"), filepath.Join(folder, "check-sync.xml")
	write(t, list, []byte(users))
	write(t, script, []byte(read(t, "testdata/sipp/check-sync.xml")))
	said := make(chan string, 1)
	go func() {
		if err := extproc.Wait("all phones register", func() bool { return registrar.Figure("registered_users") == phones }); err != nil {
			said <- err.Error()
			return
		}
		cmd := exec.CommandContext(t.Context(), sipp, "-sf", script, "-inf", list, "-m", fmt.Sprint(phones), "-r", "1000", "-l", "2000", "-i", "127.0.0.1", "-nostdin", "-timeout", "50", registrar.At)
		cmd.Dir = folder
		out, err := cmd.CombinedOutput()
		if err == nil {
			out = nil
		}
		said <- string(out)
	}()
	r := runJSON(t, "run", scenario, "--json", "--sip-port", free(t)[len("127.0.0.1:"):])
	if said := <-said; said != "" {
		t.Errorf("SIPp: %s", said)
	}
	n := int64(phones)
	if r.Verdict != report.Passed || r.SIP == nil || r.SIP.Notified != n || r.SIP.Challenged != n || len(r.SIP.Refused) != 0 {
		t.Fatalf("verdict %s, expected %+v, SIP %+v", r.Verdict, r.Expect, r.SIP)
	}
	took := r.Metrics["notify_duration"]
	if len(took) != 1 || took[0].Count != n || took[0].Min <= 0 || took[0].Max > 60 {
		t.Errorf("the report has these times from NOTIFY to fetched: %+v", took)
	}
	t.Logf("%d phones in %.1f s; from NOTIFY to fetched %+v", phones, r.DurationSeconds, took)
}
