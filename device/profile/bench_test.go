package profile_test

import (
	"testing"

	"spafleet/device/profile"
)

func TestScanAllocatesOnlyForTheResult(t *testing.T) {
	text := string(vector(t, "full.xml"))
	allocs := testing.AllocsPerRun(10, func() {
		if _, err := profile.Scan(text, profile.Options{}); err != nil {
			t.Fatal(err)
		}
	})
	// One is the slice of 702 parameters. No value of the file needs decoding.
	if allocs > 3 {
		t.Errorf("%v allocations for 702 elements", allocs)
	}
}

func BenchmarkScan(b *testing.B) {
	text := string(vector(b, "full.xml"))
	b.SetBytes(int64(len(text)))
	b.ReportAllocs()
	for b.Loop() {
		if _, err := profile.Scan(text, profile.Options{}); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkDecode(b *testing.B) {
	for name, key := range map[string]string{"full.xml": "", "full.xml.gz": "", "full.xml.enc": phrase, "full.xml.gz.enc": phrase} {
		b.Run(name, func(b *testing.B) {
			body := vector(b, name)
			b.ReportAllocs()
			for b.Loop() {
				if _, err := profile.Decode(body, profile.Options{Key: key, Keyed: key != ""}); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

func BenchmarkWrongKey(b *testing.B) {
	body := vector(b, "full.xml.enc")
	b.ReportAllocs()
	for b.Loop() {
		if _, err := profile.Decode(body, profile.Options{Key: "WrongKey0", Keyed: true}); err == nil {
			b.Fatal("accepted")
		}
	}
}
