package unit

import (
	"fmt"
	"net/netip"
	"slices"
	"strings"
	"testing"

	"spafleet/device"
	"spafleet/device/devicetest"
	"spafleet/device/model"
)

// notify gives the device a NOTIFY of an event, and returns what it answers.
func (b *bench) notify(event string) (answer string, fx *Effects) {
	b.t.Helper()
	b.calls++
	text := strings.Join([]string{"NOTIFY sip:127.64.0.1 SIP/2.0", "Via: SIP/2.0/UDP 127.0.0.9;branch=z9hG4bK1", "From: <sip:pbx@127.0.0.9>;tag=1", "To: <sip:127.64.0.1>",
		fmt.Sprintf("Call-ID: %d@127.0.0.9", b.calls), "CSeq: 1 NOTIFY", "Event: " + event, "", ""}, "\r\n")
	fx = b.at().SIP(1, netip.MustParseAddrPort("127.0.0.9:5060"), []byte(text))
	for _, m := range fx.SIP {
		answer += string(m.Text)
	}
	answer, _, _ = strings.Cut(strings.TrimPrefix(answer, "SIP/2.0 "), " ")
	return answer, fx
}

// provisioning.md §2.7: what a NOTIFY brings about in a device at work.
func TestANotifyIsACommand(t *testing.T) {
	for event, want := range map[string]string{
		"resync": "100 notify", "check-sync": "100 notify", "reboot": "100 boot:notify", "restart_now": "100 boot:notify", "report": "", "keep-alive": "",
		"resync;profile=http://192.0.2.1/x": "100 notify",
	} {
		b := newBench(t, devicetest.Turned(t, "SPA942", "", devicetest.BootsAtOnce()), 0, "Auth_Resync-Reboot_1_=No", "Resync_On_Reset=No", "Syslog_Server=")
		b.take(b.at().Do(device.Command{Order: device.SwitchOn}))
		b.runUntil(100)
		b.did = nil
		answer, fx := b.notify(event)
		b.take(fx)
		if got := strings.Join(b.did, ", "); answer != "200" || got != want {
			t.Errorf("%s: %s and %q, want %q", event, answer, got, want)
		}
	}
}

// A NOTIFY during a call waits for its end (documented), and however many come, one
// resync is pending.
func TestANotifyDuringACallWaits(t *testing.T) {
	b := newBench(t, devicetest.Turned(t, "SPA942", "", devicetest.BootsAtOnce()), 0, "Auth_Resync-Reboot_1_=No", "Resync_On_Reset=No")
	b.take(b.at().Do(device.Command{Order: device.SwitchOn}))
	b.runUntil(50)
	b.take(b.at().Do(device.Command{Order: device.HookOff}))
	b.did = nil
	for n := range 1000 {
		answer, fx := b.notify(fmt.Sprintf("resync;profile=http://192.0.2.1/%d", n))
		if b.take(fx); answer != "200" {
			t.Fatal(answer)
		}
	}
	if len(b.did) > 0 || len(b.u.pending()) != 1 || b.u.pending()[0].Argument != "http://192.0.2.1/999" {
		t.Fatalf("during the call: %v, and %v wait", b.did, b.u.pending())
	}
	b.runUntil(80)
	b.take(b.at().Do(device.Command{Order: device.HookOn}))
	if !slices.Equal(b.did, []string{"80 notify"}) {
		t.Errorf("after the call: %v", b.did)
	}
}

// A device without power, or one that boots, hears nothing.
func TestADeafDeviceAnswersNoSIP(t *testing.T) {
	b := newBench(t, devicetest.Turned(t, "SPA942", "", map[string]string{"boot_time": "30s"}), 0, "Auth_Resync-Reboot_1_=No")
	if answer, _ := b.notify("keep-alive"); answer != "" {
		t.Errorf("without power: %s", answer)
	}
	b.take(b.at().Do(device.Command{Order: device.SwitchOn}))
	if answer, _ := b.notify("keep-alive"); answer != "" {
		t.Errorf("while it boots: %s", answer)
	}
	b.runUntil(31)
	if answer, _ := b.notify("keep-alive"); answer != "200" {
		t.Errorf("after the boot: %q", answer)
	}
}

// The device logs that a NOTIFY asks for a resync (surface-2.md §4.7: image).
func TestANotifyIsLogged(t *testing.T) {
	b := newBench(t, devicetest.Turned(t, "SPA504G", "7.5.2b", devicetest.BootsAtOnce()), 0, "Auth_Resync-Reboot_1_=No", "Resync_On_Reset=No", "Syslog_Server=192.0.2.1")
	b.at().Do(device.Command{Order: device.SwitchOn})
	b.now += 1e9
	_, fx := b.notify("resync")
	var told []string
	for _, e := range fx.Events {
		told = append(told, e.Kind.String()+" "+e.Text)
		if e.Kind == device.Notify && (e.Cause != model.ByNotify || e.At != b.now) {
			t.Errorf("event %+v", e)
		}
	}
	if !slices.Equal(told, []string{"notify resync", "syslog ++++++ resync when idle"}) {
		t.Errorf("it tells %q", told)
	}
}
