package trust

import "slices"

// mostCustom bounds the sets of further authorities that are remembered.
const mostCustom = 64

// With returns the same devices with further authorities in their stores, PEM, as
// Custom_CA_Rule brings them. A text that holds none changes nothing. Devices of
// the same text share what is remembered.
func (d *Devices) With(pem string) *Devices {
	d.mu.Lock()
	defer d.mu.Unlock()
	if c := d.custom[pem]; c != nil {
		return c
	}
	c := d
	if list, err := ReadAuthorities([]byte(pem)); err == nil {
		c = &Devices{PKI: d.PKI, Holder: d.Holder, Extra: append(slices.Clone(d.Extra), list...)}
	}
	if d.custom == nil || len(d.custom) >= mostCustom {
		d.custom = map[string]*Devices{}
	}
	d.custom[pem] = c
	return c
}
