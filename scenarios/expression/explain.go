package expression

import (
	"cmp"
	"errors"
	"fmt"
	"maps"
	"reflect"
	"regexp"
	"slices"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/expr-lang/expr/ast"
	"github.com/expr-lang/expr/builtin"
	"github.com/expr-lang/expr/file"
	"github.com/expr-lang/expr/parser"

	"spafleet/device/model"
)

// An explainer says in plain words what a compiler complains about. What it does not
// know it says in general words: no message names a type of Go.
type explainer struct {
	Scope
	code string
	tree *parser.Tree // nil: it could not be read
}

// usages say what functions take, by their names.
var usages = map[string]string{
	"param": `one text, such as param("User_ID_1_")`, "events": `the name of one kind of event, such as events("resync_failed")`,
	"last": `the name of one kind of event, such as last("resync_failed")`, "since": `one version, such as since("7.5.2b")`,
	"before": `one version, such as before("7.6.2")`, "secret": `one word, such as secret("pin")`, "duration": `one text, such as duration("45s")`,
}

// complaints are the beginnings of what the compiler says, and what explains them. The
// first that fits counts.
var complaints = []struct {
	begins string
	tell   func(explainer, *file.Error) *Mistake
}{
	{"unknown name ", explainer.unknown},
	{"type ", explainer.part},
	{"unknown field ", explainer.part},
	{"cannot use pointer accessor", says("# is an element of a list, and known only in all(), any(), filter() and the like")},
	{"cannot use ", explainer.argument},
	{"invalid argument for ", explainer.argument},
	{"builtin ", explainer.argument},
	{"sortBy ", says("sortBy orders by asc or desc")},
	{"array elements can only", says("an element of a list is asked for by its number")},
	{"non-integer slice index", says("a part of a list or text is asked for by numbers")},
	{"cannot slice", says("only a list or a text has parts")},
	{"invalid operation", explainer.operation},
	{"not enough arguments", explainer.arguments},
	{"too many arguments", explainer.arguments},
	{"invalid number of arguments", explainer.arguments},
	{"predicate should return boolean", says("what is asked of each element is true or false, and this is neither")},
	{"non-bool expression", says("what stands before ? is true or false, and this is neither")},
	{"error parsing regexp", explainer.pattern},
	{"unexpected token EOF", explainer.early},
	{"unexpected end of expression", explainer.early},
	{`unexpected token Operator("=")`, says("= is no comparison; write ==")},
	{`unexpected token Operator("&")`, says("& is no operator; write &&")},
	{`unexpected token Operator("#")`, says("# is an element of a list, and known only in all(), any(), filter() and the like")},
	{"unexpected token ", explainer.misplaced},
	{"literal not terminated", says("the quotation mark that ends the text is missing")},
	{"unclosed comment", says("the comment has no end")},
	{"invalid char escape", says(`\ stands for itself as \\`)},
	{"unable to unescape", says(`\ stands for itself as \\`)},
	{"unrecognized character", says("this character has no meaning here")},
	{"bad number syntax", says("this is no number")},
	{"invalid hex literal", says("this is no number")},
	{"invalid binary literal", says("this is no number")},
	{"invalid octal literal", says("this is no number")},
	{"invalid integer literal", explainer.tooLarge},
	{"invalid float literal", explainer.tooLarge},
	{"integer literal is too large", says("this number is too large")},
	{"float literal is too large", says("this number is too large")},
	{"a map key must be", says("the key of a map is a name, or a text in quotes")},
	{"wrap predicate", says("what is asked of each element stands in { }")},
	{"cannot redeclare", says("this name has a meaning already; take another")},
}

func says(text string) func(explainer, *file.Error) *Mistake {
	return func(x explainer, e *file.Error) *Mistake {
		if n, ok := find[ast.Node](x, e.Location); ok {
			return x.about(n, "%s", text)
		}
		return x.at(e.Location, "%s", text)
	}
}

func (x explainer) at(place file.Location, format string, args ...any) *Mistake {
	return mistake(x.code, place, format, args...)
}

func (x explainer) about(n ast.Node, format string, args ...any) *Mistake {
	return x.at(span(x.code, n), format, args...)
}

// explain returns what a compiler's complaint means here.
func (x explainer) explain(err error) *Mistake {
	var fe *file.Error
	switch {
	case strings.Contains(err.Error(), "exceeds maximum allowed nodes"):
		return x.at(file.Location{}, "the expression is too long: more than %d names, values and operators", mostNodes)
	case strings.HasPrefix(err.Error(), "expected bool"):
		return x.notCondition()
	case !errors.As(err, &fe):
		return x.at(file.Location{}, "this cannot be evaluated here")
	}
	if strings.HasSuffix(fe.Message, " is not callable") {
		return x.uncallable(fe)
	}
	for _, c := range complaints {
		if strings.HasPrefix(fe.Message, c.begins) {
			return c.tell(x, fe)
		}
	}
	return x.at(fe.Location, "this cannot be evaluated here")
}

// notCondition is an expression that is neither true nor false.
func (x explainer) notCondition() *Mistake {
	if x.tree == nil {
		return x.at(file.Location{}, "this is neither true nor false")
	}
	if m := x.composite(x.tree.Node, nil); m != nil {
		return m
	}
	return x.at(file.Location{}, "this is %s, and neither true nor false; compare it with something", plainType(x.tree.Node.Type()))
}

// unknown explains a name that there is not.
func (x explainer) unknown(e *file.Error) *Mistake {
	word := strings.TrimPrefix(e.Message, "unknown name ")
	known := names(reflect.TypeOf(x.Vars))
	call, isCall := find[*ast.CallNode](x, e.Location)
	switch {
	case x.seen() && slices.Contains(names(reflect.TypeOf(EventVars{})), word):
		return x.at(e.Location, "%s", notSeen(word))
	case word == "event":
		return x.at(e.Location, "unknown name %q; event is known in always and never only", word)
	case word == "now":
		return x.at(e.Location, "there is no now: elapsed is the time since the start, uptime that since the device's boot")
	case strings.ToLower(word) != word:
		return x.at(e.Location, "unknown name %q; a text stands in quotes", word)
	case isCall && name(call.Callee) == word:
		known = slices.Concat(slices.Collect(maps.Keys(usages)), builtin.Names)
		return x.at(e.Location, "unknown function %q%s", word, model.DidYouMean(word, known))
	}
	return x.at(e.Location, "unknown name %q%s", word, cmp.Or(model.DidYouMean(word, known), "; a text stands in quotes"))
}

// uncallable explains parentheses behind what is no function.
func (x explainer) uncallable(e *file.Error) *Mistake {
	if call, ok := find[*ast.CallNode](x, e.Location); ok && name(call.Callee) != "$env" {
		return x.about(call.Callee, "%s is %s, not a function; leave the ( ) out", textOf(x.code, call.Callee), plainType(call.Callee.Type()))
	}
	return x.at(e.Location, "this is no function")
}

// early is an expression that ends before all is said: no part of it is wrong.
func (x explainer) early(*file.Error) *Mistake {
	return x.at(file.Location{}, "the expression ends too early")
}

// tooLarge explains a number without an end: the compiler names it, and has gone on.
func (x explainer) tooLarge(e *file.Error) *Mistake {
	place := e.Location
	if m := unparsed.FindStringSubmatch(e.Message); m != nil {
		if before, _, ok := strings.Cut(x.code, m[1]); ok {
			place.From = utf8.RuneCountInString(before)
			place.To = place.From + utf8.RuneCountInString(m[1])
		}
	}
	return x.at(place, "this number is too large")
}

// part explains what a value has not.
func (x explainer) part(e *file.Error) *Mistake {
	member, ok := find[*ast.MemberNode](x, e.Location)
	if !ok {
		return x.at(e.Location, "there is no such part")
	}
	fields := names(member.Node.Type())
	word, named := member.Property.(*ast.StringNode)
	switch {
	case len(fields) == 0:
		return x.about(member, "%s is %s, and has no parts", textOf(x.code, member.Node), plainType(member.Node.Type()))
	case !named:
		return x.about(member, "a part of %s is asked for by its name, such as %s.%s", textOf(x.code, member.Node), textOf(x.code, member.Node), fields[0])
	}
	return x.about(word, "%s has no %q%s", textOf(x.code, member.Node), word.Value, cmp.Or(model.DidYouMean(word.Value, fields), "; it has "+strings.Join(fields, ", ")))
}

// operation explains an operator whose values do not go together.
func (x explainer) operation(e *file.Error) *Mistake {
	if unary, ok := find[*ast.UnaryNode](x, e.Location); ok {
		if m := x.composite(unary.Node, nil); m != nil {
			return m
		}
		return x.about(unary, "%s does not go with %s", unary.Operator, plainType(unary.Node.Type()))
	}
	b, ok := find[*ast.BinaryNode](x, e.Location)
	if !ok {
		return x.at(e.Location, "this does not go together")
	}
	for _, sides := range [][2]ast.Node{{b.Left, b.Right}, {b.Right, b.Left}} {
		if m := x.operand(b, sides[0], sides[1]); m != nil {
			return m
		}
	}
	left, right := plainType(b.Left.Type()), plainType(b.Right.Type())
	if left == right {
		return x.about(b, "%s does not go with %s", b.Operator, left)
	}
	return x.about(b, "%s is %s, and %s is %s", textOf(x.code, b.Left), left, textOf(x.code, b.Right), right)
}

// operand explains what one side of an operator should be instead, nil where the side
// by itself does not say it.
func (x explainer) operand(b *ast.BinaryNode, side, other ast.Node) *Mistake {
	if m := x.composite(side, other.Type()); m != nil {
		return m
	}
	text, kind := textOf(x.code, side), plainType(side.Type())
	switch b.Operator {
	case "&&", "||", "and", "or":
		if kind != aBool {
			return x.about(side, "%s is %s, and %s wants true or false", text, kind, b.Operator)
		}
		return nil
	case "in":
		if side == b.Right && kind != aList {
			return x.about(side, `%s is %s, and in wants a list, such as ["a", "b"]`, text, kind)
		}
		return nil
	case "contains", "startsWith", "endsWith", "matches":
		if kind != aText {
			return x.about(side, "%s is %s, and %s wants a text", text, kind, b.Operator)
		}
		return nil
	}
	return x.compared(b, side, other)
}

// compared is operand for what both sides should be of one kind.
func (x explainer) compared(b *ast.BinaryNode, side, other ast.Node) *Mistake {
	text, kind := textOf(x.code, side), plainType(side.Type())
	_, whole := other.(*ast.IntegerNode)
	switch word, quoted := side.(*ast.StringNode); {
	case plainType(other.Type()) == aDuration && quoted:
		return x.about(side, "%s is a duration; write duration(%q)", textOf(x.code, other), word.Value)
	case plainType(other.Type()) == aDuration && kind == aNumber:
		return x.about(side, `%s is a duration, and a number has no unit; write duration("%ss")`, textOf(x.code, other), strings.TrimLeft(text, "-"))
	case plainType(other.Type()) == aNumber && quoted:
		return x.about(side, "%s is a number; write one without quotes", textOf(x.code, other))
	case whole && kind == aText && (b.Operator == "==" || b.Operator == "!="):
		return x.about(other, "%s is a text; write %q", text, textOf(x.code, other))
	case plainType(other.Type()) == aNumber && kind == aText && b.Operator != "+":
		return x.about(side, "%s is a text; write int(%s) to have its number", text, text)
	}
	return nil
}

// composite explains a value that stands for several, or for none yet; nil where it is
// an ordinary one. With what it is compared says which part may be meant.
func (x explainer) composite(n ast.Node, with reflect.Type) *Mistake {
	t, text := n.Type(), textOf(x.code, n)
	switch {
	case t == nil:
		return nil
	case t.Kind() == reflect.Func:
		return x.about(n, "%s is a function and wants %s", text, cmp.Or(usages[text], "its values in ( )"))
	case t == reflect.TypeFor[Event]():
		part := map[string]string{aNumber: "status", aDuration: "at"}[plainType(with)]
		return x.about(n, "%s is an event; did you mean %s.%s?", text, text, cmp.Or(part, "err"))
	}
	if fields := names(t); len(fields) > 0 {
		return x.about(n, "%s has the counts %s; did you mean %s.%s?", text, strings.Join(fields, " and "), text, fields[0])
	}
	return nil
}

// arguments explains a function that has too many values or too few.
func (x explainer) arguments(e *file.Error) *Mistake {
	n, called := x.called(e.Location)
	if n == nil {
		return x.at(e.Location, "the function wants other values")
	}
	if usage := usages[called]; usage != "" {
		return x.about(n, "%s wants %s", called, usage)
	}
	if m := wanted.FindStringSubmatch(e.Message); m != nil {
		return x.about(n, "%s wants %s, and has %s", called, countOf(m[1]), m[2])
	}
	few := "many"
	if strings.HasPrefix(e.Message, "not enough") {
		few = "few"
	}
	return x.about(n, "%s has too %s values", called, few)
}

var wanted = regexp.MustCompile(`\(expected ([0-9a-z ]+), got ([0-9]+)\)`)

func countOf(n string) string {
	if n == "1" {
		return "1 value"
	}
	return n + " values"
}

// argument explains a function that cannot take what it is given.
func (x explainer) argument(e *file.Error) *Mistake {
	if x.tree == nil {
		return x.at(e.Location, "the function wants another value")
	}
	a := &argumentAt{at: e.Location}
	ast.Walk(&x.tree.Node, a)
	if a.argument == nil {
		if n, called := x.called(e.Location); n != nil {
			return x.about(n, "%s cannot be had of this", called)
		}
		return x.at(e.Location, "this has no such part")
	}
	text, kind := textOf(x.code, a.argument), plainType(a.argument.Type())
	if m := x.composite(a.argument, nil); m != nil {
		return m
	}
	if usage := usages[a.called]; usage != "" {
		return x.about(a.argument, "%s is %s, and %s wants %s", text, kind, a.called, usage)
	}
	return x.about(a.argument, "%s is %s, and %s wants something else", text, kind, a.called)
}

// An argumentAt finds what a function is given at a place, or first where the place is
// the function's.
type argumentAt struct {
	at       file.Location
	argument ast.Node
	called   string
}

// Visit implements ast.Visitor.
func (a *argumentAt) Visit(n *ast.Node) {
	var list []ast.Node
	called := ""
	switch n := (*n).(type) {
	case *ast.CallNode:
		list, called = n.Arguments, name(n.Callee)
	case *ast.BuiltinNode:
		list, called = n.Arguments, n.Name
	default:
		return
	}
	own := (*n).Location() == a.at
	for _, argument := range list {
		if own && a.argument == nil || argument.Location() == a.at {
			a.argument, a.called = argument, called
		}
	}
}

// called returns the function that is called at a place, and its name.
func (x explainer) called(at file.Location) (ast.Node, string) {
	if n, ok := find[*ast.CallNode](x, at); ok {
		return n, textOf(x.code, n.Callee)
	}
	if n, ok := find[*ast.BuiltinNode](x, at); ok {
		return n, n.Name
	}
	return nil, ""
}

// pattern explains a regular expression that is none.
func (x explainer) pattern(e *file.Error) *Mistake {
	if b, ok := find[*ast.BinaryNode](x, e.Location); ok {
		return x.about(b.Right, "this is no regular expression: %s", strings.TrimPrefix(e.Message, "error parsing regexp: "))
	}
	return x.at(e.Location, "this is no regular expression")
}

var token = regexp.MustCompile(`^unexpected token [A-Za-z]+\("(.*)"\)`)

// misplaced explains a word or sign where none can be.
func (x explainer) misplaced(e *file.Error) *Mistake {
	m := token.FindStringSubmatch(e.Message)
	if m == nil {
		return x.at(e.Location, "this does not belong here")
	}
	return x.at(e.Location, "%s does not belong here", strings.ReplaceAll(m[1], `\"`, `"`))
}

// find returns the outermost node of a kind that has a place.
func find[N ast.Node](x explainer, at file.Location) (found N, ok bool) {
	if x.tree == nil {
		return found, false
	}
	f := &finder[N]{at: at}
	ast.Walk(&x.tree.Node, f)
	return f.found, f.ok
}

type finder[N ast.Node] struct {
	at    file.Location
	found N
	ok    bool
}

// Visit implements ast.Visitor.
func (f *finder[N]) Visit(n *ast.Node) {
	if is, ok := (*n).(N); ok && is.Location() == f.at {
		f.found, f.ok = is, true
	}
}

// What values are, in words.
const (
	aText     = "a text"
	aNumber   = "a number"
	aBool     = "true or false"
	aDuration = "a duration"
	aList     = "a list"
)

// plainType says in words what a value is.
func plainType(t reflect.Type) string {
	switch {
	case t == nil || t.Kind() == reflect.Interface:
		return "a value"
	case t == reflect.TypeFor[time.Duration]():
		return aDuration
	case t == reflect.TypeFor[time.Time]():
		return "a date"
	case t == reflect.TypeFor[Event]():
		return "an event"
	}
	switch t.Kind() {
	case reflect.String:
		return aText
	case reflect.Bool:
		return aBool
	case reflect.Slice, reflect.Array:
		return aList
	case reflect.Map:
		return "a map"
	case reflect.Func:
		return "a function"
	case reflect.Struct:
		return "several values"
	case reflect.Pointer:
		return plainType(t.Elem())
	}
	return aNumber
}

// failure says in plain words why an expression failed while it ran.
func failure(err error) error {
	var fe *file.Error
	text := err.Error()
	if errors.As(err, &fe) {
		text = fe.Message
	}
	if m := unconverted.FindStringSubmatch(text); m != nil {
		return fmt.Errorf("%q is not a number", m[1])
	}
	return errors.New("it cannot be evaluated for this device")
}

var unconverted = regexp.MustCompile(`^invalid operation: (?:int|float)\((.*)\)$`)

var unparsed = regexp.MustCompile(`parsing "(.*)": `)
