package profile_test

import (
	"bytes"
	"errors"
	"slices"
	"testing"

	"spafleet/device/profile"
)

// options makes a device of the bits of n, so that fuzzing meets every switch.
func options(n uint16) profile.Options {
	bit := func(i int) bool { return n&(1<<i) != 0 }
	o := profile.Options{
		Key: "k", Keyed: bit(0), MAC: mac, Limit: 1 << 20,
		AcceptPlainUnderKey: bit(1), EmptyElementClears: bit(2), Nested: bit(3), AcceptSource: bit(4),
		StrictAmpersand: bit(5), CDATA: bit(6), KeepBlanks: bit(7), EmptyFile: bit(9),
	}
	m := &o.Mistakes
	for i, on := range []*profile.OnMistake{&m.Broken, &m.EndTag, &m.Slash, &m.Less, &m.Attribute, &m.Blank} {
		if bit(10 + i) {
			*on = profile.OnMistake(1 + int(n)%3)
		}
	}
	if bit(8) {
		o.Aliases = "/b = /flat-profile/B ; /a/c = /flat-profile/C"
	}
	return o
}

func FuzzScan(f *testing.F) {
	for _, tt := range good {
		if body := vector(f, tt.file); len(body) < 1000 {
			f.Add(string(body), uint16(0))
		}
	}
	f.Fuzz(func(t *testing.T, text string, n uint16) {
		file, err := profile.Scan(text, options(n))
		if err != nil {
			refusal(t, err)
			return
		}
		again, err := profile.Scan(writeXML(t, file.Params), profile.Options{StrictAmpersand: true, Nested: true})
		if err != nil {
			t.Fatal(err)
		}
		for _, list := range [][]profile.Param{file.Params, again.Params} {
			for i := range list {
				list[i].Offset = 0
			}
		}
		if !slices.Equal(file.Params, again.Params) || again.Partly != "" {
			t.Errorf("written and read again: %s\ngot\n%swant\n%s", again.Partly, show(again.Params), show(file.Params))
		}
	})
}

func FuzzDecode(f *testing.F) {
	for _, tt := range refused {
		f.Add(vector(f, tt.file), uint16(0))
	}
	f.Add(vector(f, "basic.xml.gz"), uint16(0))
	f.Add(profile.Encrypt([]byte(onePage), "k", [8]byte{}), uint16(1))
	f.Fuzz(func(t *testing.T, body []byte, n uint16) {
		o := options(n)
		profile.Describe(body)
		kept := bytes.Clone(body)
		file, err := profile.Decode(body, o)
		if !bytes.Equal(body, kept) {
			t.Fatal("the input was changed")
		}
		if text, _ := refusal(t, err); err != nil && (text == "" || file.Params != nil) {
			t.Errorf("refused as %q with %d parameters", text, len(file.Params))
		}
	})
}

func FuzzEncrypt(f *testing.F) {
	f.Add([]byte(onePage), "k", uint8(0))
	f.Add([]byte{}, "", uint8(1))
	f.Fuzz(func(t *testing.T, body []byte, key string, salt uint8) {
		sealed := profile.Encrypt(body, key, [8]byte{salt})
		open, err := profile.Decrypt(sealed, key)
		if err != nil || !bytes.Equal(open, body) {
			t.Errorf("encrypted and decrypted: %v", err)
		}
		if _, err := profile.Decrypt(body, key); err != nil {
			refusal(t, err)
		}
	})
}

func FuzzContainer(f *testing.F) {
	f.Add([]byte{}, "GPP_A", "one", uint16(0))
	f.Add([]byte{2, 0, 0, 0}, "A", "\"\\\n", uint16(0x1ff))
	f.Add(vectorOf(f, "container-targeted-ascii.bin")[8:], "A", "", uint16(1))
	f.Fuzz(func(t *testing.T, rest []byte, name, value string, n uint16) {
		body := append([]byte("SPAFLTC1"), rest...)
		profile.Describe(body)
		if _, err := profile.Decode(body, options(n)); err != nil {
			refusal(t, err)
		}

		c := profile.Container{Cipher: profile.Cipher(n % 3), Scramble: n&4 != 0}
		copy(c.Salt[:], rest)
		if n&8 != 0 && !c.Scramble {
			c.MAC = mac
		}
		if c.Cipher != profile.NoCipher {
			c.AsciiKey = "k"
		}
		params := []profile.Param{
			{Name: profile.XMLName("P" + name), Value: value, Has: true, Access: profile.Access(1 + n%3)},
			{Name: "Q", Access: profile.ReadOnly},
		}
		body, err := profile.Compile(params, c)
		if err != nil {
			t.Fatal(err)
		}
		file, err := profile.Decode(body, profile.Options{MAC: mac, Key: "k", Keyed: c.Cipher != profile.NoCipher})
		if err != nil {
			t.Fatal(err)
		}
		params[0].Value = value[:min(len(value), 2047)]
		if !slices.Equal(file.Params, params) {
			t.Errorf("compiled and decoded: got\n%swant\n%s", show(file.Params), show(file.Params))
		}
	})
}

func FuzzParseSource(f *testing.F) {
	for _, text := range []string{"A * ! \"1\" ;\nB two ;", "Set Local Date (mm/dd) ? \"\\x41\";", "P [--key \"k\"] h/\nx.cfg;", "import x"} {
		f.Add(text)
	}
	f.Fuzz(func(t *testing.T, text string) {
		params, err := profile.ParseSource(text)
		if err != nil {
			var e *profile.SourceError
			if !errors.As(err, &e) || e.Line < 1 || params != nil {
				t.Fatalf("%v is a %T, with %d parameters", err, err, len(params))
			}
			return
		}
		body, err := profile.Compile(params, profile.Container{})
		if err != nil {
			if !slices.ContainsFunc(params, func(p profile.Param) bool { return p.Name == "flat-profile" }) {
				t.Fatal(err)
			}
			return
		}
		for i := range params {
			params[i].Value = params[i].Value[:min(len(params[i].Value), 2047)]
		}
		file, err := profile.Decode(body, profile.Options{})
		if err != nil || !slices.Equal(file.Params, params) {
			t.Errorf("compiled and decoded: %v\n%swant\n%s", err, show(file.Params), show(file.Params))
		}
	})
}

// What a scan returns does not depend on what its scratch was used for before, also
// not on the options of that: devices with other switches share it.
func FuzzScanAgain(f *testing.F) {
	add := func(before, text string, m, n uint16) { f.Add(before, text, m, n) }
	add(onePage, onePage, 0, 0)
	add("<flat-profile><A>1</A><B ua='rw'> 2 </B><C>3</C></flat-profile>", "<flat-profile><A>1</A><C>3</C><B ua='rw'> 2 </B></flat-profile>", 0, 0)
	add("<flat-profile><A>1</A></flat-profile>", "<x><A>1</A></x><flat-profile><x><A>1</A></x></flat-profile>", 8, 0)
	add("<flat-profile><A>1<!-- -->2</A><A><![CDATA[1]]></A><A>&amp;</A></flat-profile>", "<flat-profile><A>1<!-- -->2</A><A>&amp;</A><A>1</A>", 0xe0, 0)
	add("<router-configuration><A>1</A></router-configuration>", "<flat-profile><router-configuration><A>1</A></router-configuration></flat-profile>", 8, 0)
	add("<flat-profile><A>1 & 2</A><B x> 1 < 2 </B><C/D>1</C/D></flat-profile>", "<flat-profile><A>1 & 2</A><B x> 1 < 2 </B><C/D>1</C/D></flat-profile>", 0, 0xffff)
	add("<flat-profile><A>1 & 2</A><B x> 1 < 2 </B><C/D>1</C/D></flat-profile>", "<flat-profile><A>1 & 2</A><B x> 1 < 2 </B><C/D>1</C/D></flat-profile>", 0xffff, 0x20)
	f.Fuzz(func(t *testing.T, before, text string, m, n uint16) {
		scratch := &profile.Scratch{}
		for i, text := range []string{before, text, before, text} {
			o := options([2]uint16{m, n}[i%2])
			want, refused := profile.Scan(text, o)
			o.Scratch = scratch
			got, err := profile.Scan(text, o)
			if !slices.Equal(got.Params, want.Params) || got.Partly != want.Partly || (err == nil) != (refused == nil) || err != nil && err.Error() != refused.Error() {
				t.Errorf("after another text:\n%s%s, %v\nalone:\n%s%s, %v", show(got.Params), got.Partly, err, show(want.Params), want.Partly, refused)
			}
		}
	})
}
