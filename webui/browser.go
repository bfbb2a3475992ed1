package webui

import (
	"bufio"
	"fmt"
	"io"
	"net/http"
	"net/netip"
	"net/url"
	"strings"

	"spafleet/device"
	"spafleet/device/digest"
	"spafleet/device/model"
)

// A Browser is a person's browser, in the place of a connection. It answers the
// challenge of a page with its account.
type Browser struct {
	User, Password string
	From           netip.Addr // where it is
	WAN            bool       // it reaches routers on their WAN side
}

// Ordered returns what a path orders that is a command, where nothing is refused; 0: it is a
// page.
func Ordered(path string) device.Order {
	if end := strings.IndexAny(path, "?&;"); end >= 0 {
		path = path[:end]
	}
	return map[string]device.Order{"/resync": device.Resync, "/upgrade": device.Upgrade, "/reboot": device.Reboot}[strings.TrimPrefix(path, "/admin")]
}

// Visit asks a device for a page: by GET, or by POST with a form. A form for a page of
// settings is filled in there: its fields have the names of parameters, and go to the
// page's target with its token. The status is 0 where the device's web server does not
// answer. What the page orders is for the caller to pass on; nil for nothing. An error
// says that the page has no such field; then nothing is sent.
func (b Browser) Visit(v device.View, path, form string) (status int, order *device.Command, err error) {
	s := &Site{WAN: b.WAN}
	if !s.enabled(v) {
		return 0, nil, nil
	}
	if q := (&request{view: v}); q.spa100() && b.User != "" && (strings.HasSuffix(path, ".asp") || path == "/apply.cgi") {
		return b.enter(s, v, path, form)
	}
	if form != "" && isSettings(v, path) {
		if path, form, err = fillIn(v, path, form); err != nil {
			return http.StatusOK, nil, err
		}
	}
	a := b.load(s, v, path, form)
	defer a.free()
	return a.status, a.command, nil
}

// enter logs in to an SPA1xx and then does the same there: its forms go to /apply.cgi, with
// the key of the session.
func (b Browser) enter(s *Site, v device.View, path, form string) (status int, order *device.Command, err error) {
	a := b.load(s, v, "/login.cgi", "submit_button=login&enc=0&user="+url.QueryEscape(b.User)+"&pwd="+url.QueryEscape(b.Password))
	_, key, ok := strings.Cut(string(a.body), "session_key='")
	if !ok {
		return a.status, a.command, nil
	}
	key, _, _ = strings.Cut(key, "'")
	if form != "" && path != "/apply.cgi" {
		fields, err := numbered(v, form)
		if err != nil {
			return a.status, nil, err
		}
		path, form = "/apply.cgi", "submit_button=Voice&gui_action=Apply&"+strings.Join(fields, "&")
	}
	if form != "" {
		form += "&session_key=" + key
	}
	a = b.load(s, v, path+sessionMark+key, form)
	return a.status, a.command, nil
}

// isSettings reports whether a path is one of the pages with all tabs.
func isSettings(v device.View, path string) bool {
	q := &request{view: v, path: path}
	return q.page() != nil && pagesOfSettings[path]
}

// fillIn returns the target of a page, and its form with what a person wrote there.
func fillIn(v device.View, path, form string) (target, filled string, err error) {
	fields, err := numbered(v, form)
	if err != nil {
		return "", "", err
	}
	if s := newSheet(&request{view: v, path: path}); s.asksToken() {
		fields = append(fields, "csrftoken="+s.csrfToken())
	}
	look := lookOf(v.Unit.Row)
	return path[:strings.LastIndexByte(path, '/')+1] + look.target(strings.HasSuffix(path, "/advanced")), strings.Join(fields, "&"), nil
}

// numbered returns the fields of a form with numbers in place of the parameters' names.
func numbered(v device.View, form string) (fields []string, err error) {
	l := layoutOf(v.Unit.Row)
	for pair := range strings.SplitSeq(form, "&") {
		name, value, _ := strings.Cut(pair, "=")
		p, ok := v.Unit.Row.Lookup(lenientUnescape(name))
		if !ok || l.fields[l.numbers[p.ID]] == nil || l.fields[l.numbers[p.ID]].param != p {
			return nil, fmt.Errorf("the pages have no field %q%s", name, model.DidYouMean(name, v.Unit.Row.ParameterNames()))
		}
		name = fieldName(p, l.numbers[p.ID])
		fields = append(fields, name+"="+value)
	}
	return fields, nil
}

// load asks once more with the account where a page has a challenge.
func (b Browser) load(s *Site, v device.View, path, form string) answer {
	a := b.ask(s, v, path, form, "")
	if a.status == http.StatusUnauthorized && a.challenge != "" && b.User != "" {
		a = b.ask(s, v, path, form, b.authorization(a.challenge, method(form), escaped(path)))
	}
	return a
}

func (b Browser) ask(s *Site, v device.View, path, form, authorization string) answer {
	text := fmt.Sprintf("%s %s HTTP/1.1\r\nHost: %s\r\n", method(form), escaped(path), v.Unit.IP)
	if authorization != "" {
		text += "Authorization: " + authorization + "\r\n"
	}
	if form != "" {
		text += fmt.Sprintf("Content-Type: application/x-www-form-urlencoded\r\nContent-Length: %d\r\n", len(form))
	}
	text += "\r\n" + form
	r, err := http.ReadRequest(bufio.NewReader(io.LimitReader(strings.NewReader(text), maxRequest+maxBody)))
	q := &request{Request: r, site: s, view: v, from: b.From}
	if err != nil {
		return q.failure(http.StatusBadRequest)
	}
	return q.answer()
}

func method(form string) string {
	if form != "" {
		return http.MethodPost
	}
	return http.MethodGet
}

// escaped returns a path as browsers send it: what a request line cannot hold is
// percent-encoded.
func escaped(path string) string {
	var b strings.Builder
	for i := range len(path) {
		if c := path[i]; c <= ' ' || c >= 0x7f || c == '"' || c == '<' || c == '>' {
			fmt.Fprintf(&b, "%%%02X", c)
		} else {
			b.WriteByte(c)
		}
	}
	return b.String()
}

// authorization answers a Digest challenge.
func (b Browser) authorization(challenge, method, uri string) string {
	c := parseCredentials(challenge)
	const count, nonce = "00000001", "5bafeb2f"
	secret := digest.Hash(b.User + ":" + c["realm"] + ":" + b.Password)
	response := digest.Proof(secret, c["nonce"]+":"+count+":"+nonce+":auth", method, uri)
	return fmt.Sprintf(`Digest username="%s", realm="%s", nonce="%s", uri="%s", opaque="%s", qop=auth, nc=%s, cnonce="%s", response="%s"`,
		b.User, c["realm"], c["nonce"], uri, c["opaque"], count, nonce, response)
}
