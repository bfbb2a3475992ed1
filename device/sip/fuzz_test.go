package sip

import (
	"net/netip"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"spafleet/device"
	"spafleet/device/devicetest"
)

// Whatever comes to a device's port: it does not fall over, sends at most one answer of a
// bounded size, and does nothing without the line's credentials.
func FuzzMessage(f *testing.F) {
	f.Add([]byte(request("NOTIFY", "100@", "Event: resync")))
	f.Add([]byte(request("OPTIONS", "")))
	f.Add([]byte(strings.Replace(request("INVITE", "100@"), "Via: SIP/2.0/UDP 127.0.0.9:5070", "v: SIP/2.0/UDP [::1]:1;rport", 1)))
	names, _ := filepath.Glob("testdata/rfc4475/*.dat")
	for _, name := range names {
		text, err := os.ReadFile(name)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(text)
	}
	row := devicetest.Row(f, "SPA942", "")
	unit := devicetest.Known(row, 3)
	params := devicetest.Params(f, row.Factory, "User_ID_1_=100", "Password_1_=a secret that no one guesses")
	from := netip.MustParseAddrPort("127.0.0.9:5070")
	f.Fuzz(func(t *testing.T, text []byte) {
		d := Phone{Unit: &unit, Params: params, Lines: &Lines{}, Seed: 1, Booted: 1, Now: 2}
		o := d.Hear(1, from, text)
		if len(o.Send) > 1 || len(o.Events) > 1 || o.Command.Order != 0 {
			t.Fatalf("it does %v", o)
		}
		for _, m := range o.Send {
			if len(m.Text) > len(text)+2000 || !strings.HasPrefix(string(m.Text), "SIP/2.0 ") || !m.To.IsValid() {
				t.Fatalf("it answers %d bytes to %v:\n%s", len(m.Text), m.To, m.Text)
			}
		}
		for _, e := range o.Events {
			if e.Kind == device.Notify && e.Text == "resync" || len(e.Text) > mostToken {
				t.Fatalf("it tells %v", e)
			}
		}
	})
}
