//go:build !unix

package host

import "time"

// CPUTime returns the processor time that this process has had; 0 where the system
// does not tell.
func CPUTime() time.Duration { return 0 }
