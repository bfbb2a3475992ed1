package unit

import (
	"fmt"
	"strings"
)

// A NAT says how many addresses have so many devices behind them. Of other numbers of
// devices than it adds up to, it is the proportion. Empty: each device has an address of
// its own as long as there are some.
type NAT []struct{ Devices, Addresses int }

// Devices returns how many devices it adds up to.
func (n NAT) Devices() (sum int) {
	for _, c := range n {
		sum += c.Devices * c.Addresses
	}
	return sum
}

// Addresses returns how many addresses those devices have.
func (n NAT) Addresses() (sum int) {
	for _, c := range n {
		sum += c.Addresses
	}
	return sum
}

// String returns it as a scenario has it.
func (n NAT) String() string {
	var list []string
	for _, c := range n {
		list = append(list, fmt.Sprintf("%d: %d", c.Devices, c.Addresses))
	}
	return strings.Join(list, ", ")
}
