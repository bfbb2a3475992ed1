package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"net"
	"net/netip"
	"os"
	"os/exec"
	"os/user"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"spafleet/bench/extproc"
	"spafleet/device"
	"spafleet/device/devicetest"
	"spafleet/device/profile"
	"spafleet/prov"
	"spafleet/scenarios"
	"spafleet/scenarios/report"
	"spafleet/scenarios/run"
)

// waitFor polls a condition of another process.
func waitFor(t *testing.T, most time.Duration, what string, held func() bool) {
	t.Helper()
	deadline := time.NewTimer(most)
	defer deadline.Stop()
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	for !held() {
		select {
		case <-tick.C:
		case <-deadline.C:
			t.Fatalf("%s: not within %s", what, most)
		}
	}
}

// readable makes a folder that servers running as another user can read.
func readable(t *testing.T) string {
	t.Helper()
	dir, err := os.MkdirTemp("", "spafleet-real-")
	if err != nil {
		t.Fatal(err)
	}
	if err := os.Chmod(dir, 0o755); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(dir) })
	return dir
}

func write(t *testing.T, path string, data []byte) {
	t.Helper()
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, data, 0o644); err != nil {
		t.Fatal(err)
	}
}

// A tftpServer is dnsmasq at work.
type tftpServer struct {
	addr string
	log  *extproc.Process
}

// dnsmasq serves a folder by TFTP. Its port is 69 and cannot be changed, so it
// has an address of its own. Options may say where its log goes; none: to its output.
func dnsmasq(t *testing.T, root string, options ...string) tftpServer {
	t.Helper()
	program := extproc.Need(t, "dnsmasq", "dnsmasq-base")
	if os.Geteuid() != 0 {
		if os.Getenv("CI") != "" {
			t.Fatal("dnsmasq's TFTP port is 69: run this test as root")
		}
		t.Skip("dnsmasq's TFTP port is 69: run this test as root")
	}
	const addr = "127.9.69.1"
	ready := func() bool { // it has an answer for a file that is not there
		c, err := net.ListenPacket("udp4", "127.0.0.1:0") // the answer comes from another port
		if err != nil {
			return false
		}
		defer c.Close()
		request := []byte("\x00\x01ready\x00octet\x00")
		if _, err := c.WriteTo(request, &net.UDPAddr{IP: net.ParseIP(addr), Port: 69}); err != nil {
			return false
		}
		_ = c.SetReadDeadline(time.Now().Add(100 * time.Millisecond))
		_, _, err = c.ReadFrom(make([]byte, 512))
		return err == nil
	}
	if len(options) == 0 {
		options = []string{"--log-facility=-"}
	}
	cmd := exec.Command(program, append([]string{"--keep-in-foreground", "--conf-file=/dev/null", "--port=0", "--enable-tftp", "--tftp-root=" + root,
		"--listen-address=" + addr, "--bind-interfaces", "--user=root", "--tftp-max=1000"}, options...)...)
	return tftpServer{addr, extproc.Run(t, cmd, ready)}
}

// nginx serves a folder by HTTP.
type nginx struct {
	addr, conf, access string
}

func newNginx(t *testing.T, root string) *nginx {
	t.Helper()
	dir := readable(t)
	n := &nginx{addr: free(t), conf: filepath.Join(dir, "nginx.conf"), access: filepath.Join(dir, "access.log")}
	write(t, n.conf, []byte(fmt.Sprintf(`
daemon off;
worker_processes 1;
user %s;
pid %s/nginx.pid;
error_log %s/error.log;
events { worker_connections 4096; }
http {
	access_log %s;
	client_body_temp_path %s/body; proxy_temp_path %s/proxy; fastcgi_temp_path %s/f; uwsgi_temp_path %s/u; scgi_temp_path %s/s;
	server { listen %s backlog=4096; root %s; default_type text/xml; }
}
`, whoami(t), dir, dir, n.access, dir, dir, dir, dir, dir, n.addr, root)))
	return n
}

// change replaces texts of its configuration, in pairs; each is there once.
func (n *nginx) change(t *testing.T, pairs ...string) {
	t.Helper()
	conf := read(t, n.conf)
	for i := 0; i < len(pairs); i += 2 {
		if strings.Count(conf, pairs[i]) != 1 {
			t.Fatalf("nginx's configuration has %q %d times", pairs[i], strings.Count(conf, pairs[i]))
		}
		conf = strings.Replace(conf, pairs[i], pairs[i+1], 1)
	}
	write(t, n.conf, []byte(conf))
}

func whoami(t *testing.T) string {
	t.Helper()
	u, err := user.Current()
	if err != nil {
		t.Fatal(err)
	}
	return u.Username
}

func (n *nginx) start(t *testing.T) *extproc.Process {
	t.Helper()
	return extproc.Run(t, exec.Command(extproc.Need(t, "nginx", "nginx-light"), "-c", n.conf, "-p", filepath.Dir(n.conf)), extproc.Accepts(n.addr))
}

// logged returns the log of requests once it has so many lines: nginx writes them
// after it has answered.
func (n *nginx) logged(t *testing.T, least int) []byte {
	t.Helper()
	var log []byte
	extproc.Must(t, extproc.Wait(fmt.Sprintf("nginx logs %d requests", least), func() bool {
		log, _ = os.ReadFile(n.access) // it may not be there yet
		return bytes.Count(log, []byte("\n")) >= least
	}))
	return log
}

// free returns a loopback address that nobody listens on.
func free(t *testing.T) string {
	t.Helper()
	addr, err := extproc.Address()
	extproc.Must(t, err)
	return addr
}

// opensslEncrypt encrypts as an operator does.
func opensslEncrypt(t *testing.T, plain []byte, key string) []byte {
	t.Helper()
	cmd := exec.Command(extproc.Need(t, "openssl", "openssl"), "enc", "-aes-256-cbc", "-md", "md5", "-k", key)
	cmd.Stdin = bytes.NewReader(plain)
	out, err := cmd.Output() // it warns about the old key derivation on the error stream
	if err != nil {
		t.Fatal(err)
	}
	return out
}

// walkers is the fleet of the real-server tests: its makes, in order.
var walkers = []struct {
	model, firmware string
	count           int
}{{"SPA2102", "5.2.12", 80}, {"PAP2T", "5.1.6(LS)", 60}, {"SPA942", "6.1.5(a)", 60}}

// units returns the identities that the walkers have at seed 1.
func realUnits(t *testing.T) []device.Unit {
	t.Helper()
	var list []device.Unit
	for _, w := range walkers {
		row := devicetest.Row(t, w.model, w.firmware)
		for range w.count {
			list = append(list, device.NewUnit(row, 1, device.Index(len(list)), netip.Addr{}))
		}
	}
	return list
}

// Two hundred devices of three families walk to SEC-PRV-2 by dnsmasq's TFTP and
// nginx's HTTP; every profile is made by openssl.
func TestRealServersTakeAFleetToSecPrv2(t *testing.T) {
	tftpRoot, httpRoot := readable(t), readable(t)
	web := newNginx(t, httpRoot)
	bootstrap := []byte("<flat-profile><Profile_Rule>http://" + web.addr + "/first/$MA.cfg</Profile_Rule></flat-profile>")
	for _, name := range []string{"spa2102.cfg", "init.cfg", "spa942.cfg"} {
		write(t, filepath.Join(tftpRoot, name), bootstrap)
	}
	pairs := &prov.Pairs{Seed: 7}
	for _, u := range realUnits(t) {
		pair := pairs.At(u.MAC.String(), 0)
		write(t, filepath.Join(httpRoot, "first", u.MAC.String()+".cfg"), targeted(t, u.MAC.String(), pair, web.addr))
		full := fmt.Sprintf("<flat-profile>\n<User_ID_1_>%s</User_ID_1_>\n</flat-profile>\n", u.MAC)
		write(t, filepath.Join(httpRoot, pair.Dir, "spa"+u.Row.Model.PSN.Value+".cfg"), opensslEncrypt(t, []byte(full), pair.Key))
	}
	tftp := dnsmasq(t, tftpRoot)
	web.start(t)

	scenario := filepath.Join(t.TempDir(), "walk.yaml")
	write(t, scenario, []byte(`
name: walk
fleet:
  phones:
    mix: {SPA2102 5.2.12: 80, PAP2T 5.1.6(LS): 60, SPA942 6.1.5(a): 60}
    switches: {boot_time: 0s, reboot_time: 0s}
    set: {Resync_Random_Delay: 0}
target:
  hosts: [127.9.69.1, 127.0.0.1]
  tftp: `+tftp.addr+`
expect:
  - all: state == "SEC-PRV-2" && param("User_ID_1_") == mac
    by: 60s
`))
	result := runJSON(t, "run", scenario, "--json")
	if result.Verdict != report.Passed || result.States["SEC-PRV-2"] != 200 {
		t.Fatalf("verdict %s, states %v, expected %+v, findings %+v", result.Verdict, result.States, result.Expect, result.Findings)
	}
	log := web.logged(t, 2*200)
	for _, u := range realUnits(t) {
		if !bytes.Contains(log, []byte("GET /first/"+u.MAC.String()+".cfg HTTP/1.1\" 200")) {
			t.Fatalf("nginx never served %s its file", u.MAC)
		}
		if !bytes.Contains(log, []byte(u.UserAgent())) {
			t.Fatalf("nginx never saw %q", u.UserAgent())
		}
	}
	t.Logf("200 devices in %.2f s, %d resyncs", result.DurationSeconds, result.Resyncs.OK)
}

// targeted makes the device-unique file that brings key and directory.
func targeted(t *testing.T, mac string, pair prov.Pair, server string) []byte {
	t.Helper()
	body, err := profile.Compile([]profile.Param{
		{Name: "GPP_A", Value: pair.Key, Has: true}, {Name: "GPP_B", Value: pair.Dir, Has: true},
		{Name: "Profile_Rule", Value: "[--key $A] http://" + server + "/$B/spa$PSN.cfg", Has: true},
	}, profile.Container{MAC: mac, Salt: [16]byte([]byte(mac + "salt")), IV: [16]byte([]byte(mac + "vect"))})
	if err != nil {
		t.Fatal(err)
	}
	return body
}

// runJSON runs a command line in this process and reads its report.
func runJSON(t *testing.T, args ...string) *report.Report {
	t.Helper()
	var out, errs bytes.Buffer
	args = append(args, "--max-lateness", "30s") // a busy machine is no failure of the program
	code := execute(t.Context(), args, streams{strings.NewReader(""), &out, &errs})
	var r report.Report
	if err := json.Unmarshal(out.Bytes(), &r); err != nil {
		t.Fatalf("exit %d, %v\n%s\n%s", code, err, out.String(), errs.String())
	}
	if code != r.Exit {
		t.Errorf("exit code %d, the report says %d", code, r.Exit)
	}
	return &r
}

// nginx gives its files to the devices that know the password, and to no others.
func TestNginxLetsInWhoAnswersItsChallenge(t *testing.T) {
	root := readable(t)
	write(t, filepath.Join(root, "a.xml"), []byte("<flat-profile><GPP_A>inside</GPP_A></flat-profile>"))
	write(t, filepath.Join(root, "users"), []byte("joe:{PLAIN}secret\n"))
	web := newNginx(t, root)
	web.change(t, "server {", "server { auth_basic provisioning; auth_basic_user_file "+filepath.Join(root, "users")+";")
	web.start(t)
	scenario := filepath.Join(t.TempDir(), "auth.yaml")
	write(t, scenario, []byte(`
name: auth
fleet:
  right: {model: SPA504G, count: 5, set: {Resync_Random_Delay: 0, Profile_Rule: "[--uid joe --pwd secret] http://`+web.addr+`/a.xml"}}
  wrong: {model: SPA504G, count: 5, set: {Resync_Random_Delay: 0, Profile_Rule: "[--uid joe --pwd guess] http://`+web.addr+`/a.xml"}}
  old: {model: SPA2102, count: 5, set: {Resync_Random_Delay: 0, Profile_Rule: "[--uid joe --pwd secret] http://`+web.addr+`/a.xml"}}
target:
  hosts: [127.0.0.1]
expect:
  - all: (group == "right") == (param("GPP_A") == "inside")
    by: 30s
  - all: (group == "right") == (events("resync_failed") == 0)
    by: 30s
`))
	result := runJSON(t, "run", scenario, "--json")
	if result.Verdict != report.Passed {
		t.Fatalf("verdict %s, expected %+v, findings %+v", result.Verdict, result.Expect, result.Findings)
	}
	for status, want := range map[string]int{`HTTP/1.1" 200`: 5, `HTTP/1.1" 401`: 5 + 3*5 + 5} { // it logs after it has answered
		waitFor(t, 10*time.Second, fmt.Sprintf("nginx logs %d times %s", want, status), func() bool {
			log, err := os.ReadFile(web.access)
			return err == nil && bytes.Count(log, []byte(status)) == want
		})
	}
}

// Devices of a fleet are resynced by curl at their own addresses: by a URL, by one
// with a login, by an XML push.
func TestCurlResyncsADevice(t *testing.T) {
	curl := extproc.Need(t, "curl", "curl")
	root := readable(t)
	write(t, filepath.Join(root, "pushed.xml"), []byte("<flat-profile><User_ID_1_>pushed</User_ID_1_></flat-profile>"))
	web := newNginx(t, root)
	web.start(t)
	port := free(t)[len("127.0.0.1:"):]

	scenario, err := scenarios.Load("curl.yaml", []byte(`
name: curl
fleet:
  homes: {model: SPA2102, count: 50, lease: none, set: {Resync_On_Reset: No}}
  units: {model: SPA112, count: 5, lease: none, set: {Resync_On_Reset: No}}
  phones: {model: SPA504G, firmware: 7.5.5, count: 5, lease: none, set: {Resync_On_Reset: No}}
expect:
  - at_least: 3
    where: param("User_ID_1_") == "pushed" && resyncs.ok == 1
    by: 20s
`))
	if err != nil {
		t.Fatal(err)
	}
	n, err := strconv.ParseUint(port, 10, 16)
	if err != nil {
		t.Fatal(err)
	}
	options := run.Options{}
	options.Web.Listen, options.Web.Port = true, uint16(n)
	asked := make(chan *run.Live, 1)
	file := "http://" + web.addr + "/pushed.xml"
	ask := func(says, addr, path string, more ...string) {
		url := "http://" + addr + ":" + port + path
		page, err := exec.Command(curl, append(more, "--silent", "--show-error", "--fail", "--max-time", "10", url)...).CombinedOutput()
		if err != nil || !bytes.Contains(page, []byte(says)) {
			t.Errorf("curl %s: %v %s", url, err, page)
		}
	}
	options.Started = func(l *run.Live) {
		go func() {
			defer func() { asked <- l }()
			ask("resync", "127.64.0.8", "/admin/resync?"+file)
			ask("<flat-status>", "127.64.0.51", "/admin/status.xml&xuser=admin&xpassword=admin")
			ask("resync", "127.64.0.51", "/admin/resync?"+file+"&xuser=admin&xpassword=admin")
			push := `<CiscoIPPhoneExecute><ExecuteItem URL="Resync:` + file + `"/></CiscoIPPhoneExecute>`
			ask(`Status="0"`, "127.64.0.56", "/CGI/Execute", "--data-urlencode", "XML="+push)
		}()
	}
	result, err := run.Run(t.Context(), scenario, options)
	if err != nil {
		t.Fatal(err)
	}
	if result.Resyncs.OK != 3 || !result.Expect[0].OK {
		t.Errorf("resyncs %+v, expected %+v", result.Resyncs, result.Expect)
	}
	live := <-asked
	for dev, addr := range map[device.Index]string{7: "127.64.0.8", 50: "127.64.0.51", 55: "127.64.0.56"} {
		v, _ := live.Fleet.View(dev)
		if id, _ := v.Params.Lookup("User_ID_1_"); id != "pushed" || v.Unit.IP.String() != addr {
			t.Errorf("device %d, at %s, has User_ID_1_ %q", dev, v.Unit.IP, id)
		}
	}
}
