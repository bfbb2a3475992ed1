package prov_test

import (
	"net/netip"
	"os"
	"path/filepath"
	"testing"

	"spafleet/prov"
	"spafleet/resync"
)

func newDir(t *testing.T, files map[string]string, o prov.DirOptions) (*prov.Core, string) {
	t.Helper()
	root := filepath.Join(t.TempDir(), "root")
	write(t, filepath.Join(root, "..", "outside.txt"), "outside")
	for name, content := range files {
		write(t, filepath.Join(root, name), content)
	}
	c, err := prov.Dir(root, o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.Close() })
	return c, root
}

func TestADirectoryIsServedByPath(t *testing.T) {
	c, _ := newDir(t, map[string]string{
		"common.xml": "common", "a/b/c.cfg": "deep", "$MA.xml": "device", mac + ".xml": "own",
		"$PN/$(MA)x.cfg": "both", "odd$FOO.txt": "odd", "q?mac=$MA": "asked", "q": "plain", "{{x}}.txt": "braces",
	}, prov.DirOptions{})
	for path, want := range map[string]string{
		"/common.xml": "common", "/a/b/c.cfg": "deep", "/a%2Fb/c.cfg": "deep", "/common.xml?x=1": "common",
		"/" + mac + ".xml": "own", "/" + other + ".xml": "device", "/SPA-942/" + other + "x.cfg": "both",
		"/odd$FOO.txt": "odd", "/q?mac=" + mac: "asked", "/q?mac=1": "plain", "/{{x}}.txt": "braces",
		"/": "", "/a": "", "/a/b/": "", "/Common.xml": "", "/$MA.xml": "", "/none": "", "//common.xml": "",
	} {
		if r := get(c, path); string(r.Body) != want || (r.Status == 200) != (want != "") {
			t.Errorf("%s: got %d %q, want %q", path, r.Status, r.Body, want)
		}
	}
}

func TestNothingOutsideOfTheDirectoryIsServed(t *testing.T) {
	c, root := newDir(t, map[string]string{"in.txt": "inside"}, prov.DirOptions{})
	outside := filepath.Join(root, "..", "outside.txt")
	links := map[string]string{"absolute": outside, "relative": "../outside.txt", "up": "..", "fine": "in.txt", "$MA.link": outside}
	for name, to := range links {
		if err := os.Symlink(to, filepath.Join(root, name)); err != nil {
			t.Fatal(err)
		}
	}
	makePipe(t, filepath.Join(root, "pipe"))
	for _, path := range []string{
		"/../outside.txt", "/%2e%2e/outside.txt", "/..%2foutside.txt", "/%2e%2e%2foutside.txt", "../outside.txt",
		"/./../outside.txt", "/in.txt/../../outside.txt", "/../../../../../../etc/passwd", "//etc/passwd", "/" + outside,
		"/absolute", "/relative", "/up/outside.txt", "/" + mac + ".link", "/pipe", "/in.txt%00", "/..\\outside.txt",
	} {
		for _, scheme := range []string{"http", "tftp"} {
			r := c.Respond(1, &resync.Request{Method: "GET", Scheme: scheme, Path: path})
			if r.Status != 404 || len(r.Body) != 0 {
				t.Errorf("%s %s: got %d %q", scheme, path, r.Status, r.Body)
			}
		}
	}
	if r := get(c, "/fine"); string(r.Body) != "inside" {
		t.Errorf("a link that stays inside: got %d %q", r.Status, r.Body)
	}
}

func TestTextsOfADirectoryAreFilledIn(t *testing.T) {
	u := unit(t, "SPA942")
	text := "{{ma}} {{ mau }} {{sn}} {{psn}} {{pn}} {{ip}} {{server}} $MA"
	c, _ := newDir(t, map[string]string{
		"$MA.xml": text, "spa$PSN.cfg": "{{psn}} {{tftp}} {{http}} {{unknown}} {{ Ma }}", "image.bin": "{{ip}}\xfe",
	}, prov.DirOptions{})
	ask := func(path string) string {
		return string(c.Respond(1, &resync.Request{
			Method: "GET", Scheme: "http", Path: path, Source: u.IP, Unit: u, Host: "prov.test",
			Server: netip.MustParseAddrPort("127.0.0.1:80"),
		}).Body)
	}
	for path, want := range map[string]string{
		"/" + mac + ".xml": mac + " 000E08012345 " + u.Serial + " {{psn}} SPA-942 127.64.0.1 prov.test $MA",
		"/spa941.cfg":      "941 {{tftp}} {{http}} {{unknown}} {{ Ma }}", // nothing listens
		"/image.bin":       "{{ip}}\xfe",
	} {
		if got := ask(path); got != want {
			t.Errorf("%s: got %q, want %q", path, got, want)
		}
	}
}

func TestAHostHeaderCannotWriteIntoAFile(t *testing.T) {
	c, _ := newDir(t, map[string]string{"a": "{{server}}"}, prov.DirOptions{})
	r := c.Respond(1, &resync.Request{
		Method: "GET", Scheme: "http", Path: "/a", Host: "x</a><b>", Server: netip.MustParseAddrPort("127.0.0.1:80"),
	})
	if string(r.Body) != "127.0.0.1" {
		t.Errorf("got %q, want the address", r.Body)
	}
}

func TestEditsShowAtOnceAndNewTemplatesWithinASecond(t *testing.T) {
	c, root := newDir(t, map[string]string{"a.cfg": "old"}, prov.DirOptions{})
	ask := func(at int64, path string) string {
		return string(c.Respond(at, &resync.Request{Method: "GET", Scheme: "tftp", Path: path}).Body)
	}
	if got := ask(5e9, "a.cfg") + ask(5e9, mac+".xml"); got != "old" {
		t.Errorf("at first: got %q", got)
	}
	write(t, filepath.Join(root, "a.cfg"), "new")
	write(t, filepath.Join(root, "b.cfg"), "second")
	write(t, filepath.Join(root, "$MA.xml"), "template")
	if got := ask(5e9, "a.cfg") + ask(5e9, "b.cfg"); got != "newsecond" {
		t.Errorf("after an edit: got %q", got)
	}
	if got := ask(6e9, mac+".xml"); got != "template" {
		t.Errorf("a second later: got %q", got)
	}
	if err := os.Remove(filepath.Join(root, "$MA.xml")); err != nil {
		t.Fatal(err)
	}
	if got := ask(6e9, mac+".xml"); got != "" {
		t.Errorf("after it was removed: got %q", got)
	}
}

func TestADirectoryThatIsNotThereIsAnError(t *testing.T) {
	if _, err := prov.Dir(filepath.Join(t.TempDir(), "gone"), prov.DirOptions{}); err == nil {
		t.Error("no error")
	}
}

func FuzzPathsStayInside(f *testing.F) {
	root := filepath.Join(f.TempDir(), "root")
	inside := map[string]string{"in.txt": "inside", "$MA.xml": "inside", "d/$PN.cfg": "inside"}
	for name, content := range inside {
		full := filepath.Join(root, name)
		os.MkdirAll(filepath.Dir(full), 0o755)
		os.WriteFile(full, []byte(content), 0o644)
	}
	os.WriteFile(filepath.Join(root, "..", "outside.txt"), []byte("outside"), 0o644)
	c, err := prov.Dir(root, prov.DirOptions{})
	if err != nil {
		f.Fatal(err)
	}
	f.Cleanup(func() { c.Close() })
	f.Fuzz(func(t *testing.T, path string, tftp bool) {
		scheme := "http"
		if tftp {
			scheme = "tftp"
		}
		r := c.Respond(1, &resync.Request{Method: "GET", Scheme: scheme, Path: path})
		found := r.Status == 200 && string(r.Body) == "inside"
		if !found && (r.Status != 404 || len(r.Body) > 0) {
			t.Errorf("%q: got %d %q", path, r.Status, r.Body)
		}
	})
}

func FuzzServedPaths(f *testing.F) {
	f.Fuzz(func(t *testing.T, path, ask string) {
		c, err := prov.NewCore(map[string]prov.Entry{path: {Body: "text"}}, prov.Options{})
		if err != nil {
			return
		}
		if r := get(c, ask); r.Status != 200 && r.Status != 404 {
			t.Errorf("%q for %q: got %d", ask, path, r.Status)
		}
	})
}
