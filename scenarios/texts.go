package scenarios

import (
	"net/netip"
	"sync"

	"spafleet/device"
	"spafleet/resync/prov"
)

// texts answers the embedded server's questions: who asks, and what a {{ }}
// means for him.
type texts struct {
	play *play

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

func (t *texts) check(text string) error {
	_, err := t.template(text)
	return err
}

// who returns the device at a source address.
func (t *texts) who(addr netip.Addr) (*device.Unit, bool) {
	v, ok := t.play.fleet.At(addr)
	return &v.Unit, ok
}

// find returns the device with a MAC address.
func (t *texts) find(mac string) (*device.Unit, bool) {
	f := t.play.fleet
	t.once.Do(func() {
		t.index = make(map[string]device.Index, f.Len())
		for i := range f.Len() {
			v, _ := f.View(device.Index(i))
			t.index[v.Unit.MAC.String()] = device.Index(i)
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
	s := speaker{Key: r.Asked.Key, Dir: r.Asked.Dir, NextKey: r.Next.Key, NextDir: r.Next.Dir, Generation: int(r.Next.Generation)}
	if a.Unit == nil {
		s.world = world{Index: -1, MAC: a.MAC, Serial: a.Serial, PN: a.PN, Param: func(string) string { return "" }}
		s.Secret = func(word string) string { return secret(t.play.story.Seed, a.MAC, word) }
		return tpl.expand(s)
	}
	v, _ := t.play.fleet.View(a.Unit.Index)
	s.world = world{Index: int(a.Unit.Index), State: v.State.String(), Powered: v.Powered, OffHook: v.InUse}
	s.identify(a.Unit, t.play.fleet.Group(a.Unit.Index).Name, t.play.story.Seed)
	s.Param = func(name string) string {
		value, _ := v.Params.Lookup(name)
		return value
	}
	return tpl.expand(s)
}
