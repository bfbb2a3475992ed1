package model

import (
	"bufio"
	"embed"
	"fmt"
	"iter"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"

	"spafleet/device/profile"
)

// An ID is a parameter's number, the same in the catalogue of every model.
// It is stable within one build, not between builds: files hold names.
type ID uint16

// A Param is one parameter of a model's factory set.
type Param struct {
	ID      ID
	Name    string // as in profiles: User_ID_1_
	Default string
	Type    string // string bool uint int float hex ip choice password rule macro-msg dialplan tone cadence uint-or-empty
	Group   string // Tab/Section of the admin pages
	Access  profile.Access
	Options []string // the choices of a choice
	Source  string   // spelling in the profile compiler's language, where it is not the usual one

	dataType *dataType // found once, for Take; nil: not yet
	arrived  arrival   // with which firmware it came
}

// Nested reports whether profiles have the parameter inside sections, which its
// name then begins with: router-configuration/WAN_Interface/WAN_DHCP_MTU_Size.
func (p *Param) Nested() bool { return strings.HasPrefix(p.Name, routerConfiguration) }

// Secret reports whether the parameter's value is for nobody's eyes: a password, a
// key, or one of GPP_SA to GPP_SD.
func (p *Param) Secret() bool {
	return p.Type == "password" || strings.HasPrefix(p.Name, "GPP_S") || strings.Contains(p.Name, "Passw") || strings.Contains(p.Name, "Private_Key")
}

const routerConfiguration = "router-configuration/"

// A Factory is what a factory reset gives a model: its parameters and their
// defaults, which may change with the firmware. It is shared and must not be changed.
type Factory struct {
	Name   string  // the catalogue it comes from
	Params []Param // in the order of the source
	byID   []int32 // ID to index in Params, -1 where the model lacks it

	exported []int32 // indexes in Params of what exports show, in their order

	changes []change // defaults that earlier firmware has otherwise
	latest  *Factory // of such firmware: the set of the latest
	older   sync.Map // of the latest: which changes are missing, to *Factory

	withErr atomic.Pointer[Factory] // the same with another success message; nil: nobody asked for it
}

// Lookup returns the parameter of that name. Names are case-sensitive
// (provisioning.md §5.2: documented).
func (f *Factory) Lookup(name string) (*Param, bool) {
	id, ok := catalogue().ids[name]
	if !ok {
		return nil, false
	}
	return f.Param(id)
}

// Param returns the parameter of that number, false where the model lacks it.
func (f *Factory) Param(id ID) (*Param, bool) {
	if int(id) >= len(f.byID) || f.byID[id] < 0 {
		return nil, false
	}
	return &f.Params[f.byID[id]], true
}

// AdminPassword returns the name of the web administrator's password: Admin_Passwd,
// Admin_Password on the SPA525 (exports: field), "" where the flat parameters have
// none, as on the SPA100 series.
func (f *Factory) AdminPassword() string {
	for _, name := range []string{"Admin_Passwd", "Admin_Password"} {
		if _, ok := f.Lookup(name); ok {
			return name
		}
	}
	return ""
}

// Exported yields the parameters that an export of all shows, tab by tab.
func (f *Factory) Exported() iter.Seq[*Param] {
	return func(yield func(*Param) bool) {
		for _, i := range f.exported {
			if !yield(&f.Params[i]) {
				return
			}
		}
	}
}

// Name returns the name of a parameter number.
func (id ID) Name() string {
	names := catalogue().names
	if int(id) >= len(names) {
		return "parameter " + strconv.Itoa(int(id))
	}
	return names[id]
}

// LookupID returns the number of a name that any model knows.
func LookupID(name string) (ID, bool) {
	id, ok := catalogue().ids[name]
	return id, ok
}

//go:embed catalogue/*.tsv
var catalogueFiles embed.FS

// The base sets, in the order in which their names are numbered.
var baseSets = []string{"SPA2102", "SPA3102", "PAP2T", "SPA942", "SPA962", "SPA504G",
	"SPA301", "SPA303", "SPA514G", "SPA525G2", "SPA122", "SPA232D"}

// additionSets hold what a model has beside its base set.
var additionSets = []string{"SPA8000-trunks", "SPA9000-pbx"}

type catalogueData struct {
	names []string
	ids   map[string]ID
	base  map[string][]Param         // base sets and additions, by name
	lacks map[string]map[string]bool // model to names of its base set that it lacks
	later changes                    // defaults that changed
	model map[string]*Factory
}

// catalogue parses the embedded sets once. A mistake in them is a mistake of
// the build, which the tests show; it panics.
var catalogue = sync.OnceValue(func() *catalogueData {
	c := &catalogueData{ids: map[string]ID{}, base: map[string][]Param{}, model: map[string]*Factory{}}
	for _, set := range slices.Concat(baseSets, additionSets) {
		params, err := readSet(set)
		if err != nil {
			panic(err)
		}
		c.base[set] = c.number(params)
	}
	var err error
	if c.lacks, err = readLacks(); err != nil {
		panic(err)
	}
	if c.later, err = readChanges(); err != nil {
		panic(err)
	}
	for i := range models {
		m := &models[i]
		f := &Factory{Name: m.Name, Params: c.number(c.derive(m))}
		if f.changes = c.later.of(m.Catalogue.Value, f.Params); len(f.changes) > mostChanges {
			panic("too many changed defaults of " + m.Name)
		}
		c.model[m.Name] = f
	}
	for _, f := range c.model {
		f.index(len(c.names))
	}
	return c
})

// number gives every parameter its ID, new names the next free one.
func (c *catalogueData) number(params []Param) []Param {
	for i := range params {
		id, ok := c.ids[params[i].Name]
		if !ok {
			id = ID(len(c.names))
			c.names = append(c.names, params[i].Name)
			c.ids[params[i].Name] = id
		}
		params[i].ID = id
	}
	return params
}

func (f *Factory) index(n int) {
	f.exported = exportOrder(f.Params, hiddenOf(f.Name))
	f.byID = make([]int32, n)
	for i := range f.byID {
		f.byID[i] = -1
	}
	for i, p := range f.Params {
		f.byID[p.ID] = int32(i)
	}
}

func readSet(set string) ([]Param, error) {
	var params []Param
	err := readLines(set, func(line string) error {
		p, err := parseParam(line)
		params = append(params, p)
		return err
	})
	return params, err
}

// readLacks returns, by model, the names of its base set that it lacks.
func readLacks() (map[string]map[string]bool, error) {
	lacks := map[string]map[string]bool{}
	err := readLines("lacks", func(line string) error {
		name, models, _ := strings.Cut(line, "\t")
		for _, m := range strings.Fields(models) {
			if lacks[m] == nil {
				lacks[m] = map[string]bool{}
			}
			lacks[m][name] = true
		}
		return nil
	})
	return lacks, err
}

// readLines calls f for each line of a catalogue file that is no comment.
func readLines(name string, f func(line string) error) error {
	file, err := catalogueFiles.Open("catalogue/" + name + ".tsv")
	if err != nil {
		return fmt.Errorf("read catalogue %s: %w", name, err)
	}
	defer file.Close()
	lines := bufio.NewScanner(file)
	for lines.Scan() {
		if line := lines.Text(); line != "" && line[0] != '#' {
			if err := f(line); err != nil {
				return fmt.Errorf("catalogue %s: %w", name, err)
			}
		}
	}
	return lines.Err()
}

func parseParam(line string) (Param, error) {
	c := strings.Split(line, "\t")
	c = append(c, make([]string, 8-min(len(c), 8))...)
	p := Param{Name: c[0], Default: c[1], Type: c[2], Group: c[3], Source: c[6]}
	p.Access = accessWords[c[4]]
	if c[5] != "" {
		p.Options = splitOptions(c[5])
	}
	p.dataType = dataTypeOf(&p)
	var err error
	p.arrived, err = arrivalOf(p.Name, c[7])
	return p, err
}

// splitOptions splits at each slash that no backslash stands before: one option
// of dates is month/day.
func splitOptions(text string) []string {
	options := strings.Split(strings.ReplaceAll(text, `\/`, "\x00"), "/")
	for i := range options {
		options[i] = strings.ReplaceAll(options[i], "\x00", "/")
	}
	return options
}

var accessWords = map[string]profile.Access{"na": profile.NoAccess, "ro": profile.ReadOnly, "rw": profile.ReadWrite}
