package main

import (
	"bytes"
	"os"
	"strings"
	"testing"
)

// A figure that has grown by more than its limit is a loss, and is named.
func TestALossIsNamed(t *testing.T) {
	recorded := []figure{{"time", 10, "units", true}, {"bytes", 100, "B", false}}
	for _, tt := range []struct {
		time, bytes float64
		slower      float64
		lost        string
	}{
		{10, 100, 1.1, ""},
		{5, 50, 1.1, ""},
		{10.9, 109, 1.1, ""},
		{11.2, 100, 1.1, "time"},
		{11.2, 100, 1.5, ""},
		{10, 112, 1.5, "bytes"},
	} {
		var out bytes.Buffer
		lost, err := compare(&out, []figure{{"time", tt.time, "units", true}, {"bytes", tt.bytes, "B", false}}, recorded, tt.slower)
		if err != nil || lost != (tt.lost != "") {
			t.Errorf("%+v: lost %v, %v\n%s", tt, lost, err, out.String())
		}
		for line := range strings.Lines(out.String()) {
			if strings.Contains(line, "LOST") != (tt.lost != "" && strings.HasPrefix(line, tt.lost)) {
				t.Errorf("%+v: %s", tt, line)
			}
		}
	}
	if _, err := compare(&bytes.Buffer{}, []figure{{"other", 1, "", false}}, recorded, 1.1); err == nil {
		t.Error("what was never recorded is compared")
	}
}

// Virtual time and idle devices have not lost against what was recorded. Time has a wide
// limit here: another kind of processor has another ratio, and other tests run beside.
func TestNothingWasLost(t *testing.T) {
	var out, errs bytes.Buffer
	if code := command([]string{"--recorded", "recorded.json", "--rounds", "1", "--slower", "2"}, &out, &errs); code != 0 {
		t.Errorf("exit %d\n%s%s", code, out.String(), errs.String())
	}
}

func TestBadCommandLines(t *testing.T) {
	broken := t.TempDir() + "/recorded.json"
	if err := os.WriteFile(broken, []byte("{"), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, args := range [][]string{{"--rounds", "x"}, {"--recorded", t.TempDir() + "/none"}, {"--recorded", broken}} {
		var out, errs bytes.Buffer
		if code := command(args, &out, &errs); code != 2 || errs.Len() == 0 {
			t.Errorf("%v: exit %d, %s", args, code, errs.String())
		}
	}
}
