package main

import (
	"cmp"
	"encoding/json"
	"fmt"
	"runtime"
	"runtime/debug"

	"github.com/spf13/cobra"
)

// Set by the linker for releases.
var version, commit, date string

// build is what runs.
type build struct {
	Version string `json:"version"`
	Commit  string `json:"commit"` // with -dirty behind it if there were changes
	Date    string `json:"date"`   // of the commit
	Go      string `json:"go"`
}

func newVersion(con console) *cobra.Command {
	var asJSON bool
	c := &cobra.Command{
		Use:   "version",
		Short: "Print the version",
		Args:  noArguments,
		RunE: func(*cobra.Command, []string) error {
			if asJSON {
				return json.NewEncoder(con.stdout).Encode(thisBuild())
			}
			_, err := fmt.Fprintln(con.stdout, "sshforward "+versionString())
			return err
		},
	}
	c.Flags().BoolVar(&asJSON, "json", false, "version, commit, its date and the version of Go, as JSON")
	return c
}

func versionString() string { return thisBuild().Version }

// thisBuild is what the linker was told, or else what Go knows of the checkout.
func thisBuild() build {
	b := build{Version: version, Commit: commit, Date: date, Go: runtime.Version()}
	info, ok := debug.ReadBuildInfo()
	if !ok {
		b.Version = cmp.Or(b.Version, "(devel)")
		return b
	}
	b.Version = cmp.Or(b.Version, info.Main.Version, "(devel)")
	known := make(map[string]string)
	for _, s := range info.Settings {
		known[s.Key] = s.Value
	}
	if b.Commit == "" && known["vcs.revision"] != "" {
		b.Commit = known["vcs.revision"]
		if known["vcs.modified"] == "true" {
			b.Commit += "-dirty"
		}
	}
	b.Date = cmp.Or(b.Date, known["vcs.time"])
	return b
}
