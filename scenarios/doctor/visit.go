package doctor

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/netip"
	"time"

	"spafleet/device"
	"spafleet/device/model"
	"spafleet/device/rule"
	"spafleet/resync"
	"spafleet/resync/fetch"
)

// A visit is a device that asks the server. It is used by one goroutine at a time.
type visit struct {
	*inquiry
	notes
	whole  *model.Row // that waits as long as the device
	row    *model.Row // that waits as long as the question
	stands int
	unit   device.Unit
	params device.Params
	life   device.Life
	asked  rule.Decision // what the question comes to for this device

	now      attempt   // that is being made
	instead  string    // the path for which it asks for one that nobody has
	greeting *greeting // of the last server that was asked by HTTPS
	url      string    // that it asked for first
	plain    bool      // it was asked by HTTP
	secure   bool      // it was asked by HTTPS
	redirect bool      // it was redirected, and followed
}

// An attempt is one resync of a visit.
type attempt struct {
	outcome   resync.Outcome
	events    []device.Event
	exchanges []exchange
	trouble   *trouble // that a handshake met
	refused   error    // why this program asked for nothing: the machine, or the guard
}

// An exchange is one request and its answer.
type exchange struct {
	request *resync.Request
	answer  resync.Response
	err     error
	header  *http.Response // nil for TFTP, and where none came
}

// mostExchanges bounds what is kept of an attempt.
const mostExchanges = 64

// try lets the device resync by the URL of the question.
func (v *visit) try(ctx context.Context, params device.Params, life device.Life) *attempt {
	in := v.input(params, life)
	in.Command = &device.Command{Order: device.Resync, Cause: model.ByStep, Argument: v.URL}
	return v.attempt(ctx, in, resync.Attempt)
}

// attempt lets the device do something, for some time: a server may send a byte now and
// then without end.
func (v *visit) attempt(ctx context.Context, in resync.Input, do func(context.Context, resync.Env, resync.Input) resync.Outcome) *attempt {
	ctx, stop := context.WithTimeout(ctx, 4*v.patience)
	defer stop()
	v.now = attempt{}
	o := do(ctx, v, in)
	a := v.now
	a.outcome, a.events = o, append(a.events, o.Events...)
	return &a
}

func (v *visit) input(params device.Params, life device.Life) resync.Input {
	return resync.Input{Unit: v.unit, Params: params, Life: life, Cause: model.ByStep, Booted: v.began.UnixNano(), Profiles: &v.profiles, Nonce: uint64(v.unit.Index)}
}

// last returns the last event of one of these kinds, nil for none.
func (a *attempt) last(kinds ...device.Kind) *device.Event {
	for i := len(a.events) - 1; i >= 0; i-- {
		for _, k := range kinds {
			if a.events[i].Kind == k {
				return &a.events[i]
			}
		}
	}
	return nil
}

// end returns the last exchange, which has the answer that counted; nil for none.
func (a *attempt) end() *exchange {
	if len(a.exchanges) == 0 {
		return nil
	}
	return &a.exchanges[len(a.exchanges)-1]
}

// Now is part of [resync.Env].
func (v *visit) Now() int64 { return time.Now().UnixNano() }

// Commit is part of [resync.Env].
func (v *visit) Commit(_ device.Params, _ device.Life, events []device.Event) {
	v.now.events = append(v.now.events, events...)
}

// Resolve is part of [resync.Env].
func (v *visit) Resolve(ctx context.Context, name string) ([]netip.Addr, error) {
	addrs, err := v.net.Resolve(v.asking(ctx), name)
	v.local(err)
	return addrs, err
}

// asking returns a context in which the device asks name servers. It has no lease, so it
// asks those of this machine.
func (v *visit) asking(ctx context.Context) context.Context {
	return fetch.For(ctx, fetch.Asker{Device: v.unit.Index, Now: v.Now(), Behaviour: &v.row.Behaviour})
}

// Fetch is part of [resync.Env]. A handshake that is known to fail is not made again.
func (v *visit) Fetch(ctx context.Context, r *resync.Request) (resync.Response, error) {
	if v.instead != "" && r.Path == v.instead {
		other := *r
		other.Path = beside(r.Path)
		r = &other
	}
	if r.Scheme == "https" {
		if t, err := (&handshake{v}).fails(ctx, r); err != nil {
			v.now.trouble = t
			v.local(err)
			v.keep(exchange{request: r, err: err})
			return resync.Response{}, err
		}
	}
	if r.Into != nil {
		answer, err := v.image(v.asking(ctx), r)
		v.local(err)
		return answer, err
	}
	h := &head{}
	answer, err := v.net.Fetch(context.WithValue(v.asking(ctx), headKey{}, h), r)
	answer.Buffer = nil // the answer is kept
	v.local(err)
	v.keep(exchange{request: r, answer: answer, err: err, header: h.answer()})
	return answer, err
}

func (v *visit) keep(x exchange) {
	if len(v.now.exchanges) < mostExchanges {
		v.now.exchanges = append(v.now.exchanges, x)
	}
}

// local notes that nothing was sent for a reason of this program's.
func (v *visit) local(err error) {
	var refused *fetch.RefusedError
	if errors.As(err, &refused) {
		v.now.refused = refused
	} else if _, ok := fetch.LocalLimit(err); ok {
		v.now.refused = err
	}
}

// basis says how it is known that the firmware does so.
func (v *visit) basis(name string) string {
	s := v.row.Switch(name)
	if s.Turned {
		return fmt.Sprintf("switch %s=%s", name, s.Value)
	}
	return fmt.Sprintf("%s, switch %s", s.Evidence, name)
}

func (v *visit) name() string { return v.row.Model.Name + " " + v.row.Firmware.Version }
