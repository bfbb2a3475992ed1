package prov

import (
	"net/netip"

	"spafleet/device"
	"spafleet/device/model"
)

// An Asker is who a request comes from, as far as a server can tell: by the
// path, else by the source address, else by the User-Agent. What is not known is
// empty.
type Asker struct {
	MAC       string // 12 lower-case hexadecimal digits
	Serial    string
	PN, PSN   string
	Unit      *device.Unit // nil for a device that the hooks do not know
	Addr      netip.Addr
	UserAgent string
}

// asker finds out who asks.
func (o *Options) asker(x *exchange, r reading) Asker {
	a := Asker{
		MAC: r.mac, Serial: r.serial, PN: r.pn, PSN: r.psn,
		Addr: x.request.Source, UserAgent: x.userAgent,
	}
	if u := o.byAddress(a.Addr); u != nil && a.mayBe(u) {
		a.Unit = u
	}
	if a.Unit == nil {
		a.readAgent()
		a.Unit = o.byMAC(a.MAC)
	}
	if a.Unit != nil {
		a.complete()
	}
	return a
}

func (o *Options) byAddress(addr netip.Addr) *device.Unit {
	if o.Who == nil || !addr.IsValid() {
		return nil
	}
	u, ok := o.Who(addr)
	if !ok {
		return nil
	}
	return u
}

// mayBe reports whether a unit is the one that the path names, or it names none.
// Behind a translated address there may be another.
func (a *Asker) mayBe(u *device.Unit) bool {
	return (a.MAC == "" || a.MAC == u.MAC.String()) && (a.Serial == "" || a.Serial == u.Serial)
}

func (o *Options) byMAC(mac string) *device.Unit {
	if mac == "" || o.Find == nil {
		return nil
	}
	u, ok := o.Find(mac)
	if !ok {
		return nil
	}
	return u
}

// readAgent takes from the User-Agent what the path did not say. A path that
// names another device is right: the agent may be a person with curl.
func (a *Asker) readAgent() {
	u, ok := model.FindUserAgent(a.UserAgent)
	if !ok || a.MAC != "" && u.MAC != "" && u.MAC != a.MAC || a.Serial != "" && u.Serial != a.Serial {
		return
	}
	fill(&a.MAC, u.MAC)
	fill(&a.Serial, u.Serial)
	fill(&a.PN, u.PN)
}

// complete takes from the unit what is not known yet.
func (a *Asker) complete() {
	u := a.Unit
	fill(&a.MAC, u.MAC.String())
	fill(&a.Serial, u.Serial)
	if u.Row != nil {
		fill(&a.PN, u.Row.PN())
		fill(&a.PSN, u.Row.Model.PSN.Value)
	}
}

func fill(field *string, value string) {
	if *field == "" {
		*field = value
	}
}
