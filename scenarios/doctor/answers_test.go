package doctor_test

import (
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"spafleet/prov"
	"spafleet/resync"
	"spafleet/scenarios/doctor"
	"spafleet/scenarios/doctor/finding"
)

// serve answers the doctor's questions by HTTP.
func serve(t *testing.T, answer http.HandlerFunc) string {
	t.Helper()
	s := httptest.NewServer(answer)
	t.Cleanup(s.Close)
	return s.URL
}

// file answers with a text for /profile.xml alone.
func file(text string) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path != "/profile.xml" {
			http.NotFound(w, r)
			return
		}
		w.Header().Set("Content-Type", "text/xml")
		w.Header().Set("Content-Length", strconv.Itoa(len(text))) // means nothing where chunks have begun
		io.WriteString(w, text)
	}
}

func inquire(t *testing.T, q doctor.Question) *finding.Report {
	t.Helper()
	r, err := doctor.Ask(t.Context(), q)
	ok(t, err)
	accounted(t, r)
	return r
}

// one returns the finding of a check of the only device.
func one(t *testing.T, r *finding.Report, check string) finding.Finding {
	t.Helper()
	i := slices.IndexFunc(r.Findings, func(f finding.Finding) bool { return f.Check == check })
	if i < 0 {
		t.Fatalf("no finding of %s: %+v", check, r)
	}
	return r.Findings[i]
}

func flat(elements string) http.HandlerFunc {
	return file("<flat-profile>" + elements + "</flat-profile>")
}

// What is wrong with a profile, or with the way in which it comes, is found by one check
// each.
func TestWhatAProfileCanHave(t *testing.T) {
	var clock atomic.Int64
	for name, tt := range map[string]struct {
		device string
		answer http.HandlerFunc
		finds  string // "check severity", or several, with commas between
		says   string // part of the detail, evidence or basis
	}{
		"nothing":      {"SPA942 6.1.5(a)", flat("<GPP_A>x</GPP_A>"), "", ""},
		"unknown":      {"SPA2102 5.2.12", flat("<Text_Logo>x</Text_Logo>"), "profile-parameters warns", "Text_Logo"},
		"value":        {"SPA2102 5.2.12", flat("<Resync_Periodic>often</Resync_Periodic>"), "profile-parameters warns", "Resync_Periodic"},
		"bad rule":     {"SPA942 6.1.5(a)", flat("<Profile_Rule>( $SWVER</Profile_Rule>"), "profile-parameters breaks", "Profile_Rule"},
		"malformed":    {"SPA942 6.1.5(a)", file("<flat-profile><GPP_A>x</GPP_B></flat-profile>"), "profile-xml breaks", "profile"},
		"in part":      {"SPA504G 7.5.4", flat("<GPP_A>x</GPP_A><a/b>y</a/b>"), "profile-xml warns", "only a part"},
		"empty":        {"SPA942 6.1.5(a)", file(""), "profile-xml breaks", "profile"},
		"password":     {"SPA942 6.1.5(a)", flat("<Admin_Passwd>secret</Admin_Passwd>"), "profile-secrets warns", "HTTP"},
		"every minute": {"SPA942 6.1.5(a)", flat("<Resync_Periodic>60</Resync_Periodic>"), "profile-periods warns", "500 devices come to 8.33 requests a second"},
		"retry":        {"SPA942 6.1.5(a)", flat("<Resync_Error_Retry_Delay>600,5</Resync_Error_Retry_Delay>"), "profile-periods warns", "Resync_Error_Retry_Delay 5"},
		"never":        {"SPA942 6.1.5(a)", flat("<Resync_Periodic>0</Resync_Periodic>"), "", ""},
		"off":          {"SPA942 6.1.5(a)", flat("<Resync_Periodic>1</Resync_Periodic><Provision_Enable>No</Provision_Enable>"), "", ""},
		"new each time": {"SPA942 6.1.5(a)", func(w http.ResponseWriter, r *http.Request) {
			flat(fmt.Sprintf("<Proxy_1_>%d.example</Proxy_1_>", clock.Add(1)))(w, r)
		}, "profile-reboots breaks", "another file"},
		"harmless news": {"SPA942 6.1.5(a)", func(w http.ResponseWriter, r *http.Request) {
			flat(fmt.Sprintf("<GPP_A>%d</GPP_A>", clock.Add(1)))(w, r)
		}, "", ""},
		"no way back":  {"SPA942 6.1.5(a)", flat("<Restricted_Access_Domains>example.com</Restricted_Access_Domains>"), "profile-parameters breaks", "leaves out this server"},
		"https image":  {"SPA2102 5.2.12", flat("<Upgrade_Rule>https://h.example/a.bin</Upgrade_Rule>"), "upgrade breaks", "takes no images by https"},
		"no condition": {"SPA504G 7.5.4", flat("<Upgrade_Rule>( $SWVER lt 7.0 )? http://h.example/a.bin</Upgrade_Rule>"), "", ""},
		"chunks": {"SPA942 6.1.5(a)", func(w http.ResponseWriter, r *http.Request) {
			if r.URL.Path == "/profile.xml" {
				w.(http.Flusher).Flush()
			}
			flat("")(w, r)
		}, "chunked note", "chunks"},
		"chunks of late": {"SPA504G 7.5.4", func(w http.ResponseWriter, r *http.Request) {
			if r.URL.Path == "/profile.xml" {
				w.(http.Flusher).Flush()
			}
			flat("")(w, r)
		}, "", ""},
		"text/html": {"SPA942 6.1.5(a)", func(w http.ResponseWriter, r *http.Request) {
			if r.URL.Path != "/profile.xml" {
				http.NotFound(w, r)
				return
			}
			w.Header().Set("Content-Type", "text/html; charset=utf-8")
			io.WriteString(w, profileText)
		}, "content-type note", "text/html"},
		"brotli": {"SPA942 6.1.5(a)", func(w http.ResponseWriter, r *http.Request) {
			w.Header().Set("Content-Encoding", "br")
			file("\x0b\x02\x80\x03")(w, r)
		}, "encoding breaks", "Content-Encoding: br"},
		"403 for missing": {"SPA942 6.1.5(a)", func(w http.ResponseWriter, r *http.Request) {
			if r.URL.Path != "/profile.xml" {
				w.WriteHeader(http.StatusForbidden)
				return
			}
			flat("")(w, r)
		}, "missing-file warns", "403"},
		"the same for all": {"SPA942 6.1.5(a)", func(w http.ResponseWriter, r *http.Request) { io.WriteString(w, profileText) }, "missing-file breaks", "takes for its profile"},
		"forbidden":        {"SPA942 6.1.5(a)", func(w http.ResponseWriter, r *http.Request) { w.WriteHeader(http.StatusForbidden) }, "file-found breaks,missing-file warns", "403"},
		"circle": {"SPA504G 7.5.4", func(w http.ResponseWriter, r *http.Request) {
			http.Redirect(w, r, "http://"+r.Host+r.URL.Path, http.StatusFound)
		}, "redirect breaks", "places"},
		"to a stranger": {"SPA504G 7.5.4", func(w http.ResponseWriter, r *http.Request) {
			http.Redirect(w, r, "http://192.0.2.1/profile.xml", http.StatusFound)
		}, "redirect note", "may not contact"},
		"control characters": {"SPA942 6.1.5(a)", flat("<\x1b[31m>x</\x1b[31m>"), "profile-xml breaks", ""},
		"too large":          {"SPA942 6.1.5(a)", file("<flat-profile>" + strings.Repeat(" ", 3<<20)), "profile-xml breaks", "larger"},
	} {
		t.Run(name, func(t *testing.T) {
			r := inquire(t, doctor.Question{URL: serve(t, tt.answer) + "/profile.xml", Devices: devices(t, tt.device), Fleet: 500})
			var got []string
			said := ""
			for _, f := range r.Findings {
				if !f.OK {
					got = append(got, f.Check+" "+f.Severity.String())
					said += fmt.Sprintf("%+v", f)
				}
			}
			if strings.Contains(said, "\x1b") {
				t.Errorf("an escape for a terminal: %q", said)
			}
			if strings.Join(got, ",") != tt.finds || !strings.Contains(said, tt.says) {
				t.Errorf("found %q, want %q with %q:\n%s", got, tt.finds, tt.says, said)
			}
		})
	}
}

// A server that breaks off in between changes nothing of what it answered before.
func TestAServerThatChangesMeanwhile(t *testing.T) {
	var asked atomic.Int32
	r := inquire(t, doctor.Question{Devices: devices(t, "SPA942 6.1.5(a)"), URL: serve(t, func(w http.ResponseWriter, r *http.Request) {
		if asked.Add(1) > 1 {
			panic(http.ErrAbortHandler)
		}
		flat("<Resync_Periodic>60</Resync_Periodic>")(w, r)
	}) + "/profile.xml"})
	if got := bad(r); !slices.Equal(got, []string{"missing-file SPA942 6.1.5(a)", "profile-periods SPA942 6.1.5(a)"}) || !one(t, r, "file-found").OK {
		t.Errorf("found %q", got)
	}
	if i := slices.IndexFunc(r.Unasked, func(u finding.Unasked) bool { return u.Check == "profile-reboots" }); i < 0 || !strings.Contains(r.Unasked[i].Why, "the second time the device fails") {
		t.Errorf("%+v", r.Unasked)
	}
}

// A question of a host alone is asked as by option 66: by TFTP, for the name that each
// model has in its factory Profile_Rule.
func TestAHostAloneIsAskedByTFTP(t *testing.T) {
	list := devices(t, six...)
	core, err := prov.NewCore(map[string]prov.Entry{"/spa2102.cfg": {Body: profileText}}, prov.Options{})
	ok(t, err)
	server := &prov.Server{Core: core, TFTPAddr: "127.0.0.1:0"}
	ok(t, server.Open())
	defer server.Close()
	r := inquire(t, doctor.Question{URL: server.TFTP().String(), Devices: list, Seed: 1})
	var got []string
	for _, d := range r.Devices {
		got = append(got, d.Model+" "+strings.Replace(d.URL, server.TFTP().String(), "HOST", 1))
	}
	want := []string{"SPA2102 tftp://HOST/spa2102.cfg", "PAP2T tftp://HOST/init.cfg", "SPA942 tftp://HOST/spa942.cfg", "SPA504G tftp://HOST/spa504G.cfg", "SPA525G2 tftp://HOST/spa525G2.cfg", "SPA112 tftp://HOST/spa112.cfg"}
	if !slices.Equal(got, want) {
		t.Errorf("asked for %q, want %q", got, want)
	}
	if got := bad(r); len(got) != 5 || slices.Contains(got, "file-found SPA2102 5.2.12") {
		t.Errorf("found %q", got)
	}
}

// A server that hangs, floods or drips does not hold the doctor, and what it answered
// before stands.
func TestAHostileServer(t *testing.T) {
	flood := func(w http.ResponseWriter, _ *http.Request) {
		for {
			if _, err := w.Write(make([]byte, 64<<10)); err != nil {
				return
			}
		}
	}
	for name, tt := range map[string]struct {
		answer http.HandlerFunc
		finds  string
	}{
		"hangs":  {func(_ http.ResponseWriter, r *http.Request) { <-r.Context().Done() }, "reachable"},
		"floods": {flood, "profile-xml"},
		"drips": {func(w http.ResponseWriter, r *http.Request) {
			for r.Context().Err() == nil {
				io.WriteString(w, " ")
				w.(http.Flusher).Flush()
				select {
				case <-r.Context().Done():
				case <-time.After(20 * time.Millisecond):
				}
			}
		}, "reachable"},
		"hangs up": {func(w http.ResponseWriter, r *http.Request) { panic(http.ErrAbortHandler) }, "reachable"},
	} {
		t.Run(name, func(t *testing.T) {
			r := inquire(t, doctor.Question{URL: serve(t, tt.answer) + "/profile.xml", Devices: devices(t, "SPA942 6.1.5(a)"), Patience: 100 * time.Millisecond})
			if f := one(t, r, tt.finds); f.OK || f.Severity != finding.Breaks {
				t.Errorf("%+v", r)
			}
			if took := time.Duration(r.Took); took > 5*time.Second {
				t.Errorf("it took %v", took)
			}
		})
	}
}

// A server that says nothing in a handshake is waited for once for each hello.
func TestASilentPort(t *testing.T) {
	l, err := net.Listen("tcp4", "127.0.0.1:0")
	ok(t, err)
	defer l.Close()
	q := doctor.Question{URL: "https://" + l.Addr().String() + "/x", Devices: devices(t, six...), Certs: nginx(t).certs, Patience: 100 * time.Millisecond}
	r := inquire(t, q)
	if got := bad(r); len(got) != len(six) || !strings.HasPrefix(got[0], "reachable") || !strings.HasPrefix(got[5], "reachable") {
		t.Errorf("found %q", got)
	}
}

// When the time is up, or the user goes, what was found stands and the rest is listed.
func TestTheTimeIsUp(t *testing.T) {
	var asked sync.WaitGroup
	asked.Add(1)
	begun := sync.OnceFunc(asked.Done)
	url := serve(t, func(w http.ResponseWriter, r *http.Request) {
		if strings.Contains(r.UserAgent(), "942") {
			begun()
			<-r.Context().Done()
			return
		}
		flat("")(w, r)
	}) + "/profile.xml"
	list := devices(t, "SPA2102 5.2.12", "SPA942 6.1.5(a)")
	told := make(chan int, 2)
	r := inquire(t, doctor.Question{URL: url, Devices: list, Patience: time.Minute, Limit: 300 * time.Millisecond, Told: func(done, all int) {
		told <- 10*done + all
	}})
	if r.Incomplete != "the time of 300ms was up" || !one(t, r, "file-found").OK || <-told != 12 || <-told != 22 {
		t.Errorf("%+v", r)
	}
	for _, u := range r.Unasked {
		if u.Check == "reachable" && (u.Model != "SPA942" || u.Why == "") {
			t.Errorf("%+v", u)
		}
	}
	ctx, stop := context.WithCancel(t.Context())
	go func() { asked.Wait(); stop() }()
	r, err := doctor.Ask(ctx, doctor.Question{URL: url, Devices: list, Patience: time.Minute})
	if err != nil || r.Incomplete != "interrupted" {
		t.Errorf("%+v, %v", r, err)
	}
}

func TestWhatIsNoQuestion(t *testing.T) {
	for url, want := range map[string]string{"ftp://h/x": "ftp", "": "names no server", "/spa.cfg": "names no server", "http://h:x/": "port"} {
		if _, err := doctor.Ask(t.Context(), doctor.Question{URL: url, Devices: devices(t, six[0])}); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%q: %v, want %q", url, err, want)
		}
	}
	if _, err := doctor.Ask(t.Context(), doctor.Question{URL: "http://127.0.0.1/"}); err == nil {
		t.Error("no devices")
	}
	if _, err := doctor.Ask(t.Context(), doctor.Question{URL: "http://127.0.0.1/", Devices: make([]doctor.Device, 3000)}); err == nil {
		t.Error("too many devices")
	}
}

// A server that may not be contacted is not, and the report says so.
func TestAPublicServerIsNotContacted(t *testing.T) {
	r := inquire(t, doctor.Question{URL: "http://192.0.2.1/x", Devices: devices(t, six...)})
	if len(r.Findings) != 0 || len(r.Unasked) != len(finding.Checks) || !strings.Contains(r.Unasked[0].Why, "public") {
		t.Errorf("%+v", r)
	}
}

// The doctor asks little: by HTTP three requests for each device.
func TestItAsksLittle(t *testing.T) {
	var gets, others atomic.Int32
	url := serve(t, func(w http.ResponseWriter, r *http.Request) {
		if gets.Add(1); r.Method != http.MethodGet {
			others.Add(1)
		}
		flat("")(w, r)
	})
	inquire(t, doctor.Question{URL: url + "/profile.xml", Devices: devices(t, six...)})
	if gets.Load() != 18 || others.Load() != 0 {
		t.Errorf("%d requests, %d of them no GET; want 18", gets.Load(), others.Load())
	}
}

// The image that a profile names is fetched once, and each device says whether it would
// take it.
func TestTheImageOfAnUpgrade(t *testing.T) {
	list := devices(t, "SPA504G 7.5.4", "SPA504G 7.5.5", "SPA942 6.1.5(a)")
	made, err := resync.MakeImage(list[0].Row.Model, "7.6.2", 100<<10)
	ok(t, err)
	var images atomic.Int32
	for name, tt := range map[string]struct {
		image []byte
		finds []string
		says  string
	}{
		"there":   {made, []string{"upgrade SPA942 6.1.5(a)"}, "the image begins"},
		"missing": {nil, []string{"upgrade SPA504G 7.5.4", "upgrade SPA504G 7.5.5", "upgrade SPA942 6.1.5(a)"}, "file not found"},
		"a page":  {[]byte("<html>"), []string{"upgrade SPA504G 7.5.4", "upgrade SPA504G 7.5.5", "upgrade SPA942 6.1.5(a)"}, "not a valid firmware image"},
	} {
		t.Run(name, func(t *testing.T) {
			images.Store(0)
			url := serve(t, func(w http.ResponseWriter, r *http.Request) {
				switch {
				case r.URL.Path != "/a.bin":
					flat("<Upgrade_Rule>http://"+r.Host+"/a.bin</Upgrade_Rule>")(w, r)
				case tt.image == nil:
					images.Add(1)
					http.NotFound(w, r)
				default:
					images.Add(1)
					w.Write(tt.image)
				}
			})
			r := inquire(t, doctor.Question{URL: url + "/profile.xml", Devices: list})
			if got := bad(r); !slices.Equal(got, tt.finds) || images.Load() != 1 {
				t.Errorf("found %q, want %q; %d requests for the image", got, tt.finds, images.Load())
			}
			i := slices.IndexFunc(r.Findings, func(f finding.Finding) bool { return !f.OK && f.Check == "upgrade" })
			if i < 0 || !strings.Contains(fmt.Sprintf("%+v", r.Findings[i]), tt.says) {
				t.Errorf("%+v", r.Findings)
			}
		})
	}
}
