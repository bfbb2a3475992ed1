package bundle

import (
	"bufio"
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"hash/maphash"
	"io"
	"io/fs"
	"os"
	"regexp"
	"strings"
	"sync"

	"spafleet/device"
	"spafleet/device/model"
	"spafleet/scenarios/tally"
)

// A Spool keeps what all devices of a run do, in a file of its own that it removes:
// which of them fail is known at the end. It is safe for concurrent use.
type Spool struct {
	// View, where it is set, gives the parameters of devices that get secrets from other
	// servers than the scenario's.
	View func(device.Index) (device.View, bool)

	file *os.File
	log  *tally.EventLog

	mu     sync.Mutex
	to     *bufio.Writer
	left   int64
	seed   maphash.Seed
	hashes map[device.Index]uint64 // of the secrets of a device that were noted last
	err    error
}

// mostSpooled bounds the file.
const mostSpooled = 2 << 30

// NewSpool opens a spool. MAC says whose an index is, and unit who it is.
func NewSpool(mac func(device.Index) model.MAC, unit func(device.Index) device.Unit) (*Spool, error) {
	file, err := os.CreateTemp("", "spafleet-events-*")
	if err != nil {
		return nil, fmt.Errorf("a file for the events of all devices: %w", err)
	}
	_ = os.Remove(file.Name()) // where a system keeps the name of an open file, Close removes it
	s := &Spool{file: file, to: bufio.NewWriterSize(file, 1<<18), left: mostSpooled, seed: maphash.MakeSeed(), hashes: map[device.Index]uint64{}}
	s.log = tally.NewEventLog(s.to, mac)
	s.log.Unit = unit
	return s, nil
}

// Close removes the file.
func (s *Spool) Close() error {
	err := s.file.Close()
	if gone := os.Remove(s.file.Name()); !errors.Is(gone, fs.ErrNotExist) {
		err = errors.Join(err, gone)
	}
	return err
}

// noted is a line of the file about what a device is set to, as far as it may be secret.
type noted struct {
	Noted [][2]string  `json:"noted"` // names and values
	Dev   device.Index `json:"dev"`
}

const notedAt = `{"noted":`

// Tell keeps events. It keeps nothing of the slice.
func (s *Spool) Tell(events []device.Event) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for i := range events {
		if s.View != nil && (i == 0 || events[i].Dev != events[i-1].Dev) {
			s.note(events[i].Dev)
		}
	}
	s.log.Tell(events)
	if s.err == nil {
		s.err = s.log.Flush()
	}
}

// note keeps what a device has now that may be secret, if it is something else than
// before.
func (s *Spool) note(dev device.Index) {
	v, ok := s.View(dev)
	if !ok {
		return
	}
	n := noted{Dev: dev}
	var h maphash.Hash
	h.SetSeed(s.seed)
	for id, value := range v.Params.Differing() {
		if p, known := v.Params.Factory().Param(id); known && (IsSecret(p.Name) || strings.HasPrefix(p.Name, "GPP_") || strings.ContainsAny(value, "=@<") || strings.Contains(value, "--")) {
			n.Noted = append(n.Noted, [2]string{p.Name, value})
			h.WriteString(value)
			h.WriteByte(0)
		}
	}
	if sum := h.Sum64(); len(n.Noted) > 0 && s.hashes[dev] != sum {
		s.hashes[dev] = sum
		line, err := json.Marshal(n)
		if err == nil {
			_, err = s.to.Write(append(line, '\n'))
		}
		s.err = errors.Join(s.err, err)
	}
}

// mostTrace bounds what is kept of one device.
const mostTrace = 8 << 20

// Device returns what a device did, and what it was noted to have been set to: names and
// values. Cut says that it is the beginning only.
func (s *Spool) Device(dev device.Index) (trace []byte, set [][2]string, cut bool, err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if err := errors.Join(s.err, s.to.Flush()); err != nil {
		return nil, nil, false, err
	}
	if _, err := s.file.Seek(0, io.SeekStart); err != nil {
		return nil, nil, false, err
	}
	mark := fmt.Appendf(nil, `,"dev":%d,"mac":"`, dev)
	end := fmt.Appendf(nil, `],"dev":%d}`, dev)
	in := bufio.NewReaderSize(s.file, 1<<20)
	for {
		line, err := in.ReadBytes('\n')
		switch {
		case bytes.HasPrefix(line, []byte(notedAt)):
			var n noted
			if bytes.HasSuffix(bytes.TrimSpace(line), end) && json.Unmarshal(line, &n) == nil {
				set = append(set, n.Noted...)
			}
		case bytes.Contains(line[:min(len(line), 100)], mark):
			if cut = cut || len(trace)+len(line) > mostTrace; !cut {
				trace = append(trace, line...)
			}
		}
		if errors.Is(err, io.EOF) {
			_, err = s.file.Seek(0, io.SeekEnd)
			return trace, set, cut, err
		}
		if err != nil {
			return nil, nil, false, err
		}
	}
}

// ciphered is the beginning of an encrypted file, which stand-ins for keys change.
var ciphered = regexp.MustCompile(`,"said":"Salted__(?:[^"\\]|\\.)*"`)

// WithoutCiphers returns a trace without the beginnings of encrypted files.
func WithoutCiphers(trace []byte) []byte { return ciphered.ReplaceAll(trace, nil) }

// Difference says where two traces of a device differ first, "" where they do not.
func Difference(before, now []byte) string {
	a, b := bytes.SplitAfter(before, []byte("\n")), bytes.SplitAfter(now, []byte("\n"))
	for i := range a {
		if i >= len(b) || !bytes.Equal(a[i], b[i]) {
			return fmt.Sprintf("line %d was\n  %.500s\nand is\n  %.500s", i+1, bytes.TrimSpace(a[i]), bytes.TrimSpace(append(b, nil)[min(i, len(b))]))
		}
	}
	if len(b) > len(a) {
		return fmt.Sprintf("it goes on after line %d", len(a))
	}
	return ""
}

// A failed event is what failed and how, without when.
type failed struct {
	Kind   string `json:"kind"`
	Result string `json:"result"`
	Err    string `json:"err"`
	Rule   string `json:"rule"`
	What   string `json:"what"`
	Scheme string `json:"scheme"`
	Status int    `json:"status"`
	Phase  string `json:"phase"`
}

// Failures returns all that failed in a trace, in order, each in words that are the same
// for the same failure.
func Failures(trace []byte) []string {
	var list []string
	for line := range bytes.Lines(trace) {
		var f failed
		if json.Unmarshal(line, &f) != nil {
			continue
		}
		switch f.Kind {
		case "resync_failed", "upgrade_failed", "report_failed", "fetch_failed":
			list = append(list, fmt.Sprint(f))
		}
	}
	return list
}
