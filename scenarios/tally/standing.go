package tally

import "github.com/prometheus/client_golang/prometheus"

// A Standing is how far an expectation is, for metrics.
type Standing struct {
	Name    string // no two have the same one
	Holds   bool   // as the fleet is, or where it is decided, as it was then
	Decided bool
	Held    int // devices that it holds for
	Devices int // that it is about
	// Shared says that it is about a number of devices of a fleet in shards. Whether it
	// holds is known once those are merged.
	Shared bool
}

// Expectations are the metrics of a scenario's expectations. They ask for the standings
// each time that they are scraped.
func Expectations(now func() []Standing) prometheus.Collector {
	desc := func(name, help string) *prometheus.Desc {
		return prometheus.NewDesc("spafleet_expectation_"+name, help, []string{"expectation"}, nil)
	}
	return &standings{now,
		desc("holds", "1 where an expectation holds for the fleet as it is, or was met; 0 where it does not hold yet, or failed; none where the merge of the shards decides"),
		desc("decided", "1 once an expectation was met or has failed, which spafleet_expectation_holds says"),
		desc("held_devices", "devices that an expectation holds for, of those in spafleet_expectation_devices"),
		desc("devices", "devices that an expectation is about; of a fleet in shards, those of this one"),
	}
}

type standings struct {
	now                           func() []Standing
	holds, decided, held, devices *prometheus.Desc
}

func (s *standings) Describe(c chan<- *prometheus.Desc) {
	c <- s.holds
	c <- s.decided
	c <- s.held
	c <- s.devices
}

func (s *standings) Collect(c chan<- prometheus.Metric) {
	for _, e := range s.now() {
		values := map[*prometheus.Desc]float64{s.held: float64(e.Held), s.devices: float64(e.Devices)}
		if !e.Shared {
			values[s.holds], values[s.decided] = one(e.Holds), one(e.Decided)
		}
		for desc, value := range values {
			c <- prometheus.MustNewConstMetric(desc, prometheus.GaugeValue, value, e.Name)
		}
	}
}

func one(is bool) float64 {
	if is {
		return 1
	}
	return 0
}
