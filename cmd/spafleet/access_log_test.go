package main

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"spafleet/prov"
	"spafleet/scenarios/accesslog"
)

// A log that is full says how many requests are not in it, and what is in it are whole lines.
func TestAFullAccessLog(t *testing.T) {
	a := accessLog{name: filepath.Join(t.TempDir(), "access.log")}
	if err := a.open(); err != nil {
		t.Fatal(err)
	}
	line := prov.Line{Method: "GET", Path: "/a", Status: 200}
	a.tell(line)
	a.size = mostAccessLog
	a.tell(line)
	a.tell(line)
	if err := a.close(); err == nil || !strings.Contains(err.Error(), "is full at 4 GB: the last 2 requests") {
		t.Errorf("%v", err)
	}
	if text, _ := os.ReadFile(a.name); strings.Count(string(text), "\n") != 1 {
		t.Errorf("%q", text)
	}
}

// requestsIn returns the requests of an access log, each as a line.
func requestsIn(t *testing.T, name string) (list []string) {
	t.Helper()
	file, err := os.Open(name)
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	r, err := accesslog.NewReader(file, accesslog.Options{})
	if err != nil {
		t.Fatal(err)
	}
	for e := (accesslog.Entry{}); r.Next(&e); {
		list = append(list, fmt.Sprintf("%s %s tftp=%t %s %d %t %s", time.Unix(0, e.At).UTC().Format(time.RFC3339), e.Client, e.TFTP, e.Path, e.Status, e.User, e.Agent))
	}
	if r.Counts.Bad+r.Counts.Other > 0 {
		t.Errorf("%+v", r.Counts)
	}
	return list
}

// The built-in server's log has the fleet's time and addresses, also where no socket is,
// and tells of TFTP, missing files and logins.
func TestAccessLog(t *testing.T) {
	dir := t.TempDir()
	file, log := filepath.Join(dir, "two.yaml"), filepath.Join(dir, "access.log")
	if err := os.WriteFile(file, []byte(`
clock: {mode: virtual, start: 2021-03-27 10:00}
duration: 90m
fleet:
  phone: {model: SPA504G, firmware: 7.5.5, mac: 0002fd000001, serial: CCQ16230001, addresses: 127.65.0.0/24, set: {Resync_Random_Delay: 0, Profile_Rule: "[--uid prov --pwd secret] http://${server.http}/$MA.xml", Resync_Periodic: 3600}}
  ata: {model: PAP2T, firmware: 5.1.6(LS), addresses: 127.66.0.0/24, set: {Resync_Random_Delay: 0, Resync_Periodic: 0, Resync_Error_Retry_Delay: 0}}
server:
  auth: {scheme: basic, user: prov, password: secret}
  files: {/$MA.xml: <flat-profile></flat-profile>}
`), 0o600); err != nil {
		t.Fatal(err)
	}
	if code, out, say := spafleetIn(t, "run", file, "--access-log", log); code != exitOK {
		t.Fatalf("exit %d\n%s\n%s", code, out, say)
	}
	const agent = "Cisco/SPA504G-7.5.5 (0002FD000001)(CCQ16230001)"
	got := requestsIn(t, log)
	for _, want := range []string{
		"2021-03-27T10:00:00Z 127.65.0.1 tftp=false /0002fd000001.xml 401 false " + agent, "2021-03-27T10:00:00Z 127.65.0.1 tftp=false /0002fd000001.xml 200 true " + agent,
		"2021-03-27T10:00:00Z 127.66.0.1 tftp=true /init.cfg 404 false ",
	} {
		if !strings.Contains(strings.Join(got, "\n")+"\n", want+"\n") {
			t.Errorf("%q is not in the log:\n%s", want, strings.Join(got, "\n"))
		}
	}
	if last := got[len(got)-1]; !strings.HasPrefix(last, "2021-03-27T11:00:0") {
		t.Errorf("the last request is %s", last)
	}
	if code, _, say := spafleetIn(t, "run", "--model", "SPA942", "--tftp-server", "127.0.0.1:6969", "--access-log", log); code != exitUsage || !strings.Contains(say, "this run has none") {
		t.Errorf("without a built-in server: exit %d, %s", code, say)
	}
	if code, _, say := spafleetIn(t, "run", file, "--access-log", filepath.Join(dir, "no", "log")); code != exitUsage || !strings.Contains(say, "--access-log: ") {
		t.Errorf("no such folder: exit %d, %s", code, say)
	}
}
