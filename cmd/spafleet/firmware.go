package main

import (
	"fmt"

	"github.com/spf13/cobra"

	"spafleet/device/measure"
	"spafleet/device/model"
	"spafleet/resync"
)

func firmwareCommand(s streams) *cobra.Command {
	c := &cobra.Command{
		Use:   "firmware",
		Short: "Make firmware images for tests of upgrades, and check real ones",
		Long: `Makes firmware images that emulated devices accept and no real unit does, and checks
images that you have as real units are taken to check them.`,
		Example: `  spafleet firmware make --model SPA2102 --version 5.2.12 --out fw.bin
  spafleet firmware check spa50x-30x-7-6-2f.bin`,
		Args: noArgs,
		RunE: func(c *cobra.Command, _ []string) error { return c.Help() },
	}
	c.AddCommand(firmwareMakeCommand(s), firmwareCheckCommand(s))
	return c
}

// madeImage is the JSON of firmware make.
type madeImage struct {
	File    string `json:"file"`
	Model   string `json:"model"`
	Version string `json:"version"`
	Bytes   int    `json:"bytes"`
}

func firmwareMakeCommand(s streams) *cobra.Command {
	var name, version, size, out string
	var asJSON bool
	c := &cobra.Command{
		Use:   "make",
		Short: "Make a firmware image for a model",
		Long: `Writes an image that emulated devices of a model accept; after the upgrade they
report this version. The image has the publicly known header, followed by text that
says what it is.

No real unit takes it: its digests are false on purpose. 'firmware check' says so.`,
		Example: `  spafleet firmware make --model SPA2102 --version 5.2.12 --size 3MB \
      --out spa2102-5-2-12.bin
  spafleet firmware make --model SPA504G --version 7.5.2b --out - | wc -c`,
		Args: noArgs,
	}
	flags := c.Flags()
	flags.StringVar(&name, "model", "", "`MODEL`, such as SPA2102")
	flags.StringVar(&version, "version", "", "`VERSION` that the device has after the upgrade")
	flags.StringVar(&size, "size", "64KB", "`SIZE` of the file")
	flags.StringVar(&out, "out", "", "`FILE` to write; - is the standard output")
	flags.BoolVar(&asJSON, "json", false, "print one JSON object")
	c.RunE = func(*cobra.Command, []string) error {
		if name == "" || version == "" || out == "" {
			return fmt.Errorf("give --model, --version and --out, such as 'spafleet firmware make --model SPA2102 --version 5.2.12 --out fw.bin'")
		}
		m, err := model.FindModel(name)
		if err != nil {
			return err
		}
		n, err := measure.Size(size)
		if err != nil {
			return fmt.Errorf("--size: %w", err)
		}
		image, err := resync.MakeImage(m, version, n)
		if err != nil {
			return err
		}
		if err := writeOutput(s, out, image); err != nil {
			return err
		}
		if asJSON && out != "-" {
			return writeJSON(s.out, madeImage{out, m.Name, version, n})
		}
		if out != "-" {
			fmt.Fprintf(s.out, "%s: firmware %s for emulated devices of model %s, %d bytes\n", out, version, m.Name, n)
		}
		return nil
	}
	return c
}
