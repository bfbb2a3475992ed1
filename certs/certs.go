// Package certs has test authorities in the shape of the makers' and what they
// sign: the certificates of devices and of servers, in memory, in folders, as PEM
// and described for people. Which of them a firmware accepts is in package trust.
//
// Everything here is for tests. No certificate or key of a maker is among it, and
// the names of all authorities say TEST.
//
// [New] makes a [PKI] in memory, [Init] and [Open] in a folder; [PKI.Server] signs
// servers' certificates, and a [Holder] has those of the devices.
package certs

// A Name is one authority of the test PKI.
type Name string

// The authorities. Four sign servers, four sign devices; brand by brand the two
// share one serial number, and all of Cisco's share one (field).
const (
	Sipura1        Name = "sipura1"
	Linksys1       Name = "linksys1" // the devices' copy ended on 2015-06-30 (field)
	CiscoSB1       Name = "ciscosb1"
	CiscoSB2       Name = "ciscosb2"
	Verisign       Name = "verisign"        // Class 3 Public Primary Certification Authority
	VerisignServer Name = "verisign-server" // Class 3 Secure Server CA, below it
	Public         Name = "public"          // in no device's store

	SipuraClient1  Name = "sipura-client-1"
	LinksysClient1 Name = "linksys-client-1"
	CiscoSBClient1 Name = "ciscosb-client-1"
	CiscoSBClient2 Name = "ciscosb-client-2"
)
