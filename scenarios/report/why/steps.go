package why

import (
	"cmp"
	"fmt"
	"strings"
	"time"

	"spafleet/device/measure"
)

// An ending is what a device is about at the end of the log.
type ending struct {
	at      time.Time  // since when
	attempt string     // that is under way
	held    string     // what something that is due waits for
	off     bool       // it has no power
	timer   string     // why it comes back when it does; "" where the log does not say
	next    *time.Time // when; nil for never
	forced  bool       // that ends the wait for a call

	was   string // what it waited for before the timer was set, and since when
	wasAt time.Time
}

// teller writes the steps of one event.
type teller struct {
	d *Device
	e *event
}

func (t teller) step(begins bool, format string, args ...any) {
	text := shown(fmt.Sprintf(format, args...))
	t.d.add(Step{At: t.e.At, Kind: t.e.Kind, State: t.e.State, Text: text, begins: begins, same: text})
}

// line writes a step within a chapter.
func (t teller) line(format string, args ...any) { t.step(false, format, args...) }

// begin writes a step that begins a chapter.
func (t teller) begin(format string, args ...any) { t.step(true, format, args...) }

// tellers write what happened, by the kind of event. Lines to the syslog server, and what
// others see of the device, say nothing that other events do not.
var tellers = map[string]func(teller){
	"power_on": func(t teller) {
		t.d.Model, t.d.Firmware, t.d.Serial = t.e.Model, t.e.Firmware, t.e.Serial
		t.begin("power on")
	},
	"power_off":      func(t teller) { t.begin("power off") },
	"boot":           teller.boot,
	"resync_started": func(t teller) { t.begin("resync, %s", named(causes, t.e.Cause)) },
	"upgrade_started": func(t teller) {
		t.begin("upgrade, %s", named(causes, t.e.Cause))
	},
	"web":    func(t teller) { t.begin("its web server is asked to %s", t.e.Text) },
	"ivr":    func(t teller) { t.begin("its keypad is asked to %s", t.e.Text) },
	"notify": func(t teller) { t.begin("a SIP NOTIFY asks for %s", cmp.Or(t.e.Text, "nothing")) },
	"notify_challenged": func(t teller) {
		t.begin("a SIP NOTIFY for %s has no credentials: the device asks for them (401)", cmp.Or(t.e.Text, "nothing"))
	},
	"notify_failed": teller.notifyFailed,
	"registered": func(t teller) {
		t.begin("line %d is registered at %s%s", t.e.Line, t.e.Text, named(registers, t.e.Cause))
	},
	"unregistered": teller.unregistered,
	"registration_failed": func(t teller) {
		t.begin("line %d cannot register at %s: %s", t.e.Line, t.e.Text, named(refusals, t.e.Err))
	},
	"subscribed": func(t teller) {
		t.begin("line %d subscribes to its mailbox at %s%s", t.e.Line, t.e.Text, named(registers, t.e.Cause))
	},
	"subscription_failed": func(t teller) {
		t.begin("line %d cannot subscribe to its mailbox at %s: %s", t.e.Line, t.e.Text, named(refusals, t.e.Err))
	},
	"rule":           teller.rule,
	"fetch":          teller.fetched,
	"fetch_failed":   teller.fetchFailed,
	"applied":        teller.applied,
	"resync_ok":      func(t teller) { t.line("the resync is done") },
	"resync_failed":  func(t teller) { t.failed("resync") },
	"upgrade_ok":     func(t teller) { t.line("the upgrade is done: firmware %s", t.e.Text) },
	"upgrade_failed": func(t teller) { t.failed("upgrade") },
	"report_ok":      func(t teller) { t.line("the report is sent to %s", t.e.url()) },
	"report_failed":  func(t teller) { t.failed("report") },
	"timer":          teller.timer,
	"waits":          func(t teller) { t.line("waits for %s", t.e.Text) },
	"syslog":         func(teller) {},
	"wire":           func(teller) {}, // what a tap on the line sees
	"server_log":     func(teller) {},
}

// take tells an event.
func (d *Device) take(e *event) {
	t := teller{d, e}
	if tell, ok := tellers[e.Kind]; ok {
		tell(t)
	} else {
		t.moved()
	}
	d.follow(e)
}

func (t teller) boot() {
	why := named(reasons, t.e.Reason)
	if t.e.Text != "" {
		why += ": " + t.e.Text
	}
	if t.e.Reason == "power" {
		t.line("boots: %s", why)
		return
	}
	t.begin("boots: %s", why)
}

func (t teller) notifyFailed() {
	answer := "it is not answered"
	if t.e.Status != 0 {
		answer = fmt.Sprintf("the answer is %d", t.e.Status)
	}
	t.begin("a SIP NOTIFY for %s is refused, %s: %s", cmp.Or(t.e.Text, "nothing"), t.e.Err, answer)
}

// registers say which REGISTER or SUBSCRIBE one was.
var registers = map[string]string{"power_on": ", the first time since the boot", "periodic": " again, in time", "retry": ", after a failure"}

// refusals say why one failed that has no status.
var refusals = map[string]string{"timeout": "no answer comes", "dns": "the server has no address, or may not be asked"}

func (t teller) unregistered() {
	if t.e.Err == "" {
		t.begin("line %d gives up its registration at %s", t.e.Line, t.e.Text)
		return
	}
	t.begin("line %d loses its registration at %s", t.e.Line, t.e.Text)
}

func (t teller) rule() {
	name := t.e.asker()
	if t.e.Err != "" {
		t.line("%s cannot be read: %s", name, t.e.Err)
		return
	}
	for _, line := range strings.Split(t.e.Text, "\n") {
		t.line("%s: %s", name, line)
	}
}

// asked says what was asked for, and why.
func (t teller) asked() string {
	again := ""
	if t.e.Repeat > 0 {
		again = fmt.Sprintf(" again, after %d that failed", t.e.Repeat)
	}
	return fmt.Sprintf("%s asks%s for %s", t.e.asker(), again, t.e.url())
}

func (t teller) fetched() {
	status := ""
	if t.e.Scheme != "tftp" {
		status = fmt.Sprintf("HTTP %d, ", t.e.Status)
	}
	t.line("%s: %s%d bytes, %s%s", t.asked(), status, t.e.Bytes, cmp.Or(t.e.Protection, "plain"), t.open())
	t.hints()
}

// open says what a tap on the line could read.
func (t teller) open() string {
	switch t.e.Secrets {
	case 0:
		return ""
	case 1:
		return ", 1 password or key readable on the line"
	}
	return fmt.Sprintf(", %d passwords or keys readable on the line", t.e.Secrets)
}

func (t teller) fetchFailed() {
	t.line("%s: %s%s", t.asked(), t.e.failure(), t.open())
	t.hints()
}

// hints add what helps a person.
func (t teller) hints() {
	if t.e.Said != "" {
		t.line("the server sent: %q", shown(t.e.Said))
	}
	if t.e.Hint != "" {
		t.line("hint: %s", t.e.Hint)
	}
}

func (t teller) applied() {
	text := fmt.Sprintf("%d values change", t.e.Changed)
	switch t.e.Changed {
	case 0:
		text = "no value changes"
	case 1:
		text = "1 value changes"
	}
	if t.e.Reboot != "" {
		text += fmt.Sprintf(", which asks for a %s reboot", t.e.Reboot)
	}
	t.line("%s", text)
	if t.e.Partly != "" {
		t.line("only a part of the file was taken, %s", t.e.Partly)
	}
	if n := len(t.e.Unknown); n > 0 {
		t.line("ignored, for the model has no such parameter: %s", measure.FirstOf(t.e.Unknown, mostNamed))
	}
	var rejected []string
	for i, name := range t.e.Rejected {
		if i < len(t.e.Refused) {
			name += fmt.Sprintf(" %q", t.e.Refused[i])
		}
		rejected = append(rejected, name)
	}
	if len(rejected) > 0 {
		t.line("ignored, for the parameter does not take the value: %s", measure.FirstOf(rejected, mostNamed))
	}
}

// failed ends a resync, an upgrade or a report. How a transfer failed stands before.
func (t teller) failed(what string) {
	text := t.e.Err
	if t.e.Result == "rule" || t.e.Result == "dns" {
		text += " (" + (&event{Result: t.e.Result, transfer: transfer{Phase: "rule"}}).failure() + ")"
	}
	t.line("the %s has failed, the device says %q", what, text)
}

func (t teller) moved() {
	via := ""
	if t.e.Via != "" {
		via = " via " + t.e.Via
	}
	t.line("%s%s: its state is now %s", t.e.Kind, via, t.e.State)
}

func (t teller) timer() {
	e := t.e
	if e.Next == nil {
		t.line("%s", e.Text)
		return
	}
	does := "comes back "
	if e.Cause == "" {
		does = "goes on "
	}
	t.line("%s", does+wait(e.Next.Sub(e.At))+": "+e.Text)
}

// follow notes what the device waits for after an event.
func (d *Device) follow(e *event) {
	n := &d.ends
	switch e.Kind {
	case "timer":
		was, wasAt := n.was, n.wasAt
		if n.held != "" {
			was, wasAt = n.held, n.at
		}
		*n = ending{at: e.At, timer: e.Text, next: e.Next, forced: e.Cause == "", was: was, wasAt: wasAt}
	case "waits":
		n.waits(e)
	case "resync_started", "upgrade_started":
		*n = ending{at: e.At, attempt: strings.TrimSuffix(e.Kind, "_started")}
	case "power_off":
		*n = ending{at: e.At, off: true}
	case "resync_ok", "resync_failed", "upgrade_ok", "upgrade_failed", "boot", "power_on":
		*n = ending{at: e.At}
	}
}

// waits notes that something is due and has to wait. That it still does is no news.
func (n *ending) waits(e *event) {
	now := ending{at: e.At, held: e.Text}
	switch {
	case n.attempt != "":
		return
	case n.held == e.Text:
		now.at, now.next = n.at, n.next
	case n.was == e.Text:
		now.at = n.wasAt
	}
	if n.forced {
		now.next = n.next
	}
	*n = now
}

// waits is the last step: what the device waits for.
func (d *Device) waits() Step {
	text := shown("at the end of the log, " + d.ends.says())
	return Step{At: d.Until, Kind: "end", Text: text, begins: true, same: text}
}

func (n *ending) says() string {
	since := " since " + stamp(n.at)
	switch {
	case n.off:
		return "it has had no power" + since
	case n.attempt != "":
		return "the " + n.attempt + " is under way" + since
	case n.held != "" && n.next != nil:
		return "it waits" + since + ", until " + stamp(*n.next) + " at the latest, for " + n.held
	case n.held != "":
		return "it waits" + since + " for " + n.held
	case n.next != nil:
		return "it waits" + since + " until " + stamp(*n.next) + ": " + n.timer
	case n.timer != "":
		return "it waits" + since + ": " + n.timer
	}
	return "the log does not say what it waits for; 'spafleet run --events' of this version does"
}

// wait says when something comes after a length of time.
func wait(d time.Duration) string {
	if d <= 0 {
		return "at once"
	}
	return "in " + length(d)
}

// length is a length of time, as a person says it.
func length(d time.Duration) string {
	switch {
	case d < time.Second:
		return d.Round(time.Millisecond).String()
	case d < time.Minute:
		return d.Round(10 * time.Millisecond).String()
	}
	return d.Round(time.Second).String()
}

// stamp is a moment.
func stamp(at time.Time) string { return at.UTC().Format("2006-01-02 15:04:05.000") }
