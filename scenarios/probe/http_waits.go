package probe

// httpWaits are about how long the phone waits, and how much it takes.
var httpWaits = []*experiment{}
