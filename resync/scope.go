package resync

import (
	"errors"
	"strings"

	"spafleet/device"
	"spafleet/device/rule"
)

// A scope is what a device's rules are evaluated with: who the device is, its
// parameters and its situation at the moment. It opens no socket and changes nothing.
type scope struct {
	in        *Input
	params    device.Params
	situation device.Situation
}

func (s *scope) vars() device.Env {
	return device.Env{Unit: &s.in.Unit, Params: s.params, Situation: &s.situation}
}

func (s *scope) lookup(name string) string {
	text, _ := s.params.Lookup(name)
	return text
}

// eval returns what the device does about a rule.
func (s *scope) eval(text string) (rule.Decision, error) {
	return rule.Eval(text, s.vars(), s.in.Unit.Row.Dialect())
}

// command returns what a URL asks for that is not a rule.
func (s *scope) command(text string) (rule.Decision, error) {
	return rule.Command(text, s.vars(), s.in.Unit.Row.Dialect())
}

func (s *scope) expand(text string) string {
	return rule.Expand(text, s.vars(), s.in.Unit.Row.Dialect())
}

// malformed is the failure of a rule that cannot be read.
func (s *scope) malformed(err error) *failure {
	var syntax *rule.SyntaxError
	if errors.As(err, &syntax) && syntax.Scheme != "" {
		return unsupported(syntax.Scheme)
	}
	return &failure{s.in.Unit.Row.Behaviour.Errs.BadRule, device.BadRule}
}

func unsupported(scheme string) *failure {
	return &failure{scheme + " scheme not supported", device.BadScheme}
}

// byURL reports whether a command gave a URL. A blank one is none.
func (s *scope) byURL() bool {
	c := s.in.Command
	return c != nil && strings.TrimSpace(c.Argument) != ""
}

// A target is one file to ask for, with every default filled in.
type target struct {
	letter   byte
	scheme   string
	host     string
	port     uint16
	path     string
	options  rule.Options
	method   string // "" is GET, or POST where the options have --post
	body     []byte
	strong   bool   // asked for by a strong rule
	plainGet bool   // a redirect turned the POST into a GET
	others   string // whether the lease has it looked for elsewhere too, see [scope.paths]
}

var defaultPorts = map[string]uint16{"tftp": 69, "http": 80, "https": 443}

// locate fills in what a rule's URL leaves open (provisioning.md §3.6:
// documented): TFTP, the lease's server, the scheme's port. For a URL command
// the server is who sent it, if it came over the network, and the path that
// of the first rule.
func (s *scope) locate(l line, d rule.Decision) (target, *failure) {
	t := target{letter: l.letter, scheme: d.URL.Scheme, host: d.URL.Host, port: d.URL.Port, path: d.URL.Path, options: d.Options}
	if t.path == "" {
		t.path = s.ownPath()
	}
	if t.host == "" && l.command && s.in.Command.Requester.IsValid() {
		t.host = s.in.Command.Requester.String()
	}
	if t.host == "" {
		if f := s.fromLease(&t); f != nil {
			return t, f
		}
	}
	if t.scheme == "" {
		t.scheme = "tftp"
	}
	if t.port == 0 {
		t.port = defaultPorts[t.scheme]
	}
	if !s.in.Unit.Row.Speaks(t.scheme) {
		return t, unsupported(t.scheme)
	}
	return t, nil
}

// ownPath is the path of the device's own first rule.
func (s *scope) ownPath() string {
	d, err := s.eval(s.lookup("Profile_Rule"))
	if err != nil || d.URL.Path == "" {
		return "/spa.cfg"
	}
	return d.URL.Path
}

// postBody returns what --post sends: its content. By TFTP
// the option means nothing (documented).
func (s *scope) postBody(t *target) (string, bool) {
	letter := t.options.Post
	if letter == 0 || t.scheme == "tftp" || t.plainGet {
		return "", false
	}
	return s.content(letter), true
}

// content returns what --post or --alias names: a general purpose parameter,
// expanded (documented). No letter is no content.
func (s *scope) content(letter byte) string {
	if letter == 0 {
		return ""
	}
	return s.expand(s.lookup("GPP_" + strings.ToUpper(string(rune(letter)))))
}

// mayAsk reports whether Restricted_Access_Domains lets the device ask a host.
func (s *scope) mayAsk(host string) bool {
	return s.params.MayAsk(host, s.in.Unit.Row.Behaviour.ExactDomains)
}
