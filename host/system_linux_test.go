package host

import (
	"fmt"
	"net"
	"net/netip"
	"os"
	"path/filepath"
	"runtime"
	"strconv"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

func TestThreadCPUTimeIsTheThreadsOwn(t *testing.T) {
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	before := ThreadCPUTime()
	for began := time.Now(); ThreadCPUTime() == before; {
		if time.Since(began) > 10*time.Second {
			t.Fatal("it stands still")
		}
	}
	if ThreadCPUTime() > CPUTime() {
		t.Errorf("a thread had %s, the process %s", ThreadCPUTime(), CPUTime())
	}
}

func TestATerminalHasColumns(t *testing.T) {
	master, err := os.OpenFile("/dev/ptmx", os.O_RDWR, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer master.Close()
	fd := int(master.Fd())
	if err := unix.IoctlSetPointerInt(fd, unix.TIOCSPTLCK, 0); err != nil {
		t.Fatal(err)
	}
	n, err := unix.IoctlGetInt(fd, unix.TIOCGPTN)
	if err != nil {
		t.Fatal(err)
	}
	terminal, err := os.OpenFile("/dev/pts/"+strconv.Itoa(n), os.O_RDWR|unix.O_NOCTTY, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer terminal.Close()
	for _, want := range []int{0, 72} {
		if err := unix.IoctlSetWinsize(fd, unix.TIOCSWINSZ, &unix.Winsize{Row: 25, Col: uint16(want)}); err != nil {
			t.Fatal(err)
		}
		if got, is := Terminal(terminal); !is || got != want {
			t.Errorf("%d columns (%v), want %d", got, is, want)
		}
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

func TestAvailableMemoryKnowsTheLimitOfTheControlGroup(t *testing.T) {
	const meminfo = "MemTotal: 8000 kB\nMemAvailable:    5000 kB\n"
	tests := map[string]struct {
		files map[string]string
		want  int64
	}{
		"not told": {nil, 0},
		"no group": {map[string]string{"proc/meminfo": meminfo}, 5000 << 10},
		"a container": {map[string]string{"proc/meminfo": meminfo, "proc/self/cgroup": "0::/\n", "sys/fs/cgroup/memory.max": "1000000\n",
			"sys/fs/cgroup/memory.current": "600000\n", "sys/fs/cgroup/memory.stat": "anon 500000\ninactive_file 100000\n"}, 500000},
		"a group of its own":    {map[string]string{"proc/meminfo": meminfo, "proc/self/cgroup": "1:cpu:/x\n0::/a/b\n", "sys/fs/cgroup/a/b/memory.max": "1000000\n"}, 1000000},
		"a group without limit": {map[string]string{"proc/meminfo": meminfo, "proc/self/cgroup": "0::/\n", "sys/fs/cgroup/memory.max": "max\n"}, 5000 << 10},
		"more than there is":    {map[string]string{"proc/meminfo": meminfo, "proc/self/cgroup": "0::/\n", "sys/fs/cgroup/memory.max": "90000000\n"}, 5000 << 10},
		"used up":               {map[string]string{"proc/meminfo": meminfo, "sys/fs/cgroup/memory.max": "1000\n", "sys/fs/cgroup/memory.current": "2000\n"}, 1},
	}
	for name, tt := range tests {
		root := t.TempDir()
		for file, text := range tt.files {
			file = filepath.Join(root, file)
			if err := os.MkdirAll(filepath.Dir(file), 0o700); err != nil {
				t.Fatal(err)
			}
			if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
				t.Fatal(err)
			}
		}
		if got := availableMemory(root); got != tt.want {
			t.Errorf("%s: %d, want %d", name, got, tt.want)
		}
	}
	if AvailableMemory() <= 0 {
		t.Error("this machine does not tell")
	}
}
