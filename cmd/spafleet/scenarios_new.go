package main

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"text/template"

	"github.com/spf13/cobra"

	"spafleet/host"
	"spafleet/scenarios"
)

// schemaFile is what the schema is called beside a scenario.
const schemaFile = "scenario.schema.json"

// newScenario is a scenario to begin with: it runs, and passes.
var newScenario = template.Must(template.New("").Parse(`# yaml-language-server: $schema=` + schemaFile + `
# The line above makes editors complete this file. Check it: spafleet scenarios validate {{.File}}
# Run it: spafleet run {{.File}}
name: {{.Name}}
about: Devices take their accounts from the built-in server, and again after a power cut.

fleet:
  phones:
{{.Fleet}}    set:
      # What each device asks for; $MA is its MAC address.
      Profile_Rule: http://${server.http}/$MA.xml

# The built-in server, in simulated time. To test a server of yours, write in its place
#   target: {hosts: [prov.example.com]}
# with the rule http://prov.example.com/$MA.xml.
server:
  files:
    /$MA.xml: |
      <flat-profile>
        <User_ID_1_>{{"{{"}} 1000 + index {{"}}"}}</User_ID_1_>
      </flat-profile>

timeline:
  - name: ready
    when: {all: resyncs.ok > 0}
    by: 10m
  - name: blackout
    at: ready + 1m
    power_off: all
    for: 1m
  - name: return
    at: blackout + 1m

expect:
  - name: every device has its account
    all: param("User_ID_1_") == string(1000 + index)
    by: 10m
  - name: every device is back
    all: synced
    by: return + 10m

thresholds:
  resync_failed: rate<1%
`))

func scenariosNewCommand(s streams) *cobra.Command {
	f := &fleetFlags{model: "SPA942", count: 20}
	c := &cobra.Command{
		Use:   "new [FILE]",
		Short: "Write a scenario to begin with",
		Long: `Writes a scenario that runs and passes as it stands, to be changed: 20 phones against
the built-in server, or the devices of --model, --firmware and --count. FILE is
scenario.yaml if none is given; - is standard output. Beside it comes ` + schemaFile + `,
by which editors complete the file (in Visual Studio Code with the extension YAML of
Red Hat, elsewhere with yaml-language-server). A file that is there is not replaced.`,
		Example: `  spafleet scenarios new
  spafleet scenarios new outage.yaml --model SPA504G --firmware 7.5.5
  spafleet scenarios new mixed --model SPA2102=75%,PAP2T=25% --count 1k
  spafleet scenarios new - | spafleet run -`,
		Args: cobra.MaximumNArgs(1),
		ValidArgsFunction: func(*cobra.Command, []string, string) ([]string, cobra.ShellCompDirective) {
			return []string{"yaml", "yml"}, cobra.ShellCompDirectiveFilterFileExt
		},
	}
	flags := c.Flags()
	flags.StringVar(&f.model, "model", f.model, "`MODEL`, or a mix: SPA2102,PAP2T or SPA2102=75%,PAP2T=25%")
	flags.StringVar(&f.firmware, "firmware", "", "firmware `VERSION` (default: the newest known)")
	flags.Var(countFlag{&f.count}, "count", "how many devices: 200, 10k, 1M")
	c.RunE = func(_ *cobra.Command, args []string) error {
		name := "scenario.yaml"
		if len(args) == 1 {
			name = args[0]
		}
		if name != "-" && filepath.Ext(name) == "" {
			name += ".yaml"
		}
		text, err := newScenarioText(name, f)
		if err != nil {
			return err
		}
		if name == "-" {
			_, err := s.out.Write(text)
			return err
		}
		schema := filepath.Join(filepath.Dir(name), schemaFile)
		if err := mayBeSchema(schema); err != nil {
			return err
		}
		if err := host.CreateFile(name, text, 0o666); errors.Is(err, fs.ErrExist) {
			return fmt.Errorf("%s is there already: give another name, or remove it", name)
		} else if err != nil {
			return err
		}
		if err := host.WriteFile(schema, scenarios.Schema(), 0o666); err != nil {
			return err
		}
		fmt.Fprintf(s.out, "%s is written; run it: spafleet run %s\neditors complete it by %s\n", name, name, schema)
		return nil
	}
	return c
}

// newScenarioText returns the scenario of a fleet.
func newScenarioText(file string, f *fleetFlags) ([]byte, error) {
	g := scenarios.Group{Count: f.count}
	if err := f.models(&g); err != nil {
		return nil, err
	}
	var fleet strings.Builder
	if g.Model != "" {
		fmt.Fprintf(&fleet, "    model: %s\n    firmware: %s\n", g.Model, g.Firmware)
	} else {
		fleet.WriteString("    mix:\n")
		for _, share := range g.Mix {
			fmt.Fprintf(&fleet, "      %s %s: %s%%\n", share.Model, share.Firmware, strconv.FormatFloat(share.Percent, 'f', -1, 64))
		}
	}
	fmt.Fprintf(&fleet, "    count: %d\n", f.count)
	name := strings.TrimSuffix(filepath.Base(file), filepath.Ext(file))
	if strings.Trim(name, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_. ") != "" {
		name = strconv.Quote(name)
	}
	if file == "-" {
		name = "new"
	}
	var text bytes.Buffer
	err := newScenario.Execute(&text, map[string]string{"File": file, "Name": name, "Fleet": fleet.String()})
	return text.Bytes(), err
}

// mayBeSchema refuses a file that is there and is something else than a schema, of this
// version of the program or another.
func mayBeSchema(name string) error {
	info, err := os.Stat(name)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	var there []byte
	if err == nil && info.Mode().IsRegular() {
		there, err = host.ReadFile(name, mostInput)
	}
	if head, _, _ := bytes.Cut(scenarios.Schema(), []byte(`"type"`)); err != nil || !bytes.HasPrefix(there, head) {
		return fmt.Errorf("%s is there already, and is no schema of spafleet: remove it, or write the scenario to another folder", name)
	}
	return nil
}
