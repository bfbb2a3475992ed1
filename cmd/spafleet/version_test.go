package main

import (
	"runtime"
	"runtime/debug"
	"testing"
)

func TestTheVersionNamesTheCommit(t *testing.T) {
	end := " · " + runtime.Version() + " · " + runtime.GOOS + "/" + runtime.GOARCH
	setting := func(key, value string) debug.BuildSetting { return debug.BuildSetting{Key: key, Value: value} }
	tests := []struct {
		name  string
		built string
		info  debug.BuildInfo
		want  string
	}{
		{"nothing known", "", debug.BuildInfo{}, "(devel)" + end},
		{"installed from the module proxy", "", debug.BuildInfo{Main: debug.Module{Version: "v1.2.0"}}, "v1.2.0" + end},
		{"built in a checkout", "", debug.BuildInfo{Main: debug.Module{Version: "(devel)"}, Settings: []debug.BuildSetting{
			setting("vcs.revision", "0123456789abcdef0123456789abcdef01234567"), setting("vcs.time", "2026-11-29T14:00:00Z"), setting("vcs.modified", "false")}},
			"(devel) · commit 0123456789ab of 2026-11-29T14:00:00Z" + end},
		{"a checkout with changes", "", debug.BuildInfo{Settings: []debug.BuildSetting{setting("vcs.revision", "01"), setting("vcs.modified", "true")}},
			"(devel) · commit 01 with changes" + end},
		{"a release", "v1.2.0,0123456789abcdef,2026-11-29T14:00:00Z", debug.BuildInfo{Main: debug.Module{Version: "(devel)"}}, "v1.2.0 · commit 0123456789ab of 2026-11-29T14:00:00Z" + end},
		{"a release of changed sources", "v1.2.0+dirty,01,", debug.BuildInfo{}, "v1.2.0+dirty · commit 01 with changes" + end},
		{"a release of no checkout", "v1.2.0,,", debug.BuildInfo{}, "v1.2.0" + end},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			if got := versionOf(&tt.info, tt.built).line(); got != tt.want {
				t.Errorf("got  %s\nwant %s", got, tt.want)
			}
		})
	}
}
