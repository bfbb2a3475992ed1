package run

import (
	"net/netip"
	"sync"
	"sync/atomic"

	"spafleet/device"
	"spafleet/fleet"
	"spafleet/prov"
	"spafleet/scenarios/expression"
)

// texts answers the embedded server's questions: which device asks, and what a
// {{ }} is for it.
type texts struct {
	seed  uint64
	tell  func([]device.Event)        // hears of the lines of the server's log
	judge *judge                      // set before fleet
	fleet atomic.Pointer[fleet.Fleet] // nil until it is ready: the server listens before, and strangers may ask

	mu       sync.Mutex
	compiled map[string]*expression.Template

	once  sync.Once
	index map[string]device.Index // by MAC, made on first use
}

func (t *texts) template(text string) (*expression.Template, error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if c := t.compiled[text]; c != nil {
		return c, nil
	}
	c, err := expression.ParseTemplate(text, expression.Scope{})
	if err != nil {
		return nil, err
	}
	if t.compiled == nil {
		t.compiled = map[string]*expression.Template{}
	}
	t.compiled[text] = c
	return c, nil
}

// stable reports whether a text is the same for a device as long as its secrets are.
func (t *texts) stable(text string) bool {
	tpl, err := t.template(text)
	return err == nil && tpl.Stable()
}

// who returns the device at a source address.
func (t *texts) who(addr netip.Addr) (*device.Unit, bool) {
	f := t.fleet.Load()
	if f == nil {
		return nil, false
	}
	v, ok := f.At(addr)
	u := v.Unit // alone: a view is larger
	return &u, ok
}

// find returns the device with a MAC address.
func (t *texts) find(mac string) (*device.Unit, bool) {
	f := t.fleet.Load()
	if f == nil {
		return nil, false
	}
	t.once.Do(func() {
		t.index = make(map[string]device.Index, f.Len())
		for place := range f.Len() {
			v, _ := f.View(f.Shard().At(place))
			t.index[v.Unit.MAC.String()] = v.Unit.Index
		}
	})
	dev, ok := t.index[mac]
	if !ok {
		return nil, false
	}
	v, _ := f.View(dev)
	return &v.Unit, true
}

// log tells a line of the server's log as an event of the device that asked. Lines of
// strangers, and of connections that came to nothing, are none.
func (t *texts) log(l prov.Line) {
	f := t.fleet.Load()
	if f == nil || l.Method == "-" && !l.Alerted() {
		return
	}
	u, ok := t.find(l.MAC)
	if !ok {
		if u, ok = t.who(l.Source); !ok {
			return
		}
	}
	v, _ := f.View(u.Index)
	e := device.Event{At: f.Now(), Dev: u.Index, Kind: device.ServerLog, State: v.State, Text: l.Text(),
		File: &device.File{Scheme: l.Scheme, Path: l.Path, Status: l.Status, Bytes: l.Bytes}}
	t.tell([]device.Event{e})
}

// expand evaluates a text for the device that asks. One that is not of the fleet
// has an index of -1 and no parameters.
func (t *texts) expand(text string, a prov.Asker, r prov.Rotation) (string, error) {
	tpl, err := t.template(text)
	if err != nil {
		return "", err
	}
	if tpl.Constant() {
		return text, nil
	}
	vars := expression.RequestVars{Key: r.Asked.Key, Dir: r.Asked.Dir, NextKey: r.Next.Key, NextDir: r.Next.Dir, Generation: int(r.Next.Generation)}
	if a.Unit == nil {
		vars.DeviceVars = expression.Stranger(a.MAC, a.Serial, a.PN, t.seed)
		return tpl.Expand(vars)
	}
	if tpl.Stable() {
		vars.Index = int(a.Unit.Index)
		vars.Identify(a.Unit, t.fleet.Load().Group(a.Unit.Index).Name, t.seed)
		return tpl.Expand(vars)
	}
	t.judge.mu.Lock() // the facts of devices are the judge's
	defer t.judge.mu.Unlock()
	vars.DeviceVars = *t.judge.vars(a.Unit.Index)
	return tpl.Expand(vars)
}
