package fault_test

import (
	"math"
	"strings"
	"testing"

	"spafleet/resync/fault"
)

func TestPackets(t *testing.T) {
	tests := []struct {
		text string
		want fault.Packets
		err  string // a part of it
	}{
		{"all", fault.Packets{Unit: fault.Every}, ""},
		{"2%", fault.Packets{Unit: fault.Some, Share: 0.02}, ""},
		{"0.5%", fault.Packets{Unit: fault.Some, Share: 0.005}, ""},
		{"100%", fault.Packets{Unit: fault.Every}, ""},
		{"block 3", fault.Packets{Unit: fault.Block, Range: fault.Range{From: 3, To: 3}}, ""},
		{"block 3 once", fault.Packets{Unit: fault.Block, Range: fault.Range{From: 3, To: 3}, Once: true}, ""},
		{"ack 0", fault.Packets{Unit: fault.Ack}, ""},
		{"packet 5-9", fault.Packets{Unit: fault.Packet, Range: fault.Range{From: 5, To: 9}}, ""},
		{"block 4-", fault.Packets{Unit: fault.Block, Range: fault.Range{From: 4, To: math.MaxUint32}}, ""},
		{"packet 70000", fault.Packets{Unit: fault.Packet, Range: fault.Range{From: 70000, To: 70000}}, ""},
		{"0%", fault.Packets{}, "more than 0%"},
		{"101%", fault.Packets{}, "at most 100%"},
		{"-2%", fault.Packets{}, "not a share"},
		{"1e1%", fault.Packets{}, "not a share"},
		{"", fault.Packets{}, "are not packets"},
		{"blocks 3", fault.Packets{}, "write all, 2%, block 3"},
		{"block", fault.Packets{}, "are not packets"},
		{"block 0", fault.Packets{}, "from 1 on"},
		{"block 9-5", fault.Packets{}, "not a number or range"},
		{"block 3 twice", fault.Packets{}, "are not packets"},
		{"block 70000", fault.Packets{}, "65535"},
		{"all once", fault.Packets{}, "are not packets"},
	}
	for _, tt := range tests {
		got, err := parsePackets(tt.text)
		if tt.err == "" && (err != nil || got != tt.want) || tt.err != "" && (err == nil || !strings.Contains(err.Error(), tt.err)) {
			t.Errorf("%q: %+v, %v; want %+v, %q", tt.text, got, err, tt.want, tt.err)
		}
	}
}

func parsePackets(text string) (fault.Packets, error) {
	var e fault.Effects
	err := e.Set("lose", text)
	return e.Lose, err
}

func parseBandwidth(text string) (float64, error) {
	var e fault.Effects
	err := e.Set("bandwidth", text)
	return e.Bandwidth, err
}

func TestOrdinals(t *testing.T) {
	tests := []struct {
		text string
		have []uint32 // of 1 to 9; nil: an error
	}{
		{"3", []uint32{3}},
		{"1-2", []uint32{1, 2}},
		{"4-", []uint32{4, 5, 6, 7, 8, 9}},
		{"1, 3,5-6", []uint32{1, 3, 5, 6}},
		{"0", nil}, {"", nil}, {"2-1", nil}, {"1,,2", nil}, {"x", nil}, {"-3", nil}, {"99999999999", nil}, {"+1", nil},
	}
	for _, tt := range tests {
		o, err := fault.ParseOrdinals(tt.text)
		if (err != nil) != (tt.have == nil) {
			t.Errorf("%q: %v", tt.text, err)
			continue
		}
		want := map[uint32]bool{}
		for _, n := range tt.have {
			want[n] = true
		}
		for n := uint32(1); n <= 9; n++ {
			if o.Contain(n) != want[n] {
				t.Errorf("%q contains %d: %t", tt.text, n, o.Contain(n))
			}
		}
	}
}

func TestMatches(t *testing.T) {
	tests := []struct {
		match, scheme, path string
		want                bool
	}{
		{"", "tftp", "/a", true},
		{"", "dns", "prov.test", true},
		{"tftp", "tftp", "/a", true},
		{"tftp", "http", "/a", false},
		{"http", "https", "/a", false},
		{"dns", "dns", "prov.test", true},
		{"tftp /spa942.cfg", "tftp", "/spa942.cfg", true},
		{"tftp /spa942.cfg", "tftp", "spa942.cfg", true}, // a rule may leave the slash out
		{"/spa942.cfg", "http", "/SPA942.cfg", false},
		{"/spa942.cfg", "http", "/spa942xcfg", false},
		{"http /fw/*", "http", "/fw/spa2102.bin", true},
		{"http /fw/*", "http", "/fx/spa2102.bin", false},
		{"/*", "dns", "prov.test", false},
		{"/$MA.cfg", "tftp", "/000e08012345.cfg", true},
		{"/$MA.cfg", "tftp", "/000E08012345.cfg", false},
		{"/$MAU.cfg", "tftp", "/000E08012345.cfg", true},
		{"/$(PSN)x.cfg", "tftp", "/2102x.cfg", true},
		{"/$$MA", "tftp", "/$MA", true},
		{"/a", "http", "/a?mac=1", true},
		{"/a?mac=*", "http", "/a?mac=1", true},
		{"/a?mac=*", "http", "/a", false},
	}
	for _, tt := range tests {
		m, err := fault.ParseMatch(tt.match)
		if got := m.Covers(fault.Exchange{Scheme: tt.scheme, Path: tt.path}); err != nil || got != tt.want {
			t.Errorf("%q, %s %s: %t, %v", tt.match, tt.scheme, tt.path, got, err)
		}
	}
	for text, part := range map[string]string{
		"ftp /x": "is no scheme", "tftp x": "is no path", "/a b": "is no path", "dns /x": "dns has no paths", "/$XY": "is no macro", "/$MAX": "did you mean $(MA)X?",
	} {
		if _, err := fault.ParseMatch(text); err == nil || !strings.Contains(err.Error(), part) {
			t.Errorf("%q: %v", text, err)
		}
	}
}

func TestBandwidths(t *testing.T) {
	for text, want := range map[string]float64{"1Mbit/s": 1e6, "64kbit/s": 64e3, "9600bit/s": 9600, "0.5Mbit/s": 5e5} {
		if got, err := parseBandwidth(text); err != nil || got != want {
			t.Errorf("%q: %g, %v", text, got, err)
		}
	}
	for _, text := range []string{"", "64", "64k", "64 kb/s", "0bit/s", "-1kbit/s", "infMbit/s", "1e3bit/s"} {
		if got, err := parseBandwidth(text); err == nil {
			t.Errorf("%q is %g", text, got)
		}
	}
}

// What a parser takes means something: a number is in its range, and a match
// can be asked.
func FuzzGrammar(f *testing.F) {
	for _, text := range []string{"all", "2%", "block 3 once", "ack 0-", "packet 5-9", "1,3,5-", "tftp /$MA.cfg", "http /fw/*?x=$(SN)", "64kbit/s"} {
		f.Add(text)
	}
	f.Fuzz(func(t *testing.T, text string) {
		if p, err := parsePackets(text); err == nil {
			if !p.Given() || p.Range.From > p.Range.To || p.Unit == fault.Some && (p.Share <= 0 || p.Share >= 1) {
				t.Errorf("%q: %+v", text, p)
			}
		}
		for _, row := range fault.Table() {
			var e fault.Effects
			if row.Parse(&e, text) == nil && !row.Given(&e) && text != "false" && row.Key != "delay" && row.Key != "alert" {
				t.Errorf("%s: %q is nothing", row.Key, text)
			}
		}
		if o, err := fault.ParseOrdinals(text); err == nil {
			for _, r := range o {
				if r.From == 0 || r.To < r.From || !o.Contain(r.From) || !o.Contain(r.To) {
					t.Errorf("%q: %+v", text, o)
				}
			}
		}
		if b, err := parseBandwidth(text); err == nil && (b < 1 || math.IsInf(b, 0) || math.IsNaN(b)) {
			t.Errorf("%q: %g", text, b)
		}
		m, err := fault.ParseMatch(text)
		if err != nil {
			return
		}
		again, err := fault.ParseMatch(m.String())
		x := fault.Exchange{Scheme: "http", Path: "/" + text}
		if err != nil || again.Covers(x) != m.Covers(x) {
			t.Errorf("%q is %q: %v", text, m, err)
		}
	})
}
