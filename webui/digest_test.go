package webui_test

import (
	"bufio"
	"crypto/md5"
	"encoding/base64"
	"fmt"
	"net/http"
	"strings"
	"sync"
	"testing"

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

func TestPasswordIsAskedForByDigest(t *testing.T) {
	nonce := "00112233445566778899aabbccddeeff"
	v := view(t, "SPA2102", "", "Admin_Passwd=secret", "User_Password=mine")
	f, addr := serve(t, &webui.Site{Nonce: func() string { return nonce }}, v)
	const target = "/admin/resync?http://h/x,y?mac=$MA"
	asked := get(t, addr, target)
	want := "HTTP/1.1 401 Unauthorized\r\nWWW-Authenticate: Digest  realm=\"spa admin\", domain=\"/\",nonce=\"" + nonce + "\",opaque=\""
	if !strings.HasPrefix(asked, want) {
		t.Fatalf("the challenge is\n%s", asked)
	}
	challenge := challengeOf(t, asked)
	if !strings.HasSuffix(challenge, `",algorithm="MD5",qop="auth"`) {
		t.Errorf("the challenge is %s", challenge)
	}
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

func TestOldNonceIsStale(t *testing.T) {
	var mu sync.Mutex
	nonce := "a"
	s := &webui.Site{Nonce: func() string { mu.Lock(); defer mu.Unlock(); return nonce }}
	_, addr := serve(t, s, view(t, "SPA942", "", "Admin_Passwd=secret"))
	header := authorization(challengeOf(t, get(t, addr, "/admin/")), "admin", "secret", "/admin/", "auth")
	mu.Lock()
	nonce = "b"
	mu.Unlock()
	got := get(t, addr, "/admin/", header)
	if challenge := challengeOf(t, got); !strings.HasSuffix(challenge, ",stale=TRUE") || !strings.Contains(challenge, `nonce="b"`) {
		t.Errorf("an old nonce is answered %s, %s", statusOf(got), challenge)
	}
}

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
