// Package body has the memory that files are read into on their way to a device. Most
// files are the one that the device has already: they are read, compared and forgotten,
// and the next one comes into the same memory.
package body

import (
	"math/bits"
	"slices"
	"sync"
)

// A Buffer is a file, as far as it has come, and room for more. One that was made
// otherwise than by [For] works alike; its memory serves nobody else.
type Buffer struct{ Bytes []byte }

const (
	smallest = 10 // bits of the size of the smallest buffers
	largest  = 18 // and of the largest
)

// Largest is the size of the largest buffers that serve another file.
const Largest = 1 << largest

// kept are the buffers that nobody has, by size: a file of 1 KB does not hold 256.
var kept [largest - smallest + 1]sync.Pool // of *Buffer

// For returns an empty buffer with room for a number of bytes, but for no more than
// Largest: what a server announces is believed only so far.
func For(size int) *Buffer {
	class := classOf(min(size, Largest))
	if b, ok := kept[class].Get().(*Buffer); ok {
		return b
	}
	return &Buffer{make([]byte, 0, 1<<(class+smallest))}
}

// classOf returns the place of the smallest buffers with room for size bytes.
func classOf(size int) int { return max(bits.Len(uint(max(size, 1)-1))-smallest, 0) }

// Room returns the memory behind what has come, at least one byte of it. What is read
// into it is added by extending Bytes.
func (b *Buffer) Room() []byte {
	if len(b.Bytes) == cap(b.Bytes) {
		b.grow()
	}
	return b.Bytes[len(b.Bytes):cap(b.Bytes)]
}

// Append adds bytes.
func (b *Buffer) Append(more []byte) {
	for len(more) > 0 {
		n := copy(b.Room(), more)
		b.Bytes, more = b.Bytes[:len(b.Bytes)+n], more[n:]
	}
}

// grow doubles the room.
func (b *Buffer) grow() {
	if 2*cap(b.Bytes) > Largest {
		b.Bytes = slices.Grow(b.Bytes, 1)
		return
	}
	larger := For(2 * cap(b.Bytes))
	larger.Bytes = append(larger.Bytes, b.Bytes...)
	b.Bytes, larger.Bytes = larger.Bytes, b.Bytes
	larger.Free()
}

// Free gives the memory back, once. Nobody may look at what was in it from now on: under
// the race detector it is overwritten. A nil Buffer has none.
func (b *Buffer) Free() {
	if b == nil {
		return
	}
	size := cap(b.Bytes)
	if overwritten {
		for i := range b.Bytes[:size] {
			b.Bytes[:size][i] = 0xAA
		}
	}
	if class := classOf(size); size > 0 && size <= Largest && size == 1<<(class+smallest) {
		b.Bytes = b.Bytes[:0]
		kept[class].Put(b)
	}
}
