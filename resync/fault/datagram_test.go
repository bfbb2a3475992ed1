package fault_test

import (
	"testing"
	"time"

	"spafleet/resync/fault"
)

func TestDatagramsAreDisturbed(t *testing.T) {
	tests := []struct {
		name    string
		effects fault.Effects
		copies  [3]int // out, in, out
		late    time.Duration
	}{
		{"as ever", fault.Effects{Status: 503, HasStatus: true}, [3]int{1, 1, 1}, 0},
		{"lost", fault.Effects{Lose: packets(t, "all")}, [3]int{}, 0},
		{"one lost", fault.Effects{Lose: packets(t, "packet 2")}, [3]int{1, 0, 1}, 0},
		{"doubled", fault.Effects{Duplicate: packets(t, "packet 1-2")}, [3]int{2, 2, 1}, 0},
		{"late", fault.Effects{Delay: fault.Delay{Least: 2e9, Most: 2e9}}, [3]int{1, 1, 1}, 2 * time.Second},
		{"slow", fault.Effects{Bandwidth: 8000}, [3]int{1, 1, 1}, 1500 * time.Millisecond},
	}
	for _, tt := range tests {
		d := disturbance(t, tt.effects)
		var copies [3]int
		var late time.Duration
		for i := range copies {
			n, after := d.Datagram(i != 1, 500)
			copies[i] = n
			late += after
		}
		if copies != tt.copies || late != tt.late {
			t.Errorf("%s: %v, %s late; want %v, %s", tt.name, copies, late, tt.copies, tt.late)
		}
	}
	if n, late := (*fault.Disturbance)(nil).Datagram(true, 500); n != 1 || late != 0 {
		t.Errorf("without faults %d, %s", n, late)
	}
}
