package scenarios

import (
	"net/netip"
	"sync"
	"sync/atomic"

	"spafleet/device"
	"spafleet/fleet"
	"spafleet/prov"
)

// texts answers the embedded server's questions: who asks, and what a {{ }}
// means for him.
type texts struct {
	play  *play
	fleet atomic.Pointer[fleet.Fleet] // nil until it is ready: the server listens before, and strangers may ask

	mu       sync.Mutex
	compiled map[string]*template

	once  sync.Once
	index map[string]device.Index // by MAC, made on first use
}

func (t *texts) template(text string) (*template, error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if c := t.compiled[text]; c != nil {
		return c, nil
	}
	c, err := parseTemplate(text, map[string]bool{})
	if err != nil {
		return nil, err
	}
	if t.compiled == nil {
		t.compiled = map[string]*template{}
	}
	t.compiled[text] = c
	return c, nil
}

// who returns the device at a source address.
func (t *texts) who(addr netip.Addr) (*device.Unit, bool) {
	f := t.fleet.Load()
	if f == nil {
		return nil, false
	}
	v, ok := f.At(addr)
	return &v.Unit, ok
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

// expand evaluates a text for who asks. A stranger has an index of -1 and no
// parameters.
func (t *texts) expand(text string, a prov.Asker, r prov.Rotation) (string, error) {
	tpl, err := t.template(text)
	if err != nil {
		return "", err
	}
	if len(tpl.programs) == 0 {
		return text, nil
	}
	s := speaker{Key: r.Asked.Key, Dir: r.Asked.Dir, NextKey: r.Next.Key, NextDir: r.Next.Dir, Generation: int(r.Next.Generation)}
	if a.Unit == nil {
		s.world = t.stranger(a)
		return tpl.expand(s)
	}
	j := t.play.judge
	j.mu.Lock() // what a world knows of events is the judge's
	defer j.mu.Unlock()
	s.world = *j.world(a.Unit.Index)
	return tpl.expand(s)
}

func (t *texts) stranger(a prov.Asker) world {
	seed := t.play.story.Seed
	return world{
		Index: -1, MAC: a.MAC, Serial: a.Serial, PN: a.PN,
		Param:  func(string) string { return "" },
		Events: func(string) int { return 0 },
		Last:   func(string) happen { return happen{} },
		Since:  func(string) bool { return false },
		Before: func(string) bool { return false },
		Secret: func(word string) string { return secret(seed, a.MAC, word) },
	}
}
