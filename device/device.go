// Package device says what one SPA device is: its family, model and firmware,
// its identity, its parameters, where it stands in its provisioning life, the
// commands it takes and the events that come out of it.
//
// It is the model of the program. It does no I/O, asks no clock and draws no
// chance: what happens is decided by what it is given. One sentence for the
// whole: a command or a timer makes a device attempt a resync; the attempt
// returns what happened; what happened moves the device's lifecycle, sets its
// next timer, and is the one stream of [Event] that metrics, logs, reports and
// expectations read.
//
// Start with [NewRow], which finds a model's row by name and firmware; a row
// gives identities ([Row.Unit]) and factory parameters ([Factory.Reset]). What
// is known of real devices is tables: [Models], the parameter catalogue, the
// firmware switches, each fact with its [Evidence].
package device
