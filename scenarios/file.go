package scenarios

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
)

// A File is the text of a scenario, and what changes it from outside. A field that is
// changed by With is stronger than the environment, and that than the file.
type File struct {
	Name   string // what mistakes call it; without its ending, the scenario's name where the text gives none
	Text   []byte
	Folder string // that from may name files below; "": none
	// Sealed lets nothing but what is below Folder be read. It is for scenarios of
	// strangers.
	Sealed      bool
	With        []Change // merged into the text, in this order
	Environment []string // NAME=VALUE, as os.Environ has it: sets parameters
	// Adjust changes the scenario after it was read, and each cure of a bug likewise;
	// may be nil.
	Adjust func(*Scenario) error
}

// About returns what the text says that it is about, also where a parameter still has no
// value; "" for a text that cannot be read.
func (f File) About() string {
	r := &source{name: f.Name}
	r.take(f.Text)
	if len(r.mistakes) > 0 {
		return ""
	}
	root := r.parse()
	if root == nil || root.get("about") == nil {
		return ""
	}
	return root.get("about").text
}

// Load reads a scenario and checks it against what exists. Name is what mistakes
// call the file; without its ending it is also the scenario's name where the file
// gives none. The error is [Mistakes]: everything wrong in the file, each with
// its line. A missing duration alone is left to [Run]: the caller may still set
// it.
func Load(name string, src []byte) (*Scenario, error) { return File{Name: name, Text: src}.Load() }

// Load is [Load] with what changes the scenario from outside. An error that is not
// [Mistakes] is that of Adjust.
func (f File) Load() (*Scenario, error) {
	r := &reader{&source{name: f.Name, folder: &folder{path: f.Folder, sealed: f.Sealed}}}
	r.take(f.Text)
	if len(r.mistakes) > 0 {
		return nil, r.sorted()
	}
	root := r.parse()
	if root == nil {
		return nil, r.sorted()
	}
	for _, c := range f.With {
		root = r.change(root, c)
	}
	p := &params{source: r.source}
	r.params = p
	p.declared(root.get("params"), "params")
	p.settle(f.Environment)
	p.hide(f.With)
	p.expand(root)
	s, err := r.read(root, false)
	if err != nil {
		return nil, err
	}
	s.Params, s.With, s.Files = p.settled(), f.With, r.folder.digests()
	for _, name := range p.strangers(f.Environment) {
		s.Warnings = append(s.Warnings, fmt.Sprintf("%s is set, and the scenario has no such parameter", name))
	}
	sum := sha256.Sum256(f.Text)
	s.SHA256 = hex.EncodeToString(sum[:])
	return s, f.adjust(s)
}

// adjust changes a scenario as its caller wants, and its cures likewise.
func (f *File) adjust(s *Scenario) error {
	if f.Adjust == nil {
		return nil
	}
	err := f.Adjust(s)
	if s.Bug == nil {
		return err
	}
	for i := range s.Bug.Cures {
		err = errors.Join(err, f.Adjust(s.Bug.Cures[i].Scenario))
	}
	return err
}
