package settings_test

import (
	"bufio"
	"cmp"
	"context"
	"errors"
	"io"
	"net"
	"net/http"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"spafleet/device"
	"spafleet/device/devicetest"
	"spafleet/device/digest"
	"spafleet/scenarios/probe/settings"
)

// What is asked for, until the profile rules are known.
func TestReadAsksForNoMoreThanItNeeds(t *testing.T) {
	tests := []struct {
		name, model string
		without     []string
		login       settings.Login
		asked       []string
	}{
		{"the export is enough", "SPA942", nil, settings.Login{}, []string{"GET /admin/spacfg.xml"}},
		{"the user's path has it too", "SPA942", []string{"/admin/spacfg.xml"}, settings.Login{}, []string{"GET /admin/spacfg.xml", "GET /spacfg.xml"}},
		{"a page has it", "PAP2T", []string{"/admin/spacfg.xml", "/spacfg.xml"}, settings.Login{},
			[]string{"GET /admin/spacfg.xml", "GET /spacfg.xml", "GET /admin/advanced"}},
		{"a router has two halves", "SPA2102", []string{"/admin/spacfg.xml", "/spacfg.xml"}, settings.Login{},
			[]string{"GET /admin/spacfg.xml", "GET /spacfg.xml", "GET /admin/advanced", "GET /admin/voice/advanced"}},
		{"an SPA1xx wants a login behind the path", "SPA122", nil, settings.Login{User: "admin", Password: "admin"},
			[]string{"GET /admin/spacfg.xml", "GET /spacfg.xml", "GET /admin/advanced", "GET /admin/voice/advanced", "GET /admin/config.xml", "GET /admin/config.xml&xuser=admin&xpassword=admin"}},
	}
	for _, tt := range tests {
		row := devicetest.Row(t, tt.model, "")
		p := newPhone(t, row, devicetest.Params(t, row.Factory))
		p.without = tt.without
		s, err := settings.Read(t.Context(), p.dial, "192.0.2.1", tt.login)
		if err != nil {
			t.Errorf("%s: %v", tt.name, err)
			continue
		}
		if !slices.Equal(p.asked, tt.asked) {
			t.Errorf("%s: asked for %q, want %q", tt.name, p.asked, tt.asked)
		}
		if _, ok := s.Known("Profile_Rule"); !ok {
			t.Errorf("%s: the rule is not known: %v", tt.name, s.Tried)
		}
	}
}

// Where the administrator's password is not known, the user's pages say what they can, and
// the error says what is missing.
func TestTheUsersPagesAreReadWithoutThePassword(t *testing.T) {
	row := devicetest.Row(t, "SPA2102", "")
	p := newPhone(t, row, devicetest.Params(t, row.Factory, "Admin_Passwd=secret", "Display_Name_1_=A & B"))
	p.without = []string{"/spacfg.xml"}
	p.view.Params = new(device.Layers).Preset(row.Factory, append(devicetest.Sets(t, row.Factory, "Admin_Passwd=secret"),
		grant(t, row.Factory, "Display_Name_1_", "A & B")))
	s, err := settings.Read(t.Context(), p.dial, "192.0.2.1", settings.Login{})
	var asked *settings.LoginError
	if !errors.As(err, &asked) || asked.Realm != "spa admin" || asked.Scheme != "Digest" || asked.Path != "/admin/spacfg.xml" {
		t.Fatalf("the error is %v", err)
	}
	if s == nil || s.Model != "SPA2102" {
		t.Fatalf("read %+v", s)
	}
	if got, ok := s.Known("Display_Name_1_"); !ok || got != "A & B" {
		t.Errorf("Display_Name_1_ is read as %q, %v", got, ok)
	}
	if _, ok := s.Known("Profile_Rule"); ok {
		t.Error("the user's pages do not have the rule")
	}
	if want := []string{"GET /admin/spacfg.xml", "GET /spacfg.xml", "GET /advanced", "GET /voice/advanced"}; !slices.Equal(p.asked, want) {
		t.Errorf("asked for %q, want %q", p.asked, want)
	}
}

// asking is a server with one page behind a login.
func asking(challenge string, takes func(authorization string) bool) func(context.Context) (net.Conn, error) {
	return func(context.Context) (net.Conn, error) {
		near, far := net.Pipe()
		go func() {
			defer far.Close()
			r, err := http.ReadRequest(bufio.NewReader(far))
			if err != nil {
				return
			}
			text := "HTTP/1.0 401 Unauthorized\r\nWWW-Authenticate: " + challenge + "\r\nContent-Length: 0\r\n\r\n"
			if takes(r.Header.Get("Authorization")) {
				text = "HTTP/1.0 200 OK\r\n\r\n<flat-profile>\n<Profile_Rule group=\"Provisioning/Configuration_Profile\">/p</Profile_Rule>\n</flat-profile>\n"
			}
			_, _ = io.WriteString(far, text)
		}()
		return near, nil
	}
}

func TestFormsOfALogin(t *testing.T) {
	fields := func(authorization string) map[string]string {
		rest, _ := strings.CutPrefix(authorization, "Digest ")
		return digest.Fields(rest)
	}
	proves := func(nonce string) func(string) bool {
		return func(authorization string) bool {
			f := fields(authorization)
			return f["nonce"] == nonce && f["response"] == digest.Proof(digest.Hash("me:phone:pw"), digest.Middle(f), "GET", "/admin/spacfg.xml")
		}
	}
	tests := []struct {
		name, challenge string
		takes           func(string) bool
		scheme          string // of the error, "none" for one that is not known; "": it is read
	}{
		{"basic", `Basic realm="phone"`, func(a string) bool { return a == "Basic bWU6cHc=" }, ""},
		{"digest", `Digest realm="phone",nonce="n1",opaque="o",qop="auth,auth-int"`, proves("n1"), ""},
		{"digest as it was first", `Digest realm="phone", nonce="n1"`, proves("n1"), ""},
		{"the best of two", "Basic realm=\"x\"\r\nWWW-Authenticate: Digest realm=\"phone\", nonce=\"n1\"", proves("n1"), ""},
		{"refused", `Digest realm="phone", nonce="n1"`, func(string) bool { return false }, "Digest"},
		{"a digest that is not known", `Digest realm="phone", nonce="n1", algorithm=SHA-256`, func(string) bool { return false }, "none"},
		{"nothing to answer", `Negotiate`, func(string) bool { return false }, "none"},
	}
	for _, tt := range tests {
		s, err := settings.Read(t.Context(), asking(tt.challenge, tt.takes), "192.0.2.1", settings.Login{User: "me", Password: "pw"})
		var asked *settings.LoginError
		if tt.scheme != "" {
			if !errors.As(err, &asked) || cmp.Or(asked.Scheme, "none") != tt.scheme || asked.Refused != (tt.scheme != "none") {
				t.Errorf("%s: the error is %v", tt.name, err)
			}
			continue
		}
		if err != nil {
			t.Errorf("%s: %v", tt.name, err)
		} else if got, _ := s.Known("Profile_Rule"); got != "/p" {
			t.Errorf("%s: the rule is %q", tt.name, got)
		}
	}
}

// Without a name, the login is of the account that the phone asks for.
func TestTheRealmSaysWhichAccount(t *testing.T) {
	for realm, user := range map[string]string{"spa admin": "admin", "spa user": "user", "pap user": "user", "anything": "admin"} {
		s, err := settings.Read(t.Context(), asking(`Digest realm="`+realm+`",nonce="n",qop="auth"`, func(a string) bool {
			return strings.Contains(a, `username="`+user+`"`)
		}), "phone", settings.Login{Password: "pw"})
		if err != nil || s == nil {
			t.Errorf("%s: %v", realm, err)
		}
	}
}

// A password goes into a path only where an SPA1xx wants it there.
func TestAPasswordIsInNoOtherPath(t *testing.T) {
	var asked []string
	_, err := settings.Read(t.Context(), func(context.Context) (net.Conn, error) {
		near, far := net.Pipe()
		go func() {
			defer far.Close()
			if r, err := http.ReadRequest(bufio.NewReader(far)); err == nil {
				asked = append(asked, r.RequestURI)
				status := "401 Unauthorized"
				if strings.HasPrefix(r.RequestURI, "/admin") && !strings.Contains(r.RequestURI, "config") {
					status = "404 Not Found"
				}
				_, _ = io.WriteString(far, "HTTP/1.1 "+status+"\r\nContent-Length: 0\r\n\r\n")
			}
		}()
		return near, nil
	}, "phone", settings.Login{Password: "p w"})
	var wrong *settings.LoginError
	if !errors.As(err, &wrong) || wrong.Scheme != "URL" || !wrong.Refused {
		t.Errorf("the error is %v", err)
	}
	for _, uri := range asked {
		if strings.Contains(uri, "p%20w") != (uri == "/admin/config.xml&xuser=admin&xpassword=p%20w") {
			t.Errorf("asked for %s", uri)
		}
	}
	if len(asked) != 8 {
		t.Errorf("asked for %q", asked)
	}
}

// Of two pages the first counts, and another where that does not know.
func TestTheFirstPageThatKnowsCounts(t *testing.T) {
	pages := map[string]string{
		"/admin/advanced":       `<html>GPP A:<input value=first>GPP B:<input value="a" b">GPP C:<input value="1"></html>`,
		"/admin/voice/advanced": `<html>GPP A:<input value=second>GPP B:<input value="whole">GPP C:<input value="a" b"></html>`,
	}
	s, err := settings.Read(t.Context(), func(context.Context) (net.Conn, error) {
		near, far := net.Pipe()
		go func() {
			defer far.Close()
			if r, err := http.ReadRequest(bufio.NewReader(far)); err == nil {
				status := "404 Not Found"
				if pages[r.URL.Path] != "" {
					status = "200 OK"
				}
				_, _ = io.WriteString(far, "HTTP/1.1 "+status+"\r\n\r\n"+pages[r.URL.Path])
			}
		}()
		return near, nil
	}, "phone", settings.Login{})
	if err != nil {
		t.Fatal(err)
	}
	for name, want := range map[string]settings.Value{
		"GPP_A": {Text: "first", From: "/admin/advanced"}, "GPP_B": {Text: "whole", From: "/admin/voice/advanced"}, "GPP_C": {Text: "1", From: "/admin/advanced"},
	} {
		if got, _ := s.Lookup(name); got != want {
			t.Errorf("%s is %+v, want %+v", name, got, want)
		}
	}
}

// A nonce that is too old is no wrong password.
func TestAnOldNonceIsReplaced(t *testing.T) {
	first, nonce := true, "n1"
	dial := func(context.Context) (net.Conn, error) {
		near, far := net.Pipe()
		go func() {
			defer far.Close()
			r, err := http.ReadRequest(bufio.NewReader(far))
			if err != nil {
				return
			}
			rest, given := strings.CutPrefix(r.Header.Get("Authorization"), "Digest ")
			text := "HTTP/1.1 401 Unauthorized\r\nWWW-Authenticate: Digest realm=\"spa admin\",nonce=\"" + nonce + "\",qop=\"auth\"\r\n\r\n"
			switch {
			case given && first:
				first, nonce = false, "n2"
				text = "HTTP/1.1 401 Unauthorized\r\nWWW-Authenticate: Digest realm=\"spa admin\",nonce=\"n2\",qop=\"auth\",stale=TRUE\r\n\r\n"
			case given && digest.Fields(rest)["nonce"] == "n2":
				text = "HTTP/1.1 200 OK\r\n\r\n<flat-profile><Profile_Rule>/p</Profile_Rule></flat-profile>"
			}
			_, _ = io.WriteString(far, text)
		}()
		return near, nil
	}
	if s, err := settings.Read(t.Context(), dial, "phone", settings.Login{Password: "pw"}); err != nil {
		t.Error(err)
	} else if got, _ := s.Known("Profile_Rule"); got != "/p" {
		t.Errorf("the rule is %q", got)
	}
}

// A server that is no phone, or worse, costs a bounded time and memory, and is called what it is.
func TestHostileServersAreBounded(t *testing.T) {
	const ok = "HTTP/1.1 200 OK\r\nContent-Type: text/html\r\n\r\n"
	endless := func(head, part string) func(net.Conn) {
		return func(c net.Conn) {
			for _, err := io.WriteString(c, head); err == nil; _, err = io.WriteString(c, strings.Repeat(part, 4096/len(part)+1)) {
			}
		}
	}
	text := func(s string) func(net.Conn) { return func(c net.Conn) { _, _ = io.WriteString(c, s) } }
	tests := []struct {
		name   string
		answer func(net.Conn)
		err    string
		within time.Duration
	}{
		{"an endless page", endless(ok, "<td>GPP A:<td><input value=x>"), "more than 2097152 bytes", time.Second},
		{"an endless header", endless("HTTP/1.1 200 OK\r\n", "X: y\r\n"), "the answer of phone for", time.Second},
		{"an endless line", endless("", "garbage "), "the answer of phone for", time.Second},
		{"endless 100s", endless("", "HTTP/1.1 100 Continue\r\n\r\n"), "the answer of phone for", time.Second},
		{"garbage", text("\x00\xff\xfe\r\n\r\n"), "malformed HTTP", time.Second},
		{"a close", text(""), "EOF", time.Second},
		{"no answer", func(c net.Conn) { _, _ = io.Copy(io.Discard, c) }, "no whole answer for /spacfg.xml within 20s", 41 * time.Second},
		{"a page that stops", func(c net.Conn) { _, _ = io.WriteString(c, ok+"<html>"); _, _ = io.Copy(io.Discard, c) }, "no whole answer", 41 * time.Second},
		{"not found", text("HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n"), "no settings of a phone (/admin/spacfg.xml: 404 Not Found; /spacfg.xml: 404", time.Second},
		{"another page", text(ok + "<html><title>It works</title><input name=q></html>"), "no settings of a phone", time.Second},
		{"another XML", text(ok + "<?xml version=\"1.0\"?><rss></rss>"), "no settings of a phone", time.Second},
		{"a way elsewhere", text("HTTP/1.1 302 Found\r\nLocation: https://192.0.2.1/\r\nContent-Length: 0\r\n\r\n"), "302 Found", time.Second},
		{"a page to log in", text(ok + "<form action=/login.cgi>User: <input name=user> Password: <input type=password name=pwd></form></html>"), "asks for a login for", time.Second},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				began := time.Now()
				s, err := settings.Read(t.Context(), func(context.Context) (net.Conn, error) {
					near, far := net.Pipe()
					go func() {
						defer far.Close()
						if _, err := http.ReadRequest(bufio.NewReader(far)); err == nil {
							tt.answer(far)
						}
					}()
					return near, nil
				}, "phone", settings.Login{})
				if s != nil || err == nil || !strings.Contains(err.Error(), tt.err) {
					t.Errorf("read %+v, %v; want an error with %q", s, err, tt.err)
				}
				if took := time.Since(began); took > tt.within {
					t.Errorf("it took %s", took)
				}
			})
		})
	}
}

func TestReadEndsWithItsContext(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithTimeout(t.Context(), 3*time.Second)
		defer cancel()
		began := time.Now()
		_, err := settings.Read(ctx, silent, "phone", settings.Login{})
		if err == nil || time.Since(began) != 3*time.Second {
			t.Errorf("after %s: %v", time.Since(began), err)
		}
	})
}

// silent takes a request and says nothing.
func silent(context.Context) (net.Conn, error) {
	near, far := net.Pipe()
	go func() {
		defer far.Close()
		_, _ = io.Copy(io.Discard, far)
	}()
	return near, nil
}

func TestAPhoneThatCannotBeReached(t *testing.T) {
	refused := errors.New("connection refused")
	dials := 0
	_, err := settings.Read(t.Context(), func(context.Context) (net.Conn, error) { dials++; return nil, refused }, "192.0.2.1", settings.Login{})
	if !errors.Is(err, refused) || !strings.Contains(err.Error(), "192.0.2.1") || dials != 2 {
		t.Errorf("after %d dials: %v", dials, err)
	}
}

func TestWhatCannotBeSentIsRefused(t *testing.T) {
	for _, tt := range []struct {
		host string
		l    settings.Login
	}{{"", settings.Login{}}, {"a\r\nX: y", settings.Login{}}, {"phone", settings.Login{User: "a\"b"}}, {"phone", settings.Login{User: "a\nb"}}} {
		if _, err := settings.Read(t.Context(), nil, tt.host, tt.l); err == nil {
			t.Errorf("%q and %q are sent", tt.host, tt.l.User)
		}
	}
}
