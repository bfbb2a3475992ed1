package probe

import (
	"net/http"
	"net/url"
	"regexp"
	"strings"

	"spafleet/scenarios/probe/settings"
)

var webExperiments = []*experiment{
	{
		name: "web-login", question: "How do the URLs for orders ask for the administrator?",
		settles: []string{"url_login"}, takes: passes(3), run: onWeb(webLogin),
	},
	{
		name: "web-guest", question: "What does the low account of an SPA1xx read?",
		settles: []string{"guest_exports"}, takes: passes(1), run: onWeb(webGuest),
	},
	{
		name: "web-push", question: "Who may push XML to the phone, if anyone?",
		settles: []string{"xml_push"}, takes: passes(6), restarts: 2, times: 1, run: onWeb(webPush),
	},
	{
		name: "web-forms", question: "Which forms of settings does the phone take?",
		settles: []string{"form_token", "form_unknown"}, takes: passes(3), run: onWeb(webForms),
	},
	{
		name: "web-ca", question: "How does the phone spell the state of its Custom CA?",
		settles: []string{"custom_ca_label"}, takes: passes(1), times: 1, run: onWeb(webCA),
	},
	{
		name: "web-info", question: "What does the phone say of its customization?",
		settles: []string{"not_customized"}, takes: passes(1), times: 1, run: onWeb(webInfo),
	},
}

// webLogin orders a resync from a file of the probe's, without a login. Only a phone with an
// administrator's password asks for one.
func webLogin(t webTrial) {
	order := "/admin/resync?" + t.url(t.serve(nil))
	r := t.get(order, settings.Login{})
	t.fact("resync without a login", "%s", r.words())
	switch {
	case t.failed != nil:
	case r.login == nil:
		t.fail("the phone asks for no login: no password is set")
	case r.login.Scheme == "Digest":
		t.settle("url_login", "digest")
	case r.login.Scheme == "":
		r = t.get(t.s.login().Behind(order), settings.Login{})
		t.fact("resync with a login behind the URL", "%s", r.words())
		if r.status == http.StatusOK {
			t.settle("url_login", "form")
		}
	}
}

// guest is the low account of an SPA1xx, as it leaves the factory.
var guest = settings.Login{User: "cisco", Password: "cisco"}

// webGuest asks for a status by that account, once it is known that the account is there.
func webGuest(t webTrial) {
	if !t.isSPA1xx() {
		t.fail("only an SPA1xx has such an account")
		return
	}
	if t.session(guest) == "" {
		t.fail("the account cisco has another password, or is not there")
		return
	}
	r := t.get("/admin/status.xml&xuser="+guest.User+"&xpassword="+guest.Password, settings.Login{})
	t.fact("status.xml by the low account", "%s", r.words())
	switch r.status {
	case http.StatusOK:
		t.settle("guest_exports", "yes")
	case http.StatusUnauthorized, http.StatusForbidden:
		t.settle("guest_exports", "no")
	}
}

// noOrder is a push of something that no phone knows.
const noOrder = `<CiscoIPPhoneExecute><ExecuteItem Priority="0" URL="Nothing:"/></CiscoIPPhoneExecute>`

// webPush pushes a document without effect, first with all doors open, then where the firmware
// has the parameter for it with the password of the phone's user, or with one of the probe's.
func webPush(t webTrial) {
	t.boots = true
	if t.knows("CISCO_XML_EXE_Enable") {
		t.set("CISCO_XML_EXE_Enable", "Yes")
	}
	switch r := t.push("Trusted"); {
	case r.status == http.StatusNotFound || r.status == http.StatusMethodNotAllowed || r.status == http.StatusNotImplemented:
		t.settle("xml_push", "none")
	case r.status != http.StatusOK || !strings.Contains(r.body, "CiscoIPPhone"):
	case !t.knows("CISCO_XML_EXE_Auth_Mode"):
		t.settle("xml_push", "open", "mode")
	case t.get("/", settings.Login{}).login != nil: // the user has a password
		t.settlePush(t.push("Local Credential"))
	case t.knows("XML_User_Name", "XML_Password"):
		t.set("XML_User_Name", "probe", "XML_Password", "probe")
		t.settlePush(t.push("Remote Credential"))
	default:
		t.fact("password of the user", "none: so any mode lets everybody in")
		t.settle("xml_push", "open", "mode")
	}
}

// push pushes that document while the phone lets in who has what a mode asks for.
func (t webTrial) push(mode string) response {
	what := "push"
	if t.knows("CISCO_XML_EXE_Auth_Mode") {
		t.set("CISCO_XML_EXE_Auth_Mode", mode)
		what += ", " + mode
	}
	t.takes()
	r := t.post("/CGI/Execute", "XML="+url.QueryEscape(noOrder), settings.Login{})
	t.fact(what, "%s", r.words())
	return r
}

// settlePush settles what a push without a login came to where one is asked for.
func (t webTrial) settlePush(r response) {
	switch {
	case r.status == http.StatusOK:
		t.settle("xml_push", "open")
	case r.login != nil:
		t.settle("xml_push", "mode")
	}
}

// knows reports whether the firmware has parameters and what they are is known.
func (t webTrial) knows(names ...string) bool {
	for _, name := range names {
		if _, known := t.s.back[name]; !known || !t.s.phone.has(name) {
			return false
		}
	}
	return true
}

// webForms sends the form of a page with one field: without the page's token, with it where
// the form does not count without, and with a number that no field has.
func webForms(t webTrial) {
	f, ok := t.findForm()
	if !ok {
		return
	}
	t.fact("token in the form", "%t", f.token != "")
	mark := t.s.server.token
	r, changed := t.sends(f, mark+"-1")
	t.fact("form without a token", "%s, %s", r.words(), applied(changed))
	var token []string
	switch {
	case changed:
		t.settle("form_token", "none")
	case f.token != "":
		token = []string{"csrftoken=" + f.token}
		r, changed = t.sends(f, mark+"-2", token...)
		t.fact("form with the token", "%s, %s", r.words(), applied(changed))
		if !changed {
			return
		}
		t.settle("form_token", "admin")
		f.read(t.show(f), mark+"-2") // it may have another token now
		token = []string{"csrftoken=" + f.token}
	default:
		return
	}
	r, changed = t.sends(f, mark+"-3", append(token, f.unknown()+"=1")...)
	t.fact("form with an unknown number", "%s, %s", r.words(), applied(changed))
	if !changed { // is it the number, or does the phone take no form now?
		_, plain := t.sends(f, mark+"-4", token...)
		if _, again := t.sends(f, mark+"-5", append(token, f.unknown()+"=1")...); !plain || again {
			return
		}
	}
	t.settle("form_unknown", map[bool]string{true: "ignore", false: "refuse"}[changed])
}

func applied(changed bool) string {
	if changed {
		return "and it counts"
	}
	return "and it does not count"
}

var (
	caLabel       = regexp.MustCompile(`Custom[ _]CA[ _](Provisioning|Provisioing)[ _]Status`)
	customization = regexp.MustCompile(`Customization(?:>|:)(?:<[^>]*>|\s|&nbsp;)*([A-Za-z ]*[A-Za-z])`)
)

// statusPages are where a phone says what it is.
var statusPages = []string{"/admin/advanced", "/admin/voice/advanced", "/"}

// find looks for a text on the phone's pages.
func (t webTrial) find(of *regexp.Regexp) string {
	pages := statusPages
	if t.isSPA1xx() {
		login := t.s.login()
		pages = []string{"/admin/status.xml&xuser=" + url.QueryEscape(login.User) + "&xpassword=" + url.QueryEscape(login.Password)}
	}
	for _, page := range pages {
		if word := submatch(of, t.get(page, t.s.login()).body); word != "" {
			return word
		}
	}
	return ""
}

// webCA looks for the label on the pages.
func webCA(t webTrial) {
	word := t.find(caLabel)
	if t.failed == nil && word == "" {
		t.fail("the phone's pages show no state of a Custom CA")
		return
	}
	t.fact("label", "Custom CA %s Status", word)
	t.settle("custom_ca_label", word)
}

// webInfo looks for the state on the pages. That of a unit which is made for remote
// customization is another.
func webInfo(t webTrial) {
	word := t.find(customization)
	if t.failed == nil && word == "" {
		t.fail("the phone's pages show no state of its customization")
		return
	}
	t.fact("customization", "%s", word)
	if value := map[string]string{"Open": "open", "Not Customized": "not_customized"}[word]; value != "" {
		t.settle("not_customized", value)
	}
}
