package accesslog

import (
	"bytes"
	"time"
)

// dates reads the times of lines. It keeps the last day of each kind: the next line has
// the same.
type dates struct {
	now   time.Time
	day   day // of combined
	local day // of syslog
}

// A day is the beginning of a day that was written so.
type day struct {
	text  [16]byte
	len   int
	start int64 // Unix time in seconds
}

func (d *day) is(text []byte) bool { return d.len > 0 && bytes.Equal(d.text[:d.len], text) }

func (d *day) set(text []byte, start int64) { d.len, d.start = copy(d.text[:], text), start }

// combined reads 30/Nov/2026:15:47:51 +0000.
func (d *dates) combined(text []byte) (at int64, ok bool) {
	if len(text) < 20 || text[2] != '/' || text[6] != '/' || text[11] != ':' {
		return 0, false
	}
	if date := text[:11]; !d.day.is(date) {
		of, ok1 := number(date[:2])
		month := monthOf(date[3:6])
		year, ok2 := number(date[7:11])
		if !ok1 || !ok2 || month == 0 || of < 1 || of > 31 {
			return 0, false
		}
		d.day.set(date, time.Date(year, month, of, 0, 0, 0, 0, time.UTC).Unix())
	}
	seconds, ok := clock(text[12:])
	if !ok {
		return 0, false
	}
	zone := bytes.TrimLeft(text[20:], " ")
	offset, ok := zoneOf(zone)
	return (d.day.start + int64(seconds-offset)) * int64(time.Second), ok || len(zone) == 0
}

// syslog reads the time at the beginning of a line of syslog, "Nov 30 15:47:51" or
// "2026-11-30T15:47:51.123456+00:00", and returns what stands behind it.
func (d *dates) syslog(line []byte) (at int64, rest []byte, ok bool) {
	if len(line) > 0 && line[0] == '<' { // the number of RFC 3164
		if end := bytes.IndexByte(line[:min(len(line), 6)], '>'); end > 0 {
			line = line[end+1:]
		}
	}
	switch {
	case len(line) > 16 && line[3] == ' ' && line[6] == ' ' && line[15] == ' ':
		at, ok = d.short(line[:15])
		return at, line[16:], ok
	case len(line) > 20 && line[4] == '-' && line[7] == '-' && line[10] == 'T':
		return d.long(line)
	}
	return 0, nil, false
}

// short reads Nov 30 15:47:51, of the last year that makes it a time of the past.
func (d *dates) short(text []byte) (at int64, ok bool) {
	if date := text[:6]; !d.local.is(date) {
		of, ok := number(bytes.TrimLeft(date[4:], " "))
		month := monthOf(date[:3])
		if !ok || month == 0 || of < 1 || of > 31 {
			return 0, false
		}
		start := time.Date(d.now.Year(), month, of, 0, 0, 0, 0, d.now.Location())
		if start.After(d.now.Add(24 * time.Hour)) {
			start = time.Date(d.now.Year()-1, month, of, 0, 0, 0, 0, d.now.Location())
		}
		d.local.set(date, start.Unix())
	}
	seconds, ok := clock(text[7:])
	return (d.local.start + int64(seconds)) * int64(time.Second), ok
}

// long reads 2026-11-30T15:47:51.123456+00:00, with or without a fraction.
func (d *dates) long(line []byte) (at int64, rest []byte, ok bool) {
	if date := line[:10]; !d.day.is(date) {
		year, ok1 := number(date[:4])
		month, ok2 := number(date[5:7])
		of, ok3 := number(date[8:])
		if !ok1 || !ok2 || !ok3 || month < 1 || month > 12 || of < 1 || of > 31 {
			return 0, nil, false
		}
		d.day.set(date, time.Date(year, time.Month(month), of, 0, 0, 0, 0, time.UTC).Unix())
	}
	seconds, ok := clock(line[11:])
	if !ok {
		return 0, nil, false
	}
	rest, fraction := line[19:], int64(0)
	if len(rest) > 0 && (rest[0] == '.' || rest[0] == ',') {
		rest = rest[1:]
		for unit := int64(time.Second / 10); len(rest) > 0 && hex(rest[0]) >= 0 && hex(rest[0]) < 10; rest = rest[1:] {
			fraction += int64(rest[0]-'0') * unit
			unit /= 10
		}
	}
	zone, rest := word(rest)
	offset, ok := zoneOf(zone)
	return (d.day.start+int64(seconds-offset))*int64(time.Second) + fraction, rest, ok
}

// clock reads 15:47:51.
func clock(text []byte) (seconds int, ok bool) {
	if len(text) < 8 || text[2] != ':' || text[5] != ':' {
		return 0, false
	}
	h, ok1 := number(text[:2])
	m, ok2 := number(text[3:5])
	s, ok3 := number(text[6:8])
	return h*3600 + m*60 + s, ok1 && ok2 && ok3 && h < 24 && m < 60 && s < 61
}

// zoneOf reads +0200, +02:00 or Z.
func zoneOf(text []byte) (seconds int, ok bool) {
	if len(text) == 1 && text[0] == 'Z' {
		return 0, true
	}
	if len(text) < 5 || text[0] != '+' && text[0] != '-' {
		return 0, false
	}
	h, ok1 := number(text[1:3])
	m, ok2 := number(text[len(text)-2:])
	seconds = h*3600 + m*60
	if text[0] == '-' {
		seconds = -seconds
	}
	return seconds, ok1 && ok2 && (len(text) == 5 || len(text) == 6 && text[3] == ':')
}

// months are as C has them in every log.
const months = "JanFebMarAprMayJunJulAugSepOctNovDec"

func monthOf(text []byte) time.Month {
	for m := range 12 {
		if string(text) == months[3*m:3*m+3] {
			return time.Month(m + 1)
		}
	}
	return 0
}
