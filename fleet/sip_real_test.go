package fleet_test

import (
	"bytes"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"spafleet/bench/extproc"
	"spafleet/device"
	"spafleet/fleet"
)

// sipsak sends a NOTIFY as operators' scripts do, and returns how it ended and what it
// printed.
func sipsak(t *testing.T, to, event, user, password string) (int, string) {
	t.Helper()
	file := filepath.Join(t.TempDir(), "notify.sip")
	text := fmt.Sprintf("NOTIFY sip:%s SIP/2.0\r\nFrom: sip:operator@$dsthost$;tag=$tag$\r\nTo: sip:%s\r\nCall-ID: $callid$\r\nCSeq: 1 NOTIFY\r\n"+
		"Contact: sip:operator@$srchost$:$port$\r\nEvent: %s\r\nMax-Forwards: 70\r\nContent-Length: 0\r\n\r\n", to, to, event)
	if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	args := []string{"-v", "-v", "-f", file, "-s", "sip:" + to}
	if user != "" {
		args = append(args, "-u", user, "-a", password)
	}
	cmd := exec.Command(extproc.Need(t, "sipsak", "sipsak"), args...)
	var out bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &out
	_ = cmd.Run() // how it ended is looked at
	return cmd.ProcessState.ExitCode(), out.String()
}

// What an operator sends with sipsak makes a device resync if the credentials are the
// line's, and nothing else does.
func TestSipsakMakesADeviceResync(t *testing.T) {
	s := start(t, newNetwork(), fleet.Config{Groups: []fleet.Group{phones(t, 2)}, SIP: fleet.SIP{Listen: true, Port: sipBlock(t)}})
	v := s.view(1)
	for _, tt := range []struct {
		name, event, user, password string
		accepted                    bool
	}{
		{"without credentials", "resync", "", "", false},
		{"wrong password", "resync", "1001", "wrong", false},
		{"another line's", "resync", "1002", "other", false},
		{"the line's", "resync", "1001", "secret", true},
		{"check-sync", "check-sync", "1001", "secret", true},
	} {
		before := len(s.of(1, device.ResyncStarted))
		code, out := sipsak(t, fmt.Sprintf("1001@%s", fleet.SIPPort(s.f, &v, 1)), tt.event, tt.user, tt.password)
		if accepted := code == 0 && strings.Contains(out, "SIP/2.0 200"); accepted != tt.accepted {
			t.Errorf("%s: exit code %d: %s", tt.name, code, out)
		}
		want := before
		if tt.accepted {
			want++
		}
		s.settle(1)
		s.await(tt.name, func() bool { return len(s.of(1, device.ResyncStarted)) == want })
	}
	if n := len(s.of(0, device.ResyncStarted)); n != 0 {
		t.Errorf("the other device resynced %d times", n)
	}
}

// SIPp, which many test registrars with, sends a NOTIFY, answers the challenge and is
// content with what the phone says: three times, of which each makes it resync.
func TestSIPpMakesADeviceResync(t *testing.T) {
	program := extproc.Need(t, "sipp", "sip-tester")
	s := start(t, newNetwork(), fleet.Config{Groups: []fleet.Group{phones(t, 1)}, SIP: fleet.SIP{Listen: true, Port: sipBlock(t)}})
	scenario, err := filepath.Abs("testdata/sipp/notify.xml")
	extproc.Must(t, err)
	v := s.view(0)
	before := len(s.of(0, device.ResyncStarted))
	for n := range 3 {
		cmd := exec.CommandContext(t.Context(), program, "-sf", scenario, "-m", "1", "-i", "127.0.0.1", "-nostdin", "-timeout", "20", fleet.SIPPort(s.f, &v, 1).String())
		cmd.Dir = t.TempDir() // it writes files beside
		if out, err := cmd.CombinedOutput(); err != nil {
			t.Fatalf("%v\n%s", err, out)
		}
		s.settle(0)
		s.await("a resync", func() bool { return len(s.of(0, device.ResyncStarted)) == before+n+1 })
	}
	if c, a := s.count(device.NotifyChallenged), s.count(device.Notify); c != 3 || a != 3 {
		t.Errorf("%d challenged, %d accepted", c, a)
	}
}
