package fleet

import "context"

// A Run is a fleet at work. What it does comes as events, to Config.Tell.
type Run struct {
	Fleet *Fleet

	stop  context.CancelFunc
	ended chan struct{}
	err   error // once ended
}

// Start builds a fleet, opens its sockets and lets it work until ctx ends or the
// run is closed. It returns once web servers answer and every device has the
// power that its group says.
func Start(ctx context.Context, c Config) (*Run, error) {
	f, err := New(c)
	if err != nil {
		return nil, err
	}
	if err := f.Open(); err != nil {
		return nil, err
	}
	return f.Begin(ctx), nil
}

// Wait returns when the fleet has ended: its context has, the run was closed, or
// in virtual time nothing is left to happen.
func (r *Run) Wait() error {
	<-r.ended
	return r.err
}

// Close ends the fleet and waits for it.
func (r *Run) Close() error {
	r.stop()
	return r.Wait()
}
