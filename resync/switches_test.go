package resync_test

import (
	"bytes"
	"context"
	"fmt"
	"net"
	"net/netip"
	"strings"
	"testing"
	"time"

	"spafleet/device"
	"spafleet/device/devicetest"
	"spafleet/device/model"
	"spafleet/device/profile"
	"spafleet/device/syslog"
	"spafleet/resync"
	"spafleet/resync/fetch"
)

// A walk shows that a switch is not idle: with these two values, a device does
// something different.
type walk struct {
	a, b    string // values
	observe func(t *testing.T, setting string) string
}

// walks has an entry for every switch of the firmware table; a file with walks
// of its own adds its map to the list.
var walks = []map[string]walk{timerWalks, transferWalks, attemptWalks, ruleWalks, fileWalks, fleetWalks, upgradeWalks, tlsWalks, webWalks, keypadWalks, extraWalks, leaseWalks, sipWalks}

// See surface-2.md §4.3, §4.6.
func TestEverySwitchChangesWhatADeviceDoes(t *testing.T) {
	row := devicetest.Row(t, "SPA2102", "")
	all := map[string]walk{}
	for _, m := range walks {
		for name, w := range m {
			all[name] = w
		}
	}
	for _, s := range row.Switches {
		w, ok := all[s.Name]
		delete(all, s.Name)
		if !ok {
			t.Errorf("switch %s has no walk that shows what it does", s.Name)
			continue
		}
		t.Run(s.Name, func(t *testing.T) {
			a, b := w.observe(t, s.Name+"="+w.a), w.observe(t, s.Name+"="+w.b)
			if a == b || a == "" || b == "" {
				t.Errorf("%s and %s give the same:\n%s", w.a, w.b, a)
			}
		})
	}
	for name := range all {
		t.Errorf("there is a walk for %s, which is no switch", name)
	}
}

// attempts observes all that a script brings about; see TestAttempts.
func attempts(model, script string) func(*testing.T, string) string {
	return func(t *testing.T, setting string) string {
		var seen []string
		for line := range strings.Lines(play(t, "model "+model+" "+setting+"\n"+script)) {
			if strings.HasPrefix(line, ">") {
				seen = append(seen, line)
			}
		}
		return strings.Join(seen, "")
	}
}

// rowOf returns the row of a model and firmware with one switch turned.
func rowOf(t *testing.T, modelName, setting string) *model.Row {
	t.Helper()
	name, firmware, _ := strings.Cut(modelName, " ")
	return devicetest.Row(t, name, firmware, setting)
}

// scheduled observes when a device acts whose parameters are the factory's but
// for one.
func scheduled(name, param, value string, when func(resync.Schedule) string) func(*testing.T, string) string {
	return func(t *testing.T, setting string) string {
		row := rowOf(t, name, setting)
		p := device.Reset(row.Factory)
		if id, ok := model.LookupID(param); ok {
			p, _ = p.With(&device.Layers{}, []device.Set{{ID: id, Value: value, Has: true}})
		}
		return when(resync.ScheduleOf(row, p))
	}
}

func atBoot(reason device.Reason) func(resync.Schedule) string {
	return func(s resync.Schedule) string {
		at, cause, ok := s.AtBoot(0, reason, 0.5)
		return fmt.Sprint(time.Duration(at), cause, ok)
	}
}

func afterFailure(s resync.Schedule) string {
	at, cause, ok := s.After(0, false, 0, 0.5)
	return fmt.Sprint(time.Duration(at), cause, ok)
}

var timerWalks = map[string]walk{
	"random_delay_unit":         {"1s", "20s", scheduled("SPA2102 5.2.10", "Resync_Random_Delay", "4", atBoot(device.ByPower))},
	"error_retry_zero":          {"never", "at_once", scheduled("SPA2102 5.2.10", "Resync_Error_Retry_Delay", "0", afterFailure)},
	"resync_after_param_reboot": {"no", "yes", scheduled("SPA2102 5.2.10", "", "", atBoot(device.ByParams))},
}

// silence is a server that never answers, in virtual time. What a device sends
// to it is written down with the moment.
type silence struct {
	net.Conn // nil: no other method of it is called
	now      time.Time
	deadline time.Time
	seen     bytes.Buffer
	answer   string
	every    time.Duration // for each byte of the answer; 0: all of it comes at once
}

var epoch = time.Unix(0, 0)

func (s *silence) Write(p []byte) (int, error) {
	fmt.Fprintf(&s.seen, "%v %q\n", s.now.Sub(epoch), p)
	return len(p), nil
}

func (s *silence) Read(p []byte) (int, error) {
	if s.answer != "" {
		if s.every > 0 {
			if s.now = s.now.Add(s.every); s.now.After(s.deadline) {
				s.now = s.deadline
				return 0, lateError{}
			}
			p = p[:1]
		}
		n := copy(p, s.answer)
		s.answer = s.answer[n:]
		return n, nil
	}
	s.now = s.deadline
	return 0, lateError{}
}

func (s *silence) WriteTo(p []byte, _ net.Addr) (int, error) { return s.Write(p) }

func (s *silence) ReadFrom(p []byte) (int, net.Addr, error) {
	n, err := s.Read(p)
	return n, &net.UDPAddr{}, err
}

func (s *silence) SetDeadline(t time.Time) error     { s.deadline = t; return nil }
func (s *silence) SetReadDeadline(t time.Time) error { s.deadline = t; return nil }
func (s *silence) Close() error                      { return nil }
func (s *silence) LocalAddr() net.Addr               { return &net.UDPAddr{} }

type lateError struct{}

func (lateError) Error() string   { return "late" }
func (lateError) Timeout() bool   { return true }
func (lateError) Temporary() bool { return true }

// transfer observes the bytes of one transfer from a server that gives the
// answer, then nothing.
func transfer(modelName string, r resync.Request, answer string) func(*testing.T, string) string {
	return slowTransfer(modelName, r, answer, 0)
}

// slowTransfer is a transfer whose answer takes a time for each byte.
func slowTransfer(modelName string, r resync.Request, answer string, every time.Duration) func(*testing.T, string) string {
	return func(t *testing.T, setting string) string {
		server := &silence{now: epoch, answer: answer, every: every}
		name, firmware, _ := strings.Cut(modelName, " ")
		turned, err := model.ParseAssignments([]string{setting})
		if err != nil {
			t.Fatal(err)
		}
		u := unit(t, name, firmware, turned)
		sockets := &fetch.Sockets{
			Wall:         func() time.Time { return server.now },
			ListenPacket: func(context.Context, netip.Addr) (net.PacketConn, error) { return server, nil },
			Dial: func(_ context.Context, _ netip.Addr, _ netip.AddrPort, wait time.Duration) (net.Conn, error) {
				fmt.Fprintln(&server.seen, "connects within", wait)
				return server, nil
			},
		}
		ask := r
		ask.Unit, ask.Server, ask.Host, ask.Path, ask.Max = &u, netip.MustParseAddrPort("10.0.2.1:80"), "10.0.2.1", "/a", 1000
		resp, err := sockets.Fetch(t.Context(), &ask)
		fmt.Fprintln(&server.seen, server.now.Sub(epoch), resp.Status, err)
		return server.seen.String()
	}
}

var (
	tftpGet = resync.Request{Scheme: "tftp", Method: "GET"}
	httpGet = resync.Request{Scheme: "http", Method: "GET"}
)

var transferWalks = map[string]walk{
	"evidence":          {"all", "field", transfer("SPA504G 7.5.2b", tftpGet, "")},
	"tftp_wait":         {"1s", "2s", transfer("SPA2102 5.2.10", tftpGet, "")},
	"tftp_tries":        {"1", "2", transfer("SPA2102 5.2.10", tftpGet, "")},
	"tftp_options":      {"none", "timeout_tsize", transfer("SPA2102 5.2.10", tftpGet, "")},
	"interim_answers":   {"skip", "final", transfer("SPA2102 5.2.10", httpGet, "HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 204 No Content\r\n\r\n")},
	"http_version":      {"1.1", "1.0", transfer("SPA2102 5.2.10", httpGet, "")},
	"http_connect_wait": {"1s", "2s", transfer("SPA2102 5.2.10", httpGet, "")},
	"http_read_wait":    {"1s", "2s", transfer("SPA2102 5.2.10", httpGet, "")},
	"http_whole_waits":  {"1", "2", slowTransfer("SPA2102 5.2.10", httpGet, strings.Repeat("H", 1000), 7*time.Second)},
	"http_header_size":  {"256", "512", transfer("SPA2102 5.2.10", httpGet, "HTTP/1.1 200 OK\r\nX: "+strings.Repeat("x", 300)+"\r\nContent-Length: 0\r\n\r\n")},
	"dns_wait":          {"1s", "2s", lookup},
	"dns_tries":         {"1", "2", lookup},
	"dns_manual":        {"alone", "first", nameServersOf("SPA2102 5.2.10")},
	"dns_query":         {"sequential", "parallel", nameServersOf("SPA525G2 7.6.2e")},
	"syslog_priority":   {"13", "-1", logged},
	"syslog_end":        {"none", "line_feed", logged},
	"log_lines":         {"few", "all", attempts("SPA2102 5.2.10", "set Debug_Server=192.0.2.250\nset Debug_Level=3\nset Profile_Rule=http://192.0.2.5/a\nresync periodic")},
	"sip_text":          {"raw", "level_2", loggedSIP},
}

// logged is a line in its datagram.
func logged(t *testing.T, setting string) string {
	return string(rowOf(t, "SPA2102 5.2.10", setting).Behaviour.Syslog.Append(nil, syslog.Line{Priority: syslog.Info, Text: "line"}))
}

// loggedSIP is what becomes of the text of a SIP message without debug lines.
func loggedSIP(t *testing.T, setting string) string {
	row := rowOf(t, "SPA2102 5.2.10", setting)
	params := devicetest.Params(t, row.Factory, "Debug_Server=192.0.2.250")
	m := syslog.Message{Sent: true, Line: 1, Text: []byte("REGISTER sip:a SIP/2.0\r\n\r\n")}
	var sent []string
	for _, l := range m.Lines("full", row.Behaviour.Syslog.SIPText) {
		if resync.Sends(row, params, l.Priority) {
			sent = append(sent, string(row.Behaviour.Syslog.Append(nil, l)))
		}
	}
	return fmt.Sprintf("%q", sent)
}

// nameServersOf observes which name servers a device asks, and how.
func nameServersOf(model string) func(*testing.T, string) string {
	return func(t *testing.T, setting string) string {
		row := rowOf(t, model, setting)
		lease := resync.Lease{DNS: []netip.Addr{netip.MustParseAddr("192.0.2.53")}}
		return fmt.Sprint(lease.NameServers(row, devicetest.Params(t, row.Factory, "Primary_DNS=192.0.2.1")))
	}
}

// lookup observes the questions to a name server that does not answer.
func lookup(t *testing.T, setting string) string {
	server := &silence{now: epoch}
	sockets := &fetch.Sockets{
		Wall:           func() time.Time { return server.now },
		NameServers:    &fetch.NameServers{Servers: []netip.AddrPort{netip.MustParseAddrPort("127.0.0.1:53")}, Wait: time.Hour, Tries: 9},
		DialNameServer: func(context.Context, netip.Addr, string, string) (net.Conn, error) { return server, nil },
	}
	ctx := fetch.For(t.Context(), fetch.Asker{Behaviour: &rowOf(t, "SPA2102 5.2.10", setting).Behaviour})
	_, err := sockets.Resolve(ctx, "prov.test.")
	return fmt.Sprintln(server.now.Sub(epoch), err)
}

var attemptWalks = map[string]walk{
	"redirect_places": {"1", "2", attempts("SPA504G 7.5.5", `set Profile_Rule=http://192.0.2.5/a
serve http://192.0.2.5:80/a status=302 location=http://192.0.2.5/a
resync periodic`)},
	"redirect_location": {"any", "absolute", attempts("SPA504G 7.5.5", `set Profile_Rule=http://192.0.2.5/a
serve http://192.0.2.5:80/a status=302 location=/b
resync periodic`)},
	"redirected_post": {"post", "get", attempts("SPA504G 7.5.5", `set Profile_Rule=[--post a] http://192.0.2.5/a
serve http://192.0.2.5:80/a status=302 location=http://192.0.2.5/b
resync periodic`)},
	"post_type": {"none", "text/xml", attempts("SPA504G 7.5.5", `set Profile_Rule=[--post a] http://192.0.2.5/a
resync periodic`)},
	"restricted_domains": {"suffix", "exact", attempts("SPA2102 5.2.10", `name a.example.com 192.0.2.5
set Restricted_Access_Domains=example.com
set Profile_Rule=http://a.example.com/a
resync periodic`)},
	"backoff_marker": {"off", "on", attempts("SPA2102 5.2.10", `set Profile_Rule=http://192.0.2.5/a
serve http://192.0.2.5:80/a !####503#60#
resync periodic`)},
	"http_auth": {"none", "basic_digest", attempts("SPA504G 7.5.5", `set Profile_Rule=[--uid joe --pwd s] http://192.0.2.5/a
serve http://192.0.2.5:80/a status=401 challenge=Basic
resync periodic`)},
	"digest_count": {"rises", "one", attempts("SPA504G 7.5.5", `set Profile_Rule=[--uid joe --pwd s] http://192.0.2.5/a
serve http://192.0.2.5:80/a status=401 challenge=Digest␠realm="r",␠nonce="n",␠qop="auth"
serveAuthorized http://192.0.2.5:80/a status=401 challenge=Digest␠realm="r",␠nonce="n",␠qop="auth"
resync periodic`)},
	"http_missing": {"404", "404_500-503", attempts("SPA2102 5.2.10", `set Profile_Rule=http://192.0.2.5/a
set Resync_Fails_On_FNF=No
serve http://192.0.2.5:80/a status=503
resync periodic`)},
	"get_repeats": {"0", "1", attempts("SPA2102 5.2.10", `set Profile_Rule=http://192.0.2.5/a
serve http://192.0.2.5:80/a status=403
resync periodic`)},
	"any_change_reboots": {"no", "yes", attempts("SPA2102 5.2.10", `set Profile_Rule=http://192.0.2.5/a
serve http://192.0.2.5:80/a <flat-profile><GPP_A>changed</GPP_A></flat-profile>
resync periodic`)},
	"option66_scheme": {"tftp", "transport_protocol", attempts("SPA504G 7.5.5", `lease 192.0.2.5
resync power_on`)},
	"profile_limit": {"1024", "2048", attempts("SPA2102 5.2.10", `set Profile_Rule=http://192.0.2.5/a
serve http://192.0.2.5:80/a fill=1025
resync periodic`)},
	"plain_under_key": {"refuse", "accept", attempts("SPA2102 5.2.10", `set Profile_Rule=[--key k] http://192.0.2.5/a
serve http://192.0.2.5:80/a <flat-profile></flat-profile>
resync periodic`)},
	"compiled_profile": {"corrupt", "opaque", attempts("SPA2102 5.2.10", `set Profile_Rule=http://192.0.2.5/a
serve http://192.0.2.5:80/a !SIPURA SPA _ nothing of the vendor's
resync periodic`)},
	"empty_element": {"keep", "clear", attempts("SPA2102 5.2.10", `set GPP_A=full
set Profile_Rule=http://192.0.2.5/a
serve http://192.0.2.5:80/a <flat-profile><GPP_A/></flat-profile>
resync periodic`)},
	"router_configuration": {"ignore", "apply", attempts("SPA122 1.3.5(004p)", `set Profile_Rule=http://192.0.2.5/a
serve http://192.0.2.5:80/a <flat-profile><router-configuration><Internet_Option><Host_Name>nested</Host_Name></Internet_Option></router-configuration></flat-profile>
resync periodic`)},
	"redirects": {"fail", "follow", attempts("SPA504G 7.5.5", `set Profile_Rule=http://192.0.2.5/a
serve http://192.0.2.5:80/a status=302 location=http://192.0.2.6/b
resync periodic`)},
	"dotted_suffix": {"text", "suffix", attempts("SPA504G 7.5.5", `set Profile_Rule=($SWVER lt 7.5.5.a)? http://192.0.2.5/a
resync periodic`)},
	"version_suffix": {"compare", "ignore", attempts("SPA942 6.1.5(a)", `set Profile_Rule=($SWVER eq 6.1.5)? http://192.0.2.5/a
resync periodic`)},
}

// by is a script's beginning: an ordinary device with a first rule.
func by(rule, rest string) func(*testing.T, string) string {
	return attempts("SPA2102 5.2.10", "set Syslog_Server=192.0.2.250\nset Profile_Rule="+rule+"\n"+rest+"\nresync periodic")
}

var ruleWalks = map[string]walk{
	"malformed_rule_err": {"parse_error", "invalid_url", by("profile.cfg", "")},
	"no_server_err":      {"dns_resolution", "no_server_name", by("/a", "")},
	"string_order":       {"false", "error", by(`("a" lt "b")? http://192.0.2.5/a`, "")},
	"rule_size":          {"2047", "256", by("http://192.0.2.5/"+strings.Repeat("a", 300), "")},
	"nested_parentheses": {"accept", "refuse", by(`((true) and ($PRVST eq 1))? http://192.0.2.5/a`, "")},
	"comment_in_quotes":  {"no", "yes", by(`("#" eq "#")? http://192.0.2.5/a`, "")},
	"quote_escapes":      {"yes", "no", by(`("a\"" ne "b")? http://192.0.2.5/a`, "")},
	"last_semicolon":     {"required", "optional", by(`(GPP_A = "x")! http://192.0.2.5/a`, "")},
	"rule_case":          {"exact", "any", by(`(TRUE)? http://192.0.2.5/a`, "")},
	"macro_case":         {"exact", "any", by(`http://192.0.2.5/$mau`, "")},
	"pn_hyphen":          {"yes", "no", by(`http://192.0.2.5/$PN`, "")},
	"later_rules": {"live", "start", by(`http://192.0.2.5/a`, `
serve http://192.0.2.5:80/a <flat-profile><Profile_Rule_B>http://192.0.2.5/b</Profile_Rule_B></flat-profile>`)},
	"url_command": {"url_only", "all_rules", attempts("SPA2102 5.2.10", `set Profile_Rule_B=http://192.0.2.5/b
serve http://192.0.2.5:80/u <flat-profile></flat-profile>
resync web http://192.0.2.5/u`)},
	"failed_alternative": {"fails", "next", by(`(true)? http://192.0.2.5/a | http://192.0.2.5/b`, "serve http://192.0.2.5:80/b <flat-profile></flat-profile>")},
	"reboot_after": {"sequence", "rule", by(`http://192.0.2.5/a`, `set Profile_Rule_B=http://192.0.2.5/b
serve http://192.0.2.5:80/a <flat-profile><User_ID_1_>new</User_ID_1_></flat-profile>`)},
	"dns_addresses": {"all", "first", by(`http://prov.example/a`, `name prov.example 192.0.2.5 192.0.2.6
serve http://192.0.2.5:80/a error=connect
serve http://192.0.2.6:80/a <flat-profile></flat-profile>`)},
}

var fileWalks = map[string]walk{
	"success_message":  {"plain", "with_err", by(`http://192.0.2.5/a`, "serve http://192.0.2.5:80/a <flat-profile></flat-profile>")},
	"err_texts":        {"late", "plain", by(`http://192.0.2.5/none`, "")},
	"broken_file":      {"refuse", "apply_start", by(`http://192.0.2.5/a`, "serve http://192.0.2.5:80/a <flat-profile><GPP_A>x</GPP_A><GPP_B>")},
	"mismatched_end":   {"refuse", "closes", by(`http://192.0.2.5/a`, "serve http://192.0.2.5:80/a <flat-profile><GPP_A>x</GPP_B></flat-profile>")},
	"slash_in_name":    {"apply_start", "skip", by(`http://192.0.2.5/a`, "serve http://192.0.2.5:80/a <flat-profile><GPP_A>x</GPP_A><SIP_ToS/X>1</SIP_ToS/X><GPP_B>y</GPP_B></flat-profile>")},
	"bare_less_than":   {"refuse", "text", by(`http://192.0.2.5/a`, "serve http://192.0.2.5:80/a <flat-profile><GPP_A>(<:1>x)</GPP_A></flat-profile>")},
	"bare_attribute":   {"ignore", "refuse", by(`http://192.0.2.5/a`, "serve http://192.0.2.5:80/a <flat-profile><GPP_A ua\"na\">x</GPP_A></flat-profile>")},
	"blank_in_end_tag": {"accept", "apply_start", by(`http://192.0.2.5/a`, "serve http://192.0.2.5:80/a <flat-profile><GPP_A>x</GPP_A ></flat-profile>")},
	"value_blanks":     {"trim", "keep", by(`http://192.0.2.5/a`, "serve http://192.0.2.5:80/a <flat-profile><GPP_A> x </GPP_A></flat-profile>")},
	"empty_file":       {"fail", "ignore", by(`http://192.0.2.5/a`, "serve http://192.0.2.5:80/a !")},
	"bare_ampersand":   {"keep", "refuse", by(`http://192.0.2.5/a`, "serve http://192.0.2.5:80/a <flat-profile><GPP_A>x & y</GPP_A></flat-profile>")},
	"cdata":            {"ignore", "text", by(`http://192.0.2.5/a`, "serve http://192.0.2.5:80/a <flat-profile><GPP_A><![CDATA[x]]></GPP_A></flat-profile>")},
	"no_flat_profile":  {"fail", "ignore", by(`http://192.0.2.5/a`, "serve http://192.0.2.5:80/a <html></html>")},
	"plain_source":     {"refuse", "accept", by(`http://192.0.2.5/a`, "serve http://192.0.2.5:80/a !GPP_A \"x\" ;")},
	"missing_access": {"keep", "factory", func(t *testing.T, setting string) string {
		row := rowOf(t, "SPA2102 5.2.10", setting)
		var s resync.ProfileCache
		u, p := device.NewUnit(row, 1, 0, netip.Addr{}), device.Reset(row.Factory)
		for _, text := range []string{`<GPP_A ua="rw">x</GPP_A>`, `<GPP_A>y</GPP_A>`} {
			body := []byte("<flat-profile>" + text + "</flat-profile>")
			r, err := s.Read(t.Context(), &u, body, s.Digest(body, profile.Options{}), profile.Options{})
			if err != nil {
				t.Fatal(err)
			}
			p, _ = p.With(&s.Layers, r.Sets)
		}
		id, _ := model.LookupID("GPP_A")
		return p.Access(id).String()
	}},
}
