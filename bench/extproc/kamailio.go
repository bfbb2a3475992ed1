package extproc

import (
	"bytes"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"testing"
)

// A Kamailio is that registrar at work. A NOTIFY to a user it sends on to where the user
// has registered.
type Kamailio struct {
	At string // where it listens

	control string
}

const kamailioConfig = `#!KAMAILIO
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
modparam("usrloc", "hash_size", 14)
request_route {
	if (method == "NOTIFY") {
		if (!lookup("location")) { sl_send_reply("404", "Not Found"); exit; }
		forward();
		exit;
	}
	if (method != "REGISTER") { sl_send_reply("405", "Method Not Allowed"); exit; }
	%s
	if (!save("location")) { sl_reply_error(); }
	exit;
}
`

// StartKamailio starts it on a loopback port of its own, for a test, which ends it. With a
// password it asks each user for it.
func StartKamailio(t testing.TB, password string) *Kamailio {
	t.Helper()
	program := Need(t, "kamailio", "kamailio")
	addr, err := Address()
	Must(t, err)
	dir := t.TempDir()
	k := &Kamailio{At: addr, control: filepath.Join(dir, "ctl")}
	ask := ""
	if password != "" {
		ask = fmt.Sprintf("if (!pv_www_authenticate(\"$td\", \"%s\", \"0\")) { www_challenge(\"$td\", \"1\"); exit; }", password)
	}
	config := filepath.Join(dir, "kamailio.cfg")
	Must(t, os.WriteFile(config, fmt.Appendf(nil, kamailioConfig, addr, k.control, ask), 0o600))
	Run(t, exec.Command(program, "-f", config, "-DD", "-E", "-m", "128", "-M", "16", "-Y", dir, "-P", filepath.Join(dir, "pid")), func() bool {
		_, ok := k.ask("registered_users")
		return ok
	})
	return k
}

// ask returns a figure of its statistics.
func (k *Kamailio) ask(name string) (int, bool) {
	out, err := exec.Command("kamcmd", "-s", "unix:"+k.control, "stats.get_statistics", name).Output()
	found := regexp.MustCompile(`= (\d+)`).FindSubmatch(bytes.TrimSpace(out))
	if err != nil || found == nil {
		return 0, false
	}
	n, err := strconv.Atoi(string(found[1]))
	return n, err == nil
}

// Figure returns a figure of its statistics, such as registered_users; 0 where it has none
// of that name.
func (k *Kamailio) Figure(name string) int {
	n, _ := k.ask(name)
	return n
}
