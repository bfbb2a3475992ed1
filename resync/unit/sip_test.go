package unit

import (
	"fmt"
	"net/netip"
	"runtime"
	"slices"
	"strings"
	"testing"

	"spafleet/device"
	"spafleet/device/devicetest"
	"spafleet/device/model"
	"spafleet/device/sip"
	"spafleet/resync"
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

// device-surface.md §6.1: a NOTIFY of XML-Service has a phone fetch a document, and nothing
// follows from that.
func TestANotifyOpensAnXMLService(t *testing.T) {
	b := newBench(t, devicetest.Turned(t, "SPA504G", "7.5.5", devicetest.BootsAtOnce()), 0, "Auth_Resync-Reboot_1_=No", "Resync_On_Reset=No")
	b.take(b.at().Do(device.Command{Order: device.SwitchOn}))
	b.now += 1e9
	const url = "http://192.0.2.1/menu.xml"
	text := strings.Join([]string{"NOTIFY sip:127.64.0.1 SIP/2.0", "Via: SIP/2.0/UDP 127.0.0.9;branch=z9hG4bK1", "From: <sip:pbx@127.0.0.9>;tag=1", "To: <sip:127.64.0.1>",
		"Call-ID: 1@127.0.0.9", "CSeq: 1 NOTIFY", "Event: XML-Service", fmt.Sprint("Content-Length: ", len(url)), "", url}, "\r\n")
	fx := b.at().SIP(1, netip.MustParseAddrPort("127.0.0.9:5060"), []byte(text))
	if fx.Start == nil || fx.Start.Command.Order != device.XMLService {
		t.Fatalf("it starts %+v", fx.Start)
	}
	start := *fx.Start
	_, in, _ := b.at().Begin(&start, 1)
	if in.Extra == nil || in.Extra.URL != url || in.Extra.File.What != "xml_service" {
		t.Errorf("it asks for %+v", in.Extra)
	}
	due := b.u.Due()
	b.at().Ended(&resync.Outcome{OK: true, Extra: in.Extra, Params: in.Params, Life: in.Life}, b.now)
	if b.u.Due() != due || b.u.opt != nil && len(b.u.opt.tries) > 0 {
		t.Errorf("afterwards it waits until %d, and did until %d", b.u.Due(), due)
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

// newLine returns a bench whose device registers line 1, with its parameters.
func newLine(t *testing.T, model string, presets ...string) *bench {
	t.Helper()
	b := newBench(t, devicetest.Turned(t, model, "", devicetest.BootsAtOnce()), 0, append([]string{"User_ID_1_=100", "Password_1_=x", "Proxy_1_=sip.example.com",
		"Resync_On_Reset=No", "Auth_Resync-Reboot_1_=No", "Register_2_=No"}, presets...)...)
	b.m.Shared.SIP = true
	return b
}

// serve carries out what follows, and answers each REGISTER as a server does that grants
// what is asked for.
func (b *bench) serve(fx *Effects) {
	b.t.Helper()
	messages := slices.Clone(fx.SIP)
	for _, e := range fx.Events {
		switch e.Kind {
		case device.Registered, device.Unregistered, device.RegistrationFailed:
			b.note("%s by %s", e.Kind, e.Cause)
		}
	}
	b.take(fx)
	for _, m := range messages {
		if m.Server == "" {
			continue
		}
		text := string(m.Text)
		b.note("REGISTER %s %s", m.Server, text[strings.Index(text, "expires="):strings.Index(text, "\r\nUser-Agent")])
		if b.silent {
			continue
		}
		_, head, _ := strings.Cut(text, "\r\n")
		b.serve(b.at().SIP(m.Line, netip.MustParseAddrPort("192.0.2.9:5060"), []byte("SIP/2.0 200 OK\r\n"+head)))
	}
}

// serveUntil lets the device's timers run out, up to a second after midnight.
func (b *bench) serveUntil(second float64) {
	b.t.Helper()
	end := midnight + int64(second*1e9)
	for range 10_000 {
		if b.u.Due() == 0 || b.u.Due() > end {
			b.now = end
			return
		}
		b.now = max(b.now, b.u.Due())
		b.serve(b.at().Due())
	}
	b.t.Fatal("it never rests")
}

// surface-2.md §6.1, device-surface.md §6.2: a line registers when the firmware has started,
// refreshes, and leaves before a reboot, but not when the power goes.
func TestALineRegistersForLife(t *testing.T) {
	b := newLine(t, "SPA942", "Register_Expires_1_=60")
	b.serve(b.at().Do(device.Command{Order: device.SwitchOn}))
	b.serveUntil(70)
	b.serve(b.at().Do(device.Command{Order: device.Reboot, Cause: model.ByWeb}))
	b.serveUntil(80)
	b.serve(b.at().Do(device.Command{Order: device.SwitchOff}))
	b.serveUntil(1000)
	want := []string{
		"0 boot:power", "0 REGISTER sip.example.com expires=60", "0 registered by power_on",
		"30 REGISTER sip.example.com expires=60", "30 registered by periodic", "60 REGISTER sip.example.com expires=60", "60 registered by periodic",
		"70 unregistered by periodic", "70 boot:web", "70 REGISTER sip.example.com expires=0", "70 REGISTER sip.example.com expires=60", "70 registered by power_on",
		"80 off",
	}
	if !slices.Equal(b.did, want) {
		t.Errorf("it does\n%s\nwant\n%s", strings.Join(b.did, "\n"), strings.Join(want, "\n"))
	}
}

// device-surface.md §6.2: $REGTMR1 is 0 while the line is registered, and else the seconds since it lost that.
func TestREGTMR(t *testing.T) {
	b := newLine(t, "SPA2102", "Register_Expires_1_=60", "Resync_Trigger_1=$REGTMR1 ge 100", "Resync_Periodic=0", "Resync_Random_Delay=0")
	b.serve(b.at().Do(device.Command{Order: device.SwitchOn}))
	b.serveUntil(500)
	if slices.ContainsFunc(b.did, func(s string) bool { return strings.HasSuffix(s, " trigger") }) {
		t.Fatalf("a trigger holds while the line is registered: %v", b.did)
	}
	b.did, b.silent = nil, true
	b.serveUntil(700)
	lost := int64(0)
	for _, s := range b.did {
		if strings.HasSuffix(s, "unregistered by periodic") {
			fmt.Sscan(s, &lost)
		}
	}
	if want := fmt.Sprint(lost+100, " trigger"); lost == 0 || !slices.Contains(b.did, want) {
		t.Errorf("no %q: %v", want, b.did)
	}
}

// A resync that changes the account ends the old registration and makes the new one, without
// a reboot too.
func TestChangedAccountsRegister(t *testing.T) {
	b := newLine(t, "SPA942")
	b.serve(b.at().Do(device.Command{Order: device.SwitchOn}))
	b.serveUntil(10)
	b.did = nil
	b.serve(b.at().Do(device.Command{Order: device.SetParams, Cause: model.ByWeb, Sets: devicetest.Sets(t, b.m.Row(&b.u).Factory, "Proxy_1_=new.example.com")}))
	if want := []string{"10 unregistered by periodic", "10 boot:params", "10 REGISTER sip.example.com expires=0", "10 REGISTER new.example.com expires=3600",
		"10 registered by power_on"}; !slices.Equal(b.did, want) {
		t.Errorf("it does %q, want %q", b.did, want)
	}
	b.did = nil
	b.serve(b.at().Do(device.Command{Order: device.FactoryReset, Cause: model.ByKeypad}))
	if want := []string{"10 unregistered by periodic", "10 REGISTER new.example.com expires=0", "10 REGISTER sip.example.com expires=3600"}; len(b.did) < 3 || !slices.Contains(b.did, want[1]) {
		t.Errorf("a factory reset does %q, want %q", b.did, want)
	}
}

// A registration is not looked for before somebody turns that on.
func TestNobodyRegistersUnasked(t *testing.T) {
	b := newLine(t, "SPA942")
	b.m.Shared.SIP = false
	b.serve(b.at().Do(device.Command{Order: device.SwitchOn}))
	b.serveUntil(4000)
	if slices.ContainsFunc(b.did, func(s string) bool { return strings.Contains(s, "REGISTER") }) {
		t.Errorf("it does %q", b.did)
	}
}

// A device that was saved goes on: it refreshes when it would have.
func TestRegistrationsSurvive(t *testing.T) {
	b := newLine(t, "SPA942", "Register_Expires_1_=60")
	b.serve(b.at().Do(device.Command{Order: device.SwitchOn}))
	b.serveUntil(40)
	r := b.m.Record(b.dev, &b.u)
	other := b.m.New(0)
	b.m.Restore(&other, &r)
	b.u = other
	b.did = nil
	b.serve(b.at().Resume(b.now, true))
	b.serveUntil(61)
	if want := []string{"60 REGISTER sip.example.com expires=60", "60 registered by periodic"}; !slices.Equal(b.did, want) {
		t.Errorf("it does %q, want %q", b.did, want)
	}
	if list := b.m.Waiting(nil); len(list) != 1 || list[0].Text != "a line registers, or asks its SIP server again" || list[0].Took != 30e9 {
		t.Errorf("it waits for %v", list)
	}
	if v := b.m.View(b.dev, &b.u, b.now); v.Registered != 1 || len(v.Lines) != 1 || v.Lines[0].Last != midnight+60e9 || v.Lines[0].Next != midnight+90e9 {
		t.Errorf("pages see %+v", v.Lines)
	}
}

// What a registered line costs its device, beside the unit itself: one allocation of 48
// bytes. NOTIFYs that are refused cost nothing, however many come.
func TestARegisteredLineCosts48Bytes(t *testing.T) {
	const devices = 5_000
	b := newLine(t, "SPA942")
	heap := func() uint64 {
		var m runtime.MemStats
		runtime.GC()
		runtime.ReadMemStats(&m)
		return m.HeapAlloc
	}
	units := make([]Unit, devices)
	b.serve(b.at().Do(device.Command{Order: device.SwitchOn}))
	for i := range units {
		units[i] = b.u
		units[i].lines = sip.Lines{}
	}
	before := heap()
	for i := range units {
		b.u = units[i]
		for range 3 {
			if answer, fx := b.notify("polling"); answer != "489" || len(fx.SIP) != 1 {
				t.Fatal(answer)
			}
		}
		units[i] = b.u
	}
	if cost := (float64(heap()) - float64(before)) / devices; cost > 2 { // the heap of a test is never quite still
		t.Errorf("refused NOTIFYs cost %.1f bytes a device", cost)
	}
	before = heap()
	for i := range units {
		b.u = units[i]
		b.did = b.did[:0]
		b.serve(b.speak())
		units[i] = b.u
	}
	cost := float64(heap()-before) / devices
	t.Logf("%.1f bytes a registered line", cost)
	if cost > 49 || units[devices/2].lines.Registered() != 1 {
		t.Errorf("a registered line costs %.1f bytes, want 48", cost)
	}
	runtime.KeepAlive(units)
}

// speak lets the device's lines register.
func (b *bench) speak() *Effects {
	m := b.at()
	speaker{m}.consider()
	return &m.fx
}

// surface-2.md §6.2: a phone with CTI_Enable tells of each change of its hook once.
func TestAHookIsTold(t *testing.T) {
	b := newLine(t, "SPA942", "CTI_Enable=Yes")
	b.serve(b.at().Do(device.Command{Order: device.SwitchOn}))
	told := ""
	for _, o := range []device.Order{device.HookOff, device.HookOff, device.HookOn, device.HookOn} {
		b.now += 1e9
		for _, m := range b.at().Do(device.Command{Order: o}).SIP {
			_, state, _ := strings.Cut(string(m.Text), ` state="`)
			state, _, _ = strings.Cut(state, `"`)
			told += m.Server + " " + state + " "
		}
	}
	if told != "sip.example.com offhook sip.example.com onhook " {
		t.Errorf("it tells %q", told)
	}
}
