package resync_test

import (
	"context"
	"fmt"
	"net/netip"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"spafleet/device"
	"spafleet/device/devicetest"
	"spafleet/device/model"
	"spafleet/fleet"
	"spafleet/resync"
	"spafleet/resync/fetch"
)

// alwaysThere is a server whose every file is an empty profile; a transfer takes
// some time.
type alwaysThere struct{ takes time.Duration }

func (alwaysThere) Resolve(context.Context, string) ([]netip.Addr, error) {
	return nil, &resync.Error{Result: device.NoDNS}
}

func (a alwaysThere) Fetch(ctx context.Context, r *resync.Request) (resync.Response, error) {
	select {
	case <-time.After(a.takes):
	case <-ctx.Done():
		return resync.Response{}, ctx.Err()
	}
	return resync.Response{Status: 200, Body: []byte("<flat-profile></flat-profile>")}, nil
}

// later is a command at a time after the start.
type later struct {
	at    time.Duration
	order device.Order
	cause model.Cause
}

// life observes what one device of a fleet does in a stretch of virtual time:
// its boots, resyncs and upgrades, with the path of the last file.
func life(lasts, takes time.Duration, presets string, commands ...later) func(*testing.T, string) string {
	return func(t *testing.T, setting string) string {
		return stretch(t, setting, fleet.Group{}, alwaysThere{takes}, lasts, presets, commands...)
	}
}

// nowhere is a server that has no file.
type nowhere struct{ alwaysThere }

func (nowhere) Fetch(context.Context, *resync.Request) (resync.Response, error) {
	return resync.Response{Status: 404}, nil
}

// onlyFile is a server that has one file under every name.
type onlyFile struct {
	alwaysThere
	body []byte
}

func (f onlyFile) Fetch(context.Context, *resync.Request) (resync.Response, error) {
	return resync.Response{Status: 200, Body: f.body}, nil
}

// named is a server with a name. It notes for each question whether the device
// would keep the answer; that it then does is shown where names are resolved.
type named struct {
	alwaysThere
	seen *strings.Builder
}

func (n named) Resolve(ctx context.Context, name string) ([]netip.Addr, error) {
	a, ok := fetch.AskerOf(ctx)
	fmt.Fprintln(n.seen, name, ok, a.Keeps)
	return []netip.Addr{netip.MustParseAddr("192.0.2.5")}, nil
}

// questions observes a device that asks for names.
func questions(t *testing.T, setting string) string {
	var seen strings.Builder
	stretch(t, setting, fleet.Group{}, named{alwaysThere{}, &seen}, 100*s, "Profile_Rule=http://prov.example/a")
	return seen.String()
}

// stretch plays one device of a group against a network, and writes down what it does.
func stretch(t *testing.T, setting string, g fleet.Group, n fleet.Network, lasts time.Duration, presets string, commands ...later) string {
	g.Row = rowOf(t, "SPA2102 5.2.10", setting)
	return lifeOf(t, g, n, lasts, presets, commands...)
}

// lifeOf is stretch for a group of any model.
func lifeOf(t *testing.T, g fleet.Group, n fleet.Network, lasts time.Duration, presets string, commands ...later) string {
	var seen strings.Builder
	g.Count = 1
	g.Presets = presetsOf("Profile_Rule=http://192.0.2.5/$PRVST Resync_Random_Delay=0 " + presets)
	synctest.Test(t, func(t *testing.T) {
		began := time.Now()
		ctx, stop := context.WithTimeout(t.Context(), lasts)
		defer stop()
		tell := func(events []device.Event) {
			for _, e := range events {
				switch e.Kind {
				case device.Boot, device.ResyncStarted, device.Fetched, device.FetchFailed, device.ResyncOK, device.UpgradeStarted, device.UpgradeFailed:
					fmt.Fprintf(&seen, "%s %s %s", time.Duration(e.At-began.UnixNano()).Round(time.Millisecond), e.Name(), e.Cause)
					if e.File != nil {
						seen.WriteString(" " + e.File.Path)
					}
					seen.WriteByte('\n')
				}
			}
		}
		f, err := fleet.New(fleet.Config{Seed: 1, Network: n, Tell: tell, Loops: 1, Groups: []fleet.Group{g}})
		if err != nil {
			t.Fatal(err)
		}
		var commander sync.WaitGroup
		commander.Go(func() {
			for _, c := range commands {
				select {
				case <-time.After(c.at - time.Since(began)):
					_ = f.Do(ctx, 0, device.Command{Order: c.order, Cause: c.cause}) // at the end of the run
				case <-ctx.Done():
					return
				}
			}
		})
		if err := f.Run(ctx); err != nil {
			t.Error(err)
		}
		commander.Wait()
	})
	return seen.String()
}

// presetsOf reads NAME=VALUE pairs; ␠ is a blank in a value.
func presetsOf(text string) map[string]string {
	presets := map[string]string{}
	for _, pair := range strings.Fields(text) {
		name, value, _ := strings.Cut(pair, "=")
		presets[name] = strings.ReplaceAll(value, "␠", " ")
	}
	return presets
}

const s = time.Second

var fleetWalks = map[string]walk{
	"dns_ttl": {"kept", "ignored", questions},
	"forced_delay": {"max_wait", "countdown", life(4500*s, 0, "Forced_Resync_Delay=600",
		later{3000 * s, device.HookOff, model.ByStep}, later{3500 * s, device.HookOn, model.ByStep})},
	"prvtmr_from":    {"start", "end", life(1500*s, 50*s, "Resync_Trigger_1=$PRVTMR␠ge␠600")},
	"periodic_from":  {"success", "boot", life(9000*s, 0, "Resync_On_Reset=No")},
	"explicit_delay": {"none", "random", life(1000*s, 0, "Resync_Random_Delay=5", later{500 * s, device.Resync, model.ByWeb})},
	"trigger_mode":   {"level", "edge", life(200*s, 0, "Resync_Trigger_1=$REGTMR1␠ge␠100")},
	"trigger_floor":  {"60s", "20s", life(150*s, 0, "Resync_Trigger_1=$REGTMR1␠ge␠100")},
	"prvst_trigger":  {"1", "-1", life(150*s, 0, "Resync_Trigger_1=$REGTMR1␠ge␠100")},
	"prvst_notify":   {"-1", "1", life(150*s, 0, "", later{100 * s, device.Resync, model.ByNotify})},
	"prvst_upgrade":  {"0", "1", life(150*s, 0, "Resync_On_Reset=No", later{100 * s, device.Upgrade, model.ByWeb})},
	"rc_after_fnf": {"pending", "open", func(t *testing.T, setting string) string {
		return stretch(t, setting, fleet.Group{RCURL: "http://192.0.2.6/rc"}, nowhere{}, 400*s, "Resync_Error_Retry_Delay=0")
	}},
	"boot_time":   {"0s", "30s", life(200*s, 0, "", later{50 * s, device.SwitchOff, model.ByStep}, later{100 * s, device.SwitchOn, model.ByStep})},
	"reboot_time": {"0s", "30s", life(200*s, 0, "", later{50 * s, device.Restart, model.ByStep})},
	"flash_time": {"0s", "30s", func(t *testing.T, setting string) string {
		image, err := resync.MakeImage(devicetest.Row(t, "SPA2102", "").Model, "5.2.12", 500)
		if err != nil {
			t.Fatal(err)
		}
		return stretch(t, setting, fleet.Group{}, onlyFile{body: image}, 200*s, "Upgrade_Rule=http://192.0.2.5/x.bin")
	}},
	"failed_upgrade_reboots": {"always", "never", life(200*s, 0, "Upgrade_Rule=http://192.0.2.5/x.bin")},
	"upgrade_retry":          {"lost", "kept", life(200*s, 0, "Upgrade_Rule=http://192.0.2.5/x.bin")},
	"resync_retry": {"lost", "kept", func(t *testing.T, setting string) string {
		return stretch(t, setting, fleet.Group{}, nowhere{}, 900*s, "Resync_Error_Retry_Delay=100,200", later{150 * s, device.Reboot, model.ByStep})
	}},
	"same_version": {"stop", "install", func(t *testing.T, setting string) string {
		image, err := resync.MakeImage(devicetest.Row(t, "SPA2102", "").Model, "5.2.10", 500)
		if err != nil {
			t.Fatal(err)
		}
		return stretch(t, setting, fleet.Group{}, onlyFile{body: image}, 200*s, "Upgrade_Rule=http://192.0.2.5/x.bin")
	}},
	"upgrade_order": {"resync_first", "upgrade_first", life(50*s, s, "Upgrade_Rule=http://192.0.2.5/x.bin Upgrade_Error_Retry_Delay=0")},
}

var upgradeWalks = map[string]walk{
	"https_upgrade": {"refuse", "accept", attempts("SPA2102 5.2.10", "upgrade https://192.0.2.5/x.bin\n")},
	"image_check":   {"strict", "lax", attempts("SPA2102 5.2.10", "serve http://192.0.2.5:80/spa2102-5-2-12.bin <"+strings.Repeat("x", 200)+"\nupgrade http://192.0.2.5/spa2102-5-2-12.bin\n")},
}
