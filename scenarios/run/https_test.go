package run_test

import (
	"strings"
	"testing"

	"spafleet/certs"
	"spafleet/scenarios/report"
	"spafleet/scenarios/scenariotest"
)

// A unit that does not trust the server learns of its authority by plain HTTP,
// once, and then it does.
func TestACustomAuthorityIsFetchedOnce(t *testing.T) {
	t.Parallel()
	a, err := certs.New(1).Authority(certs.Public)
	if err != nil {
		t.Fatal(err)
	}
	pem := strings.ReplaceAll(string(certs.EncodeCertificates([][]byte{a.Cert.Raw})), "\n", "\n      ")
	r, _ := act(t, `
clock: real
limits: {lateness: 1h}
fleet:
  phones: {model: SPA504G, firmware: 7.6.2, count: 3, lease: none, set: {Resync_Random_Delay: 0, Profile_Rule: "https://${server.https}/a.xml", Custom_CA_RULE: "http://${server.http}/ca.pem"}}
server:
  https: {ca: public}
  files:
    /a.xml: <flat-profile><GPP_A>x</GPP_A></flat-profile>
    /ca.pem: |
      `+pem+`
timeline:
  - {at: 500ms, resync: all}
expect:
  - {all: 'param("GPP_A") == "x" && resyncs.ok == 2 && fetches.ok == 3', by: 30s}
  - never: event.kind == "fetch_failed"
`)
	scenariotest.WantVerdict(t, r, report.Passed)
}

// What is said of a listener is what the devices meet: each refuses for a reason
// of its own, and the events say which.
func TestListenersAreAsTheScenarioSays(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct{ https, model, want string }{
		{"{ca: sipura1}", "SPA504G", `last("fetch").protection == ["tls"]`},
		{"{ca: sipura1, client: request}", "SPA504G", `"mutual" in last("fetch").protection`},
		{"{ca: ciscosb2, client: require}", "SPA504G", `"mutual" in last("fetch").protection`},
		{"{ca: sipura1, client: renegotiate}", "SPA504G", `"mutual" in last("fetch").protection`},
		{"{ca: sipura1, client: require, roots: [ciscosb-client-1]}", "SPA2102", `last("fetch_failed").alert == 48 && last("fetch_failed").tls_error == 0`},
		{"{ca: public}", "SPA504G", `last("fetch_failed").tls_error == 20 && last("fetch_failed").alert == 48 && last("syslog").text endsWith "https_get failed"`},
		{"{ca: linksys1}", "SPA504G", `last("fetch_failed").tls_error == 10 && last("fetch_failed").alert == 45`},
		{"{ca: linksys1}", "SPA2102", `last("fetch").protection == ["tls"]`},
		{`{cn: "*.test"}`, "SPA504G", `last("fetch_failed").tls_error == 50 && last("fetch_failed").alert == 0`},
		{`{cn: ""}`, "SPA504G", `last("fetch").protection == ["tls"]`},
		{"{valid: 2006-01-01..2010-01-01}", "SPA504G", `last("fetch_failed").tls_error == 10`},
		{"{hash: sha256}", "SPA2102", `last("fetch_failed").tls_error == 7 && last("fetch_failed").alert == 51`},
		{"{dh: 2048}", "SPA2102", `last("fetch_failed").alert == 40`},
		{"{dh: 1024}", "SPA2102", `last("fetch").protection == ["tls"]`},
		{"{hello: strict}", "SPA2102", `last("fetch_failed").result == "tls" && last("fetch_failed").alert == 0 && last("syslog").text endsWith "https_get failed"`},
		{"{hello: strict}", "SPA504G", `last("fetch").protection == ["tls"]`},
		{"{client: require, client_hash: sha1}", "SPA2102", `last("fetch_failed").alert == 42 && last("fetch_failed").tls_error == 0`},
		{"{client: require, client_hash: sha1}", "SPA504G", `"mutual" in last("fetch").protection`},
		{"{client: require, client_hash: sha256}", "SPA504G", `last("fetch_failed").alert == 42`},
		{"{versions: [tls1.2]}", "SPA504G", `last("fetch_failed").alert == 70`},
		{"{versions: [ssl3]}", "SPA2102", `last("fetch").protection == ["tls"]`},
		{"{ciphers: RC4-MD5}", "SPA504G", `last("fetch_failed").alert == 40`},
	} {
		r, _ := act(t, `
clock: real
limits: {lateness: 1h}
fleet:
  phones: {model: `+tt.model+`, lease: none, set: {Resync_Random_Delay: 0, Syslog_Server: 127.0.0.1:9, Primary_NTP_Server: 192.0.2.1, Profile_Rule: "https://${server.https}/a.xml"}, switches: {defect_share: 0}}
server:
  https: `+tt.https+`
  files:
    /a.xml: <flat-profile><GPP_A>x</GPP_A></flat-profile>
expect:
  - {all: '`+tt.want+`', by: 30s}
`)
		if r.Verdict != report.Passed {
			t.Errorf("%s, %s: not %s", tt.https, tt.model, tt.want)
		}
		scenariotest.WantVerdict(t, r, report.Passed)
	}
}

func TestCertificatesOfAGroup(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct{ cert, want string }{
		{"auto", `"mutual" in last("fetch").protection`},
		{"generic", `last("fetch").protection == ["tls"]`},
		{"none", `last("fetch_failed").alert == 40`},
		{"bad-signature", `last("fetch_failed").alert == 51`},
		{"wrong-key", `last("fetch_failed").alert == 51`},
		{"expired", `last("fetch_failed").alert == 45`},
		{"foreign", `last("fetch_failed").alert == 48`},
	} {
		r, _ := act(t, `
clock: real
limits: {lateness: 1h}
fleet:
  phones: {model: SPA942, lease: none, cert: `+tt.cert+`, set: {Resync_Random_Delay: 0, Profile_Rule: "https://${server.https}/a.xml"}}
server:
  https: {client: require}
  files:
    /a.xml: <flat-profile><GPP_A>x</GPP_A></flat-profile>
expect:
  - {all: '`+tt.want+`', by: 30s}
`)
		if r.Verdict != report.Passed {
			t.Errorf("%s: not %s: %+v", tt.cert, tt.want, r.Findings)
		}
	}
}

// What stands behind /ringtone and /updateCA is fetched (device-surface.md §1.1): a ring
// tone of /ring.dat where no path is named, and an authority that the next resync trusts.
func TestPhonesFetchWhatTheirURLsName(t *testing.T) {
	t.Parallel()
	a, err := certs.New(1).Authority(certs.Public)
	if err != nil {
		t.Fatal(err)
	}
	pem := strings.ReplaceAll(string(certs.EncodeCertificates([][]byte{a.Cert.Raw})), "\n", "\n      ")
	r, _ := act(t, `
clock: {mode: virtual}
duration: 10m
fleet:
  phones: {model: SPA504G, firmware: 7.6.2, count: 3, lease: none, set: {Resync_Random_Delay: 0, Resync_Error_Retry_Delay: 0, Profile_Rule: "https://${server.https}/a.xml"}}
server:
  https: {ca: public}
  files:
    /a.xml: <flat-profile><GPP_A>x</GPP_A></flat-profile>
    /ring.dat: tone
    /own.dat: tone
    /ca.pem: |
      `+pem+`
timeline:
  - {name: tone, at: 2m, web: {of: all, path: '/ringtone?${server.tftp}'}}
  - {name: own, at: 3m, web: {of: all, path: '/admin/ringtone?http://${server.http}/own.dat'}}
  - {name: none, at: 4m, web: {of: all, path: '/ringtone?http://${server.http}/nothing.dat'}}
  - {name: ca, at: 5m, web: {of: all, path: '/admin/updateCA?http://${server.http}/ca.pem'}}
  - {name: resync, at: 6m, web: {of: all, path: '/admin/resync'}}
  - {name: late, at: 9m}
expect:
  - {all: 'fetches.ok == 0 && resyncs.ok == 0', by: tone}
  - {all: 'last("fetch").what == "ring_tone" && last("fetch").path == "/ring.dat" && last("fetch").scheme == "tftp"', by: own}
  - {all: 'last("fetch").what == "ring_tone" && last("fetch").path == "/own.dat"', by: none}
  - {all: 'last("fetch_failed").what == "ring_tone" && last("fetch_failed").rule == "url"', by: ca}
  - {all: 'last("fetch").what == "ca" && param("GPP_A") == ""', by: resync}
  - {all: 'param("GPP_A") == "x" && resyncs.ok == 1 && fetches.ok == 4', by: late}
`)
	scenariotest.WantVerdict(t, r, report.Passed)
	var out strings.Builder
	if r.WriteText(&out); !strings.Contains(out.String(), "ring tone by URL command by http") {
		t.Errorf("the failure of a tone is not told:\n%s", out.String())
	}
}
