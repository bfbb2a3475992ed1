package main

import (
	"bytes"
	"context"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"encoding/pem"
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"spafleet/device/inventory"
)

// inputs are all places where a user names a file that is read, each with a command
// line. ENDLESS is a file without end, - a standard input without end, HUGE a folder
// whose files have 8 GB, IMPORT a file that imports ENDLESS, SCENARIO one whose
// target trusts it, TARGET one whose target's certificates are HUGE, LISTED one whose
// devices it lists.
var inputs = map[string]string{
	"run FILE":                     "run ENDLESS",
	"run target.trust":             "run SCENARIO",
	"run target.certs":             "run TARGET",
	"run devices":                  "run LISTED",
	"run --devices":                "run --devices ENDLESS",
	"device --devices":             "device --devices -",
	"capacity --devices":           "capacity --devices ENDLESS",
	"profile lint --devices":       "profile lint go.mod --devices ENDLESS",
	"run --state":                  "run --model SPA942 --profile-rule http://127.0.0.1:1/ --duration 1s --state ENDLESS",
	"run --certs":                  "run --model SPA942 --profile-rule http://127.0.0.1:1/ --duration 1s --certs HUGE",
	"run --trust":                  "run --model SPA942 --profile-rule http://127.0.0.1:1/ --duration 1s --trust ENDLESS",
	"run --client-certs-pass":      "run --model SPA942 --profile-rule http://127.0.0.1:1/ --duration 1s --client-certs HUGE --client-certs-pass ENDLESS",
	"run --console-token-file":     "run --model SPA942 --profile-rule http://127.0.0.1:1/ --duration 1s --console 127.0.0.1:0 --console-token-file ENDLESS",
	"run --console-tls":            "run --model SPA942 --profile-rule http://127.0.0.1:1/ --duration 1s --console 127.0.0.1:0 --console-tls ENDLESS,ENDLESS",
	"demo --console-token-file":    "demo --console 127.0.0.1:0 --console-token-file ENDLESS",
	"demo --console-tls":           "demo --console 127.0.0.1:0 --console-tls ENDLESS,ENDLESS",
	"run --sidecar":                "run --model SPA942 --profile-rule http://127.0.0.1:1/ --duration 1s --sidecar go.mod=ENDLESS",
	"device --certs":               "device --model SPA942 --certs HUGE",
	"device --trust":               "device --model SPA942 --trust ENDLESS",
	"device --client-certs-pass":   "device --model SPA942 --client-certs HUGE --client-certs-pass ENDLESS",
	"device --sidecar":             "device --model SPA942 --sidecar ENDLESS=go.mod",
	"demo --certs":                 "demo --certs HUGE",
	"serve --certs":                "serve --root . --https 127.0.0.1:0 --certs HUGE",
	"profile encrypt IN":           "profile encrypt ENDLESS --key k",
	"profile decrypt IN":           "profile decrypt - --key k",
	"profile show IN":              "profile show ENDLESS",
	"profile compile IN":           "profile compile ENDLESS OUT",
	"profile lint PATH":            "profile lint ENDLESS --model SPA942",
	"profile compile import":       "profile compile IMPORT OUT",
	"profile compile --cmd-file":   "profile compile --cmd-file ENDLESS",
	"certs bundle --dir":           "certs bundle --dir HUGE",
	"certs show FILE":              "certs show ENDLESS",
	"certs sign --csr":             "certs sign --dir PKI --ca sipura1 --out OUT --csr -",
	"certs sign --dir":             "certs sign --dir HUGE --ca sipura1 --out OUT --csr REQUEST",
	"certs device --dir":           "certs device --dir HUGE --model SPA942 --generic --out x",
	"certs server --dir":           "certs server --dir HUGE --ca sipura1 --cn x --out x",
	"report merge RESULT":          "report merge ENDLESS",
	"report html RESULT":           "report html ENDLESS",
	"report json RESULT":           "report json -",
	"report junit RESULT":          "report junit ENDLESS",
	"report text RESULT":           "report text ENDLESS",
	"report diff BEFORE":           "report diff ENDLESS go.mod",
	"report diff AFTER":            "report diff - ENDLESS",
	"capacity FILE":                "capacity ENDLESS",
	"capacity --certs":             "capacity --model SPA942 --profile-rule http://127.0.0.1:1/ --certs HUGE",
	"capacity --trust":             "capacity --model SPA942 --profile-rule http://127.0.0.1:1/ --trust ENDLESS",
	"capacity --sidecar":           "capacity --model SPA942 --profile-rule http://127.0.0.1:1/ --sidecar go.mod=ENDLESS",
	"capacity --client-certs-pass": "capacity --model SPA942 --profile-rule http://127.0.0.1:1/ --client-certs HUGE --client-certs-pass ENDLESS",
	"doctor --before":              "doctor --before ENDLESS --after go.mod",
	"doctor --after":               "doctor --before http://127.0.0.1:1/ --after ENDLESS",
	"doctor --devices":             "doctor http://127.0.0.1:1/ --devices ENDLESS",
	"doctor --certs":               "doctor http://127.0.0.1:1/ --certs HUGE",
	"doctor --trust":               "doctor http://127.0.0.1:1/ --trust ENDLESS",
	"doctor --client-certs-pass":   "doctor http://127.0.0.1:1/ --client-certs HUGE --client-certs-pass ENDLESS",
	"why FILE":                     "why ENDLESS 17",
	"run --switches":               "run --model SPA942 --switches ENDLESS",
	"demo --switches":              "demo --switches ENDLESS",
	"device --switches":            "device --model SPA942 --switches ENDLESS",
	"capacity --switches":          "capacity --model SPA942 --profile-rule http://127.0.0.1:1/ --switches ENDLESS",
	"doctor --switches":            "doctor http://127.0.0.1:1/ --switches ENDLESS",
	"rule eval --switches":         "rule eval /x --switches ENDLESS",
	"rule check --switches":        "rule check /x --switches ENDLESS",
	"profile show --switches":      "profile show go.mod --model SPA942 --switches ENDLESS",
	"profile lint --switches":      "profile lint go.mod --model SPA942 --switches ENDLESS",
	"certs sign --switches":        "certs sign --dir PKI --models SPA942 --out OUT --csr SIGNED --switches ENDLESS",
	"certs device --switches":      "certs device --dir PKI --model SPA942 --generic --out x --switches ENDLESS",
	"models diff FILE":             "models diff ENDLESS",
	"probe --restore":              "probe --listen 127.0.0.1 --restore ENDLESS",
	"probe --login":                "probe --listen 127.0.0.1 --login ENDLESS",
	"probe --certs":                "probe --listen 127.0.0.1 --certs HUGE",
	"models guess UA":              "models guess -",
	"firmware check FILE":          "firmware check ENDLESS",
	"scenarios validate FILE":      "scenarios validate ENDLESS",
}

// notRead are the other flags and arguments that have to do with files, and why
// nothing is read whole there.
var notRead = map[string]string{
	"run --html": "written", "run --junit": "written", "report html --out": "written", "report json --out": "written", "report junit --out": "written", "report text --out": "written",
	"run --fail-on": "words", "device --fail-on": "words", "capacity --fail-on": "words", "capacity --html": "written", "capacity NAME": "a scenario of the program",
	"capacity --decoder": "a program", "capacity --client-certs": "as of run",
	"probe --out": "written", "probe --html": "written",
	"fleet import LOG": "read line by line", "fleet import --out": "written", "fleet import --tftp-root": "the name of a folder of another machine",
	"run --pcap": "written", "run --keylog": "written",
	"run --events": "written", "run --access-log": "written", "serve --access-log": "written", "run --devices-out": "written", "run --bundles": "written", "run --result": "written", "run --decoder": "a program", "device --decoder": "a program",
	"run --client-certs": "package certs reads a file when its device shows it, and has a limit", "device --client-certs": "likewise",
	"serve --root": "package prov reads its files for requests", "profile show --decoder": "a program", "profile compile --log": "appended to",
	"profile encrypt OUT": "written", "profile decrypt OUT": "written", "profile compile OUT": "written",
	"certs init --dir": "written", "certs bundle --out": "written", "certs sign --out": "written", "certs device --out": "written",
	"certs server --out": "written", "man DIR": "written",
	"firmware make --out": "written", "firmware make --size": "of what is made", "run --state-every": "how often --state is written",
	"models show NAME": "a model", "why DEVICE": "a device", "rule eval RULE": "a rule", "rule check RULE": "a rule", "run NAME": "a scenario of the program",
	"scenarios show NAME": "a scenario of the program", "scenarios new FILE": "written",
	"doctor URL": "a server", "doctor HOST": "a server", "doctor --html": "written", "doctor --junit": "written", "doctor --client-certs": "as of run",
}

var (
	argument = regexp.MustCompile(`(?:^|[ \[|])([A-Z]+)`)
	ofFiles  = regexp.MustCompile(`(?i)\b(file|folder|dir|program)s?\b|COMPILED|\.(crt|pem|p12)\b`)
)

// A flag or an argument that names a file needs a row above; so a new one is tried
// with files without end, or somebody says why it is not.
func TestEachFileThatAUserNamesIsTried(t *testing.T) {
	known := func(what string) {
		_, read := inputs[what]
		if _, not := notRead[what]; !read && !not {
			t.Errorf("%s: no row of inputs tries it with a file without end, and notRead does not say why", what)
		}
	}
	var walk func(c *cobra.Command, path string)
	walk = func(c *cobra.Command, path string) {
		_, rest, _ := strings.Cut(c.Use, " ")
		for _, m := range argument.FindAllStringSubmatch(rest, -1) {
			if !strings.Contains(rest, "--") {
				known(path + " " + m[1])
			}
		}
		c.LocalFlags().VisitAll(func(f *pflag.Flag) {
			placeholder, usage := pflag.UnquoteUsage(f)
			if f.Value.Type() != "bool" && (placeholder == "PREFIX" && f.Name == "out" || ofFiles.MatchString(placeholder) || ofFiles.MatchString(usage)) {
				known(path + " --" + f.Name)
			}
		})
		for _, sub := range c.Commands() {
			walk(sub, strings.TrimSpace(path+" "+sub.Name()))
		}
	}
	walk(rootCommand(streams{strings.NewReader(""), io.Discard, io.Discard}), "")
}

// Nobody runs out of memory because somebody named /dev/zero, a pipe or an image of
// a disk.
func TestFilesWithoutEndAreReadUpToALimit(t *testing.T) {
	dir := t.TempDir()
	huge := filepath.Join(dir, "huge")
	if err := os.Mkdir(huge, 0o700); err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"pki.json", "000e08000001.pem"} {
		f, err := os.Create(filepath.Join(huge, name))
		if err != nil {
			t.Fatal(err)
		}
		if err := f.Truncate(8 << 30); err != nil { // no block of it is on the disk
			t.Fatal(err)
		}
		f.Close()
	}
	pki := filepath.Join(dir, "pki")
	if code := execute(t.Context(), []string{"certs", "init", "--dir", pki, "--seed", "1"}, streams{strings.NewReader(""), io.Discard, io.Discard}); code != exitOK {
		t.Fatal("certs init ends with", code)
	}
	request := signingRequest(t, dir)
	for what, line := range inputs {
		t.Run(what, func(t *testing.T) {
			source := newEndless(t)
			text := func(name, text string) string {
				name = filepath.Join(dir, name)
				if err := os.WriteFile(name, []byte(text), 0o600); err != nil {
					t.Fatal(err)
				}
				return name
			}
			target := "fleet:\n  a: {model: SPA942}\nduration: 1s\ntarget:\n  hosts: [127.0.0.1]\n  "
			places := strings.NewReplacer("ENDLESS", source.name, "SIGNED", request, "HUGE", huge, "PKI", pki, "go.mod", "../../go.mod", "OUT", filepath.Join(dir, "out"),
				"IMPORT", text("import.txt", "import "+source.name+"\n"), "SCENARIO", text("trust.yaml", target+"trust: "+source.name+"\n"),
				"TARGET", text("certs.yaml", target+"certs: "+huge+"\n"), "LISTED", text("listed.yaml", "devices: "+source.name+"\nduration: 1s\nserver: {}\n"))
			ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
			defer cancel()
			var out, say bytes.Buffer
			args := strings.Fields(places.Replace(line))
			code := execute(ctx, args, streams{source, &out, &say})
			if code == exitOK || !regexp.MustCompile(`has more than \d+ bytes|too many for certificates|not a state file`).MatchString(say.String()) {
				t.Errorf("%q: exit code %d, %q", args, code, say.String())
			}
			most := mostInput
			switch {
			case strings.HasPrefix(what, "report"):
				most = mostResults
			case strings.HasSuffix(what, "devices"):
				most = inventory.MostBytes
			}
			if n := source.end(); n > most+1<<20 { // a pipe holds less
				t.Errorf("%q: %d bytes were read", args, n)
			}
		})
	}
}

// signingRequest writes a request for a certificate.
func signingRequest(t *testing.T, dir string) string {
	t.Helper()
	key, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		t.Fatal(err)
	}
	der, err := x509.CreateCertificateRequest(rand.Reader, &x509.CertificateRequest{DNSNames: []string{"prov.test"}}, key)
	if err != nil {
		t.Fatal(err)
	}
	name := filepath.Join(dir, "server.csr")
	if err := os.WriteFile(name, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE REQUEST", Bytes: der}), 0o600); err != nil {
		t.Fatal(err)
	}
	return name
}

// An endless is zeros for as long as somebody reads, from the file of its name or
// from itself; at most a gigabyte.
type endless struct {
	name    string
	given   int
	out, in *os.File
	over    chan struct{}
}

func newEndless(t *testing.T) *endless {
	t.Helper()
	out, in, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	e := &endless{name: fmt.Sprintf("/dev/fd/%d", out.Fd()), out: out, in: in, over: make(chan struct{})}
	go func() {
		defer close(e.over)
		zeros := make([]byte, 64<<10)
		for e.given < 1<<30 {
			n, err := in.Write(zeros)
			e.given += n
			if err != nil {
				return
			}
		}
		in.Close()
	}()
	return e
}

func (e *endless) Read(p []byte) (int, error) { return e.out.Read(p) }

// end returns about how many bytes somebody took.
func (e *endless) end() int {
	e.out.Close()
	e.in.Close()
	<-e.over
	return e.given
}

// unlimited are the calls that read whatever there is. A user's file goes through
// host.ReadFile or host.ReadAll.
var unlimited = []string{"os.ReadFile", "os.Open", "os.OpenFile", "io.ReadAll", "os.OpenInRoot"}

// notOfUsers are folders of programs for tests and releases, of the calls themselves, and
// of the server, which hands a folder's files on and keeps none.
var notOfUsers = []string{"bench", "deploy/package", "host", "prov", "certs/interop"}

// limited are the places that bound what they read in another way.
var limited = map[string]string{
	"device/profile/gzip.go io.ReadAll":           "a LimitReader, Options.Limit",
	"fleet/state/saved.go os.Open":                "the head is looked at; each section has a limit",
	"cmd/spafleet/profile_compile.go os.OpenFile": "appended to",
	"cmd/spafleet/profile_lintfiles.go os.Open":   "512 bytes are looked at",
	"cmd/spafleet/capture.go os.OpenFile":         "written",
	"cmd/spafleet/fleet_import.go os.Open":        "read by lines, each up to a bound",
	"cmd/spafleet/why.go os.Open":                 "read by lines, of which so many steps are kept",
	"scenarios/capacity/capacity.go os.ReadFile":  "a file that the search itself has written",
	"scenarios/bundle/bundle.go io.ReadAll":       "a LimitReader, mostWhole",
	"scenarios/folder.go io.ReadAll":              "a LimitReader, mostBody",
	"scenarios/probe/settings/read.go io.ReadAll": "a LimitReader, mostBody",
	"webui/form.go io.ReadAll":                    "a LimitReader, mostForm",
	"webui/xmlpush.go io.ReadAll":                 "a LimitReader, mostPush",
}

func TestFilesAreReadThroughALimit(t *testing.T) {
	found := map[string]bool{}
	err := filepath.WalkDir("../..", func(path string, entry fs.DirEntry, err error) error {
		path = filepath.ToSlash(path)
		name := strings.TrimPrefix(path, "../../")
		switch {
		case err != nil:
			return err
		case entry.IsDir() && (strings.HasPrefix(entry.Name(), ".") && entry.Name() != ".." || slices.Contains(notOfUsers, name)):
			return fs.SkipDir
		case !strings.HasSuffix(name, ".go") || strings.HasSuffix(name, "_test.go"):
			return nil
		}
		file, err := parser.ParseFile(token.NewFileSet(), path, nil, 0)
		if err != nil {
			return err
		}
		ast.Inspect(file, func(n ast.Node) bool {
			call, ok := n.(*ast.SelectorExpr)
			if !ok {
				return true
			}
			pkg, ok := call.X.(*ast.Ident)
			if !ok || !slices.Contains(unlimited, pkg.Name+"."+call.Sel.Name) {
				return true
			}
			what := name + " " + pkg.Name + "." + call.Sel.Name
			found[what] = true
			if limited[what] == "" {
				t.Errorf("%s: what a user names has an end only with host.ReadFile or host.ReadAll", what)
			}
			return true
		})
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	for what := range limited {
		if !found[what] {
			t.Errorf("%s is not there: remove its line", what)
		}
	}
}
