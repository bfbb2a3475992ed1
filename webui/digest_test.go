package webui_test

import (
	"bufio"
	"crypto/md5"
	"encoding/base64"
	"fmt"
	"net/http"
	"net/netip"
	"regexp"
	"strings"
	"testing"
	"time"

	"spafleet/device"
	"spafleet/webui"
)

// client answers a challenge as RFC 2617 tells it, for either quality.
func authorization(challenge, name, password, target, qop string) string {
	return authorizationOf("GET", challenge, name, password, target, qop)
}

func base64Of(s string) string { return base64.StdEncoding.EncodeToString([]byte(s)) }

func authorizationOf(method, challenge, name, password, target, qop string) string {
	field := func(name string) string {
		_, v, _ := strings.Cut(challenge, name+`="`)
		v, _, _ = strings.Cut(v, `"`)
		return v
	}
	h := func(s string) string { return fmt.Sprintf("%x", md5.Sum([]byte(s))) }
	middle, extra := field("nonce"), ""
	if qop != "" {
		middle += ":00000001:0a4f113b:" + qop
		extra = fmt.Sprintf(`, qop=%s, nc=00000001, cnonce="0a4f113b"`, qop)
	}
	response := h(h(name+":"+field("realm")+":"+password) + ":" + middle + ":" + h(method+":"+target))
	return fmt.Sprintf(`Authorization: Digest username="%s", realm="%s", nonce="%s", uri="%s", response="%s", algorithm=MD5%s`,
		name, field("realm"), field("nonce"), target, response, extra)
}

func challengeOf(t *testing.T, response string) string {
	t.Helper()
	r, err := http.ReadResponse(bufio.NewReader(strings.NewReader(response)), nil)
	if err != nil {
		t.Fatal(err)
	}
	r.Body.Close()
	return r.Header.Get("WWW-Authenticate")
}

// A password is asked for by Digest alone, in the firmware's own form of the challenge, with
// qop or without (device-surface.md §1.5).
func TestAuthenticationIsByDigest(t *testing.T) {
	v := view(t, "SPA2102", "", "Admin_Passwd=secret", "User_Password=mine")
	f, addr := serve(t, &webui.Site{}, v)
	const target = "/admin/resync?http://h/x,y?mac=$MA"
	asked := get(t, addr, target)
	want := regexp.MustCompile(`^HTTP/1\.1 401 Unauthorized\r\nWWW-Authenticate: Digest  realm="spa admin", domain="/",nonce="[0-9a-f]{32}",opaque="[0-9a-f]{32}",algorithm="MD5",qop="auth"\r\n`)
	if !want.MatchString(asked) {
		t.Fatalf("the challenge is\n%s", asked)
	}
	challenge := challengeOf(t, asked)
	tests := []struct {
		what, header, status string
	}{
		{"right", authorization(challenge, "admin", "secret", target, "auth"), "200 OK"},
		{"right without qop", authorization(challenge, "admin", "secret", target, ""), "200 OK"},
		{"wrong password", authorization(challenge, "admin", "guess", target, "auth"), "401 Unauthorized"},
		{"user's account", authorization(challenge, "user", "mine", target, "auth"), "401 Unauthorized"},
		{"another target", authorization(challenge, "admin", "secret", "/admin/", "auth"), "401 Unauthorized"},
		{"Basic", "Authorization: Basic YWRtaW46c2VjcmV0", "401 Unauthorized"},
		{"empty fields", `Authorization: Digest ,=,"",x`, "401 Unauthorized"},
	}
	for _, tt := range tests {
		got := get(t, addr, target, tt.header)
		if statusOf(got) != tt.status {
			t.Errorf("%s: %s, want %s", tt.what, statusOf(got), tt.status)
		}
		if c := f.command(t); (c.Order == device.Refuse) != (tt.status != "200 OK") {
			t.Errorf("%s orders %s", tt.what, c.Order)
		}
		if tt.status != "200 OK" && strings.Contains(challengeOf(t, got), "stale") {
			t.Errorf("%s is called stale", tt.what)
		}
	}
}

// A nonce is good for some minutes and as often as the client likes, with any count; then, and
// after a boot, it is stale (device-surface.md §1.5).
func TestOldNonceIsStale(t *testing.T) {
	v := view(t, "SPA942", "", "Admin_Passwd=secret")
	f, addr := serve(t, &webui.Site{}, v)
	at := func(now, booted time.Duration) {
		later := v
		later.Now, later.Booted = v.Now+int64(now), v.Booted+int64(booted)
		f.mu.Lock()
		f.views[netip.MustParseAddr("127.0.0.1")] = later
		f.mu.Unlock()
	}
	first := challengeOf(t, get(t, addr, "/admin/"))
	header := authorization(first, "admin", "secret", "/admin/", "auth")
	for _, tt := range []struct {
		what        string
		now, booted time.Duration
		good        bool
	}{
		{"at once", 0, 0, true}, {"a second time, with the same count", 0, 0, true}, {"after four minutes", 4 * time.Minute, 0, true},
		{"after ten minutes", 10 * time.Minute, 0, false}, {"after an hour", time.Hour, 0, false}, {"after a boot", time.Minute, 18 * 24 * time.Hour, false},
	} {
		at(tt.now, tt.booted)
		got := get(t, addr, "/admin/", header)
		challenge := challengeOf(t, got)
		if tt.good != (statusOf(got) == "200 OK") {
			t.Errorf("%s: %s", tt.what, statusOf(got))
		}
		if !tt.good && (!strings.HasSuffix(challenge, `",qop="auth",stale=TRUE`) || challenge[:60] == first[:60]) {
			t.Errorf("%s: the challenge is %s", tt.what, challenge)
		}
		if !tt.good {
			if again := get(t, addr, "/admin/", authorization(challenge, "admin", "secret", "/admin/", "auth")); statusOf(again) != "200 OK" {
				t.Errorf("%s: with the new nonce: %s", tt.what, statusOf(again))
			}
		}
	}
	lower := authorization(challengeOf(t, get(t, addr, "/admin/")), "admin", "wrong", "/admin/", "auth")
	if got := get(t, addr, "/admin/", lower); statusOf(got) != "401 Unauthorized" || f.command(t).Order != device.Refuse {
		t.Errorf("a wrong password is answered %s", statusOf(got))
	}
}

// The path says whose password is asked for, the model in which realm (device-surface.md §1.1,
// §1.5).
func TestRealmByPathAndModel(t *testing.T) {
	tests := []struct{ model, set, target, realm string }{
		{"SPA942", "Admin_Passwd=s", "/admin/", "spa admin"},
		{"SPA942", "Admin_Passwd=s", "/upgrade?x", "spa admin"},
		{"SPA942", "Admin_Passwd=s", "/", ""},
		{"SPA942", "User_Password=s", "/resync", "spa user"},
		{"SPA942", "User_Password=s", "/admin/", ""},
		{"PAP2T", "User_Password=s", "/", "pap user"},
		{"PAP2T", "Admin_Passwd=s", "/admin/reboot", "pap admin"},
	}
	for _, tt := range tests {
		_, addr := serve(t, &webui.Site{}, view(t, tt.model, "", tt.set))
		got := challengeOf(t, get(t, addr, tt.target))
		if tt.realm == "" && got != "" || !strings.Contains(got, tt.realm) {
			t.Errorf("%s, %s, %s: challenge %q, want realm %q", tt.model, tt.set, tt.target, got, tt.realm)
		}
	}
}
