package workload

import (
	"context"
	"encoding/binary"
	"net/netip"

	"spafleet/device"
	"spafleet/device/model"
	"spafleet/device/profile"
	"spafleet/resync"
)

// Key encrypts the devices' own files.
const Key = "6e6f7365637265746174616c6c"

// SealedRule is the rule of a device whose provisioning is secure: its own file,
// encrypted.
func SealedRule(url string) string { return "[--key $B] " + url }

// SealedFile returns a device's own file, encrypted: about 1.1 KB in which 25
// values differ from the factory's, eight of them the device's own. Pairs are
// more of them.
func SealedFile(row *model.Row, u *device.Unit, pairs ...string) []byte {
	pairs = append([]string{"GPP_E", "one more", "GPP_F", "and the last"}, pairs...)
	var salt [8]byte
	binary.BigEndian.PutUint64(salt[:], uint64(u.Index)+1)
	return profile.Encrypt(AppendProfile(make([]byte, 0, 2<<10), row, u, 0, pairs...), Key, salt)
}

// A Direct network is the devices' server in the same process: it makes each
// device's own file when it is asked for, and keeps nothing.
type Direct struct{ Pairs []string }

// Resolve knows every name.
func (Direct) Resolve(context.Context, string) ([]netip.Addr, error) {
	return []netip.Addr{netip.MustParseAddr("127.0.1.1")}, nil
}

// Fetch returns the device's own file.
func (d Direct) Fetch(_ context.Context, r *resync.Request) (resync.Response, error) {
	return resync.Response{Status: 200, Body: SealedFile(r.Unit.Row, r.Unit, d.Pairs...)}, nil
}
