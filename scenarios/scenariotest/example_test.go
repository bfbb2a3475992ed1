package scenariotest_test

import (
	"fmt"
	"testing"

	"spafleet/scenarios/scenariotest"
)

// In a test, t is the *testing.T that it was given.
func ExampleRun() {
	var t testing.TB = &recorder{}
	r := scenariotest.Run(t, "testdata/outage.yaml")
	fmt.Println(r.Name, r.Verdict, r.Devices)
	// Output: outage passed 10
}
