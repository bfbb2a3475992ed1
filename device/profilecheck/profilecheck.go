// Package profilecheck finds the mistakes in a profile file, as one firmware of one
// model takes it: what makes a device refuse the file or a part of it, names and
// values that it ignores, rules that it cannot read or that can hardly be meant.
package profilecheck

import (
	"errors"
	"fmt"
	"net/netip"
	"slices"
	"strings"
	"sync"

	"spafleet/device"
	"spafleet/device/measure"
	"spafleet/device/model"
	"spafleet/device/profile"
	"spafleet/device/rule"
	"spafleet/device/rulecheck"
)

// A Level says what a finding comes to.
type Level string

// The levels: the device refuses something as a whole; it ignores something; it does
// what the file says, but that may not be what is meant.
const (
	Error   Level = "error"
	Warning Level = "warning"
	Note    Level = "note"
)

// A Kind is what is wrong.
type Kind string

// The kinds of findings.
const (
	Refused   Kind = "refused"         // the device refuses the file
	Partly    Kind = "partly-taken"    // only a part of the file counts
	Unknown   Kind = "unknown-name"    // the model has no such parameter
	Firmware  Kind = "other-firmware"  // the model has it with another firmware
	Misplaced Kind = "misplaced-name"  // the model has it in another section
	InfoItem  Kind = "info-item"       // it is an item of the Info page, which exports have
	Value     Kind = "value-not-taken" // the parameter does not take the value
	Cut       Kind = "value-cut"       // the value is longer than a device keeps
	Repeated  Kind = "repeated-name"   // the file sets it twice
	BadRule   Kind = "malformed-rule"  // the device cannot read the rule
	OddRule   Kind = "odd-rule"        // the rule does something that can hardly be meant
	ClearText Kind = "clear-password"  // passwords in a file that everyone can read
)

// Kinds returns all kinds.
func Kinds() []Kind {
	return []Kind{Refused, Partly, Unknown, Firmware, Misplaced, InfoItem, Value, Cut, Repeated, BadRule, OddRule, ClearText}
}

// A Finding is one mistake. Its text does not say where it is, nor which parameter it is
// about.
type Finding struct {
	Level  Level
	Kind   Kind
	Line   int    // in the file, decrypted and unpacked; 0: of the whole file
	Column int    // in bytes
	Name   string // of the parameter; may be empty
	Text   string
	Hint   string // what to do, or which firmware switch it rests on; may be empty
	// Evidence is how sure it is that the firmware does so.
	Evidence model.Evidence
}

// String returns the finding as a line, without its place.
func (f *Finding) String() string {
	text := f.Text
	if f.Name != "" {
		text = f.Name + ": " + text
	}
	if f.Hint != "" {
		text += "; " + f.Hint
	}
	return text
}

// A Checker checks files for one model and firmware. It is safe for concurrent use.
type Checker struct {
	row     *model.Row
	unit    device.Unit
	options profile.Options

	mu    sync.Mutex
	lacks map[string]model.Lack // of names that were looked for; they are worth keeping
	spare sync.Pool             // of *[]int32
}

// mostLacks bounds how many names are remembered.
const mostLacks = 1 << 14

// New returns a checker of files for a device with this row. Keyed says that the rule by
// which it asks has a key.
func New(row *model.Row, key string, keyed bool) *Checker {
	c := &Checker{row: row, unit: device.NewUnit(row, 1, 0, netip.AddrFrom4([4]byte{192, 168, 1, 100})), options: row.Reading(), lacks: map[string]model.Lack{}}
	c.unit.CCERT = "Installed"
	c.options.Key, c.options.Keyed = key, keyed
	return c
}

// Row returns the model and firmware that files are checked for.
func (c *Checker) Row() *model.Row { return c.row }

// File returns what is wrong with a file, in its order. MAC is that of the device that it
// is for, 12 small hexadecimal digits; "" where it is not known. The body must not be
// changed afterwards.
func (c *Checker) File(body []byte, mac string) []Finding {
	o := c.options
	o.Keep, o.MAC = true, mac
	file, err := profile.Decode(body, o)
	var refused *profile.Error
	if errors.As(err, &refused) {
		return []Finding{c.refusal(refused)}
	}
	p := &pass{Checker: c, file: &file}
	p.lines.text = file.Text
	p.whole()
	p.params()
	p.rules()
	slices.SortStableFunc(p.found, func(a, b Finding) int { return cmpPlace(&a, &b) })
	return p.found
}

func cmpPlace(a, b *Finding) int {
	if a.Line != b.Line {
		return a.Line - b.Line
	}
	return a.Column - b.Column
}

// tooLarge is the device's text for a file that is longer than its buffer.
const tooLarge = "file size exceeds internal buffer"

func (c *Checker) refusal(e *profile.Error) Finding {
	f := Finding{Level: Error, Kind: Refused, Line: e.Line, Column: e.Column, Text: fmt.Sprintf("the device refuses the file: $ERR is %q", e.Text), Evidence: model.Inferred}
	f.Hint = e.Hint
	rests := c.row.MistakeRestsOn(e.Mistake, false)
	sw := e.Mistake
	if c.options.Limit > 0 && e.Text == tooLarge {
		sw = "profile_limit"
		rests = c.row.RestsOn(sw, "16777216", "takes no more")
	}
	if rests != "" {
		f.Evidence = c.row.Switch(sw).Evidence
		f.Hint = strings.TrimPrefix(f.Hint+"; "+rests, "; ")
	}
	return f
}

// why returns why the firmware lacks a name.
func (c *Checker) why(name string) model.Lack {
	c.mu.Lock()
	defer c.mu.Unlock()
	l, ok := c.lacks[name]
	if !ok {
		l = device.WhyLacks(c.row, name)
		if len(c.lacks) < mostLacks {
			c.lacks[strings.Clone(name)] = l
		}
	}
	return l
}

// A pass is one file being checked.
type pass struct {
	*Checker
	file  *profile.File
	lines lines
	found []Finding

	taken []device.Set
	asked []*profile.Param // rules that the file sets
	open  []string         // names of passwords in it
}

func (p *pass) find(f Finding, at *profile.Param) {
	if at != nil {
		f.Name = strings.Clone(at.Name)
		if at.Offset > 0 {
			f.Line, f.Column = p.lines.place(int(at.Offset))
		}
	}
	p.found = append(p.found, f)
}

// whole checks what is about the file as a whole.
func (p *pass) whole() {
	if p.file.Partly != "" {
		p.find(Finding{Level: Error, Kind: Partly, Text: "only a part of the file counts: " + p.file.Partly,
			Hint: p.row.MistakeRestsOn(p.file.Mistake, true), Evidence: p.row.Switch(p.file.Mistake).Evidence}, nil)
	}
}

// params checks names and values.
func (p *pass) params() {
	seen, _ := p.spare.Get().(*[]int32) // by the parameter's number: which element set it last, from 1
	if seen == nil {
		seen = new([]int32)
	}
	names := p.row.Names()
	for i := range p.file.Params {
		e := &p.file.Params[i]
		param, ok := names.Lookup(e.Name)
		if !ok {
			p.unknown(e)
			continue
		}
		if n := int(param.ID) + 1; len(*seen) < n {
			*seen = append(*seen, make([]int32, n+256-len(*seen))...)
		}
		if before := (*seen)[param.ID]; before > 0 {
			p.again(e, &p.file.Params[before-1])
		}
		(*seen)[param.ID] = int32(i + 1)
		p.value(e, param)
	}
	for i := range *seen {
		(*seen)[i] = 0
	}
	p.spare.Put(seen)
	if len(p.open) > 0 && p.file.Protection == 0 && !p.served("https") {
		p.find(Finding{Level: Note, Kind: ClearText, Text: fmt.Sprintf("the file has %s in clear: %s", measure.Counted(len(p.open), "password"), measure.FirstOf(p.open, 3)),
			Hint: "encrypt the file, or serve it by https alone", Evidence: model.Documented}, nil)
	}
}

func (p *pass) unknown(e *profile.Param) {
	why := p.why(e.Name)
	f := Finding{Level: Warning, Kind: Unknown, Text: why.Reason, Hint: why.Hint, Evidence: why.Evidence}
	_, known := p.row.Factory.Lookup(e.Name)
	switch {
	case known:
		f.Kind = Firmware
	case why.Place != "":
		f.Kind = Misplaced
	case why.Info:
		f.Level, f.Kind = Note, InfoItem
	}
	p.find(f, e)
}

// again checks an element whose parameter the file has set before.
func (p *pass) again(e, before *profile.Param) {
	f := Finding{Level: Warning, Kind: Repeated, Text: "it is set before this too, and the last counts", Evidence: model.Documented}
	if e.Has == before.Has && e.Value == before.Value {
		f.Level, f.Text = Note, f.Text+"; both values are the same"
	}
	p.find(f, e)
}

func (p *pass) value(e *profile.Param, param *model.Param) {
	if !e.Has {
		return
	}
	stored, ok := param.Take(e.Value)
	if !ok {
		value := fmt.Sprintf("the value %q", clipped(e.Value))
		if param.Type == "password" {
			value = "the value"
		}
		p.find(Finding{Level: Warning, Kind: Value, Text: value + " is not taken, and the old one stays",
			Hint: "it takes " + param.Takes(), Evidence: param.DataType().Evidence}, e)
		return
	}
	if p.file.Truncated > 0 && len(e.Value) == mostValue {
		p.find(Finding{Level: Warning, Kind: Cut, Text: fmt.Sprintf("the value is cut to %d bytes", mostValue), Evidence: model.Inferred}, e)
	}
	p.taken = append(p.taken, device.Set{ID: param.ID, Value: stored, Has: true})
	switch {
	case param.Type == "password" && stored != "" && stored != param.Default:
		p.open = append(p.open, param.Name)
	case param.Type == "rule" && strings.TrimSpace(stored) != "":
		p.asked = append(p.asked, e)
	}
}

// mostValue is the most bytes of a value; see profile.Decode.
const mostValue = 2047

// rules checks the rules and triggers that the file sets, for a device that has taken
// the file.
func (p *pass) rules() {
	if len(p.asked) == 0 {
		return
	}
	var layers device.Layers
	params, _ := device.Reset(p.row.Factory).With(&layers, p.taken)
	env := device.Env{Unit: &p.unit, Params: params, Situation: &device.Situation{}}
	for _, e := range p.asked {
		text := strings.TrimSpace(e.Value)
		if strings.HasPrefix(e.Name, "Resync_Trigger_") {
			_, err := rule.Holds(text, env, p.row.Dialect())
			p.malformed(e, err)
			continue
		}
		if !strings.Contains(e.Name, "_Rule") {
			continue
		}
		_, err := rule.Alternatives(text, env, p.row.Dialect())
		p.malformed(e, err)
		for _, odd := range rulecheck.Rule(env, text) {
			p.find(Finding{Level: Warning, Kind: OddRule, Text: odd.Text, Hint: odd.Hint, Evidence: odd.Evidence}, e)
		}
	}
}

func (p *pass) malformed(e *profile.Param, err error) {
	var syntax *rule.SyntaxError
	if !errors.As(err, &syntax) {
		return
	}
	p.find(Finding{Level: Error, Kind: BadRule, Text: fmt.Sprintf("the device cannot read the rule: %s, at column %d", syntax.Msg, syntax.Column+1),
		Hint: syntax.Hint, Evidence: p.row.Switch("malformed_rule_err").Evidence}, e)
}

// served reports whether the file's own rule has the device ask by a scheme alone.
func (p *pass) served(scheme string) bool {
	is := false
	for _, e := range p.asked {
		if e.Name == "Profile_Rule" {
			is = strings.Contains(e.Value, scheme+"://") && strings.Count(e.Value, "://") == strings.Count(e.Value, scheme+"://")
		}
	}
	return is
}

// lines finds places in a text.
type lines struct {
	text   string
	begins []int // offset of each line but the first; made when it is wanted
}

func (l *lines) place(offset int) (line, column int) {
	if l.begins == nil {
		l.begins = make([]int, 0, len(l.text)/40+1)
		for at := range len(l.text) {
			if l.text[at] == '\n' {
				l.begins = append(l.begins, at+1)
			}
		}
	}
	n, _ := slices.BinarySearch(l.begins, offset+1) // how many begin at it or before
	if n == 0 {
		return 1, offset + 1
	}
	return n + 1, offset - l.begins[n-1] + 1
}

// clipped bounds what is quoted of a file.
func clipped(text string) string {
	const most = 60
	if len(text) <= most {
		return text
	}
	return strings.ToValidUTF8(text[:most], "") + "…"
}
