// Package rule is the rule language of the firmware and its macros: what
// Profile_Rule, Profile_Rule_B to _D, Upgrade_Rule, Report_Rule,
// Resync_Trigger_1 and _2, the log templates and the arguments of the web
// commands mean to a device.
//
// [Eval] picks the alternative that a device follows. The other entrances are
// [Holds] for a trigger, [Command] for a web command, [Expand] for a log
// template or a request body, [Alternatives] for what a rule could do, and [Read]
// for what its text says by itself. All of them are pure: what a device knows comes in as an [Env],
// what its firmware does differently as a [Dialect].
//
// A rule is a list of alternatives divided by bars, each of them
//
//	(condition)? (assignments)! [options] URL
//
// where every part may be missing. It is read in three steps: the comment goes,
// macros are replaced throughout in one pass, and the outcome is parsed. So a
// macro may hold any part of a rule, or a whole one. (That expansion comes
// first is inferred from providers that keep their rule in GPP_A.)
//
// Time and memory are linear in the length of the expanded text.
package rule

import "strings"

// An Env is what one device knows.
type Env interface {
	// Macro returns the value of $NAME. It returns false for a name that the
	// firmware does not know: the reference then stays as it is written.
	// It is never asked for a secret.
	Macro(name string) (value string, ok bool)
	// Secret returns the value of SA, SB, SC or SD, the parameters GPP_SA to
	// GPP_SD. It is asked only for the value of --key.
	Secret(name string) (value string, ok bool)
}

// A Dialect is what differs by firmware, or is not known for certain. The zero
// value is the documented behaviour of current firmware.
type Dialect struct {
	// NoSubstrings is firmware before 2.0.11, to which $(NAME:p:q) is an unknown
	// name (Provisioning Guide 3.0, p. 69: documented).
	NoSubstrings bool
	// IgnoreSuffix takes 5.2.13(a) and 5.2.13 for the same version. Only the
	// groups are documented; that a suffix counts is inferred.
	IgnoreSuffix bool
	// Dotted is what a dot in front of a suffix means, as in 7.6.2.a. Rules in use have
	// it (field); what a device takes it for is unknown.
	Dotted Dotted
	// CommentInQuotes lets # begin a comment inside quotes too (undocumented;
	// that it does not is inferred).
	CommentInQuotes bool
	// NoEscapes makes a backslash inside quotes an ordinary character. That \"
	// is a quotation mark there is inferred.
	NoEscapes bool
	// OptionalSemicolon forgives a last assignment without its semicolon. Every
	// documented example has one; whether it could be left out is unknown.
	OptionalSemicolon bool
	// AnyCase accepts operators, and, true and option names in capitals. All
	// sources write them small; that capitals are refused is inferred.
	AnyCase bool
	// RefuseOrder makes lt, le, gt and ge between texts, or a text and a number, a
	// mistake of the whole rule. That they only make the condition false is
	// inferred.
	RefuseOrder bool
	// NoNesting refuses parentheses inside a condition. None is documented; that
	// they do no harm is inferred.
	NoNesting bool
	// AnyMacroCase finds $mau as $MAU. All sources write names in capitals; that
	// small letters make an unknown name is inferred.
	AnyMacroCase bool
	// Size is the most bytes of a rule with its macros expanded, where it is not 0:
	// a longer one cannot be read. What [Expand] returns is cut there.
	Size int
}

// Dotted is what a version with a dot in front of its suffix is.
type Dotted uint8

// What 7.6.2.a may be.
const (
	DottedText    Dotted = iota // no version, but text
	DottedSuffix                // 7.6.2a
	DottedIgnored               // 7.6.2
)

// An Assignment sets a parameter before the request is made.
type Assignment struct {
	Name  string // in XML spelling: User_ID_1_; always GPP_E, never the short form e
	Value string // expanded; empty clears the parameter
}

// Options are what stands in brackets before the URL. The zero value is none.
type Options struct {
	// Key is the pass phrase of --key, expanded. HasKey with an empty Key is
	// [--key $A] while GPP_A is empty.
	Key    string
	HasKey bool
	// Post names the GPP, 'a' to 'p', whose expanded content is the request
	// body; Alias the one that holds a name map. 0: option absent.
	Post, Alias byte
	// UID and PWD are the credentials for HTTP (firmware 6.1 and later: field).
	UID, PWD string
	// Delta and Status belong to Report_Rule: report only changes (documented),
	// report the status page instead of the parameters (firmware strings).
	Delta, Status bool
	// Content is the value of --content, whose meaning is undocumented.
	Content string
}

// A URL says where to fetch from or report to. In each zero field the device's
// default applies: TFTP, the server from DHCP, the scheme's port and, for a web
// command only, the command's own path.
type URL struct {
	Scheme string // tftp, http or https, in small letters
	Host   string // a name or an IPv4 address, as written
	Port   uint16
	Path   string // begins with a slash and includes the query
}

// A Decision is what a device does about a rule.
type Decision struct {
	// Alternative counts from 1. 0: none held, because the rule is empty or only
	// a comment, or because no condition was true. That is a success.
	Alternative int
	// Why is a line for a person: which condition held, with which values.
	Why string
	// Assignments come in the order of the rule, a repeated name repeatedly.
	Assignments []Assignment
	Options     Options
	URL         URL
	HasURL      bool // false: nothing to fetch, which is a success too
	// Conditional says that the alternative has a condition, and not just the word
	// true, which the firmware itself puts before the URL of a web command.
	Conditional bool
	// Only says that the rule has no other alternative.
	Only bool
}

// Skipped reports whether no alternative held.
func (d Decision) Skipped() bool { return d.Alternative == 0 }

// Strong reports whether a device that takes this alternative asks for protection: by
// a key that is not empty, or by https.
func (d Decision) Strong() bool {
	return d.HasURL && (d.Options.Key != "" || d.URL.Scheme == "https")
}

// Eval returns what a device does about the rule text: the first alternative
// that has no condition or a true one (documented). Those after it are not
// looked at, so mistakes in them go unnoticed. Comparing what cannot be compared
// makes a condition false; anything malformed is a *[SyntaxError].
func Eval(text string, env Env, d Dialect) (Decision, error) { return EvalAfter(text, env, d, 0) }

// EvalAfter is Eval without the first alternatives, as many as after says: what a
// device that falls through does when it has failed on one.
func EvalAfter(text string, env Env, d Dialect, after int) (Decision, error) {
	return eval(newParser(text, env, d), after)
}

func eval(p *parser, after int) (Decision, error) {
	if err := tooLong(p); err != nil {
		return Decision{}, err
	}
	if p.blank() {
		return Decision{Why: "the rule is empty"}, nil
	}
	var refused []clause
	for n := 1; ; n++ {
		a, err := p.alternative()
		if err != nil {
			return Decision{}, err
		}
		if a.clause.holds && n > after {
			a.Alternative, a.Why, a.Conditional = n, chosen(p, n, a.clause), a.clause.compares
			a.Only = n == 1 && p.pos == len(p.text)
			return a.Decision, nil
		}
		refused = append(refused, a.clause)
		if !p.take('|') {
			return Decision{Why: skipped(p, refused)}, nil
		}
	}
}

// Alternatives returns every alternative of the rule text as Eval would if its
// turn came, without judging conditions: Why is empty. A blank rule has none.
// One malformed alternative fails them all, with a *[SyntaxError].
func Alternatives(text string, env Env, d Dialect) ([]Decision, error) {
	return alternatives(newParser(text, env, d))
}

func alternatives(p *parser) ([]Decision, error) {
	if err := tooLong(p); err != nil {
		return nil, err
	}
	if p.blank() {
		return nil, nil
	}
	all := make([]Decision, 0, min(1+strings.Count(p.text, "|"), 4))
	for {
		a, err := p.alternative()
		if err != nil {
			return nil, err
		}
		a.Alternative, a.Conditional = len(all)+1, a.clause.compares
		all = append(all, a.Decision)
		if !p.take('|') {
			all[0].Only = len(all) == 1
			return all, nil
		}
	}
}

// Command returns what the argument of /admin/resync? or /admin/upgrade? asks
// for: options and one URL of which every part may be missing, so that a lone
// word is a host. The argument is percent-decoded already; macros in it are
// expanded (field). An argument that is blank gives the zero Decision: the
// device uses its own rule. Errors are *[SyntaxError].
func Command(arg string, env Env, d Dialect) (Decision, error) {
	return command(newParser(arg, env, d))
}

func command(p *parser) (Decision, error) {
	if err := tooLong(p); err != nil {
		return Decision{}, err
	}
	if p.blank() {
		return Decision{}, nil
	}
	decision := Decision{Alternative: 1, Why: "asked for by a web command"}
	if err := p.target(&decision, anyPart); err != nil {
		return Decision{}, err
	}
	if p.pos < len(p.text) {
		return Decision{}, p.fail(p.pos, "a web command has no alternatives", "give one URL, without |")
	}
	return decision, nil
}

// Holds reports whether the condition of a Resync_Trigger is true. A trigger is
// written without the parentheses and the question mark that a rule needs, but
// parentheses do no harm. A blank one never holds. Errors are *[SyntaxError].
func Holds(text string, env Env, d Dialect) (bool, error) {
	return trigger(newParser(text, env, d))
}

func trigger(p *parser) (bool, error) {
	if err := tooLong(p); err != nil {
		return false, err
	}
	if p.blank() {
		return false, nil
	}
	c, err := p.conjunction(0)
	return c.holds && err == nil, err
}
