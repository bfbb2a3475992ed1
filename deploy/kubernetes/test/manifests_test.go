package kubernetes

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"reflect"
	"regexp"
	"strings"
	"syscall"
	"testing"
	"time"

	batch "k8s.io/api/batch/v1"
	core "k8s.io/api/core/v1"
	meta "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"sigs.k8s.io/kustomize/api/krusty"
	"sigs.k8s.io/kustomize/kyaml/filesys"
	"sigs.k8s.io/yaml"
)

// render returns what `kubectl apply -k` would send.
func render(t *testing.T, fs filesys.FileSystem, dir string) []*unstructured.Unstructured {
	t.Helper()
	all, err := krusty.MakeKustomizer(krusty.MakeDefaultOptions()).Run(fs, dir)
	if err != nil {
		t.Fatal(err)
	}
	var list []*unstructured.Unstructured
	for _, r := range all.Resources() {
		m, err := r.Map()
		if err != nil {
			t.Fatal(err)
		}
		text, err := json.Marshal(m) // whole numbers as the API has them
		if err != nil {
			t.Fatal(err)
		}
		u := &unstructured.Unstructured{}
		if err := u.UnmarshalJSON(text); err != nil {
			t.Fatal(err)
		}
		list = append(list, u)
	}
	return list
}

// rendered returns the objects of the chart, from a file that deploy/test compares with it.
func rendered(t *testing.T, name string) []*unstructured.Unstructured {
	t.Helper()
	text, err := os.ReadFile(filepath.Join("../../test/testdata", name))
	if err != nil {
		t.Fatal(err)
	}
	var list []*unstructured.Unstructured
	for part := range strings.SplitSeq(strings.TrimPrefix(string(text), "---\n"), "\n---\n") {
		object, err := yaml.YAMLToJSON([]byte(part + "\n"))
		if err != nil {
			t.Fatal(err)
		}
		u := &unstructured.Unstructured{}
		if err := u.UnmarshalJSON(object); err != nil {
			t.Fatal(err)
		}
		list = append(list, u)
	}
	return list
}

// resources are where each kind is made.
var resources = map[string]schema.GroupVersionResource{
	"Job":         {Group: "batch", Version: "v1", Resource: "jobs"},
	"StatefulSet": {Group: "apps", Version: "v1", Resource: "statefulsets"},
	"ConfigMap":   {Version: "v1", Resource: "configmaps"},
	"Service":     {Version: "v1", Resource: "services"},
}

func (p *plane) create(t *testing.T, list []*unstructured.Unstructured, o meta.CreateOptions) {
	t.Helper()
	o.FieldValidation = "Strict"
	for _, u := range list {
		if _, err := p.dynamic.Resource(resources[u.GetKind()]).Namespace("default").Create(t.Context(), u, o); err != nil {
			t.Errorf("%s %s: %v", u.GetKind(), u.GetName(), err)
		}
	}
}

// buildFleet builds the spafleet of this checkout.
func buildFleet(t *testing.T) string {
	t.Helper()
	program := filepath.Join(t.TempDir(), "spafleet")
	build := exec.CommandContext(t.Context(), "go", "build", "-o", program, "./cmd/spafleet")
	build.Dir = "../../.."
	if out, err := build.CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	return program
}

// day is a scenario that comes out the same to the last byte every time: virtual.
const day = `name: day
clock: virtual
duration: 24h
fleet:
  homes:
    count: 1000
    mix: {SPA2102 5.2.10: 60%, SPA942 6.1.5(a): 40%}
    set: {Profile_Rule: "http://${server.http}/$MA.cfg"}
server:
  latency: 5ms..80ms
  files:
    /$MA.cfg: <flat-profile><User_ID_1_>{{ 1000 + index }}</User_ID_1_></flat-profile>
timeline:
  - {at: 6h, reboot: 30% of homes}
expect:
  - all: synced && param("User_ID_1_") == string(1000 + index)
    by: 20m
  - {at_least: 99.9%, where: resyncs.ok > 20, at: end}
`

// overlay is a user's folder over job: another name, another scenario.
func overlay(t *testing.T, name, scenario string, args ...string) (filesys.FileSystem, string) {
	t.Helper()
	dir := t.TempDir()
	if err := os.CopyFS(filepath.Join(dir, "job"), os.DirFS("../job")); err != nil {
		t.Fatal(err)
	}
	own := filepath.Join(dir, "own")
	list, err := json.Marshal(append([]string{"run", "/scenario/scenario.yaml"}, args...))
	if err != nil {
		t.Fatal(err)
	}
	for file, text := range map[string]string{
		"scenario.yaml": scenario,
		"kustomization.yaml": fmt.Sprintf(`resources: [../job]
nameSuffix: -%s
configMapGenerator:
  - {name: spafleet-scenario, behavior: replace, files: [scenario.yaml]}
patches:
  - target: {kind: Job}
    patch: '[{"op": "replace", "path": "/spec/template/spec/containers/0/args", "value": %s}]'
`, name, list),
	} {
		if err := os.MkdirAll(own, 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(own, file), []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	return filesys.MakeFsOnDisk(), own
}

func (p *plane) job(ctx context.Context, t *testing.T, name string) *batch.Job {
	t.Helper()
	job, err := p.client.BatchV1().Jobs("default").Get(ctx, name, get)
	if err != nil {
		t.Fatal(err)
	}
	return job
}

func has(job *batch.Job, what batch.JobConditionType) bool {
	for _, c := range job.Status.Conditions {
		if c.Type == what && c.Status == core.ConditionTrue {
			return true
		}
	}
	return false
}

func TestTheServerTakesTheManifests(t *testing.T) {
	p := startPlane(t)
	for name, list := range map[string][]*unstructured.Unstructured{
		"job": render(t, filesys.MakeFsOnDisk(), "../job"), "statefulset": render(t, filesys.MakeFsOnDisk(), "../statefulset"),
		"chart": rendered(t, "chart.yaml"), "chart with all values": rendered(t, "chart-own.yaml"),
	} {
		if len(list) < 2 {
			t.Errorf("%s has %d objects", name, len(list))
		}
		p.create(t, list, meta.CreateOptions{DryRun: []string{"All"}})
	}
	jobs, err := p.client.BatchV1().Jobs("default").List(t.Context(), meta.ListOptions{})
	if err != nil || len(jobs.Items) != 0 {
		t.Errorf("a dry run made %d jobs, %v", len(jobs.Items), err)
	}
	bad := render(t, filesys.MakeFsOnDisk(), "../job")
	for _, u := range bad {
		if u.GetKind() == "Job" {
			_ = unstructured.SetNestedField(u.Object, "sometimes", "spec", "completionMode")
		}
		_, err = p.dynamic.Resource(resources[u.GetKind()]).Namespace("default").Create(t.Context(), u, meta.CreateOptions{DryRun: []string{"All"}})
		if (err != nil) != (u.GetKind() == "Job") {
			t.Errorf("the server does not look: %s, %v", u.GetKind(), err)
		}
	}
}

func TestTheNumberOfShardsIsWrittenOnce(t *testing.T) {
	dir := t.TempDir()
	for _, name := range []string{"job", "statefulset"} {
		if err := os.CopyFS(filepath.Join(dir, name), os.DirFS("../"+name)); err != nil {
			t.Fatal(err)
		}
		file := filepath.Join(dir, name, name+".yaml")
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		changed := regexp.MustCompile(`(completions|replicas): 3`).ReplaceAll(text, []byte("$1: 8"))
		if err := os.WriteFile(file, changed, 0o644); err != nil {
			t.Fatal(err)
		}
		for _, u := range render(t, filesys.MakeFsOnDisk(), filepath.Join(dir, name)) {
			if u.GetKind() != "Job" && u.GetKind() != "StatefulSet" {
				continue
			}
			rendered, err := yaml.Marshal(u.Object)
			if err != nil {
				t.Fatal(err)
			}
			if strings.Contains(string(rendered), `: 3`) || strings.Contains(string(rendered), `"3"`) || !strings.Contains(string(rendered), "name: SPAFLEET_SHARD_COUNT\n          value: \"8\"") {
				t.Errorf("%s of 8 shards:\n%s", name, rendered)
			}
		}
	}
}

func TestAJobCompletesThoughPodsFail(t *testing.T) {
	program, p := buildFleet(t), startPlane(t)
	attempt := func(pod *core.Pod) string {
		return pod.Labels["batch.kubernetes.io/job-completion-index"] + "/" + pod.Annotations["batch.kubernetes.io/job-index-failure-count"]
	}
	k := startKubelet(t, p, program, func(pod *core.Pod) fate {
		return map[string]fate{"1/0": lost, "2/0": killed}[attempt(pod)]
	})
	fs, dir := overlay(t, "day", day, "--result", "-", "--events", "events.jsonl")
	began := time.Now()
	p.create(t, render(t, fs, dir), meta.CreateOptions{})
	var job *batch.Job
	await(t, 3*time.Minute, "the Job's end", func(ctx context.Context) bool {
		job = p.job(ctx, t, "spafleet-day")
		return has(job, batch.JobComplete) || has(job, batch.JobFailed)
	})
	t.Logf("the Job ended after %s: %d succeeded, %d failed, indexes %s", time.Since(began).Round(time.Millisecond), job.Status.Succeeded, job.Status.Failed, job.Status.CompletedIndexes)
	if !has(job, batch.JobComplete) || job.Status.Succeeded != 3 || job.Status.Failed != 2 || job.Status.CompletedIndexes != "0-2" {
		t.Fatalf("%+v\n%s", job.Status, k.logs())
	}
	for index, want := range []int{1, 2, 2} {
		if runs := k.runs(index); len(runs) != want {
			t.Errorf("index %d ran %d times, want %d", index, len(runs), want)
		}
	}
	sameDevices(t, k.runs(1))
	mergedIsOneProcess(t, program, dir, k.logs())
}

// sameDevices holds a pod that came back to what was lost: the same devices that
// live the same life.
func sameDevices(t *testing.T, runs []*run) {
	t.Helper()
	var before string
	for i, r := range runs {
		text, err := os.ReadFile(filepath.Join(r.dir, "events.jsonl"))
		if err != nil {
			t.Fatal(err)
		}
		if devices := regexp.MustCompile(`"kind":"power_on"`).FindAll(text, -1); len(devices) != 333 {
			t.Errorf("attempt %d had %d devices, want 333 of 1000", i, len(devices))
		}
		if i > 0 && string(text) != before {
			t.Errorf("attempt %d has not the devices and events of the one before", i)
		}
		before = string(text)
	}
}

// mergedIsOneProcess compares the report of the Job's logs with that of one
// process without shards: but for the wall clock they are the same.
func mergedIsOneProcess(t *testing.T, program, dir, logs string) {
	t.Helper()
	merge := exec.Command(program, "report", "merge", "--json", "-")
	merge.Stdin = strings.NewReader(logs)
	merged := report(t, merge)
	one := report(t, exec.Command(program, "run", filepath.Join(dir, "scenario.yaml"), "--json"))
	shards, _ := json.Marshal(merged["shards"])
	uid := regexp.MustCompile(`"run":"[0-9a-f-]{36}"`)
	if !uid.Match(shards) || !strings.Contains(uid.ReplaceAllString(string(shards), `"run":"UID"`), `{"attempt":1,"count":3,"devices_total":1000,"index":1,"run":"UID"}`) {
		t.Errorf("the report was made of %s", shards)
	}
	for _, wall := range []string{"started", "wall_seconds", "shards"} {
		delete(merged, wall)
		delete(one, wall)
	}
	for key := range one {
		if a, b := canonical(t, merged[key]), canonical(t, one[key]); a != b && key != "generator" {
			t.Errorf("%s: merged\n%s\nof one process\n%s", key, a, b)
		}
	}
	if len(merged) != len(one) || one["verdict"] != "passed" {
		t.Errorf("merged %v\nof one process %v", merged, one)
	}
	a, b := merged["generator"].(map[string]any), one["generator"].(map[string]any)
	for _, m := range []map[string]any{a, b} { // of the machine
		delete(m, "outstanding_most")
		delete(m, "health")
	}
	if !reflect.DeepEqual(a, b) {
		t.Errorf("generator: merged %v, of one process %v", a, b)
	}
}

func canonical(t *testing.T, v any) string {
	t.Helper()
	text, err := json.MarshalIndent(v, "", " ")
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

func report(t *testing.T, c *exec.Cmd) map[string]any {
	t.Helper()
	var errors strings.Builder
	c.Stderr = &errors
	out, err := c.Output()
	if err != nil {
		t.Fatalf("%s: %v\n%s%s", c, err, errors.String(), out)
	}
	m := map[string]any{}
	if err := json.Unmarshal(out, &m); err != nil {
		t.Fatal(err)
	}
	return m
}

// A run whose expectation fails is not repeated: it would fail again.
func TestAFailedExpectationIsNotTriedAgain(t *testing.T) {
	program, p := buildFleet(t), startPlane(t)
	k := startKubelet(t, p, program, nil)
	fs, dir := overlay(t, "fails", strings.Replace(day, "synced &&", "state == \"SEC-PRV-2\" &&", 1), "--result", "-")
	p.create(t, render(t, fs, dir), meta.CreateOptions{})
	await(t, 3*time.Minute, "the Job's end", func(ctx context.Context) bool { return has(p.job(ctx, t, "spafleet-fails"), batch.JobFailed) })
	job := p.job(t.Context(), t, "spafleet-fails")
	if job.Status.Failed != 3 || job.Status.FailedIndexes == nil || *job.Status.FailedIndexes != "0-2" {
		t.Errorf("%+v", job.Status)
	}
	for index := range 3 {
		if runs := k.runs(index); len(runs) != 1 || runs[0].exit != 3 {
			t.Errorf("index %d: %d runs", index, len(runs))
		}
	}
	merge := exec.Command(program, "report", "merge", "-")
	merge.Stdin = strings.NewReader(k.logs())
	if out, err := merge.CombinedOutput(); err == nil || merge.ProcessState.ExitCode() != 3 || !strings.Contains(string(out), "day: failed after 24h0m0s · 1000 devices") {
		t.Errorf("%v\n%s", err, out)
	}
}

// The pods of a StatefulSet are its fleet's shards, by the label that its
// controller gave them. A container that ends is started again and goes on.
func TestAStatefulSetsPodsAreShards(t *testing.T) {
	program, p := buildFleet(t), startPlane(t)
	k := startKubelet(t, p, program, nil)
	p.create(t, render(t, filesys.MakeFsOnDisk(), "../statefulset"), meta.CreateOptions{})
	await(t, 2*time.Minute, "three fleets at work", func(context.Context) bool {
		logs := k.logs()
		for shard := range 3 {
			if !strings.Contains(logs, fmt.Sprintf("shard %d of 3 of a fleet of 3000 devices", shard)) {
				return false
			}
		}
		return true
	})
	k.mu.Lock()
	for _, r := range k.pods {
		_ = r.cmd.Process.Signal(syscall.SIGTERM)
	}
	k.mu.Unlock()
	await(t, time.Minute, "their end", func(context.Context) bool {
		return strings.Count(k.logs(), "spafleet-result 1 shard=") >= 3
	})
	merge := exec.Command(program, "report", "merge", "-")
	merge.Stdin = strings.NewReader(k.logs())
	await(t, time.Minute, "fleets that go on", func(context.Context) bool {
		return strings.Count(k.logs(), ": 1000 devices as of ") == 3
	})
	if out, err := merge.CombinedOutput(); err == nil || merge.ProcessState.ExitCode() != 130 || !strings.Contains(string(out), "village: interrupted") || !strings.Contains(string(out), "· 3000 devices ·") {
		t.Errorf("%v\n%s", err, out)
	}
}
