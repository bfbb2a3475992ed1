package fleet

import (
	"fmt"

	"spafleet/device"
)

// A Broken says that the fleet itself is wrong, not a device or a server: what
// must always hold does not. Nothing of such a run counts.
type Broken struct {
	Rule   string // what must hold
	Detail string // where it does not
}

func (b *Broken) Error() string {
	return "internal error: a rule of the fleet is broken: " + b.Rule + ": " + b.Detail + "; please report this"
}

// The rules that are looked at in every run.
const (
	countsAgree = "attempts started are those that went well, failed, were cut off or are under way"
	neverEarly  = "no device acts before it is due"
	oneState    = "no device is in two states"
	bytesAdd    = "the bytes that devices tell of are those that came"
)

// books are the attempts of a loop.
type books struct{ started, ok, failed, aborted int64 }

// intake is what came to an attempt.
type intake struct {
	files int // answers
	bytes int64
}

func (in *intake) take(n int) {
	in.files++
	in.bytes += int64(n)
}

// breaks notes the first broken rule, which ends the run.
func (l *loop) breaks(rule, format string, args ...any) {
	if l.broken == nil {
		l.broken = &Broken{rule, fmt.Sprintf(format, args...)}
	}
}

// checkStart looks at an attempt that begins.
func (l *loop) checkStart(s *start, u *unit, now int64) {
	switch {
	case s.due > now:
		l.breaks(neverEarly, "device %d starts %d ns early", s.dev, s.due-now)
	case u.act != idle:
		l.breaks(oneState, "device %d starts an attempt during another", s.dev)
	case !u.has(powered):
		l.breaks(oneState, "device %d starts an attempt without power", s.dev)
	}
}

// checkEnd looks at an attempt that ended, and counts it.
func (l *loop) checkEnd(slot int32, a *act, u *unit, got intake, ok, aborted bool) {
	switch {
	case aborted:
		l.books.aborted++
	case ok:
		l.books.ok++
	default:
		l.books.failed++
	}
	if a.live && u.act != slot {
		l.breaks(oneState, "device %d ends attempt %d, and is in %d", a.dev, slot, u.act)
	}
	told := a.told
	if told.files > got.files || told.bytes > got.bytes || !aborted && told.files == got.files && told.bytes != got.bytes {
		l.breaks(bytesAdd, "device %d tells of %d bytes in %d files, and got %d in %d", a.dev, told.bytes, told.files, got.bytes, got.files)
	}
}

// checkTurn looks at the counts.
func (l *loop) checkTurn() {
	b := &l.books
	if b.started != b.ok+b.failed+b.aborted+int64(l.gate.running) {
		l.breaks(countsAgree, "%d started; %d ok, %d failed, %d cut off, %d under way", b.started, b.ok, b.failed, b.aborted, l.gate.running)
	}
}

// tells counts the files that an event tells of.
func (a *act) tells(e *device.Event) {
	switch e.Kind {
	case device.Fetched, device.FetchFailed, device.ReportOK, device.ReportFailed:
		if e.File != nil && e.File.Status != 0 && e.File != a.file {
			a.told.take(e.File.Bytes)
			a.file = e.File
		}
	}
}
