package fleet

import (
	"fmt"

	"spafleet/device"
	"spafleet/resync/unit"
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

// counts are the attempts of a loop.
type counts struct{ started, ok, failed, aborted int64 }

// received is what came to an attempt.
type received struct {
	files int // answers
	bytes int64
}

func (r *received) take(n int) {
	r.files++
	r.bytes += int64(n)
}

// violated notes the first broken rule, which ends the run.
func (l *loop) violated(rule, format string, args ...any) {
	if l.broken == nil {
		l.broken = &Broken{rule, fmt.Sprintf(format, args...)}
	}
}

// checkStart looks at an attempt that begins.
func (l *loop) checkStart(s *start, u *unit.Unit, now int64) {
	switch {
	case s.Due > now:
		l.violated(neverEarly, "device %d starts %d ns early", s.dev, s.Due-now)
	case u.Attempt() != unit.None:
		l.violated(oneState, "device %d starts an attempt during another", s.dev)
	case !u.Answers():
		l.violated(oneState, "device %d starts an attempt without power, or while it boots", s.dev)
	}
}

// checkEnd looks at an attempt that ended, and counts it.
func (l *loop) checkEnd(number int32, s *slot, u *unit.Unit, got received, ok, aborted bool) {
	switch {
	case aborted:
		l.counts.aborted++
	case ok:
		l.counts.ok++
	default:
		l.counts.failed++
	}
	if s.live && u.Attempt() != number {
		l.violated(oneState, "device %d ends attempt %d, and is in %d", s.dev, number, u.Attempt())
	}
	told := s.told
	if told.files > got.files || told.bytes > got.bytes || !aborted && told.files == got.files && told.bytes != got.bytes {
		l.violated(bytesAdd, "device %d tells of %d bytes in %d files, and got %d in %d", s.dev, told.bytes, told.files, got.bytes, got.files)
	}
}

// checkTurn looks at the counts.
func (l *loop) checkTurn() {
	c := &l.counts
	if c.started != c.ok+c.failed+c.aborted+int64(l.admission.running) {
		l.violated(countsAgree, "%d started; %d ok, %d failed, %d cut off, %d under way", c.started, c.ok, c.failed, c.aborted, l.admission.running)
	}
}

// tells counts the files that events tell of.
func (s *slot) tells(events []device.Event) {
	for i := range events {
		e := &events[i]
		switch e.Kind {
		case device.Fetched, device.FetchFailed, device.ReportOK, device.ReportFailed:
			if e.File != nil && e.File.Status != 0 && e.File != s.file {
				s.told.take(e.File.Bytes)
				s.file = e.File
			}
		}
	}
}
