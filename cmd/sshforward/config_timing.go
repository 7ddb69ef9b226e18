package main

import (
	"cmp"
	"fmt"
	"time"

	"github.com/sshforward/sshforward"
)

// timingConfig is how long things may take; each value may be as short as one
// second, so that a whole life can be watched in a minute.
type timingConfig struct {
	Default   duration   `yaml:"default"`
	Min       duration   `yaml:"min"`
	Confirm   duration   `yaml:"confirm"`
	Approval  duration   `yaml:"approval"`
	Opening   duration   `yaml:"opening"`
	Stopped   duration   `yaml:"stopped"`
	Reminders []duration `yaml:"reminders"`
	Sweep     duration   `yaml:"sweep"`
	Keep      duration   `yaml:"keep"`
}

func (t *timingConfig) check() error {
	std := sshforward.DefaultTiming()
	if t.Default == 0 {
		std.Default = max(std.Default, time.Duration(t.Min))
	}
	for _, f := range []struct {
		name  string
		value *duration
		std   time.Duration
	}{
		{"default", &t.Default, std.Default}, {"min", &t.Min, std.Min}, {"confirm", &t.Confirm, std.Confirm},
		{"approval", &t.Approval, std.Approval}, {"opening", &t.Opening, std.Opening}, {"stopped", &t.Stopped, std.Stopped},
		{"sweep", &t.Sweep, std.Sweep}, {"keep", &t.Keep, std.Keep},
	} {
		*f.value = cmp.Or(*f.value, duration(f.std))
	}
	if t.Reminders == nil {
		for _, r := range std.Reminders {
			t.Reminders = append(t.Reminders, duration(r))
		}
	}
	if t.Default < t.Min {
		return fmt.Errorf("timing.default: %s is shorter than timing.min, %s; set both",
			sshforward.FormatDuration(time.Duration(t.Default)), sshforward.FormatDuration(time.Duration(t.Min)))
	}
	return nil
}

func (t *timingConfig) timing() sshforward.Timing {
	return sshforward.Timing{
		Default: time.Duration(t.Default), Min: time.Duration(t.Min), Confirm: time.Duration(t.Confirm),
		Approval: time.Duration(t.Approval), Opening: time.Duration(t.Opening), Stopped: time.Duration(t.Stopped),
		Reminders: convert(t.Reminders, func(d duration) time.Duration { return time.Duration(d) }),
		Sweep:     time.Duration(t.Sweep), Keep: time.Duration(t.Keep),
	}
}
