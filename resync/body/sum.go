package body

import "hash/maphash"

// A Sum stands for the bytes of a body, in this process only. Zero stands for none.
type Sum uint64

var seed = maphash.MakeSeed()

// SumOf returns the sum of a body.
func SumOf(body []byte) Sum { return Sum(max(maphash.Bytes(seed, body), 1)) }
