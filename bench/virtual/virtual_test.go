package main

import (
	"bytes"
	"encoding/json"
	"encoding/xml"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
)

// A small fleet is measured as the large one is, and what it says adds up.
func TestASmallDayIsMeasured(t *testing.T) {
	defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(0))
	var out, errs bytes.Buffer
	events := filepath.Join(t.TempDir(), "events.jsonl")
	if code := command([]string{"--devices", "20", "--lasts", "5h", "--json", "--events", events}, &out, &errs); code != 0 {
		t.Fatalf("exit %d: %s", code, errs.String())
	}
	var r measured
	if err := json.Unmarshal(out.Bytes(), &r); err != nil {
		t.Fatal(err)
	}
	changing, unchanged := r.Cases[0], r.Cases[1]
	if own := r.Cases[2]; own.Failed != 0 || own.Attempts < 110 || own.Applied != 60 || own.Each <= 0 {
		t.Errorf("by the built-in server: %+v", own)
	}
	if changing.Failed+unchanged.Failed != 0 || changing.Attempts != unchanged.Attempts || changing.Attempts < 90 {
		t.Errorf("attempts %d and %d, failed %d and %d", changing.Attempts, unchanged.Attempts, changing.Failed, unchanged.Failed)
	}
	if changing.Applied < 60 || unchanged.Applied != 20 {
		t.Errorf("%d and %d bodies changed something", changing.Applied, unchanged.Applied)
	}
	if changing.Body < 1400 || changing.Body > 1700 || unchanged.Body < 44_000 || unchanged.Body > 46_000 {
		t.Errorf("bodies of %d and %d bytes", changing.Body, unchanged.Body)
	}
	written, err := os.ReadFile(events) // of the last case that writes them
	if err != nil || int64(len(written)) != unchanged.Written || bytes.Count(written, []byte("\n")) != unchanged.Events {
		t.Errorf("%d bytes of events, it says %d: %v", len(written), unchanged.Written, err)
	}
	if changing.Verdict != "no target for this fleet" || changing.Most != 0 {
		t.Errorf("a target for 20 devices: %+v", changing)
	}
}

func TestTheTargetIsForAWholeDay(t *testing.T) {
	o := options{devices: 10_000, lasts: 24 * 3600e9}
	for _, tt := range []struct {
		seconds, each float64
		want          string
	}{{4, 16, "met, ratio 0.80"}, {4, 21, "missed, ratio 0.80"}, {6, 19, "missed, ratio 1.20"}} {
		m := measurement{Seconds: tt.seconds, Each: tt.each, Most: 5, MostEach: 20}
		if m.judge(o); m.Verdict != tt.want {
			t.Errorf("%+v: %s", tt, m.Verdict)
		}
	}
	var errs bytes.Buffer
	if code := command([]string{"--devices", "x"}, &errs, &errs); code != 2 || !strings.Contains(errs.String(), "invalid value") {
		t.Errorf("exit %d: %s", code, errs.String())
	}
}

// Cost over size is measured for each size, and drawn.
func TestCostOverSizeIsDrawn(t *testing.T) {
	svg := draw([]sized{{1000, 8, 9000}, {10_000, 8.5, 1200}, {1_000_000, 9, 900}}, "a day")
	if err := xml.Unmarshal([]byte(svg), new(struct{})); err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{">1k<", ">10k<", ">1M<", ">8.5<", ">9000<", "<title>Cost over size: a day</title>"} {
		if !strings.Contains(svg, want) {
			t.Errorf("%s is not in\n%s", want, svg)
		}
	}
	if strings.Contains(svg, "NaN") || strings.Contains(svg, "Inf") {
		t.Error("a point is nowhere")
	}
}
