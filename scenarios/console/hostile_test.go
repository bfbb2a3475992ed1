package console

import (
	"bufio"
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"spafleet/device"
)

// Whatever stands in a request, there is an answer, of a bounded size and in UTF-8, and
// nothing of it is taken for HTML.
func TestHostileRequestsAreAnswered(t *testing.T) {
	l := newLab(t)
	l.until(t, 0, func(v device.View) bool { return v.Powered })
	words := []string{"%00", "%ff%fe", "..%2f..%2fetc", "%3Cscript%3Ealert(1)%3C%2Fscript%3E", "-1", "4294967296", "18446744073709551616", "1e3", "%E2%80%AE", strings.Repeat("9", 4000), "%25s%25n", "NaN", "+", "%0d%0aX:1"}
	var paths []string
	for _, w := range words {
		for _, p := range []string{"/api/v1/devices/%s", "/api/v1/devices?mac=%s", "/api/v1/devices?serial=%s", "/api/v1/devices?address=%s", "/api/v1/devices?state=%s", "/api/v1/devices?model=%s", "/api/v1/devices?from=%s", "/api/v1/devices?limit=%s", "/api/v1/devices?%s=1",
			"/api/v1/%s", "/devices/%s", "/devices?mac=%s", "/devices?serial=%s", "/devices?address=%s", "/devices?state=%s", "/devices?model=%s", "/devices?from=%s", "/devices?limit=%s", "/devices/0?param=%s", "/devices?said=%s", "/live?of=device&index=%s", "/live?of=%s", "/%s"} {
			paths = append(paths, fmt.Sprintf(p, w))
		}
	}
	for _, path := range paths {
		c := l.dial(t)
		_ = c.SetDeadline(time.Now().Add(20 * time.Second))
		fmt.Fprintf(c, "GET %s HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer %s\r\nCookie: %s=%s\r\nConnection: close\r\n\r\n", path, l.Token(), l.cookieName(), l.derived("cookie"))
		a, err := http.ReadResponse(bufio.NewReader(c), nil)
		if err != nil {
			t.Errorf("%.80s: %v", path, err)
			continue
		}
		text, err := io.ReadAll(a.Body)
		if err != nil || a.StatusCode >= 500 || len(text) > 300<<10 || !utf8.Valid(text) || a.Header.Get("Content-Type") != "application/json" && strings.Contains(string(text), "<script>alert") || a.Header.Get("X") != "" {
			t.Errorf("%.80s: %d, %d bytes, %v: %.200q", path, a.StatusCode, len(text), err, text)
		}
		c.Close()
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	if len(l.told) > 0 {
		t.Errorf("told: %q", l.told)
	}
}

// A body is JSON of the form that the description says, or it is refused.
func TestHostileBodiesAreRefused(t *testing.T) {
	l := newLab(t)
	l.until(t, 0, func(v device.View) bool { return v.Powered })
	for _, body := range []string{"\x00", "null", "[]", `"all"`, "{", `{"all": "yes"}`, `{"all": 1}`, `{"mac": ["00"]}`, `{"model": null, "all": false}`, strings.Repeat(`{"mac":`, 500), `{"all": true, "all": false}`, `{"fault": {"status": null}}`, `{"fault": [1]}`, `{"keys": 5}`, `{"all":true,"keys":"` + strings.Repeat("1", 3000) + `"}`, "\xff\xfe{}"} {
		for _, path := range []string{"/api/v1/selection/resync", "/api/v1/selection/fault", "/api/v1/selection/keys", "/api/v1/devices/0/fault", "/api/v1/devices/0/keys"} {
			a := l.ask(t, "POST", path, body, nil)
			if a.status != http.StatusBadRequest {
				t.Errorf("%s %.60q: %d %.200s", path, body, a.status, a.body)
			}
		}
	}
}
