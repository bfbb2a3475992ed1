package webui

import (
	"context"
	"net/netip"
	"sync"
)

// MostConnections is how many connections to all devices are open at once, where
// [Site.Most] does not say fewer: each takes about 12 kB while its client sends
// nothing.
const MostConnections = 512

// mostOfDevice is how many connections to one device are open at once. Browsers
// open up to six to a server, of which some stay unused: two of them and a few
// scripts fit. What the real servers do with more is unknown; these bounds are
// this program's.
const mostOfDevice = 16

// connections counts the open connections of a Site. Its zero value is ready.
type connections struct {
	once   sync.Once
	places chan struct{} // one element for each open connection

	mu  sync.Mutex
	own map[netip.Addr]int // open connections of a device, by its address; none is 0
}

// place waits until one more connection may be open, and reports false where ctx
// ends before. Its caller calls leave when the connection is closed.
func (c *connections) place(ctx context.Context, most int) bool {
	c.once.Do(func() {
		if most <= 0 {
			most = MostConnections
		}
		c.places = make(chan struct{}, most)
	})
	select {
	case c.places <- struct{}{}:
		return true
	case <-ctx.Done():
		return false
	}
}

func (c *connections) leave() { <-c.places }

// enter counts a connection to a device, and reports false where it has too many.
// After true its caller calls exit when the connection is closed.
func (c *connections) enter(device netip.Addr) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.own[device] >= mostOfDevice {
		return false
	}
	if c.own == nil {
		c.own = map[netip.Addr]int{}
	}
	c.own[device]++
	return true
}

func (c *connections) exit(device netip.Addr) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.own[device]--
	if c.own[device] == 0 {
		delete(c.own, device)
	}
}
