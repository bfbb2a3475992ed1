package prov_test

import (
	"fmt"
	"net/netip"
	"strings"
	"testing"

	"go.uber.org/goleak"

	"spafleet/device"
	"spafleet/device/devicetest"
	"spafleet/prov"
	"spafleet/resync"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

const (
	mac   = "000e08012345"
	other = "000e08abcdef"
)

func newCore(t *testing.T, files map[string]prov.Entry, o prov.Options) *prov.Core {
	t.Helper()
	c, err := prov.NewCore(files, o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.Close() })
	return c
}

// get asks over HTTP, from a device nobody knows.
func get(c *prov.Core, path string) resync.Response {
	return c.Respond(1, &resync.Request{Method: "GET", Scheme: "http", Path: path})
}

// tell is an expression language of a few words.
func tell(text string, a prov.Asker, r prov.Rotation) (string, error) {
	if strings.Contains(text, "{{ fail }}") {
		return "", fmt.Errorf("cannot say fail")
	}
	return strings.NewReplacer(
		"{{ mac }}", a.MAC, "{{ serial }}", a.Serial, "{{ pn }}", a.PN, "{{ psn }}", a.PSN,
		"{{ pin }}", "pin-of-"+a.MAC,
		"{{ key }}", r.Asked.Key, "{{ dir }}", r.Asked.Dir,
		"{{ next_key }}", r.Next.Key, "{{ next_dir }}", r.Next.Dir,
	).Replace(text), nil
}

func unit(t *testing.T, name string) *device.Unit {
	t.Helper()
	u := devicetest.Unit(devicetest.Row(t, name, ""), 0)
	return &u
}

func TestTheMoreLiteralPathAnswers(t *testing.T) {
	paths := []string{
		"/$MA.xml", "/000e08012345.xml", "/$MAU.xml", "/$MAC.xml",
		"/spa$PSN.cfg", "/spa$MA.cfg", "/spa$(SN)x.cfg", "/spa942.cfg",
		"/$PN/$MA.xml", "/SPA-942/$MA.xml", "/$MA/$MA.cfg",
		"/provision", "/provision?mac=$MA", "/provision?mac=000e08012345", "/provision?x=1",
		"/price$$.txt", "/cost$.txt", "/a.b",
	}
	files := map[string]prov.Entry{}
	for _, p := range paths {
		files[p] = prov.Entry{Body: p}
	}
	c := newCore(t, files, prov.Options{})
	tests := []struct{ ask, want string }{
		{"/000e08012345.xml", "/000e08012345.xml"},
		{"/000e08abcdef.xml", "/$MA.xml"},
		{"/000E08ABCDEF.xml", "/$MAU.xml"},
		{"/00:0e:08:ab:cd:ef.xml", "/$MAC.xml"},
		{"/00%3A0e%3a08:ab:cd:ef.xml", "/$MAC.xml"},
		{"/000e08ABCDEF.xml", ""}, // case counts
		{"/000e08abcde.xml", ""},
		{"/000e08abcdef.XML", ""},
		{"/000e08abcdef.xml/", ""},
		{"/a/000e08abcdef.xml", "/$PN/$MA.xml"},
		{"/SPA-942/000e08abcdef.xml", "/SPA-942/$MA.xml"},
		{"/spa942.cfg", "/spa942.cfg"},
		{"/SPA942.cfg", ""},
		{"/spa941.cfg", "/spa$PSN.cfg"},
		{"/spa000e08abcdef.cfg", "/spa$MA.cfg"}, // as literal as $PSN, but more telling
		{"/spaFM600F123456x.cfg", "/spa$(SN)x.cfg"},
		{"/spa.cfg", ""},
		{"/000e08abcdef/000e08abcdef.cfg", "/$MA/$MA.cfg"},
		{"/000e08abcdef/000e08012345.cfg", ""}, // contradicts itself
		{"/provision", "/provision"},
		{"/provision?", "/provision"},
		{"/provision?y=2", "/provision"},
		{"/provision?x=1", "/provision?x=1"},
		{"/provision?mac=000e08abcdef", "/provision?mac=$MA"},
		{"/provision?mac=000e08012345", "/provision?mac=000e08012345"},
		{"/provision?mac=000e08abcdef&x=1", "/provision"},
		{"/provision%3Fx=1", ""},
		{"/000e08abcdef.xml?any=thing", "/$MA.xml"},
		{"/price$.txt", "/price$$.txt"},
		{"/cost$.txt", "/cost$.txt"},
		{"/axb", ""},
		{"/", ""},
		{"", ""},
	}
	for _, tt := range tests {
		r := get(c, tt.ask)
		switch {
		case tt.want == "" && r.Status != 404:
			t.Errorf("%s: answered by %s, want not found", tt.ask, r.Body)
		case tt.want != "" && (r.Status != 200 || string(r.Body) != tt.want):
			t.Errorf("%s: answered by %q, want %s", tt.ask, r.Body, tt.want)
		}
	}
}

func TestTFTPPathsAreTakenAsTheyStand(t *testing.T) {
	c := newCore(t, map[string]prov.Entry{"/a%41.cfg": {Body: "raw"}, "/aA.cfg": {Body: "plain"}}, prov.Options{})
	for path, want := range map[string]string{"/a%41.cfg": "raw", "a%41.cfg": "raw", "aA.cfg": "plain"} {
		r := c.Respond(1, &resync.Request{Method: "GET", Scheme: "tftp", Path: path})
		if string(r.Body) != want {
			t.Errorf("%s: got %q, want %q", path, r.Body, want)
		}
	}
}

func TestMistakesInFilesAreNamed(t *testing.T) {
	tests := []struct {
		path  string
		entry prov.Entry
		want  string
	}{
		{"spa.cfg", prov.Entry{}, "a path begins with /"},
		{"/$MAphone.xml", prov.Entry{}, "did you mean $(MA)phone?"},
		{"/$SWVER.xml", prov.Entry{}, "$SWVER is no macro that a path may hold; they are $MA, $MAU"},
		{"/$(MA.xml", prov.Entry{}, "$( without )"},
		{"/{{ dir .xml", prov.Entry{}, "{{ without }}"},
		{"/{{ pin }}", prov.Entry{}, "no Expand hook"},
		{"/a", prov.Entry{Body: "{{ mac }}"}, "no Expand hook"},
		{"/a", prov.Entry{Body: "x", Status: 404}, "exactly one of"},
		{"/a", prov.Entry{Status: 99}, "99 is not a status"},
		{"/a", prov.Entry{Status: 404, Location: "/b"}, "a location needs a status of 300 to 399"},
		{"/a", prov.Entry{Status: 404, Gzip: true}, "status 404 has no text to encode"},
		{"/a", prov.Entry{Size: -1}, "bad size -1"},
		{"/$MA", prov.Entry{Bound: true, Size: 9}, "leave out bound or size"},
		{"/$MA", prov.Entry{Bound: true, UCS2: true}, "leave out bound or ucs2"},
		{"/a", prov.Entry{Bound: true}, "bound needs $MA"},
		{"/$MA", prov.Entry{Bound: true, Body: "no profile"}, "serve /$MA: "},
		{"/$MA", prov.Entry{Bound: true, Body: "<flat-profile><A><![CDATA[1]]></A></flat-profile>"}, "only a part of it, without <A> in line 1"},
		{"/a", prov.Entry{File: "a"}, "there is no folder for files"},
	}
	for _, tt := range tests {
		_, err := prov.NewCore(map[string]prov.Entry{tt.path: tt.entry}, prov.Options{})
		if err == nil || !strings.Contains(err.Error(), tt.want) {
			t.Errorf("%s: error %v, want one that says %q", tt.path, err, tt.want)
		}
	}
}

func TestStatusEntries(t *testing.T) {
	c := newCore(t, map[string]prov.Entry{
		"/moved": {Status: 302, Location: "/{{ mac }}.xml"}, "/busy": {Status: 503}, "/empty": {},
	}, prov.Options{Expand: tell, Find: nil})
	if r := get(c, "/moved"); r.Status != 302 || r.Location != "/.xml" {
		t.Errorf("moved: got %d %q", r.Status, r.Location)
	}
	if r := get(c, "/busy"); r.Status != 503 || len(r.Body) != 0 {
		t.Errorf("busy: got %d with %d bytes", r.Status, len(r.Body))
	}
	if r := get(c, "/empty"); r.Status != 200 || len(r.Body) != 0 {
		t.Errorf("empty: got %d with %d bytes", r.Status, len(r.Body))
	}
	if r := c.Respond(1, &resync.Request{Method: "DELETE", Scheme: "http", Path: "/empty"}); r.Status != 405 {
		t.Errorf("DELETE: got %d, want 405", r.Status)
	}
	if r := c.Respond(1, &resync.Request{Method: "PUT", Scheme: "http", Path: "/busy"}); r.Status != 503 {
		t.Errorf("PUT: got %d, want the path's own status", r.Status)
	}
}

func TestAnAnswerBelongsToTheAsker(t *testing.T) {
	c := newCore(t, map[string]prov.Entry{"/a": {Body: "text"}}, prov.Options{})
	get(c, "/a").Body[0] = 'X'
	if got := string(get(c, "/a").Body); got != "text" {
		t.Errorf("the next asker got %q", got)
	}
}

func TestATextThatCannotBeExpandedIsAServerError(t *testing.T) {
	var line prov.Line
	c := newCore(t, map[string]prov.Entry{"/a": {Body: "{{ fail }}"}, "/k": {Key: "{{ mac }}"}}, prov.Options{
		Expand: tell, Log: func(l prov.Line) { line = l },
	})
	if r := get(c, "/a"); r.Status != 500 || len(r.Body) != 0 {
		t.Errorf("got %d %q, want 500 without a body", r.Status, r.Body)
	}
	if line.Err == nil || line.Err.Error() != "expand /a: cannot say fail" {
		t.Errorf("the log says %v", line.Err)
	}
	if r := get(c, "/k"); r.Status != 500 || !strings.Contains(line.Err.Error(), "key {{ mac }} is empty") {
		t.Errorf("empty key: got %d, the log says %v", r.Status, line.Err)
	}
}

func TestFilesCanBeReplaced(t *testing.T) {
	c := newCore(t, map[string]prov.Entry{"/a": {Body: "old"}}, prov.Options{})
	if err := c.SetFiles(map[string]prov.Entry{"b": {}}); err == nil {
		t.Error("a bad path was accepted")
	}
	if got := string(get(c, "/a").Body); got != "old" {
		t.Errorf("after a mistake: got %q", got)
	}
	if err := c.SetFiles(map[string]prov.Entry{"/b": {Body: "new"}}); err != nil {
		t.Fatal(err)
	}
	if a, b := get(c, "/a"), get(c, "/b"); a.Status != 404 || string(b.Body) != "new" {
		t.Errorf("got %d for the old file, %q for the new one", a.Status, b.Body)
	}
}

func TestWhoAsks(t *testing.T) {
	u := unit(t, "SPA942")
	late := unit(t, "SPA504G") // its User-Agent has the MAC address
	own := u.MAC.String()
	hooks := prov.Options{
		Expand: tell,
		Who: func(a netip.Addr) (*device.Unit, bool) {
			return u, a == u.IP
		},
		Find: func(mac string) (*device.Unit, bool) {
			return late, mac == late.MAC.String()
		},
	}
	const body = "{{ mac }} {{ serial }} {{ pn }} {{ psn }}"
	c := newCore(t, map[string]prov.Entry{
		"/$MA.xml": {Body: body}, "/any": {Body: body}, "/$SN.sn": {Body: body}, "/spa$PSN.cfg": {Body: body},
	}, hooks)
	all := own + " " + u.Serial + " SPA-942 942"
	tests := []struct {
		name, path string
		from       netip.Addr
		unit       *device.Unit
		want       string
	}{
		{"by the path alone", "/" + mac + ".xml", netip.Addr{}, nil, mac + "   "},
		{"by the address", "/any", u.IP, nil, all},
		{"by both", "/" + own + ".xml", u.IP, nil, all},
		{"the path is right where they differ", "/" + mac + ".xml", u.IP, nil, mac + "   "},
		{"so it is with serial numbers", "/FM600F999999.sn", u.IP, nil, " FM600F999999  "},
		{"a product in the path stays", "/spa941.cfg", u.IP, nil, own + " " + u.Serial + " SPA-942 941"},
		{"by the agent's MAC address", "/any", netip.Addr{}, late, late.MAC.String() + " " + late.Serial + " SPA504G 504G"},
		{"by the agent's serial number", "/any", netip.Addr{}, u, " " + u.Serial + " SPA-942 "},
		{"by the path, then by name", "/" + late.MAC.String() + ".xml", netip.Addr{}, nil, late.MAC.String() + " " + late.Serial + " SPA504G 504G"},
		{"by nothing", "/any", netip.Addr{}, nil, "   "},
	}
	for _, tt := range tests {
		r := c.Respond(1, &resync.Request{Method: "GET", Scheme: "http", Path: tt.path, Source: tt.from, Unit: tt.unit})
		if string(r.Body) != tt.want {
			t.Errorf("%s: got %q, want %q", tt.name, r.Body, tt.want)
		}
	}
}

func TestTFTPDoesNotTellWhoAsks(t *testing.T) {
	c := newCore(t, map[string]prov.Entry{"/any": {Body: "[{{ serial }}]"}}, prov.Options{Expand: tell})
	r := c.Respond(1, &resync.Request{Method: "GET", Scheme: "tftp", Path: "/any", Unit: unit(t, "SPA942")})
	if string(r.Body) != "[]" {
		t.Errorf("got %q; TFTP has no User-Agent", r.Body)
	}
}

func TestUploadsAreKeptWithinBoundsAndCounted(t *testing.T) {
	c := newCore(t, map[string]prov.Entry{"/$MA.rep": {}}, prov.Options{MaxUploads: 3000})
	for i := range 10 {
		body := strings.Repeat(string(rune('0'+i)), 1000)
		r := c.Respond(int64(i), &resync.Request{Method: "PUT", Scheme: "tftp", Path: "/" + mac + ".rep", Body: []byte(body)})
		if r.Status != 200 {
			t.Fatalf("got %d", r.Status)
		}
	}
	kept, count := c.Uploads()
	if count != 10 || len(kept) != 2 {
		t.Fatalf("kept %d of %d, want 2 of 10", len(kept), count)
	}
	last := kept[1]
	if last.At != 9 || last.Asker.MAC != mac || last.Method != "PUT" || string(last.Body) != strings.Repeat("9", 1000) {
		t.Errorf("the last one is %+v", last)
	}
	c.Respond(10, &resync.Request{Method: "POST", Scheme: "http", Path: "/nowhere", Body: make([]byte, 4000)})
	if kept, count = c.Uploads(); count != 11 || len(kept) != 0 {
		t.Errorf("after one that is too large to keep: %d of %d", len(kept), count)
	}
}

func TestEveryRequestIsLogged(t *testing.T) {
	var lines []prov.Line
	c := newCore(t, map[string]prov.Entry{"/$MA.xml": {Body: "text"}}, prov.Options{
		Log: func(l prov.Line) { lines = append(lines, l) },
	})
	from := netip.MustParseAddr("127.64.0.9")
	u := unit(t, "SPA942")
	for _, r := range []resync.Request{
		{Method: "GET", Scheme: "http", Path: "/" + mac + ".xml", Source: from, Unit: u},
		{Method: "GET", Scheme: "tftp", Path: "/none"},
		{Method: "POST", Scheme: "http", Path: "/report?x=1", Body: []byte("12345")},
	} {
		c.Respond(7, &r)
	}
	want := []prov.Line{
		{At: 7, Scheme: "http", Method: "GET", Path: "/" + mac + ".xml", Source: from, UserAgent: u.UserAgent(), MAC: mac, Status: 200, Bytes: 4},
		{At: 7, Scheme: "tftp", Method: "GET", Path: "/none", Status: 404},
		{At: 7, Scheme: "http", Method: "POST", Path: "/report?x=1", Status: 200, Bytes: 5},
	}
	if fmt.Sprint(lines) != fmt.Sprint(want) {
		t.Errorf("got  %v\nwant %v", lines, want)
	}
}
