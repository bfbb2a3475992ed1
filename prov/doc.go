// Package prov is a provisioning server to test devices against.
//
// A [Core] answers requests without sockets: [NewCore] serves entries from
// memory, with paths that name the device, per-device texts and keys; [Dir]
// serves a directory as it is. A fleet in virtual time asks the core itself.
// A [Server] puts a core behind TFTP and HTTP.
//
// Paths are the devices' own macros read backwards: the path /$MA.xml answers
// /000e08012345.xml and tells which device asks.
package prov
