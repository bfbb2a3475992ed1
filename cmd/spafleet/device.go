package main

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"strings"
	"sync"
	"time"
	"unicode"

	"github.com/spf13/cobra"

	"spafleet/device"
	"spafleet/device/inventory"
	"spafleet/device/model"
	"spafleet/fleet"
	"spafleet/ivr"
	"spafleet/scenarios"
	"spafleet/scenarios/report"
	"spafleet/scenarios/run"
	"spafleet/scenarios/tally"
)

func deviceCommand(s streams) *cobra.Command {
	rn := newRunner(s)
	f := &runFlags{fleetFlags: fleetFlags{count: 1}}
	c := &cobra.Command{
		Use:   "device",
		Short: "Run one device: its log, its web server, its keypad",
		Long: `Runs one device in the foreground, prints each event as it happens, and prints the
address of the device's web server at the start.

The device is the first of a fleet. --index takes another one of the fleet with the
same seed, models and --count, with the number that event logs give as dev.
--mac and --serial give it those of a unit of yours. With --devices they choose a
device of the list, and --index one by its place, from 0.

What you type goes to the keypad of its telephone; a letter is the key that bears it.
**** enters the voice menu, on models that have one. There, 110# speaks the address,
REBOOT# (732668#) is a reboot and RESET#1 a factory reset, once you type hangup to
hang up. docs/ivr.md lists the options. Ctrl-C ends the device.`,
		Example: `  spafleet device --model SPA2102
  spafleet device --model PAP2T --tftp-server 127.0.0.1:6969 \
      --set Resync_Random_Delay=0
  spafleet device --model SPA942 --mac 000e08123456 --serial 88019FA00001
  spafleet device --devices phones.csv --mac 00:0e:08:12:34:56
  spafleet device --model SPA2102 --seed 7 --index 4711
  printf '****110#\nhangup\n' | spafleet device --model SPA2102 --duration 2s`,
		Args: noArgs,
	}
	f.register(c)
	index := 0
	c.Flags().StringVar(&f.mac, "mac", "", "`MAC` address of the device, or of the one that is taken from --devices")
	c.Flags().StringVar(&f.serial, "serial", "", "serial `NUMBER` of the device, or of the one that is taken from --devices")
	c.Flags().IntVar(&index, "index", 0, "`NUMBER` of the device in the fleet, from 0")
	c.Flags().Lookup("listen-web").DefValue = "0"
	f.web.port = "0"
	_ = c.Flags().MarkHidden("count")
	c.RunE = func(c *cobra.Command, _ []string) error {
		if err := f.alone(c.Flags().Changed, index); err != nil {
			return err
		}
		scenario, err := f.scenario(c, nil)
		if err != nil {
			return err
		}
		scenario.Name = "device"
		if scenario.Clock.Mode == fleet.Virtual && !c.Flags().Changed("listen-web") {
			f.web.port = "" // nobody could look at it
		}
		dev := device.Index(index)
		if f.devices != "" {
			if dev, err = f.chosen(scenario.Devices, c.Flags().Changed("index"), dev); err != nil {
				return err
			}
		}
		rn.options.Shard = device.Only(dev, devices(scenario))
		if err := f.machine(c.Context(), &rn.options); err != nil {
			return err
		}
		return foreground(c.Context(), rn, scenario)
	}
	return c
}

// alone checks the flags that say which device runs. Of a fleet of one model, the
// devices behind it do not matter.
func (f *runFlags) alone(changed func(flag string) bool, index int) error {
	switch {
	case index < 0 || index >= device.MaxDevices:
		return fmt.Errorf("--index %d: devices are numbered from 0 to %d", index, device.MaxDevices-1)
	case f.devices != "":
		return nil
	case changed("index") && (f.mac != "" || f.serial != ""):
		return fmt.Errorf("--index names a device of a fleet, and --mac and --serial one of yours: give one of them, or the --devices that it is in")
	case changed("count") && !changed("index"):
		return fmt.Errorf("device runs one device; for more: spafleet run --count %d", f.count)
	case changed("count") && index >= f.count:
		return fmt.Errorf("--index %d: a fleet of %d devices has none with this number", index, f.count)
	case changed("index") && !changed("count") && strings.ContainsAny(f.model, ",="):
		return fmt.Errorf("--index: which device of a mix it is follows from --count, the size of the fleet")
	case !changed("count"):
		f.count = index + 1
	}
	return nil
}

// one makes a device with a MAC address or serial number of the user's the fleet.
func (f *runFlags) one(s *scenarios.Scenario) error {
	row, err := model.NewRow(f.model, f.firmware, nil)
	if err != nil {
		return err
	}
	mac := device.MACOf(row.Model, f.seed, 0)
	if f.mac != "" {
		if mac, err = model.ParseMAC(f.mac); err != nil {
			return fmt.Errorf("--mac: %w", err)
		}
	}
	list, err := inventory.One(row, mac, f.serial)
	if err == nil {
		s.List(list)
	}
	return err
}

// chosen returns the device of a list that the flags mean.
func (f *runFlags) chosen(list *inventory.List, indexed bool, index device.Index) (device.Index, error) {
	var mac model.MAC
	var err error
	if f.mac != "" {
		if mac, err = model.ParseMAC(f.mac); err != nil {
			return 0, fmt.Errorf("--mac: %w", err)
		}
	}
	var found []device.Index
	for dev := range device.Index(list.Len()) {
		if (!indexed || dev == index) && (f.mac == "" || list.MAC(nil, 0, dev) == mac) && (f.serial == "" || list.Serial(dev) == f.serial) {
			found = append(found, dev)
		}
	}
	switch {
	case len(found) == 1:
		return found[0], nil
	case f.mac == "" && f.serial == "" && !indexed:
		return 0, fmt.Errorf("%s lists %d devices: say which one by --mac, --serial or --index", list.Name(), list.Len())
	case len(found) == 0:
		return 0, fmt.Errorf("%s lists no device with what --mac, --serial and --index say", list.Name())
	}
	return 0, fmt.Errorf("%s lists %d devices with this serial number, of different models: give --mac", list.Name(), len(found))
}

// foreground runs the one device with its log and its keypad.
func foreground(ctx context.Context, rn *runner, scenario *scenarios.Scenario) error {
	log := &eventLog{w: rn.out, began: time.Now()}
	pad := &keypad{log: log, ended: make(chan struct{})}
	rn.options.Tell = log.tell
	rn.options.Listening = func(l *run.Live) { deviceHello(rn.out, l) } // before the first event
	rn.options.Started = func(l *run.Live) {
		pad.live = l
		go pad.read(ctx, rn.in)
	}
	result, err := run.Run(ctx, scenario, rn.options)
	close(pad.ended)
	if err != nil {
		return err
	}
	fmt.Fprintf(rn.out, "%s after %s: resyncs %d ok, %d failed\n", result.Verdict, report.Seconds(result.DurationSeconds), result.Resyncs.OK, result.Resyncs.Failed)
	if result.Exit != exitOK {
		return exitWith(result.Exit)
	}
	return nil
}

func deviceHello(w io.Writer, l *run.Live) {
	for _, n := range l.Notes {
		fmt.Fprintf(w, "note: %s\n", n)
	}
	dev := l.Fleet.Shard().At(0)
	v, _ := l.Fleet.View(dev)
	u := &v.Unit
	fmt.Fprintf(w, "%s firmware %s · MAC %s · serial %s · address %s\n", u.Row.Model.Name, u.Row.Firmware.Version, u.MAC, u.Serial, u.IP)
	if url := l.Fleet.WebURL(dev); url != "" {
		fmt.Fprintf(w, "web server: %s\n", url)
	}
	if l.Server != nil {
		fmt.Fprintf(w, "built-in server: tftp %s, http %s\n", l.Server.TFTP(), l.Server.HTTP())
	}
	if ivr.Has(u.Row.Model) {
		fmt.Fprintln(w, "keypad: type **** for the menu, hangup to hang up; a reset or a saved value acts then")
	} else {
		fmt.Fprintln(w, "keypad: this model has no voice menu; use its web server")
	}
}

// An eventLog prints a device's events.
type eventLog struct {
	mu    sync.Mutex
	w     io.Writer
	began time.Time
}

func (l *eventLog) print(format string, args ...any) {
	l.mu.Lock()
	defer l.mu.Unlock()
	fmt.Fprintf(l.w, "%8.3fs  %s\n", time.Since(l.began).Seconds(), fmt.Sprintf(format, args...))
}

func (l *eventLog) tell(events []device.Event) {
	for i := range events {
		if events[i].Kind != device.Late {
			l.print("%s", describe(&events[i]))
		}
	}
}

// describe says in a line what happened.
func describe(e *device.Event) string {
	parts := []string{e.Name()}
	add := func(format string, args ...any) { parts = append(parts, fmt.Sprintf(format, args...)) }
	switch e.Kind {
	case device.Boot:
		add("%s (%s)", e.Reason, e.Reason.Code())
	case device.ResyncStarted, device.UpgradeStarted:
		add("%s", e.Cause)
	case device.Moved:
		add("→ %s", e.State)
		if e.Via != 0 {
			add("via %s", e.Via)
		}
	case device.Applied:
		add("%d values changed", e.Count)
		if e.File != nil && e.File.Partly != "" {
			add("· only a part of the file was taken, %s", e.File.Partly)
		}
	case device.Notify, device.NotifyChallenged, device.NotifyFailed:
		add("%s %d", e.Text, e.Count)
	case device.Registered, device.Unregistered, device.RegistrationFailed, device.Subscribed, device.SubscriptionFailed:
		add("line %d at %s", e.Count, e.Text)
	case device.Syslog, device.Web, device.IVR, device.UpgradeOK:
		add("%s", e.Text)
	}
	if f := e.File; f != nil && (e.Kind == device.Fetched || e.Kind == device.FetchFailed) {
		if f.Param != "" {
			add("%s", f.What)
		}
		add("%s://%s:%d%s", f.Scheme, f.Host, f.Server.Port(), f.Path)
		if f.Repeat > 0 {
			add("(repeat %d)", f.Repeat)
		}
		if e.Kind == device.Fetched {
			add("%d bytes, %s", f.Bytes, f.Protection)
		} else {
			add("%s", report.Ending(tally.FailureOf(e)))
		}
		if f.Said != "" {
			add("the server sent %q", f.Said)
		}
		if f.Hint != "" {
			add("(%s)", f.Hint)
		}
	}
	if e.Err != "" {
		add("%s", e.Err)
	}
	return strings.Join(parts, " ")
}

// A keypad hands typed keys to a device's menu.
type keypad struct {
	log   *eventLog
	live  *run.Live
	menu  ivr.Menu
	off   bool // hook
	ended chan struct{}
}

// dev is the device that the keys are for.
func (k *keypad) dev() device.Index { return k.live.Fleet.Shard().At(0) }

// read handles lines until the input or the run ends. A read that blocks at the
// end of the run is left to the end of the program.
func (k *keypad) read(ctx context.Context, in io.Reader) {
	lines := bufio.NewScanner(in)
	for lines.Scan() {
		select {
		case <-k.ended:
			return
		default:
		}
		k.line(ctx, strings.TrimSpace(lines.Text()))
	}
}

func (k *keypad) line(ctx context.Context, text string) {
	switch {
	case text == "":
	case text == "hangup":
		k.hangUp(ctx)
	case !ivr.AreKeys(text) || strings.IndexFunc(text, unicode.IsLetter) >= 0 && !strings.ContainsAny(text, "0123456789*#"):
		k.log.print("keypad: type digits, * and #, letters with these (RESET#), or hangup")
	default:
		k.press(ctx, text)
	}
}

func (k *keypad) press(ctx context.Context, keys string) {
	v, _ := k.live.Fleet.View(k.dev())
	if !ivr.Has(v.Unit.Row.Model) {
		k.log.print("keypad: the %s has no voice menu", v.Unit.Row.Model.Name)
		return
	}
	if !v.Answers() { // and a call that was up is over
		k.off = false
		k.log.print("keypad: %s", fleet.ErrNoPower)
		return
	}
	if !k.off {
		k.off = true
		k.do(ctx, device.Command{Order: device.HookOff, Cause: model.ByKeypad})
	}
	look := func() device.View { v, _ := k.live.Fleet.View(k.dev()); return v }
	_ = k.menu.Dial(look, keys, func(a ivr.Action) error {
		k.take(ctx, []ivr.Action{a})
		return nil
	})
}

func (k *keypad) hangUp(ctx context.Context) {
	v, _ := k.live.Fleet.View(k.dev())
	actions := k.menu.HangUp(v)
	k.off = false
	k.do(ctx, device.Command{Order: device.HookOn, Cause: model.ByKeypad})
	k.take(ctx, actions)
}

func (k *keypad) take(ctx context.Context, actions []ivr.Action) {
	for _, a := range actions {
		if a.Say != "" {
			k.log.print("says: %s", a.Say)
		}
		if a.Command != nil {
			k.do(ctx, *a.Command)
		}
	}
}

// do hands a command over. An error beside the lack of power is the end of the run.
func (k *keypad) do(ctx context.Context, c device.Command) {
	if err := k.live.Fleet.Ask(ctx, k.dev(), c); errors.Is(err, fleet.ErrNoPower) {
		k.log.print("keypad: %s", err)
	}
}
