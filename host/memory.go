package host

import (
	"fmt"
	"math"
	"os"
	"path/filepath"
	"strconv"
	"strings"
)

// AvailableMemory returns how many bytes of memory new work can have: what Linux
// says is available, or what the process's control group (a container's) may still
// take where that is less. It is 0 where the system does not tell.
func AvailableMemory() int64 { return availableMemory("/") }

func availableMemory(root string) int64 {
	meminfo := filepath.Join(root, "proc/meminfo")
	available := number(meminfo, "MemAvailable:") << 10
	if available == 0 {
		return 0
	}
	group := filepath.Join(root, "sys/fs/cgroup", ownGroup(root))
	return min(available, groupMemory(group))
}

// ownGroup returns the path of the process's control group of version 2, which is
// / in most containers.
func ownGroup(root string) string {
	text, err := os.ReadFile(filepath.Join(root, "proc/self/cgroup"))
	if err != nil {
		return "/"
	}
	for line := range strings.Lines(string(text)) {
		if path, ok := strings.CutPrefix(line, "0::"); ok {
			return strings.TrimSpace(path)
		}
	}
	return "/"
}

// groupMemory returns what a control group may still take. Files that it has read
// and no longer uses are given back when memory gets short.
func groupMemory(dir string) int64 {
	most, err := wholeNumber(filepath.Join(dir, "memory.max"))
	if err != nil {
		return math.MaxInt64 // it has no limit
	}
	used, err := wholeNumber(filepath.Join(dir, "memory.current"))
	if err != nil {
		return most
	}
	return max(most-used+number(filepath.Join(dir, "memory.stat"), "inactive_file"), 1)
}

func wholeNumber(file string) (int64, error) {
	text, err := os.ReadFile(file)
	if err != nil {
		return 0, err
	}
	return strconv.ParseInt(strings.TrimSpace(string(text)), 10, 64)
}

// number returns what stands behind a name in one of the system's lists; 0 where
// it does not.
func number(file, name string) int64 {
	text, err := os.ReadFile(file)
	if err != nil {
		return 0
	}
	for line := range strings.Lines(string(text)) {
		var n int64
		if rest, ok := strings.CutPrefix(line, name+" "); ok {
			if _, err := fmt.Sscan(rest, &n); err == nil {
				return n
			}
		}
	}
	return 0
}
