package unit

import (
	"net/netip"
	"slices"
	"testing"

	"spafleet/device"
	"spafleet/device/devicetest"
)

// What presets make of a group is found out once. It must be what each of its
// devices would find out for itself.
func TestDevicesOfAGroupAreBornAlike(t *testing.T) {
	row := devicetest.Row(t, "SPA942", "")
	for rule, alike := range map[string]bool{
		"": true, "/$PSN.cfg": true, "http://192.0.2.1/$MA.cfg": true, "https://$SN.example/$MAU": true, "[--key $SN] tftp://192.0.2.1/$MAC": true,
		"( $MA eq 000000000000 )? http://a/b | ( $IP ge 1 )? [--key $IP] http://c/d": true, "[--key $EXTIP] /a": true, "[--key $GPP] /a": true,
		"( $CCERT eq Installed )? https://a/b": false, "[--key $B] /$A": true,
	} {
		g := &Group{Row: row, Presets: map[string]string{"Profile_Rule": rule, "GPP_B": "$MAU"}}
		sets, err := g.sets()
		if err != nil {
			t.Fatal(err)
		}
		presets := (&device.Layers{}).Preset(row.Factory, sets)
		first := device.NewUnit(row, 1, 0, netip.MustParseAddr("127.64.0.0"))
		b := birthOf(g, &first, presets)
		if b.alike != alike {
			t.Errorf("%q: alike %v, want %v", rule, b.alike, alike)
		}
		for dev := range device.Index(200) {
			u := device.NewUnit(row, 1, dev*517, netip.MustParseAddr("127.64.0.0"))
			life, moves := device.Life{}.Apply(device.Change{Unit: &u, Before: device.Reset(row.Factory), After: presets, Via: device.ViaPreset})
			if b.alike && (life != b.life || !slices.Equal(moves, b.moves)) {
				t.Fatalf("%q: device %d is born %v by %v, its group %v by %v", rule, u.Index, life, moves, b.life, b.moves)
			}
		}
	}
}
