package probe

import (
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"path"
	"regexp"
	"strings"
	"time"

	"spafleet/host"
	"spafleet/scenarios/probe/settings"
	"spafleet/webui"
)

// A webTrial is a trial with what the phone's web server needs.
type webTrial struct{ *trial }

func onWeb(run func(webTrial)) func(*trial) { return func(t *trial) { run(webTrial{t}) } }

// takes waits until the phone has taken what was set: it has come home once more after that,
// and has gone on to its next rule. One that restarts for it has done so by then.
func (t webTrial) takes() {
	t.visit()
	t.comesHome()
	t.comes(t.s.q.Patience, func(q request) bool { return q.place == "same" || q.place == "read" })
}

// A response is what the phone's web server has answered.
type response struct {
	status int
	body   string
	login  *settings.LoginError // it asks for a login, or refuses the one it got
}

// words says in words what was answered.
func (r response) words() string {
	text := fmt.Sprintf("%d %s", r.status, http.StatusText(r.status))
	if r.login == nil {
		return text
	}
	if r.login.Scheme == "" {
		return text + ", without a challenge"
	}
	return text + ", with a challenge of " + r.login.Scheme
}

// get asks the phone's web server for a path, with a login or without, post sends it a form.
func (t webTrial) get(at string, login settings.Login) response { return t.send(at, nil, login) }

func (t webTrial) post(at, form string, login settings.Login) response {
	return t.send(at, &form, login)
}

func (t webTrial) send(at string, form *string, login settings.Login) (r response) {
	if t.failed != nil {
		return r
	}
	var body []byte
	var err error
	if host := t.s.web().Addr().String(); form == nil {
		r.status, body, err = settings.Get(t.ctx, t.s.dial, host, at, login)
	} else {
		r.status, body, err = settings.Post(t.ctx, t.s.dial, host, at, *form, login)
	}
	r.body = string(body)
	if errors.As(err, &r.login) {
		err = nil
	}
	if err != nil {
		t.fail("the phone's web server: %w", err)
	}
	return r
}

// isSPA1xx reports whether the phone has the web server of an SPA112, SPA122 and SPA232D.
func (t webTrial) isSPA1xx() bool { return t.s.phone.row.Model.Family.Name == "SPA100" }

var sessionKey = regexp.MustCompile(`session_key\s*=\s*['"](\w+)['"]`)

// session logs in at the web server of an SPA1xx, and returns the key of the session; "" where
// it lets nobody in.
func (t webTrial) session(login settings.Login) string {
	form := url.Values{"submit_button": {"login"}, "keep_name": {"0"}, "enc": {"1"}, "user": {login.User}, "pwd": {webui.Hashed(login.Password)}}
	if m := sessionKey.FindStringSubmatch(t.post("/login.cgi", form.Encode(), settings.Login{}).body); m != nil {
		return m[1]
	}
	return ""
}

// A webForm is that of a page of settings, with one field of the probe's.
type webForm struct {
	page   string // its path
	action string // where it is sent
	field  string
	token  string   // "" for none
	fixed  []string // fields that go with it
	names  map[string]bool
}

var (
	formTag  = regexp.MustCompile(`(?i)<form[^>]*\baction="?([^" >]+)`)
	inputTag = regexp.MustCompile(`(?i)<input[^>]*>`)
	nameOf   = regexp.MustCompile(`(?i)\bname="?(\w+)`)
	valueOf  = regexp.MustCompile(`(?i)\bvalue="?([\w-]*)`)
)

// findForm sets a GPP parameter, and looks for the field with its value on the phone's pages of
// settings.
func (t webTrial) findForm() (f webForm, ok bool) {
	mark := t.s.server.token + "-0"
	t.set("GPP_"+t.letters.more, mark)
	t.takes()
	t.home(given(nothing)) // so that a visit does not change it meanwhile
	t.visit()              // nor one that is under way
	for _, page := range t.settingPages() {
		f = webForm{page: page}
		text := t.show(f)
		f.read(text, mark)
		if f.field != "" {
			return f, t.failed == nil
		}
	}
	t.fail("no page of settings shows GPP_%s", t.letters.more)
	return f, false
}

// settingPages are where the settings may stand.
func (t webTrial) settingPages() []string {
	if !t.isSPA1xx() {
		return []string{"/admin/voice/advanced", "/admin/advanced"}
	}
	if key := t.session(t.s.login()); key != "" {
		return []string{"/voice_pages.asp;session_id=" + key}
	}
	return nil
}

// show returns the page of a form.
func (t webTrial) show(f webForm) string { return t.get(f.page, t.s.login()).body }

// read finds a form and the field with a value on a page.
func (f *webForm) read(text, mark string) {
	folder, _ := path.Split(f.page)
	if m := formTag.FindStringSubmatch(text); m != nil {
		f.action = m[1]
	}
	if !strings.HasPrefix(f.action, "/") {
		f.action = folder + f.action
	}
	f.names = map[string]bool{}
	for _, tag := range inputTag.FindAllString(text, -1) {
		name, value := submatch(nameOf, tag), submatch(valueOf, tag)
		f.names[name] = true
		switch {
		case value == mark:
			f.field = name
		case name == "csrftoken":
			f.token = value
		}
	}
	if _, key, ok := strings.Cut(f.page, ";session_id="); ok {
		f.action = "/apply.cgi;session_id=" + key
		f.fixed = []string{"submit_button=Voice", "gui_action=Apply", "session_key=" + key}
	}
}

func submatch(of *regexp.Regexp, text string) string {
	if m := of.FindStringSubmatch(text); m != nil {
		return m[1]
	}
	return ""
}

// mostLooks is how often a page is looked at for a value that a form has sent.
const mostLooks = 4

// sends posts a form with a new value and some more fields. It returns the answer, and whether
// the page has the value some moments later.
func (t webTrial) sends(f webForm, value string, more ...string) (r response, changed bool) {
	fields := append(append([]string{}, f.fixed...), more...)
	r = t.post(f.action, strings.Join(append(fields, f.field+"="+value), "&"), t.s.login())
	for range mostLooks {
		_ = host.Sleep(t.ctx, time.Second) // the context's end shows with the next request
		if strings.Contains(t.show(f), value) {
			return r, true
		}
	}
	return r, false
}

// unknown returns a number that no field of the form has.
func (f *webForm) unknown() string {
	for n := 60000; ; n++ {
		if name := fmt.Sprint(n); !f.names[name] {
			return name
		}
	}
}
