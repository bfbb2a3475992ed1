package deploy

import (
	"bytes"
	"encoding/json"
	"flag"
	"os"
	"path/filepath"
	"strings"
	"testing"

	apps "k8s.io/api/apps/v1"
	batch "k8s.io/api/batch/v1"
	core "k8s.io/api/core/v1"
	"sigs.k8s.io/kustomize/api/krusty"
	"sigs.k8s.io/kustomize/kyaml/filesys"
	"sigs.k8s.io/yaml"
)

var update = flag.Bool("update", false, "write the golden files; look at the diff before you commit it")

// golden compares a text with a file of testdata.
func golden(t *testing.T, name string, got []byte) {
	t.Helper()
	path := filepath.Join("testdata", name)
	if *update {
		if err := os.MkdirAll("testdata", 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, got, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(got, want) {
		t.Errorf("%s differs; it is now\n%s", path, got)
	}
}

// kustomized is what `kubectl apply -k` sends.
func kustomized(t *testing.T, folder string) []byte {
	t.Helper()
	all, err := krusty.MakeKustomizer(krusty.MakeDefaultOptions()).Run(filesys.MakeFsOnDisk(), folder)
	if err != nil {
		t.Fatal(err)
	}
	text, err := all.AsYaml()
	if err != nil {
		t.Fatal(err)
	}
	return text
}

// Objects are what manifests declare, by kind.
type objects struct {
	jobs    []batch.Job
	sets    []apps.StatefulSet
	maps    []core.ConfigMap
	service []core.Service
}

// declared reads manifests as the API's own types: a field that no type has is a mistake.
func declared(t *testing.T, manifests []byte) objects {
	t.Helper()
	var o objects
	for text := range strings.SplitSeq("\n"+string(manifests), "\n---\n") {
		if strings.TrimSpace(strings.TrimPrefix(text, "\n---")) == "" {
			continue
		}
		var kind struct{ APIVersion, Kind string }
		if err := yaml.Unmarshal([]byte(text), &kind); err != nil {
			t.Fatalf("%v\n%s", err, text)
		}
		var err error
		switch kind.APIVersion + " " + kind.Kind {
		case "batch/v1 Job":
			o.jobs, err = strict(o.jobs, text)
		case "apps/v1 StatefulSet":
			o.sets, err = strict(o.sets, text)
		case "v1 ConfigMap":
			o.maps, err = strict(o.maps, text)
		case "v1 Service":
			o.service, err = strict(o.service, text)
		default:
			t.Errorf("this test does not know %s %s", kind.APIVersion, kind.Kind)
		}
		if err != nil {
			t.Errorf("%s: %v\n%s", kind.Kind, err, text)
		}
	}
	return o
}

func strict[T any](list []T, text string) ([]T, error) {
	var v T
	err := yaml.UnmarshalStrict([]byte(text+"\n"), &v) // the line that ends it was cut off with the mark
	return append(list, v), err
}

func TestKustomizeRenders(t *testing.T) {
	for _, name := range []string{"job", "statefulset"} {
		text := kustomized(t, "../kubernetes/"+name)
		golden(t, "kustomize-"+name+".yaml", text)
		if o := declared(t, text); len(o.maps) != 1 || len(o.jobs)+len(o.sets) != 1 {
			t.Errorf("%s declares %+v", name, o)
		}
	}
}

// A field that is none is seen.
func TestAFieldThatNoTypeHasIsAMistake(t *testing.T) {
	text := strings.Replace(string(kustomized(t, "../kubernetes/job")), "backoffLimitPerIndex:", "backOfLimitPerIndex:", 1)
	if _, err := strict([]batch.Job(nil), text[strings.Index(text, "apiVersion: batch/v1"):]); err == nil || !strings.Contains(err.Error(), "backOfLimitPerIndex") {
		t.Errorf("%v", err)
	}
}

// A pod of the Job runs as its manifest has it: the args and the scenario of its
// ConfigMap, and no folder that can be written to. The port may be somebody's here.
func TestAPodOfTheJobRunsInAReadOnlyRoot(t *testing.T) {
	needRoot(t)
	c, o := readContainerfile(t), declared(t, kustomized(t, "../kubernetes/job"))
	scenario := strings.Replace(o.maps[0].Data["scenario.yaml"], "count: 3k", "count: 30\n    switches: {reboot_time: 0s}", 1)
	scenario = strings.Replace(scenario, "set: {", "set: {Resync_Random_Delay: 0, ", 1)
	j := jail{c.root(t), c.User, map[string]string{"/scenario": folders(t, scenario)["/scenario"]}}
	pod := o.jobs[0].Spec.Template.Spec.Containers[0]
	args, err := json.Marshal(pod.Args)
	if err != nil {
		t.Fatal(err)
	}
	var command []string
	if err := json.Unmarshal(bytes.Replace(args, []byte(`":9100"`), []byte(`"127.0.0.1:0"`), 1), &command); err != nil {
		t.Fatal(err)
	}
	code, out, said := j.run(t, []string{"JOB_COMPLETION_INDEX=1", "SPAFLEET_SHARD_COUNT=3", "SPAFLEET_RUN=test", "SPAFLEET_ATTEMPT=0"}, append(c.Entry, command...)...)
	if code != 0 || !strings.Contains(out, "town: passed") || !strings.Contains(out, "spafleet-result 1 shard=1/3") {
		t.Errorf("%v ended with %d\n%s%s", command, code, out, said)
	}
}
