package webui

import (
	"crypto/md5"
	"encoding/hex"
	"fmt"
	"io"
	"mime"
	"mime/multipart"
	"net/http"
	"net/url"
	"slices"
	"strings"

	"spafleet/device"
	"spafleet/device/model"
	"spafleet/resync/image"
)

// The web server of an SPA112, SPA122 and SPA232D is another program than that of all
// others, of the kind of small routers (surface-2.md §1): a login gives a key that stands
// in the path of all that follows.

// A cgi is a request to it.
type cgi struct {
	*request
	page    string // the path without the key
	session string
	form    url.Values
}

// sessionMark stands between a path and the key (three public clients: field).
const sessionMark = ";session_id="

// spa100Server answers a request to what documents and commands leave over.
func spa100Server(q *request) answer {
	c := &cgi{request: q}
	c.page, c.session, _ = strings.Cut(q.path, sessionMark)
	if c.page == "/upgrade.cgi" && q.Method == http.MethodPost {
		return c.upload()
	}
	switch q.Method {
	case http.MethodGet, http.MethodHead:
		return c.get()
	case http.MethodPost:
	default:
		return q.failure(http.StatusNotImplemented)
	}
	body, refusal, ok := posted(q, "form")
	if !ok {
		return refusal
	}
	c.form = fields(string(body))
	switch c.page {
	case "/login.cgi":
		return c.login()
	case "/apply.cgi":
		return c.apply()
	}
	return q.refused(http.StatusNotFound, "a form to "+clipped(c.page))
}

// fields reads a form as leniently as the others; of a field that is there twice the
// last counts.
func fields(body string) url.Values {
	v := url.Values{}
	for pair := range strings.SplitSeq(body, "&") {
		name, value, _ := strings.Cut(pair, "=")
		v.Set(lenientUnescape(name), lenientUnescape(value))
	}
	return v
}

// account returns who has the session: the name of an account, "" for nobody.
func (c *cgi) account() string {
	key := c.session
	if sent := c.form.Get("session_key"); sent != "" && key == "" {
		key = sent
	}
	admin, _ := c.view.AdminLogin()
	guest, _ := c.view.GuestLogin()
	for _, name := range []string{admin, guest} {
		if key != "" && key == c.view.Session(name) {
			return name
		}
	}
	return ""
}

func (c *cgi) isAdmin() bool {
	admin, _ := c.view.AdminLogin()
	return c.account() == admin
}

// Hashed is how clients send a password to an SPA1xx: with its length behind it, repeated to 64
// characters, as MD5 (three public clients: field).
func Hashed(password string) string {
	const most = 64
	text := fmt.Sprintf("%s%02d", password, len(password))
	for len(text) < most {
		text += text
	}
	sum := md5.Sum([]byte(text[:most]))
	return hex.EncodeToString(sum[:])
}

// login answers a right login with a page whose script has the session's key, and a wrong
// one with a page without it (field; its status inferred). The login page of this program
// sends the password as it is, and says so with enc=0.
func (c *cgi) login() answer {
	sent := c.form.Get("pwd")
	if c.form.Get("enc") == "0" {
		sent = Hashed(sent)
	}
	for _, of := range []func() (string, string){c.view.AdminLogin, c.view.GuestLogin} {
		if name, password := of(); c.form.Get("user") == name && sent == Hashed(password) {
			return c.render(http.StatusOK, "entered", sessionPage{Title: c.look().title, Key: c.view.Session(name)})
		}
	}
	a := c.refused(http.StatusOK, "a wrong login as "+clipped(c.form.Get("user")))
	a.body = c.loginPage("The username or password is wrong.").body
	return a
}

type sessionPage struct{ Title, Key, Text, Model string }

func (c *cgi) loginPage(text string) answer {
	return c.render(http.StatusOK, "login", sessionPage{Title: "Login Page", Text: text, Model: c.view.Unit.Row.PN()})
}

// apply does what a page's button says. Without a session there is the login page
// (inferred).
func (c *cgi) apply() answer {
	if c.account() == "" {
		a := c.refused(http.StatusOK, "a form without a session")
		a.body = c.loginPage("").body
		return a
	}
	button := c.form.Get("submit_button")
	if c.form.Get("change_action") == "gozila_cgi" {
		next := c.form.Get("next_page")
		if next == "" {
			next = button + ".asp"
		}
		c.page = "/" + strings.TrimPrefix(next, "/")
		return c.show()
	}
	switch {
	case c.form.Get("gui_action") != "Apply":
		return c.failure(http.StatusBadRequest)
	case button == "Reboot" && c.isAdmin():
		return c.restarts(device.Command{Order: device.Reboot})
	case button == "Factory_Defaults" && c.isAdmin():
		return c.defaults()
	case button == "Reboot" || button == "Factory_Defaults":
		return c.refused(http.StatusForbidden, button+", which is the administrator's")
	}
	return c.settings()
}

// restarts is the page of a unit that will be gone for a while.
func (c *cgi) restarts(command device.Command) answer {
	a := c.render(http.StatusOK, "away", sessionPage{Title: c.look().title})
	command.Cause, command.Requester = model.ByWeb, c.from
	a.command = &command
	return a
}

// defaults resets the router's half, the voice half or both (the names: field; that they
// are separate: inferred).
func (c *cgi) defaults() answer {
	router, voice := c.form.Get("FactoryDefaults") == "1", c.form.Get("VoiceDefaults") == "1"
	if router && voice {
		return c.restarts(device.Command{Order: device.FactoryReset})
	}
	reset := device.Command{Order: device.SetParams, Argument: "the defaults of one half"}
	for id := range c.view.Params.Differing() {
		if p, ok := c.view.Params.Factory().Param(id); ok && (p.Nested() && router || !p.Nested() && voice) {
			reset.Sets = append(reset.Sets, device.Set{ID: id, Value: p.Default, Has: true, Access: p.Access})
		}
	}
	return c.restarts(reset)
}

// settings takes the fields of the Voice and other pages, as the forms of other models.
// Their page is in the frame of the page Voice.
func (c *cgi) settings() answer {
	p := newPost(c.request, c.isAdmin())
	p.home = "/index.asp" + sessionMark + c.session
	p.audience, p.router = audience{admin: c.isAdmin(), advanced: true}, false
	p.pick = c.voiceSheet().pick
	p.again, p.token = func() { p.voicePages(c) }, c.form.Get("csrftoken")
	if button := c.form.Get("submit_button"); button != "Voice" {
		p.pick = func(string) bool { return true } // of a page of the network half: all that may be wrong
	}
	for name := range c.form {
		if !slices.Contains(ownFields, name) {
			p.readField(name, c.form.Get(name))
		}
	}
	return p.decide()
}

// ownFields are the fields of a form of apply.cgi beside those of settings (field, but for the token).
var ownFields = []string{"", "submit_button", "submit_type", "change_action", "gui_action", "next_page", "closeflg", "privilege_str", "privilege_end", "session_key", "need_reboot", "csrftoken"}

// upload takes a firmware image. Up to 1.4.1(SR5) at least, anyone may send one
// (CVE-2023-20126: documented). One that the unit does not take breaks the connection,
// and reboots it all the same (field).
func (c *cgi) upload() answer {
	if c.view.Unit.Row.Behaviour.Web.UploadLogin && c.account() == "" {
		a := c.refused(http.StatusOK, "an image without a session")
		a.body = c.loginPage("").body
		return a
	}
	came, ok := c.receive()
	if !ok {
		return c.refused(http.StatusBadRequest, "an upload without a file")
	}
	a := c.render(http.StatusOK, "installed", sessionPage{Title: c.look().title})
	command := came.Install(model.ByWeb)
	command.Requester = c.from
	a.command, a.broken = &command, came.Part != "" || !c.view.Unit.Row.Model.TakesImage(came.Magic)
	return a
}

// receive reads the file of an upload, without keeping it.
func (c *cgi) receive() (device.Upload, bool) {
	kind, params, err := mime.ParseMediaType(c.Header.Get("Content-Type"))
	if err != nil || kind != "multipart/form-data" {
		return device.Upload{}, false
	}
	parts := multipart.NewReader(c.Body, params["boundary"])
	for {
		part, err := parts.NextPart()
		if err != nil {
			return device.Upload{}, false
		}
		if part.FileName() == "" {
			continue
		}
		check := image.New(c.view.Unit.Row.Behaviour.Upgrade.Images == "strict", nil)
		if n, err := io.Copy(check, io.LimitReader(part, image.Most+1)); err != nil || n > image.Most {
			return device.Upload{}, false
		}
		found := check.Report()
		came := device.Upload{Name: part.FileName(), Bytes: found.Bytes, Magic: found.Magic, Version: found.Version, Made: found.Made}
		if damage := found.Damage(); len(damage) > 0 {
			came.Part, came.Damage = damage[0].Part, damage[0].String()
		}
		return came, true
	}
}
