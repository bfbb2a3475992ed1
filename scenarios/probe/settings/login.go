package settings

import (
	"crypto/rand"
	"encoding/base64"
	"encoding/hex"
	"errors"
	"fmt"
	"net/http"
	"strings"

	"spafleet/device/digest"
)

// A Login is an account of a phone's web server. The zero Login is none. An empty User with
// a password is the account that the phone asks for: admin or user.
type Login struct{ User, Password string }

// A LoginError says that a page of the phone's web server is for who has a login.
type LoginError struct {
	Path    string
	Scheme  string // "Digest", "Basic", "form", "URL" (behind the path), or "" for one that this program does not know
	Realm   string // as the phone calls its account; may be ""
	Refused bool   // a login was given, and the phone did not take it
}

func (e *LoginError) Error() string {
	account := "a login"
	if e.Realm != "" {
		account = fmt.Sprintf("the login of %q", e.Realm)
	}
	if e.Refused {
		return fmt.Sprintf("the phone asks for %s for %s, and refuses the one that was given", account, e.Path)
	}
	return fmt.Sprintf("the phone asks for %s for %s", account, e.Path)
}

func (l Login) given() bool { return l != Login{} }

// check refuses what cannot stand in a header.
func (l Login) check() error {
	if strings.ContainsAny(l.User, "\"\\\r\n") {
		return errors.New("a user name of a phone has no quotes and no line ends")
	}
	return nil
}

// A challenge is what a server asks for with status 401.
type challenge struct {
	scheme string
	fields map[string]string
}

// challengeOf returns the best challenge of an answer; its scheme is "" where there is none
// that this program can meet.
func challengeOf(h http.Header) challenge {
	var basic challenge
	for _, header := range h.Values("WWW-Authenticate") {
		scheme, rest, _ := strings.Cut(strings.TrimSpace(header), " ")
		switch c := (challenge{fields: digest.Fields(rest)}); strings.ToLower(scheme) {
		case "digest":
			if c.scheme = "Digest"; c.possible() {
				return c
			}
		case "basic":
			c.scheme = "Basic"
			basic = c
		}
	}
	return basic
}

// possible reports whether a Digest challenge is one of MD5 without the body's hash.
func (c challenge) possible() bool {
	return (c.fields["algorithm"] == "" || strings.EqualFold(c.fields["algorithm"], "MD5")) && (c.fields["qop"] == "" || c.hasAuth())
}

func (c challenge) hasAuth() bool {
	for _, word := range strings.Split(c.fields["qop"], ",") {
		if strings.TrimSpace(word) == "auth" {
			return true
		}
	}
	return false
}

// user returns the account for a challenge: the one that was given, else that of the realm.
func (c challenge) user(l Login) string {
	switch {
	case l.User != "":
		return l.User
	case strings.HasSuffix(c.fields["realm"], "user"):
		return "user"
	}
	return "admin"
}

// answer returns the Authorization header for a request.
func (c challenge) answer(l Login, method, path string) string {
	user := c.user(l)
	if c.scheme == "Basic" {
		return "Basic " + base64.StdEncoding.EncodeToString([]byte(user+":"+l.Password))
	}
	f := map[string]string{"nonce": c.fields["nonce"]}
	text := fmt.Sprintf(`Digest username="%s", realm="%s", nonce="%s", uri="%s", algorithm=MD5`, user, c.fields["realm"], f["nonce"], path)
	if opaque, ok := c.fields["opaque"]; ok {
		text += fmt.Sprintf(`, opaque="%s"`, opaque)
	}
	if c.hasAuth() {
		var own [8]byte
		_, _ = rand.Read(own[:]) // never fails
		f["qop"], f["nc"], f["cnonce"] = "auth", "00000001", hex.EncodeToString(own[:])
		text += fmt.Sprintf(`, qop=auth, nc=%s, cnonce="%s"`, f["nc"], f["cnonce"])
	}
	secret := digest.Hash(user + ":" + c.fields["realm"] + ":" + l.Password)
	return text + fmt.Sprintf(`, response="%s"`, digest.Proof(secret, digest.Middle(f), method, path))
}

// stale reports whether a server refused a login for the age of its nonce alone.
func (c challenge) stale() bool { return strings.EqualFold(c.fields["stale"], "true") }

// Behind returns a path with a login behind it, as an SPA112, SPA122 and SPA232D read one.
func (l Login) Behind(path string) string {
	user := l.User
	if user == "" {
		user = "admin"
	}
	return path + "&xuser=" + encoded(user) + "&xpassword=" + encoded(l.Password)
}

// encoded writes all but letters and digits with percent signs.
func encoded(text string) string {
	var b strings.Builder
	for i := range len(text) {
		if c := text[i]; isLetter(c) || c >= '0' && c <= '9' {
			b.WriteByte(c)
		} else {
			fmt.Fprintf(&b, "%%%02X", c)
		}
	}
	return b.String()
}
