package fromlog_test

import (
	"errors"
	"flag"
	"fmt"
	"hash/crc32"
	"maps"
	"runtime"
	"slices"
	"strings"
	"testing"
	"time"

	"spafleet/device/model"
	"spafleet/scenarios"
	"spafleet/scenarios/accesslog"
	"spafleet/scenarios/fromlog"
)

// start is when the logs of the tests begin.
var start = time.Date(2026, 11, 24, 9, 0, 0, 0, time.UTC)

// A log is lines that are written one after the other.
type log struct{ strings.Builder }

// get writes a request.
func (l *log) get(at time.Duration, client, path string, status int, agent string) {
	fmt.Fprintf(l, "%s - - [%s] \"GET %s HTTP/1.1\" %d 100 \"-\" \"%s\"\n", client, start.Add(at).Format("02/Jan/2006:15:04:05 -0700"), path, status, agent)
}

// tftp writes a request by TFTP.
func (l *log) tftp(at time.Duration, client, name string) {
	fmt.Fprintf(l, "%s boot in.tftpd[1]: RRQ from %s filename %s\n", start.Add(at).Format("Jan _2 15:04:05"), client, name)
}

// scenario imports a log. The scenario must be one that can be run.
func (l *log) scenario(t testing.TB, o fromlog.Options) *fromlog.Result {
	t.Helper()
	r, err := l.result(t, o)
	if err != nil {
		t.Fatal(err)
	}
	loads(t, r)
	return r
}

func loads(t testing.TB, r *fromlog.Result) {
	t.Helper()
	text := string(r.Text)
	if r.Arrivals != nil { // as it would stand in the file
		list := strings.ReplaceAll(strings.TrimSpace(string(r.Arrivals)), "\n", "\n      ")
		text = strings.Replace(text, `- {name: replay, arrivals: "a.csv"}`, "- name: replay\n    arrivals: |\n      "+list, 1)
	}
	s, err := scenarios.Load("imported.yaml", []byte(text))
	if err == nil {
		_, err = scenarios.NewPlan(s)
	}
	if err != nil {
		t.Fatalf("%v\n%s", err, r.Text)
	}
}

func (l *log) result(t testing.TB, o fromlog.Options) (*fromlog.Result, error) {
	t.Helper()
	in, err := accesslog.NewReader(strings.NewReader(l.String()), accesslog.Options{Now: start.Add(48 * time.Hour)})
	if err != nil {
		t.Fatal(err)
	}
	s := fromlog.New(o)
	for e := (accesslog.Entry{}); in.Next(&e); {
		if err := s.Add(&e); err != nil {
			return nil, err
		}
	}
	return s.Scenario(fromlog.Naming{Name: "imported", Source: "a test", Arrivals: "a.csv"})
}

const (
	spa942 = "Linksys/SPA-942-6.1.5(a) (88019L4%05d)"
	spa504 = "Cisco/SPA504G-7.5.5 (0002FD%06X)(CCQ1623%04d)"
)

// What belongs to a device becomes a macro; what looks like a secret, or like a person's, is
// not to be seen.
func TestNamesOfFiles(t *testing.T) {
	agents := func(n int) (string, string) { return fmt.Sprintf(spa504, n, n), fmt.Sprintf(spa942, n) }
	for _, tt := range []struct {
		path string // for device %[1]d, MAC address 0002fd%06[1]x
		want string
	}{
		{"/cfg/0002fd%06[1]x.xml", "/cfg/$MA.xml"},
		{"/0002FD%06[1]X/a", "/$MAU/a"},
		{"/spa0002fd%06[1]x.xml", "/spa$MA.xml"},
		{"/SEP0002FD%06[1]X.cnf.xml", "/SEP$MAU.cnf.xml"},
		{"/CCQ1623%04[1]d.cfg", "/$SN.cfg"},
		{"/SPA504G/spa504G.cfg", "/$PN/spa$PSN.cfg"},
		{"/x?v=7.5.5&m=0002fd%06[1]x", "/x?v=$SWVER&m=$MA"},
		{"/a?key=tell&x=y", "/a?key=hidden&x=y"},
		{"/token/abc/a.xml", "/token/hidden/a.xml"},
		{"/k3y9f8s7d6f5a4b3c2d1/a.xml", "/hidden/a.xml"},
		{"/9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a0%[1]d/a.xml", "/hidden-$MA/a.xml"},
		{"/p/1001/a.xml", "/p/1001/a.xml"},
		{"/p/2%03[1]d/a.xml", "/p/hidden-$MA/a.xml"},
		{"/+4930123456/a.xml", "/+hidden/a.xml"},
		{"/a$b|c[d].xml", "/a_b_c_d_.xml"},
		{"/p%40ss:w/a.xml", "/p@ss:w/a.xml"},
	} {
		var l log
		for n := range 12 {
			agent, _ := agents(n + 10)
			path := tt.path
			if strings.Contains(path, "%[1]") || strings.Contains(path, "%0") {
				path = fmt.Sprintf(path, n+10)
			}
			l.get(time.Duration(n)*time.Second, "192.0.2.7", path, 200, agent)
		}
		r := l.scenario(t, fromlog.Options{})
		if got := r.Summary.Groups[0].Files; len(got) != 1 || got[0] != tt.want {
			t.Errorf("%s: %q, want %q", tt.path, got, tt.want)
		}
		if strings.Contains(string(r.Text), "0002fd") || strings.Contains(string(r.Text), "192.0.2.7") {
			t.Errorf("%s: the scenario tells who it was:\n%s", tt.path, r.Text)
		}
	}
}

// Intervals are those that people set, whatever the log's jitter; boots and retries are told
// apart.
func TestHowOftenDevicesAsk(t *testing.T) {
	for _, tt := range []struct {
		name                 string
		asks                 func(l *log, n int)
		every, jitter, retry int
		boots                bool
	}{
		{"hourly, a little late", func(l *log, n int) {
			for k := range 10 {
				l.get(time.Duration(k)*3602*time.Second+time.Duration(n)*time.Minute, "192.0.2.7", "/a.xml", 200, fmt.Sprintf(spa942, n))
			}
		}, 3600, 0, 0, false},
		{"an odd one", func(l *log, n int) {
			for k := range 10 {
				l.get(time.Duration(k)*4000*time.Second, "192.0.2.7", "/a.xml", 200, fmt.Sprintf(spa942, n))
			}
		}, 4000, 0, 0, false},
		{"with jitter", func(l *log, n int) {
			at := time.Duration(0)
			for k := range 10 {
				l.get(at, "192.0.2.7", "/a.xml", 200, fmt.Sprintf(spa942, n))
				at += 3600*time.Second + time.Duration((k*7+n*3)%11)*30*time.Second
			}
		}, 3600, 300, 0, false},
		{"with boots", func(l *log, n int) {
			for k, at := 0, time.Duration(0); k < 10; k, at = k+1, at+time.Hour {
				l.get(at, "192.0.2.7", "/a.xml", 200, fmt.Sprintf(spa942, n))
				if k == 7 {
					at += 10 * time.Minute // and then an hour from there
					l.get(at, "192.0.2.7", "/a.xml", 200, fmt.Sprintf(spa942, n))
					l.get(at, "192.0.2.7", "/ring.dat", 200, fmt.Sprintf(spa942, n))
				}
			}
		}, 3600, 0, 0, true},
		{"with retries", func(l *log, n int) {
			for k, at := 0, time.Duration(0); k < 10; k, at = k+1, at+time.Hour {
				for k == 6 && at < 6*time.Hour+10*time.Minute {
					l.get(at, "192.0.2.7", "/a.xml", 503, fmt.Sprintf(spa942, n))
					at += 5 * time.Minute
				}
				l.get(at, "192.0.2.7", "/a.xml", 200, fmt.Sprintf(spa942, n))
			}
		}, 3600, 0, 300, false},
		{"with a challenge each time", func(l *log, n int) {
			for k := range 10 {
				l.get(time.Duration(k)*time.Hour, "192.0.2.7", "/a.xml", 401, fmt.Sprintf(spa942, n))
				l.get(time.Duration(k)*time.Hour, "192.0.2.7", "/a.xml", 200, fmt.Sprintf(spa942, n))
			}
		}, 3600, 0, 0, false},
		{"three seconds", func(l *log, n int) {
			for k := range 20 {
				l.get(time.Duration(k)*3*time.Second, "192.0.2.7", "/a.xml", 200, fmt.Sprintf(spa942, n))
			}
		}, 3, 0, 0, false},
		{"with time that goes backwards", func(l *log, n int) {
			for k := range 10 {
				l.get(time.Duration(k)*time.Hour, "192.0.2.7", "/a.xml", 200, fmt.Sprintf(spa942, n))
				l.get(time.Duration(k)*time.Hour-20*time.Minute, "192.0.2.7", "/b.xml", 200, "Mozilla/5.0")
			}
		}, 3600, 0, 0, false},
	} {
		var l log
		for n := range 12 {
			tt.asks(&l, n)
		}
		g := l.scenario(t, fromlog.Options{}).Summary.Groups
		if len(g) != 1 || g[0].Devices != 12 || g[0].Interval != tt.every || g[0].Jitter != tt.jitter || g[0].Retry != tt.retry || (g[0].Boots > 0) != tt.boots {
			t.Errorf("%s: %+v", tt.name, g)
		}
	}
}

// A file that is never there, and devices that keep their interval all the same.
func TestAMissingFileBesideOthers(t *testing.T) {
	var l log
	for k := range 8 {
		for n := range 5 {
			at := time.Duration(k)*time.Hour + time.Duration(n)*time.Minute
			l.get(at, "192.0.2.7", "/first.xml", 404, fmt.Sprintf(spa504, n, n))
			l.get(at, "192.0.2.7", "/second.xml", 200, fmt.Sprintf(spa504, n, n))
		}
	}
	r := l.scenario(t, fromlog.Options{})
	g := r.Summary.Groups
	if len(g) != 1 || g[0].Interval != 3600 || g[0].Retry != 0 || !slices.Equal(g[0].Files, []string{"/first.xml", "/second.xml"}) {
		t.Errorf("%+v", g)
	}
	for _, want := range []string{"Resync_Fails_On_FNF: No", "# Not there, as in the log: /first.xml (40 times)."} {
		if !strings.Contains(string(r.Text), want) {
			t.Errorf("%q is not in it:\n%s", want, r.Text)
		}
	}
}

// By TFTP there is no User-Agent. A device that goes on by HTTP is the same one.
func TestDevicesThatAskByTFTP(t *testing.T) {
	var l log
	for n := range 3 {
		client := fmt.Sprintf("192.0.2.%d", n+1)
		l.tftp(0, client, "/spa942.cfg")
		l.tftp(time.Second, client, fmt.Sprintf("/cfg/000e08%06x.xml", n))
		l.tftp(time.Second, fmt.Sprintf("198.51.100.%d", n+1), "/init.cfg")
		l.tftp(time.Second, fmt.Sprintf("203.0.113.%d", n+1), "/pxelinux.0")
		for k := range 4 {
			l.get(time.Duration(k)*time.Hour+time.Minute, client, fmt.Sprintf("/cfg/000e08%06x.xml", n), 200, fmt.Sprintf(spa942, n))
		}
	}
	sum := l.scenario(t, fromlog.Options{}).Summary
	models := map[string]int{}
	for _, g := range sum.Groups {
		for m, n := range g.Models {
			name, _, _ := strings.Cut(m, " ")
			models[name] += n
		}
	}
	if !maps.Equal(models, map[string]int{"SPA942": 3, "PAP2T": 3}) || sum.Requests.Others != 3 {
		t.Errorf("%v, %d requests of others, %+v", models, sum.Requests.Others, sum.Groups)
	}
}

// A log without a device says who asked instead.
func TestALogWithoutADevice(t *testing.T) {
	var l log
	long := "Mozilla/5.0 " + strings.Repeat("x", 200)
	for range 3 {
		l.get(0, "192.0.2.7", "/", 200, "Mozilla/5.0")
		l.get(0, "192.0.2.7", "/", 200, long)
		l.get(0, "192.0.2.7", "/", 200, "Linksys/WRT-600N-1.2.3 (x)")
	}
	_, err := l.result(t, fromlog.Options{})
	var none *fromlog.NoDevice
	if !errors.As(err, &none) || none.Others["Mozilla/5.0"] != 3 || none.Others["Linksys/WRT-600N-1.2.3"] != 3 || none.Others[long[:120]] != 3 || none.Counts.Others != 6 || none.Counts.Unknown != 3 {
		t.Errorf("%v", err)
	}
}

// Names without end, and devices of many habits, leave a scenario that can be read.
func TestManyNamesAndHabits(t *testing.T) {
	var l log
	for n := range 6000 {
		l.get(time.Duration(n)*time.Second, "192.0.2.7", fmt.Sprintf("/x%c%c%c/a.xml", 'a'+n%26, 'a'+n/26%26, 'a'+n/676), 200, fmt.Sprintf(spa942, n%600))
	}
	r := l.scenario(t, fromlog.Options{})
	if len(r.Summary.Groups) > 24 || len(r.Text) > 64<<10 || r.Summary.Devices != 600 {
		t.Errorf("%d groups, %d devices, %d bytes", len(r.Summary.Groups), r.Summary.Devices, len(r.Text))
	}
}

// A log that makes up firmware without end costs no more than a bounded number of models:
// what a model is at a firmware takes some 20 KB.
func TestManyFirmwares(t *testing.T) {
	s := fromlog.New(fromlog.Options{})
	add := func(from, to int) {
		for n := from; n < to; n++ {
			agent := fmt.Sprintf("Linksys/SPA-942-6.%d.%d(q) (88019L4%05d)", n%100, n/100, n)
			if err := s.Add(&accesslog.Entry{At: start.UnixNano(), Client: []byte("192.0.2.7"), Path: []byte("/a.xml"), Status: 200, Agent: []byte(agent)}); err != nil {
				t.Fatal(err)
			}
		}
	}
	add(0, 1100)
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	add(1100, 1600)
	runtime.ReadMemStats(&after)
	if each := (after.TotalAlloc - before.TotalAlloc) / 500; each > 8<<10 {
		t.Errorf("one firmware too many takes %d bytes", each)
	}
	r, err := s.Scenario(fromlog.Naming{Name: "imported"})
	if err != nil {
		t.Fatal(err)
	}
	models := r.Summary.Groups[0].Models
	newest, _ := model.NewRow("SPA942", "", nil)
	if title := "SPA942 " + newest.Firmware.Version; len(models) != 1025 || models[title] != 1600-1024 {
		t.Errorf("%d models, %d devices at the newest firmware", len(models), models[title])
	}
}

// Whatever stands in a log, the scenario that is made of it can be run: to see that takes
// long, so only one in a hundred is loaded, and each one that go test runs.
func FuzzImport(f *testing.F) {
	f.Add("/spa942.cfg", "Linksys/SPA-942-6.1.5(a) (88019L400001)", "192.0.2.7", 200)
	f.Add("/a\\x22\\x0a  evil: 1?key=x&v=${server.name}{{ mac }}", "Cisco/SPA504G-7.5.5 (0002FD000001)(CCQ16230001)", "x", 404)
	f.Add("/$MA/$(PSN)/\\x5c|[--key x]*", "Cisco/SPA504G-7.5.5zz_(.) (0002FD000001)(CCQ16230001)", "::1", 503)
	f.Fuzz(func(t *testing.T, path, agent, client string, status int) {
		if strings.ContainsAny(path+agent+client, "\n\r") {
			return
		}
		var l log
		for k := range 3 {
			l.get(time.Duration(k)*time.Hour, client, path, status, agent)
			l.get(time.Duration(k)*time.Hour, client, path, 200, fmt.Sprintf(spa942, 7))
			l.tftp(time.Duration(k)*time.Hour, client, path)
		}
		for _, o := range []fromlog.Options{{}, {Arrivals: true, HTTPS: true}} {
			if r, err := l.result(t, o); err == nil && (flag.Lookup("test.fuzz").Value.String() == "" || crc32.ChecksumIEEE([]byte(path+agent))%100 == 0) {
				loads(t, r)
			}
		}
	})
}
