// Command package makes a deb and an rpm of a program that 'make dist' built:
//
//	go run . --program ../../bin/spafleet-linux-amd64 --processor amd64 --out ../../bin
//
// It is a module of its own, so that nothing here is a dependency of spafleet.
package main

import (
	"bytes"
	"compress/gzip"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"time"

	"github.com/goreleaser/nfpm/v2"
	_ "github.com/goreleaser/nfpm/v2/deb" // registers itself
	"github.com/goreleaser/nfpm/v2/files"
	_ "github.com/goreleaser/nfpm/v2/rpm" // registers itself
)

func main() {
	var o order
	flag.StringVar(&o.program, "program", "", "the program for the package")
	flag.StringVar(&o.texts, "texts", "", "the same program for this machine, which prints man pages and completions; --program if empty")
	flag.StringVar(&o.processor, "processor", "amd64", "as Go calls it")
	flag.StringVar(&o.notices, "notices", "", "file of the licences of modules")
	flag.StringVar(&o.root, "root", "../..", "top of the checkout")
	flag.StringVar(&o.out, "out", ".", "folder for the packages")
	flag.Parse()
	names, err := o.make()
	for _, name := range names {
		fmt.Println(name)
	}
	if err != nil {
		fmt.Fprintf(os.Stderr, "package: %v\n", err)
		os.Exit(1)
	}
}

// An order says of what packages are made.
type order struct {
	program, texts, processor, notices, root, out string
}

// build is what 'spafleet version --json' prints.
type build struct {
	Version string
	Time    string
}

// make writes a deb and an rpm, and returns their names. The same program has the same
// packages.
func (o order) make() (names []string, err error) {
	if o.texts == "" {
		o.texts = o.program
	}
	text, err := exec.Command(o.texts, "version", "--json").Output()
	if err != nil {
		return nil, fmt.Errorf("%s version: %w", o.texts, err)
	}
	var b build
	if err := json.Unmarshal(text, &b); err != nil {
		return nil, fmt.Errorf("%s version --json: %w", o.texts, err)
	}
	when, err := time.Parse(time.RFC3339, b.Time)
	if err != nil {
		when = time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC) // a build of no checkout
	}
	work, err := os.MkdirTemp("", "package-")
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, os.RemoveAll(work)) }()
	contents, err := o.contents(work)
	if err != nil {
		return nil, err
	}
	for _, format := range []string{"deb", "rpm"} {
		info := &nfpm.Info{
			Name: "spafleet", Arch: o.processor, Platform: "linux", Version: b.Version, MTime: when,
			Section: "net", Priority: "optional", License: "Apache-2.0", Maintainer: "The spafleet project <spafleet@invalid>",
			Description: "Virtual SPA phones and adapters for tests of provisioning servers\nVirtual Linksys, Sipura and Cisco SPA devices by the thousand, which are\nprovisioned by TFTP, HTTP and HTTPS as the real firmware is.",
		}
		info.RPM.BuildHost, info.RPM.Group = "localhost", "Applications/Internet"
		info.Contents = contents
		name, err := o.write(format, info)
		if err != nil {
			return names, fmt.Errorf("%s: %w", format, err)
		}
		names = append(names, name)
	}
	return names, nil
}

// write makes one package.
func (o order) write(format string, info *nfpm.Info) (string, error) {
	packager, err := nfpm.Get(format)
	if err != nil {
		return "", err
	}
	info = nfpm.WithDefaults(info)
	if err := nfpm.PrepareForPackager(info, format); err != nil {
		return "", err
	}
	var body bytes.Buffer
	if err := packager.Package(info, &body); err != nil {
		return "", err
	}
	name := filepath.Join(o.out, packager.ConventionalFileName(info))
	return name, os.WriteFile(name, body.Bytes(), 0o644)
}

// completions are where shells look for what completes a command.
var completions = map[string]string{
	"bash": "/usr/share/bash-completion/completions/spafleet",
	"zsh":  "/usr/share/zsh/vendor-completions/_spafleet",
	"fish": "/usr/share/fish/vendor_completions.d/spafleet.fish",
}

// contents are the files of a package; those that the program prints are in a folder.
func (o order) contents(work string) (files.Contents, error) {
	list := files.Contents{file(o.program, "/usr/bin/spafleet", 0o755)}
	for _, doc := range []string{"README.md", "CHANGELOG.md", "SECURITY.md"} {
		list = append(list, file(filepath.Join(o.root, doc), "/usr/share/doc/spafleet/"+doc, 0o644))
	}
	rights, err := joined(work, filepath.Join(o.root, "LICENSE"), o.notices)
	if err != nil {
		return nil, err
	}
	list = append(list, file(rights, "/usr/share/doc/spafleet/copyright", 0o644))
	for shell, where := range completions {
		text, err := exec.Command(o.texts, "completion", shell).Output()
		if err != nil {
			return nil, fmt.Errorf("completion %s: %w", shell, err)
		}
		path := filepath.Join(work, shell)
		if err := os.WriteFile(path, text, 0o644); err != nil {
			return nil, err
		}
		list = append(list, file(path, where, 0o644))
	}
	man := filepath.Join(work, "man1")
	if text, err := exec.Command(o.texts, "man", man).CombinedOutput(); err != nil {
		return nil, fmt.Errorf("man: %w: %s", err, text)
	}
	pages, err := filepath.Glob(filepath.Join(man, "*.1"))
	if err != nil {
		return nil, err
	}
	for _, page := range pages {
		if err := compress(page); err != nil {
			return nil, err
		}
		list = append(list, file(page+".gz", "/usr/share/man/man1/"+filepath.Base(page)+".gz", 0o644))
	}
	return list, nil
}

func file(from, to string, mode os.FileMode) *files.Content {
	return &files.Content{Source: from, Destination: to, FileInfo: &files.ContentFileInfo{Mode: mode}}
}

// joined writes the texts of files into one.
func joined(folder string, paths ...string) (string, error) {
	var all []byte
	for _, path := range paths {
		if path == "" {
			continue
		}
		text, err := os.ReadFile(path)
		if err != nil {
			return "", err
		}
		all = append(append(all, text...), '\n')
	}
	path := filepath.Join(folder, "copyright")
	return path, os.WriteFile(path, all, 0o644)
}

// compress writes PATH.gz, without a name or a time in it.
func compress(path string) error {
	text, err := os.ReadFile(path)
	if err != nil {
		return err
	}
	var b bytes.Buffer
	z, err := gzip.NewWriterLevel(&b, gzip.BestCompression)
	if err != nil {
		return err
	}
	if _, err := z.Write(text); err != nil {
		return err
	}
	if err := z.Close(); err != nil {
		return err
	}
	return os.WriteFile(path+".gz", b.Bytes(), 0o644)
}
