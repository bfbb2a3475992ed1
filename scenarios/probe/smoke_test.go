package probe

import (
	"context"
	"net/netip"
	"testing"
	"time"

	"spafleet/device"
	"spafleet/device/model"
	"spafleet/device/observed"
	"spafleet/fleet"
	"spafleet/resync/fetch"
)

type person struct {
	t *testing.T
	r *fleet.Run
}

func (p person) Say(text string)                         { p.t.Log(text) }
func (p person) Agree(context.Context, string) bool      { return true }
func (p person) Power(context.Context) (time.Time, bool) { return time.Time{}, false }
func (p person) Resync(ctx context.Context, url string) error {
	return p.r.Fleet.Do(ctx, 0, device.Command{Order: device.Resync, Argument: url, Cause: model.ByWeb})
}

func TestSmoke(t *testing.T) {
	row, err := model.NewRow("SPA942", "6.1.5(a)", map[string]string{"boot_time": "0s", "reboot_time": "0s", "tftp_wait": "1s", "tftp_tries": "3"})
	if err != nil {
		t.Fatal(err)
	}
	net := &fetch.Sockets{}
	r, err := fleet.Start(t.Context(), fleet.Config{Seed: 1, Groups: []fleet.Group{{Row: row, Count: 1, Presets: map[string]string{"Profile_Rule": "", "Resync_Random_Delay": "0"}}}, Network: net})
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	f, err := Ask(t.Context(), Question{Network: Sockets{At: netip.MustParseAddr("127.0.0.2")}, Person: person{t, r}, Pace: time.Second, Patience: 20 * time.Second,
		Restore: map[string]string{"Profile_Rule": "", "Profile_Rule_B": "", "Profile_Rule_C": "", "Resync_Periodic": "3600", "Resync_Error_Retry_Delay": "3600", "GPP_N": "", "GPP_O": "", "GPP_P": "", "GPP_M": ""},
		Keep:    func(*observed.File, map[string]string) error { return nil }})
	t.Logf("%+v", f)
	if err != nil {
		t.Fatal(err)
	}
}
