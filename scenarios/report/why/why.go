// Package why tells one device's story in plain words, from the lines that an event
// log has of it: what it did and why, what came of it, and what it waits for now.
package why

import (
	"bufio"
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strconv"
	"strings"
	"time"
)

// A Step is something that happened to the device, or a reason for it.
type Step struct {
	At    time.Time `json:"at"` // fleet time
	Kind  string    `json:"kind"`
	State string    `json:"state,omitempty"`
	Text  string    `json:"text"`

	begins bool   // a chapter of the story
	same   string // what is compared with other chapters: the text without times
}

// Begins reports whether a step begins a chapter of the story: a boot, a resync, an order.
func (s Step) Begins() bool { return s.begins }

// A Device is one device's story.
type Device struct {
	MAC      string // 12 hexadecimal digits
	Index    int
	Model    string // "" where the log does not say
	Firmware string // that it began with
	Serial   string
	Until    time.Time // of the last event of the log, of any device
	Cut      bool      // the log ends within a line

	head, tail []Step // tail is a ring once it is full
	next       int    // in the ring
	left       int    // steps between the two
	ends       ending
}

// What is kept of a device: its first steps and its last ones.
const (
	mostFirst = 400
	mostLast  = 1600
)

// Steps returns what happened in order, and last what the device waits for. What lies
// between the first and the last steps of a long story is left out, and counted.
func (d *Device) Steps() []Step {
	list := append([]Step(nil), d.head...)
	if d.left > 0 {
		text := fmt.Sprintf("%d more steps are left out here", d.left)
		list = append(list, Step{At: d.tail[d.next].At, Kind: "left_out", Text: text, begins: true, same: text})
	}
	list = append(list, d.tail[d.next:]...)
	list = append(list, d.tail[:d.next]...)
	return append(list, d.waits())
}

func (d *Device) add(s Step) {
	switch {
	case len(d.head) < mostFirst:
		d.head = append(d.head, s)
	case len(d.tail) < mostLast:
		d.tail = append(d.tail, s)
	default:
		d.tail[d.next] = s
		d.next = (d.next + 1) % mostLast
		d.left++
	}
}

// mostLine is how many bytes a line may have. An event's texts are bounded, and the
// lists of a file's parameters are those of one file.
const mostLine = 16 << 20

// A Reader finds a device's lines in an event log. Its memory does not depend on the
// length of the log. As a Writer it takes the log as it is written.
type Reader struct {
	who    who
	device *Device
	rest   []byte // a line that has not ended
	lines  int
	last   []byte // the beginning of the latest line: its time
	near   nearest
	err    error
}

// NewReader returns a reader for a device: its MAC address in any spelling, its
// serial number, or its index.
func NewReader(name string) (*Reader, error) {
	w, err := parseWho(name)
	return &Reader{who: w}, err
}

// Write takes a part of the log.
func (r *Reader) Write(p []byte) (int, error) {
	n := len(p)
	for r.err == nil {
		line, rest, ends := bytes.Cut(p, []byte("\n"))
		if !ends {
			if r.rest = append(r.rest, line...); len(r.rest) > mostLine {
				r.err = fmt.Errorf("line %d has more than %d bytes: this is no log of events", r.lines+1, mostLine)
			}
			return n, r.err
		}
		if len(r.rest) > 0 {
			line = append(r.rest, line...)
		}
		r.lines++
		r.err = r.take(line)
		r.rest, p = r.rest[:0], rest
	}
	return 0, r.err
}

// Read takes a whole log.
func (r *Reader) Read(log io.Reader) error {
	in := bufio.NewReaderSize(log, 1<<20)
	_, err := in.WriteTo(r)
	return err
}

// ErrEmpty says that a log has no events.
var ErrEmpty = errors.New("there are no events")

// Device returns the story. The error says that the log has no line of the device.
func (r *Reader) Device() (*Device, error) {
	switch {
	case r.err != nil:
		return nil, r.err
	case r.device != nil:
		r.device.Cut = len(r.rest) > 0
		r.device.Until = timeOf(r.last)
		return r.device, nil
	case r.lines == 0:
		return nil, ErrEmpty
	}
	return nil, fmt.Errorf("no event of %s%s", r.who.text, r.near.hint(&r.who))
}

// take takes a line.
func (r *Reader) take(line []byte) error {
	if len(bytes.TrimSpace(line)) == 0 {
		return nil
	}
	dev, mac, ok := owner(line)
	if !ok {
		return fmt.Errorf("line %d is no event: %.60q; 'spafleet run --events FILE' writes them", r.lines, line)
	}
	r.last = append(r.last[:0], line[:min(len(line), len(timeAt)+64)]...)
	if r.device == nil {
		if !r.who.is(dev, mac, line) {
			r.near.look(&r.who, dev, mac)
			return nil
		}
		index, err := strconv.Atoi(string(dev))
		if err != nil {
			return fmt.Errorf("line %d: %w", r.lines, err)
		}
		r.device = &Device{MAC: string(mac), Index: index}
	} else if string(mac) != r.device.MAC {
		return nil
	}
	var e event
	if err := json.Unmarshal(line, &e); err != nil {
		return fmt.Errorf("line %d is no event: %w", r.lines, err)
	}
	r.device.take(&e)
	return nil
}

const timeAt = `{"at":"`

// owner returns the device of a line without reading all of it.
func owner(line []byte) (dev, mac []byte, ok bool) {
	if !bytes.HasPrefix(line, []byte(timeAt)) {
		return nil, nil, false
	}
	_, rest, ok := bytes.Cut(line[:min(len(line), 200)], []byte(`","dev":`))
	if !ok {
		return nil, nil, false
	}
	dev, rest, ok = bytes.Cut(rest, []byte(`,"mac":"`))
	if !ok || len(rest) < 13 || rest[12] != '"' {
		return nil, nil, false
	}
	return dev, rest[:12], true
}

func timeOf(line []byte) time.Time {
	text, _, _ := strings.Cut(strings.TrimPrefix(string(line), timeAt), `"`)
	at, _ := time.Parse(time.RFC3339Nano, text)
	return at
}
