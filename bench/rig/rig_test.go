package rig

import (
	"testing"

	"spafleet/device"
	"spafleet/device/profile"
)

func TestSealedFileOpens(t *testing.T) {
	row, err := Row()
	if err != nil {
		t.Fatal(err)
	}
	u := Unit(row, 7)
	body := SealedFile(row, &u)
	o := row.Reading()
	o.Key, o.Keyed, o.MAC = Key, true, u.MAC.String()
	f, err := profile.Decode(body, o)
	if err != nil {
		t.Fatalf("%v %#v", err, err)
	}
	for _, p := range f.Params {
		q, ok := row.Lookup(p.Name)
		if !ok {
			t.Errorf("%s", p.Name)
			continue
		}
		if v, ok := q.Take(p.Value); !ok || v == q.Default {
			t.Errorf("%s %q %v %q", p.Name, p.Value, ok, q.Default)
		}
	}
	t.Log(len(f.Params), len(body))
	_ = device.Index(0)
}
