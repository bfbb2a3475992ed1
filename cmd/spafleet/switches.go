package main

import (
	"errors"
	"fmt"
	"maps"
	"slices"

	"github.com/spf13/pflag"

	"spafleet/device/model"
	"spafleet/device/observed"
	"spafleet/scenarios"
)

// switchFlags are --switch and --switches: how the firmware differs from the tables.
type switchFlags struct {
	words []string
	file  string // of what a real phone was observed to do; "": none
}

func (f *switchFlags) register(flags *pflag.FlagSet) {
	flags.StringArrayVar(&f.words, "switch", nil, "change a firmware switch, `NAME=VALUE`; 'spafleet models show MODEL' lists them; may be repeated")
	f.registerFile(flags)
}

func (f *switchFlags) registerFile(flags *pflag.FlagSet) {
	flags.StringVar(&f.file, "switches", "", "change the firmware switches that are settled in this `FILE`, of what a real phone was observed to do")
}

// given reports whether a switch is changed.
func (f *switchFlags) given() bool { return len(f.words) > 0 || f.file != "" }

// said returns what --switch says.
func (f *switchFlags) said() (map[string]string, error) {
	turned, err := model.ParseAssignments(f.words)
	if err != nil {
		return nil, fmt.Errorf("--switch: %w", err)
	}
	return turned, nil
}

// read returns the file of --switches, nil where none is given.
func (f *switchFlags) read() (*observed.File, error) {
	if f.file == "" {
		return nil, nil
	}
	file, err := observed.ReadFile(f.file)
	if err != nil {
		return nil, fmt.Errorf("--switches: %w", err)
	}
	return file, nil
}

// observe turns the switches of the file in the devices of a scenario that it is of, but
// for those that the user has given.
func (f *switchFlags) observe(s *scenarios.Scenario, given map[string]string) error {
	file, err := f.read()
	if file == nil || err != nil {
		return err
	}
	if err := s.Observe(file, f.file, given); err != nil {
		return f.notOf(err)
	}
	return nil
}

// notOf says that the file is of no device that is meant.
func (f *switchFlags) notOf(err error) error {
	return fmt.Errorf("--switches %s: %w", f.file, err)
}

// row is rows of one model at a firmware, its newest for "".
func (f *switchFlags) row(name, firmware string, last map[string]string) (*model.Row, error) {
	row, err := model.NewRow(name, firmware, nil)
	if err != nil {
		return nil, err
	}
	rows, err := f.rows([]*model.Row{row}, last)
	if err != nil {
		return nil, err
	}
	return rows[0], nil
}

// rows returns the same models and firmware with the switches that are changed, and with
// those of last over them.
func (f *switchFlags) rows(list []*model.Row, last map[string]string) ([]*model.Row, error) {
	said, err := f.said()
	if err != nil {
		return nil, err
	}
	maps.Copy(said, last)
	file, err := f.read()
	if err != nil {
		return nil, err
	}
	if file != nil {
		if err := file.Among(list); err != nil {
			return nil, f.notOf(err)
		}
	}
	turned := slices.Clone(list)
	for i, r := range list {
		all := map[string]string{}
		if file != nil && file.Of(r) {
			all = file.Switches()
		}
		maps.Copy(all, said)
		if turned[i], err = model.NewRow(r.Model.Name, r.Firmware.Version, all); err != nil {
			return nil, err
		}
	}
	return turned, nil
}

// errNoModel says what --firmware and the like need.
var errNoModel = errors.New("--firmware, --switch and --switches are of a device: give --model")
