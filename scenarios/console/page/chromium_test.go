package page_test

import (
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strconv"
	"strings"
	"sync"
	"testing"

	"spafleet/bench/extproc"
	"spafleet/scenarios/console/page"
)

// policy is what the console sends with each page.
const policy = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; form-action 'self'; frame-ancestors 'none'; base-uri 'none'"

// A stage plays the console for a browser.
type stage struct {
	*httptest.Server
	mu     sync.Mutex
	pages  map[string]func(io.Writer) error // by path
	posted []string
	heard  []chan string // events, of those that listen
	away   bool          // it answers 503
	out    bool          // it sends all to /login
}

func newStage(t *testing.T) *stage {
	t.Helper()
	s := &stage{pages: map[string]func(io.Writer) error{}}
	for name, write := range every() {
		s.pages["/"+name] = write
	}
	s.Server = httptest.NewServer(s)
	t.Cleanup(s.Server.Close)
	t.Cleanup(s.drop)
	return s
}

func (s *stage) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	w.Header().Set("Content-Security-Policy", policy)
	w.Header().Set("X-Content-Type-Options", "nosniff")
	s.mu.Lock()
	away, out, write := s.away, s.out, s.pages[r.URL.Path]
	s.mu.Unlock()
	switch {
	case away:
		http.Error(w, "away", http.StatusServiceUnavailable)
	case out && r.URL.Path != "/login" && !strings.HasPrefix(r.URL.Path, "/console."):
		http.Redirect(w, r, "/login", http.StatusSeeOther)
	case r.URL.Path == "/console.css":
		w.Header().Set("Content-Type", "text/css")
		_, _ = w.Write(page.Style())
	case r.URL.Path == "/console.svg":
		w.Header().Set("Content-Type", "image/svg+xml")
		_, _ = w.Write(page.Icon())
	case r.URL.Path == "/console.js":
		w.Header().Set("Content-Type", "text/javascript")
		_, _ = w.Write(page.Script())
	case r.URL.Path == "/live":
		s.live(w, r)
	case r.Method == http.MethodPost:
		_ = r.ParseForm()
		s.mu.Lock()
		s.posted = append(s.posted, r.URL.Path+" "+r.PostForm.Encode()+" "+r.Header.Get("Spafleet-Script"))
		s.mu.Unlock()
		http.Redirect(w, r, "/after", http.StatusSeeOther)
	case write != nil:
		w.Header().Set("Content-Type", "text/html; charset=utf-8")
		_ = write(w)
	default:
		http.NotFound(w, r)
	}
}

// live sends events until the stage drops who listens.
func (s *stage) live(w http.ResponseWriter, r *http.Request) {
	w.Header().Set("Content-Type", "text/event-stream")
	fmt.Fprint(w, "retry: 100\n\n")
	_ = http.NewResponseController(w).Flush()
	events := make(chan string, 10)
	s.mu.Lock()
	s.heard = append(s.heard, events)
	s.mu.Unlock()
	for {
		select {
		case e, ok := <-events:
			if !ok {
				return
			}
			fmt.Fprint(w, e)
			_ = http.NewResponseController(w).Flush()
		case <-r.Context().Done():
			return
		}
	}
}

// send sends an event to all who listen.
func (s *stage) send(kind, data string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	e := "event: " + kind + "\ndata: " + strings.ReplaceAll(data, "\n", "\ndata: ") + "\n\n"
	for _, events := range s.heard {
		events <- e
	}
}

// drop ends the connections of all who listen.
func (s *stage) drop() {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, events := range s.heard {
		close(events)
	}
	s.heard = nil
}

// listening waits until somebody listens, which the browser says.
func (s *stage) listening(c *extproc.Chromium) {
	c.Await("performance.getEntriesByType('resource').length >= 0")
	for {
		s.mu.Lock()
		n := len(s.heard)
		s.mu.Unlock()
		if n > 0 {
			return
		}
		c.Await("new Promise(done => setTimeout(() => done(true), 20))")
	}
}

// set says what a page is from now on.
func (s *stage) set(path string, write func(io.Writer) error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.pages[path] = write
}

func prefer(c *extproc.Chromium, scheme string) {
	c.Call("Emulation.setEmulatedMedia", map[string]any{"features": []map[string]string{{"name": "prefers-color-scheme", "value": scheme}}}, nil)
}

func resize(c *extproc.Chromium, width, height int) {
	c.Call("Emulation.setDeviceMetricsOverride", map[string]any{"width": width, "height": height, "deviceScaleFactor": 1, "mobile": false}, nil)
}

// No page is wider than its window, and the browser finds nothing wrong.
func TestChromiumShowsEachPage(t *testing.T) {
	s := newStage(t)
	c := extproc.OpenChromium(t)
	for name := range every() {
		if strings.HasPrefix(name, "live") {
			continue
		}
		for _, width := range []int{400, 1400} {
			resize(c, width, 900)
			c.Visit(s.URL + "/" + name)
			if wide := c.Eval("document.documentElement.scrollWidth"); wide != strconv.Itoa(width) {
				t.Errorf("%s is %s wide in a window of %d", name, wide, width)
			}
		}
		for _, wrong := range c.Wrong() {
			t.Errorf("%s: %s", name, wrong)
		}
	}
}
