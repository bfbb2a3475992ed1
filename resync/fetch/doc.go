// Package fetch transfers files for devices over real sockets: TFTP and HTTP,
// and the names that lead there.
//
// [Sockets] is the whole of it, and what package resync knows as a
// [resync.Fetcher]. It speaks as the devices do: their header order, their
// waits, a connection of its own for each file, from the device's own address.
// Nothing is kept between two transfers but buffers.
//
// What a server or network does to a device comes back as *[resync.Error]. What
// this machine cannot do (no descriptor, no port left) is an error of another
// type, which [LocalLimit] names: it says nothing about the server.
package fetch
