package trust_test

import (
	"fmt"
	"log"
	"time"

	"spafleet/certs"
	"spafleet/certs/trust"
	"spafleet/device/model"
)

// Which server certificates a firmware accepts: the number is OpenSSL's, 0 for
// accepted. The name is checked after the handshake.
func ExampleDevices_Verify() {
	row, err := model.NewRow("SPA2102", "", nil)
	if err != nil {
		log.Fatal(err)
	}
	pki := certs.New(1)
	devices := &trust.Devices{PKI: pki}
	now := time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)
	for _, ca := range []certs.Name{certs.Sipura1, certs.Public} {
		server, err := pki.Server(certs.ServerRequest{CA: ca, CN: "prov.example.com"})
		if err != nil {
			log.Fatal(err)
		}
		_, number := devices.Verify(row, server.Chain, now)
		fmt.Printf("%s: accepted %t, error %d, name fits %t\n", ca, number == 0, number, trust.NameFits(row, server.Chain[0], "prov.example.com"))
	}
	// Output:
	// sipura1: accepted true, error 0, name fits true
	// public: accepted false, error 20, name fits true
}
