package webui

import (
	"crypto/md5"
	"encoding/hex"
	"strings"
)

// challenge returns the WWW-Authenticate header for a request without the right
// credentials, "" for one with them. An account without a password needs none.
// The form, with its two spaces, is that of the firmware (device-surface.md
// §1.5: field).
func (q *request) challenge() string {
	name, password := "user", q.password("User_Password")
	if q.admin() {
		name, password = "admin", q.password(q.view.Unit.Row.Factory.AdminPassword())
	}
	if password == "" {
		return ""
	}
	realm, nonce := q.look().realm+" "+name, q.site.nonce()
	c := parseCredentials(q.Header.Get("Authorization"))
	proven := c.proves(q.Method, name, realm, password) && c["uri"] == q.RequestURI
	if proven && c["nonce"] == nonce {
		return ""
	}
	header := `Digest  realm="` + realm + `", domain="/",nonce="` + nonce + `",opaque="` + hash(realm) + `",algorithm="MD5",qop="auth"`
	if proven {
		header += ",stale=TRUE"
	}
	return header
}

func (q *request) password(name string) string {
	v, _ := q.view.Params.Lookup(name)
	return v
}

func (s *Site) nonce() string {
	if s.Nonce == nil {
		return hash("spafleet")
	}
	return s.Nonce()
}

// credentials are the fields of an Authorization header.
type credentials map[string]string

// parseCredentials reads a Digest header, nil for any other.
func parseCredentials(header string) credentials {
	scheme, rest, _ := strings.Cut(strings.TrimSpace(header), " ")
	if !strings.EqualFold(scheme, "Digest") {
		return nil
	}
	c := credentials{}
	for rest != "" {
		name, after, ok := strings.Cut(rest, "=")
		if !ok {
			break
		}
		var value string
		if quoted, ok := strings.CutPrefix(after, `"`); ok {
			value, after, _ = strings.Cut(quoted, `"`)
			_, rest, _ = strings.Cut(after, ",")
		} else {
			value, rest, _ = strings.Cut(after, ",")
		}
		c[strings.ToLower(strings.TrimSpace(name))] = strings.TrimSpace(value)
	}
	return c
}

// proves reports whether the credentials are those of an account, however old
// their nonce is. Clients that do not know qop send no count.
func (c credentials) proves(method, name, realm, password string) bool {
	if c["username"] != name || c["realm"] != realm {
		return false
	}
	secret := hash(name + ":" + realm + ":" + password)
	asked := hash(method + ":" + c["uri"])
	middle := c["nonce"]
	if qop, ok := c["qop"]; ok {
		middle += ":" + c["nc"] + ":" + c["cnonce"] + ":" + qop
	}
	return strings.EqualFold(c["response"], hash(secret+":"+middle+":"+asked))
}

func hash(s string) string {
	sum := md5.Sum([]byte(s))
	return hex.EncodeToString(sum[:])
}
