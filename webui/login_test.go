package webui_test

import (
	"strings"
	"testing"

	"spafleet/device"
	"spafleet/device/devicetest"
	"spafleet/webui"
)

const loginNames = "router-configuration/Web_Login_"

// The documents of an SPA1xx read a login behind the path, without a question mark
// (surface-2.md §1.3).
func TestDocumentsOfAnSPA1xxAskForALoginInTheURL(t *testing.T) {
	own := []string{loginNames + "Admin_Name=root", loginNames + "Admin_Password=a&b?c d", loginNames + "Guest_Password=low"}
	tests := []struct {
		firmware, target string
		sets             []string
		status           string
	}{
		{"", "/admin/status.xml", nil, "401 Unauthorized"},
		{"", "/admin/status.xml&xuser=admin&xpassword=admin", nil, "200 OK"},
		{"", "/admin/config.xml&xuser=admin&xpassword=admin", nil, "200 OK"},
		{"", "/admin/config.xml", nil, "401 Unauthorized"},
		{"", "/admin/status.xml?xuser=admin&xpassword=admin", nil, "401 Unauthorized"}, // no ? stands there
		{"", "/admin/status.xml&xuser=admin&xpassword=", nil, "401 Unauthorized"},
		{"", "/admin/status.xml&xuser=admin", nil, "401 Unauthorized"},
		{"", "/admin/status.xml&xuser=Admin&xpassword=admin", nil, "401 Unauthorized"},
		{"", "/admin/status.xml&xuser=admin&xpassword=admin", own, "401 Unauthorized"},
		{"", "/admin/status.xml&xuser=root&xpassword=a&b?c%20d", own, "200 OK"},
		{"", "/admin/status.xml&xuser=root&xpassword=a%26b%3Fc+d", own, "200 OK"},
		{"", "/admin/nothing.xml&xuser=admin&xpassword=admin", nil, "404 Not Found"},

		{"1.4.1(002)", "/admin/status.xml&xuser=cisco&xpassword=cisco", nil, "200 OK"},
		{"1.4.1(002)", "/admin/config.xml&xuser=cisco&xpassword=low", own, "200 OK"},
		{"1.4.1(SR5)", "/admin/status.xml&xuser=cisco&xpassword=cisco", nil, "401 Unauthorized"},
		{"1.4.1(002)", "/admin/resync?h/x&xuser=cisco&xpassword=cisco", nil, "401 Unauthorized"},
	}
	for _, tt := range tests {
		f, addr := serve(t, &webui.Site{}, view(t, "SPA112", tt.firmware, tt.sets...))
		got := get(t, addr, tt.target)
		if _, login, ok := strings.Cut(tt.target, "&xuser="); ok && tt.status == "401 Unauthorized" {
			name, _, _ := strings.Cut(login, "&")
			refusal(t, f, tt.target, got, tt.status, "a wrong login as "+name)
		}
		if statusOf(got) != tt.status {
			t.Errorf("%s, %s with %q answers %s, want %s", tt.firmware, tt.target, tt.sets, statusOf(got), tt.status)
		}
		if strings.Contains(got, "WWW-Authenticate") {
			t.Errorf("%s: the answer has a challenge", tt.target)
		}
	}
}

// The commands of an SPA1xx read a login behind their argument (surface-2.md §1.3).
func TestCommandsOfAnSPA1xxAskForALoginInTheURL(t *testing.T) {
	tests := []struct {
		target string
		order  device.Order // 0: refused
		want   string
	}{
		{"/admin/resync?tftp://h/x.cfg", 0, ""},
		{"/admin/resync", 0, ""},
		{"/admin/resync?tftp://h/x.cfg&xuser=admin&xpassword=wrong", 0, ""},
		{"/admin/resync?tftp://h/x.cfg&xuser=admin&xpassword=admin", device.Resync, "tftp://h/x.cfg"},
		{"/admin/resync?http://h/p?mac=$MA&x=1&xuser=admin&xpassword=admin", device.Resync, "http://h/p?mac=$MA&x=1"},
		{"/admin/resync&xuser=admin&xpassword=admin", device.Resync, ""},
		{"/admin/upgrade?http://h/f.bin&xuser=admin&xpassword=admin", device.Upgrade, "http://h/f.bin"},
		{"/admin/reboot&xuser=admin&xpassword=admin", device.Reboot, ""},
		{"/admin/reboot", 0, ""},
	}
	f, addr := serve(t, &webui.Site{}, view(t, "SPA122", ""))
	for _, tt := range tests {
		want := "200 OK"
		if tt.order == 0 {
			want = "401 Unauthorized"
		}
		if got := statusOf(get(t, addr, tt.target)); got != want {
			t.Errorf("GET %s answers %s, want %s", tt.target, got, want)
		}
		if tt.order == 0 && strings.Contains(tt.target, "&xuser=") {
			if c := f.command(t); c.Order != device.Refuse || c.Argument != "a wrong login as admin" {
				t.Errorf("GET %s orders %+v, want a refusal", tt.target, c)
			}
		} else if tt.order == 0 {
			f.none(t)
		} else if c := f.command(t); c.Order != tt.order || c.Argument != tt.want {
			t.Errorf("GET %s orders %s %q, want %s %q", tt.target, c.Order, c.Argument, tt.order, tt.want)
		}
	}
}

func TestTheSwitchOfTheLoginCounts(t *testing.T) {
	v := view(t, "SPA112", "")
	v.Unit.Row = devicetest.Row(t, "SPA112", "", "url_login=digest", "guest_exports=yes")
	f, addr := serve(t, &webui.Site{}, v)
	if got := get(t, addr, "/admin/resync?h/x&xuser=admin&xpassword=admin"); challengeOf(t, got) == "" {
		t.Errorf("an SPA112 whose commands ask by Digest answers %s", got)
	}
	f.none(t)
	if got := statusOf(get(t, addr, "/admin/status.xml&xuser=cisco&xpassword=cisco")); got != "200 OK" {
		t.Errorf("to the low account it answers %s", got)
	}

	v = view(t, "SPA942", "", "Admin_Passwd=secret")
	v.Unit.Row = devicetest.Row(t, "SPA942", "", "url_login=form")
	f, addr = serve(t, &webui.Site{}, v)
	if got := statusOf(get(t, addr, "/admin/resync?h/x&xuser=admin&xpassword=secret")); got != "200 OK" || f.command(t).Argument != "h/x" {
		t.Errorf("an SPA942 with a login in the URL answers %s", got)
	}
	if got := get(t, addr, "/admin/"); challengeOf(t, got) == "" {
		t.Errorf("its pages ask for no Digest: %s", statusOf(got))
	}
}

// What others find behind an ampersand is theirs.
func TestOthersReadNoLoginInTheURL(t *testing.T) {
	f, addr := serve(t, &webui.Site{}, view(t, "SPA942", ""))
	get(t, addr, "/admin/resync?http://h/p?a=1&xuser=admin&xpassword=x")
	if c := f.command(t); c.Argument != "http://h/p?a=1&xuser=admin&xpassword=x" {
		t.Errorf("the argument is %q", c.Argument)
	}
}
