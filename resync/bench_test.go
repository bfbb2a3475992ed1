package resync_test

import (
	"context"
	"fmt"
	"net/netip"
	"os"
	"testing"

	"spafleet/device"
	"spafleet/device/devicetest"
	"spafleet/device/model"
	"spafleet/device/profile"
	"spafleet/resync"
)

// fullProfile is a profile of 45 KB with every one of an SPA2102's 702 elements.
func fullProfile(b *testing.B) string {
	b.Helper()
	body, err := os.ReadFile("../device/profile/testdata/vectors/full.xml")
	if err != nil {
		b.Fatal(err)
	}
	return string(body)
}

// A body that was never seen: decoded, and applied to a device that had another.
func BenchmarkDecodeAndApply(b *testing.B) {
	body := fullProfile(b)
	row := devicetest.Row(b, "SPA2102", "5.2.10")
	u := device.NewUnit(row, 1, 0, requester)
	shelf := &resync.ProfileCache{}
	p := device.Reset(row.Factory)
	mine := []byte(fmt.Sprintf("<!-- %09d -->%s", 0, body))
	b.SetBytes(int64(len(mine)))
	for i := 0; b.Loop(); i++ {
		copy(mine[len("<!-- "):], fmt.Sprintf("%09d", i)) // no two bodies are alike
		o := profile.Options{Limit: 1 << 20}
		r, err := shelf.Read(b.Context(), &u, mine, shelf.Digest(mine, o), o)
		if err != nil {
			b.Fatal(err)
		}
		p, _ = p.With(&shelf.Layers, r.Sets)
	}
}

// A whole attempt whose file is the one applied last.
func BenchmarkAttemptWithTheSameBody(b *testing.B) {
	row := devicetest.Row(b, "SPA2102", "5.2.10")
	w := &still{body: []byte(fullProfile(b))}
	in := resync.Input{Unit: device.NewUnit(row, 1, 0, requester), Params: device.Reset(row.Factory), Lease: resync.Lease{TFTPServer: "192.0.2.5"},
		Cause: model.ByPeriodic, Profiles: &resync.ProfileCache{}}
	o := resync.Attempt(context.Background(), w, in)
	if !o.OK {
		b.Fatal(o.Err)
	}
	in.Params, in.Life, in.Applied = o.Params, o.Life, o.Applied
	for b.Loop() {
		if o := resync.Attempt(context.Background(), w, in); !o.OK {
			b.Fatal(o.Err)
		}
	}
}

// still is a world in which nothing moves.
type still struct{ body []byte }

func (*still) Now() int64 { return 1e18 }

func (*still) Resolve(context.Context, string) ([]netip.Addr, error) {
	return nil, &resync.Error{Result: device.NoDNS}
}

func (s *still) Fetch(context.Context, *resync.Request) (resync.Response, error) {
	return resync.Response{Status: 200, Body: s.body}, nil
}

func (*still) Commit(device.Params, device.Life, []device.Event) {}
