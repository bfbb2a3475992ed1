package fleet_test

import (
	"context"
	"net/netip"

	"spafleet/device"
	"spafleet/resync"
)

// A quietNetwork has one file, and keeps nothing.
type quietNetwork struct{}

func (quietNetwork) Resolve(context.Context, string) ([]netip.Addr, error) {
	return nil, &resync.Error{Result: device.NoDNS}
}

func (quietNetwork) Fetch(context.Context, *resync.Request) (resync.Response, error) {
	return resync.Response{Status: 200, Body: []byte("<flat-profile><GPP_B>x</GPP_B></flat-profile>")}, nil
}
