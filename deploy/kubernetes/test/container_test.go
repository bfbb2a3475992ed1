package kubernetes

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	goversion "go/version"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	core "k8s.io/api/core/v1"
	"sigs.k8s.io/kustomize/kyaml/filesys"
	"sigs.k8s.io/yaml"
)

// nonroot is the user of distroless' images with this name.
const nonroot = 65532

// A containerfile is what Containerfile says of the program.
type containerfile struct {
	build   string   // the command that builds it
	from    string   // where that puts it
	program string   // where it is in the image
	entry   []string // what starts in any case
	args    []string // unless there are others
}

func readContainerfile(t *testing.T) containerfile {
	t.Helper()
	text, err := os.ReadFile("../Containerfile")
	if err != nil {
		t.Fatal(err)
	}
	line := func(pattern string) []string {
		found := regexp.MustCompile(`(?m)^`+pattern+`$`).FindAllStringSubmatch(string(text), -1)
		if len(found) != 1 {
			t.Fatalf("Containerfile has %d lines like %s, want one", len(found), pattern)
		}
		return found[0][1:]
	}
	words := func(name string) []string {
		var list []string
		if err := json.Unmarshal([]byte(line(name + ` (\[.*\])`)[0]), &list); err != nil {
			t.Fatalf("Containerfile, %s: %v", name, err)
		}
		return list
	}
	copied := line(`COPY --from=build (\S+) (\S+)`)
	line(`FROM (\S+/distroless/static\S+:nonroot)`) // another base is another user and another root
	mayBuild(t, line(`FROM \S+/golang:([0-9.]+) AS build`)[0])
	return containerfile{line(`RUN (.*\bgo build\b.*)`)[0], copied[0], copied[1], words("ENTRYPOINT"), words("CMD")}
}

// mayBuild holds the builder's Go to that of go.mod: golang's images fetch no other.
func mayBuild(t *testing.T, builder string) {
	t.Helper()
	text, err := os.ReadFile("../../../go.mod")
	if err != nil {
		t.Fatal(err)
	}
	asked := regexp.MustCompile(`(?m)^go (\S+)$`).FindSubmatch(text)
	if asked == nil {
		t.Fatal("go.mod says no version of Go")
	}
	if least := goversion.Lang("go" + string(asked[1])); goversion.Compare("go"+builder, least) < 0 {
		t.Errorf("Containerfile builds with Go %s, go.mod wants %s", builder, least)
	}
}

// image builds the program as the Containerfile says, and returns a folder that
// has it and nothing else: no /etc, no /proc, no /dev, no time zones.
func (c containerfile) image(t *testing.T) string {
	t.Helper()
	root, built := t.TempDir(), filepath.Join(t.TempDir(), "built")
	command := strings.Replace(c.build, " -o "+c.from+" ", " -o '"+built+"' ", 1)
	if command == c.build {
		t.Fatalf("Containerfile copies %s, which %q does not write", c.from, c.build)
	}
	build := exec.CommandContext(t.Context(), "/bin/sh", "-c", command)
	build.Dir = "../../.."
	build.Env = append(os.Environ(), "GOTOOLCHAIN=local") // as golang's images have it
	if out, err := build.CombinedOutput(); err != nil {
		t.Fatalf("%s: %v\n%s", command, err, out)
	}
	if err := os.MkdirAll(filepath.Join(root, filepath.Dir(c.program)), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.Rename(built, filepath.Join(root, c.program)); err != nil {
		t.Fatal(err)
	}
	return root
}

// inside runs a command with a folder as its root and as the user of the image, and
// returns its exit code, output and errors.
func inside(t *testing.T, root string, env []string, command ...string) (int, string, string) {
	t.Helper()
	ctx, stop := context.WithTimeout(t.Context(), 3*time.Minute)
	defer stop()
	cmd := exec.CommandContext(ctx, command[0], command[1:]...)
	cmd.Env, cmd.Dir = append([]string{"PATH=/"}, env...), "/"
	cmd.SysProcAttr = &syscall.SysProcAttr{Chroot: root, Credential: &syscall.Credential{Uid: nonroot, Gid: nonroot}, Pdeathsig: syscall.SIGKILL}
	var out, said bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &said
	if err := cmd.Run(); err != nil && !errors.As(err, new(*exec.ExitError)) {
		t.Fatalf("%s in %s: %v", cmd, root, err)
	}
	return cmd.ProcessState.ExitCode(), out.String(), said.String()
}

func needRoot(t *testing.T) {
	t.Helper()
	if os.Geteuid() != 0 {
		t.Fatal("this test changes the root folder, which only root may: sudo make test-k8s")
	}
}

// What `podman run spafleet` does: the image's own command as the image's user.
func TestTheImagesCommandRunsInAnEmptyRoot(t *testing.T) {
	needRoot(t)
	c := readContainerfile(t)
	root := c.image(t)
	tmp := filepath.Join(root, "tmp")
	if err := os.Mkdir(tmp, 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.Chmod(tmp, 0o777|os.ModeSticky); err != nil {
		t.Fatal(err)
	}
	code, out, said := inside(t, root, nil, append(c.entry, c.args...)...)
	if n := arrived(t, out); code != 0 || n != 20 || !strings.Contains(out, "demo: passed") {
		t.Errorf("%s ended with %d and %d devices in SEC-PRV-2, want 0 and 20\n%s%s", append(c.entry, c.args...), code, n, out, said)
	}
	if left, err := os.ReadDir(tmp); err != nil || len(left) != 0 {
		t.Errorf("/tmp has %v afterwards, %v", left, err)
	}
}

// arrived counts the devices that the demo's table has in SEC-PRV-2 and nowhere else.
func arrived(t *testing.T, out string) int {
	t.Helper()
	if !regexp.MustCompile(`(?m)^ +devices .* SEC-PRV-2$`).MatchString(out) {
		t.Error("the demo has no table that ends with SEC-PRV-2")
	}
	sum := 0
	for _, row := range regexp.MustCompile(`(?m)^\S+ \S+ +(\d+)(?: +·){3} +(\d+)$`).FindAllStringSubmatch(out, -1) {
		n, err := strconv.Atoi(row[2])
		if err != nil || row[1] != row[2] {
			t.Errorf("%q: %v", row[0], err)
		}
		sum += n
	}
	return sum
}

// What a pod does: the Job's args with its ConfigMap, and no folder that could be
// written to, as readOnlyRootFilesystem says.
func TestTheJobsArgsRunInAnEmptyRoot(t *testing.T) {
	needRoot(t)
	c := readContainerfile(t)
	root := c.image(t)
	if err := os.MkdirAll(filepath.Join(root, "scenario"), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(root, "scenario", "scenario.yaml"), []byte(day), 0o644); err != nil {
		t.Fatal(err)
	}
	args := jobContainer(t).Args
	for i, a := range args {
		args[i] = strings.Replace(a, ":9100", "127.0.0.1:0", 1) // the port may be somebody's here
	}
	code, out, said := inside(t, root, []string{"JOB_COMPLETION_INDEX=1", "SPAFLEET_SHARD_COUNT=3", "SPAFLEET_RUN=test", "SPAFLEET_ATTEMPT=0"}, append(c.entry, args...)...)
	if code != 0 || !strings.Contains(out, "spafleet-result 1 shard=1/3") {
		t.Errorf("%v ended with %d\n%s%s", args, code, out, said)
	}
}

// jobContainer is the container of the Job's pods.
func jobContainer(t *testing.T) *core.Container {
	t.Helper()
	for _, u := range render(t, filesys.MakeFsOnDisk(), "../job") {
		if u.GetKind() != "Job" {
			continue
		}
		text, err := u.MarshalJSON()
		if err != nil {
			t.Fatal(err)
		}
		var job struct {
			Spec struct{ Template core.PodTemplateSpec }
		}
		if err := yaml.Unmarshal(text, &job); err != nil {
			t.Fatal(err)
		}
		return &job.Spec.Template.Spec.Containers[0]
	}
	t.Fatal("../job has no Job")
	return nil
}
