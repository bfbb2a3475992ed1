package host

import (
	"fmt"
	"net"
	"net/netip"
	"os"
	"path/filepath"
	"runtime"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

func TestThreadCPUTimeIsTheThreadsOwn(t *testing.T) {
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	began, before := time.Now(), ThreadCPUTime()
	for i := range 100 { // each is far shorter than a tick
		at := ThreadCPUTime()
		for ThreadCPUTime() == at {
			if time.Since(began) > 10*time.Second {
				t.Fatalf("it stands still, the %dth time", i)
			}
		}
	}
	if took, passed := ThreadCPUTime()-before, time.Since(began); took <= 0 || took > passed {
		t.Errorf("the thread had %s in %s", took, passed)
	}
	if took := ThreadCPUTime() - before; took > time.Second {
		t.Errorf("to see it go on 100 times took %s", took)
	}
}

func TestLoopbackAddressesCanBeBound(t *testing.T) {
	for text, want := range map[string]bool{"127.0.0.1": true, "127.77.1.2": true, "192.0.2.1": false} {
		if got := CanBind(netip.MustParseAddr(text)); got != want {
			t.Errorf("%s: %v", text, got)
		}
	}
	lc := LoopbackOnly()
	l, err := lc.Listen(t.Context(), "tcp4", "0.0.0.0:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	c, err := net.Dial("tcp4", fmt.Sprintf("127.77.1.2:%d", l.Addr().(*net.TCPAddr).Port))
	if err != nil {
		t.Fatal(err)
	}
	c.Close()
	raw, err := l.(*net.TCPListener).SyscallConn()
	if err != nil {
		t.Fatal(err)
	}
	var device string
	if err := raw.Control(func(fd uintptr) { device, err = unix.GetsockoptString(int(fd), unix.SOL_SOCKET, unix.SO_BINDTODEVICE) }); err != nil || device != "lo" {
		t.Errorf("it listens on device %q (%v)", device, err)
	}
}

// machine writes files of the system below a folder of its own.
func machine(t *testing.T, files map[string]string) (root string) {
	t.Helper()
	root = t.TempDir()
	for file, text := range files {
		file = filepath.Join(root, file)
		if err := os.MkdirAll(filepath.Dir(file), 0o700); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return root
}

func TestMemoryKnowsTheLimitsOfControlGroups(t *testing.T) {
	const whole, free = 8000 << 10, 5000 << 10
	const v1 = "4:cpu,cpuacct:/docker/x\n3:memory:/docker/x\n"
	tests := map[string]struct {
		files            map[string]string
		limit, available int64
	}{
		"no group": {nil, whole, free},
		"a container": {map[string]string{"proc/self/cgroup": "0::/\n", "sys/fs/cgroup/memory.max": "1000000\n",
			"sys/fs/cgroup/memory.current": "600000\n", "sys/fs/cgroup/memory.stat": "anon 500000\ninactive_file 100000\n"}, 1000000, 500000},
		"a group of its own":        {map[string]string{"proc/self/cgroup": "1:cpu:/x\n0::/a/b\n", "sys/fs/cgroup/a/b/memory.max": "1000000\n"}, 1000000, 1000000},
		"the group above has less":  {map[string]string{"proc/self/cgroup": "0::/a/b\n", "sys/fs/cgroup/a/b/memory.max": "2000000\n", "sys/fs/cgroup/a/memory.max": "1000000\n"}, 1000000, 1000000},
		"only the group above":      {map[string]string{"proc/self/cgroup": "0::/a/b\n", "sys/fs/cgroup/a/b/memory.max": "max\n", "sys/fs/cgroup/a/memory.max": "1000000\n"}, 1000000, 1000000},
		"the machine's path inside": {map[string]string{"proc/self/cgroup": "0::/kubepods/x\n", "sys/fs/cgroup/memory.max": "1000000\n"}, 1000000, 1000000},
		"a group without limit":     {map[string]string{"proc/self/cgroup": "0::/\n", "sys/fs/cgroup/memory.max": "max\n"}, whole, free},
		"more than there is":        {map[string]string{"proc/self/cgroup": "0::/\n", "sys/fs/cgroup/memory.max": "90000000\n"}, whole, free},
		"used up":                   {map[string]string{"sys/fs/cgroup/memory.max": "1000\n", "sys/fs/cgroup/memory.current": "2000\n"}, 1000, 1},
		"version 1": {map[string]string{"proc/self/cgroup": v1, "sys/fs/cgroup/memory/docker/x/memory.limit_in_bytes": "1000000\n",
			"sys/fs/cgroup/memory/docker/x/memory.usage_in_bytes": "600000\n", "sys/fs/cgroup/memory/docker/x/memory.stat": "cache 5\ntotal_inactive_file 100000\n"}, 1000000, 500000},
		"version 1 in a container":  {map[string]string{"proc/self/cgroup": v1, "sys/fs/cgroup/memory/memory.limit_in_bytes": "1000000\n"}, 1000000, 1000000},
		"version 1 without a limit": {map[string]string{"proc/self/cgroup": v1, "sys/fs/cgroup/memory/memory.limit_in_bytes": "9223372036854771712\n"}, whole, free},
	}
	for name, tt := range tests {
		root := machine(t, tt.files)
		if got := availableMemory(root) + memoryLimit(root); got != 0 {
			t.Errorf("%s: %d without the machine's memory, want 0: not told", name, got)
		}
		if err := os.MkdirAll(filepath.Join(root, "proc"), 0o700); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(root, "proc/meminfo"), []byte("MemTotal:    8000 kB\nMemAvailable:    5000 kB\n"), 0o600); err != nil {
			t.Fatal(err)
		}
		if got := memoryLimit(root); got != tt.limit {
			t.Errorf("%s: limit %d, want %d", name, got, tt.limit)
		}
		want := tt.limit
		if want == 8000<<10 { // the machine's own
			want = 0
		}
		if got := containerMemory(root); got != want {
			t.Errorf("%s: container %d, want %d", name, got, want)
		}
		if got := availableMemory(root); got != tt.available {
			t.Errorf("%s: available %d, want %d", name, got, tt.available)
		}
	}
	if AvailableMemory() <= 0 || MemoryLimit() < AvailableMemory() {
		t.Errorf("this machine: limit %d, available %d", MemoryLimit(), AvailableMemory())
	}
}

func TestCPULimitIsTheLeastOfItsControlGroups(t *testing.T) {
	const v1 = "4:cpu,cpuacct:/x\n"
	tests := map[string]struct {
		files map[string]string
		want  float64
	}{
		"none":                    {nil, 0},
		"no limit":                {map[string]string{"proc/self/cgroup": "0::/\n", "sys/fs/cgroup/cpu.max": "max 100000\n"}, 0},
		"half a processor":        {map[string]string{"proc/self/cgroup": "0::/a\n", "sys/fs/cgroup/a/cpu.max": "50000 100000\n"}, 0.5},
		"less above":              {map[string]string{"proc/self/cgroup": "0::/a/b\n", "sys/fs/cgroup/a/b/cpu.max": "400000 100000\n", "sys/fs/cgroup/a/cpu.max": "150000 100000\n"}, 1.5},
		"version 1":               {map[string]string{"proc/self/cgroup": v1, "sys/fs/cgroup/cpu/x/cpu.cfs_quota_us": "200000\n", "sys/fs/cgroup/cpu/x/cpu.cfs_period_us": "100000\n"}, 2},
		"version 1 without limit": {map[string]string{"proc/self/cgroup": v1, "sys/fs/cgroup/cpu/cpu.cfs_quota_us": "-1\n", "sys/fs/cgroup/cpu/cpu.cfs_period_us": "100000\n"}, 0},
	}
	for name, tt := range tests {
		if got := cpuLimit(machine(t, tt.files)); got != tt.want {
			t.Errorf("%s: %g, want %g", name, got, tt.want)
		}
	}
}

func TestCoresAreThoseOfTheContainer(t *testing.T) {
	for limit, want := range map[float64]float64{0: 4, 0.5: 0.5, 4: 4, 6: 4} {
		if got := coresWithin(4, limit); got != want {
			t.Errorf("4 cores and a limit of %g: %g, want %g", limit, got, want)
		}
	}
}
