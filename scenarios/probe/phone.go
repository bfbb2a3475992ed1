package probe

import (
	"fmt"
	"net/netip"
	"slices"
	"strings"

	"spafleet/device/model"
)

// A phone is who is asked.
type phone struct {
	mac   model.MAC
	addr  netip.Addr   // where its requests come from; under the session's lock, as moved
	moved []netip.Addr // where they came from before
	agent model.UserAgent
	row   *model.Row

	authority authority // that it trusts, of those of --certs
}

// recognize says which phone a first request is of: path is /p/MAC. The error is for the
// person, and for the client.
func recognize(path, agent string) (*phone, error) {
	text := strings.TrimPrefix(path, "/p/")
	mac, err := model.ParseMAC(text)
	if err != nil || len(text) != 12 {
		return nil, fmt.Errorf("this is no SPA: it asked for %.60q, where an SPA would put its MAC address for $MA", path)
	}
	u, ok := model.FindUserAgent(agent)
	switch {
	case !ok:
		return nil, fmt.Errorf("this is no SPA: it calls itself %.60q", agent)
	case u.Model == nil:
		return nil, fmt.Errorf("%.60q is a model that is not known here: 'spafleet models list' shows the known ones", agent)
	}
	row, err := model.NewRow(u.Model.Name, u.Firmware, nil)
	if err != nil {
		return nil, fmt.Errorf("the phone calls itself %.60q: %w", agent, err)
	}
	return &phone{mac: mac, agent: u, row: row}, nil
}

// has reports whether the firmware has a parameter.
func (p *phone) has(name string) bool {
	_, ok := p.row.Lookup(name)
	return ok
}

// letters are the four GPP parameters that the probe uses: one that is read back, one that
// holds a rule, one that is compared, and one for what else an experiment needs. Firmware
// that has A to D alone gives those.
type letters struct{ read, rule, want, more string }

func (p *phone) letters() letters {
	if p.has("GPP_P") {
		return letters{"N", "O", "P", "M"}
	}
	return letters{"B", "C", "D", "A"}
}

// lacks says which parameter the firmware lacks for an experiment, "" for none.
func (p *phone) lacks(x *experiment) string {
	for _, name := range x.needs {
		if !p.has(name) {
			return name
		}
	}
	return ""
}

// withBases returns an experiment and those that it rests on, but for what is in the list
// already and what the firmware cannot be asked: then the experiment says so.
func (p *phone) withBases(x *experiment, list []*experiment) (more []*experiment) {
	if slices.Contains(list, x) {
		return nil
	}
	for _, name := range x.after {
		for _, base := range p.withBases(named(name), list) {
			if !slices.Contains(more, base) && p.lacks(base) == "" {
				more = append(more, base)
			}
		}
	}
	return append(more, x)
}
