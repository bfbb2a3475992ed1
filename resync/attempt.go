package resync

import (
	"context"
	"errors"
	"slices"
	"strings"
	"time"

	"spafleet/device"
	"spafleet/device/model"
	"spafleet/device/profile"
	"spafleet/device/rule"
	"spafleet/fsm"
)

// A failure ends the sequence of rules: what the device logs, and its class.
type failure struct {
	err    string
	result device.Result
}

// aborted is the failure of an attempt whose context ended.
var aborted = &failure{"interrupted", device.Interrupted}

// attempt is one resync or upgrade at work.
type attempt struct {
	ctx       context.Context
	w         Env
	in        *Input
	p         device.Params
	life      device.Life
	situation device.Situation
	events    []device.Event
	changed   []model.ID
	receipt   LastApplied
	ca        *Authority    // trusted beside the firmware's own
	file      *device.File  // the last that was asked for
	verb      string        // Resync or Upgrade, in the names of log templates
	what      string        // profile or image
	most      int           // bytes of a file
	rc        bool          // a remote customization
	turn      int           // keyed and rotated moves so far
	wait      time.Duration // asked for by the server
	nonces    int           // client nonces so far
	proof     int           // turn+1 of the latest file that counts as a proof; 0: none
}

func begin(ctx context.Context, w Env, in *Input) *attempt {
	return &attempt{ctx: ctx, w: w, in: in, p: in.Params, life: in.Life, receipt: in.Applied, ca: in.CA, situation: in.situation(w.Now()),
		verb: "Resync", what: "profile", most: in.Unit.Row.Behaviour.Files.Limit}
}

// Attempt runs the rules of one resync in order. It neither sleeps nor retries.
// It returns as soon as the context ends, and then what was committed stays.
func Attempt(ctx context.Context, w Env, in Input) Outcome {
	a := begin(ctx, w, &in)
	for _, l := range a.lines() {
		if f := a.follow(l); f != nil {
			return a.fail(f)
		}
		if a.in.Unit.Row.Behaviour.RebootAfterRule && a.in.Unit.Row.Reboots(a.lasting()) != model.NoReboot {
			break
		}
	}
	if a.proof == a.turn+1 {
		if life, ok := a.life.Secure(); ok {
			a.life = life
			a.tell(device.Event{Kind: device.Moved, Move: fsm.Secured})
		}
	}
	a.tell(device.Event{Kind: device.ResyncOK, File: a.file})
	return a.outcome(true)
}

// A line is one rule of the sequence.
type line struct {
	letter  byte // A to D; 'u' for a URL command
	param   string
	command bool
}

var ruleLines = []line{{letter: 'A', param: "Profile_Rule"}, {letter: 'B', param: "Profile_Rule_B"},
	{letter: 'C', param: "Profile_Rule_C"}, {letter: 'D', param: "Profile_Rule_D"}}

var commandLine = []line{{letter: 'u', command: true}}

// lines returns what this attempt runs: all four rules, or only the URL that
// somebody gave (provisioning.md Q13: inferred), or that in place of the first.
func (a *attempt) lines() []line {
	switch {
	case !a.byURL():
		return ruleLines
	case a.in.Unit.Row.Behaviour.CommandThenRules:
		return slices.Concat(commandLine, ruleLines[1:])
	}
	return commandLine
}

// byURL reports whether somebody gave a URL. A blank one is none.
func (a *attempt) byURL() bool {
	c := a.in.Command
	return c != nil && strings.TrimSpace(c.Argument) != ""
}

// follow runs one rule. By switch, one whose file fails goes on to its next
// alternative that holds (Q30), and only the last failure counts.
func (a *attempt) follow(l line) (f *failure) {
	for after := 0; ; {
		d, text, err := a.decide(l, after)
		switch {
		case err != nil:
			return a.unreadable(err)
		case d.Skipped():
			return f
		}
		if f = a.take(l, d, text); f == nil || f == aborted || a.wait > 0 || !a.in.Unit.Row.Behaviour.NextAlternative {
			return f
		}
		after = d.Alternative
	}
}

// take does what an alternative says: assignments, then at most one file.
func (a *attempt) take(l line, d rule.Decision, text string) *failure {
	a.assign(d.Assignments)
	if !d.HasURL {
		return nil
	}
	t, f := a.locate(l, d)
	if f != nil {
		return f
	}
	t.strong = !l.command && device.Strong(&a.in.Unit, a.p, text)
	return a.get(t)
}

// unreadable is the failure of a rule that cannot be read.
func (a *attempt) unreadable(err error) *failure {
	var syntax *rule.SyntaxError
	if errors.As(err, &syntax) && syntax.Scheme != "" {
		return unsupported(syntax.Scheme)
	}
	return &failure{a.in.Unit.Row.Behaviour.RuleErr, device.BadRule}
}

func unsupported(scheme string) *failure {
	return &failure{scheme + " scheme not supported", device.BadScheme}
}

// decide reads a rule, without the alternatives that failed. Its text is read only
// now, so a rule that an earlier file of this pass has set counts (Q6: inferred,
// a switch).
func (a *attempt) decide(l line, after int) (d rule.Decision, text string, err error) {
	if l.command && after > 0 {
		return d, "", nil
	}
	if l.command {
		text = a.in.Command.Argument
		d, err = rule.Command(text, a.env(), a.in.Unit.Row.Dialect())
		return d, text, err
	}
	p := a.p
	if a.in.Unit.Row.Behaviour.RulesFromStart {
		p = a.in.Params
	}
	text, _ = p.Lookup(l.param)
	if text == "" {
		return d, "", nil
	}
	d, err = rule.EvalAfter(text, a.env(), a.in.Unit.Row.Dialect(), after)
	return d, text, err
}

func (a *attempt) env() device.Env {
	return device.Env{Unit: &a.in.Unit, Params: a.p, Situation: &a.situation}
}

// assign applies a rule's assignments, before its fetch (documented). They are in
// flash from then on, also where no file follows.
func (a *attempt) assign(list []rule.Assignment) {
	if len(list) == 0 {
		return
	}
	var sets []device.Set
	for _, as := range list {
		p, ok := a.in.Unit.Row.Lookup(as.Name)
		if !ok {
			continue
		}
		if value, ok := p.Take(as.Value); ok {
			sets = append(sets, device.Set{ID: p.ID, Value: value, Has: true})
		}
	}
	if a.change(sets, 0) > 0 {
		a.receipt = LastApplied{}
		a.flush()
	}
}

// change applies one change set and fires the moves that it causes.
func (a *attempt) change(sets []device.Set, protection profile.Protection) int {
	after, changed := a.p.With(&a.in.Profiles.Layers, sets)
	a.moves(device.Change{Before: a.p, After: after, File: protection}, len(changed) > 0)
	a.p = after
	a.changed = append(a.changed, changed...)
	return len(changed)
}

// moves lets a change move the lifecycle. A change that changed nothing can only
// prove that a file was addressed to this device.
func (a *attempt) moves(c device.Change, changed bool) {
	if !changed && c.File&profile.Targeted == 0 {
		return
	}
	c.Unit, c.Via = &a.in.Unit, a.via()
	life, taken := a.life.Apply(c)
	state := a.life.State
	a.life = life
	for _, e := range taken {
		state, _ = fsm.Lifecycle.Next(state, e)
		if e == fsm.Keyed || e == fsm.Rotated {
			a.turn++
		}
		ev := device.Event{Kind: device.Moved, Move: e, State: state}
		if e == fsm.Customized {
			ev.Via = c.Via
		}
		a.tellAs(ev)
	}
}

func (a *attempt) via() device.Via {
	if a.rc {
		return device.ViaRC
	}
	if a.byURL() {
		return device.ViaURL
	}
	return device.ViaDHCP
}

// get fetches, decodes and applies one file.
func (a *attempt) get(t target) *failure {
	asked := a.turn
	if t.scheme == "https" {
		if f := a.authority(); f != nil {
			return f
		}
	}
	resp, f := a.fetch(&t)
	if f != nil {
		return f
	}
	if resp.Status == 404 {
		return a.notFound()
	}
	if f := a.sentAway(resp.Body); f != nil {
		return f
	}
	begun := a.wall()
	r, err := a.read(&t, resp)
	decoded := a.wall()
	a.file.Took.Decode = decoded - begun
	if err != nil {
		return a.refuse(err)
	}
	a.tell(device.Event{Kind: device.Fetched, File: a.file})
	if t.strong && a.file.Protection&(profile.Keyed|profile.Mutual) != 0 {
		a.proof = asked + 1
	}
	n := 0
	if r != nil {
		n = a.change(r.Sets, r.Protection)
	}
	a.file.Took.Apply = a.wall() - decoded
	a.tell(device.Event{Kind: device.Applied, File: a.file, Count: n})
	a.log("Log_Resync_Success_Msg")
	a.flush()
	return nil
}

// read decodes a body; nil without error where it is the body applied last.
func (a *attempt) read(t *target, resp Response) (*ParsedProfile, error) {
	options := a.readingOptions(t)
	now := LastApplied{Digest: a.in.Profiles.Digest(resp.Body, options)}
	carried := profile.Protection(0)
	if resp.TLS {
		carried |= profile.TLS
	}
	if resp.Mutual {
		carried |= profile.Mutual
	}
	if now.Digest == a.receipt.Digest && a.receipt.Protection&profile.Targeted == 0 {
		a.file.Protection = a.receipt.Protection | carried
		return nil, nil
	}
	r, err := a.in.Profiles.Read(&a.in.Unit, resp.Body, now.Digest, options)
	if err != nil {
		return nil, err
	}
	now.Protection = r.Protection
	a.receipt = now
	a.file.Protection = r.Protection | carried
	a.file.Unknown, a.file.Rejected = r.Unknown, r.Rejected
	return r, nil
}

func (a *attempt) readingOptions(t *target) profile.Options {
	o := a.in.Unit.Row.Reading()
	o.Key, o.Keyed, o.MAC = t.options.Key, t.options.HasKey, a.in.Unit.MAC.String()
	o.Aliases = a.content(t.options.Alias)
	return o
}

// notFound is a server without the file: success where the device is told so.
func (a *attempt) notFound() *failure {
	f := a.absent()
	if a.p.Bool("Resync_Fails_On_FNF", true) {
		return f
	}
	a.log("Log_Resync_Success_Msg")
	return nil
}

// absent tells that a server has no such file.
func (a *attempt) absent() *failure {
	f := &failure{a.late(errNotFound, getFailed(a.file.Scheme)), device.NotFound}
	a.file.Result = f.result
	a.tell(device.Event{Kind: device.FetchFailed, File: a.file, Err: f.err, Result: f.result})
	return f
}

// refuse is a file that came but cannot be used. Nothing of it is applied.
func (a *attempt) refuse(err error) *failure {
	f := &failure{errCorrupt, device.Corrupt}
	var pe *profile.Error
	if errors.As(err, &pe) {
		f.err = pe.Text
	}
	if f.err == errDecrypt {
		f.result = device.Decrypt
	}
	f.err = a.late(f.err, errCorrupt)
	a.file.Result = f.result
	a.file.Hint = hint(pe)
	a.tell(device.Event{Kind: device.FetchFailed, File: a.file, Err: f.err, Result: f.result})
	return f
}

func hint(e *profile.Error) string {
	if e == nil {
		return ""
	}
	return e.Hint
}

// fail ends the sequence.
func (a *attempt) fail(f *failure) Outcome {
	if f == aborted {
		return Outcome{Params: a.p, Life: a.life, Events: a.events, Aborted: true, Applied: a.receipt, CA: a.ca}
	}
	a.situationErr(f.err)
	a.log("Log_Resync_Failure_Msg")
	a.tell(device.Event{Kind: device.ResyncFailed, File: a.file, Err: f.err, Result: f.result})
	o := a.outcome(false)
	o.Err, o.Wait = f.err, a.wait
	return o
}

func (a *attempt) outcome(ok bool) Outcome {
	return Outcome{Params: a.p, Life: a.life, Events: a.events, OK: ok,
		Reboot: a.in.Unit.Row.Reboots(a.lasting()), Applied: a.receipt, CA: a.ca}
}

// lasting returns the changes that are still there at the end: two files that
// set a parameter back and forth would else reboot their device for ever.
func (a *attempt) lasting() []model.ID {
	return slices.DeleteFunc(a.changed, func(id model.ID) bool { return a.p.Get(id) == a.in.Params.Get(id) })
}

// tell adds an event in the present state.
func (a *attempt) tell(e device.Event) {
	e.State = a.life.State
	a.tellAs(e)
}

func (a *attempt) tellAs(e device.Event) {
	e.At, e.Cause = a.w.Now(), a.in.Cause
	a.events = append(a.events, e)
}

// flush commits what is so far: the values are in flash, the events are out.
func (a *attempt) flush() {
	a.w.Commit(a.p, a.life, a.events)
	a.events = nil
}
