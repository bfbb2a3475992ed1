package fleet

import (
	"cmp"
	"context"
	"slices"
)

// mixedClock stands still while an attempt is under way. What attempts send is
// gathered until the last of them has ended, and handed over in an order that
// does not depend on which server was faster: by when the attempt was due, then
// by device, then as it was sent.
type mixedClock struct {
	jumpClock
	l     *loop
	batch []message
}

func (c *mixedClock) Wait(ctx context.Context, until int64, inbox <-chan message) (message, bool) {
	if len(c.batch) == 0 && c.l.admission.running > 0 {
		c.gather(ctx, inbox)
	}
	if len(c.batch) > 0 {
		m := c.batch[0]
		c.batch = c.batch[1:]
		return m, true
	}
	select { // from outside
	case m := <-inbox:
		return m, true
	default:
	}
	if until != never {
		c.jump(until)
		return message{}, false
	}
	select {
	case m := <-inbox:
		return m, true
	case <-ctx.Done():
		return message{}, false
	}
}

// gather takes messages until every attempt that runs has ended.
func (c *mixedClock) gather(ctx context.Context, inbox <-chan message) {
	batch := c.batch[:0:0]
	for left := c.l.admission.running; left > 0; {
		select {
		case m := <-inbox:
			batch = append(batch, m)
			if m.outcome != nil {
				left--
			}
		case <-ctx.Done():
			c.batch = batch // what is there is still handled, the rest by drain
			return
		}
	}
	slices.SortStableFunc(batch, c.order)
	c.batch = batch
}

// order puts commands from outside first, as they came.
func (c *mixedClock) order(a, b message) int {
	if a.command != nil || b.command != nil {
		return cmp.Compare(rank(a), rank(b))
	}
	x, y := &c.l.slots[a.slot], &c.l.slots[b.slot]
	return cmp.Or(cmp.Compare(x.due, y.due), cmp.Compare(x.dev, y.dev))
}

func rank(m message) int {
	if m.command != nil {
		return 0
	}
	return 1
}
