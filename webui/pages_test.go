package webui_test

import (
	"errors"
	"net/netip"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"spafleet/device"
	"spafleet/device/model"
	"spafleet/host/golden"
	"spafleet/webui"
)

// Whole pages of each look: settings, answers to commands, errors (device-surface.md §1.2,
// §1.4, §2.1, §2.2, §2.3).
func TestPagesAreByteForByteAsStored(t *testing.T) {
	tests := []struct {
		file, model, firmware, target string
		order                         device.Order // 0: none
	}{
		{"spa2102-root", "SPA2102", "3.3.6", "/", 0},
		{"spa2102-voice", "SPA2102", "3.3.6", "/admin/voice/", 0},
		{"spa2102-notfound", "SPA2102", "3.3.6", "/admin/reset", 0},
		{"spa2102-resync", "SPA2102", "3.3.6", "/admin/resync", device.Resync},
		{"spa2102-reboot", "SPA2102", "3.3.6", "/admin/reboot", device.Reboot},
		{"pap2t-root", "PAP2T", "5.1.5(LS)", "/", 0},
		{"pap2t-notfound", "PAP2T", "5.1.5(LS)", "/nothing", 0},
		{"spa962-advanced", "SPA962", "6.1.5(a)", "/admin/advanced", 0},
		{"spa8000-root", "SPA8000", "6.1.10(001)", "/", 0},
		{"spa504g-root", "SPA504G", "7.6.2f", "/admin/", 0},
		{"spa504g-upgrade", "SPA504G", "7.6.2f", "/admin/upgrade", device.Upgrade},
		{"spa504g-reboot", "SPA504G", "7.6.2f", "/reboot", device.Reboot},
		{"spa504g-notfound", "SPA504G", "7.6.2f", "/voice/", device.Refuse},
		{"spa2000-root", "SPA2000", "3.1.5", "/basic", 0},
	}
	for _, tt := range tests {
		t.Run(tt.file, func(t *testing.T) {
			f, addr := serve(t, &webui.Site{}, view(t, tt.model, tt.firmware))
			_, body, _ := strings.Cut(get(t, addr, tt.target), "\r\n\r\n")
			golden.File(t, filepath.Join("testdata", tt.file+".golden.html"), []byte(body))
			if tt.order != 0 {
				if c := f.command(t); c.Order != tt.order {
					t.Errorf("ordered %s, want %s", c.Order, tt.order)
				}
			}
		})
	}
}

// The header of each answer is that of the firmware, of whatever version the request is
// (device-surface.md §1.4).
func TestWireFormOfAnswers(t *testing.T) {
	_, addr := serve(t, &webui.Site{}, view(t, "SPA942", ""))
	const want = "\r\nContent-Type: text/html\r\nCache-Control: must-revalidate, no-store\r\nConnection: close\r\n\r\n<html>"
	for target, status := range map[string]string{"/": "200 OK", "/nothing": "404 Not Found"} {
		if got := get(t, addr, target); !strings.HasPrefix(got, "HTTP/1.1 "+status+want) {
			t.Errorf("GET %s answers\n%s", target, got)
		}
	}
	old, err := exchange(addr, "GET / HTTP/1.0\r\n\r\n")
	if err != nil || !strings.HasPrefix(old, "HTTP/1.1 200 OK\r\n") {
		t.Errorf("an HTTP/1.0 request answers %q, %v", old, err)
	}
}

// Pages of 5xx phones say their character set, and documents do not (device-surface.md §1.4).
func TestPagesOf5xxPhonesSayTheirCharacterSet(t *testing.T) {
	for set, want := range map[string]string{
		"GPP_A=": "text/html; charset=ISO-8859-1\r\n", "Default_Character_Encoding=UTF-8": "text/html; charset=UTF-8\r\n",
	} {
		_, addr := serve(t, &webui.Site{}, view(t, "SPA504G", "7.6.2f", set))
		if got := get(t, addr, "/"); !strings.Contains(got, "\r\nContent-Type: "+want) {
			t.Errorf("with %s comes\n%.200s", set, got)
		}
		if got := get(t, addr, "/status.xml"); !strings.Contains(got, "\r\nContent-Type: text/xml\r\n") {
			t.Errorf("status.xml comes as\n%.200s", got)
		}
	}
}

// What stands behind the first question mark goes to the device decoded and whole
// (device-surface.md §1.1).
func TestURLCommandsTakeTheirArgumentWhole(t *testing.T) {
	f, addr := serve(t, &webui.Site{}, view(t, "SPA2102", ""))
	tests := []struct {
		target string
		order  device.Order
		want   string
	}{
		{"/admin/resync?prvserv/spa2102.cfg", device.Resync, "prvserv/spa2102.cfg"},
		{"/admin/resync?https://prov.example/linksys-init/1234abcd", device.Resync, "https://prov.example/linksys-init/1234abcd"},
		{"/admin/resync?http://h/app/provision/?mac=$MA", device.Resync, "http://h/app/provision/?mac=$MA"},
		{"/admin/resync?%5B--uid+admin+--pwd+555%5Dhttp://h/x.cfg", device.Resync, "[--uid admin --pwd 555]http://h/x.cfg"},
		{"/admin/resync?tftp://srv/SEP000e08012345.cnf.xml", device.Resync, "tftp://srv/SEP000e08012345.cnf.xml"},
		{"/admin/resync?192.0.2.1/spa000e08012345.cfg", device.Resync, "192.0.2.1/spa000e08012345.cfg"},
		{"/upgrade?http://host/firmware/Linksys/spa2102-5-2-5.bin", device.Upgrade, "http://host/firmware/Linksys/spa2102-5-2-5.bin"},
		{"/admin/resync", device.Resync, ""},
		{"/resync?", device.Resync, ""},
		{"/admin/upgrade?a%20b%2Bc", device.Upgrade, "a b+c"},
		{"/resync?100%+%zz%41%", device.Resync, "100% %zzA%"},
		{"/resync?a#b", device.Resync, "a#b"},
		{"/admin/reboot?ignored", device.Reboot, ""},
	}
	for _, tt := range tests {
		if got := statusOf(get(t, addr, tt.target)); got != "200 OK" {
			t.Errorf("GET %s answers %s", tt.target, got)
		}
		c := f.command(t)
		if c.Order != tt.order || c.Argument != tt.want {
			t.Errorf("GET %s orders %s %q, want %s %q", tt.target, c.Order, c.Argument, tt.order, tt.want)
		}
		if c.Cause != model.ByWeb || c.Requester != netip.MustParseAddr("127.0.0.1") {
			t.Errorf("GET %s comes by %s from %s", tt.target, c.Cause, c.Requester)
		}
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	for _, i := range f.to {
		if i != 7 {
			t.Errorf("a command went to device %d, want 7", i)
		}
	}
}

// A malformed request is answered, and stops nobody (device-surface.md §1.6).
func TestGarbageIsABadRequest(t *testing.T) {
	_, addr := serve(t, &webui.Site{}, view(t, "SPA942", ""))
	for _, request := range []string{
		"\x16\x03\x01\x00\xa5\x01\r\n\r\n",
		"GET /admin/reboot\r\n\r\n",
		"GET /admin/resync?a b HTTP/1.1\r\nHost: x\r\n\r\n",
		"GET / HTTP/1.1\r\nno colon\r\n\r\n",
		"GET / HTTP/1.1\r\nX: " + strings.Repeat("y", 20<<10) + "\r\n\r\n",
	} {
		got, err := exchange(addr, request)
		if err != nil || statusOf(got) != "400 Bad Request" {
			t.Errorf("%.40q answers %q, %v", request, statusOf(got), err)
		}
	}
}

// A header without end is answered once it is too long, and no path leads out of the pages.
func TestHostileRequests(t *testing.T) {
	f, addr := serve(t, &webui.Site{}, view(t, "SPA504G", ""))
	for request, want := range map[string]string{
		"GET / HTTP/1.1\r\n" + strings.Repeat("X: "+strings.Repeat("y", 1000)+"\r\n", 1000) + "\r\n": "400 Bad Request",
		"GET /" + strings.Repeat("a", 1<<20) + " HTTP/1.1\r\n\r\n":                                   "400 Bad Request",
		"GET /admin/../../etc/passwd HTTP/1.1\r\n\r\n":                                               "404 Not Found",
		"GET /%2e%2e/%2e%2e/etc/passwd HTTP/1.1\r\n\r\n":                                             "404 Not Found",
		"GET /pages/tabs.js HTTP/1.1\r\n\r\n":                                                        "404 Not Found",
		"GET //admin/ HTTP/1.1\r\n\r\n":                                                              "404 Not Found",
		"GET http://elsewhere/admin/ HTTP/1.1\r\n\r\n":                                               "200 OK",
		"GET / HTTP/1.1\r\nContent-Length: -1\r\n\r\n":                                               "400 Bad Request",
		"POST /admin/acisco.csc HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n":                "400 Bad Request",
	} {
		got, err := exchange(addr, request)
		if err != nil && !errors.Is(err, syscall.ECONNRESET) && !errors.Is(err, syscall.EPIPE) || statusOf(got) != want {
			t.Errorf("%.60q is answered %s, %v; want %s", request, statusOf(got), err, want)
		}
		if strings.HasPrefix(request, "POST") {
			if c := f.command(t); c.Order != device.Refuse {
				t.Errorf("%.60q orders %+v", request, c)
			}
		}
	}
}

// Other methods get one of the statuses that the firmware has (device-surface.md §1.4).
func TestMethodsOtherThanGetAreRefused(t *testing.T) {
	f, addr := serve(t, &webui.Site{}, view(t, "SPA942", ""))
	for request, want := range map[string]string{
		"POST /admin/reboot HTTP/1.1\r\nHost: x\r\nContent-Length: 3\r\n\r\na=b": "405 Method Not Allowed",
		"BREW / HTTP/1.1\r\nHost: x\r\n\r\n":                                     "501 Not Implemented",
	} {
		if got, err := exchange(addr, request); err != nil || statusOf(got) != want {
			t.Errorf("%.20q answers %q, %v; want %s", request, statusOf(got), err, want)
		}
		if strings.HasPrefix(request, "POST") {
			f.command(t)
		}
	}
	head, err := exchange(addr, "HEAD / HTTP/1.1\r\nHost: x\r\n\r\n")
	if _, body, ok := strings.Cut(head, "\r\n\r\n"); err != nil || !ok || body != "" || statusOf(head) != "200 OK" {
		t.Errorf("HEAD answers %q, %v", head, err)
	}
}

func TestValuesAreEscaped(t *testing.T) {
	_, addr := serve(t, &webui.Site{}, view(t, "SPA942", "", `HostName=<script>alert("x")</script>`))
	if got := get(t, addr, "/"); strings.Contains(got, "<script>alert") || !strings.Contains(got, "&lt;script&gt;") {
		t.Errorf("the host name went out as it was:\n%s", got)
	}
}

// The time since the boot has a form of its own for each size (device-surface.md §2.1).
func TestElapsedTimeForms(t *testing.T) {
	for since, want := range map[time.Duration]string{
		4*time.Hour + 20*time.Minute + 53*time.Second:                 "<td><font color=\"darkblue\">04:20:53</font>",
		24*time.Hour + time.Second:                                    "1 day and 00:00:01",
		18*24*time.Hour + 22*time.Hour + 23*time.Minute + time.Second: "18 days and 22:23:01",
		-time.Hour: "<td><font color=\"darkblue\">00:00:00</font>",
	} {
		v := view(t, "SPA942", "")
		v.Booted = v.Now - int64(since)
		_, addr := serve(t, &webui.Site{}, v)
		if got := get(t, addr, "/"); !strings.Contains(got, want) {
			t.Errorf("%v shows no %s", since, want)
		}
	}
}

// The Info page says whether the unit has a certificate (device-surface.md §2.3).
func TestCertificateTextIsTheUnits(t *testing.T) {
	v := view(t, "SPA942", "")
	v.Unit.CCERT = "Installed (1024 bits)"
	_, addr := serve(t, &webui.Site{}, v)
	if got := get(t, addr, "/"); !strings.Contains(got, "Installed (1024 bits)") {
		t.Errorf("the page shows\n%s", got)
	}
}

// The Info page says what the unit was customized for (device-surface.md §2.3).
func TestCustomizationIsTheUnits(t *testing.T) {
	v := view(t, "SPA942", "")
	v.Customization = "Acme & Sons"
	_, addr := serve(t, &webui.Site{}, v)
	if got := get(t, addr, "/"); !strings.Contains(got, "Customization:<td><font color=\"darkblue\">Acme &amp; Sons<") {
		t.Errorf("the page shows\n%s", got)
	}
}
