package trust_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"spafleet/certs"
	"spafleet/certs/trust"
	"spafleet/device/devicetest"
	"spafleet/device/model"
)

// rowOf returns the row of "MODEL FIRMWARE", with switches turned.
func rowOf(t testing.TB, modelName string, switches ...string) *model.Row {
	t.Helper()
	name, firmware, _ := strings.Cut(modelName, " ")
	return devicetest.Row(t, name, firmware, switches...)
}

func trustText(r *model.Row) string {
	var words []string
	for _, x := range trust.Trusted(r) {
		words = append(words, fmt.Sprintf("%s:%s", x.Authority, x.Evidence.String()[:1]))
	}
	return strings.Join(words, " ")
}

// Each line is a row of one of the two tables, or derived from it by analogy.
func TestTrusted(t *testing.T) {
	tests := []struct{ model, switches, want string }{
		{"PAP2T 5.1.6(LS)", "", "sipura1:f linksys1:f"},
		{"PAP2T 5.1.5(LS)", "", "sipura1:d linksys1:i"},
		{"SPA112 1.3.1(003)", "", "sipura1:f ciscosb1:f linksys1:f"},
		{"SPA112 1.3.2(014)", "", "sipura1:i ciscosb1:d linksys1:i"},
		{"SPA112 1.3.3", "", "sipura1:i ciscosb1:d ciscosb2:d linksys1:i"},
		{"SPA112 1.4.1(SR5)", "", "sipura1:i ciscosb1:d ciscosb2:d linksys1:i"},
		{"SPA232D 1.3.1(003_240)", "", "sipura1:f ciscosb1:f linksys1:f"},
		{"SPA962 6.1.5(a)", "", "sipura1:f linksys1:f"},
		{"SPA962 6.1.5(a)", "verisign=accept", "sipura1:f linksys1:f verisign:i verisign-server:i"},
		{"SPA942 6.1.5(a)", "", "sipura1:d linksys1:i"},
		{"SPA942 6.1.5(a)", "ca_table=documented", "sipura1:d"},
		{"SPA2102 5.2.12", "", "sipura1:d linksys1:i"},
		{"SPA8000 6.1.11", "", "sipura1:i linksys1:i"},
		{"SPA8000 6.1.11", "ca_table=documented", "sipura1:i"},
		{"SPA508G 7.5.4", "", "sipura1:f ciscosb1:f linksys1:f"},
		{"SPA508G 7.5.4", "verisign=accept", "sipura1:f ciscosb1:f linksys1:f"}, // somebody saw it refuse
		{"SPA508G 7.5.4", "ca_table=documented", "sipura1:d ciscosb1:d"},
		{"SPA508G 7.6.2", "", "sipura1:f ciscosb1:f ciscosb2:d linksys1:f"},
		{"SPA508G 7.6.2", "ca_table=documented", "sipura1:d ciscosb1:d ciscosb2:d"},
		{"SPA508G 7.6.2", "ca_table=documented verisign=accept", "sipura1:d ciscosb1:d ciscosb2:d verisign:i verisign-server:i"},
		{"SPA525G2 7.5.4", "", "sipura1:f ciscosb1:f linksys1:f"},
		{"SPA504G 7.5.5b", "", "sipura1:d ciscosb1:d linksys1:i"},
		{"SPA504G 7.5.6(XU)", "", "sipura1:d ciscosb1:d ciscosb2:d linksys1:i"},
		{"SPA303 7.5.6b", "", "sipura1:d ciscosb1:d ciscosb2:i linksys1:i"},
		{"SPA303 7.5.6b", "ca_table=documented", "sipura1:d ciscosb1:d"},
		{"SPA2000 2.0.6", "", "sipura1:d"},
		{"SPA2100 3.3.14", "", "sipura1:i"},
		{"PAP2 3.1.23(LS)", "", "linksys1:d"},
		{"RTP300", "", "linksys1:d"},
		{"WRP400", "", "sipura1:d"},
		{"SRP541", "", "ciscosb1:d"},
	}
	for _, tt := range tests {
		if got := trustText(rowOf(t, tt.model, strings.Fields(tt.switches)...)); got != tt.want {
			t.Errorf("%s %s: %s, want %s", tt.model, tt.switches, got, tt.want)
		}
	}
}

// No device of any model is without an authority, and none knows a client's or
// the public one.
func TestEveryRowTrustsServers(t *testing.T) {
	for m := range model.All() {
		for _, f := range m.Firmwares {
			for _, table := range []string{"ca_table=field", "ca_table=documented"} {
				trusted := trust.Trusted(rowOf(t, m.Name+" "+f.Version, table))
				odd := func(x trust.Trust) bool {
					return x.Authority == certs.Public || strings.Contains(string(x.Authority), "client")
				}
				if len(trusted) == 0 || slices.ContainsFunc(trusted, odd) {
					t.Errorf("%s %s, %s: %v", m.Name, f.Version, table, trusted)
				}
			}
		}
	}
}
