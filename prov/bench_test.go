package prov_test

import (
	"strings"
	"testing"

	"spafleet/prov"
	"spafleet/resync"
)

// A fleet in virtual time has some 20 µs for a whole attempt.
func BenchmarkRespond(b *testing.B) {
	body := strings.Repeat("x", 1500)
	c, err := prov.NewCore(map[string]prov.Entry{
		"/same.xml": {Body: body}, "/$MA.xml": {Body: body + "{{ mac }}"}, "/{{ dir }}/$MA.xml": {Body: body + "{{ mac }}"},
	}, prov.Options{Expand: func(text string, a prov.Asker, _ prov.Rotation) (string, error) {
		return strings.ReplaceAll(text, "{{ mac }}", a.MAC), nil
	}})
	if err != nil {
		b.Fatal(err)
	}
	dir := (&prov.Pairs{}).At(mac, 0).Dir
	for name, path := range map[string]string{"same": "/same.xml", "own": "/" + mac + ".xml", "secret": "/" + dir + "/" + mac + ".xml"} {
		b.Run(name, func(b *testing.B) {
			r := resync.Request{Method: "GET", Scheme: "tftp", Path: path}
			for b.Loop() {
				c.Respond(1, &r)
			}
		})
	}
}
