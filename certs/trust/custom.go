package trust

import (
	"slices"

	"github.com/hashicorp/golang-lru/v2/simplelru"
)

// With returns the same devices with further authorities in their stores, PEM, as
// Custom_CA_Rule brings them. A text without a certificate changes nothing. Calls
// with the same text return the same Devices, which share their verdicts.
func (d *Devices) With(pem string) *Devices {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.custom == nil {
		d.custom, _ = simplelru.NewLRU[string, *Devices](mostCustom, nil) // it refuses no positive size
	}
	if c, ok := d.custom.Get(pem); ok {
		return c
	}
	c := d
	if list, err := ReadAuthorities([]byte(pem)); err == nil {
		c = &Devices{PKI: d.PKI, Holder: d.Holder, Extra: append(slices.Clone(d.Extra), list...)}
	}
	d.custom.Add(pem, c)
	return c
}
