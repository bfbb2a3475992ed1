// Package workload is the devices, profiles and files that the instruments
// measure with.
package workload

import (
	"fmt"
	"net/netip"
	"os"
	"path/filepath"
	"runtime"
	"sync"

	"spafleet/device"
	"spafleet/device/model"
	"spafleet/device/profile"
)

// Seed is the seed of the devices, the same in every process.
const Seed = 1

// Model is what is measured: an ATA of two lines.
const (
	Model    = "SPA2102"
	Firmware = "5.2.10"
)

// Row returns the row of the devices, which boot in no time: others are measured.
func Row() (*model.Row, error) {
	return model.NewRow(Model, Firmware, map[string]string{"boot_time": "0s", "reboot_time": "0s"})
}

// Unit returns a device as its server knows it.
func Unit(row *model.Row, dev device.Index) device.Unit {
	return device.NewUnit(row, Seed, dev, netip.Addr{})
}

// Presets reads pairs of names and values.
func Presets(pairs ...string) (map[string]string, error) {
	list := map[string]string{}
	for i := 0; i+1 < len(pairs); i += 2 {
		if _, ok := model.LookupID(pairs[i]); !ok {
			return nil, fmt.Errorf("no parameter is named %s", pairs[i])
		}
		list[pairs[i]] = pairs[i+1]
	}
	return list, nil
}

// common are values that a provider gives all of its devices: fifteen that
// differ from the factory's.
var common = [...][2]string{
	{"Primary_NTP_Server", "ntp.bench.test"}, {"Resync_Error_Retry_Delay", "600"}, {"Resync_From_SIP", "No"},
	{"Proxy_1_", "sip.bench.test"}, {"Outbound_Proxy_1_", "edge.bench.test"}, {"Register_Expires_1_", "1800"}, {"SIP_Port_1_", "5070"},
	{"NAT_Mapping_Enable_1_", "Yes"}, {"Preferred_Codec_1_", "G711a"}, {"Silence_Threshold_1_", "low"},
	{"FAX_Passthru_Method_1_", "None"}, {"FAX_Process_NSE_1_", "No"}, {"DTMF_Tx_Method_1_", "AVT"}, {"GPP_C", "bench"}, {"GPP_D", "shared by all"},
}

// AppendProfile adds the profile of one device: at least size bytes of values
// like the factory's (0: none), the provider's, eight that are the device's own,
// and those of pairs, which come last and count.
func AppendProfile(b []byte, row *model.Row, u *device.Unit, size int, pairs ...string) []byte {
	begun := len(b)
	b = append(b, "<flat-profile>\n"...)
	name := u.MAC.String()
	number := fmt.Sprintf("212%07d", u.Index)
	for _, p := range common {
		b = appendElement(b, p[0], p[1])
	}
	for _, own := range [...][2]string{
		{"Display_Name_1_", "Desk " + name[8:]}, {"User_ID_1_", number}, {"Password_1_", "p" + name[5:]}, {"Auth_ID_1_", number},
		{"Display_Name_2_", "Fax " + name[8:]}, {"User_ID_2_", number[1:]}, {"Password_2_", "q" + name[5:]}, {"Auth_ID_2_", number[1:]},
	} {
		b = appendElement(b, own[0], own[1])
	}
	ends := make([]byte, 0, 256)
	for i := 0; i+1 < len(pairs); i += 2 {
		ends = appendElement(ends, pairs[i], pairs[i+1])
	}
	ends = append(ends, "</flat-profile>\n"...)
	return append(fill(b, row, begun+size-len(ends)), ends...)
}

// fill adds elements with the factory's values until there are as many bytes,
// comments where there are no more.
func fill(b []byte, row *model.Row, until int) []byte {
	for i := range row.Factory.Params {
		p := &row.Factory.Params[i]
		if len(b) >= until {
			return b
		}
		if !named(p.Name) && row.Has(p) {
			b = new(profile.Nest).Append(b, profile.Param{Name: p.Name, Value: p.Default, Access: p.Access}, profile.Sample{})
			b = append(b, '\n')
		}
	}
	for len(b) < until {
		b = append(b, "<!-- nothing of interest stands here, it is only long -->\n"...)
	}
	return b
}

// named reports whether a parameter is among those that are set.
func named(name string) bool {
	for _, p := range common {
		if p[0] == name {
			return true
		}
	}
	switch name {
	case "Display_Name_1_", "User_ID_1_", "Password_1_", "Auth_ID_1_", "Display_Name_2_", "User_ID_2_", "Password_2_", "Auth_ID_2_":
		return true
	}
	return len(name) > 4 && (name[:4] == "GPP_" || name[:4] == "Prof" || name[:4] == "Resy" || name[:4] == "Upgr")
}

func appendElement(b []byte, name, value string) []byte {
	b = append(b, '<')
	b = append(b, name...)
	b = append(b, '>')
	b = append(b, value...)
	b = append(b, "</"...)
	b = append(b, name...)
	return append(b, ">\n"...)
}

// WriteFiles writes a file for each of count devices, below a folder. All may read
// them: some servers serve no others.
func WriteFiles(dir string, count int, file func(dev device.Index) (path string, content []byte)) error {
	var all sync.WaitGroup
	n := runtime.NumCPU()
	failed := make(chan error, n)
	for first := range n {
		all.Go(func() {
			for dev := first; dev < count; dev += n {
				path, content := file(device.Index(dev))
				if err := os.WriteFile(filepath.Join(dir, path), content, 0o644); err != nil {
					failed <- err
					return
				}
			}
		})
	}
	all.Wait()
	select {
	case err := <-failed:
		return err
	default:
		return nil
	}
}
