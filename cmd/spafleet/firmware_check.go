package main

import (
	"fmt"
	"io"
	"slices"
	"strconv"
	"strings"

	"github.com/spf13/cobra"

	"spafleet/device/measure"
	"spafleet/device/model"
	"spafleet/resync/image"
)

func firmwareCheckCommand(s streams) *cobra.Command {
	var name string
	var asJSON bool
	c := &cobra.Command{
		Use:   "check FILE...",
		Short: "Check firmware images as real units do",
		Long: `Looks at firmware images of the makers' form: magic, lengths, version, both digests,
and each sector, whose data must have the MD5 in its header. Every part that is
damaged is told with the reason, and the exit code is 3 if a unit would refuse one of
the images. What units check is inferred; the form is known from published images.
Of SPA1xx images the headers are checked: how the rest is laid out is not known.

With --model, the image must be one for that model.`,
		Example: `  spafleet firmware check spa50x-30x-7-6-2f.bin --model SPA504G
  curl -s http://127.0.0.1:8080/fw.bin | spafleet firmware check - --json`,
		Args: func(_ *cobra.Command, args []string) error {
			if len(args) == 0 {
				return fmt.Errorf("give one file or more; - is the standard input")
			}
			return nil
		},
	}
	c.Flags().StringVar(&name, "model", "", "`MODEL` that the images are for")
	c.Flags().BoolVar(&asJSON, "json", false, "print one JSON object")
	c.RunE = func(_ *cobra.Command, files []string) error {
		var m *model.Model
		if name != "" {
			var err error
			if m, err = model.FindModel(name); err != nil {
				return err
			}
		}
		list := checkedImages{Images: []checkedImage{}}
		for _, file := range files {
			body, err := readInput(s, file)
			if err != nil {
				return err
			}
			list.Images = append(list.Images, checkImage(file, body, m))
		}
		if asJSON {
			if err := writeJSON(s.out, list); err != nil {
				return err
			}
		} else {
			list.write(s.out)
		}
		if slices.ContainsFunc(list.Images, func(c checkedImage) bool { return c.Refused }) {
			return exitWith(exitFailed)
		}
		return nil
	}
	return c
}

// checkedImages is the JSON of firmware check.
type checkedImages struct {
	Images []checkedImage `json:"images"`
}

type checkedImage struct {
	File    string   `json:"file"`
	Refused bool     `json:"refused"` // by a real unit
	Models  []string `json:"models"`  // those whose images begin so
	image.Report
}

// checkImage checks an image, for a model if one is given.
func checkImage(file string, body []byte, m *model.Model) checkedImage {
	check := image.New(true, nil)
	_, _ = check.Write(body) // it takes all
	c := checkedImage{File: file, Models: []string{}, Report: check.Report()}
	for of := range model.All() {
		if of.Magic.Value == c.Magic {
			c.Models = append(c.Models, of.Name)
		}
	}
	if m != nil && c.Magic != "" && !m.TakesImage(c.Magic) {
		why := fmt.Sprintf("it is %q, and that of the %s is %q (%s)", c.Magic, m.Name, m.Magic.Value, m.Magic.Evidence)
		c.Problems = append([]image.Problem{{Part: "magic", Why: why}}, c.Problems...)
	}
	c.Refused = len(c.Problems) > 0
	return c
}

func (l checkedImages) write(w io.Writer) {
	var b strings.Builder
	for i := range l.Images {
		if i > 0 {
			b.WriteByte('\n')
		}
		l.Images[i].write(&b)
	}
	_, _ = io.WriteString(w, b.String())
}

func (c *checkedImage) write(b *strings.Builder) {
	fmt.Fprintf(b, "%s: %d bytes\n", c.File, c.Bytes)
	rows := [][]string{}
	if c.Magic != "" {
		rows = append(rows, []string{"magic", strconv.Quote(c.Magic) + ", " + c.models()})
	}
	if c.Version != "" {
		rows = append(rows, []string{"version", c.Version})
	}
	if c.Modules > 0 {
		rows = append(rows, []string{"modules", fmt.Sprintf("%d; what they hold is not checked: how they are laid out is not known", c.Modules)})
	}
	if len(c.Sectors) > 0 {
		rows = append(rows, []string{"sectors", c.sectors()})
	}
	writeTable(b, "  ", rows)
	if c.Made {
		b.WriteString("  made by spafleet: emulated devices take it\n")
	}
	if !c.Refused {
		b.WriteString("  right: a real unit takes it, as far as is known\n")
		return
	}
	b.WriteString("  a real unit refuses it:\n")
	for _, p := range c.Problems {
		fmt.Fprintf(b, "    %s\n", p)
	}
	if c.More > 0 {
		fmt.Fprintf(b, "    %d more like these\n", c.More)
	}
}

// mostModels is how many models a line names.
const mostModels = 4

func (c *checkedImage) models() string {
	if len(c.Models) == 0 {
		return "of no model that is known"
	}
	return "of " + measure.FirstOf(c.Models, mostModels)
}

// sectors says where an image lies in the flash, and how much it has.
func (c *checkedImage) sectors() string {
	var ranges []string
	stored, whole := 0, 0
	for i := 0; i < len(c.Sectors); {
		first := i
		for i++; i < len(c.Sectors) && c.Sectors[i].Number == c.Sectors[i-1].Number+1; i++ {
		}
		text := strconv.Itoa(c.Sectors[first].Number)
		if i-first > 1 {
			text += "-" + strconv.Itoa(c.Sectors[i-1].Number)
		}
		ranges = append(ranges, text)
	}
	for _, s := range c.Sectors {
		whole += s.Expanded
		if s.Stored {
			stored++
		}
	}
	return fmt.Sprintf("%d, for %s of the flash; %d stored, the others compressed; %d bytes expanded", len(c.Sectors), strings.Join(ranges, ", "), stored, whole)
}
