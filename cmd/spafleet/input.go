package main

import "spafleet/host"

// mostInput is the longest file that a command reads, in bytes: profiles, firmware,
// certificates, lists of arguments. Scenarios and results have limits of their own.
const mostInput = 16 << 20

// readInput reads a file that the user named; - is the standard input.
func readInput(s streams, name string) ([]byte, error) {
	if name == "-" {
		return host.ReadAll(s.in, "standard input", mostInput)
	}
	return host.ReadFile(name, mostInput)
}
