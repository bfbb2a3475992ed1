package prov_test

import (
	"fmt"

	"spafleet/prov"
	"spafleet/resync"
)

func ExampleNewCore() {
	core, err := prov.NewCore(map[string]prov.Entry{
		"/spa$PSN.cfg": {Body: "<flat-profile/>"},
		"/$MA.xml":     {Body: "<flat-profile><User_ID_1_>1001</User_ID_1_></flat-profile>"},
	}, prov.Options{Log: func(l prov.Line) { fmt.Println(l.Path, l.MAC, l.Status) }})
	if err != nil {
		fmt.Println(err)
		return
	}
	for _, path := range []string{"/spa942.cfg", "/000e08012345.xml", "/other.xml"} {
		core.Respond(0, &resync.Request{Method: "GET", Scheme: "tftp", Path: path})
	}
	// Output:
	// /spa942.cfg  200
	// /000e08012345.xml 000e08012345 200
	// /other.xml  404
}
