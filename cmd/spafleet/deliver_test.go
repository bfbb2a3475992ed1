package main

import (
	"bytes"
	"context"
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/rogpeppe/go-internal/testscript"

	"spafleet/scenarios/report"
)

func shardReport(index int) *report.Report {
	return &report.Report{Format: report.Format, Name: "x", Shard: &report.Shard{Run: "r", Index: index, Count: 2}}
}

func TestAResultIsPostedUntilItIsTakenAndNoLonger(t *testing.T) {
	moved := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { t.Error("it was sent to another place") }))
	defer moved.Close()
	for _, tt := range []struct {
		name  string
		codes []int // one for each try
		tries int32
		want  string
	}{
		{"taken", []int{201}, 1, ""},
		{"taken later", []int{503, 500, 429, 200}, 4, ""},
		{"never", []int{503, 503, 503, 503, 503, 503, 503}, 4, "503 Service Unavailable"},
		{"refused", []int{403, 200}, 1, "403 Forbidden"},
		{"elsewhere", []int{307, 200}, 1, "redirects are not followed"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			var tries atomic.Int32
			server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				text, _ := io.ReadAll(r.Body)
				if r.Method != http.MethodPost || r.URL.Path != "/results" || !strings.Contains(string(text), `"index":1`) {
					t.Errorf("%s %s: %s", r.Method, r.URL, text)
				}
				w.Header().Set("Location", moved.URL)
				w.WriteHeader(tt.codes[tries.Add(1)-1])
			}))
			defer server.Close()
			d := delivery{url: server.URL + "/results", pauses: []time.Duration{0, 0, 0}}
			err := d.send(t.Context(), shardReport(1))
			if (err == nil) != (tt.want == "") || err != nil && !strings.Contains(err.Error(), tt.want) {
				t.Errorf("%v, want %q", err, tt.want)
			}
			if tries.Load() != tt.tries {
				t.Errorf("%d tries, want %d", tries.Load(), tt.tries)
			}
		})
	}
}

// An interrupted run has a result too.
func TestAResultOutlivesTheRunsContext(t *testing.T) {
	ctx, stop := context.WithCancel(t.Context())
	stop()
	server := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) {}))
	defer server.Close()
	d := delivery{url: server.URL}
	if err := d.send(ctx, shardReport(0)); err != nil {
		t.Error(err)
	}
}

func TestAResultsFileIsWholeOrNotThere(t *testing.T) {
	dir := t.TempDir()
	d := delivery{file: filepath.Join(dir, "r.json")}
	if err := d.check(); err != nil {
		t.Fatal(err)
	}
	if list, _ := os.ReadDir(dir); len(list) != 0 {
		t.Errorf("the check leaves %v", list)
	}
	if err := d.send(t.Context(), shardReport(0)); err != nil {
		t.Fatal(err)
	}
	if list, _ := os.ReadDir(dir); len(list) != 1 || list[0].Name() != "r.json" {
		t.Errorf("%v", list)
	}
	parts, err := readResults(nil, d.file)
	if err != nil || len(parts) != 1 || parts[0].Report.Shard.Run != "r" {
		t.Errorf("%+v, %v", parts, err)
	}
}

// frames are the marker and the line of two results.
func frames(t *testing.T) (one, two []string) {
	t.Helper()
	for i, to := range []*[]string{&one, &two} {
		var b bytes.Buffer
		d := delivery{file: "-", out: &b}
		if err := d.send(t.Context(), shardReport(i)); err != nil {
			t.Fatal(err)
		}
		*to = strings.SplitAfter(b.String(), "\n")
	}
	return one, two
}

func TestResultsAreFoundInLogs(t *testing.T) {
	one, two := frames(t)
	for what, log := range map[string]string{
		"one after the other":   one[0] + one[1] + two[0] + two[1],
		"lines between":         "run 0:05\n" + one[0] + "run 0:10\n" + one[1] + "{\"a\": 1}\n" + two[0] + "\n" + two[1] + "end",
		"interleaved":           one[0] + two[0] + two[1] + one[1],
		"the other way round":   one[0] + two[0] + one[1] + two[1],
		"with times":            "2026-11-22T18:00:00.1Z " + one[0] + "2026-11-22T18:00:00.25Z " + one[1] + two[0] + two[1],
		"with pods":             "[pod/a/b] " + one[0] + "[pod/a/b] " + one[1] + "[pod/c/b] " + two[0] + "[pod/c/b] " + two[1],
		"carriage returns":      strings.ReplaceAll(one[0]+one[1]+two[0]+two[1], "\n", "\r\n"),
		"no newline at the end": one[0] + one[1] + two[0] + strings.TrimSpace(two[1]),
	} {
		parts, err := readResults(strings.NewReader(log), "-")
		if err != nil || len(parts) != 2 || parts[0].Report.Shard.Index+parts[1].Report.Shard.Index != 1 {
			t.Errorf("%s: %+v, %v", what, parts, err)
		}
	}
}

func TestDamagedResultsInLogsAreNamed(t *testing.T) {
	one, two := frames(t)
	for want, log := range map[string]string{
		"standard input:4: the line of the result of shard 1 of 2, attempt 0, is missing or cut": one[0] + one[1] + "x\n" + two[0] + two[1][:40] + "\n" + two[1][40:],
		"standard input:1: the line of the result of shard 0 of 2":                               one[0] + two[0] + two[1],
		"standard input:2: this marker line is damaged":                                          "x\n" + one[0][:40] + "\n" + one[1],
		"standard input is not a result of 'spafleet run --result'":                              "run 0:05\nrun 0:10\n",
		"standard input:1: the line of the result of shard 0 of 2, attempt":                      one[0] + strings.Replace(one[1], `"name":"x"`, `"name":"y"`, 1),
	} {
		if parts, err := readResults(strings.NewReader(log), "-"); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%+v, %v\nwant %s", parts, err, want)
		}
	}
}

// sameReport compares what two runs of the same virtual time have in common: all
// but when they were and on what.
func sameReport(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 2 {
		ts.Fatalf("usage: samereport A B")
	}
	var reports [2]map[string]any
	for i, name := range args {
		ts.Check(json.Unmarshal([]byte(ts.ReadFile(name)), &reports[i]))
		for _, key := range []string{"started", "wall_seconds", "shards"} {
			delete(reports[i], key)
		}
		generator, ok := reports[i]["generator"].(map[string]any)
		if !ok {
			ts.Fatalf("%s says nothing of its generator", name)
		}
		delete(generator, "outstanding_most")
		delete(generator, "health")
	}
	if !reflect.DeepEqual(reports[0], reports[1]) {
		ts.Fatalf("%s is not %s:\n%v\n%v", args[0], args[1], reports[0], reports[1])
	}
}

func TestStartAtIsATimeOrAWait(t *testing.T) {
	var f startFlag
	if err := f.Set("2026-11-22T18:00:00+01:00"); err != nil || f.at.UTC().Hour() != 17 {
		t.Errorf("%v, %v", f.at, err)
	}
	before := time.Now()
	if err := f.Set("+1m30s"); err != nil || f.at.Before(before.Add(90*time.Second)) || f.at.After(time.Now().Add(90*time.Second)) {
		t.Errorf("%v, %v", f.at, err)
	}
	for _, text := range []string{"", "+", "+x", "18:00", "2026-11-22"} {
		if f.Set(text) == nil {
			t.Errorf("%q is taken for %v", text, f.at)
		}
	}
}
