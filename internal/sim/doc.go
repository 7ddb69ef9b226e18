// Package sim holds the simulations: whole lives of leases, with the real
// keeper, provisioner and store, on a stand-in for AWS and in simulated time.
// Processes die between any two calls (the crash matrix), calls go wrong at
// random (the storms), and weeks go by (the soak). There is nothing in it but
// tests.
package sim
