package main

import (
	"fmt"
	"io"
	"net/netip"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/spf13/pflag"

	"spafleet/certs"
	"spafleet/certs/trust"
	"spafleet/device"
	"spafleet/device/inventory"
	"spafleet/device/model"
	"spafleet/device/rule"
	"spafleet/device/rulecheck"
	"spafleet/resync/fetch"
	"spafleet/scenarios/doctor"
	"spafleet/scenarios/doctor/finding"
)

// usual are the models that ask where nobody names others: those of each family that
// operators have most.
var usual = []string{"SPA2000", "SPA2102", "SPA3102", "PAP2T", "SPA8000", "SPA942", "SPA962", "SPA504G", "SPA514G", "SPA525G2", "SPA112", "SPA122"}

func usualText() string { return strings.Join(usual, ", ") }

// doctorDevices say which devices ask.
type doctorDevices struct {
	models   []string
	firmware string
	devices  string // file that lists them; "": none
	count    int
	seed     uint64
	switches switchFlags // --switches alone
}

func (d *doctorDevices) register(flags *pflag.FlagSet) {
	flags.StringSliceVar(&d.models, "model", nil, "`MODEL` that asks, as you like with a firmware behind it; more divided by commas (default: the usual ones)")
	flags.StringVar(&d.firmware, "firmware", "", "firmware `VERSION` of all models (default: the newest and the oldest known of each)")
	flags.StringVar(&d.devices, "devices", "", "`FILE` that lists the devices, in the place of --model; - for standard input")
	flags.IntVar(&d.count, "count", 0, "`NUMBER` of devices that will use the server, for the check of their periods (default: those that ask or are listed)")
	d.switches.registerFile(flags)
	flags.Uint64Var(&d.seed, "seed", 1, "`NUMBER` that MAC addresses and serial numbers follow from")
}

// asking returns the devices, and the list that they are of; nil for none.
func (d *doctorDevices) asking(in io.Reader) ([]doctor.Device, *inventory.List, error) {
	switch {
	case d.count < 0:
		return nil, nil, fmt.Errorf("--count %d: give how many devices will use the server", d.count)
	case d.devices != "" && (len(d.models) > 0 || d.firmware != ""):
		return nil, nil, fmt.Errorf("--model and --firmware name models, but %s lists its own", d.devices)
	case d.devices != "":
		list, err := readDevices(in, d.devices)
		if err != nil {
			return nil, nil, err
		}
		return oneOfEach(list), list, nil
	}
	names, err := d.named()
	if err != nil {
		return nil, nil, err
	}
	var all []doctor.Device
	for _, name := range names {
		rows, err := d.rows(strings.TrimSpace(name))
		if err != nil {
			return nil, nil, err
		}
		for _, r := range rows {
			if !slices.ContainsFunc(all, func(o doctor.Device) bool { return sameMake(o.Row, r) }) {
				all = append(all, doctor.Device{Row: r})
			}
		}
	}
	return all, nil, nil
}

// named returns the models that ask: without --model those of the usual that run the
// firmware of --firmware.
func (d *doctorDevices) named() ([]string, error) {
	if len(d.models) > 0 {
		return d.models, nil
	}
	var names []string
	for _, name := range usual {
		m, err := model.FindModel(name)
		if err != nil {
			return nil, err
		}
		if d.firmware == "" || slices.ContainsFunc(m.Firmwares, func(f model.Firmware) bool { return f.Version == d.firmware }) {
			names = append(names, name)
		}
	}
	if len(names) == 0 {
		return nil, fmt.Errorf("--firmware %s: none of the usual models is known to run it: name the model that does by --model", d.firmware)
	}
	return names, nil
}

// rows returns the model that a word of --model names, with each firmware.
func (d *doctorDevices) rows(text string) ([]*model.Row, error) {
	name, firmware, given := strings.Cut(text, " ")
	if firmware = strings.TrimSpace(firmware); given && d.firmware != "" {
		return nil, fmt.Errorf("--firmware %s and --model '%s' both say the firmware: give one of them", d.firmware, text)
	}
	if firmware == "" {
		firmware = d.firmware
	}
	newest, err := model.NewRow(name, firmware, nil)
	if err != nil || firmware != "" {
		return []*model.Row{newest}, err
	}
	oldest, err := model.NewRow(name, oldestOf(newest.Model).Version, nil)
	return []*model.Row{newest, oldest}, err
}

// oldestOf returns the oldest firmware of a model that was seen, or where none was,
// that is inferred.
func oldestOf(m *model.Model) model.Firmware {
	best := m.Newest()
	for _, f := range m.Firmwares {
		if f.Evidence != model.Inferred && rule.CompareVersions(f.Version, best.Version, false) < 0 {
			best = f
		}
	}
	return best
}

func sameMake(a, b *model.Row) bool {
	return a.Model == b.Model && a.Firmware.Version == b.Firmware.Version
}

// oneOfEach returns the first device of each model and firmware in a list.
func oneOfEach(list *inventory.List) []doctor.Device {
	var all []doctor.Device
	at := map[int]int{} // of a group
	for g, group := range list.Groups() {
		i := slices.IndexFunc(all, func(o doctor.Device) bool { return sameMake(o.Row, group.Row) })
		if i < 0 {
			i = len(all)
			all = append(all, doctor.Device{Row: group.Row})
		}
		all[i].Stands += group.Count
		at[g] = i
	}
	for dev := range device.Index(list.Len()) {
		if d := &all[at[list.Group(dev)]]; d.MAC == (model.MAC{}) {
			d.MAC, d.Serial = list.MAC(nil, 0, dev), list.Serial(dev)
		}
	}
	return all
}

// askers are the devices that ask, with what they trust and hold.
type askers struct {
	devices []doctor.Device
	certs   *trust.Devices
}

// askers reads who asks, and says what is assumed of them.
func (f *doctorFlags) askers(s streams) (*askers, error) {
	devices, list, err := f.asking.asking(s.in)
	if err != nil {
		return nil, err
	}
	hold, err := f.certs.devices(list)
	if err != nil {
		return nil, err
	}
	if err := f.asking.observe(devices); err != nil {
		return nil, err
	}
	for _, d := range devices {
		if note := d.Row.Assumption(); note != "" {
			fmt.Fprintf(s.err, "note: %s\n", note)
		}
	}
	return &askers{devices, hold}, nil
}

// observe turns the switches of the file of --switches in the device that it is of.
func (d *doctorDevices) observe(devices []doctor.Device) error {
	rows := make([]*model.Row, len(devices))
	for i := range devices {
		rows[i] = devices[i].Row
	}
	rows, err := d.switches.rows(rows, nil)
	if err != nil {
		return err
	}
	for i, r := range rows {
		devices[i].Row = r
	}
	return nil
}

// question is what a server is asked.
func (f *doctorFlags) question(who *askers, url string) (doctor.Question, error) {
	q := doctor.Question{URL: url, Devices: who.devices, Certs: who.certs, Seed: f.asking.seed, Fleet: f.asking.count, Limit: f.limit, Guard: &fetch.Guard{Public: f.safety.public}}
	if f.safety.nameServers != nil {
		q.NameServers = fetch.SystemNames()
		q.NameServers.Servers = f.safety.nameServers
	}
	return q, knownMacros(url, f.asking.seed, who.devices)
}

// devices opens what devices trust and hold, those of a list the files that it names.
func (f *certFlags) devices(list *inventory.List) (*trust.Devices, error) {
	p, err := f.pki()
	if err != nil {
		return nil, err
	}
	own, err := f.material()
	if err != nil {
		return nil, err
	}
	for _, c := range list.Certificates() {
		own.AddFiles(c.MAC, c.File, c.Key)
	}
	extra, err := f.further()
	return &trust.Devices{PKI: p, Extra: extra, Holder: &certs.Holder{PKI: p, Own: own}}, err
}

// knownMacros refuses a URL with a macro that no device knows.
func knownMacros(url string, seed uint64, devices []doctor.Device) error {
	var unknown []string
	for i, d := range devices {
		unit := device.NewUnit(d.Row, seed, device.Index(i), netip.AddrFrom4([4]byte{127, 0, 0, 1}))
		notes, _ := rule.Notes(url, device.Env{Unit: &unit, Params: device.Reset(d.Row.Factory), Situation: &device.Situation{}}, d.Row.Dialect()) // what cannot be read is said by who reads it
		var here []string
		for _, n := range notes {
			if n.Kind == rule.UnknownMacro {
				here = append(here, n.Text)
			}
		}
		if i == 0 {
			unknown = here
		}
		unknown = slices.DeleteFunc(unknown, func(m string) bool { return !slices.Contains(here, m) })
	}
	if len(unknown) == 0 {
		return nil
	}
	return fmt.Errorf("URL %.200q: %s is no macro that these devices know; %s", url, unknown[0], rulecheck.NearMacro(unknown[0]))
}

// isReport reports whether a word of --before or --after means a file.
func isReport(name string) bool {
	if name == "-" {
		return true
	}
	if strings.Contains(name, "://") {
		return false
	}
	info, err := os.Stat(name)
	return err == nil && !info.IsDir() || filepath.Ext(name) == ".json"
}

// refusedContact is why nothing was asked, where devices may not contact the server.
func refusedContact(g *fetch.Guard, r *finding.Report) error {
	refused, _ := g.Refusals()
	for _, one := range refused {
		if one.Reason != fetch.Public {
			continue
		}
		if !slices.ContainsFunc(r.Findings, func(f finding.Finding) bool { return f.OK }) {
			return fmt.Errorf("%s is public, and devices contact loopback and private addresses only: if the server is yours, add --allow-public %[1]s", one.Host)
		}
	}
	return nil
}
