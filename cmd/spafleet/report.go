package main

import (
	"bufio"
	"bytes"
	"crypto/sha256"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strings"

	"github.com/spf13/cobra"

	"spafleet/host"
	"spafleet/scenarios/report"
	"spafleet/scenarios/report/compare"
	"spafleet/scenarios/report/junit"
	"spafleet/scenarios/report/webpage"
)

func reportCommand(s streams) *cobra.Command {
	c := &cobra.Command{
		Use:   "report",
		Short: "Merge, show and compare the results of runs",
		Long:  `Works with the results that 'spafleet run --result' and 'run --json' write.`,
		Example: `  spafleet report html result.json >result.html
  spafleet report diff monday.json tuesday.json
  spafleet report merge 0.json 1.json 2.json`,
		Args: noArgs,
		RunE: func(c *cobra.Command, _ []string) error { return c.Help() },
	}
	c.AddCommand(mergeCommand(s), diffCommand(s))
	for _, f := range []struct {
		name, short string
		write       func(io.Writer, *report.Report) error
	}{
		{"html", "Write a result as one web page with pictures", webpage.Write},
		{"json", "Write a result as one JSON object", func(w io.Writer, r *report.Report) error { return writeJSON(w, r) }},
		{"junit", "Write a result as JUnit XML, for CI systems", junit.Write},
		{"text", "Write a result in words", func(w io.Writer, r *report.Report) error { r.WriteText(w); return nil }},
	} {
		c.AddCommand(renderCommand(s, f.name, f.short, f.write))
	}
	return c
}

// renderCommand writes saved results in another form.
func renderCommand(s streams, name, short string, write func(io.Writer, *report.Report) error) *cobra.Command {
	out := ""
	c := &cobra.Command{
		Use:   name + " RESULT...",
		Short: short,
		Long: short + `. RESULT is a file written by 'run --result' or 'run
--json', or - for the standard input. The results of all shards of a run are
merged first. The exit code does not depend on the verdict.`,
		Example: fmt.Sprintf(`  spafleet report %s result.json
  spafleet report %[1]s shard-*.json --out fleet.%[1]s`, name),
		Args: someResults,
		RunE: func(_ *cobra.Command, args []string) error {
			r, err := readReport(s.in, args)
			if err != nil {
				return err
			}
			if out == "" {
				return write(s.out, r)
			}
			return writeRendered(out, write, r)
		},
	}
	c.Flags().StringVar(&out, "out", "", "write to this `FILE` (default: the standard output)")
	return c
}

func someResults(_ *cobra.Command, args []string) error {
	if len(args) == 0 {
		return errors.New("give a result, or those of all shards, or - for the standard input")
	}
	return nil
}

// readReport returns the report of results: one, or those of all shards of a run.
func readReport(in io.Reader, names []string) (*report.Report, error) {
	var parts []report.ShardResult
	for _, name := range names {
		more, err := readResults(in, name)
		if err != nil {
			return nil, err
		}
		parts = append(parts, more...)
	}
	if len(parts) == 1 {
		return parts[0].Report, nil
	}
	return report.Merge(parts)
}

func diffCommand(s streams) *cobra.Command {
	asJSON := false
	c := &cobra.Command{
		Use:   "diff BEFORE AFTER",
		Short: "Set two results side by side",
		Long: `Sets the results of two runs side by side: the verdict, what expectations and
thresholds came to, resyncs, latencies, failures and findings. Only what differs
is shown of lists. The exit code does not depend on what differs.`,
		Example: `  spafleet report diff monday.json tuesday.json
  spafleet report diff --json before.json after.json | jq '.failures[].name'`,
		Args: cobra.ExactArgs(2),
		RunE: func(_ *cobra.Command, args []string) error {
			before, err := readReport(s.in, args[:1])
			if err != nil {
				return err
			}
			after, err := readReport(s.in, args[1:])
			if err != nil {
				return err
			}
			d := compare.Of(before, after)
			if asJSON {
				return writeJSON(s.out, d)
			}
			d.WriteText(s.out)
			return nil
		},
	}
	c.Flags().BoolVar(&asJSON, "json", false, "print one JSON object")
	return c
}

func mergeCommand(s streams) *cobra.Command {
	asJSON := false
	c := &cobra.Command{
		Use:   "merge RESULT...",
		Short: "Merge the results of all shards into one report",
		Long: `Merges the results of all shards of a run into one report, the same that a single
process would have given. Counters and histograms add up exactly. Expectations are
checked for the whole fleet, and the exit code is that of the merged report.

RESULT is a file written by 'run --result FILE', or a log that contains the marked
lines of 'run --result -'; - is the standard input. If a shard ran several times,
the last attempt counts. A missing shard, a shard given twice, and a result of
another run, seed or scenario are errors.`,
		Example: `  spafleet report merge 0.json 1.json 2.json
  spafleet report merge --json shard-*.json
  kubectl logs -l batch.kubernetes.io/job-name=spafleet --tail=-1 |
      spafleet report merge -`,
		Args: func(c *cobra.Command, args []string) error {
			if len(args) == 0 {
				return errors.New("give the results of all shards, or - for a log on the standard input")
			}
			return nil
		},
		RunE: func(_ *cobra.Command, args []string) error {
			var parts []report.ShardResult
			for _, name := range args {
				more, err := readResults(s.in, name)
				if err != nil {
					return err
				}
				parts = append(parts, more...)
			}
			result, err := report.Merge(parts)
			if err != nil {
				return err
			}
			if asJSON {
				_ = writeJSON(s.out, result) // a closed pipe is nobody's trouble
			} else {
				result.WriteText(s.out)
			}
			if result.Exit != exitOK {
				return exitWith(result.Exit)
			}
			return nil
		},
	}
	c.Flags().BoolVar(&asJSON, "json", false, "print one JSON object")
	return c
}

// readResults returns the results in a file or log.
func readResults(in io.Reader, name string) ([]report.ShardResult, error) {
	var text []byte
	var err error
	if name == "-" {
		name = "standard input"
		text, err = host.ReadAll(in, name, mostResults)
	} else {
		text, err = host.ReadFile(name, mostResults)
	}
	switch {
	case err != nil:
		return nil, fmt.Errorf("%w; of a log, the result lines and the marker lines before them are enough", err)
	case bytes.Contains(text, []byte(frameMark)):
		return readLog(name, text)
	}
	r := &report.Report{}
	if err := json.Unmarshal(text, r); err != nil {
		return nil, fmt.Errorf("%s is not a result of 'spafleet run --result': %w", name, err)
	}
	if r.Format != report.Format {
		return nil, fmt.Errorf("%s is not a result of format %d, which this spafleet reads: its format is %d", name, report.Format, r.Format)
	}
	return []report.ShardResult{{From: name, Report: r}}, nil
}

// mostResults bounds what is read from one file.
const mostResults = 64 << 20

// A mark is a marker line whose result has not been seen yet.
type mark struct {
	line  int
	text  string // what the result is of
	bytes int
}

// readLog finds the results in a log. Each line may have something before it,
// such as the time or the name of a pod, and others between: a result is known by
// its digest.
func readLog(name string, text []byte) ([]report.ShardResult, error) {
	var parts []report.ShardResult
	open := map[string]mark{} // by digest
	lines := bufio.NewReader(bytes.NewReader(text))
	for n := 1; ; n++ {
		line, err := lines.ReadBytes('\n')
		line = bytes.TrimRight(line, "\r\n")
		switch at := bytes.Index(line, []byte(frameMark)); {
		case at >= 0:
			digest, m, ok := readMark(string(line[at+len(frameMark):]))
			if !ok {
				return nil, fmt.Errorf("%s:%d: this marker line is damaged", name, n)
			}
			m.line = n
			open[digest] = m
		case len(open) > 0:
			part, digest, err := resultIn(line, open)
			if err != nil {
				return nil, fmt.Errorf("%s:%d: %w", name, n, err)
			}
			if part != nil {
				parts = append(parts, report.ShardResult{From: fmt.Sprintf("%s:%d", name, open[digest].line), Report: part})
				delete(open, digest)
			}
		}
		if err != nil {
			break
		}
	}
	for _, m := range open {
		return nil, fmt.Errorf("%s:%d: the line of the result of %s is missing or cut", name, m.line, m.text)
	}
	return parts, nil
}

// readMark reads what stands behind a frameMark.
func readMark(text string) (digest string, m mark, ok bool) {
	var index, count, attempt int
	n, err := fmt.Sscanf(text, "shard=%d/%d attempt=%d bytes=%d sha256=%s", &index, &count, &attempt, &m.bytes, &digest)
	m.text = fmt.Sprintf("shard %d of %d, attempt %d,", index, count, attempt)
	return digest, m, err == nil && n == 5 && m.bytes > 1
}

// resultIn returns the result at the end of a line, nil where there is none.
func resultIn(line []byte, open map[string]mark) (*report.Report, string, error) {
	for digest, m := range open {
		if len(line) < m.bytes {
			continue
		}
		text := line[len(line)-m.bytes:]
		if fmt.Sprintf("%x", sha256.Sum256(text)) != digest {
			continue
		}
		r := &report.Report{}
		if err := json.Unmarshal(text, r); err != nil {
			return nil, "", fmt.Errorf("the result of %s: %w", strings.TrimSuffix(m.text, ","), err)
		}
		return r, digest, nil
	}
	return nil, "", nil
}
