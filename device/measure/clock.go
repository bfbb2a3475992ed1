package measure

import (
	"fmt"
	"time"
)

// Clock is a time of a day, or of more, in hours and minutes: 13:05.
func Clock(d time.Duration) string {
	m := int(d / time.Minute)
	return fmt.Sprintf("%d:%02d", m/60, m%60)
}
