package main

import (
	"testing"
	"time"
)

func TestClock(t *testing.T) {
	t.Parallel()
	var c clock
	for range answersForClock - 1 {
		c.see(3 * time.Second)
		if _, known := c.off(); known {
			t.Fatal("it is known after a few answers")
		}
	}
	c.see(-time.Hour) // one answer that was wrong, or late
	if off, known := c.off(); !known || off != 3*time.Second {
		t.Errorf("off by %s, %t", off, known)
	}
	for range answersForClock { // the clock was set
		c.see(100 * time.Millisecond)
	}
	if off, _ := c.off(); off != 100*time.Millisecond {
		t.Errorf("then it is off by %s", off)
	}
}
