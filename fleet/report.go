package fleet

import (
	"spafleet/device"
	"spafleet/device/model"
	"spafleet/device/profile"
	"spafleet/resync"
)

// reportBody returns what makes the body of a device's report. It holds copies:
// the attempt calls it in its own goroutine.
func (l *loop) reportBody(dev device.Index, u *unit) func(delta, status bool) []byte {
	v := l.view(dev, u)
	before := l.told[dev]
	return func(delta, status bool) []byte {
		switch {
		case status:
			return profile.Export("Status", v.Status())
		case delta:
			return device.ReportXML(v, before)
		}
		return device.ReportXML(v, device.Params{})
	}
}

// reportEnded remembers what the server knows now. There is no second try
// (documented).
func (l *loop) reportEnded(dev device.Index, u *unit, o *resync.Outcome) {
	if o.OK {
		l.told[dev] = u.params
	}
}

// considerReport lets a device whose Report_Rule has --delta report what a
// resync changed. Its first report, before which nothing is known, is whole.
func (l *loop) considerReport(dev device.Index, u *unit, now int64) {
	if text, _ := u.params.Lookup("Report_Rule"); text == "" || l.told[dev] == u.params {
		return
	}
	unit := l.f.identity(l.row(u), dev)
	if resync.WantsDelta(&unit, u.params) {
		l.wait(dev, u, device.Command{Order: device.Report, Cause: model.ByUpgrade}, now)
	}
}
