package webui

import (
	"fmt"
	"strings"
	"time"

	"spafleet/device/digest"
)

// A login is an account with its password.
type login struct{ name, password string }

// readLogin splits what the client asked for. An SPA1xx reads a login at its end:
// /admin/status.xml&xuser=U&xpassword=P, with no ? before the ampersand (three
// public clients: field). That the password goes to the end, and both are
// percent-decoded, is inferred.
func (q *request) readLogin() {
	q.uri, q.path = q.RequestURI, q.URL.Path
	at := strings.LastIndex(q.uri, "&xuser=")
	if at < 0 || !q.spa100() && !q.view.Unit.Row.Behaviour.Web.URLLogin {
		return
	}
	name, password, _ := strings.Cut(q.uri[at+len("&xuser="):], "&xpassword=")
	q.login = &login{lenientUnescape(name), lenientUnescape(password)}
	q.uri = q.uri[:at]
	q.path, _, _ = strings.Cut(q.path, "&xuser=")
}

// asksLogin reports whether a path asks for a login behind the URL. The documents
// of an SPA1xx do (field), commands by switch.
func (q *request) asksLogin() bool {
	if q.spa100() && spa100Documents[q.path] != nil {
		return true
	}
	return q.isCommand() && q.view.Unit.Row.Behaviour.Web.URLLogin
}

// isCommand reports whether a path is one of the URL commands. On 7.6 phones
// Enable_Direct_Action_Url is there for them (field); that off refuses them with 403 is
// inferred.
func (q *request) isCommand() bool {
	switch strings.TrimPrefix(q.path, "/admin") {
	case "/resync", "/upgrade", "/reboot":
		return true
	case "/ringtone", "/updateCA":
		return is5xx(q)
	}
	return false
}

// loggedIn reports whether the login behind the URL opens the path. The low account
// never orders anything (inferred).
func (q *request) loggedIn() bool {
	if q.login == nil {
		return false
	}
	name, password := q.view.AdminLogin()
	if *q.login == (login{name, password}) {
		return true
	}
	name, password = q.view.GuestLogin()
	return *q.login == (login{name, password}) && q.view.Unit.Row.Behaviour.Web.GuestExports && spa100Documents[q.path] != nil
}

// account is the account that a path asks for by Digest. The pages of an SPA1xx ask
// for none: its login page is not emulated.
func (q *request) account() login {
	if q.admin() {
		name, password := q.view.AdminLogin()
		return login{name, password}
	}
	return login{"user", q.view.Get("User_Password")}
}

// challenge returns the WWW-Authenticate header for a request without the right
// credentials of an account, "" for one with them. An account without a password
// needs none. The form, with its two spaces, is that of the firmware
// (device-surface.md §1.5: field).
func (q *request) challenge(account login) string {
	if account.password == "" {
		return ""
	}
	realm, nonce := q.look().realm+" "+account.realm(), q.nonce(0)
	c := parseCredentials(q.Header.Get("Authorization"))
	proven := c.proves(q.Method, account, realm) && c["uri"] == q.RequestURI
	if proven && (c["nonce"] == nonce || c["nonce"] == q.nonce(1)) {
		return ""
	}
	header := `Digest  realm="` + realm + `", domain="/",nonce="` + nonce + `",opaque="` + digest.Hash(realm) + `",algorithm="MD5",qop="auth"`
	if proven {
		header += staleMark
	}
	return header
}

// staleMark ends the challenge for an answer with an old nonce.
const staleMark = ",stale=TRUE"

// realm returns the second word of the realm of an account.
func (l login) realm() string {
	if l.name == "admin" {
		return "admin"
	}
	return "user"
}

// nonceLife is how long a device has one nonce. A client may use it as long again, then it
// is stale. How long that is on a real unit is not known; there the nonce is an MD5 over
// the tick counter and a constant (device-surface.md §1.5: field).
const nonceLife = int64(5 * time.Minute)

// nonce returns the device's nonce of now, or one before. Each boot begins with others.
func (q *request) nonce(before int64) string {
	v := &q.view
	return digest.Hash(fmt.Sprintf("spafleet %s %d %d", v.Unit.MAC, v.Booted, (v.Now-v.Booted)/nonceLife-before))
}

// credentials are the fields of an Authorization header.
type credentials map[string]string

// parseCredentials reads a Digest header, nil for any other.
func parseCredentials(header string) credentials {
	scheme, rest, _ := strings.Cut(strings.TrimSpace(header), " ")
	if !strings.EqualFold(scheme, "Digest") {
		return nil
	}
	return digest.Fields(rest)
}

// proves reports whether the credentials are those of an account, however old
// their nonce is. Clients that do not know qop send no count. A count that does not rise,
// and the same header a second time, are taken: nothing says that the firmware keeps
// counts, so that it does not is inferred.
func (c credentials) proves(method string, account login, realm string) bool {
	if c["username"] != account.name || c["realm"] != realm {
		return false
	}
	secret := digest.Hash(account.name + ":" + realm + ":" + account.password)
	return strings.EqualFold(c["response"], digest.Proof(secret, digest.Middle(c), method, c["uri"]))
}
