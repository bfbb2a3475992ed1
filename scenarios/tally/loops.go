package tally

import "spafleet/device"

// Loops are devices whose every file changes something and so reboots them: the
// server puts a time or a random value into it.
type Loops struct {
	Devices  int    `json:"devices"`
	MoreThan int    `json:"more_than"` // reboots in a row that a device has had at least
	Differs  string `json:"differs"`   // of one of these reboots: the parameters, and both values of one
}

// mostInARow is how many reboots in a row the files of an honest server cause: one
// leads to the next, each with its own changes.
const mostInARow = 3

// reboot counts a boot for changes that a file has brought.
func (l *Loops) reboot(m *mark, e *device.Event) {
	if e.Reason != device.ByParams || e.Text == "" {
		return
	}
	m.set(calm, false)
	if m.again <= mostInARow {
		m.again++
	}
	if m.again <= mostInARow {
		return
	}
	if !m.has(loops) {
		m.set(loops, true)
		l.Devices, l.MoreThan = l.Devices+1, mostInARow
	}
	if l.Differs == "" || e.Text < l.Differs {
		l.Differs = e.Text
	}
}

// settle notes a resync that succeeded. If the one before has changed nothing that
// reboots, no reboots stand in a row any more.
func (m *mark) settle() {
	if m.has(calm) {
		m.again = 0
	}
	m.set(calm, true)
}

// merge adds those of another shard.
func (l *Loops) merge(o Loops) {
	l.Devices += o.Devices
	l.MoreThan = max(l.MoreThan, o.MoreThan)
	if l.Differs == "" || o.Differs != "" && o.Differs < l.Differs {
		l.Differs = o.Differs
	}
}
