package console

import (
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"net/http"
	"net/url"
	"slices"
	"sync"
)

// derived is a secret that follows from the token, and from which the token does not.
func (g *guard) derived(what string) string {
	h := hmac.New(sha256.New, []byte(g.token))
	h.Write([]byte(what))
	return base64.RawURLEncoding.EncodeToString(h.Sum(nil))
}

// cookieName has the port: browsers send the cookies of a host to all of its ports.
func (g *guard) cookieName() string { return "spafleet_" + g.port }

// logIn lets a browser in from now on.
func (g *guard) logIn(w http.ResponseWriter) { g.setCookie(w, g.derived("cookie"), 0) }

// logOut has a browser forget that.
func (g *guard) logOut(w http.ResponseWriter) { g.setCookie(w, "", -1) }

func (g *guard) setCookie(w http.ResponseWriter, value string, age int) {
	http.SetCookie(w, &http.Cookie{
		Name: g.cookieName(), Value: value, MaxAge: age, Path: "/", HttpOnly: true, Secure: g.tls, SameSite: http.SameSiteStrictMode,
	})
}

// loggedIn reports whether a browser was let in.
func (g *guard) loggedIn(r *http.Request) bool {
	c, err := r.Cookie(g.cookieName())
	return err == nil && same(c.Value, g.derived("cookie"))
}

// ownForm reports whether a form is of a page of this console.
func (g *guard) ownForm(r *http.Request) bool {
	return same(r.PostForm.Get("csrf"), g.derived("csrf"))
}

// notices keep what came of orders until the next page says it. The zero value is ready.
type notices struct {
	mu   sync.Mutex
	list []notice // oldest first
}

type notice struct {
	key, text string
	wrong     bool
}

// mostNotices is how many are kept; a page that follows says its own at once.
const mostNotices = 32

// keep returns the key of a new notice.
func (n *notices) keep(text string, wrong bool) string {
	n.mu.Lock()
	defer n.mu.Unlock()
	key := rand.Text()
	n.list = append(n.list, notice{key, text, wrong})
	n.list = n.list[max(0, len(n.list)-mostNotices):]
	return key
}

// take returns a notice, once.
func (n *notices) take(key string) (text string, wrong bool) {
	n.mu.Lock()
	defer n.mu.Unlock()
	at := slices.IndexFunc(n.list, func(o notice) bool { return o.key == key })
	if key == "" || at < 0 {
		return "", false
	}
	o := n.list[at]
	n.list = slices.Delete(n.list, at, at+1)
	return o.text, o.wrong
}

// back sends a browser to a page, which says what came of its order.
func (s site) back(w http.ResponseWriter, r *http.Request, path string, query url.Values, text string, wrong bool) {
	query.Set("said", s.notices.keep(text, wrong))
	http.Redirect(w, r, path+"?"+query.Encode(), http.StatusSeeOther)
}
