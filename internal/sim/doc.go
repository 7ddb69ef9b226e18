// Package sim holds the simulations: whole lives of leases, with the real
// keeper, provisioner and store, on a stand-in for AWS and in simulated time.
// Processes die between any two calls (the crash matrix), calls go wrong at
// random (the storms), and weeks go by (the soak). Three of them share a table on a
// stand-in for DynamoDB, and are killed, put to sleep and cut off (the fleets). There
// is nothing in it but tests.
package sim
