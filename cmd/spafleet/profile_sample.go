package main

import (
	"fmt"
	"strings"

	"github.com/spf13/cobra"

	"spafleet/device/model"
)

// sampleFlags ask for the factory set of a model instead of a file.
type sampleFlags struct {
	source, xml, compact, schema bool
	attributes                   bool
	model, firmware              string
}

func (f *sampleFlags) register(c *cobra.Command) {
	flags := c.Flags()
	flags.BoolVar(&f.source, "sample-profile", false, "write the factory parameters as source text")
	flags.BoolVar(&f.xml, "sample-xml", false, "write the factory parameters as XML")
	flags.BoolVar(&f.compact, "sample-xml-compact", false, "write the factory parameters as XML without comments")
	flags.BoolVar(&f.attributes, "va", false, "write values as attributes, with --sample-xml and --sample-xml-compact")
	flags.BoolVar(&f.schema, "xml-schema", false, "write the schema of the model's XML")
	flags.StringVar(&f.model, "model", "", "`MODEL` of the sample or schema")
	flags.StringVar(&f.firmware, "firmware", "", "firmware `VERSION` of the sample or schema (default: the newest known)")
}

// names returns the flags that were given.
func (f *sampleFlags) names() []string {
	var names []string
	for _, flag := range []struct {
		name string
		on   bool
	}{{"--sample-profile", f.source}, {"--sample-xml", f.xml}, {"--sample-xml-compact", f.compact}, {"--xml-schema", f.schema}} {
		if flag.on {
			names = append(names, flag.name)
		}
	}
	return names
}

func (f *sampleFlags) asked() bool { return len(f.names()) > 0 }

// write makes the sample; args are at most OUT.
func (f *sampleFlags) write(s streams, args []string) error {
	names := f.names()
	switch {
	case len(names) > 1:
		return fmt.Errorf("give only one of %s", strings.Join(names, " and "))
	case len(args) > 1:
		return fmt.Errorf("profile compile %s takes no IN and at most one OUT, not %d arguments", names[0], len(args))
	case f.model == "":
		return fmt.Errorf("%s needs --model; 'spafleet models list' shows all", names[0])
	case f.attributes && !f.xml && !f.compact:
		return fmt.Errorf("--va is for --sample-xml and --sample-xml-compact")
	}
	row, err := model.NewRow(f.model, f.firmware, nil)
	if err != nil {
		return err
	}
	out := "-"
	if len(args) == 1 {
		out = args[0]
	}
	return writeText(s, out, f.make(row))
}

func (f *sampleFlags) make(row *model.Row) []byte {
	switch {
	case f.source:
		return row.SampleSource()
	case f.schema:
		return row.Schema()
	}
	return row.SampleXML(model.SampleStyle{Compact: f.compact, Attributes: f.attributes})
}
