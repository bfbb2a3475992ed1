package fleet

import (
	"context"
	"fmt"
	"net"

	"spafleet/device/hint"
	"spafleet/webui"
)

// sites is the admin web servers of all devices: one listener, the device chosen
// by the address that was asked.
type sites struct {
	site     webui.Site
	listener net.Listener
}

func openSites(f *Fleet) (*sites, error) {
	l, err := f.addresses.listen(f.web.Port)
	if err != nil {
		return nil, hint.With(fmt.Errorf("open the devices' web servers on port %d: %w", f.web.Port, err), hint.WebPort, "")
	}
	return &sites{site: webui.Site{Devices: f, WAN: f.web.WAN, Most: f.budget.Web}, listener: l}, nil
}

func (s *sites) serve(ctx context.Context) { _ = s.site.Serve(ctx, s.listener) }

func (s *sites) close() { s.listener.Close() }
