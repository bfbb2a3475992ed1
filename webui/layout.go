package webui

import (
	"html"
	"iter"
	"slices"
	"strings"
	"sync"

	"spafleet/device/model"
)

// A layout is where a model's parameters stand on its pages: tabs, their sections and
// in them the fields, each in the order of the model's set. It is shared.
type layout struct {
	tabs    []tab
	fields  map[uint16]*field   // by number
	numbers map[model.ID]uint16 // of the fields
}

// A tab is one of the pages that a person turns to.
type tab struct {
	label    string
	router   bool // of a router's network half
	sections []block
}

// A block is a headed table of fields.
type block struct {
	title  string // "" for the fields above the first heading
	basic  bool   // the basic view has it
	fields []field
}

// A field is a parameter, with what of its HTML is the same for all devices.
type field struct {
	param   *model.Param
	number  uint16 // in forms
	label   string // escaped
	alone   bool   // has a row to itself
	control string // of an input up to its value, of a choice up to its options
}

func newField(r *model.Row, p *model.Param, number uint16) field {
	f := field{param: p, number: number, label: html.EscapeString(label(p)), alone: slices.Contains(wide, p.Type)}
	attributes := ` class="` + classOf(r, p) + `" name="` + fieldName(p, number) + `"`
	switch {
	case f.isChoice():
		f.control = "<select" + attributes + ">"
	case p.Type == "password":
		f.control = "<input" + attributes + ` type="password" maxlength="255" value="`
	default:
		f.control = "<input" + attributes + ` maxlength="2047" value="`
	}
	return f
}

func (f *field) isChoice() bool { return f.param.Type == "bool" || f.param.Options != nil }

// classOf returns the class of a field: inputc and inputw are those of captured pages
// (field); that c stands for cold is inferred.
func classOf(r *model.Row, p *model.Param) string {
	if r.Reboots([]model.ID{p.ID}) == model.ColdReboot {
		return "inputc"
	}
	return "inputw"
}

// layouts has the layouts of factory sets, which stay as long as the program runs.
var layouts sync.Map // layoutKey to *layout

type layoutKey struct {
	factory *model.Factory
	numbers *numbering
}

// layoutOf returns the layout of a firmware's pages. Fields of parameters that the
// firmware lacks are among them.
func layoutOf(r *model.Row) *layout {
	key := layoutKey{r.Factory, numberingOf(r)}
	if l, ok := layouts.Load(key); ok {
		return l.(*layout)
	}
	l, _ := layouts.LoadOrStore(key, newLayout(r, key))
	return l.(*layout)
}

func newLayout(r *model.Row, key layoutKey) *layout {
	numbers := key.numbers.all(key.factory)
	l := &layout{numbers: numbers}
	place := func(p *model.Param, group string) {
		name, section, _ := strings.Cut(group, "/")
		b := l.tab(name).block(group, section)
		b.fields = append(b.fields, newField(r, p, numbers[p.ID]))
	}
	for p := range key.factory.Exported() {
		place(p, p.Group)
	}
	for i := range key.factory.Params {
		if p := &key.factory.Params[i]; p.Nested() {
			place(p, networkGroup(p.Group))
		}
	}
	l.fields = make(map[uint16]*field, len(numbers))
	for i := range l.tabs {
		for j := range l.tabs[i].sections {
			fields := l.tabs[i].sections[j].fields
			for k := range fields {
				l.fields[fields[k].number] = &fields[k]
			}
		}
	}
	return l
}

// tab returns the tab of a group's first part, the last one or a new one.
func (l *layout) tab(name string) *tab {
	label := blanks(name)
	for i := range l.tabs {
		if l.tabs[i].label == label {
			return &l.tabs[i]
		}
	}
	l.tabs = append(l.tabs, tab{label: label, router: slices.Contains(routerTabs, name)})
	return &l.tabs[len(l.tabs)-1]
}

// networkGroup returns the tab and section of a parameter of an SPA1xx's
// <router-configuration>. Which page of the real ones has it is inferred.
func networkGroup(group string) string {
	group = strings.TrimPrefix(strings.TrimPrefix(group, "router-configuration"), "/")
	first, _, _ := strings.Cut(group, "/")
	if slices.Contains(administration, first) {
		return "Administration/" + group
	}
	return "Network_Setup/" + group
}

var administration = []string{"", "Web_Management", "TR_069", "SNMP", "Log_Configuration", "About_Product"}

// routerTabs are the tabs of the network half of routers (pages of an SPA2102 and
// SPA8000: field; Application inferred).
var routerTabs = []string{"Wan_Setup", "Lan_Setup", "Application"}

func (t *tab) block(group, section string) *block {
	title := sectionTitle(section)
	for i := range t.sections {
		if t.sections[i].title == title {
			return &t.sections[i]
		}
	}
	t.sections = append(t.sections, block{title: title, basic: !advancedOnly(group)})
	return &t.sections[len(t.sections)-1]
}

// wide are the types of values that are too long for half a row.
var wide = []string{"rule", "macro-msg", "dialplan", "tone"}

// advancedOnly reports whether only the advanced view has a section. That the tab
// Provisioning is in the advanced view alone says the SPA-2000 guide (documented);
// which sections are missing in the basic views of real units, beside the tabs of
// device-surface.md §2.1, is inferred: those that few people need.
func advancedOnly(group string) bool {
	name, section, _ := strings.Cut(group, "/")
	return slices.Contains(advancedTabs, name) || slices.ContainsFunc(advancedSections, func(s string) bool { return strings.HasPrefix(section, s) })
}

var advancedTabs = []string{"Provisioning", "Application", "TR-069"}

var advancedSections = []string{"SIP_Timer_Values", "Response_Status_Code", "SDP_Payload", "Control_Timer", "Vertical_Service", "Outbound_Call_Codec",
	"Network_Settings", "Streaming_Audio", "Supplementary_Service_Subscription", "FXS_Port", "Audio_Input_Gain", "Extension_Mobility", "LDAP",
	"Line_Key_LED", "Att_Console_Key_LED", "Programmable_Softkeys", "Selective_Call_Forward", "Distinctive_Ring", "Ring_and_Call_Waiting", "QOS_Settings", "VLAN_Settings", "MAC_Clone"}

// label returns what a page calls a parameter: its name with blanks, without the
// number of its line (device-surface.md §2.3: documented).
func label(p *model.Param) string {
	name := p.SourceName()
	if p.Nested() {
		name = name[strings.LastIndexByte(name, '/')+1:]
	}
	name, _, _ = strings.Cut(name, "[")
	if bare := strings.TrimRight(strings.TrimRight(name, "_"), "0123456789"); strings.HasSuffix(name, "__") && strings.HasSuffix(bare, "__") {
		name = strings.TrimRight(bare, "_") // Default_Ring__1__
	}
	return words(name)
}

// sectionTitle returns the heading of a section.
func sectionTitle(section string) string { return words(strings.ReplaceAll(section, "/", " ")) }

// words returns a name as it was before blanks and parentheses became underscores.
func words(name string) string {
	if inner, ok := strings.CutSuffix(name, "_"); ok {
		if at := strings.LastIndex(inner, "__"); at > 0 {
			return strings.TrimSpace(blanks(inner[:at]) + " (" + blanks(inner[at+2:]) + ")")
		}
	}
	return strings.TrimSpace(blanks(name))
}

// A Place is where the pages of a firmware have a parameter: a label in a section of a tab.
type Place struct {
	Tab, Section, Label string // a section is "" above the first heading
	Param               *model.Param
}

// Places yields the parameters of a firmware that its pages show, in the order of the pages.
func Places(r *model.Row) iter.Seq[Place] {
	return func(yield func(Place) bool) {
		for _, t := range layoutOf(r).tabs {
			for _, b := range t.sections {
				for _, f := range b.fields {
					if r.Has(f.param) && !yield(Place{t.label, b.title, label(f.param), f.param}) {
						return
					}
				}
			}
		}
	}
}
