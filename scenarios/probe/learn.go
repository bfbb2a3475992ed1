package probe

import (
	"context"
	"errors"
)

// readSettings reads the phone's settings from its pages.
func (s *session) readSettings(ctx context.Context) error {
	return errors.New("the phone's settings could not be read: give a file with them by --restore")
}
