package certs

import (
	"bytes"
	"crypto/rsa"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/asn1"
	"encoding/pem"
	"fmt"
	"net"
	"slices"
	"strings"
	"time"

	"spafleet/device/model"
)

// A Description is a certificate for people.
type Description struct {
	Subject    string      `json:"subject"` // as nginx has it in $ssl_client_s_dn: the last attribute first
	Issuer     string      `json:"issuer"`
	Device     *DeviceName `json:"device,omitempty"` // of a device's certificate
	Serial     string      `json:"serial"`
	Signature  string      `json:"signature"` // such as MD5-RSA
	Key        string      `json:"key"`       // such as RSA
	Bits       int         `json:"bits"`      // 0 of a key that is none of RSA
	NotBefore  time.Time   `json:"not_before"`
	NotAfter   time.Time   `json:"not_after"`
	Authority  bool        `json:"authority"`
	Extensions []string    `json:"extensions"`
}

// A DeviceName is what a device's certificate says of it.
type DeviceName struct {
	Model   string `json:"model"` // OU, of the generic certificate a domain
	MAC     string `json:"mac"`   // ST
	Serial  string `json:"serial"`
	Generic bool   `json:"generic"` // it is in every device, and names none
}

// DescribeFile describes the certificates of a file, PEM or DER, in their order.
// Keys are counted, not shown; a file of keys alone has no certificates.
func DescribeFile(data []byte) (list []Description, keys int, err error) {
	list = []Description{}
	for block, rest := pem.Decode(data); block != nil; block, rest = pem.Decode(rest) {
		if strings.HasSuffix(block.Type, "PRIVATE KEY") {
			keys++
		}
	}
	chain, err := DecodeCertificates(data)
	if _, no := x509.ParseCertificate(data); no == nil {
		chain, err = [][]byte{data}, nil
	}
	if err != nil && keys == 0 {
		return nil, 0, err
	}
	for _, raw := range chain {
		d, err := Describe(raw)
		if err != nil {
			return nil, keys, err
		}
		list = append(list, *d)
	}
	return list, keys, nil
}

// Describe describes one certificate, DER.
func Describe(raw []byte) (*Description, error) {
	c, err := ReadCertificate(raw)
	if err != nil {
		return nil, fmt.Errorf("read certificate: %w", err)
	}
	d := &Description{
		Subject: nameText(c.RawSubject), Issuer: nameText(c.RawIssuer), Device: deviceName(c.Subject), Serial: pairs(c.SerialNumber.Bytes()),
		Signature: c.SignatureAlgorithm.String(), Key: c.PublicKeyAlgorithm.String(), NotBefore: c.NotBefore, NotAfter: c.NotAfter,
		Authority: c.IsCA, Extensions: []string{},
	}
	if key, ok := c.PublicKey.(*rsa.PublicKey); ok {
		d.Bits = key.N.BitLen()
	}
	for _, e := range c.Extensions {
		text := c.extensionText(e)
		if e.Critical {
			text += " (critical)"
		}
		d.Extensions = append(d.Extensions, text)
	}
	return d, nil
}

// String returns lines of prose.
func (d *Description) String() string {
	var b strings.Builder
	line := func(label, format string, args ...any) {
		fmt.Fprintf(&b, "%-11s%s\n", label, fmt.Sprintf(format, args...))
	}
	line("subject", "%s", d.Subject)
	line("issuer", "%s", d.Issuer)
	if d.Device != nil {
		line("device", "%s", d.Device)
	}
	line("serial", "%s", d.Serial)
	line("signature", "%s", d.Signature)
	if d.Bits > 0 {
		line("key", "%s, %d bits", d.Key, d.Bits)
	} else {
		line("key", "%s", d.Key)
	}
	line("valid", "%s to %s", d.NotBefore.Format(time.DateTime), d.NotAfter.Format(time.DateTime))
	for _, e := range d.Extensions {
		line("extension", "%s", e)
	}
	return b.String()
}

// String returns the device in words.
func (n *DeviceName) String() string {
	if n.Generic {
		return "none: the generic certificate, which is in every device"
	}
	return fmt.Sprintf("%s, MAC %s, serial %s", n.Model, n.MAC, n.Serial)
}

// deviceName returns the device of a subject; nil where it is none's. The CN
// tells a device: it says MAC and serial number a second time.
func deviceName(s pkix.Name) *DeviceName {
	if len(s.Province) != 1 || len(s.Locality) != 1 || len(s.OrganizationalUnit) != 1 {
		return nil
	}
	n := &DeviceName{Model: s.OrganizationalUnit[0], MAC: s.Province[0], Serial: s.Locality[0]}
	if !strings.HasSuffix(s.CommonName, ", MAC: "+n.MAC+", Serial: "+n.Serial) {
		return nil
	}
	_, err := model.ParseMAC(n.MAC)
	n.Generic = err != nil
	return n
}

// pairs returns bytes in hexadecimal, joined by colons.
func pairs(b []byte) string {
	return strings.ReplaceAll(fmt.Sprintf("% X", b), " ", ":")
}

// nameText returns a name as RFC 2253 writes it.
func nameText(raw []byte) string {
	var sets pkix.RDNSequence
	if _, err := asn1.Unmarshal(raw, &sets); err != nil {
		return "unreadable"
	}
	var parts []string
	for _, set := range slices.Backward(sets) {
		var values []string
		for _, a := range slices.Backward(set) {
			values = append(values, label(a.Type)+"="+escaped(fmt.Sprint(a.Value)))
		}
		parts = append(parts, strings.Join(values, "+"))
	}
	return strings.Join(parts, ",")
}

func label(id asn1.ObjectIdentifier) string {
	for _, k := range kinds {
		if bytes.Equal(k.oid, oid(id...)) {
			return k.label
		}
	}
	return id.String()
}

// escaped puts a backslash before what would end a value, and writes what is not
// ASCII as OpenSSL does.
func escaped(value string) string {
	var b strings.Builder
	for i := range len(value) {
		c := value[i]
		switch {
		case c < ' ' || c >= 0x7f:
			fmt.Fprintf(&b, `\%02X`, c)
			continue
		case strings.IndexByte(`,+"\<>;`, c) >= 0, i == 0 && c == '#', c == ' ' && (i == 0 || i == len(value)-1):
			b.WriteByte('\\')
		}
		b.WriteByte(c)
	}
	return b.String()
}

// extensionTexts say what an extension holds, by its identifier.
var extensionTexts = []struct {
	id   []byte
	text func(c *Certificate, value []byte) string
}{
	{oidBasicConstraints, func(c *Certificate, _ []byte) string {
		return "basicConstraints CA:" + strings.ToUpper(fmt.Sprint(c.IsCA))
	}},
	{oidNetscapeComment, func(_ *Certificate, value []byte) string {
		_, text, _, _ := element(value)
		return fmt.Sprintf("nsComment %q", text)
	}},
	{oidSubjectKeyID, func(c *Certificate, _ []byte) string { return "subjectKeyIdentifier " + pairs(c.SubjectKeyId) }},
	{oidAuthorityKeyID, func(c *Certificate, _ []byte) string {
		text := "authorityKeyIdentifier " + pairs(c.AuthorityKeyId)
		if c.keySerial != nil {
			text += ", serial " + pairs(bytes.TrimPrefix(c.keySerial, []byte{0}))
		}
		return text
	}},
	{oidNetscapeType, func(c *Certificate, _ []byte) string {
		return "nsCertType " + chosen(int(c.netscape), "object CA", "S/MIME CA", "SSL CA", "", "object", "S/MIME", "SSL server", "SSL client")
	}},
	{oidKeyUsage, func(c *Certificate, _ []byte) string {
		return "keyUsage " + chosen(int(c.KeyUsage), "digitalSignature", "nonRepudiation", "keyEncipherment", "dataEncipherment", "keyAgreement", "keyCertSign", "cRLSign")
	}},
	{oidExtKeyUsage, func(c *Certificate, _ []byte) string { return "extendedKeyUsage " + purposes(c.Certificate) }},
	{oidSubjectAltName, func(c *Certificate, _ []byte) string {
		return "subjectAltName " + alternatives(c.DNSNames, c.IPAddresses)
	}},
}

func (c *Certificate) extensionText(e pkix.Extension) string {
	for _, x := range extensionTexts {
		if bytes.Equal(x.id, oid(e.Id...)) {
			return x.text(c, e.Value)
		}
	}
	return fmt.Sprintf("%s, %d bytes", e.Id, len(e.Value))
}

// chosen names the bits that are set, the lowest first.
func chosen(set int, names ...string) string {
	var list []string
	for i, name := range names {
		if set&(1<<i) != 0 && name != "" {
			list = append(list, name)
		}
	}
	return strings.Join(list, ", ")
}

func purposes(c *x509.Certificate) string {
	var list []string
	for _, u := range c.ExtKeyUsage {
		list = append(list, u.String())
	}
	for _, id := range c.UnknownExtKeyUsage {
		list = append(list, id.String())
	}
	return strings.Join(list, ", ")
}

func alternatives(hosts []string, addresses []net.IP) string {
	var list []string
	for _, h := range hosts {
		list = append(list, "DNS:"+h)
	}
	for _, a := range addresses {
		list = append(list, "IP:"+a.String())
	}
	return strings.Join(list, ", ")
}
