package model

import (
	"cmp"
	"fmt"
	"iter"
	"slices"
	"strings"

	"spafleet/device/hint"
	"spafleet/device/rule"
)

// A Row is one model at one firmware with its switches: everything that does
// not differ between two devices of the same make. Rows are shared and must not
// be changed.
type Row struct {
	Model      *Model
	Firmware   Firmware
	Generation int // 1 to 4 (provisioning.md §0.3)
	Factory    *Factory
	Behaviour  Behaviour
	Switches   []Setting // what made the behaviour, in the order of the table

	lacks  [len(arrivals)]bool // what came with later firmware
	extras []extraSource
}

// NewRow returns the row of a model and firmware, its newest for "", with the
// given switches turned. Unknown names and values are errors that say what is
// known.
func NewRow(model, firmware string, turned map[string]string) (*Row, error) {
	m, err := FindModel(model)
	if err != nil {
		return nil, err
	}
	f, err := m.findFirmware(firmware)
	if err != nil {
		return nil, err
	}
	return m.row(f, turned)
}

func (m *Model) row(f Firmware, turned map[string]string) (*Row, error) {
	r := &Row{Model: m, Firmware: f, Generation: m.generation(f.Version), Factory: m.Factory().At(f.Version)}
	r.lacks = r.lacking()
	settings, err := settle(r, turned)
	if err != nil {
		return nil, err
	}
	r.Switches = settings
	if r.Behaviour.SuccessErr {
		r.Factory = r.Factory.successErr()
	}
	r.extras = extraSources(r)
	return r, nil
}

// At returns the row of the same model and switches at another firmware, as
// after an upgrade. The version need not be one that the model is known to run.
func (r *Row) At(version string) (*Row, error) {
	f, err := r.Model.findFirmware(version)
	if err != nil {
		f = Firmware{Version: version, Evidence: Inferred}
	}
	turned := map[string]string{}
	for _, s := range r.Switches {
		if s.Turned {
			turned[s.Name] = s.Value
		}
	}
	return r.Model.row(f, turned)
}

// Assumption says that the row's firmware is in no source, and which known one is
// its nearest relative; empty for a known firmware.
func (r *Row) Assumption() string {
	if _, ok := r.Model.knownFirmware(r.Firmware.Version); ok {
		return ""
	}
	return fmt.Sprintf("%s %s is a firmware that no source names; it is taken to behave like %s (inferred)",
		r.Model.Name, r.Firmware.Version, r.Model.relative(r.Firmware.Version).Version)
}

// generation returns the firmware generation. Versions 1.x and 2.x of the
// second are the first; the numbers of the Linux-based units do not compare.
func (m *Model) generation(version string) int {
	f := m.Family
	if f.Generation == 2 && f != &voiceRouter && rule.CompareVersions(version, "3.0.0", false) < 0 {
		return 1
	}
	return f.Generation
}

// Customizable reports whether the firmware knows remote customization: 5.x and
// later (documented).
func (r *Row) Customizable() bool {
	return r.Generation > 2 || rule.CompareVersions(r.Firmware.Version, "5.0.0", false) >= 0
}

// Brand returns the name that a firmware uses for its maker: Sipura, Linksys or Cisco.
func (r *Row) Brand() Fact {
	for _, b := range brands {
		if !slices.Contains(b.families, r.Model.Family) || rule.CompareVersions(r.Firmware.Version, b.before, false) >= 0 {
			continue
		}
		if b.seen[r.Model.Name] == r.Firmware.Version {
			return field(b.name)
		}
		return inferred(b.name)
	}
	return r.Model.Brand
}

// PN returns the product name, with the hyphen behind SPA that the row's switch
// says. Names that do not begin with SPA have no place for one.
func (r *Row) PN() string {
	bare, ok := strings.CutPrefix(r.Model.PN.Value, "SPA")
	switch bare = strings.TrimPrefix(bare, "-"); {
	case !ok:
		return r.Model.PN.Value
	case r.Behaviour.Hyphen:
		return "SPA-" + bare
	}
	return "SPA" + bare
}

// UserAgent returns what a device sends to HTTP servers.
func (r *Row) UserAgent(mac MAC, serial string) string {
	if r.Model.Family.UA == UAMACSerial {
		serial = mac.Upper() + ")(" + serial
	}
	return r.Brand().Value + "/" + r.PN() + "-" + r.Firmware.Version + " (" + serial + ")"
}

// Older reports whether this is first-generation firmware before a version. The
// numbers of other generations do not compare.
func (r *Row) Older(version string) bool {
	return r.Generation == 1 && rule.CompareVersions(r.Firmware.Version, version, false) < 0
}

// before reports whether the firmware is older than a version. Only those of one
// generation compare.
func (r *Row) before(version string) bool {
	return rule.CompareVersions(r.Firmware.Version, version, false) < 0
}

func (r *Row) is50x() bool { return r.Model.Family == &phone50x }

// Speaks reports whether the firmware has a client for a URL's scheme: https came
// with 2.0.6 (documented).
func (r *Row) Speaks(scheme string) bool {
	return scheme == "tftp" || scheme == "http" || scheme == "https" && !r.Older("2.0.6")
}

// Extras yields the files beside profile and image that a device wants, in the
// order in which it asks. Get returns the value of a parameter.
func (r *Row) Extras(get func(ID) string) iter.Seq[Extra] {
	return func(yield func(Extra) bool) {
		more := true
		for i := range r.extras {
			s := &r.extras[i]
			s.file.urls(s.values(get), &r.Behaviour, func(n namedURL) bool {
				param := s.file.Params[n.param]
				more = yield(Extra{File: s.file, Param: param, URL: n.url, Key: ExtraKey(param, n.from)})
				return more
			})
			if !more {
				return
			}
		}
	}
}

// Lookup returns the parameter of that name, false where the firmware lacks it.
func (r *Row) Lookup(name string) (*Param, bool) {
	p, ok := r.Factory.Lookup(name)
	return p, ok && r.Has(p)
}

// Names looks up one name after the other, as [Row.Lookup] does. It is fastest for
// names in the order of the source, which most files have.
type Names struct {
	row  *Row
	next int // in the factory's list: what comes after the last one found
}

// Names returns a search through the row's parameters.
func (r *Row) Names() Names { return Names{row: r} }

// Lookup returns the parameter of that name, false where the firmware lacks it.
func (n *Names) Lookup(name string) (*Param, bool) {
	f := n.row.Factory
	if n.next < len(f.Params) && f.Params[n.next].Name == name {
		n.next++
		p := &f.Params[n.next-1]
		return p, n.row.Has(p)
	}
	p, ok := f.Lookup(name)
	if !ok {
		return nil, false
	}
	n.next = int(f.byID[p.ID]) + 1
	return p, n.row.Has(p)
}

// lacking returns which arrivals the row's firmware is before, and which it is behind.
func (r *Row) lacking() (lacks [len(arrivals)]bool) {
	before := func(version string) bool { return rule.CompareVersions(r.Firmware.Version, version, false) < 0 }
	for i, a := range arrivals {
		lacks[i] = a.generation == r.Generation && (a.since != "" && before(a.since) || a.until != "" && !before(a.until))
	}
	return lacks
}

// Has reports whether the row's firmware has a parameter of its model.
func (r *Row) Has(p *Param) bool { return !r.lacks[p.arrived] }

// RingTone returns the file that a phone is told to fetch as a ring tone; nil for one that
// takes none.
func (r *Row) RingTone(url string) *Extra {
	file := extraFile("ring_tone", r.Model.Name)
	if file == nil {
		return nil
	}
	return &Extra{File: file, URL: url, Key: ExtraKey("", url)}
}

// XMLService returns the document of an XML application that a phone is told to open; nil
// for one that has none.
func (r *Row) XMLService(url string) *Extra {
	if extraFile("directory", r.Model.Name) == nil {
		return nil
	}
	return &Extra{File: &xmlService, URL: url, Key: ExtraKey("", url)}
}

// TLSProfile returns the name of the row's profile: firmwares of one profile
// have the same HTTPS client.
func (r *Row) TLSProfile() string { return eraNames[eraOf(r)] }

// ParameterNames returns the names of the firmware's parameters, in the order of
// the source.
func (r *Row) ParameterNames() []string {
	names := make([]string, 0, len(r.Factory.Params))
	for i := range r.Factory.Params {
		if p := &r.Factory.Params[i]; r.Has(p) {
			names = append(names, p.Name)
		}
	}
	return names
}

// A Setting is a switch with the value it has in a row.
type Setting struct {
	Name     string   `json:"name"`
	Value    string   `json:"value"`
	Choices  string   `json:"choices"`
	Meaning  string   `json:"meaning"`
	Evidence Evidence `json:"evidence"`
	Turned   bool     `json:"turned"` // by the tester
	// WithoutImages is the value that evidence=field gives, where that is another;
	// else empty.
	WithoutImages string `json:"without_images,omitempty"`
}

// Switch returns the setting of a switch of the table.
func (r *Row) Switch(name string) Setting {
	for _, s := range r.Switches {
		if s.Name == name {
			return s
		}
	}
	panic("no switch " + name) // of the source
}

// RestsOn says that this firmware does something, how that is known, and which value
// of a switch changes it.
func (r *Row) RestsOn(name, other, does string) string {
	s := r.Switch(name)
	known := s.Evidence.String()
	if s.Turned {
		known = "set by a switch"
	}
	return fmt.Sprintf("%s %s %s (%s; switch %s=%s changes that)", r.Model.Name, r.Firmware.Version, does, known, name, other)
}

// tolerant are the values by which a switch about a mistake in a file takes more of
// it, where that is not apply_start.
var tolerant = map[string]string{"bare_ampersand": "keep", "cdata": "text", "empty_file": "ignore", "no_flat_profile": "ignore"}

// MistakeRestsOn says what the firmware does about a file with a mistake, that it
// takes a part of it or refuses it, and which switch decides that; "" for a mistake
// that has no switch. Its name is that of [profile.Error] or [profile.File].
func (r *Row) MistakeRestsOn(mistake string, taken bool) string {
	other, ok := tolerant[mistake]
	switch {
	case mistake == "":
		return ""
	case !taken:
		return r.RestsOn(mistake, cmp.Or(other, "apply_start"), "refuses it")
	case ok:
		return r.RestsOn(mistake, other, "takes the rest")
	}
	return r.RestsOn(mistake, "refuse", "does so")
}

// settle reads the switch table for a row and fills its behaviour.
func settle(r *Row, turned map[string]string) ([]Setting, error) {
	settings := make([]Setting, 0, len(switches))
	known := map[string]bool{}
	for _, sw := range switches {
		known[sw.name] = true
		value := sw.value(r)
		if turned["evidence"] == "field" {
			value = value.withoutImages()
		}
		s := Setting{Name: sw.name, Value: value.Value, Choices: sw.choices, Meaning: sw.meaning, Evidence: value.Evidence}
		if former := value.withoutImages().Value; former != value.Value {
			s.WithoutImages = former
		}
		if v, ok := turned[sw.name]; ok {
			s.Value, s.Turned = v, true
		}
		if err := sw.apply(&r.Behaviour, s.Value); err != nil {
			return nil, fmt.Errorf("switch %s: %q is not one of %s", sw.name, s.Value, sw.choices)
		}
		settings = append(settings, s)
	}
	for name := range turned {
		if !known[name] {
			return nil, hint.With(fmt.Errorf("unknown switch %q%s", name, DidYouMean(name, switchNames())), hint.Switches, r.Model.Name)
		}
	}
	return settings, nil
}

func switchNames() []string {
	var names []string
	for _, sw := range switches {
		names = append(names, sw.name)
	}
	return names
}

// ParseAssignments reads texts of the form NAME=VALUE.
func ParseAssignments(texts []string) (map[string]string, error) {
	m := map[string]string{}
	for _, t := range texts {
		name, value, ok := strings.Cut(t, "=")
		if !ok || name == "" {
			return nil, fmt.Errorf("%q is not NAME=VALUE", t)
		}
		m[name] = value
	}
	return m, nil
}

// Reboots returns the strongest class of the changed parameters.
func (r *Row) Reboots(changed []ID) RebootClass {
	class := NoReboot
	for _, id := range changed {
		c := rebootClass(id.Name())
		if c == NoReboot && r.Behaviour.AnyChangeReboots {
			c = WarmReboot
		}
		class = max(class, c)
	}
	return class
}
