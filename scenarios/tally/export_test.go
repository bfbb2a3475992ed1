package tally

// The last result and the last reason that series are made for.
const (
	LastResult = lastResult
	LastReason = lastReason
)
