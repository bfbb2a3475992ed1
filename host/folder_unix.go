//go:build unix

package host

import (
	"errors"
	"os"
	"syscall"
)

// syncFolder has a folder's entries on the disk, where its file system can do that.
func syncFolder(name string) error {
	folder, err := os.Open(name)
	if err != nil {
		return err
	}
	defer folder.Close()
	if err := folder.Sync(); err != nil && !errors.Is(err, syscall.EINVAL) && !errors.Is(err, syscall.ENOTSUP) {
		return err
	}
	return nil
}
