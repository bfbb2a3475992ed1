package main

import (
	"errors"
	"fmt"
	"io"
	"os"
	"time"

	"github.com/spf13/pflag"

	"spafleet/device/model"
	"spafleet/resync/capture"
)

// captureFlags say whose packets are kept, and where.
type captureFlags struct {
	pcap, keys string // files; "": none
	of         []string
}

func (f *captureFlags) register(flags *pflag.FlagSet) {
	flags.StringVar(&f.pcap, "pcap", "", "write what the devices send and receive to this `FILE`, for Wireshark; 256 MB at most")
	flags.StringVar(&f.keys, "keylog", "", "write the secrets of their TLS connections to this `FILE`, with which Wireshark decrypts them")
	flags.StringSliceVar(&f.of, "of", nil, "of these devices alone, `MAC` addresses with commas between them (default: all)")
}

// open makes the files, and returns how to close them.
func (f *captureFlags) open() (file *capture.File, finish func() error, err error) {
	none := func() error { return nil }
	if f.pcap == "" && f.keys == "" {
		if len(f.of) > 0 {
			return nil, none, errors.New("--of says whose packets --pcap and --keylog keep: give one of them")
		}
		return nil, none, nil
	}
	var devices []model.MAC
	for _, text := range f.of {
		mac, err := model.ParseMAC(text)
		if err != nil {
			return nil, none, fmt.Errorf("--of %q is not a MAC address", text)
		}
		devices = append(devices, mac)
	}
	files := map[string]*os.File{}
	closeAll := func(err error) error {
		for _, one := range files {
			err = errors.Join(err, one.Close())
		}
		return err
	}
	for flag, name := range map[string]string{"--pcap": f.pcap, "--keylog": f.keys} {
		if name == "" {
			continue
		}
		one, err := os.OpenFile(name, os.O_CREATE|os.O_TRUNC|os.O_WRONLY, 0o600)
		if err != nil {
			return nil, none, closeAll(fmt.Errorf("%s: %w", flag, err))
		}
		files[flag] = one
	}
	file, err = capture.New(writer(files["--pcap"]), writer(files["--keylog"]), devices, 0, time.Now)
	if err != nil {
		return nil, none, closeAll(fmt.Errorf("--pcap: %w", err))
	}
	return file, func() error {
		if err := closeAll(file.Close()); err != nil {
			return fmt.Errorf("the capture is not whole: %w", err)
		}
		return nil
	}, nil
}

// writer returns a file as a writer; nil where there is none.
func writer(f *os.File) io.Writer {
	if f == nil {
		return nil
	}
	return f
}
