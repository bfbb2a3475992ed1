package device_test

import (
	"slices"
	"strings"
	"testing"

	"spafleet/device"
	"spafleet/device/devicetest"
	"spafleet/device/model"
	"spafleet/device/profile"
	"spafleet/fsm"
)

// A lifeStep is one change set: parameters by name, how the file came, and
// whether the attempt then proves itself.
type lifeStep struct {
	set    string // NAME=VALUE lines
	via    device.Via
	file   profile.Protection
	secure bool // the file came by a strong rule, keyed or mutual, and all else succeeded
	reset  bool
	want   string // events, in order
	state  fsm.State
}

const (
	keyRule  = "Profile_Rule=[--key $A] http://s/$B/x.cfg"
	httpRule = "Profile_Rule=http://s/$MA.cfg"
)

// Each story is one way through the lifecycle; the names are the cases that the
// design lists.
var lives = []struct {
	name  string
	steps []lifeStep
}{
	{"in by dhcp", []lifeStep{{set: httpRule, via: device.ViaDHCP, want: "customized", state: fsm.SpCust}}},
	{"in by url", []lifeStep{{set: httpRule, via: device.ViaURL, want: "customized", state: fsm.SpCust}}},
	{"in by edit", []lifeStep{{set: httpRule, via: device.ViaEdit, want: "customized", state: fsm.SpCust}}},
	{"in by rc", []lifeStep{{set: httpRule, via: device.ViaRC, want: "customized", state: fsm.SpCust}}},
	{"in by preset", []lifeStep{{set: httpRule, via: device.ViaPreset, want: "customized", state: fsm.SpCust}}},
	{"in by rule B alone", []lifeStep{{set: "Profile_Rule_B=http://s/b.xml", want: "customized", state: fsm.SpCust}}},
	{"other values do not customize", []lifeStep{{set: "User_ID_1_=100\nGPP_A=x", want: "", state: fsm.MfgReset}}},
	{"a malformed rule does not customize", []lifeStep{{set: "Profile_Rule=(oops", want: "", state: fsm.MfgReset}}},
	{"assignments alone do not customize", []lifeStep{{set: `Profile_Rule=(a="x";)!`, want: "", state: fsm.MfgReset}}},
	{"the factory rule written out does not customize", []lifeStep{{set: "Profile_Rule=/spa$PSN.cfg", want: "", state: fsm.MfgReset}}},
	{"rule set empty", []lifeStep{
		{set: "Profile_Rule=", want: "", state: fsm.MfgReset},
		{set: httpRule, want: "customized", state: fsm.SpCust},
		{set: "Profile_Rule=", want: "", state: fsm.SpCust}}},
	{"targeted without key", []lifeStep{
		{set: httpRule, want: "customized", state: fsm.SpCust},
		{set: "User_ID_1_=1", file: profile.Targeted, want: "targeted", state: fsm.SecPrv1}}},
	{"targeted before customized is refused", []lifeStep{{set: "User_ID_1_=1", file: profile.Targeted, want: "", state: fsm.MfgReset}}},
	{"one file customizes, targets and keys", []lifeStep{
		{set: keyRule + "\nGPP_A=k\nGPP_B=d", file: profile.Targeted, want: "customized targeted keyed", state: fsm.SecPrv1}}},
	{"GPP_A only", []lifeStep{
		{set: httpRule, want: "customized", state: fsm.SpCust},
		{set: "GPP_A=k", want: "", state: fsm.SpCust}}},
	{"rule only, its key empty", []lifeStep{{set: keyRule, want: "customized", state: fsm.SpCust}}},
	{"key then rule", []lifeStep{
		{set: httpRule + "\nGPP_A=k", want: "customized", state: fsm.SpCust},
		{set: keyRule, want: "keyed", state: fsm.SecPrv1}}},
	{"rule then key", []lifeStep{
		{set: keyRule, want: "customized", state: fsm.SpCust},
		{set: "GPP_A=k", want: "keyed", state: fsm.SecPrv1}}},
	{"a strong alternative counts though its condition is false", []lifeStep{
		{set: `Profile_Rule=("$A" eq "never")? https://s/x | http://s/y`, want: "customized keyed", state: fsm.SecPrv1}}},
	{"secret keys count", []lifeStep{
		{set: "Profile_Rule=[--key $SA] /x\nGPP_SA=k", want: "customized keyed", state: fsm.SecPrv1}}},
	{"mutual TLS by a permanent URL", []lifeStep{
		{set: "Profile_Rule=https://s/permanent", via: device.ViaURL, want: "customized keyed", state: fsm.SecPrv1},
		{secure: true, want: "secured", state: fsm.SecPrv2}}},
	{"rotation, proven by the next file", []lifeStep{
		{set: keyRule + "\nGPP_A=k\nGPP_B=d", want: "customized keyed", state: fsm.SecPrv1},
		{secure: true, want: "secured", state: fsm.SecPrv2},
		{set: "GPP_A=k2\nGPP_B=d2", want: "rotated", state: fsm.SecPrv2},
		{secure: true, want: "secured", state: fsm.SecPrv2}}},
	{"rotation in SEC-PRV-1 stays there", []lifeStep{
		{set: keyRule + "\nGPP_A=k\nGPP_B=d", want: "customized keyed", state: fsm.SecPrv1},
		{set: "GPP_B=d2", want: "rotated", state: fsm.SecPrv1}}},
	{"all rules back to factory", []lifeStep{
		{set: keyRule + "\nGPP_A=k", want: "customized keyed", state: fsm.SecPrv1},
		{secure: true, want: "secured", state: fsm.SecPrv2},
		{set: "Profile_Rule=/spa$PSN.cfg", want: "unkeyed", state: fsm.SpCust}}},
	{"the last strong rule goes in a targeted file", []lifeStep{
		{set: keyRule + "\nGPP_A=k", want: "customized keyed", state: fsm.SecPrv1},
		{set: httpRule, file: profile.Targeted, want: "", state: fsm.SecPrv1}}},
	{"one of two strong rules goes", []lifeStep{
		{set: keyRule + "\nProfile_Rule_B=https://s/b\nGPP_A=k", want: "customized keyed", state: fsm.SecPrv1},
		{set: "Profile_Rule_B=", want: "rotated", state: fsm.SecPrv1}}},
	{"reset from SP-CUST", []lifeStep{{set: httpRule, want: "customized", state: fsm.SpCust}, {reset: true, state: fsm.MfgReset}}},
	{"reset from SEC-PRV-1", []lifeStep{{set: keyRule + "\nGPP_A=k", want: "customized keyed", state: fsm.SecPrv1}, {reset: true, state: fsm.MfgReset}}},
	{"reset from SEC-PRV-2", []lifeStep{
		{set: keyRule + "\nGPP_A=k", want: "customized keyed", state: fsm.SecPrv1},
		{secure: true, want: "secured", state: fsm.SecPrv2},
		{reset: true, state: fsm.MfgReset}}},
	{"reset from MFG-RESET", []lifeStep{{reset: true, state: fsm.MfgReset}}},
}

func TestLives(t *testing.T) {
	for _, tt := range lives {
		t.Run(tt.name, func(t *testing.T) {
			var layers device.Layers
			row := devicetest.Row(t, "SPA2102", "5.2.10")
			unit := device.NewUnit(row, 1, 0, loopback)
			p, life := device.Reset(row.Factory), device.Life{}
			for i, s := range tt.steps {
				var taken []fsm.Event
				switch {
				case s.reset:
					p, life = device.Reset(row.Factory), life.FactoryReset()
				case s.secure:
					if next, ok := life.Secure(); ok {
						life, taken = next, []fsm.Event{fsm.Secured}
					}
				default:
					after, _ := p.With(&layers, sets(t, row.Factory, s.set))
					life, taken = life.Apply(device.Change{Unit: &unit, Before: p, After: after, Via: s.via, File: s.file})
					p = after
				}
				if got := names(taken); got != s.want {
					t.Errorf("step %d: events %q, want %q", i, got, s.want)
				}
				if life.State != s.state {
					t.Errorf("step %d: state %s, want %s", i, life.State, s.state)
				}
			}
		})
	}
}

func TestProvenFollowsTheKeys(t *testing.T) {
	var layers device.Layers
	row := devicetest.Row(t, "SPA2102", "")
	unit := device.NewUnit(row, 1, 0, loopback)
	p, life := device.Reset(row.Factory), device.Life{}
	change := func(text string) {
		after, _ := p.With(&layers, sets(t, row.Factory, text))
		life, _ = life.Apply(device.Change{Unit: &unit, Before: p, After: after})
		p = after
	}
	change(keyRule + "\nGPP_A=k")
	if life.Proven {
		t.Error("proven before any file came")
	}
	life, _ = life.Secure()
	if !life.Proven {
		t.Error("not proven by a keyed file")
	}
	change("GPP_A=k2")
	if life.Proven || life.State != fsm.SecPrv2 {
		t.Errorf("after a rotation: %+v", life)
	}
	life, _ = life.Secure()
	change("User_ID_1_=7")
	if !life.Proven {
		t.Error("a change that has no part in keys took the proof away")
	}
}

func TestSecureIsRefusedBeforeAStrongRule(t *testing.T) {
	for _, s := range []fsm.State{fsm.MfgReset, fsm.SpCust} {
		if life, ok := (device.Life{State: s}).Secure(); ok || life.State != s {
			t.Errorf("%s: %v %v", s, life, ok)
		}
	}
}

func names(events []fsm.Event) string {
	var list []string
	for _, e := range events {
		list = append(list, e.String())
	}
	return strings.Join(list, " ")
}

// sets reads NAME=VALUE lines.
func sets(t *testing.T, f *model.Factory, text string) []device.Set {
	t.Helper()
	var list []device.Set
	for line := range strings.Lines(text) {
		name, value, _ := strings.Cut(strings.TrimSuffix(line, "\n"), "=")
		p, ok := f.Lookup(name)
		if !ok {
			t.Fatalf("no parameter %q", name)
		}
		list = append(list, device.Set{ID: p.ID, Value: value, Has: true})
	}
	return slices.Clip(list)
}
