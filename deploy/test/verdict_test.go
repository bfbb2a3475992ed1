package deploy

import (
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"testing"

	batch "k8s.io/api/batch/v1"
	core "k8s.io/api/core/v1"
	meta "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// fakeKubectl answers the nth question for a Job with the nth file, and the last one again.
const fakeKubectl = `#!/bin/sh
cd "$FAKE" || exit 9
printf "%s\n" "$*" >>asked
case $1 in
get)
	n=$(($(cat n 2>/dev/null || echo 0) + 1)); echo $n >n
	[ -e get.$n ] || n=$(ls get.* | wc -l)
	if grep -q '^error' get.$n; then cat get.$n >&2; exit 1; fi
	cat get.$n ;;
logs) [ -e logs ] && cat logs ;;
esac
`

// verdict runs the script, and returns its exit code, output and errors.
func verdict(t *testing.T, env []string, args ...string) (int, string, string) {
	t.Helper()
	c := exec.CommandContext(t.Context(), "../kubernetes/verdict", args...)
	c.Env = append(append(os.Environ(), "POLL=0.01"), env...)
	var said strings.Builder
	c.Stderr = &said
	out, err := c.Output()
	if err != nil && !errors.As(err, new(*exec.ExitError)) {
		t.Fatal(err)
	}
	return c.ProcessState.ExitCode(), string(out), said.String()
}

// program is a folder with spafleet of this checkout.
func program(t *testing.T) string {
	t.Helper()
	if err := dist(); err != nil {
		t.Fatal(err)
	}
	folder := t.TempDir()
	from, err := filepath.Abs(filepath.Join(built, "spafleet-linux-"+runtime.GOARCH))
	if err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink(from, filepath.Join(folder, "spafleet")); err != nil {
		t.Fatal(err)
	}
	return folder
}

// pods are what shards of a scenario write into their logs.
func pods(t *testing.T, folder, scenario string, shards int) []string {
	t.Helper()
	var logs []string
	for i := range shards {
		c := exec.CommandContext(t.Context(), filepath.Join(folder, "spafleet"), "run", filepath.Join(folders(t, scenario)["/scenario"], "scenario.yaml"), "--result", "-")
		c.Env = append(os.Environ(), fmt.Sprintf("JOB_COMPLETION_INDEX=%d", i), fmt.Sprintf("SPAFLEET_SHARD_COUNT=%d", shards), "SPAFLEET_RUN=test")
		out, err := c.Output()
		if err != nil && c.ProcessState.ExitCode() != 3 {
			t.Fatalf("%v\n%s", err, out)
		}
		logs = append(logs, string(out))
	}
	return logs
}

// prefixed is what `kubectl logs --prefix` prints.
func prefixed(logs []string) string {
	var b strings.Builder
	for i, log := range logs {
		for line := range strings.Lines(log) {
			fmt.Fprintf(&b, "[pod/spafleet-%d/spafleet] %s", i, line)
		}
	}
	return b.String()
}

// village passes or fails in virtual time, by what its devices are expected to have.
const village = `name: village
clock: virtual
fleet: {homes: {model: SPA942, count: 20, set: {Profile_Rule: "http://${server.http}/$MA.cfg"}}}
server: {files: {/$MA.cfg: "<flat-profile><User_ID_1_>7</User_ID_1_></flat-profile>"}}
expect: [{all: 'param("User_ID_1_") == "7"', by: 5m}]
`

var failing = strings.Replace(village, `== "7"`, `== "8"`, 1)

func TestTheVerdictOfAJob(t *testing.T) {
	t.Parallel()
	folder := program(t)
	passed, failed := pods(t, folder, village, 2), pods(t, folder, failing, 2)
	const up, trouble = "SuccessCriteriaMet\n", "error: dial tcp: connection refused\n"
	for name, tt := range map[string]struct {
		gets   []string
		logs   []string
		args   []string
		exit   int
		prints string
	}{
		"complete":                 {[]string{"", up, up + "Complete\n"}, passed, nil, 0, "village: passed"},
		"failed":                   {[]string{"", "", "FailureTarget\n", "FailureTarget\nFailed\n"}, failed, nil, 3, "village: failed"},
		"a shard is missing":       {[]string{"Failed\n"}, passed[:1], nil, 2, "shard"},
		"failed, but passed":       {[]string{"Failed\n"}, passed, nil, 1, "kubectl describe job spafleet"},
		"kubectl fails for a time": {[]string{trouble, trouble, "", trouble, trouble, trouble, trouble, "Complete\n"}, passed, nil, 0, "village: passed"},
		"kubectl fails":            {[]string{"", trouble}, passed, nil, 2, "cannot say how job/spafleet is"},
		"no logs":                  {[]string{"Complete\n"}, nil, nil, 2, "logs of job/spafleet cannot be read"},
		"it does not end":          {[]string{up}, passed, []string{"-t", "0"}, 2, "has not ended after 0 s"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			fake := t.TempDir()
			write := func(name, text string, mode os.FileMode) {
				if err := os.WriteFile(filepath.Join(fake, name), []byte(text), mode); err != nil {
					t.Fatal(err)
				}
			}
			write("kubectl", fakeKubectl, 0o755)
			for i, text := range tt.gets {
				write(fmt.Sprintf("get.%d", i+1), text, 0o644)
			}
			if tt.logs != nil {
				write("logs", prefixed(tt.logs), 0o644)
			}
			code, out, said := verdict(t, []string{"FAKE=" + fake, "PATH=" + fake + ":" + folder + ":" + os.Getenv("PATH")}, append(tt.args, "spafleet", "--namespace", "load")...)
			if code != tt.exit || !strings.Contains(out+said, tt.prints) {
				t.Errorf("it ended with %d, want %d and %q\n%s%s", code, tt.exit, tt.prints, out, said)
			}
			asked, err := os.ReadFile(filepath.Join(fake, "asked"))
			if err != nil || strings.Count(string(asked), "--namespace load") != strings.Count(string(asked), "\n") {
				t.Errorf("kubectl was asked %s, %v", asked, err)
			}
		})
	}
}

func TestArgumentsOfVerdict(t *testing.T) {
	for _, args := range [][]string{nil, {"-t"}, {"-t", "10"}, {"-t", "1h", "spafleet"}, {"--namespace", "load"}} {
		if code, _, said := verdict(t, nil, args...); code != 2 || !strings.HasPrefix(said, "usage: ") {
			t.Errorf("%v: %d, %s", args, code, said)
		}
	}
}

// A cluster is as much of the API as kubectl needs for a Job and the logs of its pods.
func cluster(t *testing.T, conditions []batch.JobConditionType, logs []string) *httptest.Server {
	t.Helper()
	job := batch.Job{TypeMeta: meta.TypeMeta{APIVersion: "batch/v1", Kind: "Job"}, ObjectMeta: meta.ObjectMeta{Name: "spafleet", Namespace: "load"}}
	for _, c := range conditions {
		job.Status.Conditions = append(job.Status.Conditions, batch.JobCondition{Type: c, Status: core.ConditionTrue})
	}
	list := core.PodList{TypeMeta: meta.TypeMeta{APIVersion: "v1", Kind: "PodList"}}
	mux := http.NewServeMux()
	for i, log := range logs {
		name := fmt.Sprintf("spafleet-%d", i)
		list.Items = append(list.Items, core.Pod{ObjectMeta: meta.ObjectMeta{Name: name, Namespace: "load"}, Spec: core.PodSpec{Containers: []core.Container{{Name: "spafleet"}}}})
		mux.HandleFunc("/api/v1/namespaces/load/pods/"+name+"/log", func(w http.ResponseWriter, _ *http.Request) { fmt.Fprint(w, log) })
	}
	answer := func(path string, v any) {
		mux.HandleFunc(path, func(w http.ResponseWriter, r *http.Request) {
			if s := r.URL.Query().Get("labelSelector"); s != "" && s != "batch.kubernetes.io/job-name=spafleet" {
				t.Errorf("the pods are asked for by %s", s)
			}
			w.Header().Set("Content-Type", "application/json")
			if err := json.NewEncoder(w).Encode(v); err != nil {
				t.Error(err)
			}
		})
	}
	answer("/api", meta.APIVersions{TypeMeta: meta.TypeMeta{Kind: "APIVersions"}, Versions: []string{"v1"}})
	answer("/api/v1", meta.APIResourceList{TypeMeta: meta.TypeMeta{Kind: "APIResourceList"}, GroupVersion: "v1", APIResources: []meta.APIResource{{Name: "pods", Kind: "Pod", Namespaced: true, Verbs: meta.Verbs{"get", "list"}}}})
	version := meta.GroupVersionForDiscovery{GroupVersion: "batch/v1", Version: "v1"}
	answer("/apis", meta.APIGroupList{TypeMeta: meta.TypeMeta{Kind: "APIGroupList"}, Groups: []meta.APIGroup{{Name: "batch", Versions: []meta.GroupVersionForDiscovery{version}, PreferredVersion: version}}})
	answer("/apis/batch/v1", meta.APIResourceList{TypeMeta: meta.TypeMeta{Kind: "APIResourceList"}, GroupVersion: "batch/v1", APIResources: []meta.APIResource{{Name: "jobs", SingularName: "job", Kind: "Job", Namespaced: true, Verbs: meta.Verbs{"get", "list"}}}})
	answer("/apis/batch/v1/namespaces/load/jobs/spafleet", job)
	answer("/api/v1/namespaces/load/pods", list)
	s := httptest.NewServer(mux)
	t.Cleanup(s.Close)
	return s
}

// The real kubectl understands what the script asks it.
func TestVerdictWithKubectl(t *testing.T) {
	t.Parallel()
	if _, err := exec.LookPath("kubectl"); err != nil && os.Getenv("CI") == "" {
		t.Skip("needs kubectl")
	}
	folder := program(t)
	for _, tt := range []struct {
		conditions []batch.JobConditionType
		scenario   string
		exit       int
		prints     string
	}{
		{[]batch.JobConditionType{batch.JobSuccessCriteriaMet, batch.JobComplete}, village, 0, "village: passed"},
		{[]batch.JobConditionType{batch.JobFailureTarget, batch.JobFailed}, failing, 3, "village: failed"},
		{[]batch.JobConditionType{batch.JobFailureTarget}, village, 2, "has not ended after 1 s"},
		{nil, village, 2, "has not ended after 1 s"},
	} {
		t.Run(fmt.Sprint(tt.conditions), func(t *testing.T) {
			s := cluster(t, tt.conditions, pods(t, folder, tt.scenario, 2))
			code, out, said := verdict(t, []string{"HOME=" + t.TempDir(), "PATH=" + folder + ":" + os.Getenv("PATH")}, "-t", "1", "spafleet", "--namespace", "load", "--server", s.URL)
			if code != tt.exit || !strings.Contains(out+said, tt.prints) || tt.exit != 2 && !strings.Contains(out, "· 20 devices ·") {
				t.Errorf("it ended with %d, want %d and %q\n%s%s", code, tt.exit, tt.prints, out, said)
			}
		})
	}
}
