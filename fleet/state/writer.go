package state

import (
	"encoding/json"
	"io"
	"slices"

	"spafleet/resync/unit"
)

// fullSection is how many bytes of records go into a section, about.
const fullSection = 1 << 18

// A Writer writes a state file: first the devices, then what is kept beside them.
type Writer struct {
	sections *sectionWriter
	records  *recordWriter
}

// NewWriter begins a file of a fleet.
func NewWriter(w io.Writer, f *Fingerprint) (*Writer, error) {
	head, err := json.Marshal(f)
	if err != nil {
		return nil, err
	}
	sections, err := newSectionWriter(w)
	if err != nil {
		return nil, err
	}
	return &Writer{sections, newRecordWriter(f.At)}, sections.add(fingerprintSection, head)
}

// Add writes some devices.
func (w *Writer) Add(devices []unit.Record) error {
	for i := range devices {
		w.records.record(&devices[i])
	}
	if len(w.records.b) < fullSection {
		return nil
	}
	return w.flush()
}

func (w *Writer) flush() error {
	if len(w.records.b) == 0 {
		return nil
	}
	err := w.sections.add(deviceSection, w.records.b)
	w.records.b = w.records.b[:0]
	return err
}

// Close writes what the fleet's owner keeps beside it, and the end. It closes no
// file.
func (w *Writer) Close(extra []byte) error {
	if err := w.flush(); err != nil {
		return err
	}
	for part := range slices.Chunk(extra, mostSection) {
		if err := w.sections.add(extraSection, part); err != nil {
			return err
		}
	}
	return w.sections.end()
}
