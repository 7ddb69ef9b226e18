//go:build race

package main

func init() { defaultStorms = 60 } // the detector makes each cost five times as much
