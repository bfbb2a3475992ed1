package tally

import (
	"maps"
	"slices"
	"strconv"
	"time"

	"spafleet/device"
	"spafleet/device/model"
)

// A Filter is one metric under tags, such as resync_duration{during:return}.
type Filter struct {
	Metric string
	Tags   map[string]string
}

// A Watched is what was counted of the samples of a filter.
type Watched struct {
	Filter `json:"-"` // of what is read from JSON only Series has it
	Count  int64      `json:"count"`  // samples; of a counter, what they add up to
	Failed int64      `json:"failed"` // of them those that failed,
	Surely int64      `json:"surely"` // and for a reason that lateness cannot cause
	Least  int64      `json:"least"`  // of a gauge: Count is its value now
	Most   int64      `json:"most"`
	Series Series     `json:"series"` // of a trend
}

// watching counts the samples of filters, where there are any.
type watching struct {
	by        map[string][]*watch // by metric
	steps     []moment
	stretches []Stretch
}

// A moment is when a named step happened.
type moment struct {
	at   int64
	name string
}

// A Stretch is how much of a run a value of the tag during names: from a named step to
// the next one, as often as the step happens.
type Stretch struct {
	During  string  `json:"during"`
	Seconds float64 `json:"seconds"`          // in all; of the latest, less what the run lasts
	Latest  bool    `json:"latest,omitempty"` // the run is in it
}

// Length returns how much of a run the tag during names.
func Length(during string, stretches []Stretch, run time.Duration) time.Duration {
	for _, s := range stretches {
		switch {
		case s.During == during && s.Latest:
			return run + time.Duration(s.Seconds*float64(time.Second))
		case s.During == during:
			return time.Duration(s.Seconds * float64(time.Second))
		}
	}
	if len(stretches) == 0 && during == StartTag {
		return run
	}
	return 0
}

// enter begins the stretch of a named step.
func (w *watching) enter(name string, after time.Duration) {
	if len(w.stretches) == 0 {
		w.stretches = []Stretch{{During: StartTag, Latest: true}}
	}
	named := -1
	for i := range w.stretches {
		s := &w.stretches[i]
		if s.Latest {
			s.Seconds, s.Latest = s.Seconds+after.Seconds(), false
		}
		if s.During == name {
			named = i
		}
	}
	if named < 0 {
		named = len(w.stretches)
		w.stretches = append(w.stretches, Stretch{During: name})
	}
	w.stretches[named].Seconds -= after.Seconds()
	w.stretches[named].Latest = true
}

type watch struct {
	Watched
	makes []bool // by make: it is meant
}

// StartTag is the value of the tag during before any named step.
const StartTag = "start"

// means reports whether a filter is about the devices of a make.
func (f *Filter) means(m *Make) bool {
	family := ""
	if of, err := model.FindModel(m.Model); err == nil {
		family = of.Family.Name
	}
	return f.has("group", m.Group) && f.has("model", m.Model) && f.has("firmware", m.Firmware) && f.has("family", family)
}

// has reports whether a tag may have a value.
func (f *Filter) has(tag, value string) bool {
	want, asked := f.Tags[tag]
	return !asked || want == value
}

// during returns the latest named step at a moment.
func (w *watching) during(at int64) string {
	for _, s := range slices.Backward(w.steps) {
		if s.at <= at {
			return s.name
		}
	}
	return StartTag
}

func (w *watching) all() []Watched {
	var list []Watched
	for _, metric := range slices.Sorted(maps.Keys(w.by)) {
		for _, one := range w.by[metric] {
			c := one.Watched
			c.Series = Series{Name: c.Series.Name, Tags: c.Series.Tags}
			c.Series.merge(&one.Series.histogram)
			list = append(list, c)
		}
	}
	return list
}

// A sample is what a metric counts once, with its tags beside those of the device.
type sample struct {
	kind   int   // the device's make
	due    int64 // when it became due
	n      int64 // how often it counts
	took   int64 // of a trend
	bad    bool
	surely bool
	tags   [2]string // further tags, name and value; "" for none
	cause  string
	result string
	file   *device.File
}

// tell counts a sample of a metric.
func (w *watching) tell(metric string, s *sample) {
	for _, one := range w.by[metric] {
		if one.makes[s.kind] && w.meant(one, s) {
			one.add(s)
		}
	}
}

func (w *watch) add(s *sample) {
	w.Count += s.n
	if s.bad {
		w.Failed += s.n
	}
	if s.surely {
		w.Surely += s.n
	}
	w.Series.add(s.took)
}

// meant reports whether a sample has the tags of a filter, those of the device left out.
func (w *watching) meant(one *watch, s *sample) bool {
	for tag, want := range one.Tags {
		has := want
		switch tag {
		case "during":
			has = w.during(s.due)
		case "cause":
			has = s.cause
		case "result":
			has = s.result
		case "scheme", "rule", "what", "status":
			has = s.ofFile(tag)
		case s.tags[0]:
			has = s.tags[1]
		}
		if has != want {
			return false
		}
	}
	return true
}

func (s *sample) ofFile(tag string) string {
	if s.file == nil {
		return ""
	}
	switch tag {
	case "scheme":
		return s.file.Scheme
	case "rule":
		return ruleName(s.file.Rule)
	case "what":
		return s.file.What
	}
	return strconv.Itoa(s.file.Status)
}

// watchers are the metrics of which events are samples, by kind of event.
var watchers = map[device.Kind]func(*watching, *device.Event, *sample){
	device.ResyncOK:           watchOutcome("resyncs", "resync_failed", "resync_duration"),
	device.ResyncFailed:       watchOutcome("resyncs", "resync_failed", "resync_duration"),
	device.UpgradeOK:          watchOutcome("upgrades", "upgrade_failed", "upgrade_duration"),
	device.UpgradeFailed:      watchOutcome("upgrades", "upgrade_failed", "upgrade_duration"),
	device.ReportOK:           watchReport,
	device.ReportFailed:       watchReport,
	device.Fetched:            watchFetch,
	device.FetchFailed:        watchFetch,
	device.Notify:             watchNotify,
	device.NotifyFailed:       watchNotify,
	device.Registered:         watchRegistration,
	device.RegistrationFailed: watchRegistration,
	device.Boot: func(w *watching, e *device.Event, s *sample) {
		s.tags = [2]string{"reason", e.Reason.String()}
		w.tell("reboots", s)
	},
	device.Applied: func(w *watching, e *device.Event, s *sample) {
		for metric, n := range map[string]int{"params_unknown": len(e.File.Unknown), "params_rejected": len(e.File.Rejected)} {
			if s.n = int64(n); n > 0 {
				w.tell(metric, s)
			}
		}
	},
}

func watchOutcome(counter, rate, trend string) func(*watching, *device.Event, *sample) {
	return func(w *watching, e *device.Event, s *sample) {
		s.due, s.took = e.At-e.Took, e.Took
		for _, metric := range []string{counter, rate, trend} {
			w.tell(metric, s)
		}
	}
}

func watchRegistration(w *watching, e *device.Event, s *sample) {
	s.bad = e.Kind == device.RegistrationFailed
	s.surely = s.bad && !e.Slowness()
	s.due, s.took = e.At-e.Took, e.Took
	for _, metric := range []string{"registrations", "registration_failed", "registration_duration"} {
		w.tell(metric, s)
	}
}

// watchNotify counts what a device made of a NOTIFY. That it asks for credentials is not
// the end of one.
func watchNotify(w *watching, e *device.Event, s *sample) {
	s.bad = e.Kind == device.NotifyFailed
	s.surely = s.bad
	w.tell("notifies", s)
	w.tell("notify_failed", s)
}

func watchReport(w *watching, e *device.Event, s *sample) {
	w.tell("reports", s)
	w.tell("report_failed", s)
	w.bytes(e.File, s)
}

func watchFetch(w *watching, e *device.Event, s *sample) {
	f := e.File
	s.result, s.bad, s.surely = f.Result.String(), f.Result != device.OK, f.Result != device.OK && !e.Slowness()
	s.took = f.Took.Whole()
	s.due = e.At - s.took
	w.tell("fetches", s)
	w.tell("fetch_failed", s)
	w.bytes(f, s)
	if s.bad {
		return
	}
	w.tell("fetch_duration", s)
	for _, p := range parts(&f.Took) {
		if p.ns > 0 {
			s.took, s.tags = p.ns, [2]string{"phase", p.name}
			w.tell("phase_duration", s)
		}
	}
}

// bytes counts what went over the network for a file.
func (w *watching) bytes(f *device.File, s *sample) {
	if f == nil {
		return
	}
	once := s.n
	for metric, n := range map[string]int{"bytes_received": f.Bytes, "bytes_sent": f.Sent, "tftp_retransmits": f.Resent} {
		if s.n = int64(n); n > 0 {
			w.tell(metric, s)
		}
	}
	s.n = once
}

// changed counts devices in and out of what a gauge finds.
func (w *watching) changed(metric string, kind int, by int64, tag, value string) {
	for _, one := range w.by[metric] {
		if one.makes[kind] && one.has(tag, value) {
			one.Count += by
			one.Least, one.Most = min(one.Least, one.Count), max(one.Most, one.Count)
		}
	}
}

// merge adds what another shard has counted by the same filter.
func (w *Watched) merge(o *Watched) {
	w.Count += o.Count
	w.Failed += o.Failed
	w.Surely += o.Surely
	w.Least += o.Least
	w.Most += o.Most
	w.Series.merge(&o.Series.histogram)
}

func (w *Watched) same(o *Watched) bool {
	return w.Series.Name == o.Series.Name && maps.Equal(w.Series.Tags, o.Series.Tags)
}
