package report

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
	"time"

	"spafleet/device/measure"
	"spafleet/device/model"
	"spafleet/fsm"
	"spafleet/scenarios/tally"
)

// A Threshold is a limit for a figure of the whole run, such as
// resync_duration p(95)<500ms.
type Threshold struct {
	Metric string // with its tags, as it was written
	Limit  string // as it was written
	// OnlyFails says that it makes a run fail, but that to be within it is not what
	// is expected of the run.
	OnlyFails bool
	Abort     bool          // to be outside of it ends the run at once,
	Delay     time.Duration // but not before so much of it

	metric    *metric
	tags      map[string]string
	aggregate string // rate, count, avg, min, med, max; "" for a percentile
	percent   float64
	operator  string
	value     float64 // seconds, a share, or a number
}

// A ThresholdReport says whether a threshold was kept.
type ThresholdReport struct {
	Metric    string  `json:"metric"`
	Threshold string  `json:"threshold"`
	Value     float64 `json:"value"` // seconds, a share of 1, or a number
	Samples   int64   `json:"samples"`
	OK        bool    `json:"ok"`
	Surely    bool    `json:"surely,omitempty"`     // it failed, and not because this machine was late
	Shared    bool    `json:"shared,omitempty"`     // of a shard: the merge decides
	OnlyFails bool    `json:"only_fails,omitempty"` // it was given by --fail-on
}

// A row is one figure of a metric under its tags.
type row struct {
	tags           map[string]string
	n, bad, surely int64 // all, those that failed, and those that did for a reason that lateness cannot cause
	series         *tally.Series
}

// A metric is something that thresholds are about.
type metric struct {
	name string
	one  string // what one sample of it is
	kind string // trend, rate, counter or gauge
	tags []string
	rows func(*tally.Totals) []row // nil: what the metric counts is watched for each threshold
	more []string                  // further tags: with one of them it is watched too
	sure bool                      // lateness of this machine is no excuse
}

// Tags of nearly every metric. The firmware is that of the start.
var (
	ofDevice = []string{"group", "model", "firmware", "family"}
	atTime   = append(slices.Clone(ofDevice), "during")
)

func with(tags []string, more ...string) []string { return append(slices.Clone(tags), more...) }

var metricTable = []metric{
	{"resyncs", "a resync", "counter", []string{"model", "firmware", "scheme", "result"}, resyncRows, with(atTime, "cause"), false},
	{"resync_failed", "a resync", "rate", []string{"model", "firmware", "scheme"}, resyncRows, with(atTime, "cause"), false},
	{"resync_duration", "a resync", "trend", nil, seriesRows("resync_duration"), with(atTime, "cause", "result", "scheme"), false},
	{"ready_duration", "the time from power-on to the first resync that succeeds", "trend", nil, seriesRows("ready_duration"), atTime, false},
	{"fetches", "a file", "counter", []string{"scheme", "rule", "what", "result"}, fetchRows, with(atTime, "cause", "status"), false},
	{"fetch_failed", "a file", "rate", []string{"scheme", "rule", "what"}, fetchRows, with(atTime, "cause", "status"), false},
	{"fetch_duration", "a file that came", "trend", []string{"scheme"}, seriesRows("fetch_duration"), with(atTime, "cause", "rule", "what", "status"), false},
	{"phase_duration", "a phase of a file that came", "trend", []string{"scheme", "phase"}, seriesRows("phase_duration"), with(atTime, "cause", "rule", "what"), false},
	{"upgrades", "an upgrade", "counter", []string{"model", "firmware"}, upgradeRows, with(atTime, "cause", "result", "scheme"), false},
	{"upgrade_failed", "an upgrade", "rate", []string{"model", "firmware"}, upgradeRows, with(atTime, "cause", "scheme"), false},
	{"upgrade_duration", "an upgrade", "trend", nil, nil, with(atTime, "cause", "result", "scheme"), false},
	{"reports", "a report", "counter", nil, nil, with(atTime, "result", "scheme"), false},
	{"report_failed", "a report", "rate", nil, nil, with(atTime, "scheme"), false},
	{"registrations", "a registration of a line, or its refresh, that was granted or failed", "counter", nil, nil, with(atTime, "cause", "result"), false},
	{"registration_failed", "a registration of a line, or its refresh", "rate", nil, nil, with(atTime, "cause"), false},
	{"registration_duration", "a registration of a line, or its refresh", "trend", nil, nil, with(atTime, "cause", "result"), false},
	{"notifies", "a NOTIFY that a device accepted or refused", "counter", nil, nil, with(atTime, "result"), false},
	{"notify_failed", "a NOTIFY", "rate", nil, nil, atTime, false},
	{"notify_duration", "the time from a NOTIFY to the end of its resync", "trend", nil, seriesRows("notify_duration"), with(atTime, "result"), false},
	{"reboots", "a boot", "counter", []string{"reason"}, func(t *tally.Totals) []row { return countRows("reason", t.Reboots) }, atTime, false},
	{"bytes_received", "a byte", "counter", []string{"scheme"}, func(t *tally.Totals) []row { return countRows("scheme", t.Bytes) }, atTime, false},
	{"bytes_sent", "a byte", "counter", nil, nil, with(atTime, "scheme"), false},
	{"tftp_retransmits", "a packet that the device sent again", "counter", nil, nil, with(atTime, "what"), false},
	{"params_unknown", "an element of a profile that the device does not have", "counter", nil, func(t *tally.Totals) []row { return paramRows(&t.Unknown) }, atTime, true},
	{"params_rejected", "an element of a profile that the device does not accept", "counter", nil, func(t *tally.Totals) []row { return paramRows(&t.Rejected) }, atTime, true},
	{"files_partial", "a file that was taken in part", "counter", nil, func(t *tally.Totals) []row { return paramRows(&t.Partly) }, nil, true},
	{"devices", "how many devices there are", "gauge", nil, nil, with(ofDevice, "state"), false},
	{"outstanding", "how many attempts are under way", "gauge", nil, nil, ofDevice, false},
	{"lateness", "a start: how late this machine was", "trend", nil, seriesRows("lateness"), nil, true},
}

// EachMetric tells the metrics that thresholds may be about: what one sample is, the
// kind, the form of its limits with an example, and the tags beside those that nearly
// all have.
func EachMetric(tell func(name, one, kind, example string, limit measure.Form, tags []string)) {
	for i := range metricTable {
		m := &metricTable[i]
		tags := slices.DeleteFunc(with(m.tags, m.more...), func(tag string) bool { return slices.Contains(atTime, tag) })
		slices.Sort(tags)
		tell(m.name, m.one, m.kind, examples[m.kind], limitForm(m.kind), slices.Compact(tags))
	}
}

// limitForm is that of the limits of a kind of metrics.
func limitForm(kind string) measure.Form {
	words := strings.Join(aggregates[kind], "|")
	value := map[string]string{
		"trend": measure.DurationForm.Pattern, "rate": measure.ShareForm.Pattern + `|[0-9]+(\.[0-9]+)?`,
	}[kind]
	if kind == "trend" {
		words += `|p\([0-9]+(\.[0-9]+)?\)`
	}
	if value == "" {
		value = measure.CountForm.Pattern + `|[0-9]+\.[0-9]+`
	}
	return measure.Form{Pattern: "(" + words + ") *(" + strings.Join(operators, "|") + ") *(" + value + ")", Like: []string{examples[kind]}}
}

// lateResults are those of failures that lateness can cause.
var lateResults = []string{"timeout", "dns", "interrupted", "backoff"}

func outcome(tags map[string]string, result string, n int64) row {
	r := row{tags: tags, n: n}
	if result != "ok" {
		r.bad = n
		if !slices.Contains(lateResults, result) {
			r.surely = n
		}
	}
	return r
}

func resyncRows(t *tally.Totals) (list []row) {
	for i := range t.Makes {
		m := &t.Makes[i]
		for _, r := range m.Results {
			list = append(list, outcome(map[string]string{"model": m.Model, "firmware": m.Firmware, "scheme": r.Scheme, "result": r.Result}, r.Result, r.Count))
		}
	}
	return list
}

func fetchRows(t *tally.Totals) (list []row) {
	for _, f := range t.Fetches {
		list = append(list, outcome(map[string]string{"scheme": f.Scheme, "rule": f.Rule, "what": f.What, "result": f.Result}, f.Result, f.Count))
	}
	return list
}

func upgradeRows(t *tally.Totals) (list []row) {
	for i := range t.Makes {
		m := &t.Makes[i]
		list = append(list, row{tags: map[string]string{"model": m.Model, "firmware": m.Firmware}, n: m.Upgrades.OK + m.Upgrades.Failed, bad: m.Upgrades.Failed})
	}
	return list
}

func paramRows(p *tally.Params) (list []row) {
	for _, name := range p.List {
		list = append(list, row{tags: map[string]string{}, n: int64(name.Count)})
	}
	if p.More > 0 {
		list = append(list, row{tags: map[string]string{}, n: int64(p.More)})
	}
	return list
}

func countRows[N int | int64](tag string, counts map[string]N) (list []row) {
	for name, n := range counts {
		list = append(list, row{tags: map[string]string{tag: name}, n: int64(n)})
	}
	return list
}

func seriesRows(name string) func(*tally.Totals) []row {
	return func(t *tally.Totals) (list []row) {
		for i := range t.Series {
			if s := &t.Series[i]; s.Name == name {
				list = append(list, row{tags: s.Tags, series: s})
			}
		}
		return list
	}
}

// ParseThreshold reads a threshold: a metric such as fetch_duration{scheme:http},
// and its limit, such as p(95)<500ms.
func ParseThreshold(name, limit string) (Threshold, error) {
	t := Threshold{Metric: name, Limit: limit, tags: map[string]string{}}
	word, tags, tagged := strings.Cut(name, "{")
	var names []string
	for i := range metricTable {
		names = append(names, metricTable[i].name)
		if metricTable[i].name == word {
			t.metric = &metricTable[i]
		}
	}
	if t.metric == nil {
		return t, fmt.Errorf("unknown metric %q%s", word, cmp.Or(model.DidYouMean(word, names), "; there are "+strings.Join(names, ", ")))
	}
	if tags = strings.TrimSuffix(tags, "}"); tagged {
		for _, tag := range strings.Split(tags, ",") {
			key, value, ok := strings.Cut(strings.TrimSpace(tag), ":")
			known := with(t.metric.tags, t.metric.more...)
			if !ok || !slices.Contains(known, key) {
				return t, &tagError{key, fmt.Errorf("%q is not a tag of %s%s", strings.TrimSpace(tag), word, cmp.Or(model.DidYouMean(key, known), "; it has "+cmp.Or(strings.Join(known, ", "), "none")))}
			}
			value = strings.TrimSpace(value)
			if err := checkTag(key, value); err != nil {
				return t, &tagError{value, err}
			}
			t.tags[key] = value
		}
	}
	return t, t.parseLimit()
}

var (
	operators  = []string{"<=", ">=", "==", "!=", "<", ">"} // the longer first
	aggregates = map[string][]string{"trend": {"avg", "min", "med", "max"}, "rate": {"rate"}, "counter": {"count", "rate"}, "gauge": {"value", "min", "max"}}
	examples   = map[string]string{"trend": "p(95)<500ms", "rate": "rate<1%", "counter": "count<10", "gauge": "max<100"}
)

func (t *Threshold) parseLimit() error {
	wrong := fmt.Errorf("%q is not a limit of %s, such as %s", t.Limit, t.metric.name, examples[t.metric.kind])
	at := strings.IndexAny(t.Limit, "<>=!")
	if at < 0 {
		return wrong
	}
	i := slices.IndexFunc(operators, func(o string) bool { return strings.HasPrefix(t.Limit[at:], o) })
	if i < 0 {
		return wrong
	}
	t.operator = operators[i]
	word, value := strings.TrimSpace(t.Limit[:at]), strings.TrimSpace(t.Limit[at+len(t.operator):])
	if digits, ok := strings.CutPrefix(word, "p("); ok && t.metric.kind == "trend" {
		t.percent, ok = measure.Decimal(strings.TrimSuffix(digits, ")"))
		if !ok || t.percent <= 0 || t.percent > 100 || !strings.HasSuffix(digits, ")") {
			return wrong
		}
	} else if t.aggregate = word; !slices.Contains(aggregates[t.metric.kind], word) {
		return wrong
	}
	return t.parseValue(value, wrong)
}

func (t *Threshold) parseValue(text string, wrong error) error {
	switch t.metric.kind {
	case "trend":
		d, err := measure.Duration(text)
		t.value = d.Seconds()
		if _, number := measure.Decimal(text); err != nil && number {
			return fmt.Errorf("%s is a time and needs a unit; did you mean %q?", t.metric.name, text+"ms")
		}
		return err
	case "rate":
		if digits, ok := strings.CutSuffix(text, "%"); ok {
			n, ok := measure.Decimal(digits)
			if t.value = n / 100; ok && n <= 100 {
				return nil
			}
			return wrong
		}
	}
	n, ok := measure.Decimal(text)
	if whole, err := measure.Count(text); t.metric.kind != "rate" && err == nil {
		n, ok = float64(whole), true
	}
	if t.value = n; !ok || t.metric.kind == "rate" && n > 1 {
		return wrong
	}
	return nil
}

// A tagError is a wrong tag of a threshold's metric, or a wrong value of one.
type tagError struct {
	tag string
	err error
}

func (e *tagError) Error() string { return e.err.Error() }
func (e *tagError) Unwrap() error { return e.err }

// Word returns the part of the metric that is wrong.
func (e *tagError) Word() string { return e.tag }

// tagValues are what tags may have as a value. Other tags are those of a scenario, such
// as its groups and models.
var tagValues = map[string]func() []string{
	"scheme": words("tftp", "http", "https"),
	"rule":   words("A", "B", "C", "D", "url", "U", "R"),
	"cause":  words("power_on", "periodic", "retry", "daily", "trigger", "web", "notify", "keypad", "upgrade", "step", "rc", "xml_push", "change"),
	"result": words("ok", "not_found", "corrupt", "decrypt", "dns", "connect", "timeout", "tls", "status", "scheme", "rule", "interrupted", "restricted", "backoff"),
	"phase":  tally.PhaseNames,
	"reason": words("power", "params", "upgrade_ok", "upgrade_failed", "web", "ivr", "notify", "step", "factory_reset", "customization"),
	"state":  fsm.StateNames,
}

func words(list ...string) func() []string { return func() []string { return list } }

// checkTag refuses a value that a tag never has.
func checkTag(tag, value string) error {
	values := tagValues[tag]
	if tag == "status" && strings.Trim(value, "0123456789") == "" && value != "" || values == nil && tag != "status" && value != "" {
		return nil
	}
	if values == nil {
		return fmt.Errorf("%s is never %q", tag, value)
	}
	if known := values(); !slices.Contains(known, value) {
		return fmt.Errorf("%s is never %q%s", tag, value, cmp.Or(model.DidYouMean(value, known), "; it is "+strings.Join(known, ", ")))
	}
	return nil
}

// Filter returns what has to be watched for a threshold; false where the totals have it
// in any case.
func (t *Threshold) Filter() (tally.Filter, bool) {
	watched := t.metric.rows == nil || t.Abort
	for tag := range t.tags {
		watched = watched || !slices.Contains(t.metric.tags, tag)
	}
	return tally.Filter{Metric: t.metric.name, Tags: t.tags}, watched
}

// Tag returns the value of a tag, "" for none.
func (t *Threshold) Tag(name string) string { return t.tags[name] }

// NeedsEnd reports whether only the end of a run can meet a threshold, since what it is
// about begins at 0 and grows.
func (t *Threshold) NeedsEnd() bool {
	atMost := t.operator == "<" || t.operator == "<=" || t.operator == "==" && t.value == 0
	return !atMost || t.aggregate == "min" && t.metric.kind == "gauge"
}

// Extreme reports whether a threshold is about the least or the most of a gauge.
func (t *Threshold) Extreme() bool {
	return t.metric != nil && t.metric.kind == "gauge" && t.aggregate != "value"
}

// Measures reports whether the threshold is about durations.
func (t *Threshold) Measures() bool { return t.metric != nil && t.metric.kind == "trend" }

// FailOn reads what makes a run fail beside its expectations: failures, failures=1%,
// unknown-params, rejected-params, partial-files or lateness, whose limit is given.
func FailOn(word, lateness string) (Threshold, error) {
	metric, limit := "", "count==0"
	switch name, share, has := strings.Cut(word, "="); {
	case name == "failures" && has:
		metric, limit = "resync_failed", "rate<="+share
	case name == "failures":
		metric, limit = "resync_failed", "rate==0"
	case word == "unknown-params":
		metric = "params_unknown"
	case word == "rejected-params":
		metric = "params_rejected"
	case word == "partial-files":
		metric = "files_partial"
	case word == "lateness":
		metric, limit = "lateness", "p(99)<="+lateness
	default:
		return Threshold{}, fmt.Errorf("%q is not one of failures, failures=1%%, unknown-params, rejected-params, partial-files, lateness", word)
	}
	t, err := ParseThreshold(metric, limit)
	t.OnlyFails = true
	if err != nil {
		return t, fmt.Errorf("%q: the share is 0 to 100%%, such as failures=1%%", word)
	}
	return t, nil
}

// Check compares a threshold with what was counted in a run that lasted so long. One
// that measured nothing fails; a gauge always measures. A rate per second is that of the
// time that its tag during names.
func (t *Threshold) Check(all *tally.Totals, duration time.Duration) ThresholdReport {
	r := ThresholdReport{Metric: t.Metric, Threshold: t.Limit, OnlyFails: t.OnlyFails}
	sum, series := t.counted(all)
	r.Samples = sum.n
	switch t.metric.kind {
	case "trend":
		r.Samples, r.Value = series.Spread().Count, t.of(series)
	case "rate":
		r.Value = share(sum.bad, sum.n)
	case "counter":
		r.Samples, r.Value = max(sum.n, measured(t.metric, all)), float64(sum.n)
		if t.aggregate == "rate" {
			if during, ok := t.tags["during"]; ok {
				duration = tally.Length(during, all.Stretches, duration)
			}
			r.Value /= max(duration.Seconds(), 1e-9)
		}
	case "gauge":
		r.Samples, r.Value = 1, float64(map[string]int64{"value": sum.n, "min": sum.bad, "max": sum.surely}[t.aggregate])
	}
	r.OK = r.Samples > 0 && t.holds(r.Value)
	r.Surely = !r.OK && r.Samples > 0 && (t.metric.sure || t.metric.kind == "rate" && !t.holds(share(sum.surely, sum.n)))
	return r
}

// counted returns what a threshold is about: what was watched for it, or what the totals
// have. Of a gauge it is the value at the end, the least and the most.
func (t *Threshold) counted(all *tally.Totals) (sum row, series *tally.Series) {
	series = &tally.Series{}
	if f, watched := t.Filter(); watched {
		for i := range all.Watched {
			w := &all.Watched[i]
			if w.Series.Name != f.Metric || !maps.Equal(w.Series.Tags, f.Tags) {
				continue
			}
			if t.metric.kind == "gauge" {
				return row{n: w.Count, bad: w.Least, surely: w.Most}, series
			}
			return row{n: w.Count, bad: w.Failed, surely: w.Surely}, &w.Series
		}
		return sum, series
	}
	for _, row := range t.metric.rows(all) {
		if !t.includes(row.tags) {
			continue
		}
		sum.n, sum.bad, sum.surely = sum.n+row.n, sum.bad+row.bad, sum.surely+row.surely
		if row.series != nil {
			series.Add(row.series)
		}
	}
	return sum, series
}

// measured returns how often a counter could have counted: without a resync, or of
// parameters without a profile, 0 says nothing.
func measured(m *metric, all *tally.Totals) (n int64) {
	if !slices.Contains([]string{"params_unknown", "params_rejected", "files_partial"}, m.name) {
		return all.Started
	}
	for _, f := range all.Fetches {
		if f.What == "profile" && f.Result == "ok" {
			n += f.Count
		}
	}
	return n
}

func (t *Threshold) includes(tags map[string]string) bool {
	for key, value := range maps.All(t.tags) {
		if tags[key] != value {
			return false
		}
	}
	return true
}

func share(n, of int64) float64 {
	if of == 0 {
		return 0
	}
	return float64(n) / float64(of)
}

// of returns the aggregate of durations.
func (t *Threshold) of(s *tally.Series) float64 {
	spread := s.Spread()
	switch t.aggregate {
	case "avg":
		return spread.Avg
	case "min":
		return spread.Min
	case "med":
		return spread.Med
	case "max":
		return spread.Max
	}
	return s.Quantile(t.percent)
}

func (t *Threshold) holds(value float64) bool {
	switch t.operator {
	case "<":
		return value < t.value
	case "<=":
		return value <= t.value
	case ">":
		return value > t.value
	case ">=":
		return value >= t.value
	case "==":
		return value == t.value
	}
	return value != t.value
}

// Measured returns the value that was measured as people read it.
func (r *ThresholdReport) Measured() string {
	switch {
	case r.Samples == 0:
		return "nothing was measured"
	case strings.HasPrefix(r.Threshold, "rate") && r.perSecond():
		if r.Value >= 1000 {
			return fmt.Sprintf("%.0f/s", r.Value)
		}
		return fmt.Sprintf("%.4g/s", r.Value)
	case strings.HasPrefix(r.Threshold, "rate"):
		return fmt.Sprintf("%.4g%% of %d", 100*r.Value, r.Samples)
	case strings.HasPrefix(r.Threshold, "count"), r.gauge():
		return strconv.FormatFloat(r.Value, 'f', -1, 64)
	}
	return fmt.Sprintf("%s of %d", Seconds(r.Value), r.Samples)
}

// kind returns the kind of the metric.
func (r *ThresholdReport) kind() string {
	word, _, _ := strings.Cut(r.Metric, "{")
	for i := range metricTable {
		if metricTable[i].name == word {
			return metricTable[i].kind
		}
	}
	return ""
}

func (r *ThresholdReport) gauge() bool     { return r.kind() == "gauge" }
func (r *ThresholdReport) perSecond() bool { return r.kind() == "counter" }
