package tally

import (
	"encoding/json"
	"errors"
	"fmt"
	"math/bits"
	"time"

	"github.com/HdrHistogram/hdrhistogram-go"
)

// histogram is durations from a microsecond to six hours, to two digits. Its
// zero value is ready and small: the counters are made on first use. Everything
// in it is whole numbers, so that parts add up to exactly the whole.
type histogram struct {
	h   *hdrhistogram.Histogram
	min int64
	max int64
	sum [2]uint64 // nanoseconds: high and low word
}

const (
	longest = int64(6 * time.Hour / time.Microsecond)
	digits  = 2
)

func (h *histogram) add(ns int64) {
	ns = max(ns, 0)
	if h.h == nil {
		h.h = hdrhistogram.New(1, longest, digits)
		h.min = ns
	}
	h.min, h.max = min(h.min, ns), max(h.max, ns)
	h.addSum([2]uint64{0, uint64(ns)})
	_ = h.h.RecordValue(min(max(ns/1000, 1), longest)) // cannot be out of range
}

func (h *histogram) addSum(n [2]uint64) {
	var carry uint64
	h.sum[1], carry = bits.Add64(h.sum[1], n[1], 0)
	h.sum[0] += n[0] + carry
}

// merge adds the samples of another histogram.
func (h *histogram) merge(o *histogram) {
	if o.h == nil {
		return
	}
	if h.h == nil {
		h.h = hdrhistogram.New(1, longest, digits)
		h.min = o.min
	}
	h.min, h.max = min(h.min, o.min), max(h.max, o.max)
	h.addSum(o.sum)
	h.h.Merge(o.h) // drops nothing: all have the same range
}

// encoded is a histogram in JSON: the counts in HdrHistogram's own compressed
// form, the rest in nanoseconds.
type encoded struct {
	Count int64     `json:"count"`
	Min   int64     `json:"min_ns"`
	Max   int64     `json:"max_ns"`
	Sum   [2]uint64 `json:"sum_ns"` // high and low word
	HDR   string    `json:"hdr"`
}

func (h *histogram) encode() (encoded, error) {
	if h.h == nil {
		return encoded{}, nil
	}
	counts, err := h.h.Encode(hdrhistogram.V2CompressedEncodingCookieBase)
	return encoded{h.h.TotalCount(), h.min, h.max, h.sum, string(counts)}, err
}

func (e encoded) decode() (*histogram, error) {
	if e.HDR == "" {
		return &histogram{}, nil
	}
	h, err := hdrhistogram.Decode([]byte(e.HDR))
	switch {
	case err != nil:
		return nil, err
	case h.LowestTrackableValue() != 1 || h.HighestTrackableValue() != longest || h.SignificantFigures() != digits:
		return nil, errors.New("it has another range or precision than this version of spafleet uses")
	case h.TotalCount() != e.Count:
		return nil, fmt.Errorf("it holds %d samples and says %d", h.TotalCount(), e.Count)
	}
	return &histogram{h: h, min: e.Min, max: e.Max, sum: e.Sum}, nil
}

// A Series is the durations of one metric under one set of tags.
type Series struct {
	Name string
	Tags map[string]string
	histogram
}

type seriesJSON struct {
	Name string            `json:"name"`
	Tags map[string]string `json:"tags"`
	encoded
}

// MarshalJSON writes a series with its whole histogram.
func (s Series) MarshalJSON() ([]byte, error) {
	e, err := s.encode()
	if err != nil {
		return nil, fmt.Errorf("histogram of %s: %w", s.Name, err)
	}
	return json.Marshal(seriesJSON{s.Name, s.Tags, e})
}

// UnmarshalJSON reads what MarshalJSON wrote.
func (s *Series) UnmarshalJSON(text []byte) error {
	var j seriesJSON
	if err := json.Unmarshal(text, &j); err != nil {
		return err
	}
	h, err := j.decode()
	if err != nil {
		return fmt.Errorf("histogram of %s: %w", j.Name, err)
	}
	*s = Series{j.Name, j.Tags, *h}
	return nil
}

// Spread returns how the durations lie.
func (s *Series) Spread() Spread { return s.spread() }

// Quantile returns the duration in seconds below which so many percent of the
// samples lie; 0 where there are none.
func (s *Series) Quantile(percent float64) float64 {
	if s.h == nil {
		return 0
	}
	return s.at(percent)
}

// Add adds the samples of another series.
func (s *Series) Add(o *Series) { s.merge(&o.histogram) }

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
	at := h.at
	return Spread{Count: n, Min: float64(h.min) / 1e9, Avg: (float64(h.sum[0])*(1<<64) + float64(h.sum[1])) / float64(n) / 1e9, Med: at(50), P95: at(95), P99: at(99), Max: float64(h.max) / 1e9}
}

// at returns a percentile. A bucket's ends may lie beyond the samples.
func (h *histogram) at(q float64) float64 {
	return max(min(float64(h.h.ValueAtQuantile(q))/1e6, float64(h.max)/1e9), float64(h.min)/1e9)
}
