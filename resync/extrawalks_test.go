package resync_test

import (
	"testing"
	"time"

	"spafleet/fleet"
	"spafleet/resync"
)

// extraFiles observes what a phone asks for beside its profile, which is all that
// the server has, under every name.
func extraFiles(model string, n fleet.Network, presets string) func(*testing.T, string) string {
	return func(t *testing.T, setting string) string {
		return lifeOf(t, fleet.Group{Row: rowOf(t, model, setting)}, n, 200*s, presets)
	}
}

const (
	someDictionary = "Language_Selection=French Dictionary_Server_Script=serv=http://192.0.2.5/;d1=French;x1=fr.xml"
	tftpDictionary = "Language_Selection=French Dictionary_Server_Script=serv=tftp://192.0.2.5/;d1=French;x1=fr.xml"
)

var extraWalks = map[string]walk{
	"extra_files": {"on", "off", extraFiles("SPA942 6.1.5(a)", alwaysThere{}, someDictionary)},
	"sccp": {"never", "boot", func(t *testing.T, setting string) string {
		return lifeOf(t, fleet.Group{Row: rowOf(t, "SPA504G 7.5.5", setting), Lease: resync.Lease{NextServer: "192.0.2.9"}}, nowhere{}, 200*s, "")
	}},
	"dictionary":       {"never", "change", extraFiles("SPA942 6.1.5(a)", alwaysThere{}, someDictionary)},
	"dictionary_check": {"ucs2", "any", extraFiles("SPA942 6.1.5(a)", alwaysThere{}, someDictionary)},
	"dictionary_tries": {"3", "2", extraFiles("SPA942 6.1.5(a)", alwaysThere{}, someDictionary)},
	"dictionary_reboot": {"no", "yes", func(t *testing.T, setting string) string {
		return lifeOf(t, fleet.Group{Row: rowOf(t, "SPA942 6.1.5(a)", setting)}, onlyFile{body: []byte("\x00<\x00a\x00/\x00>")}, 200*s, someDictionary)
	}},
	"dictionary_wait":  {"60s", "10s", extraFiles("SPA942 6.1.5(a)", alwaysThere{time.Second}, someDictionary)},
	"dictionary_slash": {"skip", "keep", extraFiles("SPA504G 7.5.2b", alwaysThere{}, tftpDictionary)},
	"picture":          {"shown", "set", extraFiles("SPA504G 7.5.5", alwaysThere{}, "BMP_Picture_Download_URL=http://192.0.2.5/a.bmp")},
	"ring_tone":        {"never", "boot", extraFiles("SPA942 6.1.5(a)", alwaysThere{}, "Ring1=n=a;w=192.0.2.5/a")},
	"directory":        {"never", "boot", extraFiles("SPA504G 7.5.5", alwaysThere{}, "XML_Directory_Service_URL=http://192.0.2.5/$MA")},
	"rss":              {"boot", "1m", extraFiles("SPA962 6.1.5(a)", alwaysThere{}, "RSS_Feed_URL_1=name=a;url=http://192.0.2.5/a")},
}
