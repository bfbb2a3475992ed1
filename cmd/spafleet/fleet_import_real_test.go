package main

import (
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"spafleet/bench/extproc"
)

// The logs of a real nginx and a real dnsmasq are imported as the fleet that asked them,
// and the scenario passes.
func TestImportOfRealServersLogs(t *testing.T) {
	root := readable(t)
	profile := []byte("<flat-profile><GPP_A>x</GPP_A></flat-profile>")
	for _, name := range []string{"p/504G.xml", "p/942.xml", "init.cfg"} {
		write(t, filepath.Join(root, name), profile)
	}
	web := newNginx(t, root)
	web.start(t)
	tftpLog := filepath.Join(readable(t), "dnsmasq.log")
	tftp := dnsmasq(t, root, "--log-facility="+tftpLog)
	file := filepath.Join(t.TempDir(), "asked.yaml")
	write(t, file, []byte(fmt.Sprintf(`
clock: real
limits: {lateness: 1h}
fleet:
  desk:
    mix: {SPA504G 7.5.5: 6, SPA942 6.1.5(a): 5}
    set: {Profile_Rule: "http://%s/p/$PSN.xml", Resync_Random_Delay: 0}
    switches: {boot_time: 0s}
  old:
    mix: {PAP2T 5.1.6(LS): 4}
    lease: {66: %s}
    set: {Resync_Random_Delay: 0}
    switches: {boot_time: 0s}
target: {hosts: [127.0.0.1, %s]}
expect: [{all: synced, by: 1m}]
`, web.addr, tftp.addr, tftp.addr)))
	if code, out, say := spafleetIn(t, "run", file); code != exitOK {
		t.Fatalf("run: exit %d\n%s\n%s", code, out, say)
	}
	web.logged(t, 11)
	extproc.Must(t, extproc.Wait("dnsmasq logs four files", func() bool {
		log, _ := os.ReadFile(tftpLog) // it may not be there yet
		return strings.Count(string(log), "sent ") >= 4
	}))
	scenario := filepath.Join(t.TempDir(), "imported.yaml")
	sum, text := importLogs(t, scenario, web.access, tftpLog, "--tftp-root", root)
	models := map[string]int{}
	files := map[string]bool{}
	for _, g := range sum.Groups {
		for model, n := range g.Models {
			models[model] += n
		}
		for _, f := range g.Files {
			files[f] = true
		}
	}
	if want := map[string]int{"SPA504G 7.5.5": 6, "SPA942 6.1.5(a)": 5, "PAP2T 5.1.6(LS)": 4}; !maps.Equal(models, want) || sum.Addresses != 15 {
		t.Errorf("imported %v at %d addresses, want %v\n%s", models, sum.Addresses, want, text)
	}
	if !maps.Equal(files, map[string]bool{"/p/$PSN.xml": true, "/init.cfg": true}) {
		t.Errorf("files %v\n%s", files, text)
	}
	if code, out, say := spafleetIn(t, "run", scenario); code != exitOK {
		t.Errorf("the imported scenario: exit %d\n%s\n%s", code, out, say)
	}
}
