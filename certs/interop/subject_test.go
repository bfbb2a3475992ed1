package interop_test

import (
	"crypto/x509"
	"fmt"
	"strings"
	"testing"

	"spafleet/certs"
	"spafleet/device"
)

var (
	mutual        = mutualBy(certs.Sipura1)
	mutualLinksys = mutualBy(certs.Linksys1)
	mutualCisco   = mutualBy(certs.CiscoSB1)
)

// mutualBy is a service that wants to know its clients, with a certificate of an
// authority.
func mutualBy(ca certs.Name) *setup {
	return configure(setup{name: "mutual-" + string(ca), on: "nginx apache haproxy s_server", ask: required, cert: certs.ServerRequest{CA: ca}})
}

// kinds are a model of each family, with all authorities that sign devices.
var kinds = []struct {
	phone string
	setup *setup
	root  certs.Name
	unit  string // OU: the model
}{
	{"SPA2000 3.1.23", mutual, certs.SipuraClient1, "SPA-2000"},
	{"SPA2102 5.2.12", mutual, certs.SipuraClient1, "SPA-2102"},
	{"SPA3102 5.1.10(GW)", mutual, certs.SipuraClient1, "SPA-3102"},
	{"PAP2T 5.1.6(LS)", mutual, certs.SipuraClient1, "PAP2T"},
	{"PAP2 3.1.23(LS)", mutualLinksys, certs.LinksysClient1, "PAP2"},
	{"WRTP54G 3.1.9(LId)", mutualLinksys, certs.LinksysClient1, "WRTP54G"},
	{"SPA8000 6.1.11", mutual, certs.SipuraClient1, "SPA8000"},
	{"SPA9000 6.1.5", mutual, certs.SipuraClient1, "SPA-9000"},
	{"SPA942 6.1.5(a)", mutual, certs.SipuraClient1, "SPA-942"},
	{"SPA303 7.6.2f client_root=early", mutual, certs.CiscoSBClient1, "SPA303"},
	{"SPA504G 7.6.2f client_root=early", mutual, certs.CiscoSBClient1, "SPA504G"},
	{"SPA508G 7.5.2b client_root=late", mutual, certs.CiscoSBClient2, "SPA508G"},
	{"SPA525G2 7.6.2 client_root=late", mutual, certs.CiscoSBClient2, "SPA525G2"},
	{"SPA112 1.4.1(SR5) client_root=early", mutual, certs.CiscoSBClient1, "SPA112"},
	{"SRP541 1.4.1(SR5) client_root=early", mutualCisco, certs.CiscoSBClient1, "SRP541"},
}

// A device's own certificate lets it in, and tells the server who it is.
func TestServersSeeWhoTheDeviceIs(t *testing.T) {
	for i, k := range kinds {
		t.Run(strings.ReplaceAll(k.phone, " ", "_"), func(t *testing.T) {
			for _, program := range []string{nginx, apache, haproxy, sserver} {
				o := visit{phone: k.phone, index: device.Index(100 + i)}.to(t, k.setup.at(t, program))
				o.wants(t, "ok")
				o.wantsMutual(t, true)
				if root := certs.ClientRootOf(&o.unit); root != k.root {
					t.Errorf("signed by %s, want %s", root, k.root)
				}
				o.leaves(t, subject(t, program, o, k.unit)...)
			}
		})
	}
}

// subject returns what a program logs of a device.
func subject(t *testing.T, program string, o *outcome, unit string) []string {
	t.Helper()
	c, _, err := holder.Certificate(&o.unit)
	if err != nil {
		t.Fatal(err)
	}
	x, err := x509.ParseCertificate(c.Chain[0])
	if err != nil {
		t.Fatal(err)
	}
	mac, serial, number := o.unit.MAC.String(), o.unit.Serial, fmt.Sprintf("%032X", x.SerialNumber)
	maker, mail := "Sipura Technology", "info@sipura.com"
	if o.unit.Row.Generation > 2 {
		maker, mail = "Cisco Small Business", "ciscosb-certadmin@cisco.com"
	}
	switch program {
	case nginx:
		return []string{
			` 200 TLSv1 `, `agent="` + o.unit.UserAgent() + `"`, `verify="SUCCESS" serial=` + number,
			fmt.Sprintf(`dn="emailAddress=%s,CN=%s\, MAC: %s\, Serial: %s,OU=%s,O=%s,L=%s,ST=%s,C=US"`, mail, unit, mac, serial, unit, maker, serial, mac),
			fmt.Sprintf(`legacy="/C=US/ST=%s/L=%s/O=%s/OU=%s/CN=%s, MAC: %s, Serial: %s/emailAddress=%s"`, mac, serial, maker, unit, unit, mac, serial, mail),
		}
	case apache:
		return []string{fmt.Sprintf(`verify="SUCCESS" serial=%s st=%s s=- l=%s ou=%s dn="emailAddress=`, number, mac, serial, unit)}
	case haproxy:
		return []string{fmt.Sprintf(`verify=0 st=%s l=%s ou=%s dn=/C=US/ST=%s/L=%s/O=%s/OU=%s/CN=%s, MAC: %s, Serial: %s/`, mac, serial, unit, mac, serial, maker, unit, unit, mac, serial)}
	}
	return []string{fmt.Sprintf(`C = US, ST = %s, L = %s, O = %s, OU = %s, CN = "%s, MAC: %s, Serial: %s", emailAddress = %s`, mac, serial, maker, unit, unit, mac, serial, mail)}
}
