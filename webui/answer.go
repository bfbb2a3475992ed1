package webui

import (
	"bytes"
	"cmp"
	"fmt"
	"net/http"
	"net/netip"
	"strings"

	"spafleet/device"
	"spafleet/device/model"
)

// A request is one HTTP request to one device. The embedded Request is nil if it
// was malformed.
type request struct {
	*http.Request
	site  *Site
	view  device.View
	from  netip.Addr
	uri   string // as it was asked for, without a login behind it
	path  string // of the uri, decoded
	login *login // what stood behind the URL, where the device reads that
}

// unread reports whether part of the request may not have arrived yet.
func (q *request) unread() bool { return q.Request == nil || q.ContentLength != 0 }

// An answer is a page and the command that it gives to the device, if any.
type answer struct {
	status    int
	challenge string // WWW-Authenticate, of 401
	kind      string // of the body, "" for text/html
	public    bool   // it may be kept: a picture
	charset   string // of the body, where the header says it
	body      []byte
	buffer    *bytes.Buffer // of the body, where another page may have it then
	command   *device.Command
	server    string // Server of the header; "": none
	broken    bool   // the connection breaks instead
}

// closesFirst reports whether the connection is closed before the command is given.
func (a answer) closesFirst() bool {
	return a.command != nil && a.command.Order != device.Resync
}

// head writes an answer's header in the wire form of device-surface.md §1.4 (field: no
// Server, Date or Content-Length, whatever the request's version).
func (a answer) head(b *bytes.Buffer) {
	fmt.Fprintf(b, "HTTP/1.1 %d %s\r\n", a.status, http.StatusText(a.status))
	if a.challenge != "" {
		fmt.Fprintf(b, "WWW-Authenticate: %s\r\n", a.challenge)
	}
	if a.server != "" {
		b.WriteString("Server: " + a.server + "\r\n")
	}
	kind, cache := cmp.Or(a.kind, "text/html"), "no-store"
	if a.charset != "" && a.kind == "" {
		kind += "; charset=" + a.charset
	}
	if a.public {
		cache = "public"
	}
	b.WriteString("Content-Type: " + kind + "\r\nCache-Control: must-revalidate, " + cache + "\r\nConnection: close\r\n\r\n")
}

// routes holds every path that a device knows; any other is answered 404. There is
// no /admin/reset: no firmware image has it (field).
var routes = map[string]func(*request) answer{
	"/admin/resync":  (*request).resync,
	"/resync":        (*request).resync,
	"/admin/upgrade": (*request).upgrade,
	"/upgrade":       (*request).upgrade,
	"/admin/reboot":  (*request).reboot,
	"/reboot":        (*request).reboot,

	"/ringtone":       (*request).ringTone,
	"/admin/ringtone": (*request).ringTone,
	"/updateCA":       (*request).updateCA,
	"/admin/updateCA": (*request).updateCA,

	"/calllog.htm":      callHistory,
	"/pdir.htm":         directory,
	"/attconstatus.htm": console,
	"/spa932status.htm": console932,

	"/spacfg.xml":       (*request).settings,
	"/admin/spacfg.xml": (*request).settings,
	"/status.xml":       (*request).status,
	"/admin/status.xml": (*request).status,
	"/status":           trunkStatus,

	"/crossdomain.xml":      crossDomain,
	"/screendump.bmp":       screen,
	"/admin/screendump.bmp": screen,
	"/statusbmp.bmp":        keyLights,
}

// xmlKind is the type of XML documents (field for /crossdomain.xml).
const xmlKind = "text/xml"

// pagesOfSettings are the paths with all tabs; those of a voice half are routers' alone.
var pagesOfSettings = map[string]bool{
	"/": true, "/basic": true, "/advanced": true, "/admin/": true, "/admin/basic": true, "/admin/advanced": true,
	"/voice/": true, "/voice/advanced": true, "/admin/voice/": true, "/admin/voice/advanced": true,
}

// spa100Documents are the paths of an SPA112, SPA122 and SPA232D that others lack,
// or have in another form. They are the administrator's alone, and what phones have
// in their place is not there (inferred: another program).
var spa100Documents = map[string]func(*request) answer{
	"/admin/status.xml": (*request).status,
	"/admin/config.xml": (*request).settings,
	"/status.xml":       nil,
	"/spacfg.xml":       nil,
	"/admin/spacfg.xml": nil,
}

// page returns what answers a path, nil where the device lacks it.
func (q *request) page() func(*request) answer {
	if q.spa100() {
		if page, ok := spa100Documents[q.path]; ok {
			return page
		}
	}
	if isPicture(q) {
		return picture
	}
	if pagesOfSettings[q.path] && (q.view.Unit.Row.Model.Family.Router || !strings.Contains(q.path, "/voice/")) {
		return settingsPage
	}
	return routes[q.path]
}

func (q *request) spa100() bool { return q.view.Unit.Row.Model.Family.Name == "SPA100" }

// answer answers a request. The checks are in the order of the device, which looks
// at prefixes before it looks for the page.
func (q *request) answer() answer {
	a := q.answered()
	if q.spa100() {
		a.server = "httpd" // two public lists of servers: field
	}
	// Pages of 5xx phones say their character set (device-surface.md §1.4: field).
	if v, ok := q.view.Params.Lookup("Default_Character_Encoding"); ok && q.view.Unit.Row.Generation == 3 {
		a.charset = v
	}
	return a
}

func (q *request) answered() answer {
	q.readLogin()
	if q.path == executePath && q.view.Unit.Row.Behaviour.Web.XMLPush {
		return push{q}.execute()
	}
	if q.spa100() && spa100Documents[q.path] == nil && !q.isCommand() {
		return spa100Server(q)
	}
	switch q.Method {
	case http.MethodGet, http.MethodHead:
	case http.MethodPost:
		if !isTarget(q) && !isDirectory(q) && !isProfile(q) {
			return q.refused(http.StatusMethodNotAllowed, "a form to "+clipped(q.path))
		}
	default:
		return q.failure(http.StatusNotImplemented)
	}
	if a, barred := q.barred(); barred {
		return a
	}
	if q.Method == http.MethodPost {
		switch {
		case isDirectory(q):
			return editDirectory(q)
		case isProfile(q):
			return applyProfile(q)
		}
		return submit(q)
	}
	page := q.page()
	if page == nil {
		return q.missing()
	}
	a := page(q)
	if a.status == http.StatusNotFound {
		return q.missing()
	}
	if q.Method == http.MethodHead {
		a.body = nil
	}
	return a
}

// barred answers who may not have the path at all, or not without a login.
func (q *request) barred() (answer, bool) {
	if isPicture(q) || q.path == "/crossdomain.xml" { // of the document: inferred
		return answer{}, false
	}
	if q.admin() && !q.view.Params.Bool("Enable_Web_Admin_Access", true) || q.isCommand() && !q.view.Params.Bool("Enable_Direct_Action_Url", true) {
		return q.refused(http.StatusForbidden, clipped(q.path)), true // the status is inferred
	}
	if q.asksLogin() {
		if !q.loggedIn() {
			return q.wrongLogin(), true
		}
	} else if challenge := q.challenge(q.account()); challenge != "" {
		a := q.failure(http.StatusUnauthorized)
		if q.Header.Get("Authorization") != "" && !strings.HasSuffix(challenge, staleMark) {
			a = q.refused(http.StatusUnauthorized, "a wrong login as "+q.account().name)
		}
		a.challenge = challenge
		return a, true
	}
	return answer{}, false
}

// wrongLogin answers a request without the right login behind its URL.
func (q *request) wrongLogin() answer {
	if q.login == nil {
		return q.failure(http.StatusUnauthorized)
	}
	return q.refused(http.StatusUnauthorized, "a wrong login as "+clipped(q.login.name))
}

// missing answers what the device does not have. That it was asked for what others have is
// told: a script takes the device for one of them.
func (q *request) missing() answer {
	_, page := routes[q.path]
	_, document := spa100Documents[q.path]
	if page || document || pagesOfSettings[q.path] || strings.HasSuffix(q.path, ".cgi") || strings.HasSuffix(q.path, ".asp") {
		return q.refused(http.StatusNotFound, "a page of other devices, "+clipped(q.path))
	}
	return q.failure(http.StatusNotFound)
}

// clipped returns the beginning of what a client calls itself, which an event says.
func clipped(name string) string {
	const most = 100
	if len(name) > most {
		return strings.ToValidUTF8(name[:most], "") + "…"
	}
	return name
}

// admin reports whether a path is for the administrator only: /upgrade is, /resync
// and /reboot are not (device-surface.md §1.1: field for the
// strings, the rest inferred).
func (q *request) admin() bool {
	return strings.HasPrefix(q.path, "/admin") || strings.HasPrefix(q.path, "/upgrade")
}

// home is the start page of the user or of the administrator.
func (q *request) home() string {
	if q.admin() {
		return "/admin/"
	}
	return "/"
}

// failure is the small page of an error status.
func (q *request) failure(status int) answer {
	text := fmt.Sprintf("%d %s", status, http.StatusText(status))
	return q.render(status, "error", message{Title: q.look().title, Text: text})
}

// refused is an answer to what the device does not do. It tells that it was asked.
func (q *request) refused(status int, what string) answer {
	a := q.failure(status)
	a.command = &device.Command{Order: device.Refuse, Cause: model.ByWeb, Requester: q.from, Argument: what}
	return a
}

func (q *request) look() look { return lookOf(q.view.Unit.Row) }

// render renders one of the embedded templates. The data are of the template's own
// type: an error here is a mistake in the program, which the golden tests show.
func (q *request) render(status int, name string, data any) answer {
	var b bytes.Buffer
	if err := pages.ExecuteTemplate(&b, name+".html", data); err != nil {
		panic(err)
	}
	return answer{status: status, body: b.Bytes()}
}
