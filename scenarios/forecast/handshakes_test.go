package forecast_test

import (
	"fmt"
	"strings"
	"testing"

	"spafleet/device/model"
	"spafleet/scenarios"
	"spafleet/scenarios/forecast"
)

// A plan says how the handshake of each firmware ends, as a run would show it.
func TestThePlanOfHandshakes(t *testing.T) {
	for name, want := range map[string][]string{
		"linksys-ca-expired-7.6.2": {"linksys1, SPA508G 7.6.2: tls1.0 AES256-SHA; once it knows the time, the device refuses the server's certificate (error 10)", "linksys1, SPA508G 7.5.4: tls1.0 AES256-SHA"},
		"sipura-cert-2005":         {"sipura1, SPA2102 5.2.12: the server refuses the device's certificate (error 7)", "sipura1, SPA2102 5.2.12: tls1.0 AES256-SHA, and the device shows its certificate"},
		"dh-2048-pap2t":            {"sipura1, PAP2T 5.1.6(LS): the device does not take a DH prime of 2048 bits", "sipura1, SPA504G 7.5.5: tls1.0 DHE-RSA-AES256-SHA"},
	} {
		s, err := scenarios.Builtin(name)
		if err != nil {
			t.Fatal(err)
		}
		f, err := forecast.Of(s, scenarios.Machine{})
		if err != nil {
			t.Fatal(err)
		}
		var got []string
		for i := range f.Handshakes {
			got = append(got, f.Handshakes[i].String())
		}
		for _, w := range want {
			if !strings.Contains(strings.Join(got, "\n")+"\n", w) {
				t.Errorf("%s: %s, want %s", name, strings.Join(got, "\n"), w)
			}
		}
	}
}

// What is left out is said: handshakes beyond a number, and files beyond theirs.
func TestThePlanSaysWhatItDoesNotLookAt(t *testing.T) {
	var fleet, listeners, files strings.Builder
	rows := 0
	for m := range model.All() {
		for _, f := range m.Firmwares {
			fmt.Fprintf(&fleet, "  g%d: {model: %s, firmware: %s, count: 1}\n", rows, m.Name, f.Version)
			rows++
		}
	}
	for i := range 3 {
		fmt.Fprintf(&listeners, "    - {ca: sipura1, port: %d}\n", 7000+i)
	}
	for i := range 201 {
		fmt.Fprintf(&files, "    /%d: <flat-profile/>\n", i)
	}
	s, err := scenarios.Load("all.yaml", []byte("fleet:\n"+fleet.String()+"server:\n  https:\n"+listeners.String()+"  files:\n"+files.String()+"duration: 1h\n"))
	if err != nil {
		t.Fatal(err)
	}
	f, err := forecast.Of(s, scenarios.Machine{})
	if err != nil {
		t.Fatal(err)
	}
	notes := strings.Join(f.Notes, "\n")
	for _, want := range []string{"200 handshakes are judged", "201 files, of which none is checked"} {
		if !strings.Contains(notes, want) {
			t.Errorf("notes: %s, want %s", notes, want)
		}
	}
}
