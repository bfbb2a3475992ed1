package fleet

import (
	"context"
	"fmt"
	"net"
	"net/netip"

	"spafleet/device"
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
		return nil, fmt.Errorf("open the devices' web servers on port %d: %w; choose another port with --listen-web", f.web.Port, err)
	}
	return &sites{site: webui.Site{Devices: f, WAN: f.web.WAN}, listener: l}, nil
}

func (s *sites) serve(ctx context.Context) { _ = s.site.Serve(ctx, s.listener) }

func (s *sites) close() { s.listener.Close() }

// WebPort returns the port of the devices' web servers, 0 where they do not
// answer. It is known once Open has returned.
func (f *Fleet) WebPort() uint16 {
	if f.sites == nil {
		return 0
	}
	return netip.MustParseAddrPort(f.sites.listener.Addr().String()).Port()
}

// WebURL returns where a device's web server answers, "" where it does not.
func (f *Fleet) WebURL(dev device.Index) string {
	if f.sites == nil {
		return ""
	}
	return fmt.Sprintf("http://%s:%d/", f.addresses.of(dev), f.WebPort())
}
