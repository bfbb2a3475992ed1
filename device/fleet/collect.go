package fleet

// GCPercent returns what suits [runtime/debug.SetGCPercent] for so many devices: a
// large fleet is mostly idle data, of which 40 percent more is room enough. A small
// one, with which a program would else do little but collect, gets 64 MB.
func GCPercent(devices int) int {
	const each, besides, room, least = 300, 8 << 20, 64 << 20, 40
	return max(room*100/(devices*each+besides), least)
}
