package answer_test

import (
	"bytes"
	"testing"

	"spafleet/host/golden"
	"spafleet/scenarios/doctor/answer"
	"spafleet/scenarios/doctor/finding"
)

func page(t *testing.T, r *finding.Report) string {
	t.Helper()
	var b bytes.Buffer
	if err := answer.WritePage(&b, r); err != nil {
		t.Fatal(err)
	}
	return b.String()
}

func TestThePageIsThatOfTheGoldenFile(t *testing.T) {
	golden.File(t, "testdata/answer.html", []byte(page(t, sample())))
}
