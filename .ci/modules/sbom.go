package main

import (
	"crypto/sha256"
	"debug/buildinfo"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
)

// A bom is a parts list in the form of CycloneDX 1.6. It has no time and no serial
// number, so that the same program has the same list.
type bom struct {
	Format       string       `json:"bomFormat"`
	Spec         string       `json:"specVersion"`
	Version      int          `json:"version"`
	Metadata     metadata     `json:"metadata"`
	Components   []component  `json:"components"`
	Dependencies []dependency `json:"dependencies"`
}

type metadata struct {
	Component component `json:"component"`
}

type component struct {
	Type     string          `json:"type"`
	Ref      string          `json:"bom-ref"`
	Name     string          `json:"name"`
	Version  string          `json:"version"`
	Hashes   []hash          `json:"hashes,omitempty"`
	Licences []licenceChoice `json:"licenses,omitempty"`
	PURL     string          `json:"purl,omitempty"`
	Property []property      `json:"properties,omitempty"`
}

type hash struct {
	Algorithm string `json:"alg"`
	Content   string `json:"content"`
}

type licenceChoice struct {
	Licence licenceID `json:"license"`
}

type licenceID struct {
	ID string `json:"id"`
}

type property struct {
	Name  string `json:"name"`
	Value string `json:"value"`
}

type dependency struct {
	Ref  string   `json:"ref"`
	Need []string `json:"dependsOn"`
}

// sbom prints the parts list of a program.
func sbom(out io.Writer, version string, programs []string) error {
	if len(programs) != 1 {
		return fmt.Errorf("%d programs; a parts list is of one", len(programs))
	}
	list, err := parts(programs)
	if err != nil {
		return err
	}
	info, err := buildinfo.ReadFile(programs[0])
	if err != nil {
		return err
	}
	body, err := os.ReadFile(programs[0])
	if err != nil {
		return err
	}
	if version == "" {
		version = info.Main.Version
	}
	sum := sha256.Sum256(body)
	program := component{Type: "application", Ref: "spafleet", Name: filepath.Base(programs[0]), Version: version,
		Hashes: []hash{{"SHA-256", hex.EncodeToString(sum[:])}}, Licences: licences("Apache-2.0")}
	for _, s := range info.Settings {
		if s.Key == "GOOS" || s.Key == "GOARCH" {
			program.Property = append(program.Property, property{"go:" + s.Key, s.Value})
		}
	}
	goVersion := strings.TrimPrefix(info.GoVersion, "go")
	std := component{Type: "library", Ref: "std", Name: "std", Version: goVersion, PURL: "pkg:golang/std@" + goVersion, Licences: licences("BSD-3-Clause")}
	b := bom{Format: "CycloneDX", Spec: "1.6", Version: 1, Metadata: metadata{program}, Components: []component{std}, Dependencies: []dependency{{"spafleet", []string{"std"}}}}
	for _, m := range list {
		c := m.component()
		b.Components = append(b.Components, c)
		b.Dependencies[0].Need = append(b.Dependencies[0].Need, c.Ref)
	}
	e := json.NewEncoder(out)
	e.SetIndent("", " ")
	return e.Encode(b)
}

func licences(id string) []licenceChoice { return []licenceChoice{{licenceID{id}}} }

// component is the module in a parts list. The sum of go.sum is there as a property: it
// is of a list of files, not of one file.
func (m module) component() component {
	purl := "pkg:golang/" + m.path + "@" + strings.ReplaceAll(m.version, "+", "%2B")
	c := component{Type: "library", Ref: purl, Name: m.path, Version: m.version, PURL: purl, Licences: licences(m.licence)}
	if _, err := base64.StdEncoding.DecodeString(strings.TrimPrefix(m.sum, "h1:")); err == nil && m.sum != "" {
		c.Property = []property{{"go:sum", m.sum}}
	}
	return c
}
