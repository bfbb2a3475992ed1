package fleet

import (
	"context"
	"errors"
	"fmt"
	"sync"

	"spafleet/device"
)

// Await returns nil as soon as held is true. It looks after every turn of a
// loop that brought an event; an error is the context's, or says that the fleet
// ended first.
func (f *Fleet) Await(ctx context.Context, held func() bool) error {
	for {
		changed := f.awaiting.event()
		if held() {
			return nil
		}
		select {
		case <-changed:
		case <-ctx.Done():
			return ctx.Err()
		case <-f.done:
			if held() {
				return nil
			}
			return errors.New("the fleet has ended")
		}
	}
}

// WaitFor returns a device as soon as held is true of it. It looks as [Fleet.Await]
// does; with an error it returns the device as it was last.
func (f *Fleet) WaitFor(ctx context.Context, dev device.Index, held func(device.View) bool) (v device.View, err error) {
	known := true
	err = f.Await(ctx, func() bool {
		v, known = f.View(dev)
		return !known || held(v)
	})
	if !known {
		err = fmt.Errorf("no device %d: the fleet has %d", dev, f.Len())
	}
	return v, err
}

// An awaiting is what wakes those who wait for an event.
type awaiting struct {
	mu   sync.Mutex
	next chan struct{} // closed at the next event; nil while nothing waits
}

// event returns a channel that is closed at the next event.
func (a *awaiting) event() <-chan struct{} {
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.next == nil {
		a.next = make(chan struct{})
	}
	return a.next
}

// wake says that there was an event.
func (a *awaiting) wake() {
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.next != nil {
		close(a.next)
		a.next = nil
	}
}
