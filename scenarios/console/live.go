package console

import (
	"bytes"
	"context"
	"fmt"
	"net/http"
	"strconv"
	"sync"
	"time"

	"spafleet/device"
	"spafleet/host"
	"spafleet/scenarios/console/page"
)

// mostListeners is how many hear live events at once.
const mostListeners = 32

// A feed is what all who listen to the same thing hear: it is made once for all. A
// listener that is slow misses some, and holds up nobody.
type feed struct {
	mu        sync.Mutex
	listeners int // guarded by feeds.mu
	made      time.Time
	event     []byte
}

// feeds are what is listened to, by device; -1 is the overview. The zero value is ready.
type feeds struct {
	mu    sync.Mutex
	of    map[int]*feed
	total int
	left  chan struct{} // closed when nobody listens any more; nil: nobody waits for that
}

// join returns what a listener hears and how it leaves, false where there are too many.
func (f *feeds) join(of int) (*feed, func(), bool) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.total >= mostListeners {
		return nil, nil, false
	}
	if f.of == nil {
		f.of = map[int]*feed{}
	}
	one := f.of[of]
	if one == nil {
		one = &feed{}
		f.of[of] = one
	}
	one.listeners++
	f.total++
	return one, func() {
		f.mu.Lock()
		defer f.mu.Unlock()
		f.total--
		if one.listeners--; one.listeners == 0 {
			delete(f.of, of)
		}
		if f.total == 0 && f.left != nil {
			close(f.left)
			f.left = nil
		}
	}, true
}

// idle returns a channel that is closed once nobody listens.
func (f *feeds) idle() <-chan struct{} {
	f.mu.Lock()
	defer f.mu.Unlock()
	left := make(chan struct{})
	if f.total == 0 {
		close(left)
	} else {
		f.left = left
	}
	return left
}

// next returns the event of now, and makes it where the last one is old.
func (f *feed) next(every time.Duration, write func(*bytes.Buffer) error) ([]byte, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.event != nil && time.Since(f.made) < every/2 {
		return f.event, nil
	}
	var b bytes.Buffer
	if err := write(&b); err != nil {
		return nil, err
	}
	f.event, f.made = event("live", b.Bytes()), time.Now()
	return f.event, nil
}

// event puts a text into the form of a server-sent event.
func event(name string, text []byte) []byte {
	b := fmt.Appendf(nil, "event: %s\n", name)
	for line := range bytes.Lines(text) {
		b = fmt.Appendf(b, "data: %s\n", bytes.TrimRight(line, "\r\n"))
	}
	return append(b, '\n')
}

// overviewFeed stands for the overview among the feeds of devices.
const overviewFeed = -1

// listen answers /live: the live part of a page each second, and at the end of the run a
// last word.
func (s site) listen(w http.ResponseWriter, r *http.Request) {
	source := s.source.Load()
	of, ok := overviewFeed, r.FormValue("of") == "overview"
	if n, err := strconv.ParseUint(r.FormValue("index"), 10, 31); r.FormValue("of") == "device" && err == nil && source != nil {
		_, ok = (*source).View(device.Index(n))
		of = int(n)
	}
	if !ok || source == nil {
		http.Error(w, "nothing of this name is told", http.StatusNotFound)
		return
	}
	feed, leave, ok := s.feeds.join(of)
	if !ok {
		w.Header().Set("Retry-After", "10")
		http.Error(w, fmt.Sprintf("there are %d listeners; close some pages", mostListeners), http.StatusServiceUnavailable)
		return
	}
	defer leave()
	w.Header().Set("Content-Type", "text/event-stream")
	to := http.NewResponseController(w)
	send := func(event []byte) bool {
		if err := to.SetWriteDeadline(time.Now().Add(s.patience.listener)); err != nil {
			return false
		}
		if _, err := w.Write(event); err != nil {
			return false
		}
		return to.Flush() == nil
	}
	// Ended wakes a listener at the end of the run.
	waiting, stop := context.WithCancel(r.Context())
	defer stop()
	defer context.AfterFunc(s.ended, stop)()
	for {
		made, err := s.live(r, feed, *source, of)
		if err != nil || !send(made) {
			return
		}
		if s.ended.Err() != nil {
			send(event("ended", []byte(s.lastWord())))
			return
		}
		_ = host.Sleep(waiting, s.patience.live) // an error is the end of the run or of the request
		if r.Context().Err() != nil {
			return
		}
	}
}

// live returns the event of now. Few are made at once, as few requests are answered.
func (s site) live(r *http.Request, f *feed, source Source, of int) ([]byte, error) {
	done, err := s.place(r)
	if err != nil {
		return nil, err
	}
	defer done()
	return f.next(s.patience.live, func(b *bytes.Buffer) error {
		if of == overviewFeed {
			o := s.overview(source)
			return page.WriteLive(b, &o)
		}
		v, ok := source.View(device.Index(of))
		if !ok {
			return fmt.Errorf("there is no device %d", of)
		}
		d := s.device(source, &v, "")
		return page.WriteLiveDevice(b, &d)
	})
}
