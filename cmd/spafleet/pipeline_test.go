package main

import (
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/goccy/go-yaml"
)

const pipelineScenario = `name: phones
fleet:
  phones: {model: SPA942, count: 3}
server:
  files:
    /spa942.cfg: <flat-profile><User_ID_1_>7</User_ID_1_></flat-profile>
expect:
  - {name: all have it, all: param("User_ID_1_") == "7", by: 5m}
`

// The steps of the GitHub action build the program, run a scenario, and leave what
// the action promises.
func TestStepsOfTheAction(t *testing.T) {
	t.Parallel()
	root, err := filepath.Abs("../..")
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	path := filepath.Join(dir, "path")
	step(t, root, dir, 0, "build", "RUNNER_TEMP="+dir, "GITHUB_PATH="+path)
	folder := strings.TrimSpace(read(t, path))
	if _, err := os.Stat(filepath.Join(folder, "spafleet")); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(dir, "phones.yaml"), []byte(pipelineScenario), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, tt := range []struct {
		name, scenario, arguments string
		exit                      int
		output                    string
	}{
		{"passed", "phones.yaml", "", 0, "verdict=passed\nexit=0\n"},
		{"failed", "phones.yaml", "--set\nProfile_Rule=tftp://192.0.2.1/none\n", 3, "verdict=failed\nexit=3\n"},
		{"no such file", "none.yaml", "", 2, "verdict=\nexit=2\n"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			output, summary := filepath.Join(t.TempDir(), "output"), filepath.Join(t.TempDir(), "summary")
			step(t, root, dir, tt.exit, "run", "PATH="+folder+":"+os.Getenv("PATH"), "SCENARIO="+tt.scenario, "ARGUMENTS="+tt.arguments, "REPORTS=reports",
				"GITHUB_OUTPUT="+output, "GITHUB_STEP_SUMMARY="+summary)
			if got := read(t, output); got != tt.output {
				t.Errorf("outputs are %q, want %q", got, tt.output)
			}
			if got := read(t, summary); !strings.Contains(got, tt.scenario) || tt.exit != 2 && !strings.Contains(got, "all have it") {
				t.Errorf("the summary is %q", got)
			}
			for _, name := range []string{"report.html", "report.xml", "result.json"} {
				if _, err := os.Stat(filepath.Join(dir, "reports", name)); (err == nil) != (tt.exit != 2) {
					t.Errorf("%s: %v", name, err)
				}
			}
		})
	}
}

// step runs a step of the action, and expects an exit code.
func step(t *testing.T, root, dir string, code int, name string, env ...string) {
	t.Helper()
	c := exec.CommandContext(t.Context(), filepath.Join(root, "deploy", "ci", name))
	c.Dir, c.Env = dir, append(os.Environ(), env...)
	said, _ := c.CombinedOutput()
	if got := c.ProcessState.ExitCode(); got != code {
		t.Fatalf("%s: exit code %d, want %d\n%s", name, got, code, said)
	}
}

// The action names steps that exist, and each input that they read.
func TestTheActionFitsItsSteps(t *testing.T) {
	var action struct {
		Inputs  map[string]any `yaml:"inputs"`
		Outputs map[string]struct {
			Value string `yaml:"value"`
		} `yaml:"outputs"`
		Runs struct {
			Steps []struct {
				ID  string            `yaml:"id"`
				Run string            `yaml:"run"`
				Env map[string]string `yaml:"env"`
			} `yaml:"steps"`
		} `yaml:"runs"`
	}
	if err := yaml.Unmarshal([]byte(read(t, "../../action.yml")), &action); err != nil {
		t.Fatal(err)
	}
	var used []string
	for _, s := range action.Runs.Steps {
		path, ok := strings.CutPrefix(s.Run, `"$GITHUB_ACTION_PATH"/`)
		if info, err := os.Stat("../../" + path); !ok || err != nil || info.Mode()&0o111 == 0 {
			t.Errorf("step %q is no program of the action: %v", s.Run, err)
		}
		script := read(t, "../../"+path)
		for name, value := range s.Env {
			input := strings.TrimSuffix(strings.TrimPrefix(value, "${{ inputs."), " }}")
			if _, ok := action.Inputs[input]; !ok {
				t.Errorf("%s reads an input %q, which the action lacks", s.Run, input)
			}
			if used = append(used, input); !strings.Contains(script, name) {
				t.Errorf("%s does not read %s", path, name)
			}
		}
		for name, o := range action.Outputs {
			if s.ID == "run" && (o.Value != "${{ steps.run.outputs."+name+" }}" || !strings.Contains(script, name+"=%s")) {
				t.Errorf("output %s is not written by %s", name, path)
			}
		}
	}
	for input := range action.Inputs {
		if !slices.Contains(used, input) {
			t.Errorf("no step has the input %s", input)
		}
	}
}

// A checkout is a folder like that of a job: a user's scenario, and spafleet beside it.
func checkout(t *testing.T) string {
	t.Helper()
	root, err := filepath.Abs("../..")
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	scenario := strings.NewReplacer("fleet:", "params:\n  address: {default: 192.0.2.1, about: goes into a parameter}\nfleet:", "count: 3", `count: 3, set: {GPP_P: "${address}"}`).Replace(pipelineScenario)
	write(t, filepath.Join(dir, "tests", "phones.yaml"), []byte(scenario))
	if err := os.Symlink(root, filepath.Join(dir, "spafleet")); err != nil {
		t.Fatal(err)
	}
	return dir
}

// shell runs lines of a page as a CI system does, which stops at the first that fails.
func shell(t *testing.T, dir, lines string, env ...string) {
	t.Helper()
	c := exec.CommandContext(t.Context(), "bash", "-e", "-o", "pipefail", "-c", lines)
	c.Dir, c.Env = dir, append(append(os.Environ(), "TMPDIR="+t.TempDir()), env...)
	if said, err := c.CombinedOutput(); err != nil {
		t.Fatalf("%s\n%v\n%s", lines, err, said)
	}
}

// What docs/pipelines.md says for GitLab and Jenkins does what it promises: a report that
// the system finds where it looks for it.
func TestPipelinesOfThePageRun(t *testing.T) {
	t.Parallel()
	page := read(t, "../../docs/pipelines.md")
	blocks := fenced(page, "yaml")
	var gitlab struct {
		Phones struct {
			Script    []string `yaml:"script"`
			Artifacts struct {
				Paths   []string `yaml:"paths"`
				Reports struct {
					JUnit string `yaml:"junit"`
				} `yaml:"reports"`
			} `yaml:"artifacts"`
		} `yaml:"phones"`
	}
	if err := yaml.Unmarshal([]byte(blocks[1]), &gitlab); err != nil {
		t.Fatal(err)
	}
	jenkins := fenced(page, "groovy")[0]
	_, script, _ := strings.Cut(jenkins, "sh '''")
	script, _, _ = strings.Cut(script, "'''")
	junit := regexp.MustCompile(`junit '(.*)'`).FindStringSubmatch(jenkins)
	for name, p := range map[string]struct{ script, junit string }{
		"GitLab":  {strings.Join(gitlab.Phones.Script, "\n"), gitlab.Phones.Artifacts.Reports.JUnit},
		"Jenkins": {script, junit[1]},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if p.script == "" || p.junit == "" {
				t.Fatalf("the page has no script or no report: %+v", p)
			}
			dir := checkout(t)
			shell(t, dir, p.script)
			if got := read(t, filepath.Join(dir, p.junit)); !strings.Contains(got, "all have it") {
				t.Errorf("the report is %s", got)
			}
		})
	}
}

// The job for GitHub gives the action what it takes, and its artifact is where the action
// leaves it.
func TestTheJobForGitHubFitsTheAction(t *testing.T) {
	t.Parallel()
	var job struct {
		Jobs struct {
			Provisioning struct {
				Steps []struct {
					Uses string            `yaml:"uses"`
					With map[string]string `yaml:"with"`
				} `yaml:"steps"`
			} `yaml:"provisioning"`
		} `yaml:"jobs"`
	}
	if err := yaml.Unmarshal([]byte(fenced(read(t, "../../docs/pipelines.md"), "yaml")[0]), &job); err != nil {
		t.Fatal(err)
	}
	with := map[string]map[string]string{}
	for _, s := range job.Jobs.Provisioning.Steps {
		with[strings.Split(s.Uses, "@")[0]] = s.With
	}
	ours := with["./spafleet"]
	if ours["scenario"] == "" || ours["reports"] != with["actions/upload-artifact"]["path"] {
		t.Fatalf("the job has %v", with)
	}
	var action struct {
		Inputs map[string]any `yaml:"inputs"`
	}
	if err := yaml.Unmarshal([]byte(read(t, "../../action.yml")), &action); err != nil {
		t.Fatal(err)
	}
	for input := range ours {
		if _, ok := action.Inputs[input]; !ok {
			t.Errorf("the action has no input %s", input)
		}
	}
	dir := checkout(t)
	env := []string{"SCENARIO=" + ours["scenario"], "ARGUMENTS=" + ours["args"], "REPORTS=" + ours["reports"]}
	shell(t, dir, "spafleet/deploy/ci/run", env...)
	if got := read(t, filepath.Join(dir, ours["reports"], "result.json")); !strings.Contains(got, `"verdict":"passed"`) {
		t.Errorf("the result is %s", got)
	}
}

func read(t *testing.T, path string) string {
	t.Helper()
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}
