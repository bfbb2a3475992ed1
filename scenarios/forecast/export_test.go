package forecast

// The forecast's figures, for the test that measures them.
const (
	FreshBytes = freshBytes
	OwnBytes   = ownBytes
)
