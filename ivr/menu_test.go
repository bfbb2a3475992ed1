package ivr_test

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"spafleet/device"
	"spafleet/device/devicetest"
	"spafleet/device/model"
	"spafleet/host/golden"
	"spafleet/ivr"
)

// A call is a script at work: one device and the phone at its socket.
type call struct {
	t      *testing.T
	menu   ivr.Menu
	view   device.View
	layers device.Layers
	now    int64
	out    bytes.Buffer
}

// Scripts are lines of what is done; indented lines are what came of it. They are of the
// rules of device-surface.md §3.2 and surface-2.md §3, and of each code:
//
//	device MODEL [FIRMWARE] [SWITCH=VALUE ...]
//	                          a new device and phone
//	with NAME=VALUE           a parameter
//	power on, power off
//	boot begins, boot ends
//	keys ****110#             a key a second
//	fast **                   ten keys a second
//	after DURATION            silence
//	hangup
func TestCalls(t *testing.T) {
	scripts, err := filepath.Glob("testdata/*.txt")
	if err != nil || len(scripts) == 0 {
		t.Fatalf("no scripts: %v", err)
	}
	for _, path := range scripts {
		t.Run(strings.TrimSuffix(filepath.Base(path), ".txt"), func(t *testing.T) {
			script, err := os.ReadFile(path)
			if err != nil {
				t.Fatal(err)
			}
			c := &call{t: t, now: time.Date(2012, 1, 15, 0, 0, 0, 0, time.UTC).UnixNano()}
			for line := range strings.Lines(string(script)) {
				if !strings.HasPrefix(line, "  ") {
					c.out.WriteString(line)
					c.step(strings.TrimSpace(line))
				}
			}
			golden.File(t, path, c.out.Bytes())
		})
	}
}

func (c *call) step(line string) {
	word, rest, _ := strings.Cut(line, " ")
	switch word {
	case "", "#":
	case "device":
		c.device(rest)
	case "with":
		c.with(rest)
	case "keys":
		c.press(rest, time.Second)
	case "fast":
		c.press(rest, 100*time.Millisecond)
	case "after":
		d, err := time.ParseDuration(rest)
		if err != nil {
			c.t.Fatal(err)
		}
		c.now += int64(d)
	case "power":
		c.view.Powered = rest == "on"
	case "boot":
		if c.view.Booting = rest == "begins"; !c.view.Booting {
			c.view.Booted = c.now
		}
	case "hangup":
		c.told(c.menu.HangUp(c.view))
	default:
		c.t.Fatalf("unknown line %q", line)
	}
}

func (c *call) device(name string) {
	modelName, rest, _ := strings.Cut(name, " ")
	firmware, turned := "", []string(nil)
	for word := range strings.FieldsSeq(rest) {
		if strings.Contains(word, "=") {
			turned = append(turned, word)
		} else {
			firmware = word
		}
	}
	row := devicetest.Row(c.t, modelName, firmware, turned...)
	c.view = device.View{Unit: devicetest.Known(row, 7), Params: device.Reset(row.Factory), Powered: true}
	c.menu = ivr.Menu{}
}

func (c *call) with(text string) {
	c.apply(devicetest.Sets(c.t, c.view.Unit.Row.Factory, text))
}

func (c *call) apply(sets []device.Set) {
	c.view.Params, _ = c.view.Params.With(&c.layers, sets)
}

func (c *call) press(keys string, every time.Duration) {
	for _, k := range []byte(keys) {
		c.now += int64(every)
		c.told(c.menu.Key(c.view, k, c.now))
	}
}

// told writes actions down, and makes the device do what it is asked.
func (c *call) told(actions []ivr.Action) {
	for _, a := range actions {
		if a.Say != "" {
			fmt.Fprintf(&c.out, "  say %s\n", a.Say)
		}
		if a.Command == nil {
			continue
		}
		if a.Command.Cause != model.ByKeypad {
			c.t.Errorf("%s comes by %s", a.Command.Order, a.Command.Cause)
		}
		fmt.Fprintf(&c.out, "  do %s", a.Command.Order)
		for _, s := range a.Command.Sets {
			fmt.Fprintf(&c.out, " %s=%q", s.ID.Name(), s.Value)
		}
		c.out.WriteString("\n")
		c.apply(a.Command.Sets)
	}
}

// What has a display has no spoken menu (device-surface.md §2.4).
func TestOnlyUnitsWithoutDisplayHaveTheMenu(t *testing.T) {
	without := []string{"SPA841", "SPA921", "SPA922", "SPA941", "SPA942", "SPA962", "SPA303", "SPA502G", "SPA504G", "SPA508G", "SPA509G",
		"SPA512G", "SPA514G", "SPA525G", "SPA525G2"}
	for m := range model.All() {
		want := !slices.Contains(without, m.Name)
		if got := ivr.Has(m); got != want || want != (len(ivr.Options(m)) > 0) {
			t.Errorf("%s: menu %v with %d options, want %v", m.Name, got, len(ivr.Options(m)), want)
		}
	}
}

// The options of each model, in the order of the menu (device-surface.md §3.1).
func TestOptionsByModel(t *testing.T) {
	common := "100 101 110 111 120 121 130 131 140 150 160 161 170"
	tests := map[string]string{
		"SPA3000": common + " 7932 723646 732668 73738 877778",
		"SPA122":  common + " 7932 723646 732668 73738 877778",
		"PAP2T":   common + " 7932 723646 732668 73738 877778",
		"SPA2102": common + " 201 210 7932 723646 732668 73738 877778",
		"SPA901":  common + " 180 181 7932 723646 732668 73738 877778",
		"SPA301":  common + " 190 220 221 230 231 240 241 250 251 7932 723646 732668 73738 877778 9",
		"SPA501G": common + " 180 181 190 220 221 230 231 240 241 250 251 7932 723646 732668 73738 877778 9",
	}
	for name, want := range tests {
		m, err := model.FindModel(name)
		if err != nil {
			t.Fatal(err)
		}
		var codes []string
		for _, o := range ivr.Options(m) {
			codes = append(codes, o.Code)
			if o.What == "" {
				t.Errorf("%s: option %s says nothing of itself", name, o.Code)
			}
		}
		if got := strings.Join(codes, " "); got != want {
			t.Errorf("%s has %s, want %s", name, got, want)
		}
	}
}

// An option may be surer of one model than of another (device-surface.md §3.1).
func TestEvidenceOfOptionsIsThatOfTheModel(t *testing.T) {
	evidence := func(name, code string) model.Evidence {
		m, err := model.FindModel(name)
		if err != nil {
			t.Fatal(err)
		}
		for _, o := range ivr.Options(m) {
			if o.Code == code {
				return o.Evidence
			}
		}
		t.Fatalf("%s has no option %s", name, code)
		return 0
	}
	for key, want := range map[[2]string]model.Evidence{
		{"SPA122", "7932"}: model.Field, {"SPA122", "110"}: model.Field, {"SPA122", "111"}: model.Inferred, {"SPA3000", "723646"}: model.Inferred,
		{"PAP2T", "73738"}: model.Documented, {"PAP2T", "100"}: model.Field, {"SPA2102", "100"}: model.Inferred,
		{"SPA2102", "210"}: model.Inferred, {"SPA501G", "723646"}: model.Field, {"SPA901", "723646"}: model.Inferred,
	} {
		if got := evidence(key[0], key[1]); got != want {
			t.Errorf("%s %s is %s, want %s", key[0], key[1], got, want)
		}
	}
}

// A caller who does not know the password changes nothing, whatever the keys.
func FuzzKeys(f *testing.F) {
	f.Fuzz(func(t *testing.T, keys string, quick bool) {
		every := time.Second
		if quick {
			every = 100 * time.Millisecond
		}
		c := &call{t: t}
		c.device("SPA2102")
		c.with("Admin_Passwd=" + strings.Repeat("9", 80))
		for _, k := range []byte(keys) {
			c.now += int64(every)
			actions := c.menu.Key(c.view, k, c.now)
			if len(actions) > 1 || len(actions) == 1 && actions[0].Say == "" {
				t.Fatalf("%q: key %q gives %+v", keys, k, actions)
			}
			c.refuse(keys, actions)
		}
		c.refuse(keys, c.menu.HangUp(c.view))
	})
}

func (c *call) refuse(keys string, actions []ivr.Action) {
	for _, a := range actions {
		if a.Command != nil && a.Command.Order != device.Reboot {
			c.t.Fatalf("%q orders %s without the password", keys, a.Command.Order)
		}
	}
}
