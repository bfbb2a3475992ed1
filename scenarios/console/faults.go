package console

import (
	"errors"
	"fmt"
	"maps"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"sync"

	"spafleet/device"
	"spafleet/device/measure"
	"spafleet/scenarios/console/page"
	"spafleet/scenarios/run"
)

// mostFaults is how many faults a console keeps up at once.
const mostFaults = 16

// A Fault is what is done to exchanges since somebody asked for it.
type Fault struct {
	Number   int               `json:"fault"`
	Keys     map[string]string `json:"keys"`     // as in a scenario: match, status and so on
	Devices  int               `json:"devices"`  // whose exchanges it is for
	Affected int               `json:"affected"` // exchanges in which it has changed something
}

// Words are the keys of a fault as a command has them: match=http status=503.
func (f *Fault) Words() string {
	var list []string
	for _, key := range slices.Sorted(maps.Keys(f.Keys)) {
		list = append(list, key+"="+f.Keys[key])
	}
	return strings.Join(list, " ")
}

// Faults are those that are up.
type Faults struct {
	Faults []Fault `json:"faults"`
}

// An OrderedFault is a fault to begin: for the devices of a selection, or in the path.
type OrderedFault struct {
	Selection
	Keys map[string]string `json:"fault"`
}

// errFault says what is wrong with a fault, and errFaults that there are too many.
type errFault struct{ error }

var errFaults = fmt.Errorf("there are %d faults at once already; end one", mostFaults)

// faults are those that were begun by a console. The zero value is ready.
type faults struct {
	mu   sync.Mutex
	last int
	list []upFault
}

type upFault struct {
	Fault
	up *run.Fault
}

// Begin begins a fault, of some devices or, if among is nil, of all.
func (s *source) Begin(keys map[string]string, among []device.Index) (Fault, error) {
	if s.live.Virtual {
		return Fault{}, ErrVirtual
	}
	s.faults.mu.Lock()
	defer s.faults.mu.Unlock()
	if len(s.faults.list) >= mostFaults {
		return Fault{}, errFaults
	}
	up, err := s.live.Fault(keys, among)
	if errors.Is(err, run.ErrEnded) {
		return Fault{}, err
	}
	if err != nil {
		return Fault{}, errFault{err}
	}
	s.faults.last++
	f := Fault{Number: s.faults.last, Keys: keys, Devices: s.Len()}
	if among != nil {
		f.Devices = len(among)
	}
	s.faults.list = append(s.faults.list, upFault{f, up})
	return f, nil
}

// Faults returns the faults that are up, oldest first.
func (s *source) Faults() []Fault {
	s.faults.mu.Lock()
	defer s.faults.mu.Unlock()
	list := []Fault{}
	for _, f := range s.faults.list {
		f.Affected = f.up.Affected()
		list = append(list, f.Fault)
	}
	return list
}

// EndFault ends a fault, and returns what it came to; false where there is none such.
func (s *source) EndFault(number int) (Fault, bool, error) {
	s.faults.mu.Lock()
	defer s.faults.mu.Unlock()
	for i, f := range s.faults.list {
		if f.Number == number {
			s.faults.list = append(s.faults.list[:i:i], s.faults.list[i+1:]...)
			err := f.up.End()
			f.Affected = f.up.Affected()
			return f.Fault, true, err
		}
	}
	return Fault{}, false, nil
}

func listFaults(s Source, _ *http.Request) (any, error) { return Faults{s.Faults()}, nil }

func faultOne(s Source, r *http.Request) (any, error) {
	var order OrderedFault
	if err := readBody(r, &order); err != nil {
		return nil, err
	}
	if order.Selection != (Selection{}) {
		return nil, failed(http.StatusBadRequest, "the path names the device: leave the selection out")
	}
	v, err := named(s, r)
	if err != nil {
		return nil, err
	}
	return beginFault(s, order.Keys, []device.Index{v.Unit.Index})
}

func faultMany(s Source, r *http.Request) (any, error) {
	var order OrderedFault
	if err := readBody(r, &order); err != nil {
		return nil, err
	}
	list, err := selected(s, order.Selection)
	if err != nil {
		return nil, failed(http.StatusBadRequest, "%w", err)
	}
	if order.All {
		list = nil // also those that have no power now
	} else if list == nil {
		return nil, failed(http.StatusBadRequest, "no device is so: the fault would be for nobody")
	}
	return beginFault(s, order.Keys, list)
}

func beginFault(s Source, keys map[string]string, among []device.Index) (any, error) {
	f, err := s.Begin(keys, among)
	var wrong errFault
	if errors.As(err, &wrong) {
		return nil, failed(http.StatusBadRequest, "%w", err)
	}
	if err != nil {
		return nil, err
	}
	return f, nil
}

func endFault(s Source, r *http.Request) (any, error) {
	n, err := strconv.Atoi(r.PathValue("fault"))
	f, ok, wrong := s.EndFault(n)
	if err != nil || !ok {
		return nil, failed(http.StatusNotFound, "there is no fault %.20q; GET /api/v1/faults has those that are up", r.PathValue("fault"))
	}
	if wrong != nil {
		return nil, failed(http.StatusConflict, "%w", wrong)
	}
	return f, nil
}

// usualFaults are those that pages offer. Those with ofServer need the built-in server.
var usualFaults = []struct {
	key, text, label string
}{
	{"lose", "all", "no packet comes through"},
	{"delay", "2s", "answers 2 s late"},
	{"bandwidth", "64kbit/s", "a line of 64 kbit/s"},
	{"truncate", "100B", "files end after 100 bytes"},
	{"status", "503", "HTTP status 503 (built-in server)"},
	{"corrupt", "true", "wrong bytes (built-in server)"},
}

// faultAction is the order of a page to begin a fault, or to end those that are up.
func faultAction() page.Action {
	a := page.Action{Name: "fault", Label: "Fault", About: "Disturb what passes between it and its servers, until that is ended", Input: "effect"}
	for _, f := range usualFaults {
		a.Choices = append(a.Choices, page.Choice{Value: f.key + "=" + f.text, Label: f.label})
	}
	a.Choices = append(a.Choices, page.Choice{Value: "end", Label: "end all faults of the console"})
	return a
}

// disturb does what a page asks for, and says what came of it.
func disturb(s Source, effect string, among []device.Index) (said string, err error) {
	if effect == "end" {
		n := 0
		for _, f := range s.Faults() {
			if _, ok, wrong := s.EndFault(f.Number); ok {
				n, err = n+1, errors.Join(err, wrong)
			}
		}
		return measure.Counted(n, "fault") + " ended.", err
	}
	key, text, _ := strings.Cut(effect, "=")
	f, err := s.Begin(map[string]string{key: text}, among)
	if err != nil {
		return "", err
	}
	return fmt.Sprintf("Fault %d has begun: %s, for %s.", f.Number, effect, measure.Counted(f.Devices, "phone")), nil
}
