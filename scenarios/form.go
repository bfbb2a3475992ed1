package scenarios

import (
	"iter"
	"regexp"
	"slices"
	"strings"
	"sync"

	"spafleet/device/measure"
	"spafleet/device/model"
	"spafleet/prov"
	"spafleet/scenarios/report"
)

// A form says what a value may be, for the schema and the documentation. Where it has
// several parts, a value has one of them.
type form struct {
	text   *measure.Form // a text
	title  string        // of a map that has a place of its own in the schema; "": it has none
	keys   func() []key  // a map with these keys,
	needs  []string      // of which it needs these,
	others []names       // or with these
	list   *form         // a list
	change bool          // it is merged into what is there: a part of it, in which null removes
}

// names are keys that a file makes up, and what they have.
type names struct {
	form
	are   string          // a regular expression; "": known, and no others
	known func() []string // that are offered; nil: none
}

func inList(of form) form { return form{list: &of} }

// anyText is a text that its reader knows nothing of.
var anyText = form{text: &measure.Form{}}

var (
	instantForm = measure.Form{Words: []string{"end"}, Pattern: measure.DurationForm.Pattern + `|[^0-9.-].*`, Like: []string{"45s", "ready", "ready + 2m"}}
	rampForm    = measure.Form{Pattern: measure.RateForm.Pattern + `( *\.\. *` + measure.RateForm.Pattern + `)?`, Like: []string{"250/s", "10/s..100/s"}}
	clockForm   = measure.Form{Words: []string{"real", "virtual", "mixed"}, Pattern: `[0-9]+(\.[0-9]+)?x`, Like: []string{"60x"}}
	startForm   = measure.Form{Pattern: `[0-9]{4}-[0-9]{2}-[0-9]{2}([T ][0-9]{2}:[0-9]{2}.*)?`, Like: []string{"2021-03-27", "2021-03-27 23:30"}}
	prefixForm  = measure.Form{Pattern: `[0-9.]+/[0-9]+`, Like: []string{"127.65.0.0/16"}}
	// To an editor 000e08123456 is a number, and so are some serial numbers.
	macForm    = measure.Form{Pattern: `[0-9A-Fa-f:.-]+`, Like: []string{"000e08100000-000e081fffff"}}
	serialForm = measure.Form{Pattern: `[0-9A-Za-z.-]+`, Like: []string{"FM500F100000-FM500F199999"}}
	dhcpForm   = measure.Form{Pattern: `relay:[0-9.]+(:[0-9]+)?|client:[^/ ]+`, Like: []string{"relay:127.0.0.1", "client:eth1"}}
	validForm  = measure.Form{Pattern: `([0-9]{4}-[0-9]{2}-[0-9]{2})?\.\.([0-9]{4}-[0-9]{2}-[0-9]{2})?`, Like: []string{"2008-01-01..2015-06-30"}}
)

// What is asked for its keys alone: nothing is read with it.
func unread() *reader { return &reader{&source{}} }

// The forms of maps. Their keys are those by which they are read.
var (
	paramsForm = form{others: []names{{are: "[a-z][a-z0-9_]*", form: form{
		text: &measure.Form{}, title: "parameter", keys: func() []key { return (&params{source: &source{}}).keys(&Param{}) },
	}}}}
	groupsForm    = form{others: []names{{are: "[a-z0-9-]+", form: form{title: "group", keys: func() []key { return groupKeys(unread(), &Group{}) }}}}}
	leaseForm     = form{text: &measure.Form{Words: []string{"none"}}, title: "lease", keys: leaseKeys}
	serverForm    = form{title: "server", keys: func() []key { return serverKeys(unread(), &Server{}) }}
	listenerForm  = form{title: "https", text: &measure.Form{Words: []string{"true"}}, keys: func() []key { return listenerKeys(unread(), &HTTPS{}) }}
	authForm      = form{title: "auth", keys: func() []key { return authKeys(&source{}, &prov.Auth{}) }, needs: []string{"scheme", "user", "password"}}
	registrarForm = form{title: "sip", text: &portText, keys: func() []key { return registrarKeys(unread(), &registrar{}) }}
	filesForm     = form{others: []names{{are: `(/|\$\{).*`, form: form{
		text: &measure.Form{}, title: "file", keys: func() []key { return entryKeys(unread(), &prov.Entry{}, new(string)) },
	}}}}
	targetForm      = form{title: "target", keys: func() []key { return targetKeys(unread(), &Target{}) }, needs: []string{"hosts"}}
	stepForm        = form{title: "step", keys: func() []key { return stepKeys(unread(), &Step{}) }}
	faultForm       = form{title: "fault", keys: func() []key { return faultKeys(unread(), &Step{}, &Fault{}) }}
	expectationForm = form{title: "expectation", keys: func() []key { return claimKeys(unread(), &Expectation{}, new(string), false) }}
	awaitedForm     = form{title: "when", keys: func() []key { return claimKeys(unread(), &Expectation{}, new(string), true) }}

	serverChangeForm = form{title: "server", change: true, keys: func() []key { return only(changeable, serverForm.keys()) }}
)

// A bug has cures, and a cure changes what a scenario has.
func bugForm() form {
	return form{title: "bug", keys: func() []key { return bugKeys(&source{}, &Bug{}) }, needs: bugNeeds}
}

func cureForm() form {
	return form{title: "cure", keys: func() []key { return cureKeys(&source{}, &Cure{}) }, needs: []string{"how", "change"}}
}

func changeForm() form {
	return form{change: true, keys: func() []key { return only(curable, scenarioKeys(unread(), &Scenario{})) }}
}

// listenersForm is an HTTPS listener, or a list of them.
var listenersForm = form{text: listenerForm.text, title: listenerForm.title, keys: listenerForm.keys, list: &listenerForm}

// only returns the keys of these names.
func only(names []string, keys []key) []key {
	var list []key
	for _, k := range keys {
		for _, name := range names {
			if k.name == name {
				list = append(list, k)
			}
		}
	}
	return list
}

func leaseKeys() []key {
	text := value{form: anyText}
	return []key{
		{"66", "the TFTP server: a host, `HOST:PORT`, or a URL with macros. A URL is that of the profile, or where Profile_Rule's path is (switch `lease_url`)", text},
		{"siaddr", "the next server: a rule without a host asks it where no option names a server (switch `siaddr`). Without `66` and the like, phones SPA3xx and SPA5xx ask it by TFTP for the names of SCCP phones (`SEP…cnf.xml`), after their resync has failed", text},
		{"150", "IPv4 addresses of TFTP servers, the first of which counts. DHCP_Option_To_Use says in which order a phone looks at `66`, `160`, `159` and `150`; other models know `66` alone", text},
		{"159", "as `66`", text},
		{"160", "as `66`", text},
		{"43", "of use where it holds a URL, as `60` and `125`: what real ones have in it is not known", text},
		{"60", "as `43`", text},
		{"125", "as `43`", text},
		{"class", "the vendor class that the server wants, as `LINKSYS *`, where a `*` at the end stands for the rest. A device that tells another in option 60, or none, gets an address and nothing of the rest (any; switch `option60`)", text},
		{"67", "a file: by switch `option67` the path that stands for Profile_Rule's", text},
		{"1", "the netmask that status pages show", text},
		{"3", "the gateway that they show", text},
		{"6", "IPv4 addresses of name servers", text},
		{"7", "IPv4 addresses of log servers", text},
		{"15", "the domain", text},
		{"42", "IPv4 addresses of time servers", text},
	}
}

const aboutOf = "`[QUANTITY of] GROUPS [where EXPR]`"

// actionForm is a selector, or a map with it and what else the action takes.
func actionForm(name string) form {
	for _, a := range actions {
		if a.name != name {
			continue
		}
		f := form{text: &measure.Form{}, needs: []string{"of"}, keys: func() []key {
			keys := []key{{"of", "which devices: " + aboutOf, value{form: anyText}}}
			if a.more != nil {
				keys = append(keys, a.more(unread(), &Step{})...)
			}
			return keys
		}}
		if a.needs != "" {
			f.text, f.needs = nil, []string{"of", a.needs}
		}
		return f
	}
	return anyText
}

// thresholdsForm is a map from metrics to their limits.
func thresholdsForm() form {
	f := form{title: "thresholds"}
	report.EachMetric(func(name, _, kind, _ string, limit measure.Form, _ []string) {
		f.others = append(f.others, names{are: name + `\{.*\}`, form: limitForm(kind, limit)})
	})
	f.keys = func() (keys []key) {
		report.EachMetric(func(name, one, kind, example string, limit measure.Form, tags []string) {
			about := one + "; such as `" + example + "`"
			if kind != "gauge" {
				about = "one sample is " + about
			}
			if len(tags) > 0 {
				about += "; tags of its own: `" + strings.Join(tags, "` `") + "`"
			}
			keys = append(keys, key{name, about, value{form: limitForm(kind, limit)}})
		})
		return keys
	}
	return f
}

// limitForm is a limit of a kind of metrics, a map with it, or a list of these.
func limitForm(kind string, limit measure.Form) form {
	text := form{text: &limit}
	one := form{text: &limit, title: kind, needs: []string{"threshold"}, keys: func() []key {
		return thresholdKeys(unread(), value{form: text}, new(bool), nil)
	}}
	all := one
	all.list = &one
	return all
}

// models returns the words for a model: its names, and how they may be written too.
var models = sync.OnceValue(func() measure.Form {
	var f measure.Form
	var other []string
	for m := range model.All() {
		f.Words = append(f.Words, m.Name)
		other = append(other, regexp.QuoteMeta(strings.ToLower(m.Name)))
		if m.PN.Value != m.Name {
			other = append(other, regexp.QuoteMeta(m.PN.Value))
		}
	}
	f.Pattern = strings.Join(other, "|")
	return f
})

func modelForm() form {
	f := models()
	return form{text: &f}
}

// firmwareForm offers the versions that are known. Others can be read too.
func firmwareForm() form {
	f := measure.Form{Pattern: ".+"}
	seen := map[string]bool{}
	for _, version := range firmwares() {
		if !seen[version] {
			seen[version] = true
			f.Words = append(f.Words, version)
		}
	}
	return form{text: &f}
}

// firmwares are the known versions of each model.
func firmwares() iter.Seq2[*model.Model, string] {
	return func(yield func(*model.Model, string) bool) {
		for m := range model.All() {
			for _, f := range m.Firmwares {
				if !yield(m, f.Version) {
					return
				}
			}
		}
	}
}

// mixForm is a map from models with their firmware to counts or shares.
func mixForm() form {
	amount := measure.CountForm.Or(measure.ShareForm)
	known := func() (list []string) {
		for m, version := range firmwares() {
			list = append(list, m.Name+" "+version)
		}
		return list
	}
	are := "(" + strings.Join(models().Words, "|") + "|" + models().Pattern + ")( .*)?"
	return form{title: "mix", others: []names{{form: form{text: &amount}, are: are, known: known}}}
}

// parametersForm is a map from the parameters of all models to values.
var parametersForm = form{title: "parameters", others: []names{{form: anyText, known: parameterNames}}}

// parameterNames returns the parameters of all models.
func parameterNames() []string {
	var all []string
	for m := range model.All() {
		if row, err := model.NewRow(m.Name, "", nil); err == nil {
			all = append(all, row.ParameterNames()...)
		}
	}
	slices.Sort(all)
	return slices.Compact(all)
}

// switches returns the switches of the firmware: every row has all of them.
var switches = sync.OnceValue(func() []model.Setting {
	row, err := model.NewRow("SPA2102", "", nil)
	if err != nil {
		return nil
	}
	return row.Switches
})

// switchesForm is a map from switches to their values.
var switchesForm = form{title: "switches", keys: func() (keys []key) {
	keys = append(keys, key{"from", "a file below the folder of the scenario: what a real phone was observed to do. Its settled switches hold for the devices of its model and firmware, under the others of this map", value{form: anyText}})
	for _, s := range switches() {
		f := s.Form()
		keys = append(keys, key{s.Name, s.Meaning, value{form: form{text: &f}}})
	}
	return keys
}}
