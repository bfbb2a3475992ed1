package webui

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"image"
	"image/color"
	"image/png"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"sync"
)

// isPicture reports whether a path is one of the pictures of the device's pages: they are
// there without a login (device-surface.md §1.3: field). The pages of this program do not
// show them.
func isPicture(q *request) bool {
	if q.path == "/spabanner.jpg" {
		return !q.spa100()
	}
	return q.look().realm == "pap" && slices.Contains(skin, q.path)
}

// skin is the pictures of a PAP2 and PAP2T.
var skin = pictureNames()

func pictureNames() []string {
	names := []string{"/UI_Linksys.jpg", "/UI_Cisco.gif"}
	for i := 2; i <= 10; i++ {
		names = append(names, fmt.Sprintf("/UI_%02d.gif", i))
	}
	return names
}

// picture answers a picture with a bar of one colour, in the place of the makers' drawings.
// It is a PNG, which the server calls a JPEG, as real ones do (device-surface.md §1.4:
// field).
func picture(q *request) answer {
	return answer{status: http.StatusOK, kind: "image/jpeg", public: true, body: bar()}
}

var bar = sync.OnceValue(func() []byte {
	const width, height = 120, 24
	m := image.NewPaletted(image.Rect(0, 0, width, height), color.Palette{color.RGBA{R: 0x78, G: 0xAC, B: 0xFF, A: 0xFF}})
	var b bytes.Buffer
	if err := png.Encode(&b, m); err != nil {
		panic(err) // of a picture without a size
	}
	return b.Bytes()
})

// crossDomain allows what other pages may ask. What real phones say there is not known;
// that everybody may ask is inferred.
func crossDomain(q *request) answer {
	if !is5xx(q) {
		return q.failure(http.StatusNotFound)
	}
	const policy = "<?xml version=\"1.0\"?>\n<cross-domain-policy>\n<allow-access-from domain=\"*\"/>\n</cross-domain-policy>\n"
	return answer{status: http.StatusOK, kind: xmlKind, body: []byte(policy)}
}

func is5xx(q *request) bool { return q.look().phone && q.view.Unit.Row.Generation >= 3 }

// The display of a 5xx phone is a picture of 128 by 64 points (device-surface.md §1.3:
// field). That of an SPA525 is another, whose size nothing says; an SPA301 and SPA501G
// have none.
const (
	screenWidth  = 128
	screenHeight = 64
)

func hasScreen(q *request) bool {
	name := q.view.Unit.Row.Model.Name
	return is5xx(q) && q.view.Unit.Row.Model.Family.Name != "phone 525" && name != "SPA301" && name != "SPA501G"
}

// screen is the display of an idle phone: the date, who it is, and its first extension.
// What real ones show, and where, is inferred.
func screen(q *request) answer {
	if !hasScreen(q) {
		return q.failure(http.StatusNotFound)
	}
	var b bitmap
	v := &q.view
	b.text(1, 1, 1, v.Clock())
	b.box(0, 9, screenWidth, 1)
	b.text(2, 16, 2, firstOf(v.Get("Station_Name"), v.Get("Text_Logo"), v.Unit.Row.PN()))
	b.text(2, 34, 2, firstOf(v.Get("User_ID_1_"), "Ext 1"))
	state := "Not registered"
	if v.InUse {
		state = "Off hook"
	}
	b.text(2, 52, 1, state)
	return answer{status: http.StatusOK, kind: "image/bmp", body: b.encode()}
}

// keyLights is a picture of the lights of the line keys (device-surface.md §1.3: field),
// lit where the line is off hook. Its form is inferred.
func keyLights(q *request) answer {
	if !hasScreen(q) {
		return q.failure(http.StatusNotFound)
	}
	var b bitmap
	const perRow, side, step = 8, 10, 16
	for n := range q.view.Unit.Row.Model.Lines {
		x, y := 3+n%perRow*step, 3+n/perRow*(step+10)
		b.box(x, y, side, side)
		if n != 0 || !q.view.InUse {
			b.clear(x+1, y+1, side-2, side-2)
		}
		b.text(x+1, y+side+2, 1, strconv.Itoa(n+1))
	}
	return answer{status: http.StatusOK, kind: "image/bmp", body: b.encode()}
}

func firstOf(texts ...string) string {
	for _, t := range texts {
		if t != "" {
			return t
		}
	}
	return ""
}

// A bitmap is a picture of the display: true is black.
type bitmap [screenHeight][screenWidth]bool

func (b *bitmap) box(x, y, width, height int)   { b.fill(x, y, width, height, true) }
func (b *bitmap) clear(x, y, width, height int) { b.fill(x, y, width, height, false) }

func (b *bitmap) fill(x, y, width, height int, black bool) {
	for j := max(y, 0); j < min(y+height, screenHeight); j++ {
		for i := max(x, 0); i < min(x+width, screenWidth); i++ {
			b[j][i] = black
		}
	}
}

// text writes in letters of 3 by 5 points, each of which is a square of that size.
func (b *bitmap) text(x, y, size int, text string) {
	for _, r := range strings.ToUpper(text) {
		rows, ok := letters[r]
		if !ok {
			rows = letters['?']
		}
		for j := range rows {
			for i := range 3 {
				if (rows[j]-'0')&(4>>i) != 0 {
					b.box(x+i*size, y+j*size, size, size)
				}
			}
		}
		x += 4 * size
	}
}

// letters has the points of each row of a letter, the left one in bit 2. They were drawn
// for this program.
var letters = map[rune]string{
	' ': "00000", '?': "71202", '-': "00700", '.': "00002", ':': "02020", '/': "11244", '(': "12221", ')': "42224", '+': "02720", '_': "00007", ',': "00024", '@': "75347",
	'0': "75557", '1': "26227", '2': "71747", '3': "71717", '4': "55711", '5': "74717", '6': "74757", '7': "71122", '8': "75757", '9': "75717",
	'A': "25755", 'B': "65656", 'C': "34443", 'D': "65556", 'E': "74647", 'F': "74644", 'G': "34553", 'H': "55755", 'I': "72227", 'J': "11152", 'K': "55655", 'L': "44447", 'M': "57755",
	'N': "65555", 'O': "25552", 'P': "65644", 'Q': "25573", 'R': "65655", 'S': "34216", 'T': "72222", 'U': "55557", 'V': "55552", 'W': "55775", 'X': "55255", 'Y': "55222", 'Z': "71247",
}

// encode returns a BMP of one bit a point.
func (b *bitmap) encode() []byte {
	const headers, row = 14 + 40 + 2*4, screenWidth / 8 // rows are whole words
	var out bytes.Buffer
	out.WriteString("BM")
	header := func(fields ...any) {
		for _, f := range fields {
			_ = binary.Write(&out, binary.LittleEndian, f) // a buffer takes everything
		}
	}
	header(uint32(headers+row*screenHeight), uint32(0), uint32(headers))
	header(uint32(40), int32(screenWidth), int32(screenHeight), uint16(1), uint16(1), uint32(0), uint32(row*screenHeight), int32(0), int32(0), uint32(2), uint32(2))
	header(uint32(0x00FFFFFF), uint32(0)) // 0 is white, 1 black
	for y := screenHeight - 1; y >= 0; y-- {
		for x := 0; x < screenWidth; x += 8 {
			eight := byte(0)
			for i := range 8 {
				eight <<= 1
				if b[y][x+i] {
					eight |= 1
				}
			}
			out.WriteByte(eight)
		}
	}
	return out.Bytes()
}
