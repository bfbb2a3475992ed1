package webui

import (
	"bufio"
	"fmt"
	"io"
	"net/http"
	"net/netip"
	"strings"

	"spafleet/device"
	"spafleet/device/model"
	"spafleet/resync/digest"
)

// A Browser is a person's browser, in the place of a connection. It answers the
// challenge of a page with its account.
type Browser struct {
	User, Password string
	From           netip.Addr // where it is
	WAN            bool       // it reaches routers on their WAN side
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
	if form != "" && isSettings(v, path) {
		page := b.load(s, v, path, "")
		if page.status != http.StatusOK {
			return page.status, page.command, nil
		}
		if path, form, err = fillIn(v, path, form, page.body); err != nil {
			return page.status, nil, err
		}
	}
	a := b.load(s, v, path, form)
	return a.status, a.command, nil
}

// isSettings reports whether a path is one of the pages with all tabs.
func isSettings(v device.View, path string) bool {
	q := &request{view: v, path: path}
	return q.page() != nil && pagesOfSettings[path]
}

// fillIn returns the target of a page, and its form with what a person wrote there.
func fillIn(v device.View, path, form string, page []byte) (target, filled string, err error) {
	l := layoutOf(v.Unit.Row)
	var fields []string
	for pair := range strings.SplitSeq(form, "&") {
		name, value, _ := strings.Cut(pair, "=")
		p, ok := v.Unit.Row.Lookup(lenientUnescape(name))
		if !ok || l.fields[l.numbers[p.ID]] == nil || l.fields[l.numbers[p.ID]].param != p {
			return "", "", fmt.Errorf("the pages have no field %q%s", name, model.DidYouMean(name, v.Unit.Row.ParameterNames()))
		}
		name = fieldName(p, l.numbers[p.ID])
		fields = append(fields, name+"="+value)
	}
	if _, token, ok := strings.Cut(string(page), `name="csrftoken" value="`); ok {
		token, _, _ = strings.Cut(token, `"`)
		fields = append(fields, "csrftoken="+token)
	}
	look := lookOf(v.Unit.Row)
	return path[:strings.LastIndexByte(path, '/')+1] + look.target(strings.HasSuffix(path, "/advanced")), strings.Join(fields, "&"), nil
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
