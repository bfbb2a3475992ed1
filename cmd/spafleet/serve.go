package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net/netip"
	"os"
	"path/filepath"
	"regexp"

	"github.com/spf13/cobra"

	"spafleet/device/model"
	"spafleet/prov"
)

// mostTransfers is how many transfers serve has under way at once.
const mostTransfers = 256

// serveFlags are the directory and the addresses to serve it at.
type serveFlags struct {
	root, tftp, http string
	json             bool
	secure           secureFlags
	sip, sipPassword string
	access           accessLog
}

func serveCommand(s streams) *cobra.Command {
	f := &serveFlags{}
	c := &cobra.Command{
		Use:   "serve --root DIR",
		Short: "Serve a folder of profiles by TFTP and HTTP; show each request",
		Long: `Serves the files of a folder by TFTP and HTTP and prints one line for each request,
until Ctrl-C. Each request reads the file again, so you can edit it meanwhile.

A file name may contain macros. It then answers every path that some device could
ask for:

  $MA   000e08012345         $PN   SPA-2102, as in the User-Agent
  $MAU  000E08012345         $PSN  2102
  $MAC  00:0e:08:01:23:45    $SN   the serial number

For example, spa$PSN.cfg answers /spa2102.cfg, and cfg/$MA.xml answers a path for
each device. A file with exactly the requested name is preferred.

In text files these are replaced:

  {{ma}} {{mau}} {{sn}} {{pn}} {{psn}}   the device, as above
  {{ip}}                                 its address
  {{server}}                             this server, as the device names it
  {{tftp}} {{http}}                      the same with the port: 127.0.0.1:6969

Unknown values are not replaced, and neither is $MA inside a file: the device reads
it. Files above 1 MiB are sent as they are. At most 256 transfers run at once; the
next wait. Uploads (PUT and POST) are accepted and counted, but not stored.

--https serves SSL 3.0 to TLS 1.2 too. The old versions are for devices that know no
newer one, and protect nothing. The certificate is signed by a test authority, from
--certs or built in; devices of 'spafleet run', with the same --certs, trust it.

--sip is a registrar over UDP: it accepts each REGISTER, with --sip-password only after
a Digest challenge. It connects no calls.`,
		Example: `  spafleet serve --root ./profiles
  spafleet serve --root . --tftp 0.0.0.0:69 --http 0.0.0.0:80
  spafleet serve --root . --https 127.0.0.1:8443 \
      --https ciscosb1=127.0.0.1:8444 --https-client match
  spafleet serve --root ./profiles --sip 127.0.0.1:5060 --sip-password secret
  spafleet serve --root . --tftp '' --http 127.0.0.1:0 --json | jq -r .path`,
		Args: noArgs,
	}
	c.Flags().StringVar(&f.root, "root", "", "`DIR` with the files")
	c.Flags().StringVar(&f.tftp, "tftp", "127.0.0.1:6969", "`ADDRESS` of the TFTP server; port 0 for a free one, '' for none")
	c.Flags().StringVar(&f.http, "http", "127.0.0.1:8080", "`ADDRESS` of the HTTP server; port 0 for a free one, '' for none")
	f.secure.register(c.Flags())
	c.Flags().StringVar(&f.sip, "sip", "", "`ADDRESS` of a SIP registrar; port 0 for a free one (default: none)")
	c.Flags().StringVar(&f.sipPassword, "sip-password", "", "`PASSWORD` that the registrar asks every user for")
	c.Flags().StringVar(&f.access.name, "access-log", "", aboutAccessLog)
	c.Flags().BoolVar(&f.json, "json", false, "print one JSON object per line")
	_ = c.MarkFlagDirname("root")
	c.RunE = func(c *cobra.Command, _ []string) error { return f.serve(c.Context(), s.out) }
	return c
}

// serve runs the server until ctx ends.
func (f *serveFlags) serve(ctx context.Context, w io.Writer) error {
	if err := f.check(); err != nil {
		return err
	}
	log := &requestLog{w: w, json: f.json}
	if err := f.access.open(); err != nil {
		return err
	}
	core, err := prov.Dir(f.root, prov.DirOptions{Log: func(l prov.Line) {
		log.tell(l)
		f.access.tell(l)
	}})
	if err != nil {
		return errors.Join(err, f.access.close())
	}
	defer core.Close()
	server := &prov.Server{Core: core, TFTPAddr: f.tftp, HTTPAddr: f.http, MaxTransfers: mostTransfers}
	if server.HTTPS, err = f.secure.listeners(); err != nil {
		return err
	}
	registrar := f.registrar(log)
	defer registrar.Close()
	if err := log.hello(f.root, server, registrar); err != nil {
		return errors.Join(fmt.Errorf("serve %s: %w", f.root, err), f.access.close())
	}
	<-ctx.Done()
	server.Close()
	log.bye()
	if err := f.access.close(); err != nil {
		return &notKept{err}
	}
	return nil
}

// registrar returns the SIP registrar of the flags, nil for none.
func (f *serveFlags) registrar(log *requestLog) *prov.SIPServer {
	if f.sip == "" {
		return nil
	}
	s := &prov.SIPServer{Addr: f.sip, Options: prov.RegistrarOptions{Log: log.tell}}
	if f.sipPassword != "" {
		s.Options.Password = func(string, netip.Addr) (string, bool) { return f.sipPassword, true }
	}
	return s
}

func (f *serveFlags) check() error {
	if f.sip == "" && f.sipPassword != "" {
		return fmt.Errorf("serve: --sip-password is for the registrar: add --sip ADDRESS, such as --sip 127.0.0.1:5060")
	}
	if f.root == "" {
		return fmt.Errorf("serve: give --root, the folder with the files, such as --root ./profiles")
	}
	if f.tftp == "" && f.http == "" && f.sip == "" && len(f.secure.at) == 0 {
		return fmt.Errorf("serve: --tftp and --http are empty and there is neither --https nor --sip; give at least one")
	}
	info, err := os.Stat(f.root)
	if err != nil {
		return fmt.Errorf("serve: --root: %w; give the folder with the files", err)
	}
	if !info.IsDir() {
		return fmt.Errorf("serve: --root %s is a file; give its folder: --root %s", f.root, filepath.Dir(f.root))
	}
	return nil
}

// curlExample is a command that fetches a file which is there.
func curlExample(scheme string, at netip.AddrPort, root string) string {
	file := exampleFile(root)
	if file == "" {
		return ""
	}
	if at.Addr().IsUnspecified() {
		at = netip.AddrPortFrom(netip.AddrFrom4([4]byte{127, 0, 0, 1}), at.Port())
	}
	return fmt.Sprintf("curl %s://%s/%s", scheme, at, file)
}

// plainName is names that a shell and a URL take as they are.
var plainName = regexp.MustCompile(`\A[0-9A-Za-z_][0-9A-Za-z_./-]*\z`)

// exampleFile returns the first file below a directory, or where all are named
// by macros, what one of them is called for a device; "" where there is none.
func exampleFile(root string) string {
	row, err := model.NewRow("SPA2102", "", nil)
	if err != nil {
		return ""
	}
	u := exampleUnit(row)
	plain, expanded := "", ""
	// What cannot be read makes no example.
	_ = fs.WalkDir(os.DirFS(root), ".", func(name string, entry fs.DirEntry, err error) error {
		if err != nil || !entry.Type().IsRegular() {
			return nil
		}
		if plainName.MatchString(name) {
			plain = name
			return fs.SkipAll
		}
		if path := expandFor(&u, name); expanded == "" && plainName.MatchString(path) {
			expanded = path
		}
		return nil
	})
	if plain != "" {
		return plain
	}
	return expanded
}
