package main

import (
	"net/netip"

	"spafleet/certs/trust"
	"spafleet/device"
	"spafleet/device/model"
	"spafleet/device/rule"
)

// A modelReport is a row of the model table for people and programs.
type modelReport struct {
	Model        string             `json:"model"`
	Family       string             `json:"family"`
	Generation   int                `json:"generation"`
	Lines        int                `json:"lines"`
	FXO          int                `json:"fxo_ports"`
	Router       bool               `json:"router"`
	Phone        bool               `json:"phone"`
	Parameters   int                `json:"parameters"`
	ProfileLimit int                `json:"profile_limit_bytes"`
	FileLimit    model.FileLimit    `json:"profile_limit"`
	TLS          string             `json:"tls_profile"`
	Firmware     model.Firmware     `json:"firmware"`
	Assumption   string             `json:"assumption,omitempty"` // of a firmware that no source names
	Evidence     map[string]int     `json:"evidence"`             // how many of the facts
	Facts        []namedFact        `json:"facts"`
	HTTPS        *trust.Profile     `json:"https"`
	Example      exampleDevice      `json:"example"`
	Firmwares    []model.Firmware   `json:"firmwares"`
	Constraints  []model.Constraint `json:"staged_upgrades,omitempty"`
	Switches     []model.Setting    `json:"switches"`
}

// A namedFact has the evidence "unknown" where nothing is known.
type namedFact struct {
	Name     string `json:"name"`
	Value    string `json:"value"`
	Evidence string `json:"evidence"`
}

// An exampleDevice is the first device at the default seed.
type exampleDevice struct {
	Seed         uint64       `json:"seed"`
	Index        device.Index `json:"index"`
	MAC          string       `json:"mac"`
	Serial       string       `json:"serial"`
	UserAgent    string       `json:"user_agent"`
	FirstRequest string       `json:"first_request"`
}

func newModelReport(row *model.Row) modelReport {
	m := row.Model
	r := modelReport{
		Model: m.Name, Family: m.Family.Name, Generation: row.Generation, Lines: m.Lines, FXO: m.FXO, Router: m.Family.Router, Phone: m.Family.Phone,
		Parameters: len(row.ParameterNames()), ProfileLimit: row.Behaviour.Files.Limit, FileLimit: m.FileLimit(), TLS: row.TLSProfile(), Firmware: row.Firmware, Assumption: row.Assumption(),
		Evidence: map[string]int{}, Facts: factsOf(row), HTTPS: trust.ProfileOf(row), Example: newExample(row),
		Firmwares: m.Firmwares, Constraints: m.Constraints, Switches: row.Switches,
	}
	for _, f := range r.Facts {
		r.Evidence[f.Evidence]++
	}
	return r
}

func factsOf(row *model.Row) []namedFact {
	m := row.Model
	var facts []namedFact
	for _, f := range []struct {
		name string
		model.Fact
	}{
		{"product name, $PN", m.PN},
		{"short product name, $PSN", m.PSN},
		{"brand in the User-Agent", row.Brand()},
		{"hardware version, $HWVER", m.HW},
		{"MAC address prefixes", m.OUI},
		{"further prefixes of its series", m.SeriesOUI},
		{"serial number prefix", m.SerialPrefix},
		{"factory Profile_Rule", m.DefaultRule},
		{"factory parameter set", m.Catalogue},
		{"DHCP vendor class, option 60", m.Option60},
		// What is known of a family is an inference for each of its models.
		{"DHCP host name, option 12", model.Fact{Value: m.Family.HostName.Value, Evidence: model.Inferred}},
		{"name of a firmware file", m.Image},
		{"firmware images begin", m.Magic},
	} {
		evidence := f.Evidence.String()
		if f.Value == "" {
			evidence = "unknown"
		}
		facts = append(facts, namedFact{f.name, f.Value, evidence})
	}
	return facts
}

// exampleUnit is the first device of a fleet at the default seed.
func exampleUnit(row *model.Row) device.Unit {
	return device.NewUnit(row, 1, 0, netip.AddrFrom4([4]byte{127, 64, 0, 1}))
}

func newExample(row *model.Row) exampleDevice {
	u := exampleUnit(row)
	return exampleDevice{
		Seed: 1, Index: u.Index, MAC: u.MAC.String(), Serial: u.Serial, UserAgent: u.UserAgent(),
		FirstRequest: expandFor(&u, row.Model.DefaultRule.Value),
	}
}

// expandFor replaces the macros of a text with what they are for a device fresh
// from the factory.
func expandFor(u *device.Unit, text string) string {
	return rule.Expand(text, device.Env{Unit: u, Params: device.Reset(u.Row.Factory)}, u.Row.Dialect())
}

func allModels() ([]modelReport, error) {
	var reports []modelReport
	for m := range model.All() {
		row, err := model.NewRow(m.Name, "", nil)
		if err != nil {
			return nil, err
		}
		reports = append(reports, newModelReport(row))
	}
	return reports, nil
}
