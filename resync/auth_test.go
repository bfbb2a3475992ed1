package resync_test

import (
	"context"
	"crypto/md5"
	"fmt"
	"net/http"
	"net/http/httptest"
	"regexp"
	"strings"
	"sync"
	"testing"

	"spafleet/device"
	"spafleet/device/model"
	"spafleet/resync"
	"spafleet/resync/fetch"
)

// A socketWorld is a mapWorld whose files come over real sockets.
type socketWorld struct {
	*mapWorld
	sockets *fetch.Sockets
}

func (w socketWorld) Fetch(ctx context.Context, r *resync.Request) (resync.Response, error) {
	return w.sockets.Fetch(ctx, r)
}

// resyncOver runs one resync by the rule over real sockets.
func resyncOver(t *testing.T, name, firmware, rule string, nonce uint64) resync.Outcome {
	t.Helper()
	u := unit(t, name, firmware, nil)
	shelf := &resync.ProfileCache{}
	id, _ := model.LookupID("Profile_Rule")
	p, _ := device.Reset(u.Row.Factory).With(&shelf.Layers, []device.Set{{ID: id, Value: rule, Has: true}})
	w := socketWorld{&mapWorld{now: noon, params: p}, &fetch.Sockets{}}
	return resync.Attempt(t.Context(), w, resync.Input{Unit: u, Params: p, Cause: model.ByPeriodic, Profiles: shelf, Nonce: nonce})
}

// digestServer checks digests as RFC 2617 says, for user joe with password s.
type digestServer struct {
	mu      sync.Mutex
	qop     string
	nonces  int
	seen    []string // methods and client nonces of good answers
	refused int
}

var digestField = regexp.MustCompile(`(\w+)="?([^",]*)"?`)

func (s *digestServer) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	s.mu.Lock()
	defer s.mu.Unlock()
	f := map[string]string{}
	for _, m := range digestField.FindAllStringSubmatch(strings.TrimPrefix(r.Header.Get("Authorization"), "Digest "), -1) {
		f[m[1]] = m[2]
	}
	sum := func(text string) string { return fmt.Sprintf("%x", md5.Sum([]byte(text))) }
	between := fmt.Sprintf("nonce%d", s.nonces)
	if s.qop != "" {
		between += ":" + f["nc"] + ":" + f["cnonce"] + ":" + f["qop"]
	}
	want := sum(sum("joe:here:s") + ":" + between + ":" + sum(r.Method+":"+r.RequestURI))
	if s.nonces > 0 && f["response"] == want && f["uri"] == r.RequestURI && (s.qop == "") == (f["cnonce"] == "") {
		s.seen = append(s.seen, r.Method+" "+f["cnonce"])
		fmt.Fprint(w, "<flat-profile><GPP_A>authorized</GPP_A></flat-profile>")
		return
	}
	s.refused++
	s.nonces++
	challenge := fmt.Sprintf(`Digest realm="here", nonce="nonce%d"`, s.nonces)
	if s.qop != "" {
		challenge += `, qop="` + s.qop + `"`
	}
	w.Header().Set("WWW-Authenticate", challenge)
	w.WriteHeader(http.StatusUnauthorized)
}

// See device-surface.md §4.2.
func TestDigestServerLetsADeviceIn(t *testing.T) {
	for _, qop := range []string{"", "auth", "auth,auth-int"} {
		for _, options := range []string{"", "--post b "} {
			s := &digestServer{qop: qop}
			server := httptest.NewServer(s)
			o := resyncOver(t, "SPA504G", "7.5.5", "[--uid joe --pwd s "+options+"]"+server.URL+"/a.xml?mac=$MA", 1)
			server.Close()
			if v, _ := o.Params.Lookup("GPP_A"); !o.OK || v != "authorized" || s.refused != 1 || len(s.seen) != 1 {
				t.Errorf("qop %q, options %q: %v, %q, refused %d, accepted %q", qop, options, o.Err, v, s.refused, s.seen)
			}
		}
	}
}

func TestDigestServerKeepsOutAWrongPassword(t *testing.T) {
	s := &digestServer{qop: "auth"}
	server := httptest.NewServer(s)
	defer server.Close()
	o := resyncOver(t, "SPA504G", "7.5.5", "[--uid joe --pwd wrong]"+server.URL+"/a.xml", 1)
	if o.OK || o.Err != "http_get failed" || s.refused != 3 {
		t.Errorf("ok %v, $ERR %q, %d requests refused; want a failure after two answers", o.OK, o.Err, s.refused)
	}
}

func TestClientNoncesAreAFunctionOfTheDraw(t *testing.T) {
	s := &digestServer{qop: "auth"}
	server := httptest.NewServer(s)
	defer server.Close()
	for _, draw := range []uint64{7, 7, 8} {
		resyncOver(t, "SPA504G", "7.5.5", "[--uid joe --pwd s]"+server.URL+"/a.xml", draw)
		s.mu.Lock()
		s.nonces = 0
		s.mu.Unlock()
	}
	if len(s.seen) != 3 || s.seen[0] != s.seen[1] || s.seen[1] == s.seen[2] {
		t.Errorf("client nonces %q for the draws 7, 7, 8", s.seen)
	}
}

func TestEvaluationTellsOfARestrictedServer(t *testing.T) {
	u := unit(t, "SPA2102", "5.2.10", nil)
	var layers device.Layers
	id, _ := model.LookupID("Restricted_Access_Domains")
	p, _ := device.Reset(u.Row.Factory).With(&layers, []device.Set{{ID: id, Value: "prov.example", Has: true}})
	for rule, want := range map[string]string{"http://a.prov.example/x": "", "http://example/x": "Invalid or restricted server"} {
		e := resync.Evaluate(resync.Input{Unit: u, Params: p}, device.Situation{}, rule)
		if e.Err != want || (e.Method == "") != (want != "") {
			t.Errorf("%s: %+v, want $ERR %q", rule, e, want)
		}
	}
}
