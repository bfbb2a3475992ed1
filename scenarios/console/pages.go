package console

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"

	"spafleet/device"
	"spafleet/device/measure"
	"spafleet/fleet"
	"spafleet/scenarios/console/page"
	"spafleet/scenarios/report/webpage"
)

// A site is what browsers see of a console.
type site struct{ *Server }

// A view is a page and who shows it. Open ones need no login.
type view struct {
	pattern string
	open    bool
	show    func(site, http.ResponseWriter, *http.Request)
}

var views = []view{
	{"GET /{$}", true, site.showOverview}, // asks for the token itself
	{"GET /login", true, site.showLogin},
	{"POST /login", true, site.takeLogin},
	{"POST /logout", false, site.takeLogout},
	{"GET /devices", false, site.showDevices},
	{"GET /devices/{device}", false, site.showDevice},
	{"POST /devices/{device}/keys", false, site.takeKeys},
	{"POST /devices/{device}/hook", false, site.takeHook},
	{"POST /devices/{device}/fault", false, site.takeFault},
	{"POST /devices/{device}/{action}", false, site.takeOrder},
	{"POST /selection/fault", false, site.takeFaults},
	{"POST /selection/{action}", false, site.takeSelection},
	{"GET /live", false, site.listen},
	{"GET /console.js", true, asset("text/javascript; charset=utf-8", page.Script)},
	{"GET /console.svg", true, asset("image/svg+xml", page.Icon)},
	{"GET /console.css", true, asset("text/css; charset=utf-8", page.Style)},
}

const pagePolicy = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; form-action 'self'; frame-ancestors 'none'; base-uri 'none'"

func asset(kind string, text func() []byte) func(site, http.ResponseWriter, *http.Request) {
	return func(_ site, w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", kind)
		_, _ = w.Write(text()) // who asked may be gone
	}
}

// shown returns the handler of a page: it lets in who may see it.
func (s site) shown(v view) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Security-Policy", pagePolicy)
		switch {
		case v.open:
		case !s.loggedIn(r):
			http.Redirect(w, r, "/login", http.StatusSeeOther)
			return
		case r.Method == http.MethodPost:
			if err := r.ParseForm(); err != nil {
				s.message(w, r, http.StatusBadRequest, "The form could not be read", err.Error())
				return
			}
			if !s.ownForm(r) {
				s.message(w, r, http.StatusForbidden, "This form is not of this run", "Load the page again: a form of another run, or of another site, orders nothing.")
				return
			}
		}
		v.show(s, w, r)
	}
}

// frame returns what all pages have.
func (s site) frame(r *http.Request) page.Frame {
	var f page.Frame
	if !s.loggedIn(r) {
		return f
	}
	f.CSRF = s.derived("csrf")
	f.Said, f.Wrong = s.notices.take(r.URL.Query().Get("said"))
	if source := s.source.Load(); source != nil {
		f.Run = (*source).Name()
	}
	return f
}

// write writes a page, or says why there is none.
func (s site) write(w http.ResponseWriter, status int, write func(io.Writer) error) {
	var b bytes.Buffer
	if err := write(&b); err != nil {
		s.tell("console: " + err.Error())
		http.Error(w, "the page could not be made", http.StatusInternalServerError)
		return
	}
	w.Header().Set("Content-Type", "text/html; charset=utf-8")
	w.WriteHeader(status)
	_, _ = b.WriteTo(w) // who asked may be gone
}

func (s site) message(w http.ResponseWriter, r *http.Request, status int, heading, text string) {
	m := page.Message{Frame: s.frame(r), Heading: heading, Text: text}
	s.write(w, status, func(to io.Writer) error { return page.WriteMessage(to, &m) })
}

// begun returns the fleet and how to give back the place at work, or says that there is no
// fleet yet.
func (s site) begun(w http.ResponseWriter, r *http.Request) (Source, func(), bool) {
	source := s.source.Load()
	if source == nil {
		s.message(w, r, http.StatusServiceUnavailable, "The fleet has not started yet", "Load the page again in a moment.")
		return nil, nil, false
	}
	done, err := s.place(r)
	return *source, done, err == nil
}

func (s site) showLogin(w http.ResponseWriter, r *http.Request) {
	l := page.Login{Frame: s.frame(r)}
	s.write(w, http.StatusOK, func(to io.Writer) error { return page.WriteLogin(to, &l) })
}

func (s site) takeLogin(w http.ResponseWriter, r *http.Request) {
	_ = r.ParseForm() // a form that cannot be read has no token
	s.take(w, r, strings.TrimSpace(r.PostForm.Get("token")))
}

// take lets a browser in that shows the token, and no other.
func (s site) take(w http.ResponseWriter, r *http.Request, token string) {
	if !same(token, s.token) {
		l := page.Login{Frame: s.frame(r)}
		l.Said, l.Wrong = "That is not the token of this run; each run prints its own.", true
		s.write(w, http.StatusForbidden, func(to io.Writer) error { return page.WriteLogin(to, &l) })
		return
	}
	s.logIn(w)
	http.Redirect(w, r, "/", http.StatusSeeOther)
}

func (s site) takeLogout(w http.ResponseWriter, r *http.Request) {
	s.logOut(w)
	http.Redirect(w, r, "/login", http.StatusSeeOther)
}

func (s site) showOverview(w http.ResponseWriter, r *http.Request) {
	if token := r.URL.Query().Get("token"); token != "" {
		s.take(w, r, token) // and out of the address bar
		return
	}
	if !s.loggedIn(r) {
		http.Redirect(w, r, "/login", http.StatusSeeOther)
		return
	}
	source, done, ok := s.begun(w, r)
	if !ok {
		return
	}
	defer done()
	o := s.overview(source)
	o.Frame = s.frame(r)
	s.write(w, http.StatusOK, func(to io.Writer) error { return page.WriteOverview(to, &o) })
}

// overview returns the figures of the first page.
func (s site) overview(source Source) page.Overview {
	o := source.Overview()
	if v := s.verdict.Load(); v != nil {
		o.Verdict, o.Ended = *v, webpage.Sentence(*v)
	}
	return o
}

// rows is how many devices a page of the list has, and mostRows how many it can have.
const (
	rows     = 50
	mostRows = 200
)

// listQuery are the fields of the list's address.
func listQuery(query url.Values) (f page.Filter, from, limit int) {
	get := func(name string) string { return shownAs(query.Get(name)) }
	f = page.Filter{MAC: get("mac"), Serial: get("serial"), Address: get("address"), State: get("state"), Model: get("model")}
	limit = rows
	from, _ = strconv.Atoi(query.Get("from"))
	if n, err := strconv.Atoi(query.Get("limit")); err == nil {
		limit = n
	}
	return f, max(from, 0), min(max(limit, 1), mostRows)
}

func (s site) showDevices(w http.ResponseWriter, r *http.Request) {
	source, done, ok := s.begun(w, r)
	if !ok {
		return
	}
	defer done()
	d := page.Devices{Frame: s.frame(r), Fleet: source.Len(), Models: modelsOf(source), Actions: pageActions(nil)}
	d.Filter, d.From, d.Limit = listQuery(r.URL.Query())
	match, err := Filter(d.Filter).compile()
	if err != nil {
		d.Mistake = sentence(err.Error())
	} else {
		for n := range source.Len() {
			if n%1024 == 0 && r.Context().Err() != nil {
				return
			}
			dev := source.Nth(n)
			if !match(source, dev) {
				continue
			}
			if d.Found++; d.Found > d.From && len(d.Rows) < d.Limit {
				if v, ok := source.View(dev); ok {
					d.Rows = append(d.Rows, rowOf(&v))
				}
			}
		}
	}
	s.write(w, http.StatusOK, func(to io.Writer) error { return page.WriteDevices(to, &d) })
}

// modelsOf returns the models of a fleet, by name.
func modelsOf(source Source) (names []string) {
	var last *fleet.Group
	for n := range source.Len() {
		g := source.Group(source.Nth(n))
		if g != last && !slices.Contains(names, g.Row.Model.Name) {
			names = append(names, g.Row.Model.Name)
		}
		last = g
	}
	slices.Sort(names)
	return names
}

func rowOf(v *device.View) page.Row {
	d := deviceOf(v)
	return page.Row{
		Index: d.Index, MAC: d.MAC, Serial: d.Serial, Address: d.Address, Model: d.Model, Firmware: d.Firmware, State: d.State, Power: d.Power, Resyncs: page.Result(d.Resyncs),
	}
}

// sought returns the device that the path of a page names.
func (s site) sought(w http.ResponseWriter, r *http.Request) (Source, device.View, func(), bool) {
	source, done, ok := s.begun(w, r)
	if !ok {
		return nil, device.View{}, nil, false
	}
	v, err := named(source, r)
	if err != nil {
		done()
		s.message(w, r, http.StatusNotFound, "There is no such phone", sentence(err.Error()))
		return nil, v, nil, false
	}
	return source, v, done, true
}

func (s site) showDevice(w http.ResponseWriter, r *http.Request) {
	source, v, done, ok := s.sought(w, r)
	if !ok {
		return
	}
	defer done()
	d := s.device(source, &v, shownAs(r.URL.Query().Get("param")))
	d.Frame = s.frame(r)
	s.write(w, http.StatusOK, func(to io.Writer) error { return page.WriteDevice(to, &d) })
}

func (s site) takeKeys(w http.ResponseWriter, r *http.Request) {
	source, v, done, ok := s.sought(w, r)
	if !ok {
		return
	}
	defer done()
	ctx, cancel := context.WithTimeout(r.Context(), orderPatience)
	defer cancel()
	if _, err := source.Press(ctx, v.Unit.Index, r.PostForm.Get("dial")); err != nil {
		s.backToDevice(w, r, &v, sentence(err.Error()), true)
		return
	}
	http.Redirect(w, r, deviceURL(&v), http.StatusSeeOther)
}

func (s site) takeHook(w http.ResponseWriter, r *http.Request) {
	source, v, done, ok := s.sought(w, r)
	if !ok {
		return
	}
	defer done()
	action, err := actionNamed(map[string]string{"on": "on-hook", "off": "off-hook"}[r.PostForm.Get("hook")])
	if err == nil {
		err = action.do(r.Context(), source, v.Unit.Index)
	}
	if err != nil {
		s.backToDevice(w, r, &v, sentence(err.Error()), true)
		return
	}
	http.Redirect(w, r, deviceURL(&v), http.StatusSeeOther)
}

func deviceURL(v *device.View) string { return fmt.Sprintf("/devices/%d", v.Unit.Index) }

func (s site) backToDevice(w http.ResponseWriter, r *http.Request, v *device.View, text string, wrong bool) {
	s.back(w, r, deviceURL(v), url.Values{}, text, wrong)
}

// takeOrder orders one device about. What takes something from it is asked for twice.
func (s site) takeOrder(w http.ResponseWriter, r *http.Request) {
	source, v, done, ok := s.sought(w, r)
	if !ok {
		return
	}
	defer done()
	action, err := actionNamed(r.PathValue("action"))
	switch {
	case err != nil:
		s.message(w, r, http.StatusNotFound, "There is no such order", sentence(err.Error()))
		return
	case action.Danger && r.PostForm.Get("sure") != "1":
		c := page.Confirm{Frame: s.frame(r), Action: action.shown(), Device: v.Unit.MAC.String(), Index: int(v.Unit.Index)}
		s.write(w, http.StatusOK, func(to io.Writer) error { return page.WriteConfirm(to, &c) })
		return
	}
	if err := action.do(r.Context(), source, v.Unit.Index); err != nil {
		s.backToDevice(w, r, &v, sentence(err.Error()), true)
		return
	}
	s.backToDevice(w, r, &v, action.Done+".", false)
}

// takeSelection orders the devices that a filter selects about.
func (s site) takeSelection(w http.ResponseWriter, r *http.Request) {
	source, done, ok := s.begun(w, r)
	if !ok {
		return
	}
	defer done()
	action, err := actionNamed(r.PathValue("action"))
	if err != nil {
		s.message(w, r, http.StatusNotFound, "There is no such order", sentence(err.Error()))
		return
	}
	filter, _, _ := listQuery(r.PostForm)
	list, err := selected(source, Selection{Filter: Filter(filter), All: r.PostForm.Get("all") == "1"})
	query := Filter(filter).Query()
	switch {
	case err != nil:
		s.back(w, r, "/devices", query, sentence(err.Error()), true)
		return
	case action.Danger && r.PostForm.Get("sure") != "1":
		c := page.Confirm{Frame: s.frame(r), Action: action.shown(), Filter: filter, Devices: len(list)}
		s.write(w, http.StatusOK, func(to io.Writer) error { return page.WriteConfirm(to, &c) })
		return
	}
	if err := action.doAll(r.Context(), source, list); err != nil {
		s.back(w, r, "/devices", query, sentence(err.Error()), true)
		return
	}
	s.back(w, r, "/devices", query, fmt.Sprintf("%s: %s.", action.Done, measure.Counted(len(list), "phone")), false)
}

// takeFault begins a fault of one device, or ends those that are up.
func (s site) takeFault(w http.ResponseWriter, r *http.Request) {
	source, v, done, ok := s.sought(w, r)
	if !ok {
		return
	}
	defer done()
	said, err := disturb(source, r.PostForm.Get("effect"), []device.Index{v.Unit.Index})
	if err != nil {
		said = sentence(err.Error())
	}
	s.backToDevice(w, r, &v, said, err != nil)
}

// takeFaults begins a fault of the devices that a filter selects.
func (s site) takeFaults(w http.ResponseWriter, r *http.Request) {
	source, done, ok := s.begun(w, r)
	if !ok {
		return
	}
	defer done()
	filter, _, _ := listQuery(r.PostForm)
	all := r.PostForm.Get("all") == "1"
	list, err := selected(source, Selection{Filter: Filter(filter), All: all})
	said := ""
	if err == nil {
		if all {
			list = nil
		}
		said, err = disturb(source, r.PostForm.Get("effect"), list)
	}
	if err != nil {
		said = sentence(err.Error())
	}
	query := Filter(filter).Query()
	s.back(w, r, "/devices", query, said, err != nil)
}

// errNoSelection says that an order is for nobody in particular.
var errNoSelection = errors.New(`give a filter such as {"state": "SP-CUST"}, or {"all": true} for each device, and not both`)

// selected returns the devices of a selection.
func selected(s Source, of Selection) ([]device.Index, error) {
	if of.All == (of.Filter != Filter{}) {
		return nil, errNoSelection
	}
	match, err := of.compile()
	if err != nil {
		return nil, err
	}
	var list []device.Index
	for n := range s.Len() {
		if dev := s.Nth(n); match(s, dev) {
			list = append(list, dev)
		}
	}
	return list, nil
}

// shownAs is a text of a request as a page can show it.
func shownAs(text string) string {
	return strings.ToValidUTF8(text[:min(len(text), mostName)], "")
}

// sentence makes an error one.
func sentence(text string) string {
	if text == "" {
		return ""
	}
	return strings.ToUpper(text[:1]) + text[1:] + "."
}
