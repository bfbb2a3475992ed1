package main

import (
	"bytes"
	"net/netip"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"spafleet/bench/extproc"
	"spafleet/certs"
	"spafleet/certs/trust"
	"spafleet/device"
	"spafleet/fleet"
	"spafleet/fsm"
	"spafleet/resync/fetch"
)

// byName is a network whose names are asked of one server.
func byName(dns string) (*fetch.Guard, *fetch.Sockets) {
	guard := &fetch.Guard{OnlyLoopback: true}
	known := fetch.NameServers{Servers: []netip.AddrPort{netip.MustParseAddrPort(dns)}, Wait: time.Second, Tries: 2}
	return guard, &fetch.Sockets{Guard: guard, NameServers: &known}
}

// secure lets nginx speak HTTPS as prov.test, to devices that show their own certificate.
func (n *nginx) secure(t *testing.T, pki *certs.PKI) {
	t.Helper()
	c, err := pki.Server(certs.ServerRequest{CA: certs.Sipura1, CN: "prov.test"})
	extproc.Must(t, err)
	key, err := certs.EncodeKey(c.Key)
	extproc.Must(t, err)
	roots, err := pki.ClientRoots()
	extproc.Must(t, err)
	dir := filepath.Dir(n.conf)
	for name, data := range map[string][]byte{"server.crt": certs.EncodeCertificates(c.Chain), "server.key": key, "clients.pem": certs.EncodeCertificates(roots)} {
		write(t, filepath.Join(dir, name), data)
	}
	n.change(t, "http {", `http { map $ssl_client_s_dn $account { "~ST=(?<mac>[0-9a-f]+)," $mac; }`, n.addr+" ", n.addr+" ssl ", "default_type text/xml;", `default_type text/xml;
		ssl_certificate server.crt; ssl_certificate_key server.key;
		ssl_verify_client on; ssl_verify_depth 2; ssl_client_certificate clients.pem;
		ssl_protocols TLSv1; ssl_ciphers "AES256-SHA:@SECLEVEL=0";
		# The account is that of the MAC address in the certificate.
		location = /devices { try_files /accounts/$account.xml =404; }`)
}

// Retail: a customer has bought a device, and opens the link with his account's PIN. One
// resync by HTTPS takes the device to its permanent address, where the server knows it by
// its certificate. Who has a wrong PIN gets nothing.
func TestRetailActivationByPIN(t *testing.T) {
	curl := extproc.Need(t, "curl", "curl")
	pki := certs.New(1)
	pages := readable(t)
	web := newNginx(t, pages)
	web.secure(t, pki)
	server := "https://" + strings.Replace(web.addr, "127.0.0.1", "prov.test", 1)
	write(t, filepath.Join(pages, "linksys-init", "1234abcd"), []byte("<flat-profile><Profile_Rule>"+server+"/devices</Profile_Rule></flat-profile>"))
	dns, _ := nameServer(t, "60", "127.0.0.1")
	web.start(t)
	c := fleet.Config{}
	guard, network := byName(dns)
	network.Certs = &trust.Devices{PKI: pki, Holder: &certs.Holder{PKI: pki, Pool: 2}}
	c.Guard, c.Network = guard, network
	f := fresh(t, c)
	for i := range wayModels {
		mac := f.Unit(device.Index(i)).MAC.String()
		write(t, filepath.Join(pages, "accounts", mac+".xml"), []byte("<flat-profile><User_ID_1_>"+mac+"</User_ID_1_></flat-profile>"))
	}
	open := func(dev device.Index, pin string) {
		url := f.WebURL(dev) + "admin/resync?" + server + "/linksys-init/" + pin
		if out, err := exec.CommandContext(t.Context(), curl, "--silent", "--show-error", "--fail", "--max-time", "20", url).CombinedOutput(); err != nil {
			t.Fatalf("curl %s: %v\n%s", url, err, out)
		}
	}
	const typo = device.Index(0)
	open(typo, "1234abce") // beside its own rule, which finds no server
	f.Until(t, "a wrong PIN gets nothing", func(v device.View) bool {
		return v.Unit.Index != typo || v.Resyncs.Failed == 2 && v.State == fsm.MfgReset
	})
	for i := range wayModels {
		open(device.Index(i), "1234abcd")
	}
	f.Until(t, "SEC-PRV-2 and its account", func(v device.View) bool {
		return v.State == fsm.SecPrv2 && v.Get("User_ID_1_") == v.Unit.MAC.String()
	})
	for i := range wayModels {
		var moves, files []string
		for _, e := range f.Events(device.Index(i)) {
			switch e.Kind {
			case device.Moved:
				moves = append(moves, e.Name())
			case device.Fetched:
				if files = append(files, e.File.Path); !strings.Contains(e.File.Protection.String(), "mutual") {
					t.Errorf("device %d: %s came %s", i, e.File.Path, e.File.Protection)
				}
			}
		}
		if moves, want := slices.Compact(moves), []string{"customized", "keyed", "secured"}; !slices.Equal(moves, want) {
			t.Errorf("device %d moved %v, want %v\n%s", i, moves, want, f.Story(device.Index(i)))
		}
		if want := []string{"/linksys-init/1234abcd", "/devices"}; len(files) < 2 || !slices.Equal(files[:2], want) || slices.Contains(files[1:], want[0]) {
			t.Errorf("device %d fetched %v, want %v and then only the last\n%s", i, files, want, f.Story(device.Index(i)))
		}
	}
	if log := web.logged(t, 7); bytes.Count(log, []byte("GET /linksys-init/1234abce HTTP/1.1\" 404")) != 1 || bytes.Count(log, []byte("GET /linksys-init/1234abcd HTTP/1.1\" 200")) != 3 {
		t.Errorf("nginx served otherwise:\n%s", log)
	}
}

// A workshop prepares devices with nothing but its DHCP and TFTP servers, from which they get
// the provider's URL. A customer's lease names no server: the device goes to the provider.
func TestInHousePreprovisioning(t *testing.T) {
	files, pages := readable(t), readable(t)
	web := newNginx(t, pages)
	for _, m := range wayModels {
		write(t, filepath.Join(files, m.first), []byte("<flat-profile><Profile_Rule>http://"+web.addr+"/$MA.xml</Profile_Rule></flat-profile>"))
	}
	tftp := dnsmasq(t, files)
	at := netip.MustParseAddrPort(free(t))
	workshop := kea(t, at, "127.65.1.0/24", tftp.addr)
	f := fresh(t, leased(at))
	f.Until(t, "it knows the provider, who is not to be reached from here", func(v device.View) bool {
		return v.State == fsm.SpCust && strings.Contains(v.Get("Profile_Rule"), web.addr)
	})
	packed := make([]int, len(wayModels)) // events so far
	for i := range wayModels {
		f.Do(t, device.Index(i), device.SwitchOff)
		packed[i] = len(f.Events(device.Index(i)))
		mac := f.Unit(device.Index(i)).MAC.String()
		write(t, filepath.Join(pages, mac+".xml"), []byte("<flat-profile><User_ID_1_>"+mac+"</User_ID_1_></flat-profile>"))
	}
	workshop.Stop()
	tftp.log.Stop()
	kea(t, at, "127.65.2.0/24", "")
	web.start(t)
	for i := range wayModels {
		f.Do(t, device.Index(i), device.SwitchOn)
	}
	f.Until(t, "the account", func(v device.View) bool { return v.Get("User_ID_1_") == v.Unit.MAC.String() })
	for i := range wayModels {
		dev := device.Index(i)
		if v, _ := f.View(dev); !netip.MustParsePrefix("127.65.2.0/24").Contains(v.Unit.IP) {
			t.Errorf("device %d has the address %s, which is not of the customer's lease", dev, v.Unit.IP)
		}
		for _, e := range f.Events(dev) {
			if e.Kind == device.Moved && (e.Move != fsm.Customized || e.Via != device.ViaDHCP) {
				t.Errorf("device %d: %s by %s\n%s", dev, e.Name(), e.Via, f.Story(dev))
			}
		}
		for _, e := range f.Events(dev)[packed[i]:] {
			if e.Kind == device.ResyncFailed || e.Kind == device.Fetched && e.File.Path != "/"+f.Unit(dev).MAC.String()+".xml" {
				t.Errorf("device %d at its customer's: %s\n%s", dev, e.Name(), f.Story(dev))
			}
		}
	}
}

// Two servers have one name, of which dnsmasq gives both addresses. While the first is dead
// the second serves; once it is back it serves again. Where both are dead, devices log it.
func TestTwoServersBehindOneName(t *testing.T) {
	pages := readable(t)
	write(t, filepath.Join(pages, "a.xml"), []byte("<flat-profile><GPP_P>came</GPP_P></flat-profile>"))
	first, second := newNginx(t, pages), newNginx(t, pages)
	const spare = "127.9.80.2"
	at := strings.Replace(first.addr, "127.0.0.1", spare, 1)
	second.change(t, second.addr, at)
	second.addr = at
	dns, _ := nameServer(t, "0", "127.0.0.1", spare)
	c := fleet.Config{Speed: 20}
	guard, network := byName(dns)
	c.Guard, c.Network = guard, network
	b := second.start(t)
	f := fresh(t, c, "Profile_Rule", "http://"+strings.Replace(first.addr, "127.0.0.1", "prov.test", 1)+"/a.xml",
		"Resync_Periodic", "4", "Resync_Error_Retry_Delay", "4", "Syslog_Server", "127.0.0.1:9")
	last := func(kind device.Kind, dev device.Index) (e device.Event, ok bool) {
		for _, e = range slices.Backward(f.Events(dev)) {
			if e.Kind == kind {
				return e, true
			}
		}
		return e, false
	}
	served := func(by string) {
		t.Helper()
		f.Until(t, by+" serves", func(v device.View) bool {
			e, ok := last(device.Fetched, v.Unit.Index)
			return ok && e.File.Server.String() == by
		})
	}
	served(second.addr)
	a := first.start(t)
	served(first.addr)
	a.Stop()
	served(second.addr)
	for i := range wayModels {
		if e, failed := last(device.ResyncFailed, device.Index(i)); failed {
			t.Errorf("device %d failed though a server was there: %s\n%s", i, e.Err, f.Story(device.Index(i)))
		}
	}
	b.Stop()
	f.Until(t, "the device logs that nobody serves", func(v device.View) bool {
		e, ok := last(device.Syslog, v.Unit.Index)
		return ok && strings.Contains(e.Text, "Resync failed: ")
	})
}
