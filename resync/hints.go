package resync

import (
	"fmt"
	"strings"

	"spafleet/device"
	"spafleet/device/model"
	"spafleet/device/rule"
)

// statusHint says why an answer's status ended a transfer, "" where it speaks for
// itself. What it says of the firmware has its evidence.
func (x *transfer) statusHint(resp Response) string {
	switch {
	case resp.Status == 401 || resp.Status == 407:
		return x.userHint()
	case resp.Status == 400 || resp.Status == 403:
		return resp.Refusal
	case resp.Status/100 == 3 && resp.Location != "":
		return x.redirectHint(resp)
	}
	return ""
}

func (x *transfer) userHint() string {
	row := x.in.Unit.Row
	switch {
	case !row.Behaviour.HTTP.Auth:
		return "the server asks for a user, and " + row.RestsOn("http_auth", "basic_digest", "does not answer that")
	case x.options.UID == "":
		return "the server asks for a user: write [--uid NAME --pwd WORD] before the URL"
	}
	return "the server refuses the user of --uid and --pwd, or asks in a way that is neither Basic nor Digest with MD5"
}

func (x *transfer) redirectHint(resp Response) string {
	row := x.in.Unit.Row
	to := fmt.Sprintf("the server redirects with %d to %.200s, which ", resp.Status, resp.Location)
	scheme, _, absolute := strings.Cut(resp.Location, "://")
	switch {
	case !row.Behaviour.Redirects.Follows(resp.Status):
		return to + row.RestsOn("redirects", "follow", "does not follow")
	case absolute && !strings.EqualFold(scheme, "http") && !strings.EqualFold(scheme, "https"):
		return to + "is neither http nor https"
	case !absolute && row.Behaviour.AbsoluteRedirects:
		return to + row.RestsOn("redirect_location", "any", "does not follow")
	}
	return to + row.RestsOn("redirect_places", fmt.Sprint(2*row.Behaviour.Places), fmt.Sprintf("does not follow after %d places", row.Behaviour.Places))
}

// refusals are the device's texts that rest on a switch, and the value by which it
// would not refuse.
var refusals = map[string]struct{ name, other string }{
	"expecting an encrypted file": {"plain_under_key", "accept"},
	errTooBig:                     {"profile_limit", "16777216"},
	errRestricted:                 {"restricted_domains", "suffix"},
}

// refusalHint says which switch a refusal rests on; "" for one that rests on none.
func refusalHint(row *model.Row, text string) string {
	r, ok := refusals[text]
	if !ok || row.Switch(r.name).Value == r.other {
		return ""
	}
	return row.RestsOn(r.name, r.other, "refuses it")
}

// loopsHint says that the firmware reboots after an image that it could not have, and
// tries again at each boot; "" where it does not.
func (x *transfer) loopsHint(result device.Result) string {
	row := x.in.Unit.Row
	b := &row.Behaviour.Upgrade
	reboots := b.Reboots == "always" || b.Reboots == "bad_image" && result == device.Corrupt
	if x.letter != 'U' || !reboots || b.KeepsRetry {
		return ""
	}
	return row.RestsOn("upgrade_retry", "kept", "reboots after a failed upgrade and tries again at each boot")
}

// loopHint says why an upgrade would be made again and again, and which switch that
// rests on, if one does.
func (u *upgrade) loopHint(version string, chosen rule.Decision) string {
	row := u.in.Unit.Row
	hint := fmt.Sprintf("the condition of Upgrade_Rule is still true at %s, the version in the image, so the device would upgrade without end", version)
	d := row.Dialect()
	d.IgnoreSuffix = !d.IgnoreSuffix
	if u.chooses(version, chosen, d) {
		return hint
	}
	if d.IgnoreSuffix {
		return hint + "; " + row.RestsOn("version_suffix", "ignore", "compares the letters behind a version")
	}
	return hint + "; " + row.RestsOn("version_suffix", "compare", "ignores the letters behind a version")
}
