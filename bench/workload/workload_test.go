package workload

import (
	"testing"

	"spafleet/device"
	"spafleet/device/profile"
)

// The promise is about 25 values that differ from the factory's, eight of which
// are the device's own.
func TestSealedFileHasTheValuesThatArePromised(t *testing.T) {
	row, err := Row()
	if err != nil {
		t.Fatal(err)
	}
	values := func(dev device.Index) map[string]string {
		u := Unit(row, dev)
		o := row.Reading()
		o.Key, o.Keyed = Key, true
		f, err := profile.Decode(SealedFile(row, &u), o)
		if err != nil {
			t.Fatal(err)
		}
		m := map[string]string{}
		for _, p := range f.Params {
			q, ok := row.Lookup(p.Name)
			if !ok {
				t.Errorf("%s is no parameter of the model", p.Name)
				continue
			}
			if v, ok := q.Take(p.Value); !ok || v == q.Default {
				t.Errorf("%s is set to %q: taken %v, the factory has %q", p.Name, p.Value, ok, q.Default)
			}
			m[p.Name] = p.Value
		}
		return m
	}
	a, b := values(7), values(7001)
	own := 0
	for name := range a {
		if a[name] != b[name] {
			own++
		}
	}
	if len(a) != 25 || own != 8 {
		t.Errorf("%d values, %d of them the device's own, want 25 and 8", len(a), own)
	}
}

func TestProfileHasItsSize(t *testing.T) {
	row, err := Row()
	if err != nil {
		t.Fatal(err)
	}
	u := Unit(row, 3)
	for _, size := range []int{4 << 10, 16 << 10, 60 << 10} {
		b := AppendProfile([]byte("before"), row, &u, size, "GPP_A", "x")
		if n := len(b) - len("before"); n < size || n > size+512 {
			t.Errorf("%d bytes, want %d or little more", n, size)
		}
		if _, err := profile.Decode(b[len("before"):], row.Reading()); err != nil {
			t.Errorf("%d bytes: %v", size, err)
		}
	}
}
