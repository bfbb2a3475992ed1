package fleet_test

import (
	"fmt"
	"net"
	"net/netip"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"spafleet/bench/extproc"
	"spafleet/device"
	"spafleet/device/devicetest"
	"spafleet/device/model"
	"spafleet/fleet"
	"spafleet/host/golden"
	"spafleet/resync"
)

// logged is a device with a lease that boots and resyncs, then finds no file, then no
// server.
func logged(t *testing.T, name, firmware string, level int, syslogServer, debugServer string) {
	t.Helper()
	n := newNetwork()
	n.put("/a", profileOf("GPP_A=came"))
	g := ata(t, 1, "Syslog_Server="+syslogServer, "Debug_Server="+debugServer, fmt.Sprintf("Debug_Level=%d", level))
	g.Row = row(t, name, firmware, devicetest.BootsAtOnce())
	g.Lease = resync.Lease{Netmask: netip.MustParseAddr("255.192.0.0"), Gateway: netip.MustParseAddr("127.64.0.1")}
	s := start(t, n, fleet.Config{Groups: []fleet.Group{g}})
	s.await("a resync", func() bool { return s.count(device.ResyncOK) == 1 })
	for i, spoil := range []func(){func() { n.look(func(n *network) { delete(n.files, "/a") }) }, func() { n.look(func(n *network) { n.down = true }) }} {
		spoil()
		s.command(0, device.Command{Order: device.Resync, Cause: model.ByWeb})
		s.await("a failure", func() bool { return s.count(device.ResyncFailed) == i+1 })
	}
	s.stop()
	if d := s.f.LogLinesDropped(); d != 0 {
		t.Errorf("%d lines dropped", d)
	}
}

// collector is a server of log lines.
func collector(t *testing.T) net.PacketConn {
	t.Helper()
	c, err := net.ListenPacket("udp4", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.Close() })
	return c
}

// came reads what a collector has got; over loopback that is there once it is sent.
func came(c net.PacketConn) (list []string) {
	buf := make([]byte, 1<<14)
	for {
		_ = c.SetReadDeadline(time.Now().Add(50 * time.Millisecond))
		size, _, err := c.ReadFrom(buf)
		if err != nil {
			return list
		}
		list = append(list, fmt.Sprintf("%q\n", buf[:size]))
	}
}

// All that both servers get of a boot, a resync and two that fail, at each Debug_Level.
// See device-surface.md §7 and surface-2.md §4.2, §7.
func TestLogOfABootAndResyncs(t *testing.T) {
	for _, tt := range [][2]string{{"SPA504G", "7.5.2b"}, {"SPA2102", "5.2.12"}} {
		var b strings.Builder
		for level := range 4 {
			syslog, debug := collector(t), collector(t)
			logged(t, tt[0], tt[1], level, syslog.LocalAddr().String(), debug.LocalAddr().String())
			own, copies := came(syslog), came(debug)
			fmt.Fprintf(&b, "Debug_Level %d: Syslog_Server\n%sDebug_Level %d: Debug_Server\n%s", level, strings.Join(own, ""), level, strings.Join(copies, ""))
			// Whatever the level, Debug_Server has all that Syslog_Server has.
			if rest := slices.DeleteFunc(copies, func(l string) bool { return !slices.Contains(own, l) }); !slices.Equal(own, rest) {
				t.Errorf("level %d: the copies at Debug_Server are %q", level, rest)
			}
		}
		golden.File(t, filepath.Join("testdata", "logs", tt[0]+".txt"), []byte(b.String()))
	}
}

// A real collector files each line under its facility and severity. See device-surface.md §7 and surface-2.md §7.
func TestRsyslogTakesTheLines(t *testing.T) {
	program := extproc.Need(t, "rsyslogd", "rsyslog")
	dir := t.TempDir()
	at, err := extproc.Address()
	if err != nil {
		t.Fatal(err)
	}
	_, port, _ := net.SplitHostPort(at)
	file, conf := filepath.Join(dir, "lines"), filepath.Join(dir, "rsyslog.conf")
	text := fmt.Sprintf(`module(load="imudp")
template(name="line" type="string" string="%%syslogfacility%%.%%syslogseverity%% %%rawmsg-after-pri%%\n")
input(type="imudp" address="127.0.0.1" port="%s")
action(type="omfile" file="%s" template="line" asyncWriting="off" flushOnTXEnd="on")
`, port, file)
	if err := os.WriteFile(conf, []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
	filed := func() string {
		text, _ := os.ReadFile(file)
		return string(text)
	}
	ready := func() bool {
		c, err := net.Dial("udp4", "127.0.0.1:"+port)
		if err != nil {
			return false
		}
		defer c.Close()
		fmt.Fprint(c, "<191>ready\n")
		return strings.Contains(filed(), "23.7 ready")
	}
	p := extproc.Run(t, exec.Command(program, "-n", "-f", conf, "-i", filepath.Join(dir, "pid")), ready)
	logged(t, "SPA504G", "7.5.2b", 3, "127.0.0.1:"+port, "127.0.0.1:"+port)
	want := []string{
		"16.6 System started: ip@127.64.0.1, reboot reason:H0", "17.7 #011subnet mask:#011255.192.0.0", "17.7 #011gateway ip:#011127.64.0.1",
		"16.6 resync rule:  http://192.0.2.5/a", "19.7 PRV ec=0", "16.6 Retrying... 2", "19.7 PRV ec=2",
	}
	if err := p.Until("the lines", func() bool {
		got := filed()
		return !slices.ContainsFunc(want, func(l string) bool { return !strings.Contains(got, l+"\n") })
	}); err != nil {
		t.Fatalf("%v\n%s", err, filed())
	}
}
