package scenarios

import (
	"crypto"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"spafleet/certs/ssl"
	"spafleet/prov"
)

var (
	versionNames = []string{"ssl3", "tls1.0", "tls1.1", "tls1.2"} // from 0x0300 on
	hashNames    = slices.Sorted(maps.Keys(hashes))
	hashes       = map[string]crypto.Hash{"md5": crypto.MD5, "sha1": crypto.SHA1, "sha256": crypto.SHA256}
)

// An HTTPS is a listener of the embedded server.
type HTTPS struct {
	prov.HTTPSConfig
	node *node
}

func oneOf(ok bool, text, choices string) error {
	if ok {
		return nil
	}
	return fmt.Errorf("%q is not one of %s", text, choices)
}

// valid reads FROM..TO, days of the calendar; either may be left out.
func (h *HTTPS) valid(text string) error {
	from, to, ok := strings.Cut(text, "..")
	for _, end := range []struct {
		text string
		to   *time.Time
	}{{from, &h.From}, {to, &h.To}} {
		if end.text == "" {
			continue
		}
		day, err := time.Parse(time.DateOnly, end.text)
		ok = ok && err == nil
		*end.to = day
	}
	if !ok {
		return fmt.Errorf("%q is not FROM..TO, such as 2008-01-01..2015-06-30", text)
	}
	return nil
}

func (h *HTTPS) addVersion(text string) error {
	i := slices.Index(versionNames, text)
	if i < 0 {
		return oneOf(false, text, strings.Join(versionNames, ", "))
	}
	version := int(ssl.SSL30) + i
	if h.Least == 0 || version < h.Least {
		h.Least = version
	}
	h.Most = max(h.Most, version)
	return nil
}

func cipherNames() (names []string) {
	for _, s := range prov.ServerSuites() {
		names = append(names, s.String())
	}
	return names
}

func (h *HTTPS) addCipher(text string) error {
	for _, s := range prov.ServerSuites() {
		if s.String() == text {
			h.Suites = append(h.Suites, s)
			return nil
		}
	}
	return oneOf(false, text, strings.Join(cipherNames(), ", "))
}

// HTTPSKeys returns what ${…} calls the listeners, by their authority.
func (s *Server) HTTPSKeys() []string {
	var keys []string
	for i := range s.HTTPS {
		keys = append(keys, "server.https."+string(s.HTTPS[i].Authority()))
	}
	return keys
}
