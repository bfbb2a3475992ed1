package host

import (
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"strings"
)

// MemoryLimit returns how many bytes of memory this process may have at all: what
// the machine has, or where that is less, what the process's control groups (a
// container's) allow. It is 0 where the system does not tell.
func MemoryLimit() int64 { return memoryLimit("/") }

// AvailableMemory returns how many bytes of memory new work can have: what Linux
// says is available, or what the process's control groups (a container's) may
// still take where that is less. It is 0 where the system does not tell.
func AvailableMemory() int64 { return availableMemory("/") }

func memoryLimit(root string) int64 {
	whole := number(filepath.Join(root, "proc/meminfo"), "MemTotal:") << 10
	if most := containerMemory(root); most > 0 {
		return min(whole, most)
	}
	return whole
}

// ContainerMemory returns how many bytes of memory the process's control groups (a
// container's) allow; 0 where they allow all that the machine has.
func ContainerMemory() int64 { return containerMemory("/") }

func containerMemory(root string) (least int64) {
	whole := number(filepath.Join(root, "proc/meminfo"), "MemTotal:") << 10
	for _, g := range memoryGroups(root) {
		if most, ok := g.limit(); ok && most < whole && (least == 0 || most < least) {
			least = most
		}
	}
	return least
}

func availableMemory(root string) int64 {
	least := number(filepath.Join(root, "proc/meminfo"), "MemAvailable:") << 10
	if least == 0 {
		return 0
	}
	for _, g := range memoryGroups(root) {
		if free, ok := g.free(); ok {
			least = min(least, free)
		}
	}
	return least
}

// A memoryGroup is a control group with the names of its files, which differ
// between versions 1 and 2.
type memoryGroup struct{ dir, max, current, inactive string }

// memoryGroups returns the control groups that bound this process.
func memoryGroups(root string) (list []memoryGroup) {
	for _, dir := range controlGroups(root, "") {
		list = append(list, memoryGroup{dir, "memory.max", "memory.current", "inactive_file"})
	}
	for _, dir := range controlGroups(root, "memory") {
		list = append(list, memoryGroup{dir, "memory.limit_in_bytes", "memory.usage_in_bytes", "total_inactive_file"})
	}
	return list
}

// limit returns what the group may have; false: it has no limit.
func (g memoryGroup) limit() (int64, bool) {
	most, err := wholeNumber(filepath.Join(g.dir, g.max))
	return most, err == nil && most > 0
}

// free returns what the group may still take. Files that it has read and no longer
// uses are given back when memory gets short.
func (g memoryGroup) free() (int64, bool) {
	most, ok := g.limit()
	if !ok {
		return 0, false
	}
	used, err := wholeNumber(filepath.Join(g.dir, g.current))
	if err != nil {
		return most, true
	}
	return max(most-used+number(filepath.Join(g.dir, "memory.stat"), g.inactive), 1), true
}

// CPULimit returns how many processors' time the process's control groups (a
// container's) allow, such as 0.5; 0 where they set no limit. The Go runtime
// itself starts fewer threads for a limit, but never fewer than two.
func CPULimit() float64 { return cpuLimit("/") }

// Cores returns how many processors' time this process can have: those that Go
// uses, or [CPULimit] where that is less.
func Cores() float64 { return coresWithin(runtime.GOMAXPROCS(0), CPULimit()) }

func coresWithin(cores int, limit float64) float64 {
	if limit > 0 {
		return min(float64(cores), limit)
	}
	return float64(cores)
}

func cpuLimit(root string) (least float64) {
	note := func(quota, period int64) {
		if quota > 0 && period > 0 && (least == 0 || float64(quota)/float64(period) < least) {
			least = float64(quota) / float64(period)
		}
	}
	for _, dir := range controlGroups(root, "") {
		text, _ := readSystemFile(filepath.Join(dir, "cpu.max")) // without the file there is no limit
		var quota, period int64
		if n, _ := fmt.Sscan(text, &quota, &period); n == 2 { // "max 100000" is no limit
			note(quota, period)
		}
	}
	for _, dir := range controlGroups(root, "cpu") {
		quota, _ := wholeNumber(filepath.Join(dir, "cpu.cfs_quota_us")) // -1 is no limit
		period, _ := wholeNumber(filepath.Join(dir, "cpu.cfs_period_us"))
		note(quota, period)
	}
	return least
}

// controlGroups returns the folders of the process's control group and of those
// that it is in: of version 1 for a controller, of version 2 for "". In a container
// the path may be the machine's, and the folder is not there: then the container's
// own group is the uppermost.
func controlGroups(root, controller string) (dirs []string) {
	text, _ := readSystemFile(filepath.Join(root, "proc/self/cgroup")) // without it there is one group
	own := "/"
	for line := range strings.Lines(text) {
		part := strings.SplitN(strings.TrimSpace(line), ":", 3)
		if len(part) == 3 && hasController(part[1], controller) {
			own = filepath.Clean("/" + part[2])
		}
	}
	top := filepath.Join(root, "sys/fs/cgroup", controller)
	for ; ; own = filepath.Dir(own) {
		dirs = append(dirs, filepath.Join(top, own))
		if own == "/" {
			return dirs
		}
	}
}

func hasController(list, controller string) bool {
	for one := range strings.SplitSeq(list, ",") {
		if one == controller {
			return true
		}
	}
	return false
}

func wholeNumber(file string) (n int64, err error) {
	text, err := readSystemFile(file)
	if err == nil {
		_, err = fmt.Sscan(text, &n)
	}
	return n, err
}

// number returns what stands behind a name in one of the system's lists; 0 where
// it does not.
func number(file, name string) (n int64) {
	text, _ := readSystemFile(file)
	for line := range strings.Lines(text) {
		if rest, ok := strings.CutPrefix(line, name+" "); ok {
			if _, err := fmt.Sscan(rest, &n); err == nil {
				return n
			}
		}
	}
	return 0
}

func readSystemFile(name string) (string, error) {
	text, err := os.ReadFile(name)
	return string(text), err
}
