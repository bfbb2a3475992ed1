package resync

import (
	"errors"

	"spafleet/device"
	"spafleet/device/rule"
)

// An Evaluation is what a device would do about a rule.
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
	s := scope{in: &in, params: in.Params, situation: situation}
	d, err := s.eval(text)
	e := Evaluation{Decision: d}
	if err != nil {
		e.Err = s.malformed(err).err
		errors.As(err, &e.Syntax)
		return e
	}
	if !d.HasURL {
		return e
	}
	t, f := s.locate(line{letter: 'A'}, d)
	if f != nil {
		e.Err = f.err
		return e
	}
	if !s.mayAsk(t.host) {
		e.Err = errRestricted
		return e
	}
	e.Method, e.Scheme, e.Host, e.Port, e.Path = "GET", t.scheme, t.host, t.port, t.path
	if body, ok := s.postBody(&t); ok {
		e.Method, e.Body = "POST", body
	}
	return e
}
