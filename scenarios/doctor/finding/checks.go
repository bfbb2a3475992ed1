package finding

import "slices"

// A Check is one thing that the doctor looks at, with each device. The ID is stable:
// reports, JUnit and docs name a check by it.
type Check struct {
	ID    string
	Area  string // what it is about: one of Areas
	Title string // a few words: what holds where it is OK
	About string // what is looked at, and why it matters to these devices
	Cures []Cure
}

// A Cure is what mends a server that a check finds fault with.
type Cure struct {
	Server string // nginx, Apache or HAProxy; empty: any
	Text   string // the setting, or a sentence
}

// Areas are those of the checks, in their order.
func Areas() []string {
	var list []string
	for _, c := range Checks {
		if !slices.Contains(list, c.Area) {
			list = append(list, c.Area)
		}
	}
	return list
}

// Find returns the check with an ID.
func Find(id string) (Check, bool) {
	i := Place(id)
	if i == len(Checks) {
		return Check{}, false
	}
	return Checks[i], true
}

// Place returns the place of a check in the table; one that it lacks is behind the last.
func Place(id string) int {
	i := slices.IndexFunc(Checks, func(c Check) bool { return c.ID == id })
	if i < 0 {
		return len(Checks)
	}
	return i
}

// The settings that let old devices in (tls.md §4.4, measured with OpenSSL 3.0,
// nginx 1.22, Apache 2.4 and HAProxy 2.6).
var (
	oldVersions = []Cure{
		{"nginx", `ssl_protocols TLSv1 TLSv1.1 TLSv1.2; and @SECLEVEL=0 in ssl_ciphers`},
		{"Apache", `SSLProtocol +TLSv1 +TLSv1.1 +TLSv1.2 and @SECLEVEL=0 in SSLCipherSuite`},
		{"HAProxy", `bind … ssl ssl-min-ver TLSv1.0 and @SECLEVEL=0 in ciphers`},
	}
	oldSuites = []Cure{
		{"nginx", `ssl_ciphers "AES256-SHA:AES128-SHA:@SECLEVEL=0";`},
		{"Apache", `SSLCipherSuite AES256-SHA:AES128-SHA:@SECLEVEL=0`},
		{"HAProxy", `bind … ssl ciphers AES256-SHA:AES128-SHA:@SECLEVEL=0`},
		{"", "OpenSSL 3 has no RC4 and no 3DES: a device with those alone needs another TLS library in front, or HTTP with an encrypted profile"},
	}
	shortPrime = []Cure{
		{"nginx", `leave ssl_dhparam out, or give it 1,024 bits; name no DHE suite in ssl_ciphers`},
		{"Apache", `SSLCipherSuite AES256-SHA:AES128-SHA:@SECLEVEL=0, which has no DHE: mod_ssl else takes a prime as long as the server's key`},
		{"HAProxy", `leave ssl-dh-param-file and tune.ssl.default-dh-param out, or set 1024; name no DHE suite in ciphers`},
	}
	otherCertificate = []Cure{
		{"nginx", `ssl_certificate and ssl_certificate_key, in the default_server of the address and port: these devices send no server name`},
		{"Apache", `SSLCertificateFile and SSLCertificateKeyFile, in the first VirtualHost of the address and port: these devices send no server name`},
		{"HAProxy", `bind … ssl crt FILE, the first one: these devices send no server name`},
	}
	wholeChain = []Cure{
		{"nginx", `ssl_certificate FILE: the server's certificate first, then each intermediate one, in one file`},
		{"Apache", `SSLCertificateFile FILE: the server's certificate first, then each intermediate one, in one file`},
		{"HAProxy", `bind … crt FILE: the server's certificate, each intermediate one, then the key, in one file`},
	}
	clientRoots = []Cure{
		{"nginx", `ssl_client_certificate FILE with all client authorities; ssl_verify_client on; ssl_verify_depth 2; and @SECLEVEL=0 in ssl_ciphers`},
		{"Apache", `SSLCACertificateFile FILE with all client authorities; SSLVerifyClient require in the VirtualHost, not in a Directory; @SECLEVEL=0 in SSLCipherSuite`},
		{"HAProxy", `bind … ssl ca-file FILE with all client authorities, verify required; @SECLEVEL=0 in ciphers`},
		{"", "a mixed fleet needs three client authorities: Sipura 1, Cisco Small Business 1 and 2"},
	}
	answers404 = []Cure{
		{"nginx", `try_files $uri =404; and no error_page that answers 200`},
		{"Apache", `FallbackResource disabled for the folder of the profiles, and no RewriteRule to an index page there; an ErrorDocument with a full URL makes a redirect of 404`},
		{"HAProxy", `no http-response return and no errorfile that answers 200 in place of 404`},
	}
	noRedirect = []Cure{
		{"nginx", `serve the profiles in the server block of port 80 too, and return 301 for other paths only`},
		{"Apache", `leave the folder of the profiles out of Redirect and RewriteRule`},
		{"HAProxy", `http-request redirect scheme https unless { ssl_fc } || { path_beg /PROFILES/ }`},
	}
	plainBody = []Cure{
		{"nginx", `gzip off; and gzip_static off; for the folder of the profiles`},
		{"Apache", `SetEnv no-gzip 1 for the folder of the profiles; AddEncoding for none of their names`},
		{"HAProxy", `no compression filter in the backend of the profiles`},
	}
	inFile = []Cure{{"", "it is in the profile, not in the server's settings: 'spafleet profile lint' names each line"}}
)

// Checks are all checks, in the order in which reports show them.
var Checks = []Check{
	{"reachable", "reach", "the server answers",
		"The name resolves, the port accepts a connection, and an answer comes in time.",
		[]Cure{
			{"nginx", "listen 80; and listen 443 ssl; on the address that the name resolves to"},
			{"Apache", "Listen 80 and Listen 443, on the address that the name resolves to"},
			{"HAProxy", "bind :80 and bind :443 ssl, on the address that the name resolves to"},
		}},
	{"tls-version", "TLS", "a version of TLS that the firmware speaks",
		"Most of these devices speak TLS 1.0 and nothing later. OpenSSL 3 speaks it at security level 0 only.", oldVersions},
	{"tls-suite", "TLS", "a cipher suite that the firmware has",
		"The firmware offers AES, RC4 or 3DES with RSA or DHE key exchange: no ECDHE and no GCM.", oldSuites},
	{"tls-key-exchange", "TLS", "a key exchange that the firmware can do",
		"Older firmware ends a DHE handshake if the prime has more than 1,024 bits.", shortPrime},
	{"cert-signature", "certificate", "certificates signed with a hash that the firmware knows",
		"Older firmware reads MD5 and SHA-1 signatures only. This holds for the server's certificate and for those above it.",
		append([]Cure{{"", "have the server's certificate signed with SHA-1, or give it to newer devices alone, at an address of their own"}}, otherCertificate...)},
	{"cert-root", "certificate", "an authority that the device trusts",
		"Each family trusts the authorities of its maker and few others. No public authority is among them.",
		append([]Cure{{"", "use a certificate of an authority that all families trust, or name yours in Custom_CA_Rule where a model has it"}}, otherCertificate...)},
	{"cert-chain", "certificate", "a complete chain of certificates",
		"The device has root certificates only: the server must send each one between its own and the root.", wholeChain},
	{"cert-name", "certificate", "a certificate with the name in the URL",
		"The device compares the CN with the host in its URL. It looks at no subjectAltName and knows no wildcard.",
		append([]Cure{{"", "the CN must be the host of the URL, letter by letter; or write the CN's host into Profile_Rule"}}, otherCertificate...)},
	{"cert-dates", "certificate", "certificates that are valid today",
		"Firmware from 7.6.2 on refuses certificates that have ended, older firmware does not look.", otherCertificate},
	{"client-cert", "certificate", "the server takes the device's certificate",
		"A server that asks for a client certificate must know the authority that made the device's, and take its MD5 or SHA-1 signature.", clientRoots},
	{"redirect", "HTTP", "redirects that the firmware follows",
		"Old firmware follows no redirect. Newer firmware follows 301 and 302 to absolute addresses.", noRedirect},
	{"auth", "HTTP", "no password that the device does not have",
		"The device answers 401 with the name and password of its profile rule, if its firmware can, and has none otherwise.",
		[]Cure{
			{"nginx", "auth_basic off; for the folder of the profiles, or --uid and --pwd in the profile rule of newer firmware"},
			{"Apache", "Require all granted for the folder of the profiles, or --uid and --pwd in the profile rule of newer firmware"},
			{"HAProxy", "http-request auth unless { path_beg /PROFILES/ }, or --uid and --pwd in the profile rule of newer firmware"},
		}},
	{"content-type", "HTTP", "a content type that fits a file",
		"As far as is known the devices look at the bytes and not at the type. An unexpected type is a sign that something else than the file was sent.",
		[]Cure{
			{"nginx", `types { text/xml xml; application/octet-stream cfg bin; }`},
			{"Apache", `AddType text/xml .xml and AddType application/octet-stream .cfg .bin`},
			{"HAProxy", "the server behind it sets the type"},
		}},
	{"encoding", "HTTP", "a body that is encoded as the device reads it",
		"The device knows gzip by the first bytes of a file. It asks for no encoding of the transfer, and older firmware undoes none.", plainBody},
	{"chunked", "HTTP", "a body of a length that the device can tell",
		"Firmware 7.6.2 reads a chunked body (field). Whether older firmware does is not known, so Content-Length is the safe way.",
		[]Cure{
			{"nginx", "chunked_transfer_encoding off; and gzip off; for the folder of the profiles"},
			{"Apache", `SetEnv downgrade-1.0 1 for the folder of the profiles, or have scripts send Content-Length`},
			{"HAProxy", "it passes chunks on: the server behind it must send Content-Length"},
		}},
	{"file-found", "files", "a file for the device",
		"The path that the profile rule gives, with this device's macros, leads to a file.",
		[]Cure{
			{"nginx", `root FOLDER; and file names in the case of the macros: $MA gives small letters, $MAU and $PN give capitals`},
			{"Apache", "DocumentRoot FOLDER, and file names in the case of the macros: $MA gives small letters, $MAU and $PN give capitals"},
			{"HAProxy", "see that use_backend sends these paths to the server that has the files"},
		}},
	{"missing-file", "files", "404 for a file that does not exist",
		"A device takes 200 for success. A page of text with it becomes a corrupt file, or is taken for a profile.", answers404},
	{"profile-xml", "profile", "a profile that the device can read",
		"The file opens: it is XML as the device reads it, compressed or encrypted as it knows, and fits its buffer.", inFile},
	{"profile-parameters", "profile", "parameters and values that the firmware has",
		"The device ignores names and values that it does not know, and says nothing.", inFile},
	{"profile-secrets", "profile", "no passwords that everyone on the way can read",
		"A profile with passwords that comes in clear text, by TFTP or HTTP, shows them to everyone on the way and to everyone who asks.",
		[]Cure{{"", "encrypt the profile (spafleet profile encrypt) and give the rule its --key, or serve it by HTTPS with client certificates"}}},
	{"profile-periods", "profile", "times between resyncs that the server can bear",
		"Short times in Resync_Periodic, Resync_Error_Retry_Delay or Forced_Resync_Delay let each device ask all day.",
		[]Cure{{"", "set Resync_Periodic to an hour or more, with a random part, and Resync_Error_Retry_Delay to ten minutes or more"}}},
	{"profile-reboots", "profile", "no reboot at each resync",
		"The same file a second time must change nothing. A value that the device reads differently from how it is written reboots it at each resync.", inFile},
	{"upgrade", "upgrade", "a firmware image that the device can load",
		"Where the profile names another firmware, the image is there, is for this model, and the step is one that the firmware can take.",
		[]Cure{
			{"nginx", "serve the image as application/octet-stream with Content-Length, and without gzip"},
			{"Apache", "serve the image as application/octet-stream with Content-Length, and without gzip"},
			{"HAProxy", "timeout client and timeout server above the time that the image takes"},
		}},
}
