// Package profile reads and writes the files that a provisioning server hands
// to a device: the open XML form, gzip around it, AES-256 as openssl enc wrote
// it, the text that the vendor's compiler takes, and a container of our own
// for files that are addressed to one device.
//
// Start with [Decode]: it opens whatever a server sent and answers either every
// parameter that the file names or the text that the device would put in $ERR.
// [Gzip], [Encrypt] and [Compile] make such files, [Describe] tells
// a person what a file is without opening it. [Export] and [Nest] have the
// forms that devices and the vendor's compiler write.
//
// The package knows parameters by name only; whether a device has such a
// parameter, and what its value means, is decided above. It does no I/O of its
// own and draws no random numbers: salts come in as arguments.
//
// Comments cite certainty as documented (the maker says so), field (seen in
// files or text strings of real devices) or inferred (our reading).
//
// # The container
//
// The vendor's compiled binary is not public: it is recognised by its tag and
// refused, unless [Options] names a way to open it. So that files addressed to one device can be played nevertheless,
// this package has a container with its own magic. It reproduces the meaning
// of the compiler's --target, --scramble, --rc4 and --aes, not their secrecy:
// this page is enough to open a targeted or scrambled file.
//
//	offset  size  content
//	0       8     SPAFLTC1
//	8       1     flags: 1 scrambled, 2 targeted, 4 keyed
//	9       1     cipher: 0 none, 1 RC4, 2 AES-CBC
//	10      1     key kind: 0 none, 1 ascii, 2 hex
//	11      1     length n of the family, then n bytes of family, may be 0
//	12+n    16    salt
//	28+n    16    IV
//	44+n    4     length of the source text, big endian
//	48+n    32    SHA-256 of the source text
//	80+n    -     payload
//
// The payload is the source text (see [ParseSource]) in at most two layers. The
// inner one is there if the file is keyed: RC4, or AES-CBC with the header's IV
// and PKCS#7 padding; an ascii key is hashed once with MD5 to 128 bits, a hex
// key is taken as it is. The outer one is there if the file is targeted or
// scrambled, never both: AES-128-CTR with the header's IV over the magic once
// more and the inner layer. Its key is the first 16 bytes of HMAC-SHA-256, with
// the key "spafleet target" over the MAC (12 lower-case hex digits) and the salt,
// or with the key "spafleet scramble" over the salt. The repeated magic tells
// another device's file (`corrupt file`) from a wrong key (`file decrypt error`).
package profile
