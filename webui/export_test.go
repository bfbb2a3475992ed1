package webui_test

import (
	"strings"
	"testing"

	"spafleet/device/devicetest"
	"spafleet/webui"
)

// Each family has its export where scripts look for it (device-surface.md §1.8).
func TestExportsAreServedByFamily(t *testing.T) {
	const found, missing = "200 OK", "404 Not Found"
	tests := []struct{ model, path, status, first string }{
		{"SPA942", "/admin/spacfg.xml", found, "<flat-profile>\n<DHCP group="},
		{"SPA942", "/spacfg.xml", found, "<flat-profile>\n"},
		{"SPA942", "/admin/status.xml", missing, ""},
		{"SPA504G", "/admin/spacfg.xml", found, "<flat-profile>\n"},
		{"SPA504G", "/admin/status.xml", found, "<Status>\n<DHCP group="},
		{"SPA504G", "/status.xml", found, "<Status>\n"},
		{"SPA2102", "/admin/spacfg.xml", found, "<flat-profile>\n"},
		{"SPA2102", "/admin/status.xml", missing, ""},
		{"PAP2T", "/spacfg.xml", found, "<flat-profile>\n"},
		{"PAP2T", "/admin/config.xml", missing, ""},
		{"SPA525G2", "/status.xml", found, "<Status>\n<Connection_Type group="},
		{"SPA112", "/status.xml", missing, ""},
		{"SPA112", "/spacfg.xml", missing, ""},
		{"SPA112", "/admin/spacfg.xml", missing, ""},
		{"SPA112", "/admin/status.xml&xuser=admin&xpassword=admin", found, "<?xml version=\"1.0\"?>\n<flat-status>\n<Product_Name>SPA112<"},
		{"SPA122", "/admin/config.xml&xuser=admin&xpassword=admin", found, "<?xml version=\"1.0\"?>\n<flat-profile>\n<Restricted_Access_Domains></"},
		{"SPA504G", "/admin/status.xml&xuser=admin&xpassword=admin", missing, ""},
	}
	for _, tt := range tests {
		f, addr := serve(t, &webui.Site{}, view(t, tt.model, ""))
		head, body, _ := strings.Cut(get(t, addr, tt.path), "\r\n\r\n")
		if statusOf(head) != tt.status || !strings.HasPrefix(body, tt.first) {
			t.Errorf("%s: GET %s answers %s, %.60q", tt.model, tt.path, statusOf(head), body)
		}
		if tt.status == missing && !strings.Contains(tt.path, "&") {
			refusal(t, f, tt.path, head, missing, "a page of other devices, "+tt.path)
		}
		if isXML := strings.Contains(head, "\r\nContent-Type: text/xml\r\n"); isXML != (tt.status == found) {
			t.Errorf("%s: GET %s has the head\n%s", tt.model, tt.path, head)
		}
	}
}

func TestStatusHasNoSettings(t *testing.T) {
	_, addr := serve(t, &webui.Site{}, view(t, "SPA504G", "", "GPP_A=settings"))
	status, whole := get(t, addr, "/admin/status.xml"), get(t, addr, "/admin/spacfg.xml")
	if strings.Contains(status, "GPP_A") || !strings.Contains(whole, ">settings</GPP_A>") {
		t.Errorf("the status is\n%s", status)
	}
}

func TestExportIsBehindThePasswordOfItsHalf(t *testing.T) {
	_, addr := serve(t, &webui.Site{}, view(t, "SPA942", "", "Admin_Passwd=secret"))
	if got := statusOf(get(t, addr, "/admin/spacfg.xml")); got != "401 Unauthorized" {
		t.Errorf("without a password: %s", got)
	}
	_, addr = serve(t, &webui.Site{}, view(t, "SPA942", "", "User_Password=secret"))
	if got := statusOf(get(t, addr, "/spacfg.xml")); got != "401 Unauthorized" {
		t.Errorf("the user's half without a password: %s", got)
	}
}

func TestExportHasTheUnitsCertificateText(t *testing.T) {
	v := view(t, "SPA942", "")
	v.Unit.CCERT = "Installed"
	_, addr := serve(t, &webui.Site{}, v)
	if got := get(t, addr, "/admin/spacfg.xml"); !strings.Contains(got, ">Installed</Client_Certificate>") {
		t.Errorf("got %.1500s", got)
	}
}

// A switch of the product name and a customization change both: what the page
// says of the product, the export says in the same words.
func TestPageAndExportSayTheSameOfTheProduct(t *testing.T) {
	for _, hyphen := range []string{"yes", "no"} {
		v := view(t, "SPA942", "")
		v.Unit.Row = devicetest.Row(t, "SPA942", "", "pn_hyphen="+hyphen)
		v.Customization = "Pending"
		_, addr := serve(t, &webui.Site{}, v)
		page, export := get(t, addr, "/"), get(t, addr, "/admin/spacfg.xml")
		items := v.Product()
		if len(items) != 7 {
			t.Errorf("%d items of the product", len(items))
		}
		for _, e := range items {
			label := strings.ReplaceAll(e.Name, "_", " ")
			if want := label + `:<td><font color="darkblue">` + e.Value + "</font>"; !strings.Contains(page, want) {
				t.Errorf("hyphen %s: the page has no %s", hyphen, want)
			}
			if want := `<` + e.Name + ` group="Info/Product_Information">` + e.Value + "<"; !strings.Contains(export, want) {
				t.Errorf("hyphen %s: the export has no %s", hyphen, want)
			}
		}
		name := map[string]string{"yes": "SPA-942", "no": "SPA942"}[hyphen]
		if items[0].Value != name || items[6].Value != "Pending" {
			t.Errorf("hyphen %s: product %q, customization %q", hyphen, items[0].Value, items[6].Value)
		}
	}
}
