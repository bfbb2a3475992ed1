package resync

import (
	"context"
	"slices"
	"time"

	"spafleet/device"
	"spafleet/device/model"
	"spafleet/device/phase"
	"spafleet/device/profile"
	"spafleet/device/rule"
	"spafleet/fsm"
)

// Attempt runs the rules of one resync in order. It neither sleeps nor retries.
// It returns as soon as the context ends, and then what was committed stays.
func Attempt(ctx context.Context, env Env, in Input) Outcome {
	p := pass{attempt: begin(ctx, env, &in)}
	if p.byURL() {
		p.via = device.ViaURL
	}
	f := p.run()
	switch {
	case f == aborted:
		return p.outcome(f)
	case f != nil:
		p.setErr(f.err)
		p.log("Log_Resync_Failure_Msg")
		p.tell(device.Event{Kind: device.ResyncFailed, File: p.file, Err: f.err, Result: f.result})
	default:
		p.secure()
		p.tell(device.Event{Kind: device.ResyncOK, File: p.file})
	}
	o := p.outcome(f)
	o.Wait = p.wait
	changed := p.lasting()
	if o.Reboot = p.in.Unit.Row.Reboots(changed); o.Reboot != model.NoReboot {
		o.Differs = p.differs(changed)
	}
	return o
}

// A pass is one resync: the rules A to D in order.
type pass struct {
	*attempt
	proof int           // rekeyed+1 when the latest file was requested that counts as a proof; 0: none
	wait  time.Duration // asked for by the server
}

func (p *pass) run() *failure {
	row := p.in.Unit.Row
	for _, l := range p.lines() {
		if f := p.follow(l); f != nil {
			return f
		}
		if row.Behaviour.RebootAfterRule && row.Reboots(p.lasting()) != model.NoReboot {
			break
		}
	}
	return nil
}

// secure fires secured, if a file has proven the present keys.
func (p *pass) secure() {
	if p.proof != p.rekeyed+1 {
		return
	}
	if life, ok := p.life.Secure(); ok {
		p.life = life
		p.tell(device.Event{Kind: device.Moved, Move: fsm.Secured})
	}
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

// lines returns what this attempt runs: all four rules, or only the URL of a command
// (provisioning.md Q13: inferred), or that in place of the first.
func (p *pass) lines() []line {
	switch {
	case !p.byURL():
		return ruleLines
	case p.in.Unit.Row.Behaviour.CommandThenRules:
		return slices.Concat(commandLine, ruleLines[1:])
	}
	return commandLine
}

// follow runs one rule. By switch, one whose file fails goes on to its next
// alternative that holds (Q30), and only the last failure counts.
func (p *pass) follow(l line) (f *failure) {
	for after := 0; ; {
		d, text, err := p.decide(l, after)
		if after == 0 && text != "" {
			p.sayRule(text)
		}
		if p.in.Reasons {
			explainer{p.attempt}.decided(l.letter, "profile", text, after, d, err)
		}
		switch {
		case err != nil:
			return p.malformed(err)
		case d.Skipped():
			return f
		}
		if f = p.take(l, d, text); f == nil || f == aborted || p.wait > 0 || !p.in.Unit.Row.Behaviour.NextAlternative {
			return f
		}
		after = d.Alternative
	}
}

// decide reads a rule, without the alternatives that failed. Its text is read only
// now, so a rule that an earlier file of this pass has set counts (Q6: inferred,
// a switch).
func (p *pass) decide(l line, after int) (d rule.Decision, text string, err error) {
	switch {
	case l.command && after > 0:
		return d, "", nil
	case l.command:
		d, err = p.command(p.in.Command.Argument)
		return d, p.in.Command.Argument, err
	case p.in.Unit.Row.Behaviour.RulesFromStart:
		text, _ = p.in.Params.Lookup(l.param)
	default:
		text = p.lookup(l.param)
	}
	if text == "" {
		return d, "", nil
	}
	d, err = rule.EvalAfter(text, p.vars(), p.in.Unit.Row.Dialect(), after)
	return d, text, err
}

// take does what an alternative says: assignments, then at most one file.
func (p *pass) take(l line, d rule.Decision, text string) *failure {
	p.assign(d.Assignments)
	if !d.HasURL {
		return nil
	}
	t, f := p.locate(l, d)
	if f != nil {
		return f
	}
	p.sayOption(l, d)
	t.strong = !l.command && p.strong(d, text)
	if t.scheme == "https" {
		if f := p.authority(); f != nil {
			return f
		}
	}
	return p.look(t)
}

// strong reports whether a rule has an alternative that asks for protection.
func (p *pass) strong(d rule.Decision, text string) bool {
	if d.Only && len(d.Assignments) == 0 {
		return d.Strong()
	}
	return device.Strong(&p.in.Unit, p.params, text)
}

// look asks for a file where the device looks for it, until there is one.
func (p *pass) look(t target) (f *failure) {
	for _, t.path = range p.paths(&t) {
		f = p.get(t)
		if missing := f == nil && p.file.Result == device.NotFound || f != nil && f.result == device.NotFound; !missing {
			break
		}
	}
	return f
}

// assign applies a rule's assignments, before its fetch (documented). They are in
// flash from then on, also where no file follows.
func (p *pass) assign(list []rule.Assignment) {
	if len(list) == 0 {
		return
	}
	var sets []device.Set
	for _, as := range list {
		param, ok := p.in.Unit.Row.Lookup(as.Name)
		if !ok {
			continue
		}
		if value, ok := param.Take(as.Value); ok {
			sets = append(sets, device.Set{ID: param.ID, Value: value, Has: true})
		}
	}
	if p.change(sets, 0) > 0 {
		p.applied = LastApplied{}
		p.flush()
	}
}

// get fetches, decodes and applies one file.
func (p *pass) get(t target) *failure {
	asked := p.rekeyed
	x := transfer{attempt: p.attempt, target: t, what: "profile", message: "Log_Resync_Request_Msg", most: p.in.Unit.Row.Behaviour.Files.Limit}
	resp, f := x.fetchAgain()
	switch {
	case f != nil:
		return f
	case x.missing(resp):
		return p.notFound(&x)
	}
	if wait, ok := backoff(resp.Body); ok && p.in.Unit.Row.Behaviour.BackoffMarker {
		p.wait = wait
		return x.failed(errBackoff, device.Backoff, phase.Decode)
	}
	begun := p.wall()
	r, err := x.decode(resp)
	decoded := p.wall()
	p.file.Took.Decode = decoded - begun
	if err != nil {
		return x.undecodable(resp.Body, err)
	}
	p.tell(device.Event{Kind: device.Fetched, File: p.file})
	if t.strong && p.file.Protection&(profile.Keyed|profile.Mutual) != 0 {
		p.proof = asked + 1
	}
	n, before := 0, len(p.changed)
	if r != nil {
		n = p.change(r.Sets, r.Protection)
	}
	p.file.Took.Apply = p.wall() - decoded
	p.tell(device.Event{Kind: device.Applied, File: p.file, Count: n, Reboot: explainer{p.attempt}.asksFor(p.changed[before:])})
	p.log("Log_Resync_Success_Msg")
	p.flush()
	return nil
}

// notFound is a server without the file: success, unless Resync_Fails_On_FNF.
func (p *pass) notFound(x *transfer) *failure {
	f := x.absent()
	if p.params.Bool("Resync_Fails_On_FNF", true) {
		return f
	}
	p.log("Log_Resync_Success_Msg")
	return nil
}

// lasting returns the changes that are still there at the end: two files that
// set a parameter back and forth would otherwise reboot their device for ever.
func (p *pass) lasting() []model.ID {
	return slices.DeleteFunc(p.changed, func(id model.ID) bool { return p.params.Get(id) == p.in.Params.Get(id) })
}
