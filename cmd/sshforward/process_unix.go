//go:build darwin || linux

package main

import (
	"fmt"
	"io"
	"os"
	"time"

	"github.com/VictoriaMetrics/metrics"
	"golang.org/x/sys/unix"
)

var began = time.Now()

// writeProcess writes the process_* that Prometheus's own libraries have. The
// metrics library reads more, and where the kernel does not have it that is an
// error in the log at each scrape. What cannot be read is left out.
func writeProcess(w io.Writer) {
	metrics.WriteGaugeFloat64(w, "process_start_time_seconds", float64(began.UnixMilli())/1e3)
	var used unix.Rusage
	if err := unix.Getrusage(unix.RUSAGE_SELF, &used); err == nil {
		metrics.WriteCounterFloat64(w, "process_cpu_seconds_total",
			(time.Duration(used.Utime.Nano()) + time.Duration(used.Stime.Nano())).Seconds())
	}
	var pages, resident uint64
	if statm, err := os.ReadFile("/proc/self/statm"); err == nil {
		if _, err := fmt.Sscan(string(statm), &pages, &resident); err == nil {
			metrics.WriteGaugeUint64(w, "process_virtual_memory_bytes", pages*uint64(os.Getpagesize()))
			metrics.WriteGaugeUint64(w, "process_resident_memory_bytes", resident*uint64(os.Getpagesize()))
		}
	}
	if open, err := os.ReadDir("/proc/self/fd"); err == nil {
		metrics.WriteGaugeUint64(w, "process_open_fds", uint64(len(open)))
	}
	var most unix.Rlimit
	if err := unix.Getrlimit(unix.RLIMIT_NOFILE, &most); err == nil {
		metrics.WriteGaugeUint64(w, "process_max_fds", most.Cur)
	}
	if err := unix.Getrlimit(unix.RLIMIT_AS, &most); err == nil {
		metrics.WriteGaugeUint64(w, "process_virtual_memory_max_bytes", most.Cur)
	}
}
