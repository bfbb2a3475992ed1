package scenarios_test

import (
	"testing"

	"spafleet/device/model"
	"spafleet/scenarios"
)

// A DHCP server that looks at the vendor class leaves out who tells none, or another.
func TestALeaseIsForAVendorClass(t *testing.T) {
	for _, tt := range []struct {
		class, model string
		want         bool
	}{
		{"", "PAP2T", true}, {"", "SPA942", true},
		{"LINKSYS SPA-942", "SPA942", true}, {"LINKSYS SPA-942", "SPA962", false}, {"LINKSYS SPA-942", "PAP2T", false},
		{"LINKSYS *", "SPA942", true}, {"LINKSYS *", "SPA2102", true}, {"LINKSYS *", "SPA112", false}, {"LINKSYS *", "PAP2T", false},
		{"*", "SPA942", true}, {"*", "PAP2T", true},
	} {
		row, err := model.NewRow(tt.model, "", nil)
		if err != nil {
			t.Fatal(err)
		}
		if got := (&scenarios.Group{Class: tt.class}).Classed(row); got != tt.want {
			t.Errorf("class %q, %s with %q: %t", tt.class, tt.model, row.Behaviour.Lease.Class, got)
		}
	}
}
