package main

import (
	"fmt"
	"runtime"
	"runtime/debug"
	"strings"

	"github.com/spf13/cobra"

	"spafleet/certs/ssl"
)

// A version is which program this is, as it was noted when it was built.
type version struct {
	Version  string `json:"version"`            // of the module; (devel) where it was built from a checkout without a tag
	Revision string `json:"revision,omitempty"` // commit; empty where it was built from no checkout
	Time     string `json:"time,omitempty"`     // of the commit
	Modified bool   `json:"modified"`           // the checkout had changes that were not committed
	Go       string `json:"go"`
	Platform string `json:"platform"`
	RSA      string `json:"rsa,omitempty"` // what computes it, where the program was built with the tag openssl
}

// built is VERSION,COMMIT,TIME where .ci/dist built the program, and else empty.
var built string

func thisVersion() version {
	info, ok := debug.ReadBuildInfo()
	if !ok {
		info = &debug.BuildInfo{}
	}
	return versionOf(info, built)
}

// versionOf is the version that a release says, or what the toolchain noted.
func versionOf(info *debug.BuildInfo, release string) version {
	v := version{Version: info.Main.Version, Go: runtime.Version(), Platform: runtime.GOOS + "/" + runtime.GOARCH}
	if by := ssl.Computed(); by != "Go" {
		v.RSA = by
	}
	if v.Version == "" {
		v.Version = "(devel)"
	}
	for _, s := range info.Settings {
		switch s.Key {
		case "vcs.revision":
			v.Revision = s.Value
		case "vcs.time":
			v.Time = s.Value
		case "vcs.modified":
			v.Modified = s.Value == "true"
		}
	}
	if parts := strings.Split(release, ","); len(parts) == 3 {
		v.Version, v.Revision, v.Time = parts[0], parts[1], parts[2]
		v.Modified = strings.HasSuffix(v.Version, "+dirty")
	}
	return v
}

// line is the version in one line.
func (v version) line() string {
	parts := []string{v.Version}
	if v.Revision != "" {
		commit := "commit " + v.Revision[:min(12, len(v.Revision))]
		if v.Modified {
			commit += " with changes"
		}
		if v.Time != "" {
			commit += " of " + v.Time
		}
		parts = append(parts, commit)
	}
	parts = append(parts, v.Go, v.Platform)
	if v.RSA != "" {
		parts = append(parts, "RSA by "+v.RSA)
	}
	return strings.Join(parts, " · ")
}

func versionCommand(s streams) *cobra.Command {
	asJSON := false
	c := &cobra.Command{
		Use:   "version",
		Short: "Print the version, the commit and the Go release it was built with",
		Example: `  spafleet version
  spafleet version --json`,
		Args: noArgs,
	}
	c.Flags().BoolVar(&asJSON, "json", false, "print one JSON object")
	c.RunE = func(*cobra.Command, []string) error {
		v := thisVersion()
		if asJSON {
			return writeJSON(s.out, v)
		}
		_, err := fmt.Fprintf(s.out, "spafleet %s\n", v.line())
		return err
	}
	return c
}
