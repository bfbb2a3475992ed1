package host_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"testing"
	"testing/synctest"
	"time"

	"spafleet/host"
)

func TestSleepEndsInTimeOrWithItsContext(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		began := time.Now()
		if err := host.Sleep(t.Context(), time.Minute); err != nil || time.Since(began) != time.Minute {
			t.Errorf("%v after %s", err, time.Since(began))
		}
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		began = time.Now()
		if err := host.Sleep(ctx, time.Hour); !errors.Is(err, context.DeadlineExceeded) || time.Since(began) != time.Second {
			t.Errorf("%v after %s", err, time.Since(began))
		}
		if err := host.Sleep(ctx, 0); err == nil {
			t.Error("the context has ended, and no error")
		}
		if err := host.Sleep(t.Context(), -time.Second); err != nil || time.Since(began) != time.Second {
			t.Errorf("a negative time: %v after %s", err, time.Since(began))
		}
	})
}

func TestUsageGrows(t *testing.T) {
	before := host.CPUTime()
	for began := time.Now(); host.CPUTime() == before && time.Since(began) < 10*time.Second; {
		_ = make([]byte, 1<<16)
	}
	if host.CPUTime() < before || before != 0 && host.CPUTime() == before {
		t.Errorf("processor time went from %s to %s", before, host.CPUTime())
	}
	if waited := host.ThreadsWaited(); waited < 0 {
		t.Errorf("threads waited %s", waited)
	}
}

func TestPortsAndFilesAreCounted(t *testing.T) {
	if n := host.Ports(); n < 1 || n > 65536 {
		t.Errorf("%d ports", n)
	}
	files := host.OpenFiles()
	f, err := os.Open(os.Args[0])
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	if got := host.OpenFiles(); files != 0 && got != files+1 {
		t.Errorf("%d files, %d before another was opened", got, files)
	}
	limit := host.OpenFileLimit()
	if limit < 16 {
		t.Errorf("%d files may be open", limit)
	}
	if err := host.RaiseOpenFileLimit(limit); err != nil || host.OpenFileLimit() < limit {
		t.Errorf("%v: the limit is now %d, was %d", err, host.OpenFileLimit(), limit)
	}
}

func TestAFileIsNoTerminal(t *testing.T) {
	null, err := os.Open(os.DevNull)
	if err != nil {
		t.Fatal(err)
	}
	defer null.Close()
	for name, w := range map[string]interface{ Write([]byte) (int, error) }{"a device": null, "none": nil} {
		if screen, is := host.Terminal(w); is || screen != (host.Screen{}) {
			t.Errorf("%s: %v, %+v", name, is, screen)
		}
	}
}

func TestTimeoutsOfSocketsAreKnown(t *testing.T) {
	for _, tt := range []struct {
		err  error
		want bool
	}{
		{nil, false}, {io.EOF, false}, {os.ErrDeadlineExceeded, true}, {fmt.Errorf("read: %w", os.ErrDeadlineExceeded), true},
		{&net.OpError{Op: "read", Err: os.ErrDeadlineExceeded}, true}, {&net.OpError{Op: "read", Err: io.EOF}, false},
	} {
		if got := host.TimedOut(tt.err); got != tt.want {
			t.Errorf("%v: timed out %t, want %t", tt.err, got, tt.want)
		}
	}
}
