package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"spafleet/device"
	"spafleet/device/devicetest"
	"spafleet/device/model"
	"spafleet/fleet"
	"spafleet/fleet/state"
	"spafleet/resync"
	"spafleet/resync/fetch"
)

// A provider is a server that upgrades its devices and gives each a file of its
// own. It counts what firmware asked for which file.
type provider struct {
	mu    sync.Mutex
	asked map[string]int // "firmware path"
	image []byte
}

func (p *provider) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	_, firmware, _ := strings.Cut(r.UserAgent(), "-2102-")
	firmware, _, _ = strings.Cut(firmware, " ")
	p.mu.Lock()
	p.asked[firmware+" "+r.URL.Path]++
	p.mu.Unlock()
	if r.URL.Path == "/up.bin" {
		_, _ = w.Write(p.image)
		return
	}
	mac := strings.TrimSuffix(r.URL.Path[1:], ".xml")
	fmt.Fprintf(w, "<flat-profile><GPP_A>%s</GPP_A><Resync_Periodic>1</Resync_Periodic></flat-profile>", mac)
}

func (p *provider) forget() {
	p.mu.Lock()
	defer p.mu.Unlock()
	clear(p.asked)
}

func (p *provider) count(what string) int {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.asked[what]
}

const killedDevices = 20

// A lineage is a fleet that lives on in one process after another.
type lineage struct {
	t      *testing.T
	file   string
	config fleet.Config
	args   []string
}

func newLineage(t *testing.T, server string) *lineage {
	row := devicetest.Turned(t, "SPA2102", "5.2.10", map[string]string{"boot_time": "0s", "flash_time": "1s"})
	g := fleet.Group{Name: "devices", Row: row, Count: killedDevices, Presets: map[string]string{}}
	l := &lineage{t: t, file: filepath.Join(t.TempDir(), "fleet.state")}
	l.args = []string{"run", "--model", "SPA2102", "--firmware", "5.2.10", "--count", fmt.Sprint(killedDevices), "--max-lateness", "1m", "--state", l.file, "--state-every", "50ms",
		"--switch", "boot_time=0s", "--switch", "flash_time=1s"}
	for _, set := range []string{"Resync_Random_Delay=0", "Upgrade_Rule=($SWVER lt 5.2.12)? http://" + server + "/up.bin", "Profile_Rule=http://" + server + "/$MA.xml"} {
		name, value, _ := strings.Cut(set, "=")
		g.Presets[name] = value
		l.args = append(l.args, "--set", set)
	}
	l.config = fleet.Config{Seed: 1, Network: &fetch.Sockets{}, Groups: []fleet.Group{g}}
	return l
}

// views returns the devices in the state file, none where there is none yet.
func (l *lineage) views() (list []device.View) {
	l.t.Helper()
	saved, err := state.Open(l.file)
	if errors.Is(err, os.ErrNotExist) {
		return nil
	}
	if err != nil {
		l.t.Fatal(err)
	}
	defer saved.Close()
	c := l.config
	c.Resume = saved
	f, err := fleet.New(c)
	if err != nil {
		l.t.Fatal(err)
	}
	for dev := range device.Index(f.Len()) {
		v, _ := f.View(dev)
		list = append(list, v)
	}
	return list
}

// start runs the program.
func (l *lineage) start(ctx context.Context) (*exec.Cmd, *bytes.Buffer) {
	l.t.Helper()
	c := exec.CommandContext(ctx, "spafleet", l.args...)
	var errs bytes.Buffer
	c.Stderr = &errs
	if err := c.Start(); err != nil {
		l.t.Fatal(err)
	}
	l.t.Cleanup(func() { _ = c.Process.Kill() })
	return c, &errs
}

// await waits until something holds for every device of the state file.
func (l *lineage) await(ctx context.Context, what string, held func(device.View) bool) []device.View {
	l.t.Helper()
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	for {
		views := l.views()
		if views != nil && !slices.ContainsFunc(views, func(v device.View) bool { return !held(v) }) {
			return views
		}
		select {
		case <-tick.C:
		case <-ctx.Done():
			l.t.Fatalf("waited in vain: %s", what)
		}
	}
}

// A fleet that is killed goes on in the next process as the same devices, with
// their parameters, states and firmware, and its timers do.
func TestAFleetOutlivesKill9(t *testing.T) {
	t.Parallel()
	model, err := model.FindModel("SPA2102")
	if err != nil {
		t.Fatal(err)
	}
	p := &provider{asked: map[string]int{}}
	if p.image, err = resync.MakeImage(model, "5.2.12", 4000); err != nil {
		t.Fatal(err)
	}
	web := httptest.NewServer(p)
	defer web.Close()
	l := newLineage(t, strings.TrimPrefix(web.URL, "http://"))
	ctx, stop := context.WithTimeout(t.Context(), time.Minute)
	defer stop()

	first, _ := l.start(ctx)
	l.await(ctx, "upgraded devices that resync", func(v device.View) bool {
		return v.Unit.Row.Firmware.Version == "5.2.12" && v.Resyncs.OK >= 3
	})
	if err := first.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	_ = first.Wait()
	before := l.views()
	p.forget()

	second, errs := l.start(ctx)
	l.await(ctx, "resyncs after the kill", func(v device.View) bool { return v.Resyncs.OK >= before[v.Unit.Index].Resyncs.OK+2 })
	if err := second.Process.Signal(syscall.SIGTERM); err != nil {
		t.Fatal(err)
	}
	_ = second.Wait()
	if code := second.ProcessState.ExitCode(); code != 130 {
		t.Errorf("exit code %d after SIGTERM", code)
	}
	if want := fmt.Sprintf("resumed from %s: %d devices as of 20", l.file, killedDevices); !strings.Contains(errs.String(), want) {
		t.Errorf("stderr lacks %q:\n%s", want, errs)
	}
	for i, after := range l.views() {
		was := before[i]
		if after.Unit.MAC != was.Unit.MAC || after.State != was.State || after.Booted != was.Booted || after.Unit.Row.Firmware != was.Unit.Row.Firmware || !after.Powered {
			t.Errorf("device %d is %s %v, booted %d, %s; was %s %v, booted %d, %s", i, after.Unit.MAC, after.State, after.Booted, after.Unit.Row.Firmware.Version,
				was.Unit.MAC, was.State, was.Booted, was.Unit.Row.Firmware.Version)
		}
		if value, _ := after.Params.Lookup("GPP_A"); value != after.Unit.MAC.String() {
			t.Errorf("device %d has GPP_A %q", i, value)
		}
		if after.Resyncs.Failed != was.Resyncs.Failed {
			t.Errorf("device %d: %d failures after the kill", i, after.Resyncs.Failed-was.Resyncs.Failed)
		}
		own := "/" + after.Unit.MAC.String() + ".xml"
		if p.count("5.2.10 "+own) > 0 || p.count("5.2.12 "+own) < 2 {
			t.Errorf("device %d asked %d times as 5.2.10, %d times as 5.2.12", i, p.count("5.2.10 "+own), p.count("5.2.12 "+own))
		}
	}
	if n := p.count("5.2.10 /up.bin") + p.count("5.2.12 /up.bin"); n > 0 {
		t.Errorf("%d upgrades after the kill", n)
	}
}
