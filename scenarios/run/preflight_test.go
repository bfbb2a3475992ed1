package run_test

import (
	"errors"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"spafleet/scenarios"
	"spafleet/scenarios/run"
)

// against is a scenario of five phones and five adapters against a server.
func against(url string) *scenarios.Scenario {
	set := []scenarios.Preset{{Name: "Resync_Random_Delay", Value: "0"}, {Name: "Profile_Rule", Value: url + "/$MA.xml"}}
	return &scenarios.Scenario{Name: "preflight", Duration: time.Second, Fleet: []scenarios.Group{
		{Name: "phones", Model: "SPA942", Count: 5, Set: set},
		{Name: "adapters", Model: "SPA2102", Count: 5, Set: set},
	}}
}

func TestWhatAllOfAKindFailByEndsTheRunBeforeTheStart(t *testing.T) {
	var asked atomic.Int32
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		asked.Add(1)
		if strings.Contains(r.UserAgent(), "942") {
			w.WriteHeader(http.StatusUnauthorized)
			return
		}
		_, _ = w.Write([]byte("<flat-profile/>"))
	}))
	defer server.Close()
	_, err := run.Run(t.Context(), against(server.URL), run.Options{Preflight: true})
	var refused *run.Refused
	if !errors.As(err, &refused) || len(refused.Kinds) != 1 {
		t.Fatalf("%v, want one kind that is refused", err)
	}
	k := refused.Kinds[0]
	if k.Model != "SPA942" || k.Devices != 5 || k.Tried != 3 || k.Result != "http_status" && k.Result == "" || !strings.HasPrefix(k.URL, server.URL+"/") || !strings.Contains(k.Hint, "http_auth=basic_digest") {
		t.Errorf("%+v", k)
	}
	if n := asked.Load(); n != 4 {
		t.Errorf("%d requests, want three of phones and one of an adapter", n)
	}
}

func TestOneDeviceThatIsRefusedIsNotItsKind(t *testing.T) {
	var asked atomic.Int32
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		if asked.Add(1) <= 2 { // the first of each kind
			w.WriteHeader(http.StatusNotFound)
			return
		}
		_, _ = w.Write([]byte("<flat-profile/>"))
	}))
	defer server.Close()
	var notes []string
	o := run.Options{Preflight: true, Listening: func(l *run.Live) { notes = l.Notes }}
	if _, err := run.Run(t.Context(), against(server.URL), o); err != nil {
		t.Fatal(err)
	}
	if all := strings.Join(notes, "\n"); !strings.Contains(all, "preflight: kinds of devices that resynced before the start: 2") {
		t.Errorf("notes: %s", all)
	}
}

// A server that is still starting refuses nobody.
func TestThePreflightWaitsForAServerToListen(t *testing.T) {
	port, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	addr := port.Addr().String()
	port.Close()
	server := &httptest.Server{Config: &http.Server{Handler: http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		_, _ = w.Write([]byte("<flat-profile/>"))
	})}}
	started := make(chan error, 1)
	time.AfterFunc(500*time.Millisecond, func() {
		l, err := net.Listen("tcp", addr)
		if err == nil {
			server.Listener = l
			server.Start()
		}
		started <- err
	})
	_, err = run.Run(t.Context(), against("http://"+addr), run.Options{Preflight: true})
	if listening := <-started; listening != nil {
		t.Fatal(listening)
	}
	defer server.Close()
	if err != nil {
		t.Error(err)
	}
}
