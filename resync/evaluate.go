package resync

import (
	"errors"
	"strings"

	"spafleet/device"
	"spafleet/device/rule"
)

// An Evaluation is what a device makes of a rule: what it would ask for, without
// asking.
type Evaluation struct {
	Decision rule.Decision
	Method   string // GET or POST; "" where nothing is asked for
	Scheme   string
	Host     string
	Port     uint16
	Path     string
	Body     string // of POST
	Err      string // what the device would log as $ERR, "" for none
	Syntax   *rule.SyntaxError
}

// Evaluate evaluates a profile rule for a device at a moment, with every default
// of its URL filled in. It opens no socket and changes nothing.
func Evaluate(in Input, situation device.Situation, text string) Evaluation {
	a := &attempt{in: &in, p: in.Params, situation: situation}
	d, err := rule.Eval(text, a.env(), in.Unit.Row.Dialect())
	e := Evaluation{Decision: d}
	if err != nil {
		e.Err = a.unreadable(err).err
		errors.As(err, &e.Syntax)
		return e
	}
	if !d.HasURL {
		return e
	}
	t, f := a.locate(line{}, d)
	if f != nil {
		e.Err = f.err
		return e
	}
	if !a.mayAsk(t.host) {
		e.Err = errRestricted
		return e
	}
	e.Method, e.Scheme, e.Host, e.Port, e.Path = "GET", t.scheme, t.host, t.port, t.path
	if body, ok := a.postBody(&t); ok {
		e.Method, e.Body = "POST", body
	}
	return e
}

// postBody returns what --post sends: its content. By TFTP
// the option means nothing (documented).
func (a *attempt) postBody(t *target) (string, bool) {
	letter := t.options.Post
	if letter == 0 || t.scheme == "tftp" || t.plainGet {
		return "", false
	}
	return a.content(letter), true
}

// content returns what --post or --alias names: a general purpose parameter,
// expanded (documented). No letter is no content.
func (a *attempt) content(letter byte) string {
	if letter == 0 {
		return ""
	}
	text, _ := a.p.Lookup("GPP_" + strings.ToUpper(string(rune(letter))))
	return rule.Expand(text, a.env(), a.in.Unit.Row.Dialect())
}
