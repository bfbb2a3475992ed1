package device

// Update is the flag of package device_test too: it can be defined once only.
var Update = update
