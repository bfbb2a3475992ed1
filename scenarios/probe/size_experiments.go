package probe

import (
	"bytes"
	"compress/gzip"
	"strconv"
	"strings"
)

// sizeExperiments are of the group of profiles.
var sizeExperiments = []*experiment{
	{
		name: "profile-size", question: "How many bytes may a profile have?",
		settles: []string{"profile_limit"}, takes: passes(50), times: 1, run: profileSize,
	},
}

// profileSize finds out how long a profile may be that counts: what is beside one parameter is
// blank. Then one byte more comes packed.
func profileSize(t *trial) {
	size, ok := largest(t, 1024, 16<<20, func(n int) bool { return taken(t, func(x *exchange) { x.give(filled(t, n)) }) })
	if !ok {
		return
	}
	t.fact("longest profile that was taken", "%d bytes", size)
	t.settle("profile_limit", strconv.Itoa(size))
	value, read := t.apply(packed(filled(t, size+1)))
	tookFact(t, "one byte more, packed", value, read)
}

// filled returns a profile of so many bytes.
func filled(t *trial, n int) string {
	const line = "                                                               \n"
	short := len(t.profile("after", ""))
	fill := strings.Repeat(line, (n-short)/len(line)) + strings.Repeat("\n", (n-short)%len(line))
	return t.profile("after", fill)
}

// packed compresses a file by gzip.
func packed(file string) string {
	var b bytes.Buffer
	w := gzip.NewWriter(&b)
	_, _ = w.Write([]byte(file)) // a buffer takes all
	_ = w.Close()
	return b.String()
}
