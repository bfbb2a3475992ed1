//go:build unix

package main

import (
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/goccy/go-yaml"
)

// A workflow is what GitHub reads of .github/workflows/ci.yml.
type workflow struct {
	On          map[string]any         `yaml:"on"`
	Permissions map[string]string      `yaml:"permissions"`
	Defaults    map[string]any         `yaml:"defaults"`
	Name        string                 `yaml:"name"`
	Jobs        map[string]workflowJob `yaml:"jobs"`
}

type workflowJob struct {
	If          string            `yaml:"if"`
	Needs       []string          `yaml:"needs"`
	RunsOn      string            `yaml:"runs-on"`
	Minutes     int               `yaml:"timeout-minutes"`
	Container   any               `yaml:"container"`
	Permissions map[string]string `yaml:"permissions"`
	Steps       []workflowStep    `yaml:"steps"`
}

type workflowStep struct {
	Name string            `yaml:"name"`
	If   string            `yaml:"if"`
	Uses string            `yaml:"uses"`
	Run  string            `yaml:"run"`
	With map[string]any    `yaml:"with"`
	Env  map[string]string `yaml:"env"`
}

// readWorkflow knows all keys of the file.
func readWorkflow(t *testing.T) workflow {
	t.Helper()
	var w workflow
	d := yaml.NewDecoder(strings.NewReader(read(t, "../../.github/workflows/ci.yml")), yaml.Strict())
	if err := d.Decode(&w); err != nil {
		t.Fatal(err)
	}
	return w
}

// order are the jobs, each after those that it needs.
func (w workflow) order(t *testing.T) (names []string) {
	t.Helper()
	for len(names) < len(w.Jobs) {
		before := len(names)
		for _, name := range slices.Sorted(maps.Keys(w.Jobs)) {
			ready := !slices.ContainsFunc(w.Jobs[name].Needs, func(n string) bool { return !slices.Contains(names, n) })
			if ready && !slices.Contains(names, name) {
				names = append(names, name)
			}
		}
		if len(names) == before {
			t.Fatalf("jobs need each other, or jobs that are none: %v after %v", w.Jobs, names)
		}
	}
	return names
}

// Jobs may write nothing but the release, end in time, use actions of GitHub alone, and put
// nothing of an event into a shell.
func TestTheWorkflowIsInOrder(t *testing.T) {
	w := readWorkflow(t)
	if !maps.Equal(w.Permissions, map[string]string{"contents": "read"}) || w.On["pull_request_target"] != nil {
		t.Errorf("every job may %v, on %v", w.Permissions, w.On)
	}
	for name, job := range w.Jobs {
		if (job.Permissions != nil) != (name == "release") || job.Minutes == 0 || job.RunsOn == "" {
			t.Errorf("%s: may %v, for %d minutes, on %q", name, job.Permissions, job.Minutes, job.RunsOn)
		}
		for _, s := range job.Steps {
			if (s.Uses == "") == (s.Run == "") || s.Uses != "" && !regexp.MustCompile(`^actions/[a-z-]+@v\d+$`).MatchString(s.Uses) {
				t.Errorf("%s: step %+v", name, s)
			}
			if strings.Contains(s.Run, "${{") {
				t.Errorf("%s: %s: an expression in a shell; give it by env", name, s.Run)
			}
			for _, words := range commandsIn(s.Run) {
				if err := exists(words, true); err != nil {
					t.Errorf("%s: %s: %v", name, s.Run, err)
				}
			}
		}
	}
}

// stub stands for what a step calls: it notes the call, and make dist writes two files.
const stub = `#!/bin/sh
echo "$(basename "$0") $*" >>"$CALLS"
[ "$(basename "$0") $*" != "make dist" ] || { mkdir -p bin && echo program >bin/spafleet-linux-amd64 && (cd bin && sha256sum spafleet-linux-amd64 >SHA256SUMS); }
`

// The steps of all jobs are run as for a tag: the tests, the look for weaknesses, make dist,
// and a release of its files with the section of CHANGELOG.md.
func TestStepsOfTheWorkflow(t *testing.T) {
	t.Parallel()
	w, dir, calls := readWorkflow(t), t.TempDir(), filepath.Join(t.TempDir(), "calls")
	for _, name := range []string{"path/make", "path/go", "path/gh", ".ci/run", ".ci/programs"} {
		write(t, filepath.Join(dir, name), []byte(stub))
		if err := os.Chmod(filepath.Join(dir, name), 0o755); err != nil {
			t.Fatal(err)
		}
	}
	release(t, dir)
	for _, name := range w.order(t) {
		for _, s := range w.Jobs[name].Steps {
			if s.Run != "" {
				shell(t, dir, s.Run, "PATH="+filepath.Join(dir, "path")+":"+os.Getenv("PATH"), "CALLS="+calls, "GITHUB_REF_NAME=v0.1.0", "GITHUB_WORKSPACE="+dir, "HOME="+t.TempDir())
			}
		}
	}
	want := `run 
go run golang.org/x/vuln/cmd/govulncheck@VERSION ./...
programs 
make test-ship
make dist
gh release create v0.1.0 --verify-tag --title spafleet 0.1.0 --notes 
* First. bin/SHA256SUMS bin/spafleet-linux-amd64
`
	if got := regexp.MustCompile(`@v[\d.]+`).ReplaceAllString(read(t, calls), "@VERSION"); got != want {
		t.Errorf("the steps called\n%s\nwant\n%s", got, want)
	}
}

// release puts the script and a CHANGELOG.md into a folder.
func release(t *testing.T, dir string) {
	t.Helper()
	write(t, filepath.Join(dir, ".ci/release"), []byte(read(t, "../../.ci/release")))
	if err := os.Chmod(filepath.Join(dir, ".ci/release"), 0o755); err != nil {
		t.Fatal(err)
	}
	write(t, filepath.Join(dir, "CHANGELOG.md"), []byte("# Changes\n\n## Not released\n\n* Next.\n\n## 0.1.0, 2026-12-31\n\n* First.\n\n## 0.0.9\n\n* Old.\n"))
}

func TestAReleaseIsRefused(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	release(t, dir)
	write(t, filepath.Join(dir, "bin", "spafleet-linux-amd64"), []byte("another program"))
	write(t, filepath.Join(dir, "bin", "SHA256SUMS"), []byte("e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855  spafleet-linux-amd64\n"))
	write(t, filepath.Join(dir, "dirty", "SHA256SUMS"), []byte("e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855  spafleet_0.1.0+dirty_amd64.deb\n"))
	for want, args := range map[string][]string{
		"usage: ":                      {"v0.1.0"},
		"has no section for 0.2.0":     {"v0.2.0", "bin"},
		"spafleet-linux-amd64: FAILED": {"v0.1.0", "bin"},
		"with changes":                 {"v0.1.0", "dirty"},
		"SHA256SUMS":                   {"v0.1.0", "nothing"},
	} {
		out, err := exec.CommandContext(t.Context(), filepath.Join(dir, ".ci/release"), args...).CombinedOutput()
		if err == nil || !strings.Contains(string(out), want) {
			t.Errorf("%v: %v, %s; want %q", args, err, out, want)
		}
	}
}
