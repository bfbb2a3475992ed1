package forecast

import (
	"fmt"
	"net/netip"
	"strings"

	"spafleet/device"
	"spafleet/device/profile"
	"spafleet/device/rule"
	"spafleet/fleet"
	"spafleet/prov"
)

// missingImages returns notes on devices that will ask the built-in server for an image
// which it does not have, and whose firmware reboots and asks again without end.
func missingImages(p plan) (notes []string) {
	if p.Scenario.Server == nil {
		return nil
	}
	for i := range p.Groups {
		g := &p.Groups[i]
		b := &g.Row.Behaviour.Upgrade
		if g.Count == 0 || b.KeepsRetry || b.Reboots != "always" {
			continue
		}
		unit := p.List.Unit(g.Row, p.Scenario.Seed, p.Device(i, 0), netip.IPv4Unspecified())
		env := device.Env{Unit: &unit, Params: p.List.Params(unit.Index, p.presetParams(g))}
		for _, text := range upgradeRules(p, env, g) {
			path, here := asks(p, env, g, text)
			if here && !prov.MayServe(p.Scenario.Server.Files, path) {
				notes = append(notes, fmt.Sprintf("Upgrade_Rule of %s asks the built-in server for %s, which it does not have: these devices reboot and ask again without end (%s; switch upgrade_retry=kept changes that)",
					kindOf(g.Row), path, g.Row.Switch("upgrade_retry").Evidence))
			}
		}
	}
	return notes
}

// upgradeRules returns the texts of Upgrade_Rule that a group's devices begin with, or
// get with their first file from the built-in server.
func upgradeRules(p plan, env device.Env, g *fleet.Group) (texts []string) {
	const name = "Upgrade_Rule"
	if text, _ := env.Params.Lookup(name); text != "" {
		texts = append(texts, text)
	}
	first, _ := env.Params.Lookup("Profile_Rule")
	path, here := asks(p, env, g, first)
	if !here {
		return texts
	}
	for at, e := range p.Scenario.Server.Files {
		if !strings.Contains(e.Body, name) || !prov.MayServe(map[string]prov.Entry{at: e}, path) {
			continue
		}
		f, err := profile.Decode([]byte(p.sample(e.Body)), g.Row.Reading())
		if err != nil {
			continue
		}
		for _, param := range f.Params {
			if param.Name == name && param.Value != "" {
				texts = append(texts, param.Value)
			}
		}
	}
	return texts
}

// asks returns the path that a group's first device asks for by a rule, and whether the
// built-in server gets the request. What only a running device knows is not guessed.
func asks(p plan, env device.Env, g *fleet.Group, text string) (path string, here bool) {
	d, err := rule.Eval(text, env, env.Unit.Row.Dialect())
	if err != nil || !d.HasURL || strings.Contains(text, "{{") {
		return "", false
	}
	host := strings.ToLower(d.URL.Host)
	if host == "" {
		host, _ = p.leased(g, *env.Unit, env.Params, d.URL.Path)
	}
	return d.URL.Path, p.embedded(host)
}
