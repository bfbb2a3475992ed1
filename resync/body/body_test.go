package body

import (
	"bytes"
	"testing"
)

func TestABufferHasRoomForWhatWasAskedFor(t *testing.T) {
	for _, tt := range []struct{ size, room int }{
		{-1, 1 << 10}, {0, 1 << 10}, {1, 1 << 10}, {1 << 10, 1 << 10}, {1<<10 + 1, 2 << 10}, {45 << 10, 64 << 10},
		{Largest, Largest}, {Largest + 1, Largest}, {1 << 30, Largest},
	} {
		b := For(tt.size)
		if len(b.Bytes) != 0 || cap(b.Bytes) != tt.room {
			t.Errorf("for %d bytes: %d of %d, want none of %d", tt.size, len(b.Bytes), cap(b.Bytes), tt.room)
		}
		b.Free()
	}
}

func TestABufferGrows(t *testing.T) {
	want := bytes.Repeat([]byte("0123456789abcde"), 3*Largest/15)
	for _, b := range []*Buffer{For(0), {}, {make([]byte, 0, 7)}} {
		for rest := want; len(rest) > 0; rest = rest[min(len(rest), 512):] {
			b.Append(rest[:min(len(rest), 512)])
		}
		if !bytes.Equal(b.Bytes, want) || cap(b.Bytes) > 2*len(want) {
			t.Errorf("%d bytes of room for %d, or others", cap(b.Bytes), len(want))
		}
		b.Free() // too large: it serves nobody else
	}
	(*Buffer)(nil).Free()
}

func TestABufferServesTheNextFile(t *testing.T) {
	n := testing.AllocsPerRun(1000, func() {
		b := For(45 << 10)
		b.Append([]byte("some"))
		b.Free()
	})
	if n >= 1 && !overwritten { // under the race detector a pool forgets some of what it is given
		t.Errorf("%v allocations for each file", n)
	}
}

// Only memory of the pools' own sizes comes back, and under the race detector nobody
// can read what was given back.
func TestWhatIsGivenBack(t *testing.T) {
	odd := &Buffer{append(make([]byte, 0, 3000), "odd"...)}
	odd.Free()
	for range 100 {
		if b := For(2000); cap(b.Bytes) == 3000 {
			t.Fatal("a buffer of another size is in the pool")
		}
	}
	if was := odd.Bytes[:3]; overwritten != bytes.Equal(was, []byte{0xAA, 0xAA, 0xAA}) {
		t.Errorf("%q was given back", was)
	}
}
