package forecast

import (
	"net/netip"
	"runtime"
	"time"

	"spafleet/certs"
	"spafleet/device"
	"spafleet/device/model"
	"spafleet/host"
	"spafleet/scenarios"
)

// certificates counts those that the devices will show, and makes one or two to
// know what they cost.
func (p plan) certificates(shares []groupShare, o *scenarios.Machine) (c Certificates, err error) {
	c.Known = p.Scenario.Server != nil && len(p.Scenario.Server.HTTPS) > 0
	own, err := p.Scenario.Certificates(o.Own)
	if err != nil {
		return c, err
	}
	pki := o.PKI
	if pki == nil {
		pki = certs.New(1)
	}
	h := &certs.Holder{PKI: pki, Pool: o.KeyPool, Unique: o.UniqueKeys, Own: own}
	var sample *model.Row
	for _, g := range shares {
		c.Known = c.Known || p.speaksHTTPS(g.number)
		if !g.Row.Speaks("https") {
			continue
		}
		if n := p.count(h, g, certs.OwnCertificate, certs.DefectiveCertificate); n > 0 {
			c.Devices += n
			c.Defective += p.count(h, g, certs.DefectiveCertificate)
			sample = g.Row
		}
	}
	c.Kept = min(c.Devices, certs.Kept)
	if o.KeepCerts > 0 {
		c.Kept = min(c.Devices, o.KeepCerts)
	}
	c.Keys = min(c.Devices, max(o.KeyPool, 0))
	if o.KeyPool <= 0 {
		c.Keys = min(c.Devices, certs.DefaultPool)
	}
	if o.UniqueKeys {
		c.Keys = c.Devices
	}
	if c.Known && sample != nil {
		c.CPUSeconds, err = c.cost(sample, p.Scenario.Seed)
	}
	return c, err
}

// mostSampled is how many devices of a group are asked what they hold.
const mostSampled = 1000

// cost makes two certificates of a model, one of them with a key of its own.
func (c *Certificates) cost(row *model.Row, seed uint64) (float64, error) {
	pki := certs.New(seed)
	runtime.LockOSThread() // whose CPU time it is
	defer runtime.UnlockOSThread()
	at := func(h *certs.Holder, dev device.Index) (time.Duration, error) {
		u := device.NewUnit(row, seed, dev, netip.IPv4Unspecified())
		began := host.ThreadCPUTime()
		_, _, err := h.Certificate(&u)
		return host.ThreadCPUTime() - began, err
	}
	shared, unique := &certs.Holder{PKI: pki, Pool: 1}, &certs.Holder{PKI: pki, Unique: true}
	if _, err := at(shared, 0); err != nil { // the authority and the pool's key
		return 0, err
	}
	signing, err := at(shared, 1)
	if err != nil {
		return 0, err
	}
	whole, err := at(unique, 2)
	key := max(whole-signing, 0)
	return float64(c.Devices)*signing.Seconds() + float64(c.Keys)*key.Seconds(), err
}
