package deploy

import (
	"bytes"
	"maps"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"

	"helm.sh/helm/v4/pkg/chart/common"
	"helm.sh/helm/v4/pkg/chart/common/util"
	chart "helm.sh/helm/v4/pkg/chart/v2"
	"helm.sh/helm/v4/pkg/chart/v2/lint"
	"helm.sh/helm/v4/pkg/chart/v2/lint/support"
	"helm.sh/helm/v4/pkg/chart/v2/loader"
	"helm.sh/helm/v4/pkg/engine"
	batch "k8s.io/api/batch/v1"
	"sigs.k8s.io/yaml"
)

const chartFolder = "../helm/spafleet"

// own has each value of the chart as something else than it is by itself.
const own = `shards: 20
scenario: |
  name: mine
  fleet: {homes: {model: SPA942, count: 10, set: {Profile_Rule: "http://prov.example.internal/$MA.cfg"}}}
  server: {files: {/$MA.cfg: "<flat-profile><User_ID_1_>{{ 1000 + index }}</User_ID_1_></flat-profile>"}}
args: [--i-operate-this-server, --start-at, "2026-12-01T18:00:00Z", --set, 'GPP_A=say "hello"']
image: {repository: registry.example/spafleet, tag: v1.2.3, pullPolicy: Always}
imagePullSecrets: [{name: registry}]
retries: 0
deadline: 7200
metrics: {enabled: false, port: 9101}
resources: {requests: {cpu: 500m}, limits: null}
podLabels: {team: voip}
podAnnotations: {cluster-autoscaler.kubernetes.io/safe-to-evict: "false"}
nodeSelector: {kubernetes.io/arch: amd64}
tolerations: [{key: load, operator: Exists, effect: NoSchedule}]
affinity: {nodeAffinity: {requiredDuringSchedulingIgnoredDuringExecution: {nodeSelectorTerms: [{matchExpressions: [{key: load, operator: Exists}]}]}}}
topologySpreadConstraints: [{maxSkew: 1, topologyKey: kubernetes.io/hostname, whenUnsatisfiable: ScheduleAnyway}]
`

func values(t *testing.T, text string) map[string]any {
	t.Helper()
	v := map[string]any{}
	if err := yaml.Unmarshal([]byte(text), &v); err != nil {
		t.Fatal(err)
	}
	return v
}

func loaded(t *testing.T) *chart.Chart {
	t.Helper()
	c, err := loader.LoadDir(chartFolder)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// rendered is what `helm template` prints, and the notes; an error is one of the values.
func rendered(t *testing.T, release, own string) (manifests []byte, notes string, err error) {
	t.Helper()
	c := loaded(t)
	options := common.ReleaseOptions{Name: release, Namespace: "load", Revision: 1, IsInstall: true}
	all, err := util.ToRenderValues(c, values(t, own), options, common.DefaultCapabilities.Copy())
	if err != nil {
		return nil, "", err
	}
	files, err := engine.Render(c, all)
	if err != nil {
		t.Fatal(err)
	}
	var b bytes.Buffer
	for _, name := range slices.Sorted(maps.Keys(files)) {
		switch filepath.Ext(name) {
		case ".yaml":
			b.WriteString("---\n# Source: " + name + "\n" + files[name])
		case ".txt":
			notes = files[name]
		}
	}
	return b.Bytes(), notes, nil
}

// `helm lint` says nothing but that a chart may have an icon.
func TestTheChartPassesLint(t *testing.T) {
	for name, own := range map[string]string{"by itself": "", "all values": own} {
		for _, m := range lint.RunAll(chartFolder, values(t, own), "load").Messages {
			if m.Severity > support.InfoSev || !strings.Contains(m.Err.Error(), "icon") {
				t.Errorf("%s: %s", name, m)
			}
		}
	}
}

func TestTheChartRenders(t *testing.T) {
	for name, own := range map[string]string{"chart.yaml": "", "chart-own.yaml": own} {
		text, _, err := rendered(t, "spafleet", own)
		if err != nil {
			t.Fatal(err)
		}
		golden(t, name, text)
		if o := declared(t, text); len(o.maps) != 1 || len(o.jobs) != 1 {
			t.Errorf("%s declares %+v", name, o)
		}
	}
}

// The chart's Job is that of kustomize, but for names, labels and the image.
func TestTheChartsJobIsThatOfKustomize(t *testing.T) {
	text, _, err := rendered(t, "spafleet", "")
	if err != nil {
		t.Fatal(err)
	}
	helm, kustomize := declared(t, text), declared(t, kustomized(t, "../kubernetes/job"))
	if !reflect.DeepEqual(helm.maps[0].Data, kustomize.maps[0].Data) {
		t.Errorf("the scenario is\n%s\nand that of kustomize\n%s", helm.maps[0].Data, kustomize.maps[0].Data)
	}
	plain := func(j *batch.Job) batch.JobSpec {
		pod := &j.Spec.Template
		if pod.Labels["app.kubernetes.io/name"] != "spafleet" { // by which Prometheus finds it
			t.Errorf("the pods have %v", pod.Labels)
		}
		pod.Labels, pod.Spec.Containers[0].Image, pod.Spec.Containers[0].ImagePullPolicy = nil, "", ""
		pod.Spec.Volumes[0].ConfigMap.Name = ""
		return j.Spec
	}
	if a, b := plain(&helm.jobs[0]), plain(&kustomize.jobs[0]); !reflect.DeepEqual(a, b) {
		t.Errorf("the chart has\n%+v\nand kustomize\n%+v", a, b)
	}
}

// A value that is none, or of another type, is refused, and named.
func TestValuesAreChecked(t *testing.T) {
	for own, want := range map[string]string{
		"shards: 0":                               "/shards",
		"shards: three":                           "/shards",
		"shards: 2.5":                             "/shards",
		"shard: 3":                                "'shard'",
		"args: --plan":                            "/args",
		"args: [7]":                               "/args/0",
		"image: {repository: ''}":                 "/image/repository",
		"image: {repository: a, tag: 'a b'}":      "/image/tag",
		"image: {name: a}":                        "'name'",
		"image: {pullPolicy: Sometimes}":          "/image/pullPolicy",
		"metrics: {port: 80}":                     "/metrics/port",
		"metrics: {enabled: 'no'}":                "/metrics/enabled",
		"retries: -1":                             "/retries",
		"deadline: 1h":                            "/deadline",
		"resources: {limit: {memory: 1Gi}}":       "'limit'",
		"podLabels: {a: 1}":                       "/podLabels/a",
		"imagePullSecrets: [registry]":            "/imagePullSecrets/0",
		"scenario: {name: x}":                     "/scenario",
		"topologySpreadConstraints: {maxSkew: 1}": "/topologySpreadConstraints",
	} {
		if _, _, err := rendered(t, "spafleet", own); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v, want %s", own, err, want)
		}
	}
}

// Each value of values.yaml is in the schema, and each of the schema in values.yaml.
func TestTheSchemaHasEachValue(t *testing.T) {
	c := loaded(t)
	var schema struct{ Properties map[string]any }
	if err := yaml.Unmarshal(c.Schema, &schema); err != nil {
		t.Fatal(err)
	}
	delete(schema.Properties, "global") // of a chart above
	if got, want := slices.Sorted(maps.Keys(schema.Properties)), slices.Sorted(maps.Keys(c.Values)); !slices.Equal(got, want) {
		t.Errorf("the schema has %v, values.yaml %v", got, want)
	}
	all := values(t, own)
	for name, by := range c.Values {
		if set, ok := all[name]; !ok || reflect.DeepEqual(set, by) {
			t.Errorf("this test has no value of its own for %s", name)
		}
	}
}

// The notes name the Job, however long a release's name is, and the script that waits.
func TestTheNotesNameTheJob(t *testing.T) {
	for _, release := range []string{"spafleet", strings.Repeat("a", 53)} {
		text, notes, err := rendered(t, release, "")
		if err != nil {
			t.Fatal(err)
		}
		name := declared(t, text).jobs[0].Name
		if !strings.Contains(notes, "deploy/kubernetes/verdict "+name+" --namespace load\n") || len(name) > 63 {
			t.Errorf("the Job is %s\n%s", name, notes)
		}
	}
	if info, err := os.Stat("../kubernetes/verdict"); err != nil || info.Mode()&0o111 == 0 {
		t.Errorf("the script: %v", err)
	}
}
