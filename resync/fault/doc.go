// Package fault disturbs what passes between devices and servers, by a plan.
//
// A [Plan] holds the faults of the moment. Who begins an exchange (one TFTP
// transfer, one HTTP request, one DNS query) asks [Plan.Exchange] for its
// disturbance. That is nil as a rule; else a [Disturbance], which wraps the exchange's
// sockets ([Disturbance.Packets], [Disturbance.Conn]), tells without sockets what
// becomes of a connection ([Disturbance.Connect], [Disturbance.Request],
// [Disturbance.Answer]), or says what a bad server does ([Disturbance.Server]).
//
// Chance is a pure function of the plan's seed, the fault, the device and how
// many exchanges it had: the same seed has the same victims. The package reads
// no clock and waits for nothing by itself.
package fault
