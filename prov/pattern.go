package prov

import (
	"strings"

	"spafleet/resync/path"
)

// A pattern is a served path, read backwards: it says what devices put in the
// place of its macros and expressions.
type pattern struct{ *path.Pattern }

// parsePattern reads a served path.
func parsePattern(text string) (*pattern, error) {
	p, err := path.Parse(text, path.Expressions)
	if err != nil {
		return nil, err
	}
	return &pattern{p}, nil
}

// expressions reports whether the pattern holds {{ }}.
func (p *pattern) expressions() bool {
	for _, s := range p.Slots {
		if s.Expr != "" {
			return true
		}
	}
	return false
}

// namesMAC reports whether a path that matches says the device's MAC address.
func (p *pattern) namesMAC() bool {
	for _, s := range p.Slots {
		if strings.HasPrefix(s.Macro, "MA") {
			return true
		}
	}
	return false
}

// A target is a requested path, taken apart.
type target struct {
	path, query string
	asks        bool // there is a query, maybe an empty one
}

func parseTarget(text string) target {
	path, query, asks := strings.Cut(text, "?")
	return target{path, query, asks}
}

// whole returns the path with its query.
func (t target) whole() string {
	if !t.asks {
		return t.path
	}
	return t.path + "?" + t.query
}

// A reading is what a path says when it is read backwards. What it does not say
// is empty.
type reading struct {
	mac, serial, pn, psn string
	exprs                []answered
}

// An answered expression is one with the text that stands in its place.
type answered struct{ expr, value string }

// read reads a requested path by the pattern; false if it does not match.
func (p *pattern) read(t target) (reading, bool) {
	subject := t.path
	if p.Query {
		if !t.asks {
			return reading{}, false
		}
		subject = t.whole()
	}
	values, ok := p.Match(subject)
	if !ok {
		return reading{}, false
	}
	var r reading
	for i, s := range p.Slots {
		if !r.take(s, values[i]) {
			return reading{}, false
		}
	}
	return r, true
}

// take notes what a slot stands for. It returns false where the path
// contradicts itself, such as two MAC addresses.
func (r *reading) take(s path.Slot, value string) bool {
	field := &r.mac
	switch s.Macro {
	case "":
		r.exprs = append(r.exprs, answered{s.Expr, value})
		return true
	case "SN":
		field = &r.serial
	case "PN":
		field = &r.pn
	case "PSN":
		field = &r.psn
	default:
		value = plainMAC(value)
	}
	if *field != "" && *field != value {
		return false
	}
	*field = value
	return true
}

// plainMAC returns a MAC address as 12 lower-case digits.
func plainMAC(mac string) string {
	return strings.ToLower(strings.ReplaceAll(mac, ":", ""))
}
