package probe

import (
	"cmp"
	"context"
	"fmt"
	"maps"
	"net/netip"
	"os"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"spafleet/certs"
	"spafleet/certs/trust"
	"spafleet/device"
	"spafleet/device/model"
	"spafleet/device/observed"
	"spafleet/scenarios/probe/probetest"
)

// loopRows are the models and firmware that are probed with each value of each switch.
var loopRows = []struct{ model, firmware string }{
	{"SPA942", "6.1.5(a)"}, {"SPA2102", "5.2.10"}, {"PAP2T", "5.1.6"}, {"SPA504G", "7.5.5"}, {"SPA525G2", ""}, {"SPA112", ""},
}

// loopValues are values of the switches that take more than words.
var loopValues = map[string][]string{
	"boot_time":         {"0", "7s500ms", "42s"},
	"dh_limit":          {"0", "512", "1024", "2048"},
	"dictionary_tries":  {"2", "3", "6"},
	"dictionary_wait":   {"20s", "1m", "1m30s"},
	"get_repeats":       {"0", "2", "10"},
	"http_connect_wait": {"2s", "5s", "21s"},
	"http_header_size":  {"300", "65536", "100001"},
	"http_read_wait":    {"8s", "30s", "1m15s"},
	"http_whole_waits":  {"1", "10", "20"},
	"post_type":         {"none", "text/plain", "application/x-www-form-urlencoded"},
	"profile_limit":     {"4000", "65536", "131072", "1000000"},
	"reboot_time":       {"0", "7s500ms", "42s"},
	"redirect_places":   {"3", "5", "20"},
	"rss":               {"never", "boot", "20s", "2m", "9m"},
	"rule_size":         {"256", "2047", "5001", "65536"},
	"syslog_priority":   {"-1", "13", "134"},
	"tftp_tries":        {"1", "3", "8"},
	"tftp_wait":         {"2s", "7s"},
	"tls_think":         {"0", "1s500ms", "3s"},
	"trigger_floor":     {"5s", "1m"},
}

// loopWith are switches without which a phone does not show another.
var loopWith = map[string]map[string]string{
	"dh_exceeded":         {"dh_limit": "1024"},
	"digest_count":        {"http_auth": "basic_digest"},
	"generic_certificate": {"client_certificate": "generic"},
	"redirect_location":   {"redirects": "moved"},
	"redirect_places":     {"redirects": "moved"},
	"redirected_post":     {"redirects": "moved"},
	"upgrade_order":       {"failed_upgrade_reboots": "never"},
}

// loopPresets are parameters without which a phone does not show a switch.
var loopPresets = map[string]map[string]string{
	"form_token": {"Admin_Passwd": "admin", "Admin_Password": "admin"}, // so a form is sent with a login
	"url_login":  {"Admin_Passwd": "admin", "Admin_Password": "admin"},
	"xml_push":   {"User_Password": "1234"},
}

// cannotTell are values that a probe leaves open, and why.
var cannotTell = map[string]string{
	"ca_table":                         "the lists say the same of some models",
	"cert_clock":                       "firmware without parameters for NTP servers",
	"client_root":                      "models before Cisco's have one authority, and what the serial number says is early or late too",
	"extra_files=off":                  "a phone that asks for no kind of file looks alike",
	"failed_upgrade_reboots=bad_image": "it would need a firmware image",
	"failed_upgrade_reboots=never":     "it would need a firmware image",
	"missing_access":                   "some phones have no page of the end user that can be read",
	"pn_hyphen":                        "a name that does not begin with SPA has no place for a hyphen",
	"rss=boot":                         "a phone that asks again much later looks alike",
	"upgrade_retry=lost":               "a rule that always holds would show it, and might keep a phone from coming home",
	"verisign":                         "where it was tried, the switch says nothing",
	"xml_push":                         "firmware without CISCO_XML_EXE_Auth_Mode",
}

// cannotSee are switches of which some firmware shows nothing, and why.
var cannotSee = map[string]string{
	"custom_ca_label": "the phone's pages show no state of a Custom CA",
	"dh_exceeded":     "the phone offers no suite with Diffie and Hellman's exchange",
	"dh_limit":        "the phone offers no suite with Diffie and Hellman's exchange",
	"guest_exports":   "only an SPA1xx has such an account",
}

// without says what a value comes to in firmware that lacks a parameter.
var without = map[string]struct{ parameter, value string }{
	"tls_hello=parameter":    {"Enable_SSLv3", "tls"},
	"tls_suites=parameter":   {"SSL_Key_Negotiation", "rsa"},
	"tls_versions=parameter": {"Enable_SSLv3", "tls1.0"},
}

// comesTo returns what a value of a switch comes to in some firmware.
func comesTo(row *model.Row, name, value string) string {
	if w, ok := without[name+"="+value]; ok {
		if _, has := row.Lookup(w.parameter); !has {
			return w.value
		}
	}
	return value
}

// valuesOf returns the values of a switch that are tried.
func valuesOf(t *testing.T, row *model.Row, name string) []string {
	t.Helper()
	if list, ok := loopValues[name]; ok {
		return list
	}
	words := row.Switch(name).Form().Words
	if len(words) < 2 {
		t.Fatalf("%s has no words, and no values in loopValues", name)
	}
	return words
}

var loopPKI = sync.OnceValue(func() *certs.PKI { return certs.New(1) })

// loopName is the probe's name, which the phone knows.
const loopName = "probe.test"

// A loop is a phone with its probe in a bubble.
type loop struct {
	*probetest.Place
	back     map[string]string // what the phone had at the beginning
	access   map[string]string // and which access the end user had
	question Question
}

// newLoop starts a phone with some switches, and asks it the named experiments.
func newLoop(t *testing.T, modelName, firmware string, switches map[string]string, names ...string) *loop {
	t.Helper()
	return newLoopWith(t, modelName, firmware, switches, nil, names...)
}

// newLoopWith does so with parameters of the phone's own, of which those that the firmware has
// count.
func newLoopWith(t *testing.T, modelName, firmware string, switches, presets map[string]string, names ...string) *loop {
	t.Helper()
	own := map[string]string{"Profile_Rule": "http://192.168.1.9/own.xml", "Resync_Periodic": "7200"}
	row, err := model.NewRow(modelName, firmware, switches)
	if err != nil {
		t.Fatal(err)
	}
	for name, value := range presets {
		if _, ok := row.Lookup(name); ok {
			own[name] = value
		}
	}
	pki := loopPKI()
	place := probetest.InMemory(t, probetest.Options{Model: modelName, Firmware: firmware, Switches: switches,
		Certs:   &trust.Devices{PKI: pki, Holder: &certs.Holder{PKI: pki}},
		Hosts:   map[string][]netip.Addr{loopName: {netip.AddrFrom4([4]byte{192, 168, 1, 10})}},
		Presets: own})
	back := map[string]string{}
	v := place.Phone.View()
	for _, name := range v.Unit.Row.ParameterNames() {
		back[name], _ = v.Params.Lookup(name)
	}
	return &loop{place, back, accessOf(v), Question{Network: place, Person: place.Person, Names: names, Name: loopName, PKI: loopPKI(), User: "admin", Password: "admin"}}
}

// ask probes. The phone must have all its settings again.
func (l *loop) ask(t *testing.T) *observed.File {
	t.Helper()
	f, err := Ask(context.Background(), l.question)
	if err != nil {
		t.Errorf("%v\n%s", err, strings.Join(l.Person.Said(), "\n"))
	}
	time.Sleep(5 * time.Minute) // of the bubble: the phone restarts with its settings
	for _, name := range slices.Sorted(maps.Keys(l.back)) {
		if now := l.Phone.Get(name); now != l.back[name] {
			t.Errorf("%s is %q at the end, and was %q", name, now, l.back[name])
		}
	}
	for name, now := range accessOf(l.Phone.View()) {
		if now != l.access[name] {
			t.Errorf("the access of %s is %q at the end, and was %q", name, now, l.access[name])
		}
	}
	return f
}

// accessOf returns the end user's access to each parameter.
func accessOf(v device.View) map[string]string {
	all := map[string]string{}
	for _, name := range v.Unit.Row.ParameterNames() {
		p, _ := v.Unit.Row.Lookup(name)
		all[name] = v.Params.Access(p.ID).String()
	}
	return all
}

// findingOf returns what a file says of a switch.
func findingOf(f *observed.File, name string) observed.Finding {
	for _, found := range f.Findings {
		if found.Switch == name {
			return found
		}
	}
	return observed.Finding{Why: "nothing was found of it"}
}

// rowsOfLoop returns the firmware that is probed: one of each of the six models, all with
// SPAFLEET_SLOW.
func rowsOfLoop(t *testing.T) (rows []*model.Row) {
	t.Helper()
	for _, r := range loopRows {
		versions := []string{r.firmware}
		if os.Getenv("SPAFLEET_SLOW") != "" {
			m, err := model.FindModel(r.model)
			if err != nil {
				t.Fatal(err)
			}
			versions = nil
			for _, f := range m.Firmwares {
				versions = append(versions, f.Version)
			}
		}
		for _, version := range versions {
			row, err := model.NewRow(r.model, version, nil)
			if err != nil {
				t.Fatal(err)
			}
			rows = append(rows, row)
		}
	}
	return rows
}

// TestTheProbeFindsWhatThePhoneDoes is the closed loop: for each experiment and each value of
// each switch that it settles, an emulated phone of that value is probed, and that value is found.
func TestTheProbeFindsWhatThePhoneDoes(t *testing.T) {
	t.Parallel()
	for _, x := range all() {
		t.Run(x.name, func(t *testing.T) {
			for _, row := range rowsOfLoop(t) {
				if lacking(row, x) {
					continue
				}
				for _, name := range x.settles {
					for _, value := range valuesOf(t, row, name) {
						closeLoop(t, x, row, name, value)
					}
				}
			}
		})
	}
}

func lacking(row *model.Row, x *experiment) bool {
	return (&phone{row: row}).lacks(x) != ""
}

// closeLoop probes one model with one value.
func closeLoop(t *testing.T, x *experiment, row *model.Row, name, value string) {
	t.Helper()
	t.Run(fmt.Sprintf("%s_%s/%s=%s", row.Model.Name, row.Firmware.Version, name, value), func(t *testing.T) {
		probetest.Bubble(t, func(t *testing.T) {
			switches := map[string]string{name: value}
			maps.Copy(switches, loopWith[name])
			l := newLoopWith(t, row.Model.Name, row.Firmware.Version, switches, loopPresets[name], x.name)
			f := l.ask(t)
			found := findingOf(f, name)
			value := comesTo(row, name, value)
			switch why := cmp.Or(cannotTell[name+"="+value], cannotTell[name]); {
			case found.Value == value:
			case found.Value == "" && why != "" && slices.Contains(found.OneOf, value):
			case found.Value == "" && found.OneOf == nil && cannotSee[name] != "" && strings.Contains(found.Why, cannotSee[name]):
			default:
				t.Errorf("found %q %v (%s)\n%s", found.Value, found.OneOf, found.Why, factsOf(f))
			}
		})
	})
}

// factsOf returns the facts of a file as lines.
func factsOf(f *observed.File) string {
	var b strings.Builder
	for _, one := range f.Facts {
		fmt.Fprintf(&b, "%s: %s %s %s %v\n", one.Experiment, one.What, one.Text, one.Hex, time.Duration(one.Nanoseconds))
	}
	return b.String()
}
