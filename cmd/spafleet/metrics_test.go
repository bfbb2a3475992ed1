package main

import (
	"bytes"
	"context"
	"io"
	"net/http"
	"regexp"
	"strings"
	"testing"
	"time"

	"spafleet/bench/extproc"
)

// lingering runs a command line until it says that the run has ended, and returns the
// URL of its metrics and how to interrupt it, which returns its exit code.
func lingering(t *testing.T, args ...string) (url string, stop func() int) {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	errs, ended := &extproc.Output{}, make(chan int, 1)
	go func() {
		ended <- execute(ctx, args, streams{strings.NewReader(""), io.Discard, errs})
	}()
	t.Cleanup(cancel)
	said := regexp.MustCompile(`(?m)^the run has ended; (http://\S+) answers for (\S+) more, Ctrl-C ends that$`)
	extproc.Must(t, extproc.Wait("the end of the run", func() bool { return len(ended) > 0 || said.MatchString(errs.String()) }))
	m := said.FindStringSubmatch(errs.String())
	if m == nil || m[2] != "1h" {
		t.Fatalf("it does not linger for an hour:\n%s", errs)
	}
	return m[1], func() int { cancel(); return <-ended }
}

// get returns what a URL answers.
func get(t *testing.T, url string) (status int, kind, body string) {
	t.Helper()
	r, err := http.Get(url)
	if err != nil {
		t.Fatal(err)
	}
	defer r.Body.Close()
	text, err := io.ReadAll(r.Body)
	if err != nil {
		t.Fatal(err)
	}
	return r.StatusCode, r.Header.Get("Content-Type"), string(text)
}

// The last values are scraped after the end. Ctrl-C ends the waiting, and the exit code
// is that of the verdict.
func TestMetricsAnswerAfterTheEnd(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name, rule, result string
		exit               int
	}{
		{"passed", "/init.cfg", "ok", exitOK},
		{"failed", "/none.cfg", "not_found", exitFailed},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			url, stop := lingering(t, "run", "--model", "PAP2T", "--count", "3", "--virtual", "30m", "--until", "provisioned", "--set", "Profile_Rule="+tt.rule, "--metrics", "127.0.0.1:0", "--linger", "1h")
			_, _, figures := get(t, url)
			if !regexp.MustCompile(`(?m)^spafleet_resyncs_total\{model="PAP2T",result="`+tt.result+`",scheme="tftp"\} [1-9]`).MatchString(figures) || !strings.Contains(figures, "spafleet_outstanding 0\n") {
				t.Errorf("after the end it shows\n%s", figures)
			}
			if code := stop(); code != tt.exit {
				t.Errorf("exit code %d, want %d", code, tt.exit)
			}
			if r, err := http.Get(url); err == nil {
				r.Body.Close()
				t.Error("they answer after Ctrl-C")
			}
		})
	}
}

func TestTheMetricsPortSaysWhatItIs(t *testing.T) {
	t.Parallel()
	url, stop := lingering(t, "run", "--model", "PAP2T", "--virtual", "1m", "--metrics", "127.0.0.1:0", "--linger", "1h")
	root := strings.TrimSuffix(url, "metrics")
	status, kind, page := get(t, root)
	if status != http.StatusOK || kind != "text/html; charset=utf-8" || !strings.Contains(page, "spafleet "+thisVersion().Version) || !strings.Contains(page, `<a href="/metrics">`) {
		t.Errorf("%d %s\n%s", status, kind, page)
	}
	if status, _, _ := get(t, root+"other"); status != http.StatusNotFound {
		t.Errorf("another page has status %d", status)
	}
	if code := stop(); code != exitOK {
		t.Errorf("exit code %d", code)
	}
}

// A run lingers no longer than it was told, and not where a person has ended it.
func TestTheEndOfLingering(t *testing.T) {
	t.Parallel()
	interrupted, cancel := context.WithCancel(t.Context())
	cancel()
	for _, tt := range []struct {
		name string
		ctx  context.Context
		f    metricsFlags
		said string
	}{
		{"over", t.Context(), metricsFlags{at: "http://127.0.0.1:9/metrics", linger: time.Millisecond}, "the run has ended; http://127.0.0.1:9/metrics answers for 1ms more, Ctrl-C ends that\n"},
		{"interrupted before", interrupted, metricsFlags{at: "http://127.0.0.1:9/metrics", linger: time.Hour}, ""},
		{"not asked for", t.Context(), metricsFlags{at: "http://127.0.0.1:9/metrics"}, ""},
	} {
		var said bytes.Buffer
		if tt.f.stay(tt.ctx, &said); said.String() != tt.said {
			t.Errorf("%s: %q", tt.name, said.String())
		}
	}
}

func TestLingeringNeedsSomethingToServe(t *testing.T) {
	t.Parallel()
	var errs bytes.Buffer
	code := execute(t.Context(), []string{"run", "demo", "--linger", "1m"}, streams{strings.NewReader(""), io.Discard, &errs})
	if code != exitUsage || !strings.Contains(errs.String(), "--linger needs --metrics") {
		t.Errorf("exit code %d: %s", code, &errs)
	}
}
