// Package modelled is the network of virtual time: what package fetch does over
// sockets, it does without. [Network] says which servers there are; a [Client]
// is a device's side of it. A transfer is waits of its [Process]: TFTP is the real
// client over datagrams that travel in virtual time, an HTTP exchange is two waits,
// and the handshake of HTTPS is judged by the certificates, not spoken.
//
// Whatever happens to a transfer, it ends as over real sockets. All chance comes
// from the process and the plan of faults.
package modelled
