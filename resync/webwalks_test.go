package resync_test

import (
	"context"
	"net"
	"net/http"
	"net/netip"
	"testing"

	"spafleet/device"
	"spafleet/device/devicetest"
	"spafleet/webui"
)

// webWalks are the switches of the web server: what a page is answered, or a
// document says.
var webWalks = map[string]walk{
	"url_login":     {"digest", "form", asked("SPA112", "1.4.1(002)", "/admin/resync?h/x")},
	"guest_exports": {"no", "yes", asked("SPA112", "1.4.1(002)", "/admin/status.xml&xuser=cisco&xpassword=cisco")},
	"form_token":    {"none", "admin", posted("SPA504G", "7.6.2f", "/admin/acisco.csc")},
	"form_unknown":  {"ignore", "refuse", posted("SPA942", "", "/admin/asipura.spa")},
	"upload":        {"open", "login", posted("SPA112", "", "/upgrade.cgi")},
	"xml_push":      {"none", "mode", asked("SPA504G", "7.5.5", "/CGI/Execute")}, // 404, or 405: it is to be posted
	"custom_ca_label": {"Provisioning", "Provisioing", func(t *testing.T, setting string) string {
		return string(webView(t, "SPA504G", "7.6.2f", setting).StatusXML())
	}},
}

func webView(t *testing.T, modelName, firmware string, settings ...string) device.View {
	row := devicetest.Row(t, modelName, firmware, settings...)
	return device.View{Unit: devicetest.Known(row, 0), Params: device.Reset(row.Factory), Powered: true}
}

// webDevice is a fleet of one device that does nothing.
type webDevice struct{ device.View }

func (d webDevice) At(netip.Addr) (device.View, bool) { return d.View, true }

func (d webDevice) Do(context.Context, device.Index, device.Command) error { return nil }

// posted sends a form with an unknown field, and returns the status.
func posted(modelName, firmware, path string) func(*testing.T, string) string {
	return func(t *testing.T, setting string) string {
		status, _, err := webui.Browser{}.Visit(webView(t, modelName, firmware, setting), path, "1=x")
		if err != nil {
			t.Fatal(err)
		}
		return http.StatusText(status)
	}
}

// asked gets a page of a device and returns the status.
func asked(modelName, firmware, path string) func(*testing.T, string) string {
	return func(t *testing.T, setting string) string {
		l, err := net.Listen("tcp4", "127.0.0.1:0")
		if err != nil {
			t.Fatal(err)
		}
		ctx, stop := context.WithCancel(t.Context())
		served := make(chan error, 1)
		go func() {
			served <- (&webui.Site{Devices: webDevice{webView(t, modelName, firmware, setting)}}).Serve(ctx, l)
		}()
		defer func() { stop(); <-served }()
		r, err := http.Get("http://" + l.Addr().String() + path)
		if err != nil {
			t.Fatal(err)
		}
		r.Body.Close()
		return r.Status
	}
}
