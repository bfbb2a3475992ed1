package webui_test

import (
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"image/png"
	"io"
	"net"
	"net/http"
	"net/netip"
	"os"
	"strings"
	"testing"
	"time"

	"spafleet/device"
	"spafleet/webui"
)

// surfaceModels are the columns of surfacePaths.
var surfaceModels = []struct{ model, firmware string }{
	{"PAP2T", ""}, {"SPA2102", ""}, {"SPA8000", ""}, {"SPA942", ""}, {"SPA962", ""}, {"SPA501G", "7.5.5"}, {"SPA504G", "7.6.2f"}, {"SPA514G", ""}, {"SPA525G2", ""}, {"SPA112", ""},
}

// surfacePaths are the paths that the reference of the devices names, with the section that
// names them, and how each model answers. kind is the type where the answer is 200.
var surfacePaths = []struct {
	section, path, kind string
	answers             string // for each of surfaceModels
}{
	// device-surface.md                                PAP  2102 8000 942  962  501  504  514  525  112
	{"1 §1.1", "/upgrade", "text/html", "               200  200  200  200  200  200  200  200  200  401"},
	{"1 §1.1", "/admin/upgrade", "text/html", "         200  200  200  200  200  200  200  200  200  401"},
	{"1 §1.1", "/resync", "text/html", "                200  200  200  200  200  200  200  200  200  401"},
	{"1 §1.1", "/admin/resync", "text/html", "          200  200  200  200  200  200  200  200  200  401"},
	{"1 §1.1", "/reboot", "text/html", "                200  200  200  200  200  200  200  200  200  401"},
	{"1 §1.1", "/admin/reboot", "text/html", "          200  200  200  200  200  200  200  200  200  401"},
	{"1 §1.1", "/ringtone", "text/html", "              404  404  404  404  404  200  200  200  200  404"},
	{"1 §1.1", "/admin/ringtone", "text/html", "        404  404  404  404  404  200  200  200  200  404"},
	{"1 §1.1", "/updateCA", "text/html", "              404  404  404  404  404  200  200  200  404  404"},
	{"1 §1.1", "/admin/updateCA", "text/html", "        404  404  404  404  404  200  200  200  404  404"},
	{"1 §1.1", "/admin/reset", "", "                    404  404  404  404  404  404  404  404  404  404"},
	{"1 §1.1", "/reset", "", "                          404  404  404  404  404  404  404  404  404  404"},
	{"1 §1.3", "/", "text/html", "                      200  200  200  200  200  200  200  200  200  200"},
	{"1 §1.3", "/basic", "text/html", "                 200  200  200  200  200  200  200  200  200  404"},
	{"1 §1.3", "/advanced", "text/html", "              200  200  200  200  200  200  200  200  200  404"},
	{"1 §1.3", "/admin/", "text/html", "                200  200  200  200  200  200  200  200  200  404"},
	{"1 §1.3", "/admin/advanced", "text/html", "        200  200  200  200  200  200  200  200  200  404"},
	{"1 §1.3", "/voice/", "text/html", "                404  200  200  404  404  404  404  404  404  404"},
	{"1 §1.3", "/admin/voice/", "text/html", "          404  200  200  404  404  404  404  404  404  404"},
	{"1 §1.3", "/admin/voice/advanced", "text/html", "  404  200  200  404  404  404  404  404  404  404"},
	{"1 §1.3", "POST /bsipura.spa", "text/html", "      200  200  200  200  200  405  405  405  405  404"},
	{"1 §1.3", "POST /asipura.spa", "text/html", "      200  200  200  200  200  405  405  405  405  404"},
	{"1 §1.3", "POST /admin/asipura.spa", "text/html", "200  200  200  200  200  405  405  405  405  404"},
	{"1 §1.3", "POST /admin/voice/asipura.spa", "text/html", "405  200  200  405  405  405  405  405  405  404"},
	{"1 §1.3", "POST /linksys.pbp", "text/html", "      200  405  405  405  405  405  405  405  405  404"},
	{"1 §1.3", "POST /bcisco.csc", "text/html", "       405  405  405  405  405  200  200  200  200  404"},
	{"1 §1.3", "POST /acisco.csc", "text/html", "       405  405  405  405  405  200  200  200  200  404"},
	{"1 §1.3", "POST /pdir.csc", "text/html", "         405  405  405  405  405  200  200  200  200  404"},
	{"1 §1.3", "POST /spacfg.spa", "", "                405  405  405  405  405  400  400  400  405  404"}, // an empty profile
	{"1 §1.3", "/spacfg.xml", "text/xml", "             200  200  200  200  200  200  200  200  200  404"},
	{"1 §1.3", "/admin/spacfg.xml", "text/xml", "       200  200  200  200  200  200  200  200  200  404"},
	{"1 §1.3", "/status.xml", "text/xml", "             404  404  404  404  404  200  200  200  200  404"},
	{"1 §1.3", "/admin/status.xml", "text/xml", "       404  404  404  404  404  200  200  200  200  401"},
	{"1 §1.3", "/pdir.htm", "text/html", "              404  404  404  200  200  200  200  200  200  404"},
	{"1 §1.3", "/calllog.htm", "text/html", "           404  404  404  200  200  200  200  200  200  404"},
	{"1 §1.3", "/spa932status.htm", "text/html", "      404  404  404  404  200  404  404  404  404  404"},
	{"1 §1.3", "/attconstatus.htm", "text/html", "      404  404  404  404  404  200  200  200  200  404"},
	{"1 §1.3", "/status", "text/html", "                404  404  200  404  404  404  404  404  404  404"},
	{"1 §1.3", "/screendump.bmp", "image/bmp", "        404  404  404  404  404  404  200  200  404  404"}, // no display; of an SPA525 nothing is known
	{"1 §1.3", "/admin/screendump.bmp", "image/bmp", "  404  404  404  404  404  404  200  200  404  404"},
	{"1 §1.3", "/statusbmp.bmp", "image/bmp", "         404  404  404  404  404  404  200  200  404  404"},
	{"1 §1.3", "/DeviceInformationX", "", "             404  404  404  404  404  404  404  404  404  404"}, // of a protocol that is not emulated
	{"1 §1.3", "POST /CGI/Execute", "text/xml", "       405  405  405  405  405  200  403  403  403  404"},
	{"1 §1.3", "/crossdomain.xml", "text/xml", "        404  404  404  404  404  200  200  200  200  404"},
	{"1 §1.3", "/spabanner.jpg", "image/jpeg", "        200  200  200  200  200  200  200  200  200  404"},
	{"1 §1.3", "/UI_Linksys.jpg", "image/jpeg", "       200  404  404  404  404  404  404  404  404  404"},
	{"1 §1.3", "/UI_Cisco.gif", "image/jpeg", "         200  404  404  404  404  404  404  404  404  404"},
	{"1 §1.3", "/UI_02.gif", "image/jpeg", "            200  404  404  404  404  404  404  404  404  404"},
	{"1 §1.3", "/UI_10.gif", "image/jpeg", "            200  404  404  404  404  404  404  404  404  404"},
	{"1 §1.3", "/UI_11.gif", "", "                      404  404  404  404  404  404  404  404  404  404"},
	{"1 §1.8", "/admin/cfg.xml", "", "                  404  404  404  404  404  404  404  404  404  404"}, // of other phones
	// surface-2.md
	{"2 §1.1", "POST /login.cgi", "text/html", "        405  405  405  405  405  405  405  405  405  200"},
	{"2 §1.1", "POST /apply.cgi", "text/html", "        405  405  405  405  405  405  405  405  405  200"},
	{"2 §1.2", "POST /upgrade.cgi", "", "               405  405  405  405  405  405  405  405  405  400"}, // without a file
	{"2 §1.3", "/admin/status.xml&xuser=admin&xpassword=admin", "text/xml", "404 404 404 404 404 404 404 404 404 200"},
	{"2 §1.3", "/admin/config.xml&xuser=admin&xpassword=admin", "text/xml", "404 404 404 404 404 404 404 404 404 200"},
	{"2 §1.3", "/admin/config.xml", "", "               404  404  404  404  404  404  404  404  404  401"},
	{"2 §2.2", "POST /pdir.spa", "text/html", "         405  405  405  200  200  405  405  405  405  404"},
	{"2 §2.2", "/admin/callinfo", "", "                 404  404  404  404  404  404  404  404  404  404"},
	{"2 §2.2", "/rdir.htm", "", "                       404  404  404  404  404  404  404  404  404  404"},
	{"2 §2.2", "/admin/log.xml", "", "                  404  404  404  404  404  404  404  404  404  404"},
	{"2 §2.2", "/admin/log/messages", "", "             404  404  404  404  404  404  404  404  404  404"},
}

// Each path that the reference names is answered as the device of each family answers it
// (device-surface.md §1.1, §1.3; surface-2.md §2.2).
func TestEachPathOfTheReference(t *testing.T) {
	for i, m := range surfaceModels {
		f := &fleet{views: map[netip.Addr]device.View{netip.MustParseAddr("127.0.0.1"): view(t, m.model, m.firmware)}}
		addr := listen(t, &webui.Site{Devices: quiet{f}}, "127.0.0.1:0")
		for _, p := range surfacePaths {
			method, path, ok := strings.Cut(p.path, " ")
			if !ok {
				method, path = http.MethodGet, p.path
			}
			got, err := exchange(addr, fmt.Sprintf("%s %s HTTP/1.1\r\nHost: x\r\nContent-Length: 0\r\n\r\n", method, path))
			if err != nil {
				t.Fatalf("%s: %s: %v", m.model, p.path, err)
			}
			answers := strings.Fields(p.answers)
			if len(answers) != len(surfaceModels) {
				t.Fatalf("%s has %d answers", p.path, len(answers))
			}
			status, _, _ := strings.Cut(statusOf(got), " ")
			if status != answers[i] {
				t.Errorf("part %s: %s answers %s with %s, want %s", p.section, m.model, p.path, status, answers[i])
			}
			if kind := "Content-Type: " + p.kind; status == "200" && !strings.Contains(got, kind) {
				t.Errorf("part %s: %s answers %s without %s:\n%.300s", p.section, m.model, p.path, kind, got)
			}
		}
	}
}

// quiet is a fleet whose devices do nothing.
type quiet struct{ *fleet }

func (quiet) Do(context.Context, device.Index, device.Command) error { return nil }

// Pictures come without a login, may be kept, and are what their header does not say
// (device-surface.md §1.3, §1.4).
func TestPicturesComeWithoutALogin(t *testing.T) {
	_, addr := serve(t, &webui.Site{}, view(t, "PAP2T", "", "User_Password=mine"))
	for _, path := range []string{"/spabanner.jpg", "/UI_02.gif"} {
		got := get(t, addr, path)
		head, body, _ := strings.Cut(got, "\r\n\r\n")
		if head != "HTTP/1.1 200 OK\r\nContent-Type: image/jpeg\r\nCache-Control: must-revalidate, public\r\nConnection: close" {
			t.Errorf("%s has header\n%s", path, head)
		}
		if _, err := png.Decode(strings.NewReader(body)); err != nil {
			t.Errorf("%s: %v", path, err)
		}
	}
	if got := statusOf(get(t, addr, "/")); got != "401 Unauthorized" {
		t.Errorf("the page comes with %s", got)
	}
}

// points reads a BMP of one bit a point, as the standard has it.
func points(t *testing.T, body string) (black [64][128]bool) {
	t.Helper()
	b := []byte(body)
	u32 := func(at int) int { return int(binary.LittleEndian.Uint32(b[at:])) }
	if len(b) != 62+1024 || !bytes.HasPrefix(b, []byte("BM")) || u32(2) != len(b) || u32(10) != 62 || u32(14) != 40 || u32(18) != 128 || u32(22) != 64 ||
		binary.LittleEndian.Uint16(b[26:]) != 1 || binary.LittleEndian.Uint16(b[28:]) != 1 || u32(54) != 0xFFFFFF || u32(58) != 0 {
		t.Fatalf("no BMP of 128 by 64 points: % x", b[:min(62, len(b))])
	}
	for y := range 64 {
		for x := range 128 {
			black[63-y][x] = b[62+y*16+x/8]&(0x80>>(x%8)) != 0
		}
	}
	return black
}

func count(black [64][128]bool, top, bottom int) (n int) {
	for y := top; y < bottom; y++ {
		for x := range 128 {
			if black[y][x] {
				n++
			}
		}
	}
	return n
}

// The display is a picture of what the phone is (device-surface.md §1.3, §2.4).
func TestTheDisplayIsAPicture(t *testing.T) {
	shown := func(path string, v device.View) [64][128]bool {
		_, addr := serve(t, &webui.Site{}, v)
		head, body, _ := strings.Cut(get(t, addr, path), "\r\n\r\n")
		if !strings.Contains(head, "Content-Type: image/bmp\r\nCache-Control: must-revalidate, no-store") {
			t.Errorf("%s has header\n%s", path, head)
		}
		return points(t, body)
	}
	v := view(t, "SPA504G", "7.6.2f", "Station_Name=Reception", "User_ID_1_=2001")
	first := shown("/screendump.bmp", v)
	if first != shown("/admin/screendump.bmp", v) {
		t.Error("the administrator sees another display")
	}
	for what, n := range map[string]int{"the clock": count(first, 0, 8), "the name": count(first, 15, 27), "the extension": count(first, 33, 45), "the state": count(first, 51, 58)} {
		if n < 20 {
			t.Errorf("%s has %d points", what, n)
		}
	}
	other := shown("/screendump.bmp", view(t, "SPA504G", "7.6.2f", "Station_Name=Kitchen", "User_ID_1_=2001"))
	if count(first, 15, 27) == count(other, 15, 27) || count(first, 33, 45) != count(other, 33, 45) {
		t.Error("another name shows the same, or something else changes")
	}
	idle := shown("/statusbmp.bmp", v)
	v.InUse = true
	if used := shown("/statusbmp.bmp", v); count(used, 0, 64) <= count(idle, 0, 64) || count(idle, 0, 64) == 0 {
		t.Error("the light of a line that is off hook is not lit")
	}
}

// A profile that is posted is applied as far as the account may (device-surface.md §1.3).
func TestAProfileIsPostedToAPhone(t *testing.T) {
	const body = `<flat-profile><Profile_Rule>http://h/$MA</Profile_Rule><Speed_Dial_2 ua="na">100</Speed_Dial_2><Nothing>x</Nothing><Web_Server_Port>much</Web_Server_Port></flat-profile>`
	f, addr := serve(t, &webui.Site{}, view(t, "SPA504G", "7.5.5"))
	for path, want := range map[string]string{"/spacfg.spa": "Speed_Dial_2", "/admin/spacfg.spa": "Profile_Rule, Speed_Dial_2"} {
		if got := send(t, addr, path, body); statusOf(got) != "200 OK" || !strings.Contains(got, "SPA is updating your configuration.") {
			t.Errorf("%s: %s", path, statusOf(got))
		}
		c := f.command(t)
		if c.Order != device.SetParams || c.Argument != want {
			t.Errorf("%s orders %+v, want %s", path, c, want)
		}
		for _, s := range c.Sets {
			if s.ID.Name() == "Speed_Dial_2" && (s.Value != "100" || (s.Access != 0) != (path == "/admin/spacfg.spa")) {
				t.Errorf("%s sets %+v", path, s)
			}
		}
	}
	refusal(t, f, "no profile", send(t, addr, "/spacfg.spa", "Profile_Rule=x"), "400 Bad Request", "a profile that cannot be read")
	refusal(t, f, "much", send(t, addr, "/spacfg.spa", strings.Repeat(" ", 256<<10+1)), "400 Bad Request", "a profile of more than 262144 bytes, or one that ends early")
	if got := send(t, addr, "/admin/spacfg.spa", "<flat-profile/>"); statusOf(got) != "200 OK" {
		t.Errorf("a profile that says nothing: %s", statusOf(got))
	}
}

// Ring tones and authorities are ordered when the page has gone out (device-surface.md §1.1,
// §1.2), unless the URLs are off.
func TestURLsOfRingToneAndAuthority(t *testing.T) {
	f, addr := serve(t, &webui.Site{}, view(t, "SPA504G", "7.6.2f"))
	for target, want := range map[string]device.Command{
		"/ringtone?http://h/a.dat": {Order: device.RingTone, Argument: "http://h/a.dat"}, "/admin/ringtone": {Order: device.RingTone},
		"/updateCA?http://h/ca%2Epem": {Order: device.UpdateCA, Argument: "http://h/ca.pem"}, "/admin/updateCA": {Order: device.UpdateCA},
	} {
		if got := get(t, addr, target); statusOf(got) != "200 OK" || !strings.Contains(got, "The file will be fetched when the phone is not in use.") {
			t.Errorf("%s: %s", target, statusOf(got))
		}
		if c := f.command(t); c.Order != want.Order || c.Argument != want.Argument || c.Requester.String() != "127.0.0.1" {
			t.Errorf("%s orders %+v", target, c)
		}
	}
	f, addr = serve(t, &webui.Site{}, view(t, "SPA504G", "7.6.2f", "Enable_Direct_Action_Url=No"))
	for _, target := range []string{"/ringtone", "/admin/updateCA"} {
		refusal(t, f, target, get(t, addr, target), "403 Forbidden", target)
	}
}

// The page of a reboot has gone out, and its connection is closed, before the device gets
// the order; a resync is ordered while the client still waits (device-surface.md §1.2).
func TestURLCommandsCloseBeforeTheyAct(t *testing.T) {
	for target, closes := range map[string]bool{"/admin/reboot": true, "/admin/upgrade?h/f.bin": true, "/ringtone": true, "/updateCA": true, "/admin/resync": false} {
		f := &held{fleet: &fleet{views: map[netip.Addr]device.View{netip.MustParseAddr("127.0.0.1"): view(t, "SPA504G", "7.6.2f")}}, asked: make(chan struct{}), obeyed: make(chan struct{})}
		addr := listen(t, &webui.Site{Devices: f}, "127.0.0.1:0")
		conn, err := net.Dial("tcp4", addr)
		if err != nil {
			t.Fatal(err)
		}
		defer conn.Close()
		fmt.Fprintf(conn, "GET %s HTTP/1.1\r\nHost: x\r\n\r\n", target)
		if !closes {
			<-f.asked
			_ = conn.SetReadDeadline(time.Now().Add(50 * time.Millisecond))
			if n, err := conn.Read(make([]byte, 1)); n > 0 || !errors.Is(err, os.ErrDeadlineExceeded) {
				t.Errorf("%s: the page comes before the order: %v", target, err)
			}
			_ = conn.SetReadDeadline(time.Time{})
			close(f.obeyed)
		}
		if got, err := io.ReadAll(conn); err != nil || statusOf(string(got)) != "200 OK" { // where it closes first, the order is still held
			t.Errorf("%s: %s %v", target, statusOf(string(got)), err)
		}
		if closes {
			<-f.asked
			close(f.obeyed)
		}
	}
}

// held is a fleet that takes its time over an order.
type held struct {
	*fleet
	asked, obeyed chan struct{}
}

func (h *held) Do(context.Context, device.Index, device.Command) error {
	close(h.asked)
	<-h.obeyed
	return nil
}

// The switches of the server as they leave the factory, and the LAN side of routers
// (device-surface.md §1.6).
func TestServerSwitchesFromTheFactory(t *testing.T) {
	for _, tt := range []struct{ model, values string }{
		{"PAP2T", "Enable_Web_Server=yes Web_Server_Port=80 Enable_Web_Admin_Access=yes Admin_Passwd= User_Password="},
		{"SPA1001", "Enable_Web_Server=yes Web_Server_Port=80 Enable_Web_Admin_Access=yes Admin_Passwd= User_Password="},
		{"SPA942", "Enable_Web_Server=yes Web_Server_Port=80 Enable_Web_Admin_Access=yes Admin_Passwd= User_Password="},
		{"SPA504G", "Enable_Web_Server=yes Web_Server_Port=80 Enable_Web_Admin_Access=yes Admin_Passwd= User_Password="},
		{"SPA2102", "Enable_WAN_Web_Server=no WAN_Web_Server_Port=80 Enable_Web_Admin_Access=yes Admin_Passwd= LAN_IP_Address=192.168.0.1 LAN_Subnet_Mask=255.255.255.0 Enable_DHCP_Server=yes DHCP_Lease_Time=24 Number_of_Client_IP_Addresses=50"},
		{"SPA3102", "Enable_WAN_Web_Server=no WAN_Web_Server_Port=80 LAN_IP_Address=192.168.0.1"},
		{"SPA8000", "Enable_WAN_Web_Server=no WAN_Web_Server_Port=80"},
	} {
		v := view(t, tt.model, "")
		for pair := range strings.FieldsSeq(tt.values) {
			name, want, _ := strings.Cut(pair, "=")
			got, ok := v.Params.Lookup(name)
			if !ok || !strings.EqualFold(got, want) {
				t.Errorf("%s has %s %q (%v), want %q", tt.model, name, got, ok, want)
			}
		}
	}
}

// A script that reads the call history looks for a division tab-page, in it for a table of
// the class stat whose cells begin with a blank, and reads four columns; it has no login
// where the user has no password (surface-2.md §2.2).
func TestScriptsReadTheCallHistory(t *testing.T) {
	_, addr := serve(t, &webui.Site{}, view(t, "SPA504G", "7.5.5", "Admin_Passwd=secret"))
	got := get(t, addr, "/calllog.htm")
	_, page, ok := strings.Cut(got, `<div class="tab-page" id="Call History">`)
	_, table, inTable := strings.Cut(page, `<table class="stat">`)
	if statusOf(got) != "200 OK" || !ok || !inTable {
		t.Fatalf("the page is\n%s", got)
	}
	row, _, _ := strings.Cut(table, "</tr>")
	if want := "<tr><td>&nbsp;From<td>&nbsp;To<td>&nbsp;Time<td>&nbsp;Duration"; strings.TrimSpace(row) != want {
		t.Errorf("its columns are %s, want %s", row, want)
	}
}
