package main

import (
	"path/filepath"

	"spafleet/device/profilecheck"
)

// lintReport is the JSON of profile lint. Findings are in the order in which they were
// found first.
type lintReport struct {
	Files    int                 `json:"files"`
	Bad      int                 `json:"bad_files"` // with errors or warnings
	Skipped  int                 `json:"skipped"`   // that do not look like profiles
	Models   []string            `json:"models"`
	Errors   int                 `json:"errors"` // places
	Warnings int                 `json:"warnings"`
	Notes    int                 `json:"notes"`
	Findings []lintReportFinding `json:"findings"`
	More     int                 `json:"more"` // places of findings beyond those
}

type lintReportFinding struct {
	Level    profilecheck.Level `json:"level"`
	Kind     profilecheck.Kind  `json:"kind"`
	Name     string             `json:"name,omitempty"`
	Text     string             `json:"text"`
	Hint     string             `json:"hint,omitempty"`
	Evidence string             `json:"evidence"`
	Models   []string           `json:"models"`
	Count    int                `json:"count"`
	Files    int                `json:"files"`
	Places   []lintReportPlace  `json:"places"` // the first
}

type lintReportPlace struct {
	File   string `json:"file"`
	Line   int    `json:"line,omitempty"` // of the file, decrypted and unpacked
	Column int    `json:"column,omitempty"`
}

func (l *lint) report() *lintReport {
	r := &lintReport{Files: l.Files, Bad: l.bad, Skipped: l.Skipped, Models: l.rows(), Findings: []lintReportFinding{}, More: l.more,
		Errors: l.counts[profilecheck.Error], Warnings: l.counts[profilecheck.Warning], Notes: l.counts[profilecheck.Note]}
	for _, g := range l.list {
		f := lintReportFinding{Level: g.Level, Kind: g.Kind, Name: g.Name, Text: g.Text, Hint: g.Hint, Evidence: g.Evidence.String(),
			Models: l.modelsOf(g), Count: g.count, Files: g.files}
		for _, p := range g.places {
			f.Places = append(f.Places, lintReportPlace{p.file, p.line, p.column})
		}
		r.Findings = append(r.Findings, f)
	}
	return r
}

// mostSARIF bounds the results of SARIF: forges take no more.
const mostSARIF = 5_000

// The parts of SARIF 2.1.0 that are written.
type (
	sarifLog struct {
		Schema  string     `json:"$schema"`
		Version string     `json:"version"`
		Runs    []sarifRun `json:"runs"`
	}
	sarifRun struct {
		Tool struct {
			Driver sarifDriver `json:"driver"`
		} `json:"tool"`
		Results []sarifResult `json:"results"`
	}
	sarifDriver struct {
		Name    string      `json:"name"`
		Version string      `json:"version"`
		Rules   []sarifRule `json:"rules"`
	}
	sarifRule struct {
		ID string `json:"id"`
	}
	sarifText struct {
		Text string `json:"text"`
	}
	sarifResult struct {
		RuleID    string          `json:"ruleId"`
		Level     string          `json:"level"`
		Message   sarifText       `json:"message"`
		Locations []sarifLocation `json:"locations"`
	}
	sarifLocation struct {
		Physical struct {
			Artifact struct {
				URI string `json:"uri"`
			} `json:"artifactLocation"`
			Region *sarifRegion `json:"region,omitempty"`
		} `json:"physicalLocation"`
	}
	sarifRegion struct {
		Line   int `json:"startLine"`
		Column int `json:"startColumn"`
	}
)

// sarif returns a result for each place.
func (l *lint) sarif() *sarifLog {
	run := sarifRun{Results: []sarifResult{}}
	run.Tool.Driver = sarifDriver{Name: "spafleet", Version: thisVersion().Version, Rules: []sarifRule{}}
	for _, k := range profilecheck.Kinds() {
		run.Tool.Driver.Rules = append(run.Tool.Driver.Rules, sarifRule{string(k)})
	}
	for _, g := range l.list {
		for _, p := range g.places {
			if len(run.Results) == mostSARIF {
				break
			}
			r := sarifResult{RuleID: string(g.Kind), Level: string(g.Level), Message: sarifText{g.String()}, Locations: make([]sarifLocation, 1)}
			at := &r.Locations[0].Physical
			at.Artifact.URI = filepath.ToSlash(p.file)
			if p.line > 0 {
				at.Region = &sarifRegion{p.line, p.column}
			}
			run.Results = append(run.Results, r)
		}
	}
	return &sarifLog{Schema: "https://json.schemastore.org/sarif-2.1.0.json", Version: "2.1.0", Runs: []sarifRun{run}}
}
