package answer_test

import (
	"fmt"
	"time"

	"spafleet/scenarios/doctor/finding"
)

// sample is a report with all that one can have: devices that fare alike and such that
// do not, each severity, several ways of one problem, checks that were not made.
func sample() *finding.Report {
	r := &finding.Report{Format: finding.Format, Server: "https://prov.test/$MA.xml", Began: time.Date(2026, 11, 30, 16, 0, 0, 0, time.UTC), Took: finding.Seconds(8340 * time.Millisecond)}
	for _, d := range []struct {
		model    string
		versions []string
	}{
		{"SPA2102", []string{"3.3.6", "5.2.12"}}, {"PAP2T", []string{"3.1.15(LS)", "5.1.6(LS)"}}, {"SPA942", []string{"4.1.8", "6.1.5(a)"}},
		{"SPA504G", []string{"7.4.3", "7.6.2g"}}, {"SPA525G2", []string{"7.4.7", "7.6.2e"}}, {"SPA112", []string{"1.1.0(011)", "1.4.1(SR5)"}},
	} {
		for _, v := range d.versions {
			r.Devices = append(r.Devices, finding.Device{Model: d.model, Firmware: v, URL: "https://prov.test/000e08000001.xml"})
			examine(r, d.model, v)
		}
	}
	return r
}

// examine lets a device fare as the sample says: old firmware fails in the handshake, new
// firmware finds other faults.
func examine(r *finding.Report, model, version string) {
	add := func(check string, f finding.Finding) {
		f.Model, f.Firmware, f.Check = model, version, check
		r.Findings = append(r.Findings, f)
	}
	skip := func(why string, checks ...string) {
		for _, c := range checks {
			r.Unasked = append(r.Unasked, finding.Unasked{Check: c, Model: model, Firmware: version, Why: why})
		}
	}
	add("reachable", finding.Finding{OK: true, Detail: "192.0.2.7:443 accepts connections."})
	old := version[0] < '7' && model != "SPA112"
	if old {
		add("tls-version", finding.Finding{
			Severity: finding.Breaks, Basis: "inferred, switch tls_versions", Evidence: `alert 70, "protocol_version"`,
			Detail: fmt.Sprintf("The server ends the handshake: it wants a later version than %s, which this firmware speaks.", map[bool]string{true: "SSL 3.0", false: "SSL 3.0 and TLS 1.0"}[version == "3.3.6"]),
		})
		skip("the handshake failed", "tls-suite", "tls-key-exchange", "cert-signature", "cert-root", "cert-chain", "cert-name", "cert-dates", "client-cert", "redirect", "auth", "content-type", "encoding", "chunked", "file-found", "missing-file",
			"profile-xml", "profile-parameters", "profile-secrets", "profile-periods", "profile-reboots")
	} else {
		for _, c := range []string{"tls-version", "tls-suite", "tls-key-exchange", "cert-signature", "cert-root", "cert-chain", "cert-name", "cert-dates", "client-cert", "redirect", "auth", "content-type", "encoding", "chunked", "file-found", "profile-xml"} {
			add(c, finding.Finding{OK: true, Detail: "It is as the device needs it."})
		}
		add("missing-file", finding.Finding{Severity: finding.Breaks, Basis: "documented", Detail: "The server answers 200 and a page for a file that nobody has: the device takes that for its profile.", Evidence: `HTTP/1.1 200 OK, text/html, "<!DOCTYPE html>\n<html lang=\"en\">"`})
		if model == "SPA504G" {
			add("profile-parameters", finding.Finding{Severity: finding.Warns, Basis: "field", Detail: "Line 7: the device has no parameter Auto_Register_When_Failover_9_.", Evidence: `<Auto_Register_When_Failover_9_>`, Hint: "leave it out, or write a number from 1 to 4"})
		} else {
			add("profile-parameters", finding.Finding{OK: true, Detail: "Each is known."})
		}
		add("profile-secrets", finding.Finding{OK: true, Detail: "The file came encrypted."})
		add("profile-periods", finding.Finding{Severity: finding.Note, Detail: "Resync_Periodic is 86400 without a random part: all devices that boot together ask together.", Evidence: `<Resync_Periodic>86400</Resync_Periodic>`})
		add("profile-reboots", finding.Finding{OK: true, Detail: "A second resync changes nothing."})
	}
	skip("the profile names no firmware", "upgrade")
}
