package main

import (
	"os"
	"os/exec"
	"path/filepath"
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

func read(t *testing.T, path string) string {
	t.Helper()
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}
