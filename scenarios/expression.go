package scenarios

import (
	"errors"
	"fmt"
	"reflect"
	"slices"
	"strings"
	"time"

	"github.com/expr-lang/expr"
	"github.com/expr-lang/expr/ast"
	"github.com/expr-lang/expr/conf"
	"github.com/expr-lang/expr/file"
	"github.com/expr-lang/expr/parser"
	"github.com/expr-lang/expr/vm"

	"spafleet/device"
	"spafleet/device/measure"
	"spafleet/device/model"
	"spafleet/fsm"
)

// world is what an expression can ask about one device.
type world struct {
	Index    int                 `expr:"index"`
	Group    string              `expr:"group"`
	Model    string              `expr:"model"`
	Family   string              `expr:"family"`
	PN       string              `expr:"pn"`
	Firmware string              `expr:"firmware"`
	MAC      string              `expr:"mac"`
	Serial   string              `expr:"serial"`
	Address  string              `expr:"address"`
	State    string              `expr:"state"`
	Powered  bool                `expr:"powered"`
	Synced   bool                `expr:"synced"`
	OffHook  bool                `expr:"off_hook"`
	Reboots  int                 `expr:"reboots"`
	Err      string              `expr:"err"`
	Resyncs  pair                `expr:"resyncs"`
	Upgrades pair                `expr:"upgrades"`
	Fetches  pair                `expr:"fetches"`
	Elapsed  time.Duration       `expr:"elapsed"`
	Param    func(string) string `expr:"param"`
	Events   func(string) int    `expr:"events"`
	Last     func(string) happen `expr:"last"`
	Since    func(string) bool   `expr:"since"`
	Before   func(string) bool   `expr:"before"`
	Secret   func(string) string `expr:"secret"`
}

type pair struct {
	OK     int `expr:"ok"`
	Failed int `expr:"failed"`
}

// witness is a world at one event, for always and never.
type witness struct {
	world
	Event happen `expr:"event"`
}

// speaker is a world at one request, for {{ }} in what the server sends.
type speaker struct {
	world
	Key        string `expr:"key"`
	Dir        string `expr:"dir"`
	NextKey    string `expr:"next_key"`
	NextDir    string `expr:"next_dir"`
	Generation int    `expr:"generation"`
}

// happen is an event as expressions see it.
type happen struct {
	Kind       string        `expr:"kind"`
	At         time.Duration `expr:"at"` // since the story began
	Took       time.Duration `expr:"took"`
	Cause      string        `expr:"cause"`
	Via        string        `expr:"via"`
	Rule       string        `expr:"rule"`
	What       string        `expr:"what"`
	Scheme     string        `expr:"scheme"`
	Host       string        `expr:"host"`
	Port       int           `expr:"port"`
	Path       string        `expr:"path"`
	Status     int           `expr:"status"`
	Bytes      int           `expr:"bytes"`
	Err        string        `expr:"err"`
	Result     string        `expr:"result"`
	TLSError   int           `expr:"tls_error"` // OpenSSL's number
	Alert      int           `expr:"alert"`
	Protection []string      `expr:"protection"`
	Changed    int           `expr:"changed"`
	State      string        `expr:"state"`
	Text       string        `expr:"text"`
}

// happened reads an event. Start is when the story began.
func happened(e *device.Event, start int64) happen {
	h := happen{
		Kind: e.Name(), At: time.Duration(e.At - start), Took: time.Duration(e.Took), Cause: e.Cause.String(), Via: e.Via.String(),
		Err: e.Err, Result: e.Result.String(), Changed: e.Count, State: e.State.String(), Text: e.Text,
	}
	if f := e.File; f != nil {
		h.Rule, h.What, h.Scheme, h.Host, h.Path = string(rune(f.Rule)), f.What, f.Scheme, f.Host, f.Path
		h.Port, h.Status, h.Bytes, h.Protection = int(f.Server.Port()), f.Status, f.Bytes, f.Protection.Names()
		h.TLSError, h.Alert = f.TLSError, int(f.Alert)
		if f.Rule == 'u' {
			h.Rule = "url"
		}
	}
	return h
}

// mostNodes bounds an expression.
const mostNodes = 200

// A language is what an expression may say.
type language struct {
	env    any // world, witness or speaker
	asBool bool
	kinds  map[string]bool // gets the event kinds that are named
	groups []string        // nil: not checked
}

// lasting replaces expr's own duration, which knows no days and weeks.
var lasting = expr.Function("duration", func(args ...any) (any, error) { return measure.Duration(args[0].(string)) }, new(func(string) time.Duration))

// compile checks and compiles an expression.
func compile(code string, l language) (*vm.Program, error) {
	options := []expr.Option{expr.Env(l.env), expr.DisableBuiltin("now"), lasting, expr.MaxNodes(mostNodes)}
	if l.asBool {
		options = append(options, expr.AsBool())
	}
	config := conf.CreateNew()
	for _, o := range options {
		o(config)
	}
	tree, err := parser.ParseWithConfig(code, config)
	if err != nil {
		return nil, l.explain(err)
	}
	c := words{language: l}
	ast.Walk(&tree.Node, &c)
	if c.err != nil {
		return nil, c.err
	}
	program, err := expr.Compile(code, options...)
	if err != nil {
		return nil, l.explain(err)
	}
	return program, nil
}

// explain says what a compiler's complaint about a name means here.
func (l language) explain(err error) error {
	err = tidy(err)
	word, ok := strings.CutPrefix(err.Error(), "unknown name ")
	_, field, isField := strings.Cut(err.Error(), " has no field ")
	switch {
	case isField:
		return fmt.Errorf("there is no field %q", field)
	case strings.HasSuffix(err.Error(), "exceeds maximum allowed nodes"):
		return fmt.Errorf("the expression is too long: more than %d names, values and operators", mostNodes)
	case !ok:
		return err
	case word == "event":
		return fmt.Errorf("unknown name %q; event is known in always and never only", word)
	}
	return fmt.Errorf("unknown name %q%s", word, model.DidYouMean(word, names(reflect.TypeOf(l.env))))
}

// names returns what an environment calls its fields.
func names(env reflect.Type) []string {
	var list []string
	for _, f := range reflect.VisibleFields(env) {
		if name := f.Tag.Get("expr"); name != "" {
			list = append(list, name)
		}
	}
	return list
}

// tidy keeps the first line of a compiler's message: the excerpt is ours.
func tidy(err error) error {
	var fe *file.Error
	if errors.As(err, &fe) {
		return errors.New(fe.Message)
	}
	line, _, _ := strings.Cut(err.Error(), "\n")
	return errors.New(line)
}

// words checks the words that an expression compares with or hands to functions
// against what exists, so that a misspelled one is not just never true.
type words struct {
	language
	err error
}

func stateNames() []string {
	var names []string
	for _, s := range fsm.States() {
		names = append(names, s.String())
	}
	return names
}

func modelNames() []string {
	var names []string
	for m := range model.All() {
		names = append(names, m.Name)
	}
	return names
}

// Visit implements ast.Visitor.
func (w *words) Visit(n *ast.Node) {
	switch n := (*n).(type) {
	case *ast.BinaryNode:
		if n.Operator == "==" || n.Operator == "!=" {
			w.compared(n.Left, n.Right)
			w.compared(n.Right, n.Left)
		}
	case *ast.CallNode:
		w.called(n)
	}
}

func (w *words) compared(what, with ast.Node) {
	text, ok := with.(*ast.StringNode)
	if !ok {
		return
	}
	switch name(what) {
	case "state", "event.state":
		w.known("state is never", text.Value, stateNames())
	case "model":
		w.known("model is never", text.Value, modelNames())
	case "group":
		if w.groups != nil {
			w.known("group is never", text.Value, w.groups)
		}
	case "event.kind":
		w.known("event.kind is never", text.Value, device.KindNames())
	}
}

func (w *words) called(n *ast.CallNode) {
	if len(n.Arguments) != 1 {
		return
	}
	text, ok := n.Arguments[0].(*ast.StringNode)
	if !ok {
		return
	}
	switch name(n.Callee) {
	case "events", "last":
		if w.known("there is no event", text.Value, device.KindNames()) {
			w.kinds[text.Value] = true
		}
	case "param":
		if _, ok := model.LookupID(text.Value); !ok && w.err == nil {
			w.err = fmt.Errorf("no model has a parameter %q", text.Value)
		}
	case "duration":
		if _, err := measure.Duration(text.Value); err != nil && w.err == nil {
			w.err = err
		}
	}
}

func (w *words) known(say, word string, choices []string) bool {
	if slices.Contains(choices, word) {
		return true
	}
	if w.err == nil {
		w.err = fmt.Errorf("%s %q%s", say, word, model.DidYouMean(word, choices))
	}
	return false
}

// name returns an identifier, or one of its fields.
func name(n ast.Node) string {
	switch n := n.(type) {
	case *ast.IdentifierNode:
		return n.Value
	case *ast.MemberNode:
		if field, ok := n.Property.(*ast.StringNode); ok {
			return name(n.Node) + "." + field.Value
		}
	}
	return ""
}
