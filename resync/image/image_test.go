package image_test

import (
	"bytes"
	"compress/flate"
	"compress/zlib"
	"crypto/md5"
	"encoding/binary"
	"fmt"
	"io"
	"math/rand/v2"
	"slices"
	"strings"
	"sync"
	"testing"

	"spafleet/resync/image"
)

// The forms that are known, as tests build them: of images that an operator has. They
// are built here alone; nothing outside of tests can.
const (
	of50x  = "SkOsMo5 fIrMwArE" // zlib
	of3102 = "SpA3102 FiRmWaRe" // deflate
	of1xx  = "PAYTON  FiRmWaRe" // modules
	oftool = "PAYTON  fIrMwArE" // in tests: the shorter header of the maker's tool
	ofNone = "SpA9999 FiRmWaRe" // of no model that is known
)

// lengths are those of headers and sector headers.
type lengths struct{ header, sector int }

var byMagic = map[string]lengths{of50x: {0x80, 0x40}, of3102: {0x80, 0x40}, of1xx: {0x88, 0x80}, oftool: {0x84, 0x80}, ofNone: {0x80, 0x40}}

// build builds an image of some sectors, with all that the makers' have.
func build(magic, version string, sectors ...[]byte) []byte {
	l := byMagic[magic]
	head := make([]byte, l.header+len(sectors)*l.sector)
	copy(head, magic)
	copy(head[0x5C:0x7C], version)
	be := binary.BigEndian
	be.PutUint32(head[0x50:], uint32(l.header))
	be.PutUint32(head[0x54:], uint32(l.sector))
	be.PutUint32(head[0x7C:], uint32(len(sectors)))
	var data []byte
	for i, s := range sectors {
		at := head[l.header+i*l.sector:]
		packed := pack(magic, s)
		if l.sector == 0x40 {
			be.PutUint16(at, uint16(57+i))
			if len(packed) >= len(s) {
				be.PutUint16(at[2:], 1)
				packed = s
			}
			be.PutUint32(at[4:], uint32(len(packed)))
			be.PutUint32(at[8:], uint32(len(head)+len(data)))
			sum := md5.Sum(s)
			copy(at[12:], sum[:])
		}
		data = append(data, packed...)
	}
	be.PutUint32(head[0x58:], uint32(len(head)+len(data)))
	seal(head)
	return append(head, data...)
}

// seal writes both digests of headers.
func seal(head []byte) {
	clear(head[0x30:0x50])
	shifted := bytes.Clone(head)
	for i := range shifted {
		shifted[i] += byte(i * 19)
	}
	sequence := md5.Sum(shifted)
	copy(head[0x40:], sequence[:])
	digest := md5.Sum(head)
	copy(head[0x30:], digest[:])
}

// resealed changes the headers of an image and seals them again, so that nothing else
// is wrong than what was changed.
func resealed(b []byte, change func(head []byte)) []byte {
	b = bytes.Clone(b)
	be := binary.BigEndian
	head := b[:be.Uint32(b[0x50:])+be.Uint32(b[0x7C:])*be.Uint32(b[0x54:])]
	change(head)
	seal(head)
	return b
}

func pack(magic string, s []byte) []byte {
	var b bytes.Buffer
	var w io.WriteCloser = zlib.NewWriter(&b)
	if magic == of3102 {
		w, _ = flate.NewWriter(&b, 9)
	}
	_, _ = w.Write(s)
	_ = w.Close()
	return b.Bytes()
}

// sectors returns the data of some sectors: text, which packs well, and noise, which
// does not.
func sectors(sizes ...int) [][]byte {
	r := rand.New(rand.NewPCG(1, 2))
	var list [][]byte
	for i, size := range sizes {
		s := make([]byte, size)
		for j := range s {
			if s[j] = byte(r.Uint32()); i%2 == 0 {
				s[j] = "firmware of nobody "[j%19] + s[j]&1
			}
		}
		list = append(list, s)
	}
	return list
}

// check checks an image that comes in pieces.
func check(b []byte, piece int, sums *image.Sums) image.Report {
	c := image.New(true, sums)
	for p := range slices.Chunk(b, max(piece, 1)) {
		_, _ = c.Write(p)
	}
	return c.Report()
}

func lines(r image.Report) string {
	var all []string
	for _, p := range r.Problems {
		all = append(all, p.String())
	}
	return strings.Join(all, "\n")
}

// Images of each form are right, in whatever pieces they come. See surface-2.md §4.5.
func TestImagesOfTheMakersFormAreRight(t *testing.T) {
	for _, magic := range []string{of50x, of3102, of1xx, oftool, ofNone} {
		b := build(magic, "7.5.2b", sectors(65536, 1000, 1, 30000)...)
		var sums image.Sums
		for _, piece := range []int{1, 127, 128, 129, 512, 1000, 40000, len(b)} {
			for _, s := range []*image.Sums{nil, &sums} {
				r := check(b, piece, s)
				if len(r.Problems) > 0 || r.Magic != magic || r.Version != "7.5.2b" || r.Bytes != len(b) || r.Made {
					t.Fatalf("%q in pieces of %d: %+v", magic, piece, r)
				}
				if magic == of1xx || magic == oftool {
					if r.Modules != 4 || len(r.Sectors) > 0 {
						t.Errorf("%q: %+v", magic, r)
					}
					continue
				}
				if len(r.Sectors) != 4 || r.Sectors[0].Expanded != 65536 || r.Sectors[0].Stored || !r.Sectors[1].Stored || r.Sectors[3].Number != 60 || !r.Sectors[3].OK {
					t.Errorf("%q: sectors %+v", magic, r.Sectors)
				}
			}
		}
	}
}

// Every byte of the headers and of the sectors that is damaged is told. Of SPA1xx
// images that holds for the headers: how modules are laid out is not known. See surface-2.md §4.5.
func TestEveryDamagedByteIsTold(t *testing.T) {
	for _, magic := range []string{of50x, of3102, of1xx, oftool} {
		good := build(magic, "1.2.3", sectors(3000, 500, 40)...)
		var sums image.Sums
		check(good, len(good), &sums)
		end := len(good)
		if l := byMagic[magic]; l.sector == 0x80 {
			end = l.header + 3*l.sector
		}
		for at := range end {
			b := bytes.Clone(good)
			b[at] ^= 0xff
			if r := check(b, 700, &sums); len(r.Problems) == 0 {
				t.Errorf("%q, byte %#x: nothing is told", magic, at)
			}
		}
		for _, b := range [][]byte{good[:len(good)-1], append(bytes.Clone(good), 0), good[:200], good[:40], nil} {
			if r := check(b, 100, &sums); len(r.Problems) == 0 {
				t.Errorf("%q, %d bytes of %d: nothing is told", magic, len(b), len(good))
			}
		}
	}
}

// What is told names the part, the place and the reason, and nothing that is right.
func TestWhatIsWrongIsTold(t *testing.T) {
	be := binary.BigEndian
	good := build(of50x, "7.5.2b", sectors(3000, 500, 40)...)
	second := 0x80 + 0x40 // the header of the second sector
	tests := []struct {
		name  string
		image []byte
		want  string // each a problem's beginning
	}{
		{"nothing", good, ""},
		{"magic", resealed(good, func(h []byte) { h[15] = 1 }), `magic at byte 0: "SkOsMo5 fIrMwAr." is the beginning of no image`},
		{"another's magic", resealed(good, func(h []byte) { copy(h, "SpA9998 FiRmWaRe") }), ""}, // the model tells
		{"no image", []byte("<html>" + strings.Repeat("404 ", 50)), `magic at byte 0: "<html>404 404 40" is the beginning of no image`},
		{"too short", good[:60], "length at byte 0: the file has 60 bytes, and the shortest header 128"},
		{"version", resealed(good, func(h []byte) { h[0x5C] = 3 }), `version at byte 92: ".`},
		{"header", resealed(good, func(h []byte) { be.PutUint32(h[0x54:], 0x44) }), "header at byte 80: a header of 128 bytes with sector headers of 68 is none of the forms that are known"},
		{"headers to the end", good[:200], "length at byte 124: the headers of 3 sectors end at byte 320, and the file \nlength at byte 88: the file has 200 bytes, and its header says "},
		{"headers without end", resealed(good, func(h []byte) { h[0x7E] = 1 }), "length at byte 124: the headers of 259 sectors end at byte 16704, and the file "},
		{"no sectors", resealed(good, func(h []byte) { be.PutUint32(h[0x7C:], 0) }), "header at byte 124: 0 sectors; 1 to 512 can be checked"},
		{"length", resealed(good, func(h []byte) { be.PutUint32(h[0x58:], 9) }), fmt.Sprintf("header at byte 88: the file's length is 9 here, and its last sector ends at %d\nlength at byte 88: the file has %d bytes, and its header says 9", len(good), len(good))},
		{"a byte more", append(bytes.Clone(good), 0), "length at byte 88: the file has "},
		{"digest", flipped(good, 0x31), "digest at byte 48: it is "},
		{"random sequence", flipped(good, 0x41), "random sequence at byte 64: it is \ndigest at byte 48: it is "},
		{"zeros", flipped(good, 0x11), "random sequence at byte 64: it is \ndigest at byte 48: it is "},
		{"flag", resealed(good, func(h []byte) { h[second+3] = 2 }), "sector header at byte 194: the flag is 2; 0 is compressed, 1 stored"},
		{"flag of another", resealed(good, func(h []byte) { h[second+3] = 0 }), fmt.Sprintf("sector at byte %d: sector 58 cannot be expanded: zlib: ", be.Uint32(good[second+8:]))},
		{"sector length", resealed(good, func(h []byte) { be.PutUint32(h[second+4:], 70000) }), "sector header at byte 196: a length of 70000 bytes; a sector has 1 to 65536"},
		{"a gap", resealed(good, func(h []byte) { be.PutUint32(h[second+8:], 7) }), "sector header at byte 200: it begins at 7 in the file, and what stands before it ends at "},
		{"sector sum", resealed(good, func(h []byte) { h[second+12]++ }), "sector at byte "},
		{"sector", flipped(good, len(good)-1), "sector at byte "},
		{"a sector that grows", resealed(build(of50x, "1", make([]byte, 70000)), func([]byte) {}), "sector at byte 192: sector 57 cannot be expanded: it has more than 65536 bytes"},
	}
	for _, tt := range tests {
		for _, piece := range []int{1, 90, 1 << 20} {
			got := strings.Split(lines(check(tt.image, piece, nil)), "\n")
			want := strings.Split(tt.want, "\n")
			if !slices.EqualFunc(got, want, strings.HasPrefix) || tt.want == "" && got[0] != "" {
				t.Errorf("%s, in pieces of %d:\n%s\nwant\n%s", tt.name, piece, strings.Join(got, "\n"), tt.want)
			}
		}
	}
}

func flipped(b []byte, at int) []byte {
	b = bytes.Clone(b)
	b[at] ^= 0x10
	return b
}

// An image that is made here is refused by the checks of real units for its random
// sequence, and for no other reason. Its digest is false too, and it has no sectors: a
// unit that looked at one of them alone would find nothing to write. See surface-2.md §4.5.
func TestNoRealUnitTakesAnImageThatIsMade(t *testing.T) {
	for _, magic := range []string{of50x, of3102, of1xx, ofNone} {
		for _, size := range []int{0x88, 1000, 70000} {
			b, err := image.Make(magic, "9.9.9(x)", size)
			if err != nil {
				t.Fatal(err)
			}
			r := check(b, 512, nil)
			if len(r.Problems) != 1 || r.Problems[0].Part != "random sequence" || !r.Made || len(r.Damage()) > 0 || r.Version != "9.9.9(x)" || r.Magic != magic {
				t.Errorf("%q, %d bytes: %+v", magic, size, r)
			}
			head := bytes.Clone(b[:binary.BigEndian.Uint32(b[0x50:])])
			seal(head)
			if bytes.Equal(head[0x30:0x40], b[0x30:0x40]) || bytes.Equal(head[0x40:0x50], b[0x40:0x50]) || !bytes.Equal(b[0x7C:0x80], make([]byte, 4)) {
				t.Errorf("%q, %d bytes: a digest is true, or there are sectors", magic, size)
			}
			if size >= 1000 && !bytes.Contains(b, []byte("digests are false on purpose")) {
				t.Errorf("%q: the file does not say what it is", magic)
			}
			for _, at := range []int{0x11, 0x35, 0x60, size - 1} {
				if r := check(flipped(b, at), 512, nil); len(r.Damage()) == 0 {
					t.Errorf("%q, %d bytes, byte %d damaged: nothing is told", magic, size, at)
				}
			}
		}
	}
}

// Without the whole, a check looks at the first header alone.
func TestChecksOfTheHeaderAlone(t *testing.T) {
	good := build(of50x, "7.5.2b", sectors(3000, 500)...)
	for name, tt := range map[string]struct {
		image []byte
		want  int
	}{"right": {good, 0}, "digest": {flipped(good, 0x31), 0}, "sector": {flipped(good, len(good)-1), 0}, "length": {good[:300], 1}} {
		c := image.New(false, nil)
		_, _ = c.Write(tt.image)
		if r := c.Report(); len(r.Problems) != tt.want || r.Version != "7.5.2b" {
			t.Errorf("%s: %+v", name, r)
		}
	}
}

// A check holds the headers and one sector, whatever comes.
func TestChecksHoldLittle(t *testing.T) {
	b := build(of50x, "7.5.2b", sectors(slices.Repeat([]int{65536}, 40)...)...)
	if got := testing.AllocsPerRun(3, func() { check(b, 1400, new(image.Sums)) }); got > 1500 {
		t.Errorf("%.0f allocations for %d KB", got, len(b)>>10)
	}
	hostile := resealed(b, func(h []byte) { binary.BigEndian.PutUint32(h[0x7C:], 40) })
	hostile = append(hostile, make([]byte, 20<<20)...)
	if r := check(hostile, 4096, nil); len(r.Problems) != 1 || r.Bytes != len(hostile) {
		t.Errorf("%+v", r.Problems)
	}
	many := slices.Repeat([][]byte{{1}}, 100)
	b = build(of50x, "1", many...)
	for i := range 100 {
		b[len(b)-1-i] ^= 1
	}
	if r := check(b, 10, nil); len(r.Problems) != 20 || r.More != 80 {
		t.Errorf("%d problems and %d more", len(r.Problems), r.More)
	}
}

// The devices of a fleet check one image at the same time, and share what they know of
// its sectors: a damaged one is none the better for it.
func TestChecksShareSums(t *testing.T) {
	good := build(of50x, "7.5.2b", sectors(65536, 2000, 65536)...)
	bad := flipped(good, len(good)-7)
	var sums image.Sums
	var all sync.WaitGroup
	for i := range 16 {
		all.Go(func() {
			b, want := good, 0
			if i%2 == 1 {
				b, want = bad, 1
			}
			for range 3 {
				if r := check(b, 1400, &sums); len(r.Problems) != want {
					t.Errorf("%d problems, want %d: %s", len(r.Problems), want, lines(r))
				}
			}
		})
	}
	all.Wait()
}

// FuzzCheck: whatever comes, in whatever pieces, a check ends with the same report, and
// takes nothing for right that was changed.
func FuzzCheck(f *testing.F) {
	for _, magic := range []string{of50x, of3102, of1xx, ofNone} {
		f.Add(build(magic, "7.5.2b", sectors(900, 300, 20)...), uint16(0), uint8(0), uint16(100))
	}
	made, err := image.Make(of50x, "1.0", 300)
	if err != nil {
		f.Fatal(err)
	}
	f.Add(made, uint16(0x70), uint8(1), uint16(1))
	f.Add([]byte("<html>"), uint16(3), uint8(9), uint16(7))
	var sums image.Sums
	f.Fuzz(func(t *testing.T, b []byte, at uint16, change uint8, piece uint16) {
		whole := check(b, len(b), &sums)
		if got := check(b, int(piece), nil); lines(got) != lines(whole) || got.Bytes != len(b) {
			t.Errorf("as a whole\n%s\nin pieces of %d\n%s", lines(whole), piece, lines(got))
		}
		if len(whole.Problems)+whole.More == 0 && whole.Version == "" {
			t.Error("right, without a version")
		}
		if len(whole.Damage()) > 0 || whole.Modules > 0 || int(at) >= len(b) || change == 0 || whole.Made && at < 16 {
			return
		}
		headers := 0x80 + 0x40*len(whole.Sectors)
		if b[at] += change; int(at) < headers || whole.Made {
			if r := check(b, int(piece), &sums); len(r.Damage()) == 0 {
				t.Errorf("byte %#x changed by %d: nothing is told", at, change)
			}
		}
	})
}

// A fleet checks one image again and again: its sectors are expanded once.
func BenchmarkCheck(b *testing.B) {
	whole := build(of50x, "7.5.2b", sectors(slices.Repeat([]int{65536}, 75)...)...)
	for name, sums := range map[string]*image.Sums{"first": nil, "again": {}} {
		b.Run(name, func(b *testing.B) {
			b.SetBytes(int64(len(whole)))
			b.ReportAllocs()
			for b.Loop() {
				if r := check(whole, 32<<10, sums); len(r.Problems) > 0 {
					b.Fatal(lines(r))
				}
			}
		})
	}
}
