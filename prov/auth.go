package prov

import (
	"crypto/subtle"
	"encoding/base64"
	"strings"

	"spafleet/device/digest"
	"spafleet/resync"
)

// An Auth is what a server asks of its clients by HTTP and HTTPS, in the place of an
// open door. It protects nothing: Digest has one nonce for ever, so that the answers in
// virtual time are always the same.
type Auth struct {
	Digest         bool // or Basic
	User, Password string
}

const realm = "provisioning"

// challenge returns the WWW-Authenticate header of a 401.
func (a *Auth) challenge() string {
	if !a.Digest {
		return `Basic realm="` + realm + `"`
	}
	return `Digest realm="` + realm + `", nonce="` + a.nonce() + `", qop="auth", algorithm=MD5`
}

func (a *Auth) nonce() string { return digest.Hash("nonce " + a.User) }

// admits reports whether a request has the right credentials.
func (a *Auth) admits(r *resync.Request) bool {
	scheme, rest, _ := strings.Cut(strings.TrimSpace(r.Authorization), " ")
	switch {
	case !a.Digest && strings.EqualFold(scheme, "basic"):
		return same(rest, base64.StdEncoding.EncodeToString([]byte(a.User+":"+a.Password)))
	case a.Digest && strings.EqualFold(scheme, "digest"):
		return a.proven(r.Method, digest.Fields(rest))
	}
	return false
}

// proven checks a Digest answer (RFC 2617), with qop or without.
func (a *Auth) proven(method string, f map[string]string) bool {
	proof := digest.Proof(digest.Hash(a.User+":"+realm+":"+a.Password), digest.Middle(f), method, f["uri"])
	return f["username"] == a.User && f["nonce"] == a.nonce() && same(f["response"], proof)
}

// userOf returns the name in the credentials of a request, right or wrong; "" for none.
func userOf(authorization string) string {
	switch scheme, rest, _ := strings.Cut(strings.TrimSpace(authorization), " "); {
	case strings.EqualFold(scheme, "basic"):
		plain, _ := base64.StdEncoding.DecodeString(rest)
		name, _, _ := strings.Cut(string(plain), ":")
		return name
	case strings.EqualFold(scheme, "digest"):
		return digest.Fields(rest)["username"]
	}
	return ""
}

func same(a, b string) bool { return subtle.ConstantTimeCompare([]byte(a), []byte(b)) == 1 }
