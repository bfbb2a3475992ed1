package bundle

import (
	"bytes"
	"encoding/json"
	"encoding/xml"
	"errors"
	"maps"
	"net/http"
	"slices"
	"strings"
	"sync"

	"spafleet/device"
	"spafleet/device/phase"
	"spafleet/resync"
)

// Answers are what servers answered to a device, in the order in which it asked. They
// stand in for the servers: bodies are not kept, so a profile that came has what the
// device was set to at the end. Images and other files are not there.
type Answers struct {
	mu      sync.Mutex
	list    []answer
	from    int               // those before are given
	last    map[string]answer // by what was asked for
	profile []byte
}

// An answer is a transfer, as a line of an event log has it.
type answer struct {
	Kind     string `json:"kind"`
	Result   string `json:"result"`
	What     string `json:"what"`
	Scheme   string `json:"scheme"`
	Host     string `json:"host"`
	Path     string `json:"path"`
	Status   int    `json:"status"`
	Phase    string `json:"phase"`
	Wait     int64  `json:"wait_ns"`
	Refusal  int    `json:"tftp_error"`
	Said     string `json:"said"`
	TLSError int    `json:"tls_error"`
	Alert    uint8  `json:"alert"`
	Hint     string `json:"hint"`
	Protect  string `json:"protection"`

	given bool
}

// NewAnswers returns the answers of a bundle.
func NewAnswers(b *Bundle) *Answers {
	a := &Answers{last: map[string]answer{}, profile: profileOf(b.About.Params)}
	for line := range bytes.Lines(b.Events) {
		var one answer
		if json.Unmarshal(line, &one) == nil && (one.Kind == "fetch" || one.Kind == "fetch_failed") {
			a.list = append(a.list, one)
		}
	}
	return a
}

// profileOf writes parameters as a profile.
func profileOf(params map[string]string) []byte {
	var b bytes.Buffer
	b.WriteString("<flat-profile>\n")
	for _, name := range slices.Sorted(maps.Keys(params)) {
		if strings.ContainsAny(name, "<>& \"'/") {
			continue
		}
		b.WriteString("<" + name + ">")
		_ = xml.EscapeText(&b, []byte(params[name])) // into memory
		b.WriteString("</" + name + ">\n")
	}
	b.WriteString("</flat-profile>\n")
	return b.Bytes()
}

// errNotRecorded says that the device asks for what it had not asked for.
var errNotRecorded = errors.New("the bundle has no answer to this")

// Hosts returns the names and addresses of the servers.
func (a *Answers) Hosts() []string {
	var list []string
	for i := range a.list {
		if h := a.list[i].Host; h != "" && !slices.Contains(list, h) {
			list = append(list, h)
		}
	}
	return list
}

// next gives the next answer that fits, nil where none is left.
func (a *Answers) next(fits func(*answer) bool) *answer {
	for a.from < len(a.list) && a.list[a.from].given {
		a.from++
	}
	for i := a.from; i < len(a.list); i++ {
		if one := &a.list[i]; !one.given && fits(one) {
			return one
		}
	}
	return nil
}

// Knows reports whether a name is found this time.
func (a *Answers) Knows(name string) bool {
	a.mu.Lock()
	defer a.mu.Unlock()
	one := a.next(func(one *answer) bool { return one.Host == name })
	if one == nil || one.Result != device.NoDNS.String() {
		return true
	}
	one.given = true
	return false
}

// Answer returns the next answer to a request, and how many nanoseconds the device waits
// for it beside the way there and back. The last one holds from then on. What was never
// asked for is not found.
func (a *Answers) Answer(r *resync.Request) (resync.Response, int64, error) {
	a.mu.Lock()
	defer a.mu.Unlock()
	key := r.Scheme + " " + r.Path
	one := a.next(func(one *answer) bool {
		return one.Scheme == r.Scheme && one.Path == r.Path && one.Result != device.NoDNS.String()
	})
	if one != nil {
		one.given = true
		a.last[key] = *one
	}
	again, has := a.last[key]
	if !has {
		return resync.Response{Status: http.StatusNotFound}, 0, nil
	}
	return again.response(a.profile)
}

// results are the ways in which a transfer fails without an answer.
var results = map[string]device.Result{
	device.NoDNS.String(): device.NoDNS, device.NoConnect.String(): device.NoConnect, device.Timeout.String(): device.Timeout,
	device.TLSFailed.String(): device.TLSFailed, device.BadScheme.String(): device.BadScheme,
}

// response is what the device gets.
func (n *answer) response(profile []byte) (resync.Response, int64, error) {
	if result, fails := results[n.Result]; fails {
		return resync.Response{}, n.Wait, &resync.Error{
			Result: result, Phase: phaseOf(n.Phase), Said: n.Said,
			TLS: resync.Handshake{Verify: n.TLSError, Alert: n.Alert, Hint: n.Hint}, Cause: errNotRecorded,
		}
	}
	if n.Scheme == "tftp" && n.Result == device.BadStatus.String() {
		return resync.Response{}, 0, &resync.Error{Result: device.BadStatus, Phase: phase.Status, Code: n.Refusal, Said: n.Said}
	}
	r := resync.Response{Status: n.Status, TLS: n.Scheme == "https", Mutual: strings.Contains(n.Protect, "mutual")}
	switch {
	case n.Result == device.Corrupt.String() && phaseOf(n.Phase) < phase.Decode:
		place := phaseOf(n.Phase)
		return resync.Response{}, 0, &resync.Error{Result: device.Corrupt, Phase: place, TooBig: place == phase.Size, Cut: place == phase.Body}
	case n.Result == device.Corrupt.String() || n.Result == device.Decrypt.String():
		r.Status, r.Body = http.StatusOK, []byte("\x00not kept")
	case n.Kind == "fetch" && n.What == "profile":
		r.Status, r.Body = http.StatusOK, profile
	case n.Kind == "fetch":
		r.Status = http.StatusNotFound
	case r.Status == 0:
		r.Status = http.StatusNotFound
	}
	return r, 0, nil
}

// phaseOf returns the phase of a name.
func phaseOf(name string) phase.Phase {
	for _, p := range phase.All() {
		if p.String() == name {
			return p
		}
	}
	return phase.FirstByte
}
