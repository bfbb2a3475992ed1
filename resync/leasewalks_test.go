package resync_test

var leaseWalks = map[string]walk{
	"lease_url":  {"file", "folder", attempts("SPA504G 7.5.5", "lease http://192.0.2.5/provision\nresync power_on")},
	"cisco_path": {"never", "after", attempts("SPA504G 7.5.5", "lease 192.0.2.5\nresync power_on")},
	"siaddr":     {"ignore", "use", attempts("SPA504G 7.5.5", "siaddr 192.0.2.9\nresync power_on")},
	"option67":   {"ignore", "use", attempts("SPA942 6.1.5(a)", "lease 192.0.2.5\noption 67 a.cfg\nresync power_on")},
}
