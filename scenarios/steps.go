package scenarios

import (
	"slices"
	"strings"
)

// actions are what a step can do. URL says that it takes one, sets that it takes
// parameters.
var actions = []struct {
	name      string
	url, sets bool
}{
	{name: "power_on"}, {name: "power_off"}, {name: "reboot"}, {name: "factory_reset"}, {name: "off_hook"}, {name: "on_hook"},
	{name: "resync", url: true}, {name: "upgrade", url: true}, {name: "set", sets: true}, {name: "rotate_keys"},
}

func (r *reader) step(n *node, path string) Step {
	s := Step{node: n}
	keys := []key{
		{"name", r.text(&s.Name)},
		{"at", r.instant(&s.At)},
		{"when", func(n *node, path string) { c := r.claim(n, path, true); s.When = &c }},
		{"by", r.instant(&s.By)},
	}
	for _, a := range actions {
		keys = append(keys, key{a.name, func(n *node, path string) {
			if s.Action != "" {
				r.mistake(n, path, "a step has one action; this one has %s too", s.Action)
				return
			}
			s.Action = a.name
			r.action(&s, a.url, a.sets, n, path)
		}})
	}
	r.walk(n, path, keys...)
	if s.At.Given && s.When != nil {
		r.mistake(n, path, "a step happens at an instant or when a claim holds, not both")
	}
	if s.When != nil && !s.By.Given {
		r.mistake(n, path, `when this happens is not known: give the step a "by"`)
	}
	return s
}

// action reads ACTION: SELECTOR, or a map with of.
func (r *reader) action(s *Step, url, sets bool, n *node, path string) {
	if n.kind == scalar {
		s.Of = n.text
		return
	}
	keys := []key{{"of", r.text(&s.Of)}}
	if url {
		keys = append(keys, key{"url", r.text(&s.URL)})
	}
	if sets {
		keys = append(keys, key{"values", func(n *node, path string) { s.Set = r.presets(n, path) }})
	}
	r.walk(n, path, keys...)
}

func (r *reader) instant(to *Instant) func(*node, string) {
	return func(n *node, path string) {
		i, err := parseInstant(n.text)
		if err != nil || n.kind != scalar {
			r.mistake(n, path, "%q is not an instant: a duration such as 45s, a step's name, or a step + a duration", n.text)
			return
		}
		*to = i
		to.at = n
	}
}

func parseInstant(text string) (Instant, error) {
	text = strings.TrimSpace(text)
	if text == "end" {
		return Instant{End: true, Given: true}, nil
	}
	if step, plus, ok := strings.Cut(text, "+"); ok {
		d, err := ParseDuration(strings.TrimSpace(plus))
		return Instant{Step: strings.TrimSpace(step), Plus: d, Given: true}, err
	}
	if d, err := ParseDuration(text); err == nil {
		return Instant{Plus: d, Given: true}, nil
	} else if text == "" || text[0] >= '0' && text[0] <= '9' {
		return Instant{}, err
	}
	return Instant{Step: text, Given: true}, nil
}

// quantified are the forms of a claim that count devices.
var quantified = []string{"at_least", "at_most", "exactly"}

// claim reads an expectation, or what a step waits for.
func (r *reader) claim(n *node, path string, when bool) Claim {
	c := Claim{at: n}
	where := ""
	form := func(name string) func(*node, string) {
		return func(n *node, path string) {
			if c.Quant != "" {
				r.mistake(n, path, "a claim has one form; this one has %s too", c.Quant)
			}
			c.Quant, c.Expr, c.at = name, n.text, n
		}
	}
	keys := []key{{"all", form("all")}, {"none", form("none")}, {"of", r.text(&c.Of)}, {"where", func(n *node, path string) {
		where, c.at = n.text, n
	}}}
	for _, q := range quantified {
		keys = append(keys, key{q, func(n *node, path string) {
			var err error
			if c.Limit, err = parseQuantity(n.text); err != nil {
				r.mistake(n, path, "%s", err)
			}
			c.Quant = q
		}})
	}
	if !when {
		keys = append(keys, key{"always", form("always")}, key{"never", form("never")}, key{"name", r.text(&c.Name)},
			key{"by", r.instant(&c.By)}, key{"at", r.instant(&c.At)}, key{"from", r.instant(&c.From)})
	}
	r.walk(n, path, keys...)
	if slices.Contains(quantified, c.Quant) {
		c.Expr = where
		if where == "" {
			r.mistake(n, path, "%s needs where", c.Quant)
		}
	}
	if c.Quant == "" && n.kind == mapping {
		r.mistake(n, path, "a claim needs one of all, none, at_least, at_most, exactly, always, never")
	}
	if c.Name == "" {
		c.Name = strings.TrimSpace(c.Quant + " " + c.Limit.text + " " + strings.TrimSpace(c.Expr))
	}
	return c
}
