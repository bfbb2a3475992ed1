package forecast

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"spafleet/device"
	"spafleet/device/profile"
	"spafleet/device/profilecheck"
	"spafleet/fleet"
	"spafleet/prov"
)

// mostServed is how many files of the built-in server may be for them to be checked.
const mostServed = 200

// served returns notes on the files of the built-in server: those that nobody asks for,
// those whose key no rule has, and what devices do not take of them. Devices are followed
// from one file to the next, whichever alternative of a rule they may take. In a scenario
// that no file holds the server's files are nobody's.
func served(p plan) []string {
	s := p.Scenario.Server
	switch {
	case p.Scenario.SHA256 == "" || s == nil || len(s.Files) == 0:
		return nil
	case len(s.Files) > mostServed:
		return []string{fmt.Sprintf("server.files: %d files, of which none is checked: that is done for up to %d", len(s.Files), mostServed)}
	}
	asked, paths := map[string]*asking{}, map[string]bool{}
	for i := range p.Groups {
		if p.Groups[i].Count == 0 {
			continue
		}
		for d := range p.settings(i, 1) {
			w := &walker{plan: p, setting: &d, asked: asked, paths: paths, seen: map[string]bool{}}
			w.all(d.params)
		}
	}
	var texts []string
	p.Scenario.Texts(func(text string) { texts = append(texts, text) })
	var notes []string
	for _, path := range slices.Sorted(maps.Keys(s.Files)) {
		e, a := s.Files[path], asked[path]
		switch {
		case a == nil && !strings.Contains(path, "{{") && !mentioned(path, texts):
			notes = append(notes, fmt.Sprintf("server.files.%s: nothing that is known before the start asks for it%s", path, nearly(path, paths)))
		case a != nil && e.Key != "" && !a.keyed:
			notes = append(notes, fmt.Sprintf("server.files.%s: it is encrypted, and no rule that asks for it has a key", path))
		}
		if a != nil {
			notes = append(notes, elements(p, path, e, a)...)
		}
	}
	return notes
}

// An asking is who asks for a file of the server.
type asking struct {
	groups []int // of the fleet, one for each model and firmware
	keyed  bool  // by a rule with a key
	custom bool  // to be customized by it
}

// A walker follows a device through the files of the server.
type walker struct {
	plan
	*setting
	asked  map[string]*asking
	paths  map[string]bool // all that were asked for
	seen   map[string]bool // files that it has had
	layers device.Layers
}

// all follows what a device asks for with these parameters, and with those that the files
// bring.
func (w *walker) all(params device.Params) {
	for _, name := range rules {
		text, _ := params.Lookup(name)
		for _, d := range device.Alternatives(&w.unit, params, text) {
			host, paths := d.URL.Host, []string{d.URL.Path}
			if d.HasURL && host == "" {
				if host, paths = w.leased(w.Group, w.unit, params, d.URL.Path); name != "Profile_Rule" {
					paths = []string{d.URL.Path}
				}
			}
			if !d.HasURL || !w.here(host) {
				continue
			}
			for _, path := range paths {
				w.get(path, params, asking{keyed: d.Options.HasKey})
			}
		}
	}
	for x := range w.Row.Extras(params.Get) {
		if w.here(hostOf(x.URL)) {
			w.get(pathOf(x.URL), params, asking{})
		}
	}
	if rc := w.sample(w.RCURL); rc != "" && w.here(hostOf(rc)) {
		w.get(pathOf(rc), params, asking{custom: true})
	}
}

// here reports whether requests for a host come to the built-in server.
func (w *walker) here(host string) bool { return w.embedded(strings.ToLower(host)) }

// get asks for a path, and goes on with what comes.
func (w *walker) get(path string, params device.Params, how asking) {
	w.paths[path] = true
	before, after, filled := strings.Cut(path, standIn)
	for at, e := range w.Scenario.Server.Files {
		may := filled && strings.HasPrefix(at, before) && strings.HasSuffix(at, after)
		if !may && !prov.MayServe(map[string]prov.Entry{at: e}, path) {
			continue
		}
		a := w.asked[at]
		if a == nil {
			a = &asking{}
			w.asked[at] = a
		}
		a.keyed, a.custom = a.keyed || how.keyed, a.custom || how.custom
		if w.seen[at] {
			continue
		}
		w.seen[at] = true
		a.groups = append(a.groups, slices.IndexFunc(w.Groups, func(g fleet.Group) bool { return g.Row == w.Row && g.Name == w.Name }))
		f, err := profile.Decode([]byte(w.Scenario.Sample(e.Body, embedded, standIn)), w.Row.Reading())
		if err != nil || e.Body == "" {
			continue
		}
		after, _ := params.With(&w.layers, w.sets(&f))
		w.all(after)
	}
}

// sets returns what a device takes of a file.
func (w *walker) sets(f *profile.File) (sets []device.Set) {
	for i := range f.Params {
		param, ok := w.Row.Lookup(f.Params[i].Name)
		if !ok || !f.Params[i].Has {
			continue
		}
		if value, ok := param.Take(f.Params[i].Value); ok {
			sets = append(sets, device.Set{ID: param.ID, Value: value, Has: true})
		}
	}
	return sets
}

func pathOf(url string) string {
	if _, rest, ok := strings.Cut(url, "://"); ok {
		if _, path, ok := strings.Cut(rest, "/"); ok {
			return "/" + path
		}
		return "/"
	}
	return "/" + strings.TrimPrefix(url, "/")
}

// standIn is what a {{ }} comes to while devices are followed: in a path it may be
// anything.
const standIn = "71717"

// nearly names what is asked for in place of a path, where only the case of its letters
// differs.
func nearly(path string, paths map[string]bool) string {
	for _, other := range slices.Sorted(maps.Keys(paths)) {
		if strings.EqualFold(path, other) {
			return fmt.Sprintf("; devices ask for %s, and the case of letters counts", other)
		}
	}
	return ""
}

// leastStem is how much of a file's name a text must have to mean it.
const leastStem = 3

// mentioned reports whether a text names a file: what only a running device knows, and
// what steps bring, is not followed.
func mentioned(path string, texts []string) bool {
	stem := path[strings.LastIndex(path, "/")+1:]
	for _, piece := range strings.FieldsFunc(stem, func(c rune) bool { return strings.ContainsRune("$(){}*?", c) }) {
		if len(piece) >= leastStem && slices.ContainsFunc(texts, func(text string) bool { return strings.Contains(text, piece) }) {
			return true
		}
	}
	return strings.Trim(stem, "$(){}*") == "" && len(texts) > 0
}

// told are the kinds of findings in a profile that are worth a note, and whether they
// hold in a line with {{ }}.
var told = map[profilecheck.Kind]bool{
	profilecheck.Refused: true, profilecheck.Partly: true, profilecheck.Unknown: true, profilecheck.Firmware: true, profilecheck.Misplaced: true, profilecheck.InfoItem: true,
	profilecheck.Value: false, profilecheck.Cut: false, profilecheck.BadRule: false, profilecheck.OddRule: false,
}

// elements returns what the devices that ask for a profile do not take of it.
func elements(p plan, path string, e prov.Entry, a *asking) (notes []string) {
	if a.custom || !p.Scenario.Server.IsProfile(path) {
		return nil
	}
	body, lines := p.Scenario.Sample(e.Body, "127.0.0.1", "1"), strings.Split(e.Body, "\n")
	kinds := map[string][]string{}
	var order []string
	for _, i := range a.groups {
		row := p.Groups[i].Row
		for _, f := range profilecheck.New(row, "", false).File([]byte(body), "") {
			always, ok := told[f.Kind]
			if filled := f.Line > 0 && f.Line <= len(lines) && strings.Contains(lines[f.Line-1], "{{"); !ok || filled && !always {
				continue
			}
			text := f.String()
			if f.Line > 0 {
				text = fmt.Sprintf("line %d: %s", f.Line, text)
			}
			if kinds[text] == nil {
				order = append(order, text)
			}
			if kind := kindOf(row); !slices.Contains(kinds[text], kind) {
				kinds[text] = append(kinds[text], kind)
			}
		}
	}
	for _, text := range order {
		whose := kinds[text][0]
		if more := len(kinds[text]) - 1; more > 0 {
			whose += fmt.Sprintf(" and %d others", more)
		}
		notes = append(notes, fmt.Sprintf("server.files.%s, %s (%s)", path, text, whose))
	}
	return notes
}
