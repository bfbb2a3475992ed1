package rig

import (
	"os"
	"runtime/debug"

	"spafleet/device/fleet"
)

// CollectAsTheCommand collects garbage as often as the command does for a fleet of
// that size, unless GOGC says how often.
func CollectAsTheCommand(devices int) {
	if os.Getenv("GOGC") == "" {
		debug.SetGCPercent(fleet.GCPercent(devices))
	}
}
