package main

import (
	"fmt"
	"net/netip"
	"time"

	"spafleet/certs"
	"spafleet/certs/ssl"
	"spafleet/certs/trust"
	"spafleet/device"
	"spafleet/device/model"
)

// seed is that of the certificates: all processes make the same ones.
const seed = 1

// now is a moment at which all certificates are good.
var now = time.Date(2014, 6, 1, 0, 0, 0, 0, time.UTC)

// A fleet is devices of a phone whose firmware offers AES256-SHA in TLS 1.0, and
// what they trust and hold. Its early units have keys of 1,024 bits, its late ones
// of 2,048.
type fleet struct {
	devices *trust.Devices
	rows    map[int]*model.Row // by the length of the key
}

func newFleet() (*fleet, error) {
	pki := certs.New(seed)
	f := &fleet{&trust.Devices{PKI: pki, Holder: &certs.Holder{PKI: pki}}, map[int]*model.Row{}}
	for bits, root := range map[int]string{1024: "early", 2048: "late"} {
		row, err := model.NewRow("SPA508G", "", map[string]string{"client_root": root})
		if err != nil {
			return nil, err
		}
		f.rows[bits] = row
	}
	return f, nil
}

// A phone is one device of the fleet.
type phone struct {
	devices *trust.Devices
	unit    device.Unit
	params  device.Params
}

func (f *fleet) phone(bits, index int) *phone {
	row := f.rows[bits]
	return &phone{f.devices, device.NewUnit(row, seed, device.Index(index), netip.Addr{}), device.Reset(row.Factory)}
}

// client returns how the phone connects.
func (p *phone) client() (*ssl.Client, error) { return p.devices.Client(&p.unit, p.params, now) }

// A setup is what nginx and other clients than the devices' need, as PEM.
type setup struct {
	roots   []byte        // of the devices
	trusted []byte        // by the devices
	server  *pair         // of 2,048 bits
	clients map[int]*pair // by the length of the key
}

type pair struct{ cert, key []byte }

func newSetup() (*setup, error) {
	f, err := newFleet()
	if err != nil {
		return nil, err
	}
	s := &setup{clients: map[int]*pair{}}
	if s.roots, err = f.devices.PKI.Bundle(); err != nil {
		return nil, err
	}
	root, err := f.devices.PKI.Authority(certs.CiscoSB1)
	if err != nil {
		return nil, err
	}
	s.trusted = certs.EncodeCertificates([][]byte{root.Cert.Raw})
	own, err := f.devices.PKI.Server(certs.ServerRequest{CA: certs.CiscoSB1, CN: "prov.bench.test"})
	if err != nil {
		return nil, err
	}
	if s.server, err = pairOf(own); err != nil {
		return nil, err
	}
	for bits := range f.rows {
		c, kind, err := f.devices.Holder.Certificate(&f.phone(bits, 0).unit)
		if err != nil {
			return nil, err
		}
		if kind != certs.OwnCertificate {
			return nil, fmt.Errorf("the phone with %d bits has the certificate %s", bits, kind)
		}
		if s.clients[bits], err = pairOf(c); err != nil {
			return nil, err
		}
	}
	return s, nil
}

func pairOf(c *ssl.Certificate) (*pair, error) {
	key, err := certs.EncodeKey(c.Key)
	return &pair{certs.EncodeCertificates(c.Chain), key}, err
}
