//go:build race

package playground

func init() { buildArgs = append(buildArgs, "-race") }
