// Package chance is all that a seed decides: numbers that look random and are pure
// functions of what they are drawn for.
package chance

// A Purpose keeps the draws of one device apart. Its number must never change, and
// that of a purpose that is gone must not be given again.
type Purpose uint8

// What is drawn for a device, and by which count.
const (
	Boot    Purpose = 1 // the delay of the first resync, by the device's draws
	Timer   Purpose = 2 // the delay of a later one, by the device's draws
	Upgrade Purpose = 3 // the wait before an upgrade is tried again, by the device's draws
	Order   Purpose = 4 // the delay of a resync that a page or NOTIFY asks for, by the device's draws
	Nonce   Purpose = 5 // client nonces, by the count of events, which no two attempts share
	Network Purpose = 6 // of the simulated network, by the draws of an attempt

	SIPTag      Purpose = 7  // tags of dialogs, by Call-ID or boot
	SIPNonce    Purpose = 8  // nonces for who sends a NOTIFY, by boot and by the last one that counted; client nonces, by CSeq
	SIPCall     Purpose = 9  // Call-ID of a line's REGISTERs
	SIPSequence Purpose = 10 // where CSeq of a line's REGISTERs begins
	SIPBranch   Purpose = 11 // branches, by CSeq
	SIPRetry    Purpose = 12 // the delay of a REGISTER after one that failed, by CSeq

	DHCP Purpose = 9 // the waits of the client of DHCP, by the device's draws

	Sample Purpose = 200 // the devices of a step's selection, by step
	// 201 was of units whose certificate is defective; now their serial number says so.
	Pace Purpose = 202 // the order of a step's devices, by step
)

// Draw returns a number in [0, 1) that is a pure function of seed, device,
// purpose and count.
func Draw(seed uint64, dev uint32, purpose Purpose, count uint32) float64 {
	return Share(Hash(seed, uint64(dev)<<8|uint64(purpose), uint64(count)))
}

// Share returns a hash as a number in [0, 1).
func Share(hash uint64) float64 { return float64(hash>>11) / (1 << 53) }

// Hash hashes three numbers to one (the finalizer of splitmix64, twice). All that
// a seed decides follows from it: no value of it may ever change.
func Hash(a, b, c uint64) uint64 {
	x := a + 0x9e3779b97f4a7c15*(b+1)
	x = (x ^ x>>30) * 0xbf58476d1ce4e5b9
	x += 0xd1342543de82ef95 * (c + 1)
	x = (x ^ x>>27) * 0x94d049bb133111eb
	x = (x ^ x>>30) * 0xbf58476d1ce4e5b9
	return x ^ x>>31
}
