package certs

import (
	"crypto/x509"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"software.sslmate.com/src/go-pkcs12"

	"spafleet/certs/ssl"
	"spafleet/device/model"
)

// Material is certificates and keys that the user brings for devices of certain
// MAC addresses. It is filled first; then many goroutines may read it.
type Material struct {
	// Passphrase opens the PKCS #12 files of AddFiles.
	Passphrase string

	files map[model.MAC]*files
	given map[model.MAC]*ssl.Certificate
	read  onceCache[model.MAC, *ssl.Certificate]
}

// files are what a folder has for a MAC address: one file with both, or two.
type files struct {
	both, cert, key string
	passphrase      string // of a PKCS #12 file
}

// ReadMaterial lists the folder's files that are named after a MAC address, such
// as 000e08012345: .pem or .crt with .key, .pem alone with both in it, .p12 or
// .pfx for PKCS #12, which the passphrase opens. Other files are passed over. The
// error names all files with wrong names; the files are read when a device needs
// them.
func ReadMaterial(dir, passphrase string) (*Material, error) {
	entries, err := os.ReadDir(dir)
	if err != nil {
		return nil, fmt.Errorf("read devices' certificates: %w", err)
	}
	m := &Material{Passphrase: passphrase, files: map[model.MAC]*files{}}
	var wrong []error
	for _, e := range entries {
		extension := filepath.Ext(e.Name())
		mac, err := model.ParseMAC(strings.TrimSuffix(e.Name(), extension))
		if err != nil || !slices.Contains(extensions, strings.ToLower(extension)) {
			continue
		}
		if m.files[mac] == nil {
			m.files[mac] = &files{passphrase: passphrase}
		}
		if err := m.files[mac].add(filepath.Join(dir, e.Name()), strings.ToLower(extension)); err != nil {
			wrong = append(wrong, err)
		}
	}
	for mac, f := range m.files {
		if f.cert == "" && f.both == "" {
			wrong = append(wrong, fmt.Errorf("%s has no certificate beside it: want %s.crt or .pem", f.key, mac))
		}
	}
	switch {
	case len(wrong) > 0:
		slices.SortFunc(wrong, func(a, b error) int { return strings.Compare(a.Error(), b.Error()) })
		return nil, fmt.Errorf("read devices' certificates: %w", errors.Join(wrong...))
	case len(m.files) == 0:
		return nil, fmt.Errorf("read devices' certificates: %s has no file such as 000e08012345.pem or 000e08012345.p12", dir)
	}
	return m, nil
}

// extensions are those of certificates and keys.
var extensions = []string{".pem", ".crt", ".cer", ".key", ".p12", ".pfx"}

// add notes a file; the device must not have another one for the same use.
func (f *files) add(name, extension string) error {
	at, rivals := &f.cert, []string{f.cert, f.both}
	switch extension {
	case ".key":
		at, rivals = &f.key, []string{f.key, f.both}
	case ".p12", ".pfx":
		at, rivals = &f.both, []string{f.both, f.cert, f.key}
	}
	for _, other := range rivals {
		if other != "" {
			return fmt.Errorf("%s: the device has another file already, %s", name, other)
		}
	}
	*at = name
	return nil
}

// Include adds the other's certificates. Where both have a device, the other's counts.
func (m *Material) Include(other *Material) {
	for mac, f := range other.files {
		if m.files == nil {
			m.files = map[model.MAC]*files{}
		}
		m.files[mac] = f
	}
	for mac, c := range other.given {
		if m.given == nil {
			m.given = map[model.MAC]*ssl.Certificate{}
		}
		m.given[mac] = c
	}
}

// AddFiles gives a device the files of its certificate and key; key is empty where one
// file has both. It replaces what the device had. The files are read when the device
// needs them: .p12 and .pfx as PKCS #12, which the passphrase opens, others as PEM.
func (m *Material) AddFiles(mac model.MAC, cert, key string) {
	if m.files == nil {
		m.files = map[model.MAC]*files{}
	}
	delete(m.given, mac)
	switch strings.ToLower(filepath.Ext(cert)) {
	case ".p12", ".pfx":
		m.files[mac] = &files{both: cert, passphrase: m.Passphrase}
	default:
		m.files[mac] = &files{cert: cert, key: key}
	}
}

// Add gives a device a certificate and its key, which may be any signer. It replaces
// what the device had.
func (m *Material) Add(mac model.MAC, c *ssl.Certificate) error {
	if len(c.Chain) == 0 {
		return fmt.Errorf("device %s: no certificate", mac)
	}
	if err := belong(c.Chain[0], c.Key); err != nil {
		return fmt.Errorf("device %s: %w", mac, err)
	}
	if m.given == nil {
		m.given = map[model.MAC]*ssl.Certificate{}
	}
	m.given[mac] = c
	return nil
}

// has reports whether it has a certificate for a device. A nil Material has none.
func (m *Material) has(mac model.MAC) bool {
	return m != nil && (m.given[mac] != nil || m.files[mac] != nil)
}

// certificate returns the certificate of a device for which has is true. A device
// sends one certificate and no chain (field).
func (m *Material) certificate(mac model.MAC, keep int) (*ssl.Certificate, error) {
	if c := m.given[mac]; c != nil {
		return c, nil
	}
	return m.read.get(mac, keep, func() (*ssl.Certificate, error) {
		c, err := m.files[mac].read()
		if err != nil {
			return nil, err
		}
		return &ssl.Certificate{Chain: c.Chain[:1], Key: c.Key}, nil
	})
}

func (f *files) read() (*ssl.Certificate, error) {
	switch {
	case f.both != "":
		return readPKCS12(f.both, f.passphrase)
	case f.key != "":
		return readPair(f.cert, f.key)
	}
	return readPair(f.cert, f.cert)
}

// readPKCS12 reads a key with its certificate. Nothing of either is in the error.
func readPKCS12(name, passphrase string) (*ssl.Certificate, error) {
	data, err := readFile(name)
	if err != nil {
		return nil, err
	}
	c, err := decodePKCS12(data, passphrase)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", name, err)
	}
	return c, nil
}

func decodePKCS12(data []byte, passphrase string) (*ssl.Certificate, error) {
	private, cert, above, err := pkcs12.DecodeChain(data, passphrase)
	switch {
	case errors.Is(err, pkcs12.ErrIncorrectPassword):
		return nil, errors.New("the passphrase does not open it")
	case err != nil:
		return nil, errors.New("not PKCS #12 with one key and its certificate")
	}
	key, err := signerOf(private)
	if err != nil {
		return nil, err
	}
	if err := belong(cert.Raw, key); err != nil {
		return nil, err
	}
	return &ssl.Certificate{Chain: rawOf(append([]*x509.Certificate{cert}, above...)), Key: key}, nil
}

func rawOf(certs []*x509.Certificate) [][]byte {
	var raw [][]byte
	for _, c := range certs {
		raw = append(raw, c.Raw)
	}
	return raw
}
