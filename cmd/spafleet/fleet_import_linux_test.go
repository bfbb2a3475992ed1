package main

import (
	"bufio"
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"syscall"
	"testing"
	"time"
)

// writeLog writes lines of so many devices, each of which asks for two files an hour.
func writeLog(w io.Writer, lines, devices int) error {
	to := bufio.NewWriterSize(w, 1<<20)
	day := time.Date(2026, 11, 24, 0, 0, 0, 0, time.UTC)
	for n := range lines {
		device := n / 2 % devices
		at := day.Add(time.Duration(n/2/devices)*time.Hour + time.Duration(device)*time.Hour/time.Duration(devices))
		file := fmt.Sprintf("/cfg/0002fd%06x.xml", device)
		if n%2 == 0 {
			file = "/spa504G.cfg"
		}
		fmt.Fprintf(to, "10.%d.%d.%d - - [%s] \"GET %s HTTP/1.1\" 200 4096 \"-\" \"Cisco/SPA504G-7.5.5 (0002FD%06X)(CCQ16%07d)\"\n",
			device>>18, device>>10&255, device>>2&255, at.Format("02/Jan/2006:15:04:05 -0700"), file, device, device)
	}
	return to.Flush()
}

// A log of ten million lines of 100,000 devices takes at most a minute, and memory for
// its devices, not for its lines. Without SPAFLEET_SLOW it is 200,000 lines of 2,000.
func TestImportIsQuickAndBounded(t *testing.T) {
	lines, devices, mostMB := 200_000, 2_000, int64(150)
	if os.Getenv("SPAFLEET_SLOW") != "" {
		lines, devices, mostMB = 10_000_000, 100_000, 200
	}
	out := filepath.Join(t.TempDir(), "imported.yaml")
	c := exec.CommandContext(t.Context(), "spafleet", "fleet", "import", "-", "--json", "--out", out)
	c.Env = append(os.Environ(), "GOMEMLIMIT="+fmt.Sprint(mostMB-50)+"MiB") // the program's own pages take the rest
	in, err := c.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	var said, wrong bytes.Buffer
	c.Stdout, c.Stderr = &said, &wrong
	began := time.Now()
	if err := c.Start(); err != nil {
		t.Fatal(err)
	}
	if err := writeLog(in, lines, devices); err != nil {
		t.Error(err)
	}
	in.Close()
	if err := c.Wait(); err != nil {
		t.Fatalf("%v\n%s", err, wrong.String())
	}
	took := time.Since(began)
	var sum imported
	if err := json.Unmarshal(said.Bytes(), &sum); err != nil {
		t.Fatal(err)
	}
	if len(sum.Groups) != 1 || sum.Devices != devices || sum.Groups[0].Interval != 3600 || sum.Addresses != (devices+3)/4 || sum.NAT[4] != devices/4 {
		t.Errorf("%d devices at %d addresses, %+v", sum.Devices, sum.Addresses, sum.Groups)
	}
	usage := c.ProcessState.SysUsage().(*syscall.Rusage)
	megabytes, cpu := usage.Maxrss/1024, c.ProcessState.UserTime()+c.ProcessState.SystemTime()
	t.Logf("%d lines in %s, %s of a CPU, %d MB", lines, took.Round(time.Millisecond), cpu.Round(time.Millisecond), megabytes)
	if megabytes > mostMB*raceSlowdown {
		t.Errorf("%d MB, at most %d", megabytes, mostMB)
	}
	if most := time.Minute * raceSlowdown; cpu > most { // of a CPU: the machine may be busy
		t.Errorf("%d lines took %s of a CPU, at most %s", lines, cpu, most)
	}
}
