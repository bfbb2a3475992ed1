package trust

// Numbers of OpenSSL that tests compare with.
const (
	UnreadableChain = unreadable
	Expired         = expired
	ChainTooLong    = chainTooLong
)
