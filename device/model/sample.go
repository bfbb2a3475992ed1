package model

import (
	"bytes"
	"fmt"
	"slices"
	"strings"

	"spafleet/device/profile"
)

// The samples have the layout of the compiler's own (profile-formats.md §4.3 and
// §5.2: field) and the factory's values, those of the model that the row is of.

// sampleColumn is where the marks of a source sample stand (field).
const sampleColumn = 46

// SampleSource returns the factory set as source text of the compiler, which has
// no words for nested parameters.
func (r *Row) SampleSource() []byte {
	var b bytes.Buffer
	fmt.Fprintf(&b, "# ***\n# *** %s %s\n# ***\n", r.Model.PN.Value, r.Firmware.Version)
	group := ""
	for i := range r.Factory.Params {
		p := &r.Factory.Params[i]
		if !r.Has(p) || p.Nested() {
			continue
		}
		if i == 0 || p.Group != group {
			group = p.Group
			fmt.Fprintf(&b, "\n# *** %s\n\n", heading(group))
		}
		mark := map[profile.Access]string{profile.ReadWrite: "! ", profile.ReadOnly: "? "}[p.Access]
		fmt.Fprintf(&b, "%-*s%s%s ;", sampleColumn-1, p.SourceName()+" ", mark, profile.AppendQuoted(nil, p.Default))
		if p.Options != nil {
			fmt.Fprintf(&b, " # options: %s", strings.Join(p.Options, "/"))
		}
		b.WriteByte('\n')
	}
	return b.Bytes()
}

// SourceName returns the parameter's name in source text: Proxy[1] of Proxy_1_.
func (p *Param) SourceName() string {
	if p.Source != "" {
		return p.Source
	}
	base := stem(p.Name)
	if index := strings.TrimSuffix(p.Name[min(len(base)+1, len(p.Name)):], "_"); index != "" && allDigits(index) {
		return base + "[" + index + "]"
	}
	return p.Name
}

// A SampleStyle is how an XML sample differs from the ordinary one.
type SampleStyle struct {
	Compact    bool // without comments
	Attributes bool // values as attributes
}

// SampleXML returns the factory set as a profile.
func (r *Row) SampleXML(style SampleStyle) []byte {
	b := fmt.Appendf(nil, "<?xml version=\"1.0\" standalone=\"yes\"?>\n<flat-profile xmlns=\"%[1]s\""+
		" xmlns:xsi=\"http://www.w3.org/2001/XMLSchema-instance\" xsi:schemaLocation=\"%[1]s %[2]s.xsd\">\n", r.namespace(), r.product())
	group, nest := "", profile.Nest{}
	for i := range r.Factory.Params {
		p := &r.Factory.Params[i]
		if !r.Has(p) {
			continue
		}
		if !style.Compact && (i == 0 || p.Group != group) {
			group = p.Group
			b = AppendHeading(nest.Close(b), group)
		}
		b = nest.Append(b, profile.Param{Name: p.Name, Value: p.Default, Access: p.Access}, profile.Sample{Attributes: style.Attributes})
		if !style.Compact && p.Options != nil {
			b = fmt.Appendf(b, " <!-- options: %s -->", strings.ReplaceAll(strings.Join(p.Options, "/"), "--", "- -"))
		}
		b = append(b, '\n')
	}
	return append(nest.Close(b), "</flat-profile>\n"...)
}

// namespace is the one of the maker's tool, by model.
func (r *Row) namespace() string { return "http://www.sipura.net/xsd/" + r.Model.Name }

// product names a model and its firmware as schema files do: SPA2102-5-1-9.
func (r *Row) product() string {
	version := strings.Map(func(c rune) rune {
		if c >= '0' && c <= '9' || c|0x20 >= 'a' && c|0x20 <= 'z' {
			return c
		}
		return '-'
	}, r.Firmware.Version)
	return r.Model.Name + "-" + strings.Trim(version, "-")
}

// Schema returns an XML schema of the model's profiles. Like the maker's it caps
// values at 2000 characters, takes the value as an attribute too, and lists the
// words of booleans (profile-formats.md §1.4, §1.5, §1.9: field); its text is our
// own, and the types are named as [Param.DataType] has them. It leaves nested
// parameters out.
func (r *Row) Schema() []byte {
	var b bytes.Buffer
	fmt.Fprintf(&b, "<?xml version=\"1.0\"?>\n<xs:schema xmlns:xs=\"http://www.w3.org/2001/XMLSchema\" xmlns=\"%[1]s\""+
		" targetNamespace=\"%[1]s\" elementFormDefault=\"qualified\">\n", r.namespace())
	b.WriteString(`  <xs:simpleType name="ua">
    <xs:restriction base="xs:string"><xs:maxLength value="2"/></xs:restriction>
  </xs:simpleType>
`)
	var types []string
	var elements bytes.Buffer
	for i := range r.Factory.Params {
		p := &r.Factory.Params[i]
		if !r.Has(p) || p.Nested() {
			continue
		}
		name := strings.ReplaceAll(p.DataType().Value, " ", "_")
		if p.Options != nil {
			name = p.Name + "_options"
		}
		if !slices.Contains(types, name) {
			types = append(types, name)
			writeType(&b, name, p)
		}
		fmt.Fprintf(&elements, "        <xs:element name=\"%s\" type=\"%s\" minOccurs=\"0\"/>\n", p.Name, name)
	}
	fmt.Fprintf(&b, "  <xs:element name=\"flat-profile\">\n    <xs:complexType>\n      <xs:all>\n%s      </xs:all>\n    </xs:complexType>\n  </xs:element>\n</xs:schema>\n", &elements)
	return b.Bytes()
}

// writeType writes the type of values like a parameter's, and of its element.
func writeType(b *bytes.Buffer, name string, p *Param) {
	words := p.Options
	if p.Type == "bool" {
		words = []string{"Yes", "yes", "Enable", "enable", "1", "No", "no", "Disable", "disable", "0"}
	}
	fmt.Fprintf(b, "  <xs:simpleType name=\"%s_value\">\n    <xs:restriction base=\"xs:string\">\n", name)
	for _, w := range words {
		fmt.Fprintf(b, "      <xs:enumeration value=\"%s\"/>\n", profile.AppendAttribute(nil, w))
	}
	if words == nil {
		b.WriteString("      <xs:maxLength value=\"2000\"/>\n")
	}
	fmt.Fprintf(b, "    </xs:restriction>\n  </xs:simpleType>\n  <xs:complexType name=\"%[1]s\">\n    <xs:simpleContent>\n"+
		"      <xs:extension base=\"%[1]s_value\">\n        <xs:attribute name=\"ua\" type=\"ua\"/>\n"+
		"        <xs:attribute name=\"value\" type=\"xs:string\"/>\n      </xs:extension>\n    </xs:simpleContent>\n  </xs:complexType>\n", name)
}
