package webui_test

import (
	"maps"
	"net/url"
	"regexp"
	"strings"
	"testing"

	"spafleet/device"
	"spafleet/webui"
)

// entries are the fields of a directory's page: number and value.
func entries(page string) (names, values []string) {
	for _, m := range regexp.MustCompile(`<input class="inputw" name="(\d+)" maxlength="128" value="([^"]*)">`).FindAllStringSubmatch(page, -1) {
		names, values = append(names, m[1]), append(values, m[2])
	}
	return names, values
}

// A script reads the fields of the directory, posts some of them and finds them on the page
// (surface-2.md §2.1, §2.2).
func TestScriptsPostTheDirectory(t *testing.T) {
	for _, tt := range []struct{ model, target, first, last string }{
		// 1138 and 1237 are the known indexes of a 9xx.
		{"SPA942", "/pdir.spa", "28398", "18222"},
		{"SPA962", "/pdir.spa", "", ""},
		{"SPA504G", "/pdir.csc", "", ""},
		{"SPA525G2", "/pdir.csc", "", ""},
	} {
		v := view(t, tt.model, "")
		v.Directory = device.Directory{"n=Old;p=100", "n=Gone;p=7"}
		f, addr := serve(t, &webui.Site{}, v)
		page := get(t, addr, "/pdir.htm")
		names, values := entries(page)
		if len(names) != 100 || values[0] != "n=Old;p=100" || values[2] != "" || !strings.Contains(page, `action="`+tt.target[1:]+`"`) {
			t.Fatalf("%s: the page has %d entries, %q", tt.model, len(names), values)
		}
		if tt.first != "" && (names[0] != tt.first || names[99] != tt.last) {
			t.Errorf("%s: the fields are %s to %s, want %s to %s", tt.model, names[0], names[99], tt.first, tt.last)
		}
		form := names[0] + "=n=Old;p=100&" + names[1] + "=&" + names[99] + "=" + url.QueryEscape("n=Ann & Bob;p=+49 30")
		if got := send(t, addr, tt.target, form); statusOf(got) != "200 OK" || !strings.Contains(got, "SPA is updating your configuration.") {
			t.Errorf("%s answers the form with %s", tt.model, statusOf(got))
		}
		c := f.command(t)
		if c.Order != device.SetDirectory || !maps.Equal(c.Entries(), map[int]string{2: "", 100: "n=Ann & Bob;p=+49 30"}) || c.Text() != "directory 2, 100" {
			t.Errorf("%s orders %s", tt.model, c.Text())
		}
		if d := v.Directory.With(c.Entries()); d.Entry(100) != "n=Ann & Bob;p=+49 30" || d.Entry(2) != "" || d.Entry(1) != "n=Old;p=100" || v.Directory.Entry(2) != "n=Gone;p=7" {
			t.Errorf("%s has %q then", tt.model, d)
		}
		if got := send(t, addr, tt.target, names[4]+"=n=Carl;p=1&"+names[5]+"=n="+strings.Repeat("x", 127)); !strings.Contains(got, `<font color="red">6</font>`) {
			t.Errorf("%s: an entry that is too long is not marked", tt.model)
		}
		if c := f.command(t); c.Order != device.Refuse || c.Argument != "a directory with 1 entry too long" {
			t.Errorf("%s orders %+v", tt.model, c)
		}
		if got := send(t, addr, tt.target, "1=x&"+names[0]+"=n=Old;p=100"); statusOf(got) != "200 OK" { // nothing changes
			t.Errorf("%s answers a form that changes nothing with %s", tt.model, statusOf(got))
		}
	}
}

// The directory is the user's: his password opens it, and the administrator's does not.
func TestTheDirectoryAsksForTheUsersLogin(t *testing.T) {
	_, addr := serve(t, &webui.Site{}, view(t, "SPA942", "", "User_Password=mine"))
	if got := challengeOf(t, send(t, addr, "/pdir.spa", "28398=n=a;p=1")); !strings.Contains(got, `realm="spa user"`) {
		t.Errorf("the challenge is %s", got)
	}
}
