package scenarios_test

import (
	"fmt"

	"spafleet/scenarios"
)

// Everything that is wrong in a file comes at once, each mistake with its line.
func ExampleLoad() {
	_, err := scenarios.Load("desk.yaml", []byte(`fleet:
  desk: {modle: SPA504G, count: 20}
duration: 10
`))
	fmt.Println(err)
	// Output:
	// desk.yaml:2:10: fleet.desk: unknown key "modle"; did you mean "model"?
	//    2 |   desk: {modle: SPA504G, count: 20}
	//      |          ^^^^^
	// desk.yaml:3:11: duration: a duration needs a unit (ms s m h d w); did you mean "10s"?
	//    3 | duration: 10
	//      |           ^^
}
