package fleet

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"time"

	"spafleet/device"
)

// Save says where and how often a fleet is saved.
type Save struct {
	File  string        // "": not at all
	Every time.Duration // of wall time; 0: a minute. It is saved at the end of the run too
	// Extra returns what is to be kept beside the fleet. It is called after the
	// devices have been copied; nil: nothing.
	Extra func() []byte
	// Told hears of every snapshot, or why there is none; may be nil. The run goes
	// on all the same. Why there is none of the run's end is what Run returns.
	Told func(Snapshot)
}

// A Snapshot is what became of saving a fleet once.
type Snapshot struct {
	Bytes int64
	Took  time.Duration
	Err   error
}

// keep saves the fleet again and again until ctx ends.
func (f *Fleet) keep(ctx context.Context) {
	every := f.save.Every
	if every <= 0 {
		every = time.Minute
	}
	tick := time.NewTicker(every)
	defer tick.Stop()
	for {
		select {
		case <-tick.C:
			f.told(f.saveFile())
		case <-ctx.Done():
			return
		}
	}
}

// saveFile replaces the state file. Whatever happens, there is a whole file under
// its name: this snapshot or the one before.
func (f *Fleet) saveFile() Snapshot {
	began := time.Now()
	n, err := writeAtomically(f.save.File, f.writeState)
	if err != nil {
		err = fmt.Errorf("save the fleet: %w", err)
	}
	return Snapshot{n, time.Since(began), err}
}

func (f *Fleet) told(s Snapshot) {
	if f.save.Told != nil {
		f.save.Told(s)
	}
}

// saveLast saves the fleet at the end of its run.
func (f *Fleet) saveLast() error {
	if f.save.File == "" {
		return nil
	}
	s := f.saveFile()
	if s.Err == nil {
		f.told(s)
	}
	return s.Err
}

// writeAtomically writes a file under another name in the same folder and then
// gives it its own, with everything on the disk before and after.
func writeAtomically(name string, write func(io.Writer) error) (size int64, err error) {
	temporary := name + ".new"
	file, err := os.OpenFile(temporary, os.O_WRONLY|os.O_CREATE|os.O_TRUNC, 0o600)
	if err != nil {
		return 0, err
	}
	if size, err = fill(file, write); err != nil {
		os.Remove(temporary)
		return 0, err
	}
	if err := os.Rename(temporary, name); err != nil {
		return 0, err
	}
	return size, syncFolder(filepath.Dir(name))
}

// fill writes a file, and closes it in any case.
func fill(file *os.File, write func(io.Writer) error) (int64, error) {
	buffered := bufio.NewWriterSize(file, 1<<16)
	err := write(buffered)
	if err == nil {
		err = buffered.Flush()
	}
	if err == nil {
		err = file.Sync()
	}
	size, _ := file.Seek(0, io.SeekCurrent)
	if closed := file.Close(); err == nil {
		err = closed
	}
	return size, err
}

func syncFolder(name string) error {
	folder, err := os.Open(name)
	if err != nil {
		return err
	}
	defer folder.Close()
	return folder.Sync()
}

// fullSection is how many bytes of records go into a section, about.
const fullSection = 1 << 18

// writeState writes a snapshot. Every device in it is whole; two devices may be
// some milliseconds apart, for the loops go on meanwhile.
func (f *Fleet) writeState(w io.Writer) error {
	like := f.likeness()
	like.At = f.loops[0].clock.Now()
	head, err := json.Marshal(&like)
	if err != nil {
		return err
	}
	sections, err := newSectionWriter(w)
	if err != nil {
		return err
	}
	if err := sections.add(likenessSection, head); err != nil {
		return err
	}
	records := newRecordWriter(like.At)
	for _, l := range f.loops {
		if err := l.write(sections, records); err != nil {
			return err
		}
	}
	if f.save.Extra != nil {
		for part := range slices.Chunk(f.save.Extra(), mostSection) {
			if err := sections.add(extraSection, part); err != nil {
				return err
			}
		}
	}
	return sections.end()
}

// sliceOf is how many devices are copied at once: the loop waits for some
// microseconds.
const sliceOf = 256

// write writes a loop's devices.
func (l *loop) write(sections *sectionWriter, records *recordWriter) error {
	copies := make([]record, 0, sliceOf)
	for from := 0; from < len(l.units); from += sliceOf {
		copies = l.copy(copies[:0], from, min(from+sliceOf, len(l.units)))
		for i := range copies {
			records.record(&copies[i])
		}
		if len(records.b) < fullSection && from+sliceOf < len(l.units) {
			continue
		}
		if err := sections.add(deviceSection, records.b); err != nil {
			return err
		}
		records.b = records.b[:0]
	}
	return nil
}

// copy appends copies of some devices.
func (l *loop) copy(list []record, from, to int) []record {
	l.mu.Lock()
	defer l.mu.Unlock()
	for i := from; i < to; i++ {
		dev, u := l.index(i), l.units[i]
		r := record{dev: dev, unit: u, past: u.before(), version: l.row(&u).Firmware.Version}
		r.unit.past = nil
		r.pending = slices.Clone(l.pending[dev]) // the loop deletes in place
		r.delayed, r.asked = found(l.delayed, dev), found(l.asked, dev)
		r.custom, r.told = found(l.custom, dev), found(l.told, dev)
		r.trusted = l.trusted[dev]
		list = append(list, r)
	}
	return list
}

func found[V any](m map[device.Index]V, dev device.Index) *V {
	v, ok := m[dev]
	if !ok {
		return nil
	}
	return &v
}
