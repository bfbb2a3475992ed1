package main

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"spafleet/device/profile"
)

// mostLintFiles bounds how many files one command checks.
const mostLintFiles = 1_000_000

// profileNames are the ends of names that files of a folder have which are checked
// whatever is in them.
var profileNames = []string{".xml", ".cfg", ".txt", ".gz", ".enc", ".spc"}

// lintFiles returns the files to check, those of folders in the order of their names,
// each once, and how many files of folders do not look like profiles.
func lintFiles(paths []string) (files []string, skipped int, err error) {
	known := map[string]bool{}
	add := func(name string) error {
		if known[name] {
			return nil
		}
		known[name] = true
		if files = append(files, name); len(files) > mostLintFiles {
			return fmt.Errorf("more than %d files", mostLintFiles)
		}
		return nil
	}
	for _, path := range paths {
		info, err := os.Stat(path)
		switch {
		case path == "-":
			err = add(path)
		case err != nil:
			return nil, 0, err
		case !info.IsDir():
			err = add(filepath.Clean(path))
		default:
			err = filepath.WalkDir(path, func(name string, d fs.DirEntry, err error) error {
				switch hidden := name != path && strings.HasPrefix(d.Name(), "."); {
				case err != nil:
					return err
				case hidden && d.IsDir():
					return fs.SkipDir
				case hidden || d.IsDir() || !regular(name, d):
					return nil
				case !looksLikeProfile(name):
					skipped++
					return nil
				}
				return add(name)
			})
		}
		if err != nil {
			return nil, 0, err
		}
	}
	if len(files) == 0 {
		return nil, 0, errors.New("there is no file to check")
	}
	return files, skipped, nil
}

// regular reports whether an entry is a file, or a link to one.
func regular(name string, d fs.DirEntry) bool {
	if d.Type()&fs.ModeSymlink == 0 {
		return d.Type().IsRegular()
	}
	info, err := os.Stat(name)
	return err == nil && info.Mode().IsRegular()
}

// looksLikeProfile goes by the name of a file of a folder, else by how it begins.
func looksLikeProfile(name string) bool {
	if slices.Contains(profileNames, strings.ToLower(filepath.Ext(name))) {
		return true
	}
	f, err := os.Open(name)
	if err != nil {
		return true // to say why it cannot be read
	}
	defer f.Close()
	head := make([]byte, 512)
	n, _ := f.Read(head)
	switch d := profile.Describe(head[:n]); d.Format {
	case profile.FormatUnknown, profile.FormatSource:
		return false
	}
	return true
}
