//go:build unix

package main

import (
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
)

// notRun are the commands of pages that TestPages does not run, by their page and how their
// block begins: the test that does the same, or why none can. Their flags are checked all
// the same, by TestShownCommandsExist.
var notRun = []struct{ page, begins, test, why string }{
	{"README.md", "make build", "deploy/test.TestANewcomersFirstRun", "it builds the program"},
	{"README.md", "mkdir phones && cd phones", "cmd/spafleet.TestTheReadmesOtherModule", ""},
	{"deploy/kubernetes/README.md", "make dist SYSTEMS=linux/amd64", "deploy/test.TestBuildahBuildsTheImage deploy/test.TestTheVerdictOfAJob", "a cluster"},
	{"deploy/kubernetes/README.md", "helm install spafleet", "deploy/test.TestTheChartRenders deploy/test.TestTheVerdictOfAJob", "a cluster"},
	{"docs/certificates.md", "openssl s_client", "certs/ssl.TestServerAgainstOpenSSL", "a server of one's own"},
	{"docs/commands.md", "spafleet run --model SPA942 --count 500 --proxy-protocol v2", "resync/fetch.TestNginxSeesTheDeviceBehindABalancer", "a load balancer's server"},
	{"docs/commands.md", "spafleet run lab.yaml --pcap", "resync/fetch.TestTsharkReadsACapture", "Wireshark's window"},
	{"docs/dhcp.md", "spafleet run --model SPA942 --count 200 --dhcp relay:127.0.0.1", "fleet.TestLeasesOfKeaByRelay", "root, and port 67"},
	{"docs/dhcp.md", "ip netns add lan", "fleet.TestLeasesOfDnsmasqByBroadcast", "root, and this machine's routes"},
	{"docs/metrics.md", "spafleet run soak.yaml --metrics", "cmd/spafleet.TestPrometheusAnswersWhatTheDashboardAsks", "it does not end"},
	{"docs/pipelines.md", "SPAFLEET_PARAM_PASSWORD=", "scenarios/run.TestFusionPBXIsJudgedByWhatItServes", "a server of one's own"},
	{"docs/probe.md", "spafleet probe --listen 192.168.1.10", "cmd/spafleet.TestPages", "a real phone"},
	{"docs/probe.md", "spafleet run --model SPA942 --firmware 6.1.5a --switches", "cmd/spafleet.TestPages", "a server of one's own"},
	{"docs/sip.md", "spafleet serve --root files --sip", "cmd/spafleet.TestScripts", "ten minutes"},
	{"docs/sip.md", "sipsak -G", "fleet.TestSipsakMakesADeviceResync", "a phone of one's own"},
	{"docs/web.md", "curl http://127.64.0.1:8080/pdir.spa", "webui.TestScriptsPostTheDirectory", ""},
	{"docs/web.md", "pwd=$(printf", "webui.TestLoginOfAnSPA1xx", ""},
	{"docs/web.md", "curl --digest", "webui.TestFormsGoToTheTargetsOfTheFamily", ""},
	{"docs/web.md", "curl http://127.64.0.1:8080/CGI/Execute", "webui.TestXMLPushOrdersAResync", ""},
}

// foreign are flags that pages name and the program lacks: whose they are.
var foreign = map[string]string{"--no-ping": "dnsmasq", "--verbose": "tftpd-hpa, atftpd", "--memory": "bench/tls", "--mint": "bench/tls", "--uid": "a profile rule", "--pwd": "a profile rule"}

// An onPage is a block of commands of a page, or a text in backquotes.
type onPage struct {
	page string
	line int
	text string
}

// pagesOf are the pages by their names.
func pagesOf(t *testing.T) map[string]string {
	t.Helper()
	root, found := moduleRoot(t), map[string]string{}
	for _, pattern := range []string{"*.md", "docs/*.md", "deploy/*/*.md", "deploy/*/*/*.md"} {
		paths, err := filepath.Glob(filepath.Join(root, filepath.FromSlash(pattern)))
		if err != nil {
			t.Fatal(err)
		}
		for _, path := range paths {
			name, err := filepath.Rel(root, path)
			if err != nil {
				t.Fatal(err)
			}
			found[filepath.ToSlash(name)] = read(t, path)
		}
	}
	if len(found) < 25 {
		t.Fatalf("%d pages", len(found))
	}
	return found
}

// calls are how commands begin.
var calls = regexp.MustCompile(`^(\$ )?([A-Z_]+=\S* )*(spafleet|go|make|podman|docker|kubectl|helm|curl|openssl|ip|sipsak|wireshark|prometheus|printf|mkdir|cd|sudo|apt|dpkg|rpm|git|deploy/\S+|\.ci/\S+|\w+=\$\()( |$)`)

// blocksOf are a page's blocks of commands, by fences or indents; those of ```console are
// TestPages'.
func blocksOf(page, text string) (blocks []onPage, consoles int) {
	var b onPage
	fence, indented := "", false
	end := func() {
		if lang := strings.TrimPrefix(fence, "```"); b.line > 0 && (lang == "sh" || calls.MatchString(b.text) && (lang == "" || indented)) {
			blocks = append(blocks, b)
		}
		b, fence, indented = onPage{}, "", false
	}
	before := ""
	for i, line := range strings.Split(text, "\n") {
		open, inside := strings.HasPrefix(line, "```"), fence != ""
		switch {
		case open && inside:
			end()
		case open:
			end()
			fence, b = line, onPage{page, i + 1, ""}
			if line == "```console" {
				consoles++
			}
		case inside:
			b.text += line + "\n"
		case strings.HasPrefix(line, "    ") && (indented || before == ""):
			if !indented {
				indented, b = true, onPage{page, i + 1, ""}
			}
			b.text += strings.TrimSpace(line) + "\n"
		case indented:
			end()
		}
		before = line
	}
	end()
	return blocks, consoles
}

// Each command of a page is run by TestPages or is a row of notRun.
func TestEachShownCommandIsRun(t *testing.T) {
	used := map[int]bool{}
	for page, text := range pagesOf(t) {
		blocks, consoles := blocksOf(page, text)
		if consoles > 0 && !slices.Contains(pagesWithConsole, page) {
			t.Errorf("%s has ```console, and TestPages does not run it", page)
		}
		for _, b := range blocks {
			row := slices.IndexFunc(notRun, func(r struct{ page, begins, test, why string }) bool {
				return r.page == page && strings.HasPrefix(strings.TrimPrefix(b.text, "$ "), r.begins)
			})
			if used[row] = true; row < 0 {
				t.Errorf("%s:%d: no test runs these commands; ```console has TestPages run them:\n%s", page, b.line, b.text)
			}
		}
	}
	for i, r := range notRun {
		if !used[i] {
			t.Errorf("%s has no block that begins with %s", r.page, r.begins)
		}
		for name := range strings.FieldsSeq(r.test) {
			if err := testExists(name); err != nil {
				t.Errorf("%s, %s: %v", r.page, r.begins, err)
			}
		}
	}
}

// testExists looks for FOLDER.TestName.
func testExists(name string) error {
	dot := strings.LastIndex(name, ".")
	return declares("Test", name[:dot], `func `+regexp.QuoteMeta(name[dot+1:])+`\(`)
}

// declares looks for a line in the tests of a folder.
func declares(what, folder, pattern string) error {
	files, err := filepath.Glob(filepath.Join("../..", filepath.FromSlash(folder), "*_test.go"))
	if err != nil {
		return err
	}
	for _, file := range files {
		text, err := os.ReadFile(file)
		if err != nil {
			return err
		}
		if regexp.MustCompile(`(?m)^` + pattern).Match(text) {
			return nil
		}
	}
	return fmt.Errorf("%s has no %s like %s", folder, what, pattern)
}

// What pages call is there: the commands and flags of spafleet, the targets of make, and
// the packages and tests that go is told of.
func TestShownCommandsExist(t *testing.T) {
	checked := 0
	for page, text := range pagesOf(t) {
		blocks, _ := blocksOf(page, text)
		blocks = append(blocks, consoleBlocks(page, text)...)
		for _, b := range blocks {
			for _, words := range commandsIn(b.text) {
				checked++
				if err := exists(words, true); err != nil {
					t.Errorf("%s:%d: %s: %v", page, b.line, strings.Join(words, " "), err)
				}
			}
		}
		for _, b := range quoted(page, text) {
			for _, words := range commandsIn(b.text) {
				checked++
				if err := exists(words, false); err != nil {
					t.Errorf("%s:%d: `%s`: %v", page, b.line, b.text, err)
				}
			}
		}
	}
	if checked < 500 {
		t.Errorf("%d commands were checked", checked)
	}
}

// The check sees what is not there.
func TestACommandThatIsNoneIsSeen(t *testing.T) {
	for text, want := range map[string]string{
		"spafleet rum --count 3":                         "no command",
		"spafleet models shaw SPA942":                    "no command",
		"spafleet run --cuont 3":                         "--cuont",
		"spafleet run x.yaml | spafleet report merge -x": "-x",
		"A=b spafleet run --duration soon":               "--duration",
		"go run ./cmd/spafleet demo --htps":              "--htps",
		"--no-such-flag":                                 "--no-such-flag",
		"run --no-such-flag":                             "--no-such-flag",
		"bin/spafleet dmeo":                              "no command",
		"make tset":                                      "tset",
		"make bench NAME=htpp":                           "bench/htpp",
		"go test ./fsm -run NoSuch":                      "NoSuch",
		"go test ./nowhere":                              "nowhere",
		".ci/nothing":                                    ".ci/nothing",
		"deploy/kubernetes/veredict spafleet":            "veredict",
	} {
		var err error
		for _, words := range commandsIn(text) {
			err = errors.Join(err, exists(words, true))
		}
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v, want %q", text, err, want)
		}
	}
}

// consoleBlocks are the commands of ```console, without what they print.
func consoleBlocks(page, text string) (blocks []onPage) {
	for _, block := range fenced(text, "console") {
		for _, part := range strings.Split("\n"+block, "\n$ ")[1:] {
			command, _ := splitCommand(part)
			blocks = append(blocks, onPage{page, 1 + strings.Count(text[:strings.Index(text, part)], "\n"), command})
		}
	}
	return blocks
}

var (
	fences    = regexp.MustCompile("(?ms)^```.*?^```")
	backquote = regexp.MustCompile("`([^`\n]+(?:\n[^`\n]+)?)`")
)

// quoted are a page's texts in backquotes that look like a command or a flag.
func quoted(page, text string) (list []onPage) {
	blank := fences.ReplaceAllStringFunc(text, func(s string) string { return strings.Repeat("\n", strings.Count(s, "\n")) })
	for _, m := range backquote.FindAllStringSubmatchIndex(blank, -1) {
		list = append(list, onPage{page, 1 + strings.Count(blank[:m[0]], "\n"), strings.ReplaceAll(blank[m[2]:m[3]], "\n", " ")})
	}
	return list
}

// commandsIn splits a text of the shell into commands and their words, as far as pages need it.
func commandsIn(text string) (all [][]string) {
	var words []string
	var word strings.Builder
	has := false
	next := func() {
		if has {
			words = append(words, word.String())
		}
		word.Reset()
		has = false
	}
	end := func() {
		if next(); len(words) > 0 {
			all = append(all, words)
		}
		words = nil
	}
	for text = strings.ReplaceAll(text, "\\\n", " "); text != ""; {
		switch c := text[0]; {
		case c == '\'' || c == '"':
			body, _, _ := strings.Cut(text[1:], string(c))
			word.WriteString(body)
			has, text = true, text[min(len(body)+2, len(text)):]
			continue
		case c == '#' && !has:
			_, text, _ = strings.Cut(text, "\n")
			end()
			continue
		case c == ' ':
			next()
		case strings.ContainsRune("\n;|&()", rune(c)):
			end()
		default:
			word.WriteByte(c)
			has = true
		}
		text = text[1:]
	}
	end()
	return all
}

var assignment = regexp.MustCompile(`^[A-Za-z_]+=`)

// exists reports what a command calls that is not there. Of one that is whole, the values
// of flags are read too.
func exists(words []string, whole bool) error {
	for len(words) > 0 && assignment.MatchString(words[0]) {
		words = words[1:]
	}
	if len(words) > 3 && slices.Equal(words[:3], []string{"go", "run", "./cmd/spafleet"}) {
		words = append([]string{"spafleet"}, words[3:]...)
	}
	if len(words) > 0 && words[0] == "bin/spafleet" {
		words = append([]string{"spafleet"}, words[1:]...)
	}
	if len(words) == 0 {
		return nil
	}
	program := words[0]
	switch {
	case program == "spafleet" && len(words) > 1:
		return spafleetHas(words[1:], whole)
	case strings.HasPrefix(program, "--"):
		return anyHas(program)
	case len(words) > 1 && strings.HasPrefix(words[1], "--") && commandNamed(program) != nil:
		return spafleetHas(words, false)
	case program == "make" && len(words) > 1:
		return makeHas(words[1:])
	case program == "go" && len(words) > 2:
		return goHas(words[1], words[2:])
	case strings.HasPrefix(program, ".ci/"), strings.HasPrefix(program, "deploy/") && len(words) > 1:
		_, err := os.Stat(filepath.Join("../..", filepath.FromSlash(program)))
		return err
	}
	return nil
}

func commandNamed(name string) *cobra.Command {
	for _, c := range rootCommand(streams{strings.NewReader(""), io.Discard, io.Discard}).Commands() {
		if c.Name() == name {
			return c
		}
	}
	return nil
}

// spafleetHas looks for a command of the program and its flags.
func spafleetHas(args []string, whole bool) error {
	root := rootCommand(streams{strings.NewReader(""), io.Discard, io.Discard})
	root.InitDefaultHelpCmd()
	root.InitDefaultCompletionCmd(args...)
	c, rest, err := root.Find(args)
	if err != nil || c == root && !strings.HasPrefix(args[0], "-") || c.HasSubCommands() && len(rest) > 0 && !strings.HasPrefix(rest[0], "-") {
		return fmt.Errorf("spafleet has no command %s", strings.Join(args, " "))
	}
	c.InitDefaultHelpFlag()
	c.InitDefaultVersionFlag()
	if whole {
		return c.ParseFlags(rest)
	}
	for _, word := range rest {
		name, _, _ := strings.Cut(strings.TrimPrefix(word, "--"), "=")
		if strings.HasPrefix(word, "--") && flagName.MatchString(name) && c.Flags().Lookup(name) == nil && c.InheritedFlags().Lookup(name) == nil {
			return fmt.Errorf("%s has no flag --%s", c.CommandPath(), name)
		}
	}
	return nil
}

var flagName = regexp.MustCompile(`^[a-z][a-z0-9-]*$`)

// anyHas looks for a flag of any command.
func anyHas(flag string) error {
	name, _, _ := strings.Cut(strings.TrimPrefix(flag, "--"), "=")
	if foreign["--"+name] != "" || !flagName.MatchString(name) {
		return nil
	}
	var found *pflag.Flag
	var visit func(c *cobra.Command)
	visit = func(c *cobra.Command) {
		if f := c.Flags().Lookup(name); f != nil {
			found = f
		}
		for _, sub := range c.Commands() {
			visit(sub)
		}
	}
	if visit(rootCommand(streams{strings.NewReader(""), io.Discard, io.Discard})); found == nil {
		return fmt.Errorf("no command has a flag --%s", name)
	}
	return nil
}

// makeHas looks for a target, and the instrument of make bench.
func makeHas(words []string) error {
	text, err := os.ReadFile("../../Makefile")
	if err != nil {
		return err
	}
	for _, word := range words {
		if name, ok := strings.CutPrefix(word, "NAME="); ok {
			if _, err := os.Stat("../../bench/" + name); err != nil {
				return err
			}
		}
		if !strings.Contains(word, "=") && !regexp.MustCompile(`(?m)^`+regexp.QuoteMeta(word)+`:`).Match(text) {
			return fmt.Errorf("the Makefile has no target %s", word)
		}
	}
	return nil
}

// goHas looks for the package, and for the tests that -run and -bench name.
func goHas(order string, words []string) error {
	if !slices.Contains([]string{"test", "run", "build"}, order) {
		return nil
	}
	folder := ""
	for i, word := range words {
		switch kind := map[string]string{"-run": "Test", "-bench": "Benchmark"}[word]; {
		case strings.HasPrefix(word, "./"):
			if folder = word[2:]; folder == "..." {
				return nil
			}
			if _, err := os.Stat("../../" + folder); err != nil {
				return err
			}
		case kind != "" && i+1 < len(words) && words[i+1] != ".":
			for name := range strings.SplitSeq(strings.ReplaceAll(words[i+1], `\`, ""), "|") {
				if err := declares(kind, folder, `func `+kind+`\w*`+name); err != nil {
					return err
				}
			}
		}
	}
	return nil
}
