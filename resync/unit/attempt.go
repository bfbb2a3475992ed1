package unit

import (
	"cmp"
	"context"

	"spafleet/device"
	"spafleet/device/chance"
	"spafleet/device/model"
	"spafleet/device/profile"
	"spafleet/resync"
)

// A Job is what an attempt runs.
type Job func(context.Context, resync.Env, resync.Input) resync.Outcome

// Waits reports whether a start still waits for admission. It does not once the
// device has rebooted or lost its power.
func (u *Unit) Waits(s *Start) bool { return u.has(queued) && u.booted == s.booted }

// Admit lets a start out of the queue, and reports whether [Machine.Begin] is to
// follow: it is not where the start is stale, or the line was taken while it
// waited.
func (m *Machine) Admit(s *Start) (*Effects, bool) {
	u := m.u
	if !u.Waits(s) {
		return &m.fx, false
	}
	u.set(queued, false)
	if u.has(inUse) && !s.forced {
		u.done()
		m.wait(s.Command)
		return &m.fx, false
	}
	return &m.fx, true
}

// Begin begins an attempt under a number of the owner's choice, and returns what
// to run.
func (m *Machine) Begin(s *Start, number int32) (Job, resync.Input, *Effects) {
	u, g := m.u, m.group()
	in := resync.Input{
		Unit: m.identity(), Params: u.params, Life: u.life,
		Lease: *m.lease(u), Cause: s.Command.Cause, Command: &s.Command,
		Booted: u.booted, Last: u.last, Upgrade: u.upgrades().history, Applied: u.applied(), CA: u.trusted(), Profiles: &m.Profiles, Customized: u.has(isCustom), Tapped: m.Tapped,
		Nonce: uint64(chance.Draw(m.Seed, uint32(m.dev), chance.Nonce, u.n) * (1 << 53)),
	}
	in.Reasons, in.Lost = m.Reasons, u.lost()
	u.attempt = number
	started := device.Event{At: m.now, Kind: device.ResyncStarted, Cause: s.Command.Cause}
	job := Job(resync.Attempt)
	switch s.Command.Order {
	case device.Report:
		in.ReportBody = m.reportBody()
		return resync.Report, in, &m.fx
	case device.Fetch:
		in.Extra = m.nextExtra()
		return resync.FetchExtra, in, &m.fx
	case device.RingTone:
		in.Extra = m.row().RingTone(s.Command.Argument)
		return resync.FetchExtra, in, &m.fx
	case device.XMLService:
		in.Extra = m.row().XMLService(s.Command.Argument)
		return resync.FetchExtra, in, &m.fx
	case device.UpdateCA:
		return resync.FetchExtra, in, &m.fx
	case device.Customize:
		url := g.RCURL
		return func(ctx context.Context, w resync.Env, in resync.Input) resync.Outcome {
			return resync.Customize(ctx, w, in, url)
		}, in, &m.fx
	case device.Upgrade, device.Install:
		started.Kind = device.UpgradeStarted
		u.upgradeState().history.Last = m.now
		job = resync.Upgrade
	default:
		m.began(s.Command.Cause)
	}
	m.emit(started)
	return job, in, &m.fx
}

// Commit puts into the device what its attempt has written to flash. Due is when
// the attempt should have started.
func (m *Machine) Commit(p device.Params, life device.Life, events []device.Event, due int64) *Effects {
	u := m.u
	if p != u.params { // until the attempt says which body this came from
		u.setApplied(resync.LastApplied{})
		speaker{m}.change(p)
	}
	u.life = life
	for _, e := range events {
		switch e.Kind {
		case device.ResyncOK, device.ResyncFailed, device.UpgradeOK, device.UpgradeFailed:
			e.Took = e.At - due
		}
		m.emit(e)
	}
	return &m.fx
}

// Ended takes the outcome of the device's attempt and decides what comes next.
// Due is when the attempt should have started. What was cut off by the end of the
// run is remembered, for [Machine.Resume].
func (m *Machine) Ended(o *resync.Outcome, due int64) *Effects {
	u, order := m.u, m.u.doing
	byRule := u.why != model.ByWeb && (u.opt == nil || u.opt.asked == nil)
	m.Commit(o.Params, o.Life, o.Events, due)
	u.attempt = None
	u.setApplied(o.Applied)
	u.trust(o.CA)
	if o.Aborted {
		return &m.fx
	}
	u.done()
	switch order {
	case device.Upgrade, device.Install:
		m.upgraded(o, byRule, order == device.Install)
	case device.Report: // there is no second try (documented)
		if o.OK {
			u.own().told = u.params
		}
	case device.Customize:
		m.customized(o)
	case device.RingTone, device.UpdateCA, device.XMLService: // nothing follows, and there is no second try (inferred)
	case device.Fetch:
		if m.fetched(o); m.row().Behaviour.Extras.DictionaryReboots && o.OK && o.Extra != nil && o.Extra.File.What == "dictionary" {
			m.boot(device.ByDictionary, false, "")
		}
	default:
		m.resynced(o)
	}
	if u.Answers() {
		speaker{m}.consider()
	}
	m.runPending()
	m.considerExtra()
	return &m.fx
}

// resynced counts a resync, then reboots the device where its changes ask for
// that, or sets its next timer. A sequence that failed does not reboot: what it
// changed waits for one that succeeds (timeline T8: inferred).
func (m *Machine) resynced(o *resync.Outcome) {
	u := m.u
	if o.OK {
		u.ok++
	} else {
		u.failed++
	}
	if u.has(erring) == o.OK {
		u.run = 0
	}
	u.set(erring, !o.OK)
	failures := 0
	if !o.OK {
		failures = int(u.run) + 1
	}
	m.logErrors("PRV", failures)
	u.reboot = max(u.reboot, o.Reboot)
	if o.OK && u.reboot != model.NoReboot {
		m.boot(device.ByParams, u.reboot == model.WarmReboot, o.Differs)
		return
	}
	defer m.considerUpgrade()
	if o.OK {
		m.considerReport()
	}
	if m.row().Behaviour.TimerFromEnd {
		u.last = m.now
	}
	if u.customizing() {
		m.retryCustom()
		return
	}
	s := resync.ScheduleOf(m.row(), u.params)
	at, cause, again := s.After(m.now, o.OK, int(u.run), m.draw(chance.Timer))
	u.run = min(u.run+1, mostRun)
	at = max(at, m.now+int64(o.Wait)) // where a server sent it away
	m.arm(at, cause, again)
	m.watch()
}

// mostRun is where the count of attempts that ended alike stops.
const mostRun = 250

// reportBody returns what makes the body of a device's report. It holds copies:
// the attempt calls it while the device goes on.
func (m *Machine) reportBody() func(delta, status bool) []byte {
	v := m.View(m.dev, m.u, m.now)
	before := m.u.told()
	return func(delta, status bool) []byte {
		switch {
		case status:
			return profile.Export("Status", v.Status())
		case delta:
			return device.ReportXML(v, before)
		}
		return device.ReportXML(v, device.Params{})
	}
}

// considerReport lets a device whose Report_Rule has --delta report what a
// resync changed. Its first report, before which nothing is known, is whole.
func (m *Machine) considerReport() {
	u := m.u
	if text, _ := u.params.Lookup("Report_Rule"); text == "" || u.told() == u.params {
		return
	}
	unit := m.identity()
	if resync.WantsDelta(&unit, u.params) {
		m.wait(device.Command{Order: device.Report, Cause: model.ByUpgrade})
	}
}

// rcRetries are the waits after attempts that failed (firmware strings: field).
var rcRetries = resync.ParseTimes("60,120,240,1800")

// retryCustom sets the next attempt of a device that is still Pending.
func (m *Machine) retryCustom() {
	wait, _ := rcRetries.Nth(int(m.u.run), 0)
	m.u.run = min(m.u.run+1, mostRun)
	m.arm(m.now+int64(wait), model.ByRC, true)
}

// customized takes the outcome of a customization. A device that has its own
// defaults restarts and then goes to its provider; one whose server has nothing
// for it stays Pending, or by switch becomes an ordinary one.
func (m *Machine) customized(o *resync.Outcome) {
	u := m.u
	switch {
	case o.OK:
		defaults, _ := m.presets(m.dev, u).With(&m.Profiles.Layers, o.Custom.Sets)
		u.own().custom = &Custom{cmp.Or(o.Custom.Company, "Customized"), defaults}
		u.set(rcPending, false)
		u.set(isCustom, true)
		m.boot(device.ByCustomization, true, "")
	case o.NotFound && m.row().Behaviour.RCOpens:
		u.set(rcPending, false)
		u.run = 0
		m.firstContact(device.ByPower)
	default:
		m.retryCustom()
	}
}
