package certs_test

import (
	"fmt"
	"log"
	"net/netip"
	"strings"

	"spafleet/certs"
	"spafleet/device"
	"spafleet/device/model"
)

// Test authorities, and the certificate of one device as its maker would have
// signed it. The same seed gives the same bytes.
func Example() {
	pki := certs.New(1)
	bundle, err := pki.Bundle()
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println("authorities for the server under test:", strings.Count(string(bundle), "BEGIN CERTIFICATE"))

	row, err := model.NewRow("SPA2102", "", nil)
	if err != nil {
		log.Fatal(err)
	}
	u := device.NewUnit(row, 1, 0, netip.MustParseAddr("127.64.0.1"))
	u.MAC, u.Serial = model.MAC{0x00, 0x0e, 0x08, 0x01, 0x23, 0x45}, "FM500H100001"

	holder := &certs.Holder{PKI: pki}
	c, kind, err := holder.Certificate(&u)
	if err != nil {
		log.Fatal(err)
	}
	d, err := certs.Describe(c.Chain[0])
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(kind, d.Signature, d.Bits, "bits")
	fmt.Println(d.Subject)
	// Output:
	// authorities for the server under test: 4
	// own MD5-RSA 1024 bits
	// emailAddress=info@sipura.com,CN=SPA-2102\, MAC: 000e08012345\, Serial: FM500H100001,OU=SPA-2102,O=Sipura Technology,L=FM500H100001,ST=000e08012345,C=US
}

// A server's certificate, with its key, from the authority that the devices trust.
func ExamplePKI_Server() {
	c, err := certs.New(1).Server(certs.ServerRequest{CA: certs.Sipura1, CN: "prov.example.com"})
	if err != nil {
		log.Fatal(err)
	}
	d, err := certs.Describe(c.Chain[0])
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(d.Subject)
	fmt.Println(d.Signature, d.Bits, "bits")
	// Output:
	// CN=prov.example.com,O=TEST provisioning server
	// SHA1-RSA 2048 bits
}
