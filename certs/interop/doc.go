// Package field holds tests and nothing else: emulated devices provision by HTTPS
// from nginx, Apache, HAProxy, OpenSSL's s_server and NSS' selfserv, and from the
// project's own server where none of those can play the part. What the device
// logs and what the server logs are compared with what operators saw in the
// field (tls.md §2.2, §3.3).
//
// A setup is a server's configuration, in no server's words: setup_test.go. The
// files named after the servers say it in theirs. A visit is one resync of one
// device: visit_test.go. Servers are started once, all configurations at the same
// time, and every visit has an address of its own, by which its lines are found
// in the servers' logs. What comes of a visit is compared, too, with what
// Devices.Judge of package certs says without a handshake: judge_test.go.
package interop
