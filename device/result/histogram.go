package result

import (
	"time"

	"github.com/HdrHistogram/hdrhistogram-go"
)

// histogram is durations from a microsecond to six hours, to two digits. Its
// zero value is ready and small: the counters are made on first use.
type histogram struct {
	h   *hdrhistogram.Histogram
	min int64
	max int64
	sum float64
}

const longest = int64(6 * time.Hour / time.Microsecond)

func (h *histogram) add(ns int64) {
	ns = max(ns, 0)
	if h.h == nil {
		h.h = hdrhistogram.New(1, longest, 2)
		h.min = ns
	}
	h.min, h.max = min(h.min, ns), max(h.max, ns)
	h.sum += float64(ns)
	_ = h.h.RecordValue(min(max(ns/1000, 1), longest)) // cannot be out of range
}

// Spread is how durations lie, in seconds.
type Spread struct {
	Count int64   `json:"count"`
	Min   float64 `json:"min"`
	Avg   float64 `json:"avg"`
	Med   float64 `json:"med"`
	P95   float64 `json:"p95"`
	P99   float64 `json:"p99"`
	Max   float64 `json:"max"`
}

func (h *histogram) spread() Spread {
	if h.h == nil {
		return Spread{}
	}
	n := h.h.TotalCount()
	at := func(q float64) float64 { // a bucket's ends may lie beyond the samples
		return max(min(float64(h.h.ValueAtQuantile(q))/1e6, float64(h.max)/1e9), float64(h.min)/1e9)
	}
	return Spread{Count: n, Min: float64(h.min) / 1e9, Avg: h.sum / float64(n) / 1e9, Med: at(50), P95: at(95), P99: at(99), Max: float64(h.max) / 1e9}
}
