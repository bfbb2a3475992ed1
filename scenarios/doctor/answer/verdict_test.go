package answer_test

import (
	"bytes"
	"encoding/json"
	"reflect"
	"strings"
	"testing"

	"spafleet/scenarios/doctor/answer"
	"spafleet/scenarios/doctor/finding"
)

func TestTheJSONReadsBackAsTheReport(t *testing.T) {
	r := sample()
	var b bytes.Buffer
	if err := answer.WriteJSON(&b, r, 3); err != nil {
		t.Fatal(err)
	}
	back, err := answer.Read(b.Bytes())
	if err != nil || !reflect.DeepEqual(back, r) {
		t.Errorf("%v\n%+v", err, back)
	}
	var keys map[string]any
	if err := json.Unmarshal(b.Bytes(), &keys); err != nil || keys["verdict"] != "breaks" || keys["exit"] != 3.0 {
		t.Errorf("%v: %v, %v", err, keys["verdict"], keys["exit"])
	}
	b.Reset()
	if err := answer.WriteJSON(&b, &finding.Report{}, 4); err != nil || strings.Contains(b.String(), "null") {
		t.Errorf("%v\n%s", err, b.String())
	}
}

func TestOtherFilesAreNoReport(t *testing.T) {
	for _, text := range []string{"", "[]", "{}", `{"format":2}`, `{"format":1,"findings":7}`, "<html>"} {
		if _, err := answer.Read([]byte(text)); err == nil || !strings.Contains(err.Error(), "spafleet doctor --json") {
			t.Errorf("%q: %v", text, err)
		}
	}
}
