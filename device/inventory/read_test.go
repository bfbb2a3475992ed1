package inventory_test

import (
	"encoding/csv"
	"errors"
	"fmt"
	"net/netip"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"spafleet/device"
	"spafleet/device/inventory"
	"spafleet/device/model"
)

func read(t testing.TB, text string) *inventory.List {
	t.Helper()
	l, err := inventory.Read([]byte(text), "phones.csv", ".")
	if err != nil {
		t.Fatal(err)
	}
	return l
}

// dump is what a list says, a line for each device.
func dump(l *inventory.List) string {
	var b strings.Builder
	for dev := range device.Index(l.Len()) {
		g := l.Groups()[l.Group(dev)]
		u := l.Unit(g.Row, 1, dev, netip.Addr{})
		fmt.Fprintf(&b, "%s %s %s %s %s", u.MAC, g.Name, g.Row.Model.Name, g.Row.Firmware.Version, u.Serial)
		if l.HasAddresses() {
			fmt.Fprintf(&b, " %s", l.Address(dev))
		}
		presets := (&device.Layers{}).Preset(g.Row.Factory, nil)
		for id, value := range l.Params(dev, presets).Differing() {
			fmt.Fprintf(&b, " %s=%s", id.Name(), value)
		}
		b.WriteByte('\n')
	}
	return b.String()
}

func TestAListIsRead(t *testing.T) {
	want := "000e08aabbcc devices SPA942 5.1.8 88019FA00001 10.0.0.1 GPP_A=x,y\n" +
		"000e08aabbcd desk SPA2102 5.2.10 FM500G100001 10.0.0.2 Profile_Rule=http://p.example.com/$MA.xml\n" +
		"000e08aabbce devices SPA942 5.1.8 88019FA00002 10.0.0.3 Resync_Periodic=60\n"
	plain := "mac,model,firmware,serial,group,address,profile_rule,param:GPP_A,param:Resync_Periodic,note\n" +
		"000e08aabbcc,SPA942,5.1.8,88019FA00001,,10.0.0.1,,\"x,y\",,mine\n" +
		"00:0E:08:AA:BB:CD,spa-2102,5.2.10,FM500G100001,desk,10.0.0.2,http://p.example.com/$MA.xml,,,\n" +
		",,,,,,,,,\n" +
		"000e.08aa.bbce,SPA942,5.1.8,88019FA00002,devices,10.0.0.3,,,60,\n"
	semicolons := strings.ReplaceAll(strings.ReplaceAll(plain, `"x,y"`, "x\x00y"), ",", ";")
	semicolons = strings.ReplaceAll(semicolons, "\x00", ",")
	lists := map[string]string{
		"plain":              plain,
		"byte order mark":    "\ufeff" + plain,
		"CR LF":              strings.ReplaceAll(plain, "\n", "\r\n"),
		"CR":                 strings.ReplaceAll(plain, "\n", "\r"),
		"semicolons":         semicolons,
		"tabs":               strings.ReplaceAll(semicolons, ";", "\t"),
		"capitals":           strings.Replace(plain, "mac,model,firmware,serial,group,address,profile_rule,param:GPP_A", "MAC, Model ,FIRMWARE,Serial,GROUP,Address,Profile_Rule,PARAM:GPP_A", 1),
		"comment":            "# from the inventory\n\n" + plain,
		"hyphens":            strings.Replace(plain, "000e08aabbcc", "00-0e-08-AA-bb-cc", 1),
		"no end of line":     strings.TrimSuffix(plain, "\n"),
		"rule as parameter":  strings.Replace(plain, "profile_rule", "param:Profile_Rule", 1),
		"quotes everywhere":  quoted(t, plain),
		"columns turned":     turned(t, plain),
		"notes of any name":  strings.Replace(plain, ",note\n", ",note:room\n", 1),
		"blanks at the ends": strings.Replace(plain, "00:0E:08:AA:BB:CD,spa-2102,5.2.10", " 00:0E:08:AA:BB:CD , spa-2102 , 5.2.10 ", 1),
	}
	digest := read(t, plain).Digest()
	for name, text := range lists {
		l := read(t, text)
		if got := dump(l); got != want {
			t.Errorf("%s:\n%s\nwant\n%s", name, got, want)
		}
		if l.Digest() != digest {
			t.Errorf("%s: another digest", name)
		}
	}
	for _, change := range [][2]string{{"bbcc", "bbcf"}, {"5.1.8,88019FA00001", "5.1.10,88019FA00001"}, {"FA00001", "FA00003"}, {"desk", "desks"}, {"10.0.0.1", "10.0.0.9"}, {"x,y", "x,z"}} {
		if text := strings.Replace(plain, change[0], change[1], 1); text == plain || read(t, text).Digest() == digest {
			t.Errorf("%q in the place of %q: the same digest", change[1], change[0])
		}
	}
}

func records(t testing.TB, text string) [][]string {
	t.Helper()
	list, err := csv.NewReader(strings.NewReader(text)).ReadAll()
	if err != nil {
		t.Fatal(err)
	}
	return list
}

func quoted(t testing.TB, text string) string {
	var b strings.Builder
	for _, record := range records(t, text) {
		b.WriteString(`"` + strings.Join(record, `","`) + "\"\n")
	}
	return b.String()
}

func turned(t testing.TB, text string) string {
	var b strings.Builder
	w := csv.NewWriter(&b)
	for _, record := range records(t, text) {
		slices.Reverse(record)
		if err := w.Write(record); err != nil {
			t.Fatal(err)
		}
	}
	w.Flush()
	return b.String()
}

// Devices keep the numbers of their lines; groups are counted one after the other.
func TestDevicesAreNumberedAsListed(t *testing.T) {
	l := read(t, "mac,model,group\n000e08000001,SPA942,a\n000e08000002,SPA2102,b\n000e08000003,SPA2102,a\n000e08000004,SPA942,b\n000e08000005,SPA942,a\n")
	var names []string
	n := 0
	for i, g := range l.Groups() {
		names = append(names, fmt.Sprint(g.Name, " ", g.Row.Model.Name))
		shares := 0
		for s := range 3 {
			shares += l.Share(i, device.Shard{Index: s, Count: 3})
		}
		if shares != g.Count {
			t.Errorf("group %d: %d devices in shards, %d in all", i, shares, g.Count)
		}
		for range g.Count {
			dev := l.At(n)
			names = append(names, fmt.Sprint(dev))
			if l.Group(dev) != i {
				t.Errorf("device %d is in group %d, not %d", dev, l.Group(dev), i)
			}
			n++
		}
	}
	if got, want := strings.Join(names, ","), "a SPA942,0,4,a SPA2102,2,b SPA2102,1,b SPA942,3"; got != want {
		t.Errorf("%s, want %s", got, want)
	}
	// What is not listed follows from seed and index.
	row := l.Groups()[0].Row
	if got, want := l.Unit(row, 7, 4, netip.Addr{}).Serial, device.NewUnit(row, 7, 4, netip.Addr{}).Serial; got != want || got == "" {
		t.Errorf("serial number %q, want %q", got, want)
	}
}

func TestAddressesAreFound(t *testing.T) {
	l := read(t, "mac,model,address\n000e08000001,SPA942,10.0.0.9\n000e08000002,SPA942,10.0.0.1\n000e08000003,SPA942,9.255.0.2\n")
	for text, want := range map[string]int{"10.0.0.9": 0, "10.0.0.1": 1, "9.255.0.2": 2, "10.0.0.2": -1, "::1": -1} {
		dev, ok := l.Device(netip.MustParseAddr(text))
		if ok != (want >= 0) || ok && int(dev) != want {
			t.Errorf("%s is that of device %d, %t", text, dev, ok)
		}
	}
	if low, high := l.AddressRange(); low.String() != "9.255.0.2" || high.String() != "10.0.0.9" {
		t.Errorf("from %s to %s", low, high)
	}
}

func TestMistakesHaveTheirPlaceAndValue(t *testing.T) {
	for text, want := range map[string][]string{
		"":                         {"phones.csv:1:1: the list is empty; its first line names the columns: mac, model, and as you like serial"},
		"mac,model\n":              {"phones.csv:1:1: no device stands below the header"},
		"000e08000001,SPA942\n":    {`1:1: unknown column "000e08000001"`, "no column is called mac", "no column is called model"},
		"mac,modell\n":             {`1:5: unknown column "modell"; did you mean "model"?`, "no column is called model"},
		"mac,model,MAC\n":          {`1:11: a column "MAC" says this already`},
		"mac,model,param:GPP_AA\n": {`1:11: no model has a parameter "GPP_AA"; did you mean "GPP_`},
		"mac,model,profile_rule,param:Profile_Rule\n":                   {`1:24: a column "param:Profile_Rule" says this already`},
		"mac,model,\n000e08000001,SPA942,\n":                            {"1:11: a column without a name"},
		"mac,model,key\n":                                               {"a column key needs a column certificate"},
		"mac\tmodel\x00\n":                                              {"not text in UTF-8"},
		"\xff\xfem\x00a\x00c\x00":                                       {"not text in UTF-8"},
		"mac,model\n000e0800000,SPA942\n":                               {`phones.csv:2:1: mac: "000e0800000" is not a MAC address of 12 hexadecimal digits`},
		"mac,model\n0.00E+12,SPA942\n":                                  {`2:1: mac: "0.00E+12" is no MAC address any more: a spreadsheet has read it as a number`},
		"mac,model\n010e08000001,SPA942\n":                              {`"010e08000001" is no address that a device can have`},
		"mac,model\n000000000000,SPA942\n":                              {"is no address that a device can have"},
		"mac,model\n,SPA942\n":                                          {"2:1: mac: a device without a MAC address"},
		"mac,model\n000e08000001,\n":                                    {"2:14: model: a device without a model"},
		"mac,Model\n000e08000001,SPA943\n":                              {`2:14: Model: unknown model "SPA943"; did you mean "SPA941"?`},
		"mac,model,firmware\n000e08000001,SPA942,5\n":                   {`2:21: firmware: firmware "5" of SPA942 cannot be read`},
		"mac,model\n\n000e08000001,SPA942\n00:0e:08:00:00:01,SPA2102\n": {`4:1: mac: "00:0e:08:00:00:01" is already in line 3`},
		"mac,model\n000e08000001,SPA942,x\n":                            {"2:1: the line has 3 fields, the header 2"},
		"mac,model\n000e08000001\n":                                     {"2:1: the line has 1 fields, the header 2"},
		"mac,model\n0\"0e08000001,SPA942\n":                             {`2:2: a " stands in a field without quotes`},
		"mac,model\n000e08000001,\"SPA942\n":                            {`a field that begins with " has no end`},
		"mac,model,group\n000e08000001,SPA942,Desk 1\n":                 {`2:21: group: "Desk 1" is not a group's name`},
		"mac,model,serial\n000e08000001,SPA942,A 1\n":                   {`2:21: serial: "A 1" is not a serial number`},
		"mac,model,serial\n000e08000001,SPA942,A\n000e08000002,SPA941,A\n000e08000003,SPA942,A\n": {`4:21: serial: "A" is already that of the SPA942 in line 2`},
		"mac,model,address\n000e08000001,SPA942,10.0.0\n":                                         {`2:21: address: "10.0.0" is not an IPv4 address of one device`},
		"mac,model,address\n000e08000001,SPA942,10.0.0.1\n000e08000002,SPA942,10.0.0.1\n":         {`3:21: address: "10.0.0.1" is already in line 2`},
		"mac,model,address\n000e08000001,SPA942,10.0.0.1\n000e08000002,SPA942,\n":                 {"3:21: address: no address, where other devices have one"},
		"mac,model,address\n000e08000001,SPA942,\n000e08000002,SPA942,10.0.0.1\n":                 {"3:21: address: an address, and the device in line 2 has none"},
		"mac,model,param:User_ID_8_\n000e08000001,SPA942,100\n":                                   {"2:21: param:User_ID_8_: SPA942 6.1.5(a) has no parameter User_ID_8_: beyond the model's lines or keys; leave the field empty"},
		"mac,model,param:Resync_On_Reset\n000e08000001,SPA942,perhaps\n":                          {`2:21: param:Resync_On_Reset: a SPA942 does not take "perhaps" for Resync_On_Reset; it takes Yes or No`},
		"mac,model,certificate\n000e08000001,SPA942,none.pem\n":                                   {"2:21: certificate: stat ", "none.pem: no such file"},
		"mac,model,certificate,key\n000e08000001,SPA942,,.\n":                                     {"is a folder", "a key without a certificate"},
		"mac,model,param:GPP_A\n000e08000001,SPA942,\xff\n":                                       {"2:21: param:GPP_A: ", "is not text in UTF-8"},
	} {
		_, err := inventory.Read([]byte(text), "phones.csv", ".")
		var m *inventory.Mistakes
		if !errors.As(err, &m) {
			t.Errorf("%q: %v", text, err)
			continue
		}
		for _, part := range want {
			if !strings.Contains(err.Error(), part) {
				t.Errorf("%q: %s\nwant %s", text, err, part)
			}
		}
	}
}

// All mistakes are told at once, as far as one can read them.
func TestMistakesAreCounted(t *testing.T) {
	var b strings.Builder
	b.WriteString("mac,model\n")
	for i := range 1000 {
		fmt.Fprintf(&b, "%d,SPA%d\n", i, 10_000+i)
	}
	_, err := inventory.Read([]byte(b.String()), "phones.csv", ".")
	var m *inventory.Mistakes
	if !errors.As(err, &m) || m.Count != 2000 || len(m.First) != inventory.MostShown {
		t.Fatalf("%v", err)
	}
	if text := err.Error(); strings.Count(text, "\n") != inventory.MostShown || !strings.HasSuffix(text, "2000 mistakes in all; the others are not shown") {
		t.Errorf("%s", text)
	}
	if !slices.IsSortedFunc(m.First, func(a, b inventory.Mistake) int { return a.Line - b.Line }) {
		t.Error("they are out of order")
	}
}

// What differs between devices is no group each.
func TestGroupsAreFew(t *testing.T) {
	var own, groups strings.Builder
	own.WriteString("mac,model,profile_rule\n")
	groups.WriteString("mac,model,group\n")
	for i := range 2000 {
		fmt.Fprintf(&own, "%012x,SPA942,http://p.example.com/%d\n", 0x000e08000000+i, i)
		fmt.Fprintf(&groups, "%012x,SPA942,g%d\n", 0x000e08000000+i, i)
	}
	if l := read(t, own.String()); len(l.Groups()) != 1 || !l.Sets("Profile_Rule") || l.Sets("GPP_A") || !l.SetsApart(7) {
		t.Errorf("%d groups", len(l.Groups()))
	}
	if _, err := inventory.Read([]byte(groups.String()), "x", "."); err == nil || !strings.Contains(err.Error(), "more than 1024 groups, models and firmware versions") {
		t.Errorf("2000 groups: %v", err)
	}
}

func TestCertificatesStartFromTheFolderOfTheList(t *testing.T) {
	dir := t.TempDir()
	for _, name := range []string{"a.pem", "b.key"} {
		if err := os.WriteFile(filepath.Join(dir, name), nil, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	l, err := inventory.Read([]byte("mac,model,certificate,key\n000e08000001,SPA942,,\n000e08000002,SPA942,a.pem,b.key\n000e08000003,SPA942,"+filepath.Join(dir, "a.pem")+",\n"), "phones.csv", dir)
	if err != nil {
		t.Fatal(err)
	}
	a, b := filepath.Join(dir, "a.pem"), filepath.Join(dir, "b.key")
	want := []inventory.Certificate{{MAC: model.MAC{0, 0x0e, 8, 0, 0, 2}, File: a, Key: b}, {MAC: model.MAC{0, 0x0e, 8, 0, 0, 3}, File: a}}
	if got := l.Certificates(); !slices.Equal(got, want) {
		t.Errorf("%v, want %v", got, want)
	}
}

// A nil List is that of devices that are all computed.
func TestNoListIsAFleetThatIsComputed(t *testing.T) {
	var l *inventory.List
	row := read(t, "mac,model\n000e08000001,SPA942\n").Groups()[0].Row
	want := device.NewUnit(row, 3, 5, netip.Addr{})
	if got := l.Unit(row, 3, 5, netip.Addr{}); got != want || l.MAC(row.Model, 3, 5) != want.MAC || l.At(5) != 5 || l.HasAddresses() || l.Digest() != "" || l.Size() != 0 {
		t.Errorf("%+v", got)
	}
	presets := device.Reset(row.Factory)
	if l.Params(5, presets) != presets || l.Certificates() != nil || l.Sets("GPP_A") {
		t.Error("it sets something")
	}
}

// own is a list of devices each of which has a serial number, a rule and a name of its
// own.
func own(devices int) []byte {
	var b strings.Builder
	b.WriteString("mac;model;serial;firmware;group;address;profile_rule;param:User_ID_1_;param:Display_Name_1_\n")
	models := []string{"SPA942;%s;6.1.5(a)", "SPA2102;%s;5.2.10", "SPA504G;%s;7.5.5", "PAP2T;%s;"}
	for i := range devices {
		fmt.Fprintf(&b, "00:0E:08:%02X:%02X:%02X;", i>>16, i>>8&255, i&255)
		fmt.Fprintf(&b, models[i%len(models)], fmt.Sprintf("88019FA%05d", i))
		fmt.Fprintf(&b, ";site-%d;10.%d.%d.%d;http://prov.example.com/customer/%d/$MA.xml;%d;Desk %d\n", i%16, 1+i>>16, i>>8&255, i&255, i, 100_000+i, i)
	}
	return []byte(b.String())
}

// BenchmarkRead reads 100,000 devices, each with a serial number, an address and
// three parameters of its own.
func BenchmarkRead(b *testing.B) {
	const devices = 100_000
	src := own(devices)
	var l *inventory.List
	for b.Loop() {
		var err error
		if l, err = inventory.Read(src, "phones.csv", "."); err != nil {
			b.Fatal(err)
		}
	}
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/devices, "ns/device")
	b.ReportMetric(float64(l.Size())/devices, "B/device")
}

// FuzzRead reads any bytes as a list, or says what is wrong and where. What is read has
// no address twice, and sets what its models have.
func FuzzRead(f *testing.F) {
	f.Add(own(3))
	f.Add([]byte("\ufeffmac,model\r\n000e08000001,\"SPA942\"\r\n"))
	f.Add([]byte("# x\nmac\tmodel\tgroup\n00-0e-08-00-00-01\tSPA942\tdesk\n"))
	f.Add([]byte("mac;model;param:GPP_A;key;certificate\n000e08000001;SPA942;\"a\"\"b\";;\n"))
	f.Fuzz(func(t *testing.T, src []byte) {
		l, err := inventory.Read(src, "fuzz.csv", "testdata")
		var m *inventory.Mistakes
		if errors.As(err, &m) {
			if m.Count == 0 || len(m.First) != min(m.Count, inventory.MostShown) {
				t.Fatalf("%d mistakes, %d of them shown", m.Count, len(m.First))
			}
			for _, one := range m.First {
				if one.Line < 1 || one.Column < 1 || one.Msg == "" {
					t.Errorf("no place: %+v", one)
				}
			}
			return
		}
		if err != nil || l.Len() == 0 {
			t.Fatalf("%d devices, %v", l.Len(), err)
		}
		seen, n := map[model.MAC]bool{}, 0
		for i, g := range l.Groups() {
			for range g.Count {
				dev := l.At(n)
				n++
				u := l.Unit(g.Row, 1, dev, netip.Addr{})
				if seen[u.MAC] || l.Group(dev) != i {
					t.Fatalf("device %d, %s, of group %d: twice, or of group %d", dev, u.MAC, i, l.Group(dev))
				}
				seen[u.MAC] = true
				for s := range l.Params(dev, device.Reset(g.Row.Factory)).Own() {
					if p, ok := g.Row.Factory.Param(s.ID); !ok || s.Access != p.Access || s.Value == "" {
						t.Fatalf("device %d is set to %+v", dev, s)
					}
				}
			}
		}
		if n != l.Len() {
			t.Errorf("%d devices in groups, %d in all", n, l.Len())
		}
	})
}
