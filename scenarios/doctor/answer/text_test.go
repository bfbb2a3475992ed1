package answer_test

import (
	"bytes"
	"testing"

	"spafleet/host/golden"
	"spafleet/scenarios/doctor/answer"
	"spafleet/scenarios/doctor/finding"
)

func text(t *testing.T, r *finding.Report) string {
	t.Helper()
	var b bytes.Buffer
	if err := answer.WriteText(&b, r); err != nil {
		t.Fatal(err)
	}
	return b.String()
}

func TestTheTextIsThatOfTheGoldenFile(t *testing.T) {
	golden.File(t, "testdata/answer.txt", []byte(text(t, sample())))
}
