package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"path/filepath"
	"regexp"
	"runtime"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/spf13/cobra"

	"spafleet/device"
	"spafleet/device/inventory"
	"spafleet/device/measure"
	"spafleet/device/model"
	"spafleet/device/profilecheck"
)

// lintFlags say which devices files are for, and what is printed.
type lintFlags struct {
	models   []string
	devices  string // file that lists the devices; "": none
	key      string
	switches switchFlags
	ignore   []string
	json     bool
	sarif    bool
}

func profileLintCommand(s streams) *cobra.Command {
	f := &lintFlags{}
	c := &cobra.Command{
		Use:   "lint PATH...",
		Short: "Check many profile files for the models they are made for",
		Long: `Opens each file as devices of the models do, and prints all mistakes with file, line
and column: a file that a device would refuse, or take only in part; names that the
model or its firmware does not have; values that it would not take; names that are set
twice; rules that it cannot read, or that can hardly be meant. If there are any, the
exit code is 3. What is only worth a note, such as passwords in a file that is not
encrypted, does not change it.

A PATH is a file, a folder with all files in it that look like profiles, or - for the
standard input. A file that is addressed to one device needs that one's MAC address in
its name. A firmware version may stand behind a model: --model 'SPA504G 7.5.5'.
With --devices the models are those of a list of devices ('run --devices'), and a file
with the MAC address of one of them in its name is checked for that one alone.
The same mistake in many files is printed once, with their number; --json and --sarif
have the places. --ignore leaves out kinds of mistakes, which stand in brackets behind
each.`,
		Example: `  spafleet profile lint phones --model SPA942
  spafleet profile lint phone.xml --model 'SPA504G 7.5.5,SPA942' --json
  spafleet profile lint out --devices phones.csv
  spafleet profile lint out --model SPA504G --ignore unknown-name
  spafleet profile lint out --model SPA504G --sarif > lint.sarif`,
	}
	flags := c.Flags()
	flags.StringSliceVar(&f.models, "model", nil, "`MODEL` of the devices; more divided by commas, each with a firmware or the newest known")
	flags.StringVar(&f.devices, "devices", "", "`FILE` that lists the devices, in the place of --model")
	flags.StringVar(&f.key, "key", "", "`KEY` in the devices' rule")
	f.switches.register(flags)
	flags.StringSliceVar(&f.ignore, "ignore", nil, "leave out these `KINDS` of mistakes, divided by commas")
	flags.BoolVar(&f.json, "json", false, "print one JSON object")
	flags.BoolVar(&f.sarif, "sarif", false, "print SARIF 2.1.0, for the code scanning of a forge")
	c.Args = func(_ *cobra.Command, args []string) error {
		if len(args) == 0 {
			return errors.New("give files or folders; - is the standard input")
		}
		return nil
	}
	c.RunE = func(c *cobra.Command, args []string) error {
		makes, err := f.makes()
		if err != nil {
			return err
		}
		checkers, err := f.checkers(makes, c.Flags().Changed("key"))
		if err != nil {
			return err
		}
		l, err := f.run(c.Context(), s, args, lintFor{checkers, makes.of})
		if err != nil {
			return err
		}
		switch {
		case f.json:
			err = writeJSON(s.out, l.report())
		case f.sarif:
			err = writeJSON(s.out, l.sarif())
		default:
			err = l.write(s.out)
		}
		if err == nil && l.counts[profilecheck.Error]+l.counts[profilecheck.Warning] > 0 {
			return exitWith(exitFailed)
		}
		return err
	}
	return c
}

// lintMakes are the models and firmware versions that files are made for.
type lintMakes struct {
	list []string          // MODEL FIRMWARE
	of   map[model.MAC]int // which of them a listed device is
}

// makes returns what --model names, or what --devices lists.
func (f *lintFlags) makes() (lintMakes, error) {
	switch {
	case f.devices == "" && len(f.models) == 0:
		return lintMakes{}, errors.New("profile lint needs --model or --devices, the models that the files are made for")
	case f.devices == "":
		return lintMakes{list: f.models}, nil
	case len(f.models) > 0:
		return lintMakes{}, fmt.Errorf("--model names models, but %s lists its own", f.devices)
	}
	list, err := inventory.ReadFile(f.devices)
	if err != nil {
		return lintMakes{}, err
	}
	m := lintMakes{of: map[model.MAC]int{}}
	for dev := range device.Index(list.Len()) {
		row := list.Groups()[list.Group(dev)].Row
		name := row.Model.Name + " " + row.Firmware.Version
		at := slices.Index(m.list, name)
		if at < 0 {
			at = len(m.list)
			m.list = append(m.list, name)
		}
		m.of[list.MAC(nil, 0, dev)] = at
	}
	return m, nil
}

// checkers returns one for each model.
func (f *lintFlags) checkers(makes lintMakes, keyed bool) ([]*profilecheck.Checker, error) {
	switch {
	case f.json && f.sarif:
		return nil, errors.New("--json and --sarif exclude each other")
	}
	for _, kind := range f.ignore {
		if all := profilecheck.Kinds(); !slices.Contains(all, profilecheck.Kind(kind)) {
			return nil, fmt.Errorf("--ignore %s: it is one of %s", kind, joined(all))
		}
	}
	rows := make([]*model.Row, len(makes.list))
	for i, text := range makes.list {
		name, firmware, _ := strings.Cut(strings.TrimSpace(text), " ")
		var err error
		if rows[i], err = model.NewRow(name, strings.TrimSpace(firmware), nil); err != nil {
			return nil, err
		}
	}
	rows, err := f.switches.rows(rows, nil)
	if err != nil {
		return nil, err
	}
	var list []*profilecheck.Checker
	for _, row := range rows {
		list = append(list, profilecheck.New(row, f.key, keyed))
	}
	return list, nil
}

func joined[T ~string](list []T) string {
	words := make([]string, len(list))
	for i, w := range list {
		words[i] = string(w)
	}
	return strings.Join(words, ", ")
}

// lintBatch is how many files are checked before their findings are gathered: those of
// one batch are in memory.
const lintBatch = 512

// run checks all files. It reads as many at once as there are cores.
func (f *lintFlags) run(ctx context.Context, s streams, paths []string, made lintFor) (*lint, error) {
	files, skipped, err := lintFiles(paths)
	if err != nil {
		return nil, err
	}
	l := newLint(made.checkers, f.ignore)
	l.Files, l.Skipped = len(files), skipped
	told := time.Now()
	for begin := 0; begin < len(files); begin += lintBatch {
		batch := files[begin:min(begin+lintBatch, len(files))]
		results := checkAll(ctx, s, batch, made)
		if err := ctx.Err(); err != nil {
			return nil, exitWith(exitInterrupted)
		}
		for i, r := range results {
			if r.err != nil {
				return nil, r.err
			}
			l.add(batch[i], r.found)
		}
		if time.Since(told) > 2*time.Second {
			told = time.Now()
			fmt.Fprintf(s.err, "checked %d of %d files\n", begin+len(batch), len(files))
		}
	}
	return l, nil
}

// macInName finds a MAC address in the name of a file.
var macInName = regexp.MustCompile(`[0-9A-Fa-f]{12}`)

// A checked file has findings by checker.
type checkedFile struct {
	found [][]profilecheck.Finding
	err   error
}

// lintFor are the checkers of all models, and which of them is that of a listed device.
type lintFor struct {
	checkers []*profilecheck.Checker
	of       map[model.MAC]int
}

// check checks a file for the device whose MAC address is in its name, if it is listed,
// else for all models.
func (l *lintFor) check(body []byte, mac string) [][]profilecheck.Finding {
	found := make([][]profilecheck.Finding, len(l.checkers))
	if id, err := model.ParseMAC(mac); err == nil {
		if at, ok := l.of[id]; ok {
			found[at] = l.checkers[at].File(body, mac)
			return found
		}
	}
	for i, c := range l.checkers {
		found[i] = c.File(body, mac)
	}
	return found
}

func checkAll(ctx context.Context, s streams, files []string, made lintFor) []checkedFile {
	results := make([]checkedFile, len(files))
	var next atomic.Int64
	var all sync.WaitGroup
	for range min(runtime.GOMAXPROCS(0), len(files)) {
		all.Go(func() {
			for ctx.Err() == nil {
				i := int(next.Add(1)) - 1
				if i >= len(files) {
					return
				}
				body, err := readInput(s, files[i])
				if err != nil {
					results[i].err = err
					return
				}
				mac := strings.ToLower(macInName.FindString(filepath.Base(files[i])))
				results[i].found = made.check(body, mac)
			}
		})
	}
	all.Wait()
	return results
}

// A lint is what was found in all files.
type lint struct {
	Files, Skipped int
	checkers       []*profilecheck.Checker
	ignored        map[profilecheck.Kind]bool
	list           []*lintFinding // in the order in which they were found first
	byText         map[lintKey]*lintFinding
	counts         map[profilecheck.Level]int // of places
	bad            int                        // files with errors or warnings
	more           int                        // places of findings beyond the bound
}

type lintKey struct {
	level            profilecheck.Level
	kind             profilecheck.Kind
	name, text, hint string
}

// A lintFinding is one mistake, in all files that have it.
type lintFinding struct {
	profilecheck.Finding
	models []bool // by checker
	count  int    // of places; a place is counted once for all models
	files  int
	last   string // the file that had it last
	places []lintPlace
}

type lintPlace struct {
	file         string
	line, column int
}

const (
	mostLinted     = 10_000 // findings that are kept
	mostLintPlaces = 1_000  // places of one that are kept
	mostLintLines  = 200    // findings that are printed as text
)

func newLint(checkers []*profilecheck.Checker, ignore []string) *lint {
	l := &lint{checkers: checkers, ignored: map[profilecheck.Kind]bool{}, byText: map[lintKey]*lintFinding{}, counts: map[profilecheck.Level]int{}}
	for _, kind := range ignore {
		l.ignored[profilecheck.Kind(kind)] = true
	}
	return l
}

// add gathers the findings in a file.
func (l *lint) add(file string, found [][]profilecheck.Finding) {
	bad := false
	seen := map[lintKey]map[lintPlace]bool{}
	for c, list := range found {
		for _, f := range list {
			if l.ignored[f.Kind] {
				continue
			}
			key := lintKey{f.Level, f.Kind, f.Name, f.Text, f.Hint}
			place := lintPlace{file, f.Line, f.Column}
			if seen[key] == nil {
				seen[key] = map[lintPlace]bool{}
			}
			again := seen[key][place]
			seen[key][place] = true
			l.one(key, f, c, place, again)
			bad = bad || f.Level != profilecheck.Note
		}
	}
	if bad {
		l.bad++
	}
}

// one counts a finding for one model, again for a place that another model has had.
func (l *lint) one(key lintKey, f profilecheck.Finding, checker int, place lintPlace, again bool) {
	if !again {
		l.counts[f.Level]++
	}
	g := l.byText[key]
	switch {
	case g == nil && len(l.list) >= mostLinted:
		if !again {
			l.more++
		}
		return
	case g == nil:
		g = &lintFinding{Finding: f, models: make([]bool, len(l.checkers))}
		l.byText[key] = g
		l.list = append(l.list, g)
	}
	g.models[checker] = true
	if again {
		return
	}
	g.count++
	if g.last != place.file {
		g.last = place.file
		g.files++
	}
	if len(g.places) < mostLintPlaces {
		g.places = append(g.places, place)
	}
}

// modelsOf names the models of a finding.
func (l *lint) modelsOf(g *lintFinding) []string {
	var names []string
	for i, has := range g.models {
		if has {
			row := l.checkers[i].Row()
			names = append(names, row.Model.Name+" "+row.Firmware.Version)
		}
	}
	return names
}

// write prints the findings, and how many there are.
func (l *lint) write(w io.Writer) error {
	var b strings.Builder
	sorted := slices.Clone(l.list)
	rank := []profilecheck.Level{profilecheck.Error, profilecheck.Warning, profilecheck.Note}
	slices.SortStableFunc(sorted, func(a, b *lintFinding) int { return slices.Index(rank, a.Level) - slices.Index(rank, b.Level) })
	for _, g := range sorted[:min(len(sorted), mostLintLines)] {
		place := oneLine(g.places[0].file)
		if g.places[0].line > 0 {
			place += fmt.Sprintf(":%d:%d", g.places[0].line, g.places[0].column)
		}
		known, text := fmt.Sprintf(" (%s)", g.Evidence), oneLine(g.String())
		fmt.Fprintf(&b, "%s: %s: %s%s [%s]", place, g.Level, strings.TrimSuffix(text, known), known, g.Kind)
		if len(l.checkers) > 1 && slices.Contains(g.models, false) {
			fmt.Fprintf(&b, " for %s", strings.Join(l.modelsOf(g), ", "))
		}
		switch {
		case g.files > 1:
			fmt.Fprintf(&b, "; %d times, in %d files", g.count, g.files)
		case g.count > 1:
			fmt.Fprintf(&b, "; %d times", g.count)
		}
		b.WriteByte('\n')
	}
	if n := len(l.list) - mostLintLines; n > 0 {
		fmt.Fprintf(&b, "and %d more; --json has up to %d\n", n, mostLinted)
	}
	if l.more > 0 {
		fmt.Fprintf(&b, "and others, %d times\n", l.more)
	}
	fmt.Fprintf(&b, "%s, for %s: ", measure.Counted(l.Files, "file"), strings.Join(l.rows(), ", "))
	if l.counts[profilecheck.Error]+l.counts[profilecheck.Warning]+l.counts[profilecheck.Note] == 0 {
		b.WriteString("no mistakes\n")
	} else {
		fmt.Fprintf(&b, "%s, %s, %s; files with errors or warnings: %d\n",
			measure.Counted(l.counts[profilecheck.Error], "error"), measure.Counted(l.counts[profilecheck.Warning], "warning"), measure.Counted(l.counts[profilecheck.Note], "note"), l.bad)
	}
	if l.Skipped > 0 {
		fmt.Fprintf(&b, "left out, because they do not look like profiles: %s\n", measure.Counted(l.Skipped, "file"))
	}
	_, err := io.WriteString(w, b.String())
	return err
}

// rows names the models that files were checked for.
func (l *lint) rows() []string {
	var names []string
	for _, c := range l.checkers {
		names = append(names, c.Row().Model.Name+" "+c.Row().Firmware.Version)
	}
	return names
}
