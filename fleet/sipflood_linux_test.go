package fleet_test

import (
	"fmt"
	"net"
	"net/netip"
	"os"
	"os/exec"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"spafleet/device"
	"spafleet/device/devicetest"
	"spafleet/device/model"
	"spafleet/fleet"
	"spafleet/host"
)

// resident returns the memory that this process has, in bytes.
func resident(t *testing.T) int {
	t.Helper()
	status, err := os.ReadFile("/proc/self/status")
	if err != nil {
		t.Fatal(err)
	}
	kB, err := strconv.Atoi(string(regexp.MustCompile(`VmRSS:\s+(\d+)`).FindSubmatch(status)[1]))
	if err != nil {
		t.Fatal(err)
	}
	return kB << 10
}

// A floodWatch counts what devices tell while they are flooded.
type floodWatch struct {
	late     []time.Duration // of attempts, as they started
	refused  map[string]int
	accepted int
	caused   int // resyncs that no NOTIFY has caused
}

func (w *floodWatch) tell(events []device.Event) {
	for i := range events {
		switch e := &events[i]; e.Kind {
		case device.Late:
			w.late = append(w.late, time.Duration(e.Took))
		case device.NotifyFailed:
			w.refused[e.Err]++
		case device.Notify:
			w.accepted++
		case device.ResyncStarted:
			if e.Cause != model.ByNotify {
				w.caused++
			}
		}
	}
}

// A place is a line of a device, as address and as text.
type place struct {
	netip.AddrPort
	text string
}

// appendNotify appends a NOTIFY. The sender must leave no garbage: what grows is to be the
// devices'.
func appendNotify(b []byte, n int, user, to, from, event, credentials string) []byte {
	return fmt.Appendf(b, "NOTIFY sip:%s@%s SIP/2.0\r\nVia: SIP/2.0/UDP %s;branch=z9hG4bK-%d\r\nFrom: <sip:flood@%s>;tag=%d\r\nTo: <sip:%s@%s>\r\nCall-ID: %d@flood\r\nCSeq: 1 NOTIFY\r\nMax-Forwards: 70\r\nEvent: %s\r\n%sContent-Length: 0\r\n\r\n",
		user, to, from, n, from, n, user, to, n, event, credentials)
}

// Ten thousand NOTIFYs a second at a thousand devices, for ten seconds with SPAFLEET_SLOW
// and two without: accepted ones, some without credentials, with wrong ones or with a nonce
// of their own, of an unknown event, and what is no SIP. Devices that also resync by
// themselves still start in time, and memory stays as it was.
func TestAFloodOfNotifiesIsBorne(t *testing.T) {
	if _, alone := loaded(); !alone { // other tests have memory of their own
		c := exec.Command(os.Args[0], "-test.run=^"+t.Name()+"$", "-test.v")
		c.Env = append(os.Environ(), "SPAFLEET_TEST_LOAD=1")
		out, err := c.CombinedOutput()
		if t.Logf("%s", out); err != nil {
			t.Error(err)
		}
		return
	}
	const devices, perSecond = 1000, 10_000
	lasts := 2 * time.Second
	if os.Getenv("SPAFLEET_SLOW") != "" {
		lasts = 10 * time.Second
	}
	if raceEnabled {
		lasts = 500 * time.Millisecond // it is no measure there
	}
	defer host.TuneGC()() // as the program does
	w := &floodWatch{refused: map[string]int{}}
	presets := settings("Profile_Rule=http://192.0.2.5/a", "Resync_Random_Delay=1", "Resync_Periodic=2", "User_ID_1_=1001", "Password_1_=secret", "Auth_Resync-Reboot_2_=No", "User_ID_2_=1002")
	base := sipBlock(t)
	f, err := fleet.Start(t.Context(), fleet.Config{
		Groups:  []fleet.Group{{Name: "phones", Row: row(t, "SPA942", "6.1.5(a)", devicetest.BootsAtOnce()), Count: devices, Presets: presets}},
		Network: quietNetwork{}, Loops: 1, Tell: w.tell, SIP: fleet.SIP{Listen: true, Port: base},
	})
	if err != nil {
		t.Fatal(err)
	}
	conn, err := net.ListenUDP("udp4", &net.UDPAddr{IP: net.IPv4(127, 0, 0, 1)})
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	var lines [2][]place // of all devices
	for dev := range device.Index(devices) {
		v, _ := f.Fleet.View(dev)
		for i := range lines {
			at := fleet.SIPPort(f.Fleet, &v, uint8(i+1))
			lines[i] = append(lines[i], place{at, at.String()})
		}
	}
	tick := time.NewTicker(time.Millisecond)
	defer tick.Stop()
	for begun := time.Now(); time.Since(begun) < time.Second; { // its resyncs alone
		<-tick.C
	}
	before, most := resident(t), 0
	from := conn.LocalAddr().String()
	noise := []byte(strings.Repeat("x", 600))
	const wrong = "Authorization: Digest username=\"1001\", realm=\"x\", nonce=\"12345678\", uri=\"sip:a\", response=\"0123456789abcdef0123456789abcdef\"\r\n"
	kinds := []func(b []byte, n int, to string) []byte{
		func(b []byte, n int, to string) []byte { return appendNotify(b, n, "1001", to, from, "resync", "") },
		func(b []byte, n int, to string) []byte {
			return appendNotify(b, n, "1001", to, from, "no-such-event", "")
		},
		func(b []byte, n int, to string) []byte { return appendNotify(b, n, "1001", to, from, "reboot", wrong) },
		func(b []byte, _ int, _ string) []byte { return append(b, noise...) },
	}
	text := make([]byte, 0, 1024)
	sent := 0
	for begun := time.Now(); time.Since(begun) < lasts; {
		for due := int(time.Since(begun).Seconds() * perSecond); sent < due; sent++ {
			at := lines[0][sent%devices]
			if sent%5 == 4 { // line 2, which asks for no credentials
				at = lines[1][sent%devices]
				text = appendNotify(text[:0], sent, "1002", at.text, from, "resync", "")
			} else {
				text = kinds[sent%len(kinds)](text[:0], sent, at.text)
			}
			if _, err := conn.WriteToUDPAddrPort(text, at.AddrPort); err != nil {
				t.Fatal(err)
			}
		}
		if sent%1000 < 20 {
			most = max(most, resident(t))
		}
		<-tick.C
	}
	dropped := fleet.DroppedSIP(f.Fleet)
	most = max(most, resident(t))
	if err := f.Close(); err != nil {
		t.Fatal(err)
	}
	slices.Sort(w.late)
	p99 := w.late[len(w.late)*99/100]
	t.Logf("%d NOTIFYs, %d accepted, refused %v, %d dropped; %d resyncs by themselves, start delay %s (p99) of %d; memory %d MB before, %d MB at most",
		sent, w.accepted, w.refused, dropped, w.caused, p99, len(w.late), before>>20, most>>20)
	if raceEnabled {
		return
	}
	if p99 > 100*time.Millisecond || most-before > 20<<20 || w.accepted == 0 || len(w.refused) < 2 || w.caused == 0 {
		t.Error("this is not how it should be")
	}
}
