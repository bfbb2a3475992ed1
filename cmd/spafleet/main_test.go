package main

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/rogpeppe/go-internal/testscript"
)

func TestMain(m *testing.M) {
	testscript.Main(m, map[string]func(){"spafleet": main})
}

// TestScripts runs testdata/script/*.txt. Beside the commands of package
// testscript they have
//
//	await FILE REGEXP [NAME...]   waits up to 5 s until the file matches, and sets
//	                              the variables NAME to what the groups matched
//	exits CODE PROGRAM [ARG...]   runs a program that must end with this code
//	json FILE [COUNT]             the file is JSON values and nothing else, COUNT
//	                              of them (1)
//	silent NAME                   opens a UDP port on loopback that never answers,
//	                              and sets the variable NAME to its address
//	samereport A B                both files are JSON of the same report, but for the
//	                              wall clock and the machine
//	[ci]                          holds where the environment has CI
//	[netns]                       holds where network namespaces can be made, or
//	                              must be: in CI
//
// FILE may be stdout or stderr. $PROFILES is testdata/profiles.
func TestScripts(t *testing.T) {
	t.Parallel()
	profiles, err := filepath.Abs("testdata/profiles")
	if err != nil {
		t.Fatal(err)
	}
	testscript.Run(t, testscript.Params{
		Dir:                "testdata/script",
		RequireUniqueNames: true,
		Setup: func(e *testscript.Env) error {
			e.Setenv("PROFILES", profiles)
			if os.Getenv("GORACE") == "" {
				// The detector holds every program for a second at its end.
				e.Setenv("GORACE", "atexit_sleep_ms=10")
			}
			return nil
		},
		Condition: func(name string) (bool, error) {
			ci := os.Getenv("CI") != ""
			switch name {
			case "ci":
				return ci, nil
			case "netns":
				return ci || exec.Command("unshare", "-rn", "true").Run() == nil, nil
			}
			return false, errors.New("unknown condition " + name)
		},
		Cmds: map[string]func(*testscript.TestScript, bool, []string){
			"await": awaitMatch, "samereport": sameReport, "exits": exitsWith, "json": holdsJSON, "silent": silentPort,
		},
	})
}

func awaitMatch(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) < 2 {
		ts.Fatalf("usage: await FILE REGEXP [NAME...]")
	}
	want, err := regexp.Compile("(?m)" + args[1])
	ts.Check(err)
	ctx, cancel := context.WithTimeout(context.Background(), 5*time.Second)
	defer cancel()
	again := time.NewTicker(10 * time.Millisecond)
	defer again.Stop()
	for {
		text, _ := os.ReadFile(ts.MkAbs(args[0])) // it may not be there yet
		if groups := want.FindStringSubmatch(string(text)); groups != nil {
			for i, name := range args[2:] {
				ts.Setenv(name, groups[i+1])
			}
			return
		}
		select {
		case <-again.C:
		case <-ctx.Done():
			ts.Fatalf("%s does not match %q after 5 s:\n%s", args[0], args[1], text)
		}
	}
}

func silentPort(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 1 {
		ts.Fatalf("usage: silent NAME")
	}
	conn, err := net.ListenPacket("udp4", "127.0.0.1:0")
	ts.Check(err)
	ts.Defer(func() { conn.Close() })
	ts.Setenv(args[0], conn.LocalAddr().String())
}

func exitsWith(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) < 2 {
		ts.Fatalf("usage: exits CODE PROGRAM [ARG...]")
	}
	code := 0
	err := ts.Exec(args[1], args[2:]...)
	var failed *exec.ExitError
	switch {
	case errors.As(err, &failed):
		code = failed.ExitCode()
	case err != nil:
		ts.Fatalf("%s: %v", args[1], err)
	}
	if want := args[0]; strconv.Itoa(code) != want {
		ts.Fatalf("%s: exit code %d, want %s\n%s", strings.Join(args[1:], " "), code, want, ts.ReadFile("stderr"))
	}
}

func holdsJSON(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) < 1 || len(args) > 2 {
		ts.Fatalf("usage: json FILE [COUNT]")
	}
	want := 1
	if len(args) == 2 {
		var err error
		want, err = strconv.Atoi(args[1])
		ts.Check(err)
	}
	values := json.NewDecoder(strings.NewReader(ts.ReadFile(args[0])))
	count := 0
	for {
		var v any
		err := values.Decode(&v)
		if errors.Is(err, io.EOF) {
			break
		}
		ts.Check(err)
		count++
	}
	if count != want {
		ts.Fatalf("%s holds %d JSON values, want %d", args[0], count, want)
	}
}
