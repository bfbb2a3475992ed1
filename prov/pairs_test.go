package prov_test

import (
	"regexp"
	"sync"
	"testing"

	"spafleet/prov"
)

func TestPairsAreAFunctionOfSeedDeviceAndGeneration(t *testing.T) {
	a, b := prov.Pairs{Seed: 1}, prov.Pairs{Seed: 1}
	b.Rotate(mac, mac)
	if a.At(mac, 1) != b.At("000E08012345", 1) {
		t.Error("the same pair differs between two servers")
	}
	c := prov.Pairs{Seed: 2}
	seen := map[string]bool{}
	for _, p := range []prov.Pair{a.At(mac, 0), a.At(mac, 1), a.At(other, 0), c.At(mac, 0)} {
		seen[p.Key], seen[p.Dir] = true, true
		if !regexp.MustCompile(`^[0-9a-f]{64}$`).MatchString(p.Key) {
			t.Errorf("key %q is not 64 digits", p.Key)
		}
		if !regexp.MustCompile(`^[0-9a-f]{32}$`).MatchString(p.Dir) {
			t.Errorf("dir %q is not 32 digits", p.Dir)
		}
	}
	if len(seen) != 8 {
		t.Errorf("%d different secrets, want 8", len(seen))
	}
}

func TestPairsMayBeRotatedFromManyGoroutines(t *testing.T) {
	var p prov.Pairs
	var wg sync.WaitGroup
	for range 8 {
		wg.Go(func() {
			for range 100 {
				p.Rotate(mac)
				p.Generation(mac)
			}
		})
	}
	wg.Wait()
	if got := p.Generation(mac); got != 800 {
		t.Errorf("generation %d, want 800", got)
	}
}

func TestEveryPairEverGivenIsHonoured(t *testing.T) {
	pairs := &prov.Pairs{Seed: 1}
	c := newCore(t, map[string]prov.Entry{
		"/{{ dir }}/$MA.xml": {Body: "{{ key }} {{ dir }} {{ next_key }} {{ next_dir }}"},
		"/first/$MA.xml":     {Body: "{{ key }} {{ dir }} {{ next_key }} {{ next_dir }}"},
	}, prov.Options{Expand: tell, Pairs: pairs})
	said := func(asked, next prov.Pair) string {
		return asked.Key + " " + asked.Dir + " " + next.Key + " " + next.Dir
	}
	first, second, third := pairs.At(mac, 0), pairs.At(mac, 1), pairs.At(mac, 2)
	check := func(path, want string) {
		t.Helper()
		if r := get(c, path); string(r.Body) != want {
			t.Errorf("%s: got %d %q, want %q", path, r.Status, r.Body, want)
		}
	}
	inDir := func(p prov.Pair) string { return "/" + p.Dir + "/" + mac + ".xml" }

	check("/first/"+mac+".xml", said(first, first))
	check(inDir(first), said(first, first))
	check(inDir(second), "") // not given out yet
	pairs.Rotate(mac)
	check("/first/"+mac+".xml", said(second, second))
	check(inDir(first), said(first, second))
	check(inDir(second), said(second, second))
	pairs.Rotate(mac)
	check(inDir(first), said(first, third))
	check(inDir(third), said(third, third))
	check("/"+first.Dir+"/"+other+".xml", "") // another's secret
	check("/"+first.Dir[1:]+"/"+mac+".xml", "")
}

func TestADirNeedsNoLanguage(t *testing.T) {
	pairs := &prov.Pairs{Seed: 3}
	c := newCore(t, map[string]prov.Entry{"/{{dir}}/$MA.xml": {Body: "text"}}, prov.Options{Pairs: pairs})
	if r := get(c, "/"+pairs.At(mac, 0).Dir+"/"+mac+".xml"); r.Status != 200 {
		t.Errorf("the right directory: got %d", r.Status)
	}
	if r := get(c, "/"+pairs.At(other, 0).Dir+"/"+mac+".xml"); r.Status != 404 {
		t.Errorf("another's directory: got %d", r.Status)
	}
}

func TestAPathMayHoldAnyExpression(t *testing.T) {
	c := newCore(t, map[string]prov.Entry{
		"/init/{{ pin }}/$MA": {Body: "right"}, "/init/$SN/$MA": {Body: "fallback"}, "/bad/{{ fail }}": {},
	}, prov.Options{Expand: tell})
	for path, want := range map[string]string{
		"/init/pin-of-" + mac + "/" + mac:   "right",
		"/init/pin-of-" + other + "/" + mac: "",
		"/init/FM600F1/" + mac:              "fallback",
		"/bad/x":                            "",
	} {
		if r := get(c, path); string(r.Body) != want {
			t.Errorf("%s: got %q, want %q", path, r.Body, want)
		}
	}
}
