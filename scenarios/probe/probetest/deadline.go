package probetest

import (
	"sync"
	"time"
)

// A deadline ends the waits of a socket. The mutex of its network guards it.
type deadline struct {
	over  bool
	timer *time.Timer
	set   int // how often it was set
}

// to sets the deadline, the zero Time for none, and wakes who waits by cond when it is
// reached.
func (d *deadline) to(at time.Time, cond *sync.Cond) {
	d.set++
	if d.timer != nil {
		d.timer.Stop()
		d.timer = nil
	}
	d.over = false
	if at.IsZero() {
		return
	}
	left := time.Until(at)
	if left <= 0 {
		d.over = true
		cond.Broadcast()
		return
	}
	this := d.set
	d.timer = time.AfterFunc(left, func() {
		cond.L.Lock()
		defer cond.L.Unlock()
		if d.set == this { // it was not set again meanwhile
			d.over = true
			cond.Broadcast()
		}
	})
}
