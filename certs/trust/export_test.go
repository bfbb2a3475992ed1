package trust

// Numbers of OpenSSL that tests compare with.
const (
	Unreadable   = unreadable
	Expired      = expired
	ChainTooLong = chainTooLong
)
