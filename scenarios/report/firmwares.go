package report

import (
	"fmt"
	"strings"

	"spafleet/scenarios/tally"
)

// writeFirmwares writes a row for each group, model, and firmware before and now:
// how the last resync of its devices ended. Where all is well there is nothing to
// tell apart.
func writeFirmwares(b *strings.Builder, r *Report) {
	rows, all := 0, 0
	for i := range r.Models {
		for _, f := range r.Models[i].Now {
			if all++; r.Models[i].odd(&f) {
				rows++
			}
		}
	}
	if rows == 0 {
		return
	}
	fmt.Fprintf(b, "\n%-40s %7s %7s %7s %8s\n", "group, model, firmware → now", "devices", "ok", "failed", "no answer")
	left := mostFirmwareRows
	for i := range r.Models {
		m := &r.Models[i]
		for _, f := range m.Now {
			if all > mostFirmwareRows && (!m.odd(&f) || left == 0) {
				continue
			}
			left--
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
	if all > mostFirmwareRows {
		fmt.Fprintf(b, "  … and %d more, of which %d are as these and in the others all is well\n", all-(mostFirmwareRows-left), rows-(mostFirmwareRows-left))
	}
	if u := r.Upgrades; u.OK+u.Failed > 0 {
		fmt.Fprintf(b, "  upgrades: %d ok, %d failed%s\n", u.OK, u.Failed, map[bool]string{true: "; see the failures by cause"}[u.Failed > 0])
	}
}

// mostFirmwareRows is how many rows the table of firmwares has.
const mostFirmwareRows = 40

// odd reports whether some of a make's devices with a firmware are not well, or have
// another one than at the start.
func (m *MakeSummary) odd(f *tally.Firmware) bool {
	return f.Failed > 0 || f.Unanswered > 0 || f.Version != m.Firmware
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
