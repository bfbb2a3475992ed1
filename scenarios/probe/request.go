package probe

import (
	"net/netip"
	"strconv"
	"strings"
	"time"
)

// A request is what the phone has asked, and when.
type request struct {
	at     time.Time
	ended  time.Time // of the answer; zero: it is under way
	scheme string    // http, https or tftp
	method string
	place  string // experiment, or home, read, same
	name   string // of the file of the experiment
	rest   string // of the path, without the slash before it
	agent  string
	head   []byte // of HTTP, as it came
	body   []byte
	from   netip.AddrPort
	packet []byte // of TFTP
	gen    int    // of a visit home: which settings the phone was to have
}

// locate takes a path apart: /p/TOKEN/PLACE/NAME/REST. What does not begin so is not of
// the probe. A query belongs to the last part.
func locate(path, token string) (place, name, rest string, ok bool) {
	path, ok = strings.CutPrefix(path, "/p/"+token+"/")
	if !ok {
		return "", "", "", false
	}
	place, rest, _ = strings.Cut(path, "/")
	switch place {
	case "home", "read", "same":
		return place, "", rest, true
	}
	end := strings.IndexAny(rest, "/?")
	if end < 0 {
		return place, rest, "", true
	}
	return place, rest[:end], strings.TrimPrefix(rest[end:], "/"), true
}

// timer returns $PRVTMR of a visit home; false where there is none.
func (q request) timer() (time.Duration, bool) {
	parts := strings.Split(q.rest, "/") // $MA/$PRVST/$PRVTMR
	n, err := strconv.ParseUint(parts[len(parts)-1], 10, 32)
	return time.Duration(n) * time.Second, err == nil
}

// isTrial reports whether a place is one of an experiment.
func isTrial(place string) bool { return strings.HasPrefix(place, "x") }
