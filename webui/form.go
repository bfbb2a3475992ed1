package webui

import (
	"crypto/md5"
	"encoding/hex"
	"fmt"
	"io"
	"net/http"
	"path"
	"slices"
	"strconv"
	"strings"

	"spafleet/device"
	"spafleet/device/measure"
	"spafleet/device/model"
)

// mostForm is the most bytes of a form. The longest page there is has half of that; what
// real servers take is unknown.
const mostForm = 256 << 10

// isTarget reports whether the device takes forms at a path: the targets of its family,
// in the folder of any of its pages (device-surface.md §1.3: field). A PAP2 and PAP2T
// take any *.pbp (§9 row 15: inferred).
func isTarget(q *request) bool {
	l := q.look()
	folder, last := path.Split(q.path)
	switch folder {
	case "/", "/admin/":
	case "/voice/", "/admin/voice/":
		if !q.view.Unit.Row.Model.Family.Router {
			return false
		}
	default:
		return false
	}
	return last == l.target(false) || last == l.target(true) || l.realm == "pap" && strings.HasSuffix(last, ".pbp")
}

// A post is a form that was sent.
type post struct {
	*sheet
	home    string // where the page of the update leads to
	again   func() // writes the page once more
	sets    []device.Set
	names   []string // of what changes
	token   string
	unknown int
	denied  int // fields that the account may not change
}

// submit takes a form: what it changes is for the device to set, as an administrator
// would. Any part of the fields may be there, and of one that is there twice the last
// counts (inferred). A wrong value, or a field that is not the account's, refuses the
// whole form.
func submit(q *request) answer {
	body, refusal, ok := posted(q, "form")
	if !ok {
		return refusal
	}
	p := newPost(q, q.admin())
	p.home, p.again = p.back(), p.write
	p.read(string(body))
	return p.decide()
}

// posted returns what was posted, a form or another thing of its size.
func posted(q *request, what string) (body []byte, refusal answer, ok bool) {
	body, err := io.ReadAll(io.LimitReader(q.Body, mostForm+1))
	if err != nil || len(body) > mostForm {
		return nil, q.refused(http.StatusBadRequest, fmt.Sprintf("a %s of more than %d bytes, or one that ends early", what, mostForm)), false
	}
	return body, answer{}, true
}

func newPost(q *request, admin bool) *post {
	p := &post{sheet: newSheet(q)}
	p.audience.admin = admin
	p.sent, p.wrong = map[*field]string{}, map[*field]bool{}
	return p
}

// decide refuses the form or applies it.
func (p *post) decide() answer {
	q := p.q
	web := &q.view.Unit.Row.Behaviour.Web
	switch {
	case p.asksToken() && p.token != p.csrfToken():
		return q.refused(http.StatusForbidden, "a form without the page's token") // the status is inferred
	case p.denied > 0:
		return q.refused(http.StatusForbidden, fmt.Sprintf("a form with %s that the user may not change", measure.Counted(p.denied, "field")))
	case p.unknown > 0 && web.StrictForms:
		return q.refused(http.StatusBadRequest, fmt.Sprintf("a form with %s", measure.Counted(p.unknown, "unknown field")))
	}
	p.judge()
	if len(p.wrong) > 0 {
		p.again()
		a := q.refused(http.StatusOK, "a form with "+measure.Counted(len(p.wrong), "wrong value")+": "+p.wrongNames())
		a.body, a.buffer = p.Bytes(), p.Buffer
		return a
	}
	return p.apply()
}

// mostListed is how many parameters a command or a refusal names.
const mostListed = 8

// read sorts the fields of a form.
func (p *post) read(body string) {
	for pair := range strings.SplitSeq(body, "&") {
		name, value, _ := strings.Cut(pair, "=")
		if name == "csrftoken" {
			p.token = value
			continue
		}
		if pair != "" {
			p.readField(name, lenientUnescape(value))
		}
	}
}

func (p *post) readField(name, value string) {
	number, err := strconv.ParseUint(strings.TrimPrefix(name, "P"), 10, 16)
	f := layoutOf(p.q.view.Unit.Row).fields[uint16(number)]
	switch {
	case err != nil || f == nil || !p.q.view.Unit.Row.Has(f.param):
		p.unknown++
	case !p.mayWrite(f):
		p.denied++
	default:
		p.sent[f] = value
	}
}

// judge tells wrong values from those that change something. A password's mask is none.
func (p *post) judge() {
	for f, value := range p.sent {
		if value == p.value(f) || f.param.Type == "password" && value == passwordMask {
			continue
		}
		stored, ok := f.param.Take(value)
		switch {
		case !ok:
			p.wrong[f] = true
		case stored != p.value(f):
			p.sets = append(p.sets, device.Set{ID: f.param.ID, Value: stored, Has: true})
			p.names = append(p.names, f.param.Name)
		}
	}
	slices.SortFunc(p.sets, func(a, b device.Set) int { return int(a.ID) - int(b.ID) })
	slices.Sort(p.names)
}

func (p *post) wrongNames() string {
	var names []string
	for f := range p.wrong {
		names = append(names, f.param.Name)
	}
	slices.Sort(names)
	return measure.FirstOf(names, mostListed)
}

// back is the page that a form came from.
func (p *post) back() string {
	back := "basic"
	if p.audience.advanced {
		back = "advanced"
	}
	folder, _ := path.Split(p.q.path)
	if strings.HasSuffix(folder, "/voice/") && back == "basic" {
		back = ""
	}
	return folder + back
}

// apply answers with the page that says so, also where nothing changes.
func (p *post) apply() answer {
	a := p.q.render(http.StatusOK, "update", message{Title: p.look.title, Home: p.home, Seconds: p.q.refresh()})
	if len(p.sets) > 0 {
		a.command = &device.Command{Order: device.SetParams, Cause: model.ByWeb, Requester: p.q.from, Sets: p.sets, Argument: measure.FirstOf(p.names, mostListed)}
	} else if p.unknown > 0 { // what is passed over is told all the same
		a.command = &device.Command{Order: device.Refuse, Cause: model.ByWeb, Requester: p.q.from, Argument: "a form with " + measure.Counted(p.unknown, "unknown field")}
	}
	return a
}

// asksToken reports whether the page's form carries a token that the device checks.
// Texts of 7.6.2f have one in two forms, a check and a renewal after it (field); that
// they are the administrator's is inferred: a public script sends the user's without.
func (s *sheet) asksToken() bool {
	return s.audience.admin && s.q.view.Unit.Row.Behaviour.Web.FormToken
}

// csrfToken is the token of the device's pages, eight hexadecimal digits. Another boot
// and any change of the settings renew it.
func (s *sheet) csrfToken() string {
	h := md5.New()
	fmt.Fprint(h, s.q.view.Unit.MAC, s.q.view.Booted)
	for id, value := range s.q.view.Params.Differing() {
		fmt.Fprintf(h, "%d=%q", id, value)
	}
	return hex.EncodeToString(h.Sum(nil)[:4])
}
