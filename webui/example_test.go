package webui_test

import (
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/netip"
	"strings"

	"spafleet/device"
	"spafleet/device/model"
	"spafleet/webui"
)

// phone is a fleet of one phone at 127.0.0.1, which prints its commands.
type phone struct{ device.View }

func (p phone) At(a netip.Addr) (device.View, bool) { return p.View, a == p.Unit.IP }

func (p phone) Do(_ context.Context, _ device.Index, c device.Command) error {
	fmt.Println("the phone is told to", c.Order, c.Argument)
	return nil
}

// A device's web server shows its status page and accepts a resync URL, as an
// operator would open it in a browser.
func Example() {
	row, err := model.NewRow("SPA942", "6.1.5(a)", nil)
	if err != nil {
		fmt.Println(err)
		return
	}
	u := device.NewUnit(row, 1, 0, netip.MustParseAddr("127.0.0.1"))
	site := &webui.Site{Devices: phone{device.View{Unit: u, Params: device.Reset(row.Factory), Powered: true}}}

	l, err := net.Listen("tcp4", "127.0.0.1:0")
	if err != nil {
		fmt.Println(err)
		return
	}
	ctx, cancel := context.WithCancel(context.Background())
	served := make(chan error)
	go func() { served <- site.Serve(ctx, l) }()

	for _, path := range []string{"/", "/resync?http://192.0.2.5/$MA.cfg", "/admin/reset"} {
		r, err := http.Get("http://" + l.Addr().String() + path)
		if err != nil {
			fmt.Println(err)
			break
		}
		page, _ := io.ReadAll(r.Body)
		r.Body.Close()
		fmt.Println(path, r.StatusCode, strings.Contains(string(page), "SPA-942"))
	}
	cancel()
	fmt.Println(<-served)
	// Output:
	// / 200 true
	// the phone is told to resync http://192.0.2.5/$MA.cfg
	// /resync?http://192.0.2.5/$MA.cfg 200 false
	// /admin/reset 404 false
	// <nil>
}
