package kubernetes

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"reflect"
	"regexp"
	"strconv"
	"strings"
	"testing"
	"time"

	core "k8s.io/api/core/v1"
	rbac "k8s.io/api/rbac/v1"
	meta "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/kustomize/kyaml/filesys"
	"sigs.k8s.io/yaml"
)

// prometheusVersion is Prometheus 3.11.0 as a Go module. Debian's package will not
// do: it is built without kubernetes_sd_configs.
const prometheusVersion = "v0.311.0"

// builtPrometheus returns the program. It is built once for each version, in its own
// module and so with the versions that its authors chose, and kept in the user's
// cache folder. Of the ways to find targets it has Kubernetes' only; the others
// would be most of the build.
func builtPrometheus(t *testing.T) string {
	t.Helper()
	cache, err := os.UserCacheDir()
	if err != nil {
		t.Fatal(err)
	}
	program := filepath.Join(cache, "spafleet", "prometheus-"+prometheusVersion)
	if _, err := os.Stat(program); err == nil {
		return program
	}
	t.Log("building Prometheus: some minutes")
	download := exec.CommandContext(t.Context(), "go", "mod", "download", "-json", "github.com/prometheus/prometheus@"+prometheusVersion)
	text, err := download.Output()
	if err != nil {
		t.Fatalf("%s: %v\n%s", download, err, text)
	}
	var module struct{ Dir string }
	if err := json.Unmarshal(text, &module); err != nil {
		t.Fatal(err)
	}
	half := program + ".building"
	build := exec.CommandContext(t.Context(), "go", "build", "-p", "2", "-mod=readonly", "-trimpath", "-tags", "remove_all_sd,enable_kubernetes_sd", "-o", half, "./cmd/prometheus")
	build.Dir = module.Dir
	build.Env = append(os.Environ(), "GOWORK=off") // its go.work names folders that the module leaves out
	if out, err := build.CombinedOutput(); err != nil {
		t.Fatalf("%s: %v\n%s", build, err, out)
	}
	if err := os.Rename(half, program); err != nil {
		t.Fatal(err)
	}
	return program
}

// scrapeConfig is a configuration of Prometheus with prometheus/scrape.yaml as its
// scrape_configs. Added is what a Prometheus outside the cluster needs to reach the
// API server, which the file leaves to the pod that it is read in.
func scrapeConfig(t *testing.T, server string) []byte {
	t.Helper()
	text, err := os.ReadFile("../prometheus/scrape.yaml")
	if err != nil {
		t.Fatal(err)
	}
	var jobs []map[string]any
	if err := yaml.Unmarshal(text, &jobs); err != nil {
		t.Fatalf("scrape.yaml: %v", err)
	}
	for _, job := range jobs {
		finders, _ := job["kubernetes_sd_configs"].([]any)
		if len(finders) == 0 {
			t.Fatalf("scrape.yaml: %v has no kubernetes_sd_configs", job["job_name"])
		}
		for _, f := range finders {
			f := f.(map[string]any)
			f["api_server"] = server
			f["authorization"] = map[string]any{"credentials": scrapeToken}
			f["tls_config"] = map[string]any{"insecure_skip_verify": true}
		}
	}
	config, err := yaml.Marshal(map[string]any{"global": map[string]any{"scrape_interval": "1s", "scrape_timeout": "1s"}, "scrape_configs": jobs})
	if err != nil {
		t.Fatal(err)
	}
	return config
}

// mayListPods gives Prometheus' account what scrape.yaml asks for, and no more.
func (p *plane) mayListPods(t *testing.T) {
	t.Helper()
	name := meta.ObjectMeta{Name: "prometheus"}
	role := &rbac.ClusterRole{ObjectMeta: name, Rules: []rbac.PolicyRule{{APIGroups: []string{""}, Resources: []string{"pods"}, Verbs: []string{"list", "watch"}}}}
	bound := &rbac.ClusterRoleBinding{ObjectMeta: name, Subjects: []rbac.Subject{{Kind: rbac.UserKind, APIGroup: rbac.GroupName, Name: "prometheus"}},
		RoleRef: rbac.RoleRef{APIGroup: rbac.GroupName, Kind: "ClusterRole", Name: "prometheus"}}
	if _, err := p.client.RbacV1().ClusterRoles().Create(t.Context(), role, meta.CreateOptions{}); err != nil {
		t.Fatal(err)
	}
	if _, err := p.client.RbacV1().ClusterRoleBindings().Create(t.Context(), bound, meta.CreateOptions{}); err != nil {
		t.Fatal(err)
	}
}

// A prometheus is a running one.
type prometheus struct{ url string }

func startPrometheus(t *testing.T, program string, p *plane) *prometheus {
	t.Helper()
	p.mayListPods(t)
	dir := t.TempDir()
	config := filepath.Join(dir, "prometheus.yml")
	if err := os.WriteFile(config, scrapeConfig(t, p.server), 0o600); err != nil {
		t.Fatal(err)
	}
	at := fmt.Sprintf("127.0.0.1:%d", ports(t, 1)[0])
	launch(t, "prometheus", program, "--config.file="+config, "--storage.tsdb.path="+filepath.Join(dir, "data"), "--web.listen-address="+at)
	m := &prometheus{"http://" + at}
	await(t, time.Minute, "Prometheus", func(ctx context.Context) bool { return m.ask(ctx, "/-/ready", nil, nil) == nil })
	return m
}

// ask puts a question to the HTTP API and reads the answer's data.
func (m *prometheus) ask(ctx context.Context, path string, query url.Values, data any) error {
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, m.url+path+"?"+query.Encode(), nil)
	if err != nil {
		return err
	}
	answer, err := http.DefaultClient.Do(r)
	if err != nil {
		return err
	}
	defer answer.Body.Close()
	text, err := io.ReadAll(answer.Body)
	if err != nil {
		return err
	}
	if answer.StatusCode != http.StatusOK {
		return fmt.Errorf("%s: %s: %s", r.URL, answer.Status, text)
	}
	if data == nil {
		return nil
	}
	return json.Unmarshal(text, &struct{ Data any }{data})
}

// A target is what Prometheus asks for metrics.
type target struct {
	Labels    map[string]string
	ScrapeURL string
	Health    string
	LastError string
}

// targets returns those that are asked, by the pods' names.
func (m *prometheus) targets(ctx context.Context, t *testing.T) map[string]target {
	t.Helper()
	var found struct{ ActiveTargets []target }
	if err := m.ask(ctx, "/api/v1/targets", url.Values{"state": {"active"}}, &found); err != nil {
		t.Fatal(err)
	}
	by := map[string]target{}
	for _, at := range found.ActiveTargets {
		if other, twice := by[at.Labels["pod"]]; twice {
			t.Fatalf("pod %q is two targets: %s and %s", at.Labels["pod"], other.ScrapeURL, at.ScrapeURL)
		}
		by[at.Labels["pod"]] = at
	}
	return by
}

// query returns an expression's values by one of their labels.
func (m *prometheus) query(ctx context.Context, t *testing.T, expression, label string) map[string]float64 {
	t.Helper()
	var found struct {
		Result []struct {
			Metric map[string]string
			Value  [2]any // when, and what as text
		}
	}
	if err := m.ask(ctx, "/api/v1/query", url.Values{"query": {expression}}, &found); err != nil {
		t.Fatal(err)
	}
	by := map[string]float64{}
	for _, r := range found.Result {
		text, _ := r.Value[1].(string)
		value, err := strconv.ParseFloat(text, 64)
		if err != nil {
			t.Fatalf("%s: %v", expression, err)
		}
		by[r.Metric[label]] += value
	}
	return by
}

// shardOf is the number that a controller gave a pod.
func shardOf(pod *core.Pod) string {
	if index, ok := pod.Labels["batch.kubernetes.io/job-completion-index"]; ok {
		return index
	}
	return pod.Labels["apps.kubernetes.io/pod-index"]
}

// A Prometheus that may do no more than list pods finds the shards of a Job and of
// a StatefulSet, reads their metrics, and forgets the Job's pods when they end.
func TestPrometheusFindsTheShards(t *testing.T) {
	program, watcher := buildFleet(t), builtPrometheus(t)
	p := startPlane(t)
	k := startKubelet(t, p, program, nil)
	m := startPrometheus(t, watcher, p)
	for _, dir := range []string{"../job", "../statefulset"} {
		p.create(t, render(t, filesys.MakeFsOnDisk(), dir), meta.CreateOptions{})
	}
	var found map[string]target
	await(t, 2*time.Minute, "six pods that answer Prometheus", func(ctx context.Context) bool {
		found = m.targets(ctx, t)
		return len(found) == 6 && len(m.query(ctx, t, `up{job="spafleet"} == 1`, "pod")) == 6
	})
	k.areTargets(t, found)
	// The StatefulSet's pods: the Job's end sooner or later.
	devices := `sum by (shard) (spafleet_devices{job="spafleet",namespace="default",pod=~"spafleet-[0-9]"})`
	each := map[string]float64{"0": 1000, "1": 1000, "2": 1000}
	if got := m.query(t.Context(), t, devices, "shard"); !reflect.DeepEqual(got, each) {
		t.Errorf("devices by shard: %v, want %v", got, each)
	}
	resyncs := `sum by (shard) (spafleet_resyncs_total{result="ok",namespace="default",pod=~"spafleet-[0-9]"})`
	await(t, 5*time.Minute, "as many resyncs as devices in each shard", func(ctx context.Context) bool {
		got := m.query(ctx, t, resyncs, "shard")
		return len(got) == 3 && got["0"] >= 1000 && got["1"] >= 1000 && got["2"] >= 1000
	})
	if sum := m.query(t.Context(), t, "sum("+resyncs+")", "")[""]; sum < 3000 {
		t.Errorf("the shards' resyncs are %v in all, want 3000 or more", sum)
	}
	m.namesNoDevice(t)
	await(t, 5*time.Minute, "Prometheus to forget the Job's pods", func(ctx context.Context) bool {
		return len(m.targets(ctx, t)) == 3
	})
	await(t, time.Minute, "the Job to have succeeded three times, after which Prometheus forgets its pods", func(ctx context.Context) bool {
		return p.job(ctx, t, "spafleet").Status.Succeeded == 3
	})
}

// areTargets holds what Prometheus found to the pods that were run.
func (k *kubelet) areTargets(t *testing.T, found map[string]target) {
	t.Helper()
	k.mu.Lock()
	defer k.mu.Unlock()
	if len(k.pods) != len(found) {
		t.Errorf("%d targets of %d pods", len(found), len(k.pods))
	}
	for _, r := range k.pods {
		at := found[r.pod.Name]
		want := map[string]string{"job": "spafleet", "namespace": "default", "pod": r.pod.Name, "shard": shardOf(r.pod), "instance": r.ip + ":9100"}
		if !reflect.DeepEqual(at.Labels, want) || want["shard"] == "" || at.ScrapeURL != "http://"+r.ip+":9100/metrics" || at.Health != "up" {
			t.Errorf("pod %s is target %+v, want up with %v", r.pod.Name, at, want)
		}
	}
}

// namesNoDevice holds every label of every series to what scrape.yaml promises: no
// value is a MAC address, and none has more values than a pod with 1000 devices
// has by anything but them.
func (m *prometheus) namesNoDevice(t *testing.T) {
	t.Helper()
	var series []map[string]string
	if err := m.ask(t.Context(), "/api/v1/series", url.Values{"match[]": {`{job="spafleet"}`}}, &series); err != nil {
		t.Fatal(err)
	}
	mac := regexp.MustCompile(`(?i)([0-9a-f]{2}[:-]?){5}[0-9a-f]{2}`)
	values, models := map[string]map[string]bool{}, map[string]bool{}
	for _, s := range series {
		for label, value := range s {
			if mac.MatchString(value) {
				t.Errorf("label %s names a device: %q of %v", label, value, s)
			}
			if values[label] == nil {
				values[label] = map[string]bool{}
			}
			values[label][value] = true
		}
		models[s["model"]] = true
	}
	if !models["SPA2102"] || !models["SPA942"] {
		t.Errorf("%d series of models %v", len(series), models)
	}
	var list []string
	for label, of := range values {
		list = append(list, fmt.Sprintf("%s %d", label, len(of)))
		if len(of) > 200 {
			t.Errorf("label %s has %d values: by device?", label, len(of))
		}
	}
	t.Logf("%d series; values by label: %s", len(series), strings.Join(list, ", "))
}
