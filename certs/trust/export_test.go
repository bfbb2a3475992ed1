package trust

// Numbers of OpenSSL that tests compare with.
const (
	UnreadableChain = unreadable
	ChainTooLong    = chainTooLong
)
