package run_test

import (
	"context"
	"fmt"
	"log"

	"spafleet/scenarios"
	"spafleet/scenarios/run"
)

// Twenty phones ask for their profile and must have taken it within two minutes.
// With an embedded server time is virtual: the example takes a moment.
func Example() {
	s, err := scenarios.Load("hello.yaml", []byte(`
fleet:
  phones: {model: SPA942, count: 20}
server:
  files:
    /spa942.cfg: <flat-profile><User_ID_1_>1001</User_ID_1_></flat-profile>
expect:
  - all: param("User_ID_1_") == "1001"
    by: 2m
`))
	if err != nil {
		log.Fatal(err) // every mistake of the file, with its line
	}
	report, err := run.Run(context.Background(), s, run.Options{})
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(report.Name, report.Verdict, report.Expect[0].Held, "of", report.Devices)
	// Output: hello passed 20 of 20
}
