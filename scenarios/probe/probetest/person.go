package probetest

import (
	"context"
	"net/netip"
	"slices"
	"sync"
	"time"

	"spafleet/device"
	"spafleet/device/model"
	"spafleet/host"
)

// A Person sits at a phone. It is a probe.Person. Its fields are set before the first use.
type Person struct {
	Phone *Phone
	// PC is where the browser is that orders a resync; not valid: at the phone's address.
	PC netip.Addr
	// Answer is what a question is answered; nil: yes.
	Answer func(question string) bool
	// Unplugged is how long the phone is without power; 0: two seconds. Below 0 the
	// person does not touch it.
	Unplugged time.Duration

	mu   sync.Mutex
	said []string
}

// mostSaid bounds what a Person remembers: the newest lines.
const mostSaid = 10000

// Say keeps a line of progress.
func (p *Person) Say(text string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if len(p.said) >= mostSaid {
		p.said = slices.Delete(p.said, 0, mostSaid/2)
	}
	p.said = append(p.said, text)
}

// Said returns the lines.
func (p *Person) Said() []string {
	p.mu.Lock()
	defer p.mu.Unlock()
	return slices.Clone(p.said)
}

// Agree answers a question.
func (p *Person) Agree(_ context.Context, question string) bool {
	p.Say(question)
	return p.Answer == nil || p.Answer(question)
}

// Resync does what http://PHONE/admin/resync?URL does: nothing while Provision_Enable is
// off. The error says that the phone has no power, or has not started.
func (p *Person) Resync(ctx context.Context, url string) error {
	v := p.Phone.View()
	from := p.PC
	if !from.IsValid() {
		from = v.Unit.IP
	}
	if v.Answers() && !v.Params.Bool("Provision_Enable", true) {
		return nil
	}
	return p.Phone.Do(ctx, device.Command{Order: device.Resync, Cause: model.ByWeb, Argument: url, Requester: from})
}

// Power unplugs the phone and plugs it in again. It returns the moment of power, false
// where the person does not touch it.
func (p *Person) Power(ctx context.Context) (at time.Time, done bool) {
	if p.Unplugged < 0 || p.Phone.PowerOff(ctx) != nil {
		return time.Time{}, false
	}
	wait := p.Unplugged
	if wait == 0 {
		wait = 2 * time.Second
	}
	gone := host.Sleep(ctx, wait)
	at = time.Now()
	return at, p.Phone.PowerOn(context.WithoutCancel(ctx)) == nil && gone == nil
}
