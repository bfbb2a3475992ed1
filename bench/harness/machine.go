package harness

import (
	"bufio"
	"bytes"
	"fmt"
	"os"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"time"
)

// Machine says what is measured on, and how busy it is.
func Machine() string {
	load, _ := os.ReadFile("/proc/loadavg") // "" says that it is not known
	first, _, _ := strings.Cut(string(load), " ")
	return fmt.Sprintf("%d x %s, %s, %s, load at the start %s", runtime.NumCPU(), line("/proc/cpuinfo", "model name"),
		runtime.Version(), time.Now().UTC().Format(time.DateOnly), first)
}

// Resident returns the resident memory of this process in bytes, and the most
// that it ever was.
func Resident() (now, most int) {
	return Number("/proc/self/status", "VmRSS") << 10, Number("/proc/self/status", "VmHWM") << 10
}

// Number returns a value of one of the system's lists.
func Number(file, name string) int {
	n, _ := strconv.Atoi(strings.TrimSuffix(line(file, name), " kB"))
	return n
}

// line returns what stands behind a name and a colon in one of the system's
// lists; "" where it does not.
func line(file, name string) string {
	text, err := os.ReadFile(file)
	if err != nil {
		return ""
	}
	for s := bufio.NewScanner(bytes.NewReader(text)); s.Scan(); {
		if key, value, ok := strings.Cut(s.Text(), ":"); ok && strings.TrimSpace(key) == name {
			return strings.TrimSpace(value)
		}
	}
	return ""
}

// Median returns the middle of a list, 0 for an empty one.
func Median(list []float64) float64 {
	sorted := slices.Sorted(slices.Values(list))
	n := len(sorted)
	if n == 0 {
		return 0
	}
	return (sorted[(n-1)/2] + sorted[n/2]) / 2
}

// Cores are a machine's processors as taskset has them: 0,1.
type Cores string

// Core is one processor.
func Core(n int) Cores { return Cores(strconv.Itoa(n)) }

// Count returns how many they are.
func (c Cores) Count() int { return strings.Count(string(c), ",") + 1 }

// Halves returns one half of the cores for a server and the other for its
// clients. A single core is both.
func Halves() (server, clients Cores) {
	n := runtime.NumCPU()
	if n == 1 {
		return "0", "0"
	}
	return span(0, n/2), span(n/2, n)
}

func span(from, to int) Cores {
	var list []string
	for i := from; i < to; i++ {
		list = append(list, strconv.Itoa(i))
	}
	return Cores(strings.Join(list, ","))
}

// Others returns all cores but one. Where there is only one it is shared.
func Others(core int) Cores {
	var list []string
	for i := range runtime.NumCPU() {
		if i != core {
			list = append(list, strconv.Itoa(i))
		}
	}
	if list == nil {
		return Core(core)
	}
	return Cores(strings.Join(list, ","))
}

// All returns all cores.
func All() Cores { return span(0, runtime.NumCPU()) }
