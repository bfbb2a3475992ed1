package tally

import (
	"cmp"
	"maps"
	"net"
	"slices"
	"strconv"
	"time"

	"spafleet/device"
	"spafleet/device/model"
	"spafleet/device/phase"
)

// A Failure is one cause of failed resyncs, upgrades and reports: all that failed
// in the same way, for the same file of a rule.
type Failure struct {
	What      string         `json:"what"` // profile, image, report, ca, customization or an extra file's kind; empty where no file was asked for
	Rule      string         `json:"rule,omitempty"`
	Param     string         `json:"param,omitempty"` // that names an extra file
	Scheme    string         `json:"scheme,omitempty"`
	Phase     string         `json:"phase,omitempty"` // of the transfer
	Result    string         `json:"result"`
	Status    int            `json:"status,omitempty"`     // of HTTP
	TFTPError *int           `json:"tftp_error,omitempty"` // code of a TFTP server's ERROR
	TLSError  int            `json:"tls_error,omitempty"`  // OpenSSL's number for the server's certificate
	Alert     int            `json:"alert,omitempty"`      // of TLS
	Wait      float64        `json:"wait_seconds,omitempty"`
	Err       string         `json:"err"` // in the device's words
	Hint      string         `json:"hint,omitempty"`
	Count     int            `json:"count"`
	Models    map[string]int `json:"models"` // how often by model and firmware
	Example   Example        `json:"example"`
}

// An Example is the first failure of a cause.
type Example struct {
	MAC   string    `json:"mac,omitempty"`
	Index int       `json:"index"`
	URL   string    `json:"url,omitempty"`
	At    time.Time `json:"at"`             // fleet time
	Said  string    `json:"said,omitempty"` // the beginning of what the server sent in place of the file
}

// failureKey is what failures of one cause have in common.
type failureKey struct {
	what     string
	rule     byte
	param    string
	scheme   string
	phase    phase.Phase
	result   device.Result
	status   int
	refusal  int
	tlsError int
	alert    uint8
	wait     int64
	err      string
	hint     string
}

// mostFailures bounds how many causes are kept. Failures of others are counted
// together.
const mostFailures = 200

// Identify makes failures name devices by their MAC addresses. It is called before
// the first event.
func (t *Tally) Identify(mac func(device.Index) model.MAC) { t.mac = mac }

// keyOf returns what an event of something that failed has in common with others,
// and the file that failed. A rule that cannot be read has none: the event's is then
// that of the rule before.
func keyOf(e *device.Event) (failureKey, *device.File) {
	f := e.File
	if f == nil || f.Result != e.Result {
		return failureKey{phase: phase.Rule, result: e.Result, err: e.Err}, &device.File{}
	}
	return failureKey{f.What, f.Rule, f.Param, f.Scheme, f.Phase, e.Result, f.Status, f.Refusal, f.TLSError, f.Alert, f.Wait, e.Err, f.Hint}, f
}

// FailureOf returns the cause of one event of something that failed, not counted.
func FailureOf(e *device.Event) *Failure {
	key, _ := keyOf(e)
	return key.failure()
}

// failure counts an event of something that failed.
func (t *Tally) failure(e *device.Event) {
	key, file := keyOf(e)
	f := t.errs[key]
	if f == nil {
		if len(t.errs) >= mostFailures {
			t.moreErrs++
			return
		}
		f = key.failure()
		t.errs[key] = f
	}
	f.Count++
	f.Models[t.makes[t.makeOf(e.Dev)].String()]++
	if f.Count == 1 || cmp.Or(cmp.Compare(e.At, f.Example.At.UnixNano()), int(e.Dev)-f.Example.Index) < 0 {
		f.Example = t.example(e, file)
	}
}

func (k *failureKey) failure() *Failure {
	f := &Failure{
		What: k.what, Param: k.param, Scheme: k.scheme, Phase: k.phase.String(), Result: k.result.String(), TLSError: k.tlsError, Alert: int(k.alert),
		Wait: time.Duration(k.wait).Seconds(), Err: k.err, Hint: k.hint, Models: map[string]int{},
	}
	if k.rule != 0 {
		f.Rule = ruleName(k.rule)
	}
	switch {
	case k.scheme != "tftp":
		f.Status = k.status
	case k.phase == phase.Status:
		f.TFTPError = &k.refusal
	}
	return f
}

func (t *Tally) example(e *device.Event, f *device.File) Example {
	x := Example{Index: int(e.Dev), URL: Address(f), At: time.Unix(0, e.At).UTC(), Said: f.Said}
	if t.mac != nil {
		x.MAC = t.mac(e.Dev).String()
	}
	return x
}

// Address returns the URL of a file, "" where it has none.
func Address(f *device.File) string {
	if f.Scheme == "" {
		return ""
	}
	host := f.Host
	if port := int(f.Server.Port()); port != 0 && port != map[string]int{"tftp": 69, "http": 80, "https": 443}[f.Scheme] {
		host = net.JoinHostPort(host, strconv.Itoa(port))
	}
	return f.Scheme + "://" + host + f.Path
}

// same reports whether two failures have the same cause.
func (f *Failure) same(o *Failure) bool { return f.compare(o) == 0 }

func (f *Failure) compare(o *Failure) int {
	return cmp.Or(cmp.Compare(f.What, o.What), cmp.Compare(f.Rule, o.Rule), cmp.Compare(f.Param, o.Param), cmp.Compare(f.Scheme, o.Scheme), cmp.Compare(f.Phase, o.Phase),
		cmp.Compare(f.Result, o.Result), cmp.Compare(f.Status, o.Status), cmp.Compare(code(f.TFTPError), code(o.TFTPError)),
		cmp.Compare(f.TLSError, o.TLSError), cmp.Compare(f.Alert, o.Alert), cmp.Compare(f.Wait, o.Wait), cmp.Compare(f.Err, o.Err), cmp.Compare(f.Hint, o.Hint))
}

func code(c *int) int {
	if c == nil {
		return -1
	}
	return *c
}

// merge adds another's count, and takes the earlier example.
func (f *Failure) merge(o *Failure) {
	f.Count += o.Count
	addCounts(&f.Models, o.Models)
	if cmp.Or(o.Example.At.Compare(f.Example.At), o.Example.Index-f.Example.Index) < 0 {
		f.Example = o.Example
	}
}

// mergeFailures adds the failures of another shard. Those of causes above the
// bound are counted together.
func (t *Totals) mergeFailures(o *Totals) {
	more := make([]Failure, len(o.Errors))
	for i := range o.Errors {
		more[i] = o.Errors[i].clone()
	}
	t.Errors = merged(t.Errors, more, (*Failure).same, (*Failure).merge)
	t.ErrorsMore += o.ErrorsMore
	sortFailures(t.Errors)
	for _, f := range t.Errors[min(len(t.Errors), mostFailures):] {
		t.ErrorsMore += f.Count
	}
	t.Errors = t.Errors[:min(len(t.Errors), mostFailures)]
}

func sortFailures(list []Failure) {
	slices.SortFunc(list, func(a, b Failure) int { return cmp.Or(b.Count-a.Count, a.compare(&b)) })
}

// clone returns a copy that shares nothing that changes.
func (f *Failure) clone() Failure {
	c := *f
	c.Models = maps.Clone(f.Models)
	return c
}
