package resync_test

import (
	"context"
	"fmt"
	"runtime"
	"sync"
	"testing"

	"spafleet/device/profile"
	"spafleet/resync"
)

// The first to want a body may be the only one: a profile is kept for the second.
func TestProfilesWantedTwiceAreKept(t *testing.T) {
	var s resync.ProfileCache
	u := unit(t, "SPA2102", "5.2.10", nil)
	body := []byte("<flat-profile><GPP_A>1</GPP_A><Nope>2</Nope><Nope>3</Nope></flat-profile>")
	d := s.Digest(body, profile.Options{})
	if _, err := s.Read(t.Context(), &u, body, d, profile.Options{}); err != nil {
		t.Fatal(err)
	}
	first, err := s.Read(t.Context(), &u, body, d, profile.Options{})
	if err != nil {
		t.Fatal(err)
	}
	again, err := s.Read(t.Context(), &u, body, d, profile.Options{})
	if err != nil || again != first {
		t.Errorf("a third reading was made: %v", err)
	}
	if len(first.Sets) != 1 || first.Sets[0].Value != "1" || fmt.Sprint(first.Unknown) != "[Nope]" {
		t.Errorf("reading %+v, want one set and one unknown name", first)
	}
	other := unit(t, "SPA504G", "7.5.5", nil)
	if r, err := s.Read(t.Context(), &other, body, d, profile.Options{}); err != nil || r == first {
		t.Errorf("another model got the same reading: %v", err)
	}
}

func TestDigestsDifferByBodyKeyAndAliases(t *testing.T) {
	var s resync.ProfileCache
	seen := map[resync.Digest]string{0: "no digest"}
	for _, tt := range []struct {
		body string
		o    profile.Options
	}{
		{"a", profile.Options{}}, {"b", profile.Options{}}, {"", profile.Options{}},
		{"a", profile.Options{Keyed: true}}, {"a", profile.Options{Keyed: true, Key: "k"}}, {"a", profile.Options{Keyed: true, Key: "K"}},
		{"a", profile.Options{Aliases: "/a = /flat-profile/GPP_A"}},
	} {
		what := fmt.Sprintf("%+v", tt)
		d := s.Digest([]byte(tt.body), tt.o)
		if was, ok := seen[d]; ok {
			t.Errorf("%s has the digest of %s", what, was)
		}
		seen[d] = what
		if s.Digest([]byte(tt.body), tt.o) != d {
			t.Errorf("%s: two digests", what)
		}
	}
}

// A container that one device opened must not be kept for another.
func TestATargetedProfileIsForItsDeviceOnly(t *testing.T) {
	var s resync.ProfileCache
	mine, other := unit(t, "SPA2102", "5.2.10", nil), unit(t, "SPA2102", "5.2.10", nil)
	other.Row, other.MAC[5] = mine.Row, 0x46
	body, err := profile.Compile([]profile.Param{{Name: "GPP_A", Value: "1", Has: true}}, profile.Container{MAC: mine.MAC.String()})
	if err != nil {
		t.Fatal(err)
	}
	d := s.Digest(body, profile.Options{})
	if r, err := s.Read(t.Context(), &mine, body, d, profile.Options{MAC: mine.MAC.String()}); err != nil || r.Protection&profile.Targeted == 0 {
		t.Fatalf("own container: %+v, %v", r, err)
	}
	if r, err := s.Read(t.Context(), &other, body, d, profile.Options{MAC: other.MAC.String()}); err == nil {
		t.Errorf("another device's container opened: %+v", r)
	}
}

func TestAFullCacheStillReads(t *testing.T) {
	s := resync.ProfileCache{Max: 150}
	u := unit(t, "SPA2102", "5.2.10", nil)
	var wg sync.WaitGroup
	for i := range 8 {
		wg.Go(func() {
			for n := range 50 {
				want := fmt.Sprintf("%d-%d", i, n%3)
				body := fmt.Appendf(nil, "<flat-profile><GPP_A>%s</GPP_A></flat-profile>", want)
				r, err := s.Read(t.Context(), &u, body, s.Digest(body, profile.Options{}), profile.Options{})
				if err != nil || len(r.Sets) != 1 || r.Sets[0].Value != want {
					t.Errorf("body %s: %+v, %v", want, r, err)
				}
			}
		})
	}
	wg.Wait()
}

// What was wanted last is still there when the cache is full; the oldest is not.
func TestAFullCacheForgetsTheOldest(t *testing.T) {
	s := resync.ProfileCache{Max: 200}
	u := unit(t, "SPA2102", "5.2.10", nil)
	read := func(value string) *resync.ParsedProfile {
		t.Helper()
		body := []byte("<flat-profile><GPP_A>" + value + "</GPP_A></flat-profile>") // 51 bytes
		r, err := s.Read(t.Context(), &u, body, s.Digest(body, profile.Options{}), profile.Options{})
		if err != nil {
			t.Fatal(err)
		}
		return r
	}
	first := map[string]*resync.ParsedProfile{}
	for _, v := range []string{"1", "2", "3"} {
		read(v)
		first[v] = read(v)
	}
	read("1") // now 2 is the oldest
	for _, v := range []string{"4", "5"} {
		read(v)
		read(v)
	}
	if read("1") != first["1"] {
		t.Error("a profile that was wanted lately is gone")
	}
	if read("2") == first["2"] {
		t.Error("the profile that was wanted longest ago is still there: 5 bodies of 51 bytes in 200")
	}
}

// A body that cannot be used is read twice, as a good one is, and then remembered.
func TestBadBodiesWantedTwiceAreKept(t *testing.T) {
	var s resync.ProfileCache
	body := []byte("<flat-profile><a>")
	u := unit(t, "SPA2102", "5.2.10", nil)
	var errs [3]error
	for i := range errs {
		u.MAC[5] = byte(i)
		_, errs[i] = s.Read(t.Context(), &u, body, s.Digest(body, profile.Options{}), profile.Options{})
	}
	if errs[0] == nil || errs[0] == errs[1] || errs[1] != errs[2] {
		t.Errorf("%p, %p, %p: want two readings and what the second left", errs[0], errs[1], errs[2])
	}
}

// What a container for one device says to the others is not said to that one.
func TestARefusalOfOneDeviceIsNoOthers(t *testing.T) {
	var s resync.ProfileCache
	own := unit(t, "SPA2102", "5.2.10", nil)
	other := own
	other.MAC[5]++
	body, err := profile.Compile([]profile.Param{{Name: "GPP_A", Value: "1", Has: true}}, profile.Container{MAC: own.MAC.String()})
	if err != nil {
		t.Fatal(err)
	}
	for range 3 {
		if _, err := s.Read(t.Context(), &other, body, s.Digest(body, profile.Options{}), profile.Options{MAC: other.MAC.String()}); err == nil {
			t.Fatal("another device's container opened")
		}
	}
	if r, err := s.Read(t.Context(), &own, body, s.Digest(body, profile.Options{}), profile.Options{MAC: own.MAC.String()}); err != nil || len(r.Sets) != 1 {
		t.Errorf("its own container: %+v, %v", r, err)
	}
}

// As many bodies are decoded at once as there are cores, and nobody who waits for
// one outlasts its context.
func TestDecodersAreAsManyAsCores(t *testing.T) {
	cores, more := runtime.GOMAXPROCS(0), 20
	entered, leave := make(chan struct{}, cores+more), make(chan struct{})
	s := resync.ProfileCache{Compiled: resync.Compiled{Program: func(profile.Options, []byte) (string, error) {
		entered <- struct{}{}
		<-leave
		return "GPP_A \"x\" ;", nil
	}}}
	u := unit(t, "SPA2102", "5.2.10", nil)
	ctx, stop := context.WithCancel(t.Context())
	ended := make(chan error, cores+more)
	for i := range cores + more {
		body := fmt.Appendf(nil, "SIPURA SPA body %d", i)
		go func() {
			_, err := s.Read(ctx, &u, body, s.Digest(body, profile.Options{}), profile.Options{})
			ended <- err
		}()
	}
	for range cores {
		<-entered
	}
	stop()
	for range more {
		if err := <-ended; err != context.Canceled {
			t.Fatalf("%v, want the context's error while the cores are taken", err)
		}
	}
	if n := len(entered); n > 0 {
		t.Errorf("%d more than %d were decoded at once", n, cores)
	}
	close(leave)
	for range cores {
		if err := <-ended; err != nil {
			t.Error(err)
		}
	}
}
