package main

import (
	"encoding/json"
	"fmt"
	"maps"
	"math"
	"net/http"
	"net/url"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"spafleet/bench/extproc"
)

const (
	dashboardFile = "../../deploy/grafana/spafleet.json"
	rulesFile     = "../../deploy/prometheus/spafleet.rules.yml"
	configFile    = "../../deploy/prometheus/prometheus.yml"
)

// promtool runs the tool that comes with Prometheus.
func promtool(t *testing.T, args ...string) {
	t.Helper()
	if out, err := exec.CommandContext(t.Context(), extproc.Need(t, "promtool", "prometheus"), args...).CombinedOutput(); err != nil {
		t.Errorf("promtool %s: %v\n%s", strings.Join(args, " "), err, out)
	}
}

// The rules are right, and their alerts come and go in the stories of their test file.
func TestRulesForPrometheus(t *testing.T) {
	t.Parallel()
	promtool(t, "check", "config", configFile)
	promtool(t, "check", "rules", "--lint-fatal", rulesFile)
	promtool(t, "test", "rules", strings.TrimSuffix(rulesFile, ".yml")+"_test.yml")
	stories := read(t, strings.TrimSuffix(rulesFile, ".yml")+"_test.yml")
	for _, name := range regexp.MustCompile(`(?m)^ +- (?:alert|record): (\S+)$`).FindAllStringSubmatch(read(t, rulesFile), -1) {
		if !strings.Contains(stories, name[1]) {
			t.Errorf("no story has %s", name[1])
		}
	}
}

// An asked is an expression that a person or a rule asks Prometheus, and where it stands.
type asked struct{ where, expr string }

// A dashboardPanel is one of Grafana's; a row has more of them.
type dashboardPanel struct {
	Title, Type, Description string
	Targets                  []struct{ Expr string }
	Panels                   []dashboardPanel
	GridPos                  struct{ X, Y, W, H int }
}

type dashboard struct {
	Panels     []dashboardPanel
	Templating struct {
		List []struct{ Name, Type, Definition string }
	}
	Annotations struct{ List []struct{ Name, Expr string } }
}

func readDashboard(t *testing.T) dashboard {
	t.Helper()
	var d dashboard
	if err := json.Unmarshal([]byte(read(t, dashboardFile)), &d); err != nil {
		t.Fatal(err)
	}
	return d
}

// all are the panels that show something.
func (d *dashboard) all() (list []dashboardPanel) {
	for _, p := range d.Panels {
		if p.Type == "row" {
			list = append(list, p.Panels...)
			continue
		}
		list = append(list, p)
	}
	return list
}

// filled puts values into the places of Grafana's variables.
var filled = strings.NewReplacer("$job", ".*", "$instance", ".*", "$model", ".*", "$__rate_interval", "3s")

// queries are the expressions of the dashboard's panels and of docs/metrics.md.
func queries(t *testing.T) (list []asked) {
	t.Helper()
	d := readDashboard(t)
	for _, p := range d.all() {
		for _, target := range p.Targets {
			list = append(list, asked{"panel " + p.Title, filled.Replace(target.Expr)})
		}
	}
	page := fenced(read(t, "../../docs/metrics.md"), "promql")
	if len(page) != 10 {
		t.Errorf("docs/metrics.md has %d queries", len(page))
	}
	for _, block := range page {
		list = append(list, asked{"docs/metrics.md", strings.TrimSpace(block)})
	}
	return list
}

// ruled are the expressions of the rules, and the names of what they record.
func ruled(t *testing.T) (list []asked, recorded []string) {
	t.Helper()
	text := read(t, rulesFile)
	for _, m := range regexp.MustCompile(`(?m)^ +- (alert|record): (\S+)\n +expr: (?:>\n((?: {10}.*\n)+)|(.*)\n)`).FindAllStringSubmatch(text, -1) {
		list = append(list, asked{"rule " + m[2], m[3] + m[4]})
		if m[1] == "record" {
			recorded = append(recorded, m[2])
		}
	}
	if n := strings.Count(text, " expr: "); n != len(list) {
		t.Errorf("%d of %d rules are read", len(list), n)
	}
	return list, recorded
}

// shown are the labels of metrics, and their values.
type shown map[string]map[string][]string

// readShown reads what /metrics answers.
func readShown(text string) shown {
	s := shown{}
	for _, m := range regexp.MustCompile(`(?m)^(\w+)(?:\{(.*)\})? \S+$`).FindAllStringSubmatch(text, -1) {
		if s[m[1]] == nil {
			s[m[1]] = map[string][]string{"job": nil, "instance": nil}
		}
		for _, l := range regexp.MustCompile(`(\w+)="([^"]*)"`).FindAllStringSubmatch(m[2], -1) {
			s[m[1]][l[1]] = append(s[m[1]][l[1]], l[2])
		}
	}
	return s
}

var (
	grouped  = regexp.MustCompile(`\b(?:by|on)\s*\(([^)]*)\)`)
	selected = regexp.MustCompile(`([a-zA-Z_:][\w:]*)\s*(?:\{([^}]*)\}|(\())?`)
	matched  = regexp.MustCompile(`(\w+)\s*(=~|!~|!=|=)\s*"([^"]*)"`)
)

// check finds names in an expression that the metrics do not have: of metrics, labels, and
// values of labels.
func (s shown) check(expr string) (wrong []string) {
	groups := map[string]bool{} // whether a metric has them
	for _, m := range grouped.FindAllStringSubmatch(expr, -1) {
		for _, l := range strings.Split(m[1], ",") {
			groups[strings.TrimSpace(l)] = false
		}
	}
	rest := regexp.MustCompile(`\[[^\]]*\]`).ReplaceAllString(grouped.ReplaceAllString(expr, ""), "")
	for _, m := range selected.FindAllStringSubmatch(rest, -1) {
		if m[3] != "" || m[1] == "and" { // a function, an operator
			continue
		}
		labels, ok := s[m[1]]
		if !ok {
			wrong = append(wrong, "no metric "+m[1])
		}
		wrong = append(wrong, checkMatchers(m[1], labels, m[2])...)
		for l := range labels {
			groups[l] = true
		}
	}
	for l, known := range groups {
		if !known {
			wrong = append(wrong, "no label "+l)
		}
	}
	return wrong
}

func checkMatchers(metric string, labels map[string][]string, text string) (wrong []string) {
	for _, m := range matched.FindAllStringSubmatch(text, -1) {
		values, ok := labels[m[1]]
		switch {
		case !ok:
			wrong = append(wrong, fmt.Sprintf("%s has no label %s", metric, m[1]))
		case (m[2] == "=" || m[2] == "!=") && !slices.Contains(values, m[3]):
			wrong = append(wrong, fmt.Sprintf("%s has no %s %q", metric, m[1], m[3]))
		}
	}
	return wrong
}

// Every metric, label and value of a label that the dashboard, the rules and the page name
// is one that a run has.
func TestExpressionsNameMetricsThatAreThere(t *testing.T) {
	t.Parallel()
	address, stop := lingering(t, "run", "--model", "PAP2T", "--virtual", "1m", "--until", "provisioned", "--metrics", "127.0.0.1:0", "--linger", "1h")
	_, _, text := get(t, address)
	stop()
	have := readShown(text)
	have["up"] = map[string][]string{"job": nil, "instance": nil}
	rules, recorded := ruled(t)
	for _, name := range recorded {
		have[name] = map[string][]string{"job": nil, "instance": nil, "result": nil}
	}
	list := append(queries(t), rules...)
	d := readDashboard(t)
	for _, v := range d.Templating.List {
		if m := regexp.MustCompile(`^label_values\((.*), (\w+)\)$`).FindStringSubmatch(v.Definition); m != nil {
			list = append(list, asked{"variable " + v.Name, filled.Replace("sum by (" + m[2] + ") (" + m[1] + ")")})
		}
	}
	if len(list) < 50 {
		t.Errorf("%d expressions", len(list))
	}
	for _, q := range list {
		for _, wrong := range have.check(q.expr) {
			t.Errorf("%s: %s: %s", q.where, wrong, q.expr)
		}
	}
	for expr, want := range map[string]string{ // the check finds what is wrong
		`sum by (state) (spafleet_devises)`:                  "no metric spafleet_devises",
		`sum by (status) (spafleet_devices)`:                 "no label status",
		`rate(spafleet_resyncs_total{outcome="ok"}[1m])`:     "spafleet_resyncs_total has no label outcome",
		`rate(spafleet_resyncs_total{result="success"}[1m])`: `spafleet_resyncs_total has no result "success"`,
	} {
		if wrong := have.check(expr); !slices.Contains(wrong, want) {
			t.Errorf("%s: %q, want %q", expr, wrong, want)
		}
	}
}

// The panels of the dashboard lie side by side in a grid of 24 columns, and each says what
// it shows.
func TestTheDashboardIsInOrder(t *testing.T) {
	t.Parallel()
	d := readDashboard(t)
	taken := map[[2]int]string{}
	for _, p := range d.all() {
		if p.Title == "" || p.Description == "" || len(p.Targets) == 0 || p.GridPos.X+p.GridPos.W > 24 {
			t.Errorf("panel %q lacks a title, a description or expressions, or is too wide: %+v", p.Title, p.GridPos)
		}
		for x := p.GridPos.X; x < p.GridPos.X+p.GridPos.W; x++ {
			for y := p.GridPos.Y; y < p.GridPos.Y+p.GridPos.H; y++ {
				if other := taken[[2]int{x, y}]; other != "" {
					t.Fatalf("%q lies over %q", p.Title, other)
				}
				taken[[2]int{x, y}] = p.Title
			}
		}
	}
	if len(d.all()) < 20 {
		t.Errorf("%d panels", len(d.all()))
	}
}

// watchedScenario has something of all that the dashboard shows.
const watchedScenario = `name: watched
clock: real
duration: 7s
fleet:
  homes:
    mix: {SPA942 6.1.5(a): 50%, SPA504G 7.5.5: 50%}
    count: 30
    switches: {boot_time: 0s, reboot_time: 0s}
    set: {Resync_Random_Delay: 0, Resync_Periodic: 1, Profile_Rule: "http://${server.http}/$MA.xml"}
  lost:
    model: SPA942
    count: 10
    switches: {boot_time: 0s}
    set: {Resync_Random_Delay: 0, Resync_Error_Retry_Delay: 1, Profile_Rule: "http://${server.http}/none.xml"}
server:
  sip: {password: secret}
  files:
    /$MA.xml: |
      <flat-profile>
        <User_ID_1_>{{ 1000 + index }}</User_ID_1_>
        <Password_1_>secret</Password_1_>
        <Proxy_1_>${server.sip}</Proxy_1_>
      </flat-profile>
timeline:
  - {at: 3s, reboot: 20% of homes}
  - {at: 4s, notify: {of: homes, event: check-sync}}
expect:
  - {name: homes have their profile, of: homes, all: resyncs.ok > 0, by: 3s}
  - {name: nobody is lost, all: resyncs.ok > 0, by: 6s}
`

// A prometheusServer is one at work.
type prometheusServer struct {
	t    *testing.T
	addr string
}

// startPrometheus starts it with the configuration that comes with spafleet, to scrape
// an address twice a second.
func startPrometheus(t *testing.T, target string, options ...string) *prometheusServer {
	t.Helper()
	program, dir := extproc.Need(t, "prometheus", "prometheus"), t.TempDir()
	config := read(t, configFile)
	for old, with := range map[string]string{"scrape_interval: 5s": "scrape_interval: 500ms", "evaluation_interval: 5s": "evaluation_interval: 500ms", "127.0.0.1:9100]": target + "]"} {
		if strings.Count(config, old) != 1 {
			t.Fatalf("the configuration has %q %d times", old, strings.Count(config, old))
		}
		config = strings.Replace(config, old, with, 1)
	}
	write(t, filepath.Join(dir, "prometheus.yml"), []byte(config))
	write(t, filepath.Join(dir, filepath.Base(rulesFile)), []byte(read(t, rulesFile)))
	p := &prometheusServer{t, free(t)}
	options = append(options, "--config.file="+filepath.Join(dir, "prometheus.yml"), "--storage.tsdb.path="+filepath.Join(dir, "data"), "--web.listen-address="+p.addr, "--log.level=warn")
	extproc.Run(t, exec.Command(program, options...), func() bool {
		r, err := http.Get("http://" + p.addr + "/-/ready")
		if err != nil {
			return false
		}
		r.Body.Close()
		return r.StatusCode == http.StatusOK
	})
	return p
}

// A curve is what an expression came to, by time.
type curve struct {
	Metric map[string]string
	Value  []any   // of a moment: time, number
	Values [][]any // of a range
}

// numbers are its numbers.
func (c *curve) numbers() (list []float64) {
	for _, v := range append(c.Values, c.Value) {
		if len(v) == 2 {
			if f, err := strconv.ParseFloat(fmt.Sprint(v[1]), 64); err == nil && !math.IsNaN(f) && !math.IsInf(f, 0) {
				list = append(list, f)
			}
		}
	}
	return list
}

// get asks its API, and reads the data of the answer.
func (p *prometheusServer) get(path string, form url.Values, data any) {
	p.t.Helper()
	_, _, body := get(p.t, "http://"+p.addr+"/api/v1/"+path+"?"+form.Encode())
	answer := struct{ Data any }{data}
	if err := json.Unmarshal([]byte(body), &answer); err != nil || !strings.HasPrefix(body, `{"status":"success"`) {
		p.t.Errorf("%s: %v %s", form, err, body)
	}
}

// now returns what an expression is now, a number for each label's value.
func (p *prometheusServer) now(expr, label string) map[string]float64 {
	p.t.Helper()
	var data struct{ Result []curve }
	p.get("query", url.Values{"query": {expr}}, &data)
	values := map[string]float64{}
	for _, c := range data.Result {
		for _, f := range c.numbers() {
			values[c.Metric[label]] = f
		}
	}
	return values
}

// since returns how many numbers an expression has had since then.
func (p *prometheusServer) since(began time.Time, expr string) (n int) {
	p.t.Helper()
	unix := func(at time.Time) string { return fmt.Sprintf("%.3f", float64(at.UnixMilli())/1000) }
	var data struct{ Result []curve }
	p.get("query_range", url.Values{"query": {expr}, "start": {unix(began)}, "end": {unix(time.Now())}, "step": {"0.5"}}, &data)
	for _, c := range data.Result {
		n += len(c.numbers())
	}
	return n
}

// The Prometheus of Debian scrapes a run, and then has an answer to each expression of
// the dashboard and of docs/metrics.md, and to the rules.
func TestPrometheusAnswersWhatTheDashboardAsks(t *testing.T) {
	t.Parallel()
	target, dir, began := free(t), t.TempDir(), time.Now()
	p, native := startPrometheus(t, target), startPrometheus(t, target, "--enable-feature=native-histograms")
	for _, p := range []*prometheusServer{p, native} { // they look for it five seconds after their start
		extproc.Must(t, extproc.Wait("Prometheus looks for the run", func() bool { return len(p.now("up", "")) > 0 }))
	}
	scenario := filepath.Join(dir, "watched.yaml")
	write(t, scenario, []byte(watchedScenario))
	address, stop := lingering(t, "run", scenario, "--max-lateness", "1h", "--metrics", target, "--linger", "1h")
	_, _, text := get(t, address) // the report is a little older: devices go on until it is written
	resyncs, states := sumOf(text, "spafleet_resyncs_total", "result"), sumOf(text, "spafleet_devices", "state")
	p.holds(`sum by (result) (spafleet_resyncs_total) > 0 and on () sum(spafleet_expectation_decided) == 2`, "result", resyncs)
	for _, q := range queries(t) {
		if p.since(began, q.expr) == 0 {
			t.Errorf("%s: no number: %s", q.where, q.expr)
		}
	}
	_, recorded := ruled(t)
	for _, name := range recorded {
		if p.since(began, name) == 0 {
			t.Errorf("nothing is recorded as %s", name)
		}
	}
	p.holds(`spafleet_expectation_holds`, "expectation", map[string]float64{"homes have their profile": 1, "nobody is lost": 0})
	p.holds(`spafleet_expectation_held_devices / spafleet_expectation_devices`, "expectation", map[string]float64{"homes have their profile": 1, "nobody is lost": .75})
	p.holds(`sum by (state) (spafleet_devices) > 0`, "state", states)
	p.holds(`sum by (model) (spafleet_devices)`, "model", map[string]float64{"SPA942": 25, "SPA504G": 15})
	p.holds(`sum by (result) (spafleet_resync_duration_seconds_count{result="ok"})`, "result", map[string]float64{"ok": resyncs["ok"]})
	p.holds(`spafleet_outstanding`, "job", map[string]float64{"spafleet": 0})
	p.holds(`ALERTS{alertname="SpafleetExpectationFailed",alertstate="firing"}`, "expectation", map[string]float64{"nobody is lost": 1})
	p.rulesAreWell()
	if n := native.since(began, "histogram_quantile(0.99, sum(rate(spafleet_resync_duration_seconds[3s])))"); n == 0 {
		t.Error("there is no native histogram")
	}
	if code := stop(); code != exitFailed {
		t.Errorf("exit code %d", code)
	}
}

// sumOf adds up what a metric is in the text of /metrics, for each value of a label; what
// is 0 is left out.
func sumOf(text, metric, label string) map[string]float64 {
	sums := map[string]float64{}
	for _, m := range regexp.MustCompile(`(?m)^`+metric+`\{(?:.*,)?`+label+`="([^"]*)".*\} (\S+)$`).FindAllStringSubmatch(text, -1) {
		if f, err := strconv.ParseFloat(m[2], 64); err == nil && f != 0 {
			sums[m[1]] += f
		}
	}
	return sums
}

// holds waits until an expression is what is wanted: on a busy machine a scrape may take
// too long, and for half a second there is nothing.
func (p *prometheusServer) holds(expr, label string, want map[string]float64) {
	p.t.Helper()
	var got map[string]float64
	if err := extproc.Wait(expr, func() bool {
		got = p.now(expr, label)
		return maps.Equal(got, want)
	}); err != nil {
		p.t.Errorf("%v: it is %v, want %v", err, got, want)
	}
}

// rulesAreWell looks whether each rule could be evaluated.
func (p *prometheusServer) rulesAreWell() {
	p.t.Helper()
	var data struct {
		Groups []struct {
			Rules []struct{ Name, Health, LastError string }
		}
	}
	p.get("rules", nil, &data)
	n := 0
	for _, g := range data.Groups {
		for _, r := range g.Rules {
			if n++; r.Health != "ok" {
				p.t.Errorf("rule %s is %s: %s", r.Name, r.Health, r.LastError)
			}
		}
	}
	if n != 12 {
		p.t.Errorf("it has %d rules", n)
	}
}
