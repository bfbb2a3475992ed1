package deploy

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"reflect"
	"regexp"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"
)

// top is the top of the checkout.
const top = "../.."

// A containerfile is what Containerfile says of the image.
type containerfile struct {
	Files map[string]string // from the image's paths to those of the checkout
	User  string
	Entry []string          // what starts in any case
	Args  []string          // unless there are others
	Label map[string]string // what registries show
}

// readContainerfile takes the lines of Containerfile that it knows, and no others.
func readContainerfile(t *testing.T) *containerfile {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(top, "Containerfile"))
	if err != nil {
		t.Fatal(err)
	}
	c := &containerfile{Files: map[string]string{}, Label: map[string]string{}}
	for line := range strings.Lines(string(text)) {
		order, rest, _ := strings.Cut(strings.TrimSpace(line), " ")
		take, known := orders[order]
		switch {
		case strings.HasPrefix(line, "#"):
		case !known:
			t.Errorf("this test does not know %s", line)
		default:
			if err := take(c, rest); err != nil {
				t.Errorf("%s: %v", strings.TrimSpace(line), err)
			}
		}
	}
	return c
}

// orders are what a line may begin with.
var orders = map[string]func(c *containerfile, rest string) error{
	"FROM":       func(_ *containerfile, rest string) error { return only(rest, "scratch") },
	"ARG":        func(_ *containerfile, rest string) error { return only(rest, "TARGETARCH") },
	"COPY":       (*containerfile).copy,
	"LABEL":      (*containerfile).label,
	"USER":       func(c *containerfile, rest string) error { c.User = rest; return nil },
	"ENTRYPOINT": func(c *containerfile, rest string) error { return json.Unmarshal([]byte(rest), &c.Entry) },
	"CMD":        func(c *containerfile, rest string) error { return json.Unmarshal([]byte(rest), &c.Args) },
}

func only(got, want string) error {
	if got != want {
		return fmt.Errorf("%q, want %s", got, want)
	}
	return nil
}

func (c *containerfile) copy(rest string) error {
	words := strings.Fields(strings.ReplaceAll(rest, "${TARGETARCH}", runtime.GOARCH))
	last := len(words) - 1
	for _, from := range words[:max(last, 0)] {
		to := words[last]
		if strings.HasSuffix(to, "/") {
			to += filepath.Base(from)
		} else if last > 1 {
			return errors.New("several files need a folder")
		}
		c.Files[to] = from
	}
	return nil
}

func (c *containerfile) label(rest string) error {
	found := regexp.MustCompile(`([\w.]+)="([^"]*)"`).FindAllStringSubmatch(rest, -1)
	for _, m := range found {
		c.Label[m[1]] = m[2]
	}
	if len(found) == 0 {
		return errors.New("no NAME=\"VALUE\"")
	}
	return nil
}

// built is the folder of what 'make dist' wrote, once a test has asked for it.
var built string

func TestMain(m *testing.M) {
	code := m.Run()
	if built != "" {
		_ = os.RemoveAll(built)
	}
	os.Exit(code)
}

// dist runs 'make dist' for this machine, once for all tests.
var dist = sync.OnceValue(func() (err error) {
	if built, err = os.MkdirTemp("", "dist-"); err != nil {
		return err
	}
	c := exec.Command(filepath.Join(top, ".ci", "dist"), "linux/"+runtime.GOARCH)
	c.Env = append(os.Environ(), "OUT="+built, "VERSION=v1.2.3")
	if out, err := c.CombinedOutput(); err != nil {
		return fmt.Errorf("%w\n%s", err, out)
	}
	return nil
})

// context is a folder with what the image is built of: what is committed, and what 'make
// dist' writes.
func (c *containerfile) context(t *testing.T) string {
	t.Helper()
	if err := dist(); err != nil {
		t.Fatal(err)
	}
	to := t.TempDir()
	for _, path := range append(slices.Collect(maps.Values(c.Files)), "Containerfile") {
		from := filepath.Join(top, path)
		if name, ok := strings.CutPrefix(path, "bin/"); ok {
			from = filepath.Join(built, name)
		}
		place(t, from, filepath.Join(to, path))
	}
	return to
}

// place copies a file with its mode.
func place(t *testing.T, from, to string) {
	t.Helper()
	info, err := os.Stat(from)
	if err != nil {
		t.Fatal(err)
	}
	text, err := os.ReadFile(from)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.MkdirAll(filepath.Dir(to), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(to, text, info.Mode()); err != nil {
		t.Fatal(err)
	}
}

// root is a folder with the files of the image and no others.
func (c *containerfile) root(t *testing.T) string {
	t.Helper()
	from, root := c.context(t), t.TempDir()
	for to, path := range c.Files {
		place(t, filepath.Join(from, path), filepath.Join(root, to))
	}
	return root
}

// A jail is a root that nothing can be written to.
type jail struct {
	root    string
	user    string
	volumes map[string]string // from folders of the root, which may be written to, to those of this machine
}

// enter makes the jail of a mount namespace of its own; then the command is the user's.
const enter = `root=$1 user=$2; shift 2
mount --bind "$root" "$root" && mount -o remount,bind,ro "$root" || exit 125
while [ "$1" != -- ]; do mount --bind "$2" "$root$1" || exit 125; shift 2; done
shift; exec chroot --userspec="$user" "$root" "$@"`

// run runs a command in the jail, and returns its exit code, output and errors.
func (j jail) run(t *testing.T, env []string, command ...string) (int, string, string) {
	t.Helper()
	ctx, stop := context.WithTimeout(t.Context(), 3*time.Minute)
	defer stop()
	args := []string{"--mount", "--propagation", "private", "/bin/sh", "-c", enter, "sh", j.root, j.user}
	for to, from := range j.volumes {
		if err := os.MkdirAll(filepath.Join(j.root, to), 0o755); err != nil {
			t.Fatal(err)
		}
		args = append(args, to, from)
	}
	cmd := exec.CommandContext(ctx, "unshare", slices.Concat(args, []string{"--"}, command)...)
	cmd.Env, cmd.Dir = append([]string{"PATH=/usr/sbin:/usr/bin:/sbin:/bin"}, env...), "/"
	cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	var out, said bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &said
	if err := cmd.Run(); err != nil && !errors.As(err, new(*exec.ExitError)) {
		t.Fatalf("%s: %v", cmd, err)
	}
	if code := cmd.ProcessState.ExitCode(); code != 125 {
		return code, out.String(), said.String()
	}
	t.Fatalf("no jail: %s", &said)
	return 0, "", ""
}

// needRoot leaves a test out where CI does not run it and nobody is root.
func needRoot(t *testing.T) {
	t.Helper()
	switch {
	case os.Geteuid() == 0:
	case os.Getenv("CI") != "":
		t.Fatal("this test changes the root folder, which only root may")
	default:
		t.Skip("this test changes the root folder, which only root may")
	}
}

// The image's own command, as `podman run --read-only spafleet` has it.
func TestTheImagesCommandRunsInAReadOnlyRoot(t *testing.T) {
	needRoot(t)
	c := readContainerfile(t)
	j := jail{root: c.root(t), user: c.User}
	code, out, said := j.run(t, nil, append(c.Entry, c.Args...)...)
	if n := arrived(t, out); code != 0 || n != 20 || !strings.Contains(out, "demo: passed") {
		t.Errorf("%s ended with %d and %d devices in SEC-PRV-2, want 0 and 20\n%s%s", append(c.Entry, c.Args...), code, n, out, said)
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

// town is judged, in real time, with the built-in server and its sockets.
const town = `name: town
clock: real
fleet:
  homes:
    count: 60
    mix: {SPA2102 5.2.10: 50%, SPA942 6.1.5(a): 50%}
    set: {Profile_Rule: "http://${server.http}/$MA.cfg", Resync_Random_Delay: 0}
    switches: {reboot_time: 0s}
server:
  files:
    /$MA.cfg: <flat-profile><User_ID_1_>{{ 1000 + index }}</User_ID_1_></flat-profile>
expect:
  - {all: 'param("User_ID_1_") == string(1000 + index)', by: 20s}
`

// folders are volumes with a scenario, and for what a run writes.
func folders(t *testing.T, scenario string) map[string]string {
	t.Helper()
	in, out := t.TempDir(), t.TempDir()
	if err := os.WriteFile(filepath.Join(in, "scenario.yaml"), []byte(scenario), 0o644); err != nil {
		t.Fatal(err)
	}
	if err := os.Chmod(out, 0o777|os.ModeSticky); err != nil {
		t.Fatal(err)
	}
	return map[string]string{"/scenario": in, "/reports": out}
}

// A judged run leaves its reports in a volume, and says so where it may not.
func TestAJudgedRunInAReadOnlyRoot(t *testing.T) {
	needRoot(t)
	c := readContainerfile(t)
	j := jail{c.root(t), c.User, folders(t, town)}
	run := append(slices.Clone(c.Entry), "run", "/scenario/scenario.yaml", "--html")
	code, out, said := j.run(t, nil, append(run, "/reports/report.html", "--state", "/reports/state", "--events", "/reports/events.jsonl")...)
	if code != 0 || !strings.Contains(out, "town: passed") || !strings.Contains(out, "60 of 60 devices") {
		t.Errorf("it ended with %d\n%s%s", code, out, said)
	}
	for _, name := range []string{"report.html", "events.jsonl"} {
		if info, err := os.Stat(filepath.Join(j.volumes["/reports"], name)); err != nil || info.Size() == 0 || fmt.Sprint(info.Sys().(*syscall.Stat_t).Uid) != strings.Split(c.User, ":")[0] {
			t.Errorf("%s: %v", name, err)
		}
	}
	if code, _, said = j.run(t, nil, append(run, "/report.html")...); code == 0 || !strings.Contains(said, "/report.html") || !strings.Contains(said, "read-only file system") {
		t.Errorf("a report where nothing can be written ends with %d: %s", code, said)
	}
}

// The user is a number, so that the image needs no /etc/passwd, and is not root.
func TestTheImagesUserIsANumber(t *testing.T) {
	c := readContainerfile(t)
	if !regexp.MustCompile(`^[1-9]\d*:[1-9]\d*$`).MatchString(c.User) {
		t.Errorf("USER %s", c.User)
	}
	if c.Label["org.opencontainers.image.licenses"] != "Apache-2.0" || c.Label["org.opencontainers.image.title"] == "" || c.Label["org.opencontainers.image.description"] == "" {
		t.Errorf("labels %v", c.Label)
	}
}

// The program needs no loader and no library.
func TestTheProgramIsStatic(t *testing.T) {
	c := readContainerfile(t)
	out, err := exec.CommandContext(t.Context(), "go", "version", "-m", filepath.Join(c.context(t), c.Files[c.Entry[0]])).CombinedOutput()
	if err != nil || !strings.Contains(string(out), "CGO_ENABLED=0") {
		t.Errorf("%v\n%s", err, out)
	}
}

// The image that buildah builds has what the other tests run.
func TestBuildahBuildsTheImage(t *testing.T) {
	if _, err := exec.LookPath("buildah"); err != nil && os.Getenv("CI") == "" {
		t.Skip("needs buildah")
	}
	needRoot(t)
	c, store := readContainerfile(t), t.TempDir()
	buildah := func(args ...string) string {
		t.Helper()
		all := append([]string{"--storage-driver", "vfs", "--root", filepath.Join(store, "root"), "--runroot", filepath.Join(store, "run")}, args...)
		out, err := exec.CommandContext(t.Context(), "buildah", all...).Output()
		if err != nil {
			t.Fatalf("buildah %s: %v\n%s", args, err, out)
		}
		return strings.TrimSpace(string(out))
	}
	buildah("bud", "--isolation", "chroot", "--build-arg", "TARGETARCH="+runtime.GOARCH, "-t", "spafleet", c.context(t))
	var image struct {
		OCIv1 struct {
			Config struct {
				User            string
				Entrypoint, Cmd []string
				Labels          map[string]string
			}
		}
	}
	if err := json.Unmarshal([]byte(buildah("inspect", "--type", "image", "spafleet")), &image); err != nil {
		t.Fatal(err)
	}
	got := image.OCIv1.Config
	maps.DeleteFunc(got.Labels, func(name, _ string) bool { return name == "io.buildah.version" })
	if got.User != c.User || !slices.Equal(got.Entrypoint, c.Entry) || !slices.Equal(got.Cmd, c.Args) || !reflect.DeepEqual(got.Labels, c.Label) {
		t.Errorf("the image has %+v, want %+v", got, c)
	}
	container := buildah("from", "--pull-never", "spafleet")
	var files []string
	root := buildah("mount", container)
	err := filepath.WalkDir(root, func(path string, d os.DirEntry, err error) error {
		if err == nil && !d.IsDir() {
			files = append(files, strings.TrimPrefix(path, root))
		}
		return err
	})
	if want := slices.Sorted(maps.Keys(c.Files)); err != nil || !slices.Equal(files, want) {
		t.Errorf("the image has %v, want %v, %v", files, want, err)
	}
	code, out, said := jail{root: root, user: c.User}.run(t, nil, append(got.Entrypoint, "version")...)
	if code != 0 || !strings.HasPrefix(out, "spafleet v1.2.3") {
		t.Errorf("it ended with %d\n%s%s", code, out, said)
	}
}
