package report

import (
	"fmt"
	"strings"
)

// writeFirmwares writes a row for each group, model, and firmware before and now:
// how the last resync of its devices ended. Where all is well there is nothing to
// tell apart.
func writeFirmwares(b *strings.Builder, r *Report) {
	rows := 0
	for i := range r.Models {
		for _, f := range r.Models[i].Now {
			if m := &r.Models[i]; f.Failed > 0 || f.Unanswered > 0 || f.Version != m.Firmware {
				rows++
			}
		}
	}
	if rows == 0 {
		return
	}
	fmt.Fprintf(b, "\n%-40s %7s %7s %7s %8s\n", "group, model, firmware → now", "devices", "ok", "failed", "no answer")
	for i := range r.Models {
		m := &r.Models[i]
		for _, f := range m.Now {
			name := m.Make.String()
			if m.Group != "" {
				name = m.Group + ", " + name
			}
			if f.Version != m.Firmware {
				name += " → " + f.Version
			}
			fmt.Fprintf(b, "  %-38s %7d %7d %7d %9d\n", name, f.Devices, f.OK, f.Failed, f.Unanswered)
		}
	}
	if u := r.Upgrades; u.OK+u.Failed > 0 {
		fmt.Fprintf(b, "  upgrades: %d ok, %d failed%s\n", u.OK, u.Failed, map[bool]string{true: "; see the failures by cause"}[u.Failed > 0])
	}
}

// exchanges says how many exchanges a fault hit.
func exchanges(n int) string {
	switch n {
	case 0:
		return ""
	case 1:
		return "; 1 exchange disturbed"
	}
	return fmt.Sprintf("; %d exchanges disturbed", n)
}
