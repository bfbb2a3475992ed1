package resync

import (
	"fmt"
	"regexp"
	"strings"

	"spafleet/device"
	"spafleet/device/model"
	"spafleet/resync/image"
)

const errUnrecognized = "unrecognized file format"

// An imageCheck looks at an image while it comes, as far as the device's firmware does.
type imageCheck struct{ *image.Check }

func newImageCheck(in *Input) *imageCheck {
	return &imageCheck{image.New(in.Unit.Row.Behaviour.Upgrade.Images == "strict", &in.Profiles.images)}
}

// version returns the version that the image holds, or why the device refuses it, in its
// words and in ours. Unless the row is lax, a version in the file's name is never trusted.
func (c *imageCheck) version(r *model.Row, path string) (version, why string, f *failure) {
	found := c.Report()
	came := device.Upload{Name: path, Magic: found.Magic, Version: found.Version, Made: found.Made}
	if damage := found.Damage(); len(damage) > 0 {
		came.Part, came.Damage = damage[0].Part, damage[0].String()
	}
	return judge(r, came)
}

// judge decides whether a device takes an image.
func judge(r *model.Row, found device.Upload) (version, why string, f *failure) {
	lax := r.Behaviour.Upgrade.Images == "lax"
	switch {
	case lax && found.Version != "":
		return found.Version, "", nil
	case lax:
		version, f = namedIn(found.Name)
		return version, "", f
	case found.Part == "magic":
		_, why, _ = strings.Cut(found.Damage, ": ")
		return "", why, &failure{errUnrecognized, device.Corrupt}
	case found.Magic != "" && !r.Model.TakesImage(found.Magic), found.Made && found.Magic != r.Model.Magic.Value:
		why = fmt.Sprintf("the image begins %q; those of the %s begin %q (%s)", found.Magic, r.Model.Name, r.Model.Magic.Value, r.Model.Magic.Evidence)
		return "", why, &failure{errUnrecognized, device.Corrupt}
	case found.Part != "":
		return "", found.Damage, &failure{errCorrupt, device.Corrupt}
	}
	return found.Version, "", nil
}

// namedVersion is the version in a file name such as spa2102-5-2-12.bin or
// spa942-6-1-5a.bin.
var namedVersion = regexp.MustCompile(`-(\d+)-(\d+)-(\d+)-?([A-Za-z]*)\.bin$`)

// namedIn takes a version from a file's name, for files in which none can be read.
func namedIn(path string) (string, *failure) {
	m := namedVersion.FindStringSubmatch(path)
	if m == nil {
		return "", &failure{errUnrecognized, device.Corrupt}
	}
	version := m[1] + "." + m[2] + "." + m[3]
	if m[4] != "" {
		version += "(" + m[4] + ")"
	}
	return version, nil
}

// imageHint says why an image is refused, and what that rests on.
func imageHint(r *model.Row, why string) string {
	rests := r.RestsOn("image_check", "lax", "refuses it")
	if why == "" {
		return rests
	}
	return why + "; " + rests
}

// MakeImage returns a firmware image that emulated devices of a model take, and no real
// unit, as [image.Make] makes it.
func MakeImage(m *model.Model, version string, size int) ([]byte, error) {
	return image.Make(m.Magic.Value, version, size)
}
