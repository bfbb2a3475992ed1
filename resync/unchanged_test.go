package resync_test

import (
	"context"
	"fmt"
	"strings"
	"testing"

	"spafleet/device"
	"spafleet/device/devicetest"
	"spafleet/device/model"
	"spafleet/device/profile"
	"spafleet/resync"
	"spafleet/resync/body"
)

// terse serves one body, and leaves it out for a device that has it.
type terse struct {
	still
	leaves bool // it does
	left   int  // how often it was left out
}

func (s *terse) Fetch(_ context.Context, r *resync.Request) (resync.Response, error) {
	if s.leaves && r.Has == body.SumOf(s.body) {
		s.left++
		return resync.Response{Status: 200, Unchanged: true, Passed: len(s.body)}, nil
	}
	return s.still.Fetch(context.Background(), r)
}

// Whether a server leaves out the body that a device has, the device does and tells the
// same.
func TestABodyThatIsLeftOutChangesNothing(t *testing.T) {
	row := devicetest.Row(t, "SPA2102", "5.2.10")
	u := device.NewUnit(row, 1, 0, requester)
	xml := func(value string) string { return "<flat-profile><GPP_C>" + value + "</GPP_C></flat-profile>" }
	sealed := func(key string) string { return string(profile.Encrypt([]byte(xml("sealed")), key, [8]byte{1})) }
	bound, err := profile.Compile([]profile.Param{{Name: "GPP_C", Value: "bound", Has: true}}, profile.Container{MAC: u.MAC.String()})
	if err != nil {
		t.Fatal(err)
	}
	const rule = "http://192.0.2.5/a"
	param, _ := row.Factory.Lookup("GPP_C")
	value := func(p device.Params) string { return p.Get(param.ID) }
	type step struct {
		set  string // before the attempt: parameter and value
		body string
		left bool // the body is left out
	}
	for name, steps := range map[string][]step{
		"the same":           {{"", xml("1"), false}, {"", xml("1"), true}, {"", xml("1"), true}},
		"another":            {{"", xml("1"), false}, {"", xml("2"), false}, {"", xml("1"), false}, {"", xml("1"), true}},
		"none":               {{"", "", false}, {"", "", false}},
		"broken":             {{"", "<flat-profile><a>", false}, {"", "<flat-profile><a>", false}},
		"taken in part":      {{"", xml("1") + xml("2") + "<a", false}, {"", xml("1") + xml("2") + "<a", false}},
		"sealed":             {{"Profile_Rule=[--key abc] " + rule, sealed("abc"), false}, {"", sealed("abc"), true}},
		"another key":        {{"Profile_Rule=[--key abc] " + rule, sealed("abc"), false}, {"Profile_Rule=[--key x] " + rule, sealed("abc"), false}},
		"a key too many":     {{"", xml("1"), false}, {"Profile_Rule=[--key abc] " + rule, xml("1"), false}},
		"an alias":           {{"GPP_B=/a = /flat-profile/GPP_D", xml("1"), false}, {"Profile_Rule=[--alias b] " + rule, xml("1"), false}, {"", xml("1"), true}},
		"for one device":     {{"", string(bound), false}, {"", string(bound), false}},
		"changed in between": {{"", xml("1"), false}, {"GPP_C=by a person", xml("1"), false}, {"", xml("1"), true}},
		"told to wait":       {{"", "####503#60#", false}, {"", "####503#60#", false}},
	} {
		t.Run(name, func(t *testing.T) {
			var told [2]string
			for i, leaves := range []bool{true, false} {
				w := &terse{leaves: leaves}
				in := resync.Input{Unit: u, Params: device.Reset(row.Factory), Cause: model.ByPeriodic, Profiles: &resync.ProfileCache{}}
				in.Params, _ = in.Params.With(&in.Profiles.Layers, set(t, row, "Profile_Rule="+rule))
				for n, step := range steps {
					if step.set != "" {
						in.Params, _ = in.Params.With(&in.Profiles.Layers, set(t, row, step.set))
						if strings.HasPrefix(step.set, "GPP_C=") { // by a person, not by the body applied last
							in.Applied = resync.LastApplied{}
						}
					}
					w.body = []byte(step.body)
					left := w.left
					o := resync.Attempt(context.Background(), w, in)
					in.Params, in.Life, in.Applied = o.Params, o.Life, o.Applied
					told[i] += fmt.Sprintf("%d: %s %+v %s\n", n, o.Err, o.Applied.Protection, value(o.Params))
					for _, e := range o.Events {
						file := e.File
						e.File = nil
						told[i] += fmt.Sprintf("  %+v", e)
						if file != nil {
							told[i] += fmt.Sprintf(" %+v", *file)
						}
						told[i] += "\n"
					}
					if got := w.left > left; leaves && got != step.left {
						t.Errorf("attempt %d: left out %t, want %t", n, got, step.left)
					}
				}
			}
			if told[0] != told[1] {
				t.Errorf("with a body that is left out:\n%s\nwith all:\n%s", told[0], told[1])
			}
		})
	}
}

// set returns a parameter's value, of name=value.
func set(t *testing.T, row *model.Row, text string) []device.Set {
	t.Helper()
	name, value, _ := strings.Cut(text, "=")
	param, ok := row.Factory.Lookup(name)
	if !ok {
		t.Fatalf("no parameter %s", name)
	}
	return []device.Set{{ID: param.ID, Value: value, Has: true}}
}
