package trust

import (
	"slices"

	"spafleet/certs"
	"spafleet/device/model"
)

// A Service is a port with a certificate of one authority. Devices send no server
// name, so a port can show only one certificate.
type Service struct {
	Port   int        `json:"port"`
	CA     certs.Name `json:"ca"`
	Models []string   `json:"models"`
}

// preferred is the order in which authorities are chosen: those that more models
// trust first, and Linksys' last, since it has ended. Nobody gets a certificate
// of Verisign for a device.
var preferred = []certs.Name{certs.Sipura1, certs.CiscoSB1, certs.CiscoSB2, certs.Linksys1}

// Services returns the services that some models need, by what they trust: one
// where one authority serves them all. It chooses at each step the authority that
// serves most of those that are left.
func Services(p *certs.PKI, rows []*model.Row) []Service {
	var list []Service
	left := rows
	for port := 443; len(left) > 0; port = 8443 + len(list) - 1 {
		best := mostTrusted(p, left)
		s := Service{Port: port, CA: best}
		var others []*model.Row
		for _, r := range left {
			if !Serves(p, best, r) {
				others = append(others, r)
			} else if !slices.Contains(s.Models, r.Model.Name) {
				s.Models = append(s.Models, r.Model.Name)
			}
		}
		if len(s.Models) == 0 {
			break // of rows that trust nobody
		}
		list, left = append(list, s), others
	}
	return list
}

func mostTrusted(p *certs.PKI, rows []*model.Row) certs.Name {
	best, most := preferred[0], -1
	for _, n := range preferred {
		count := 0
		for _, r := range rows {
			if Serves(p, n, r) {
				count++
			}
		}
		if count > most {
			best, most = n, count
		}
	}
	return best
}

// Serves reports whether a firmware accepts an authority's certificates, whatever its
// devices are set to. Firmware that checks dates refuses an authority that has expired,
// unless its clock is never set.
func Serves(p *certs.PKI, n certs.Name, r *model.Row) bool {
	if n == certs.Linksys1 && r.Behaviour.TLS.CheckTime && r.Behaviour.TLS.Clock != "never" && !p.LinksysValid {
		return false
	}
	return slices.ContainsFunc(Trusted(r), func(t Trust) bool { return t.Authority == n })
}
