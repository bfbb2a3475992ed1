package certs

import (
	"slices"
	"strings"
	"time"

	"spafleet/device"
	"spafleet/device/model"
)

// serialYears are the year letters of Linksys serial numbers: F is 2006
// (inferred).
const (
	serialYears  = "ABCDEFGHJKLMNPQRSTUVWXYZ"
	serialMonths = "123456789ABC"
	firstYear    = 2001
)

// manufactured returns when a device was made, by its serial number; false where the
// number does not say, and the caller uses the beginning of its authority.
func manufactured(m *model.Model, serial string) (time.Time, bool) {
	if m.Family.Generation > 2 {
		return ciscoMade(serial)
	}
	return linksysMade(serial)
}

// linksysMade reads a serial number of product, year letter, month and count.
func linksysMade(serial string) (time.Time, bool) {
	if len(serial) != 12 {
		return time.Time{}, false
	}
	year, month := strings.IndexByte(serialYears, serial[5]), strings.IndexByte(serialMonths, serial[6])
	if year < 0 || month < 0 {
		return time.Time{}, false
	}
	return time.Date(firstYear+year, time.Month(month+1), 1, 0, 0, 0, 0, time.UTC), true
}

// ciscoMade reads a serial number of site, year since 1996, week and count.
func ciscoMade(serial string) (time.Time, bool) {
	if len(serial) != 11 {
		return time.Time{}, false
	}
	year, ok := twoDigits(serial[3:5])
	week, fine := twoDigits(serial[5:7])
	if !ok || !fine || week < 1 || week > 53 {
		return time.Time{}, false
	}
	return ciscoWeek(1996+year, week), true
}

// ciscoWeek returns the first day of a week: the first begins on January 1.
func ciscoWeek(year, week int) time.Time {
	return time.Date(year, 1, 1+7*(week-1), 0, 0, 0, 0, time.UTC)
}

func twoDigits(text string) (int, bool) {
	if text[0] < '0' || text[0] > '9' || text[1] < '0' || text[1] > '9' {
		return 0, false
	}
	return int(text[0]-'0')*10 + int(text[1]-'0'), true
}

// defectiveModels begin the serial numbers of the units whose certificates were
// installed incorrectly (documented).
var defectiveModels = []string{"FM500", "FM600", "FM700"}

// MayBeDefective reports whether a row's devices can include units with defective
// certificates.
func MayBeDefective(r *model.Row) bool {
	return slices.Contains(defectiveModels, r.Model.SerialPrefix.Value)
}

// defective reports whether a device is one of those units: some of the serial
// numbers FM500F100000 to FM500F699999, and as many of the two other models
// (documented), which is the first half of 2006. Which of them follows from the serial
// number alone, so a unit has the same certificate in every fleet.
func defective(u *device.Unit) bool {
	for _, prefix := range defectiveModels {
		rest, ok := strings.CutPrefix(u.Serial, prefix+"F")
		if ok && len(rest) == 6 && rest[0] >= '1' && rest[0] <= '6' {
			return drawn("spafleet defect\x00"+u.Serial, 10000) < 100*u.Row.Behaviour.TLS.DefectPercent
		}
	}
	return false
}
