package main

import (
	"bytes"
	"compress/zlib"
	"crypto/md5"
	"encoding/binary"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// likeReal returns an image of the makers' form of two sectors, one of them stored, with
// true digests. Only tests build such images.
func likeReal() []byte {
	text := bytes.Repeat([]byte("firmware of nobody. "), 3000)
	var packed bytes.Buffer
	w := zlib.NewWriter(&packed)
	_, _ = w.Write(text)
	_ = w.Close()
	be := binary.BigEndian
	head := make([]byte, 0x80+2*0x40)
	copy(head, "SkOsMo5 fIrMwArE")
	copy(head[0x5C:], "7.6.2f")
	at := len(head)
	for i, s := range [][2][]byte{{text, packed.Bytes()}, {[]byte("noise"), []byte("noise")}} {
		h := head[0x80+0x40*i:]
		be.PutUint16(h, uint16(57+i))
		be.PutUint16(h[2:], uint16(i))
		be.PutUint32(h[4:], uint32(len(s[1])))
		be.PutUint32(h[8:], uint32(at))
		sum := md5.Sum(s[0])
		copy(h[12:], sum[:])
		at += len(s[1])
	}
	for field, n := range map[int]int{0x50: 0x80, 0x54: 0x40, 0x58: at, 0x7C: 2} {
		be.PutUint32(head[field:], uint32(n))
	}
	shifted := bytes.Clone(head)
	for i := range shifted {
		shifted[i] += byte(19 * i)
	}
	sequence := md5.Sum(shifted)
	copy(head[0x40:], sequence[:])
	digest := md5.Sum(head)
	copy(head[0x30:], digest[:])
	return append(append(head, packed.Bytes()...), "noise"...)
}

func TestFirmwareCheck(t *testing.T) {
	dir := t.TempDir()
	file := func(name string, b []byte) string {
		name = filepath.Join(dir, name)
		if err := os.WriteFile(name, b, 0o600); err != nil {
			t.Fatal(err)
		}
		return name
	}
	damaged := likeReal()
	damaged[len(damaged)-1] ^= 1
	real, broken, page := file("real.bin", likeReal()), file("broken.bin", damaged), file("page.bin", []byte(strings.Repeat("<html>404 ", 30)))
	made := filepath.Join(dir, "made.bin")
	if code := execute(t.Context(), []string{"firmware", "make", "--model", "SPA942", "--version", "6.1.9", "--out", made}, streams{strings.NewReader(""), io.Discard, io.Discard}); code != exitOK {
		t.Fatal("firmware make ends with", code)
	}
	for _, tt := range []struct {
		args string
		code int
		want []string
	}{
		{real, exitOK, []string{`  magic    "SkOsMo5 fIrMwArE", of SPA301, SPA303, SPA501G, SPA502G and 3 more`, "  version  7.6.2f\n",
			"  sectors  2, for 57-58 of the flash; 1 stored, the others compressed; 60005 bytes expanded\n", "  right: a real unit takes it, as far as is known\n"}},
		{real + " --model SPA303", exitOK, []string{"right"}},
		{real + " --model SPA942", exitFailed, []string{`a real unit refuses it:` + "\n" + `    magic at byte 0: it is "SkOsMo5 fIrMwArE", and that of the SPA942 is "SpA942  FiRmWaRe" (inferred)`}},
		{real + " " + broken, exitFailed, []string{"right", fmt.Sprintf("broken.bin: %d bytes", len(damaged)), "a real unit refuses it:\n    sector at byte "}},
		{page, exitFailed, []string{`magic at byte 0: "<html>404 <html>" is the beginning of no image`}},
		{made, exitFailed, []string{"made by spafleet: emulated devices take it", "a real unit refuses it:\n    random sequence at byte 64: it is the mark of spafleet firmware make, and no digest of the headers: no real unit takes this image\n"}},
		{filepath.Join(dir, "none"), exitUsage, nil},
		{"", exitUsage, nil},
		{real + " --model SPA999X", exitUsage, nil},
	} {
		var out bytes.Buffer
		args := append([]string{"firmware", "check"}, strings.Fields(tt.args)...)
		if code := execute(t.Context(), args, streams{strings.NewReader(""), &out, io.Discard}); code != tt.code {
			t.Errorf("%s: exit code %d, want %d\n%s", tt.args, code, tt.code, &out)
		}
		for _, want := range tt.want {
			if !strings.Contains(out.String(), want) {
				t.Errorf("%s: not %q in\n%s", tt.args, want, &out)
			}
		}
	}
	var out bytes.Buffer
	if code := execute(t.Context(), []string{"firmware", "check", "-", "--json"}, streams{bytes.NewReader(damaged), &out, io.Discard}); code != exitFailed {
		t.Error("exit code", code)
	}
	var got checkedImages
	if err := json.Unmarshal(out.Bytes(), &got); err != nil {
		t.Fatal(err)
	}
	if c := got.Images[0]; c.File != "-" || !c.Refused || c.Version != "7.6.2f" || len(c.Models) != 7 || len(c.Problems) != 1 || c.Problems[0].Part != "sector" || len(c.Sectors) != 2 || c.Sectors[1].OK || !c.Sectors[0].OK {
		t.Errorf("%+v", c)
	}
}
