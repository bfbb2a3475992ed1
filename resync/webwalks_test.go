package resync_test

import (
	"context"
	"net"
	"net/http"
	"net/netip"
	"strings"
	"testing"
	"time"

	"spafleet/device"
	"spafleet/device/devicetest"
	"spafleet/ivr"
	"spafleet/webui"
)

// webWalks are the switches of the web server: what a page is answered, or a
// document says.
var webWalks = map[string]walk{
	"url_login":     {"digest", "form", asked("SPA112", "1.4.1(002)", "/admin/resync?h/x&xuser=admin&xpassword=admin")},
	"guest_exports": {"no", "yes", asked("SPA112", "1.4.1(002)", "/admin/status.xml&xuser=cisco&xpassword=cisco")},
	"form_token":    {"none", "admin", posted("SPA504G", "7.6.2f", "/admin/acisco.csc")},
	"form_unknown":  {"ignore", "refuse", posted("SPA942", "", "/admin/asipura.spa")},
	"upload":        {"open", "login", posted("SPA112", "", "/upgrade.cgi")},
	"xml_push":      {"none", "mode", asked("SPA504G", "7.5.5", "/CGI/Execute")}, // 404, or 405: it is to be posted
	"custom_ca_label": {"Provisioning", "Provisioing", func(t *testing.T, setting string) string {
		return string(webView(t, "SPA504G", "7.6.2f", setting).StatusXML())
	}},
}

// keypadWalks are the switches of the keypad menu: what it says, and what it orders.
var keypadWalks = map[string]walk{
	"ivr_admin_password": {"none", "1234", pressed("SPA2102", "****101#1#1")},
	"ivr_reset_password": {"no", "yes", pressed("SPA2102", "****73738#1", "Admin_Passwd=1")},
	"ivr_user_settings":  {"free", "admin", pressed("SPA2102", "****877778#1", "Admin_Passwd=1")},
	"ivr_reset_acts":     {"hang_up", "confirmed", pressed("SPA2102", "****73738#1")},
	"not_customized": {"open", "not_customized", func(t *testing.T, setting string) string {
		return string(webView(t, "SPA504G", "7.6.2f", setting).StatusXML())
	}},
}

// pressed returns what the keypad menu says and orders at the keys, one a second.
func pressed(modelName, keys string, params ...string) func(*testing.T, string) string {
	return func(t *testing.T, setting string) string {
		v := webView(t, modelName, "", setting)
		var layers device.Layers
		for _, p := range params {
			v.Params, _ = v.Params.With(&layers, devicetest.Sets(t, v.Unit.Row.Factory, p))
		}
		var menu ivr.Menu
		var told strings.Builder
		for i, key := range []byte(keys) {
			for _, a := range menu.Key(v, key, int64(i+1)*int64(time.Second)) {
				told.WriteString(a.Say + "\n")
				if a.Command != nil {
					told.WriteString(a.Command.Order.String() + "\n")
				}
			}
		}
		return told.String()
	}
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
