package certs

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"spafleet/device/hint"
	"spafleet/host"
)

// InitOptions say what a new PKI is like.
type InitOptions struct {
	Seed         uint64 // enough to compute the authorities' keys
	LinksysValid bool   // the Linksys authority for servers has not ended
	Force        bool   // a PKI in the folder is replaced
}

// settingsFile is written last: a folder without it is not a PKI.
const (
	settingsFile = "pki.json"
	bundleFile   = "client-ca-bundle.pem"
)

// Init makes a PKI and writes it to a folder, which it makes where there is none:
// NAME.crt and NAME.key of each authority, client-ca-bundle.pem for the server
// under test, and pki.json. It refuses a folder that has one of these files.
func Init(dir string, o InitOptions) (*PKI, error) {
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, fmt.Errorf("make folder of PKI: %w", err)
	}
	if err := vacate(dir, o.Force); err != nil {
		return nil, err
	}
	p := New(o.Seed)
	p.LinksysValid = o.LinksysValid
	for _, n := range Authorities() {
		if err := p.write(dir, n); err != nil {
			return nil, err
		}
	}
	bundle, err := p.Bundle()
	if err != nil {
		return nil, err
	}
	if err := WriteFile(filepath.Join(dir, bundleFile), bundle, 0o644, true); err != nil {
		return nil, err
	}
	text, err := json.MarshalIndent(p.settings, "", "  ")
	if err != nil {
		return nil, err
	}
	if err := WriteFile(filepath.Join(dir, settingsFile), append(text, '\n'), 0o600, true); err != nil {
		return nil, err
	}
	p.dir = dir
	return p, nil
}

// vacate refuses a folder that holds files of a PKI. With force it removes its
// settings, so that it counts as half-written until it is whole, and links, which
// are not followed; each other file stays until it is replaced.
func vacate(dir string, force bool) error {
	names := []string{settingsFile, bundleFile}
	for _, n := range Authorities() {
		names = append(names, string(n)+".crt", string(n)+".key")
	}
	for _, name := range names {
		switch _, err := os.Lstat(filepath.Join(dir, name)); {
		case errors.Is(err, fs.ErrNotExist):
		case err != nil:
			return err
		case !force:
			return hint.With(fmt.Errorf("%s holds %s already", dir, name), hint.Elsewhere, dir)
		}
	}
	for _, name := range names {
		at := filepath.Join(dir, name)
		info, err := os.Lstat(at)
		if err == nil && (name == settingsFile || info.Mode()&fs.ModeSymlink != 0) {
			err = os.Remove(at)
		}
		if err != nil && !errors.Is(err, fs.ErrNotExist) {
			return err
		}
	}
	return nil
}

// write writes one authority.
func (p *PKI) write(dir string, n Name) error {
	a, err := p.Authority(n)
	if err != nil {
		return err
	}
	key, err := EncodeKey(a.key)
	if err != nil {
		return err
	}
	at := filepath.Join(dir, string(n))
	if err := WriteFile(at+".crt", EncodeCertificates([][]byte{a.Cert.Raw}), 0o644, true); err != nil {
		return err
	}
	return WriteFile(at+".key", key, 0o600, true)
}

// Open returns the PKI of a folder that Init wrote. Authorities are read when
// they are asked for: the files count, so that one may be replaced.
func Open(dir string) (*PKI, error) {
	text, err := readFile(filepath.Join(dir, settingsFile))
	if errors.Is(err, fs.ErrNotExist) {
		return nil, hint.With(fmt.Errorf("%s holds no PKI, or one that was not finished", dir), hint.MakePKI, dir)
	}
	if err != nil {
		return nil, fmt.Errorf("open PKI: %w", err)
	}
	p := &PKI{dir: dir}
	d := json.NewDecoder(bytes.NewReader(text))
	d.DisallowUnknownFields()
	if err := d.Decode(&p.settings); err != nil {
		return nil, fmt.Errorf("open PKI: %s: %w", filepath.Join(dir, settingsFile), err)
	}
	if p.Version != 1 {
		return nil, fmt.Errorf("open PKI: %s is of version %d, this program knows 1", filepath.Join(dir, settingsFile), p.Version)
	}
	return p, nil
}

// read reads an authority's files.
func (p *PKI) read(row *authorityRow, above *Authority) (*Authority, error) {
	at := filepath.Join(p.dir, string(row.name))
	pair, err := readPair(at+".crt", at+".key")
	if err != nil {
		return nil, hint.With(fmt.Errorf("authority %s: %w", row.name, err), hint.RemakePKI, p.dir)
	}
	return row.with(pair.Chain[0], pair.Key, above)
}

// mostOfFile is the longest file that is read: no certificate comes near.
const mostOfFile = 1 << 20

// readFile reads a regular file. A pipe would keep the caller waiting.
func readFile(name string) ([]byte, error) {
	info, err := os.Stat(name)
	switch {
	case err != nil:
		return nil, err
	case !info.Mode().IsRegular():
		return nil, fmt.Errorf("%s is not a regular file", name)
	case info.Size() > mostOfFile:
		return nil, fmt.Errorf("%s has %d bytes, too many for certificates and keys", name, info.Size())
	}
	return host.ReadFile(name, mostOfFile)
}

// WriteFile writes a file whole or not at all, for its owner alone where the mode
// says so from its first byte on. The umask of the process takes from the mode. An
// existing one is replaced with force, and without it an error.
func WriteFile(name string, data []byte, mode fs.FileMode, force bool) error {
	if force {
		return host.WriteFile(name, data, mode)
	}
	err := host.CreateFile(name, data, mode)
	if errors.Is(err, fs.ErrExist) {
		return hint.With(fmt.Errorf("%s exists", name), hint.Replace, name)
	}
	return err
}
