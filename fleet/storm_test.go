package fleet_test

import (
	"bufio"
	"encoding/binary"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"spafleet/device"
	"spafleet/fleet"
	"spafleet/resync/fetch"
)

// halfway is a file whose first half already has a value, and is well-formed as
// far as it goes.
var halfway = "<flat-profile><GPP_A>new</GPP_A><GPP_B>" + strings.Repeat("b", 1200) + "</GPP_B></flat-profile>"

// A stalling server sends half of its file, tells so, and waits; a second time
// it sends the whole.
type stalling struct {
	rule    string        // for Profile_Rule
	half    chan struct{} // the first transfer is half done
	silence func() error  // what the device sent since, and should not have
}

// stallingTFTP answers one device.
func stallingTFTP(t *testing.T) *stalling {
	t.Helper()
	conn, err := net.ListenUDP("udp4", &net.UDPAddr{IP: net.IPv4(127, 0, 0, 1)})
	if err != nil {
		t.Fatal(err)
	}
	s := &stalling{rule: "tftp://" + conn.LocalAddr().String() + "/a", half: make(chan struct{}, 1)}
	var after atomic.Pointer[string] // the first packet behind the stall that is no new request
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		stalled, b := false, make([]byte, 2000)
		for {
			n, from, err := conn.ReadFromUDP(b)
			if err != nil {
				return
			}
			block := uint16(0)
			switch op := binary.BigEndian.Uint16(b); {
			case op == 4: // ACK
				block = binary.BigEndian.Uint16(b[2:])
			case op != 1 && stalled:
				text := fmt.Sprintf("%q", b[:n])
				after.Store(&text)
				continue
			}
			if block == 2 && !stalled {
				stalled = true
				s.half <- struct{}{}
				continue
			}
			start := int(block) * 512
			if start > len(halfway) {
				continue
			}
			data := binary.BigEndian.AppendUint16([]byte{0, 3}, block+1)
			_, _ = conn.WriteToUDP(append(data, halfway[start:min(start+512, len(halfway))]...), from)
		}
	}()
	t.Cleanup(func() {
		conn.Close()
		<-ended
	})
	s.silence = func() error {
		if text := after.Load(); text != nil {
			return fmt.Errorf("a device without power sent %s", *text)
		}
		return nil
	}
	return s
}

func stallingHTTP(t *testing.T) *stalling {
	t.Helper()
	s := &stalling{half: make(chan struct{}, 1), silence: func() error { return nil }}
	stalled := false
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if stalled {
			_, _ = io.WriteString(w, halfway)
			return
		}
		stalled = true
		conn, rw, err := w.(http.Hijacker).Hijack()
		if err != nil {
			t.Error(err)
			return
		}
		defer conn.Close()
		fmt.Fprintf(rw, "HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n%s", len(halfway), halfway[:len(halfway)/2])
		rw.Flush()
		s.half <- struct{}{}
		_, _ = bufio.NewReader(conn).ReadByte() // ends when the device is gone
	}))
	t.Cleanup(server.Close)
	s.rule = server.URL + "/a"
	return s
}

// Power is lost in the middle of a transfer over real sockets: nothing of the
// file is applied, nothing more is sent, and after its boot the device gets it.
func TestPowerLossInTheMiddleOfARealTransfer(t *testing.T) {
	for name, server := range map[string]func(*testing.T) *stalling{"tftp": stallingTFTP, "http": stallingHTTP} {
		t.Run(name, func(t *testing.T) {
			const boot = 200 * time.Millisecond
			peer := server(t)
			g := ata(t, 1, "Profile_Rule="+peer.rule)
			g.Row = row(t, "SPA2102", "5.2.10", map[string]string{"boot_time": boot.String(), "tftp_wait": "1m"})
			s := startOn(t, &fetch.Sockets{}, fleet.Config{Groups: []fleet.Group{g}})
			<-peer.half
			cut := time.Now()
			s.do(0, device.SwitchOff)
			s.await("the end of the transfer", func() bool { return s.f.Running() == 0 && !s.view(0).Powered })
			if took := time.Since(cut); took > time.Second {
				t.Errorf("the transfer ended %s after the power", took)
			}
			if v := s.view(0); v.Resyncs.OK+v.Resyncs.Failed != 0 || s.value(0, "GPP_A") != "" || s.value(0, "GPP_B") != "" {
				t.Errorf("half a file left GPP_A %q, resyncs %+v", s.value(0, "GPP_A"), v.Resyncs)
			}
			s.do(0, device.SwitchOn)
			s.awaitStory(0, "power_on customized:preset boot:power start:power_on power_off power_on boot:power start:power_on ok")
			on, booted := s.of(0, device.PowerOn)[1].At, s.of(0, device.ResyncStarted)[1].At
			if took := time.Duration(booted - on); took < boot || took > boot+2*time.Second {
				t.Errorf("booted %s after its power returned, want %s", took, boot)
			}
			if s.value(0, "GPP_A") != "new" || s.f.Aborted() != 1 {
				t.Errorf("GPP_A %q, %d aborted", s.value(0, "GPP_A"), s.f.Aborted())
			}
			if err := peer.silence(); err != nil {
				t.Error(err)
			}
		})
	}
}

// The power of a town fails while its devices are at work, and returns: each
// family comes back when it has booted, spread over its random delay, and all
// are synced.
func TestPowerReturnsToThousands(t *testing.T) {
	const each = 400
	families := []struct {
		model string
		boot  time.Duration
	}{{"SPA2102", 12 * time.Second}, {"SPA942", 30 * time.Second}, {"SPA504G", 50 * time.Second}}
	for _, f := range families {
		tl := timeline{model: f.model, count: each, files: served, hold: 2 * time.Second, lasts: 300 * time.Second, set: []string{"Resync_Random_Delay=2", "Resync_Periodic=0"},
			moves: []move{{after: 20 * time.Second, order: device.SwitchOff}, {after: 100 * time.Second, order: device.SwitchOn}}}
		_, s := tl.run(t)
		var after []time.Duration
		cut := 0
		for dev := range device.Index(each) {
			on := s.of(dev, device.PowerOn)[1].At
			started, ok := s.of(dev, device.ResyncStarted), s.of(dev, device.ResyncOK)
			last := started[len(started)-1]
			if last.At < on || len(ok) == 0 || ok[len(ok)-1].At < last.At {
				t.Fatalf("%s %d is not synced after its power returned: %s", f.model, dev, s.story(dev))
			}
			if len(s.of(dev, device.ResyncFailed)) > 0 {
				t.Fatalf("%s %d: a power loss is no failure: %s", f.model, dev, s.story(dev))
			}
			cut += len(started) - len(ok)
			after = append(after, time.Duration(last.At-on))
		}
		spread(t, f.model+" after power", f.boot, f.boot+40*time.Second, after)
		if cut != s.f.Aborted() || cut == 0 {
			t.Errorf("%s: %d attempts have no end, %d were cut off", f.model, cut, s.f.Aborted())
		}
	}
}

// The same over sockets: thousands at once, against a server that counts.
func TestPowerReturnStormOverSockets(t *testing.T) {
	const devices = 1500
	var begun atomic.Int64
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		begun.Add(1)
		_, _ = io.WriteString(w, profileOf("GPP_A=1", "Resync_Periodic=3600"))
	}))
	t.Cleanup(server.Close)
	g := ata(t, devices, "Profile_Rule="+server.URL+"/a", "Resync_Random_Delay=1")
	g.Row = row(t, "SPA2102", "5.2.10", map[string]string{"random_delay_unit": "1s", "boot_time": "300ms"})
	s := startOn(t, &fetch.Sockets{}, fleet.Config{Groups: []fleet.Group{g}, Outstanding: 500})
	s.await("a fleet at work", func() bool { return begun.Load() > devices/3 })
	for dev := range device.Index(devices) {
		s.do(dev, device.SwitchOff)
	}
	s.await("silence", func() bool { return s.f.Running() == 0 && s.count(device.PowerOff) == devices })
	before := s.count(device.ResyncOK)
	for dev := range device.Index(devices) {
		s.do(dev, device.SwitchOn)
	}
	s.await("every device back", func() bool { return s.count(device.ResyncOK) == before+devices })
	if failed := s.count(device.ResyncFailed); failed > 0 {
		t.Errorf("%d failed", failed)
	}
	for _, dev := range []device.Index{0, devices / 2, devices - 1} {
		on, starts := s.of(dev, device.PowerOn)[1].At, s.of(dev, device.ResyncStarted)
		if wait := time.Duration(starts[len(starts)-1].At - on); wait < 300*time.Millisecond {
			t.Errorf("device %d booted in %s", dev, wait)
		}
	}
	if got, want := s.count(device.ResyncStarted), before+devices+s.f.Aborted(); got != want {
		t.Errorf("%d attempts began, %d ended or were cut off", got, want)
	}
}
