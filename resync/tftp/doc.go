// Package tftp is the devices' TFTP client without its sockets: RFC 1350 with the
// tries and waits of their firmware. [Client] speaks over a packet socket that it
// is given, which may be a real one or one of virtual time.
package tftp
