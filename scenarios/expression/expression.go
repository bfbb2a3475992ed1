// Package expression is the language of the conditions and templates of a
// scenario: what they may ask about a device, an event and a request, and how
// they are checked and compiled.
package expression

import (
	"fmt"
	"reflect"
	"slices"
	"strings"
	"time"

	"github.com/expr-lang/expr"
	"github.com/expr-lang/expr/ast"
	"github.com/expr-lang/expr/checker"
	"github.com/expr-lang/expr/conf"
	"github.com/expr-lang/expr/file"
	"github.com/expr-lang/expr/parser"
	"github.com/expr-lang/expr/vm"

	"spafleet/device"
	"spafleet/device/measure"
	"spafleet/device/model"
	"spafleet/fsm"
)

// What bounds an expression. The parser nests as deep as the text is long, before
// it counts nodes.
const (
	mostNodes   = 200
	mostLetters = 4000
)

// A Scope says which names an expression may use, and what it returns.
type Scope struct {
	Vars      any             // DeviceVars, EventVars, SeenVars or RequestVars
	Condition bool            // it is true or false
	Kinds     map[string]bool // gets the event kinds that are named
	Names     map[string]bool // gets those of [Costly] that are named; nil: nobody asks
	Groups    []string        // that there are; nil: not checked
	Models    []string        // of the fleet: where a name is wrong, one of them is meant rather
	// Param says what is wrong with the name of a device parameter, "" for nothing. Nil:
	// each that some model has is right.
	Param func(name string) string
}

// lasting replaces expr's own duration, which knows no days and weeks.
var lasting = expr.Function("duration", func(args ...any) (any, error) { return measure.Duration(args[0].(string)) }, new(func(string) time.Duration))

// Compile checks and compiles an expression. The error is a [Mistake].
func Compile(code string, s Scope) (*vm.Program, error) {
	if len(code) > mostLetters {
		return nil, mistake(code, file.Location{}, "the expression is too long: more than %d letters", mostLetters)
	}
	options := []expr.Option{expr.Env(s.Vars), expr.DisableBuiltin("now"), lasting, expr.MaxNodes(mostNodes)}
	if s.Condition {
		options = append(options, expr.AsBool())
	}
	config := conf.CreateNew()
	for _, o := range options {
		o(config)
	}
	for disabled := range config.Disabled {
		delete(config.Builtins, disabled)
	}
	tree, err := parser.ParseWithConfig(code, config)
	if err != nil {
		return nil, explainer{Scope: s, code: code}.explain(err)
	}
	c := words{Scope: s, code: code}
	ast.Walk(&tree.Node, &c)
	if c.err == nil && c.seen() && !c.names {
		c.err = mistake(code, file.Location{}, "it names no kind of event; an operator sees %s", strings.Join(SeenKinds, ", "))
	}
	if c.err != nil {
		return nil, s.unseen(code, c.err)
	}
	if _, err := checker.Check(tree, config); err != nil {
		return nil, explainer{s, code, tree}.explain(err)
	}
	o := order{code: code}
	if ast.Walk(&tree.Node, &o); o.err != nil {
		return nil, o.err
	}
	program, err := expr.Compile(code, options...)
	if err != nil {
		return nil, explainer{Scope: s, code: code}.explain(err)
	}
	return program, nil
}

// seen reports whether an expression is about what an operator sees.
func (s Scope) seen() bool {
	_, is := s.Vars.(SeenVars)
	return is
}

// unseen puts the first name that an operator does not see before another mistake.
func (s Scope) unseen(code string, err *Mistake) *Mistake {
	if !s.seen() {
		return err
	}
	known := names(reflect.TypeOf(SeenVars{}))
	for _, id := range identifierNodes(code) {
		if !slices.Contains(known, id.Value) && slices.Contains(names(reflect.TypeOf(EventVars{})), id.Value) {
			return mistake(code, id.Location(), "%s", notSeen(id.Value))
		}
	}
	return err
}

func notSeen(word string) string {
	return word + " is not what an operator sees; shows may use event, events() and last() of syslog, wire and server_log"
}

// kinds returns the kinds of events that an expression may name.
func (s Scope) kinds() []string {
	if s.seen() {
		return SeenKinds
	}
	return device.KindNames()
}

// names returns what an environment, or a value with several parts, calls its fields.
func names(env reflect.Type) []string {
	var list []string
	if env == nil || env.Kind() != reflect.Struct {
		return nil
	}
	for _, f := range reflect.VisibleFields(env) {
		if name := f.Tag.Get("expr"); name != "" {
			list = append(list, name)
		}
	}
	return list
}

// words checks the words that an expression compares with or hands to functions
// against what exists, so that a misspelled one is not just never true.
type words struct {
	Scope
	code  string
	names bool // a kind of event that an operator sees
	err   *Mistake
}

// wrong notes the first mistake.
func (w *words) wrong(n ast.Node, format string, args ...any) {
	if w.err == nil {
		w.err = mistake(w.code, n.Location(), format, args...)
	}
}

func modelNames() []string {
	var names []string
	for m := range model.All() {
		names = append(names, m.Name)
	}
	return names
}

// Costly are the names whose values a run keeps only where an expression has them.
var Costly = struct{ Params, Uptime, Secrets string }{"params", "uptime", "secrets"}

// kind notes that an expression names a kind of event.
func (w *words) kind(name string) {
	if w.Kinds != nil {
		w.Kinds[name] = true
	}
}

// asks notes that an expression has a name.
func (w *words) asks(name string) {
	if w.Names != nil && slices.Contains([]string{Costly.Params, Costly.Uptime, Costly.Secrets}, name) {
		w.Names[name] = true
	}
}

// Visit implements ast.Visitor.
func (w *words) Visit(n *ast.Node) {
	switch n := (*n).(type) {
	case *ast.IdentifierNode:
		w.asks(n.Value)
	case *ast.MemberNode:
		if field, ok := n.Property.(*ast.StringNode); ok {
			w.asks(field.Value)
		}
	case *ast.BinaryNode:
		switch n.Operator {
		case "==", "!=":
			w.compared(n.Left, n.Right)
			w.compared(n.Right, n.Left)
		case "in":
			w.compared(n.Left, n.Right)
		}
	case *ast.CallNode:
		w.called(n)
	case *ast.StringNode:
		// Events that others see exist only where an expression names them.
		if n.Value == device.Wire.String() || n.Value == device.ServerLog.String() {
			w.kind(n.Value)
		}
		w.names = w.names || slices.Contains(SeenKinds, n.Value)
	}
}

// compared checks a word that something is compared with, or each of a list of them.
func (w *words) compared(what, with ast.Node) {
	if list, ok := with.(*ast.ArrayNode); ok {
		for _, n := range list.Nodes {
			w.compared(what, n)
		}
	}
	text, ok := with.(*ast.StringNode)
	if !ok {
		return
	}
	switch name(what) {
	case "state", "event.state":
		w.known("state is never", text, fsm.StateNames())
	case "model":
		known := modelNames()
		if model.DidYouMean(text.Value, w.Models) != "" && !slices.Contains(known, text.Value) {
			known = w.Models
		}
		w.known("model is never", text, known)
	case "group":
		if w.Groups != nil {
			w.known("group is never", text, w.Groups)
		}
	case "event.kind":
		w.known("event.kind is never", text, w.kinds())
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
		if w.known("there is no event", text, w.kinds()) {
			w.kind(text.Value)
		}
	case "param":
		if wrong := w.param(text.Value); wrong != "" {
			w.wrong(text, "%s", wrong)
		}
	case "duration":
		if _, err := measure.Duration(text.Value); err != nil {
			w.wrong(text, "%s", err)
		}
	}
}

// param says what is wrong with the name of a device parameter.
func (w *words) param(name string) string {
	_, ok := model.LookupID(name)
	switch {
	case w.Param != nil:
		return w.Param(name)
	case !ok:
		return fmt.Sprintf("no model has a parameter %q", name)
	}
	return ""
}

func (w *words) known(say string, word *ast.StringNode, choices []string) bool {
	if slices.Contains(choices, word.Value) {
		return true
	}
	w.wrong(word, "%s %q%s", say, word.Value, model.DidYouMean(word.Value, choices))
	return false
}

// order refuses texts that are put in an order which letters do not give.
type order struct {
	code string
	err  *Mistake
}

// Visit implements ast.Visitor.
func (o *order) Visit(n *ast.Node) {
	b, ok := (*n).(*ast.BinaryNode)
	if !ok || o.err != nil || !slices.Contains([]string{"<", "<=", ">", ">="}, b.Operator) {
		return
	}
	for _, side := range []ast.Node{b.Left, b.Right} {
		switch name(side) {
		case "firmware", "event.from", "event.to":
			o.err = mistake(o.code, span(o.code, b), `versions are not in the order of their letters; write since("7.5.2b") or before("7.6.2")`)
		case "state", "event.state":
			o.err = mistake(o.code, span(o.code, b), `states are not in the order of their letters; write state in ["SEC-PRV-1", "SEC-PRV-2"]`)
		}
	}
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

// Holds reports whether a condition holds. One that fails while it runs does not.
func Holds(p *vm.Program, vars any) bool {
	v, err := expr.Run(p, vars)
	return err == nil && v == any(true)
}

// fixedNames are the names whose values no run changes, and that follow from the
// device's identity.
var fixedNames = []string{"index", "group", "model", "family", "mac", "serial", "address", "secret", "duration"}

// Varies returns the first name in a condition whose value a run may change, ""
// where there is none.
func Varies(code string) string {
	for _, name := range identifiers(code) {
		if !slices.Contains(fixedNames, name) {
			return name
		}
	}
	return ""
}

// TellsApart reports whether a condition may differ between devices of one group,
// model and firmware that nothing has happened to yet.
func TellsApart(code string) bool {
	return slices.ContainsFunc(identifiers(code), func(name string) bool {
		return slices.Contains([]string{"index", "mac", "serial", "address", "secret"}, name)
	})
}

// identifiers returns the names in a condition, in their order.
func identifiers(code string) []string {
	var list []string
	for _, n := range identifierNodes(code) {
		list = append(list, n.Value)
	}
	return list
}

func identifierNodes(code string) []*ast.IdentifierNode {
	v := &namesIn{}
	walk(code, v)
	return v.list
}

// walk visits the parts of a condition. One that is too long or cannot be read has
// none: its compiler says so.
func walk(code string, v ast.Visitor) {
	if len(code) > mostLetters {
		return
	}
	if tree, err := parser.Parse(code); err == nil {
		ast.Walk(&tree.Node, v)
	}
}

// AsksTime reports whether a condition asks when something was, or how long it
// took.
func AsksTime(code string) bool {
	v := &timed{}
	walk(code, v)
	return v.found
}

type timed struct{ found bool }

// Visit implements ast.Visitor.
func (v *timed) Visit(n *ast.Node) {
	switch n := (*n).(type) {
	case *ast.IdentifierNode:
		v.found = v.found || slices.Contains([]string{"elapsed", "uptime", "next_resync"}, n.Value)
	case *ast.MemberNode:
		field, ok := n.Property.(*ast.StringNode)
		v.found = v.found || ok && (field.Value == "at" || field.Value == "took")
	}
}

type namesIn struct{ list []*ast.IdentifierNode }

// Visit implements ast.Visitor.
func (v *namesIn) Visit(n *ast.Node) {
	switch node := (*n).(type) {
	case *ast.IdentifierNode:
		v.list = append(v.list, node)
	case *ast.BuiltinNode:
		if node.Name == "last" { // of the language's own functions that one is hidden by the device's
			id := &ast.IdentifierNode{Value: node.Name}
			id.SetLocation(node.Location())
			v.list = append(v.list, id)
		}
	}
}
