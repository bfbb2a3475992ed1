package fleet_test

import (
	"bytes"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"testing"

	"spafleet/bench/extproc"
	"spafleet/device"
	"spafleet/fleet"
)

// A kamailio is that registrar at work, on a loopback port of its own.
type kamailio struct {
	at, control string
}

// startKamailio starts it; with a password it asks each user for it.
func startKamailio(t *testing.T, password string) *kamailio {
	t.Helper()
	program := extproc.Need(t, "kamailio", "kamailio")
	addr, err := extproc.Address()
	extproc.Must(t, err)
	dir := t.TempDir()
	k := &kamailio{at: addr, control: filepath.Join(dir, "ctl")}
	ask := ""
	if password != "" {
		ask = fmt.Sprintf("if (!pv_www_authenticate(\"$td\", \"%s\", \"0\")) { www_challenge(\"$td\", \"1\"); exit; }", password)
	}
	conf := filepath.Join(dir, "kamailio.cfg")
	text := fmt.Sprintf(`#!KAMAILIO
debug=1
log_stderror=yes
children=2
disable_tcp=yes
auto_aliases=no
dns=no
rev_dns=no
listen=udp:%s
loadmodule "sl.so"
loadmodule "pv.so"
loadmodule "kex.so"
loadmodule "ctl.so"
loadmodule "usrloc.so"
loadmodule "registrar.so"
loadmodule "auth.so"
modparam("ctl", "binrpc", "unix:%s")
modparam("usrloc", "db_mode", 0)
modparam("usrloc", "timer_interval", 1)
request_route {
	if (method != "REGISTER") { sl_send_reply("405", "Method Not Allowed"); exit; }
	%s
	if (!save("location")) { sl_reply_error(); }
	exit;
}
`, addr, k.control, ask)
	if err := os.WriteFile(conf, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	extproc.Run(t, exec.Command(program, "-f", conf, "-DD", "-E", "-m", "128", "-M", "16", "-Y", dir, "-P", filepath.Join(dir, "pid")), func() bool {
		_, ok := k.ask("registered_users")
		return ok
	})
	return k
}

// ask returns a figure of its statistics.
func (k *kamailio) ask(name string) (int, bool) {
	out, err := exec.Command("kamcmd", "-s", "unix:"+k.control, "stats.get_statistics", name).Output()
	found := regexp.MustCompile(`= (\d+)`).FindSubmatch(bytes.TrimSpace(out))
	if err != nil || found == nil {
		return 0, false
	}
	n, err := strconv.Atoi(string(found[1]))
	return n, err == nil
}

func (k *kamailio) figure(name string) int {
	n, _ := k.ask(name)
	return n
}

// Phones register with Kamailio, with and without its asking for the password; one with
// another password stays outside; who loses power is forgotten when its time is over.
func TestPhonesRegisterWithKamailio(t *testing.T) {
	for _, password := range []string{"", "secret"} {
		t.Run("password "+password, func(t *testing.T) {
			t.Parallel()
			k := startKamailio(t, password)
			var groups []fleet.Group
			for i := range 20 {
				g := phones(t, 1, fmt.Sprintf("User_ID_1_=%d", 1001+i), "Proxy_1_="+k.at, "Register_Expires_1_=60", "Line_Enable_2_=No", "Line_Enable_3_=No", "Line_Enable_4_=No")
				g.Name = fmt.Sprint("phone", i)
				if i == 19 {
					g.Presets["Password_1_"] = "wrong"
				}
				groups = append(groups, g)
			}
			s := start(t, newNetwork(), fleet.Config{Groups: groups, SIP: fleet.SIP{Register: true, Port: sipBlock(t)}})
			want := 20
			if password != "" {
				want = 19
			}
			s.await("all register", func() bool {
				return s.count(device.Registered) == want && s.count(device.Registered)+s.count(device.RegistrationFailed) >= 20
			})
			s.await("Kamailio has them", func() bool { return k.figure("registered_users") == want })
			for dev := range device.Index(want) {
				if n := s.view(dev).Registered; n != 1 {
					t.Errorf("device %d says that %d lines are registered", dev, n)
				}
			}
			v := s.view(3)
			code, out := sipsak(t, fmt.Sprintf("1004@%s", fleet.SIPPort(s.f, &v, 1)), "resync", "1004", "secret")
			if code != 0 {
				t.Errorf("a NOTIFY to a registered phone: %s", out)
			}
			s.await("its resync", func() bool { return len(s.of(3, device.ResyncStarted)) == 1 })
		})
	}
}
