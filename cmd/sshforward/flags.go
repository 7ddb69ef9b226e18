package main

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
)

// noArguments refuses whatever is neither a command nor a flag.
func noArguments(_ *cobra.Command, args []string) error {
	if len(args) > 0 {
		return fmt.Errorf("unexpected argument %q", args[0])
	}
	return nil
}

// configFlag adds --config, which every command needs that is about one bot.
func configFlag(c *cobra.Command, file *string) {
	c.Flags().Var((*pathFlag)(file), "config", "the bot's configuration `FILE`; deploy/sshforward.example.yaml shows all of it")
	declared(c.MarkFlagRequired("config"))
	declared(c.MarkFlagFilename("config", "yaml", "yml"))
}

// choiceFlag adds a flag that takes one of a few words, of which the first is
// the default.
func choiceFlag(c *cobra.Command, value *string, name, usage string, words ...string) {
	*value = words[0]
	c.Flags().Var(&choice{value, words}, name, usage+": "+strings.Join(words, ", "))
	declared(c.RegisterFlagCompletionFunc(name, cobra.FixedCompletions(words, cobra.ShellCompDirectiveNoFileComp)))
}

// declared ends the program if a flag is declared wrongly.
func declared(err error) {
	if err != nil {
		panic(err)
	}
}

// fromEnv sets flags that were not given from the environment. names are the
// variables by flag.
func fromEnv(flags *pflag.FlagSet, env func(string) string, names map[string]string) error {
	for flag, name := range names {
		value := env(name)
		if value == "" || flags.Changed(flag) {
			continue
		}
		if err := flags.Lookup(flag).Value.Set(value); err != nil {
			return fmt.Errorf("%s is %q: %w", name, value, err)
		}
	}
	return nil
}

// pathFlag is a file name on the command line. It is made absolute, and ~ is the
// home directory, which shells do not see to behind --config=.
type pathFlag string

// Set implements pflag.Value.
func (p *pathFlag) Set(s string) error {
	if rest, ok := strings.CutPrefix(s, "~/"); ok {
		home, err := os.UserHomeDir()
		if err != nil {
			return err
		}
		s = filepath.Join(home, rest)
	}
	if s == "" {
		return fmt.Errorf("it is empty")
	}
	abs, err := filepath.Abs(s)
	*p = pathFlag(abs)
	return err
}

// String implements pflag.Value.
func (p *pathFlag) String() string { return string(*p) }

// Type implements pflag.Value.
func (p *pathFlag) Type() string { return "path" }

// choice is one of a few words on the command line.
type choice struct {
	value *string
	words []string
}

// Set implements pflag.Value.
func (c *choice) Set(s string) error {
	if !slices.Contains(c.words, s) {
		return fmt.Errorf("must be one of %s", strings.Join(c.words, ", "))
	}
	*c.value = s
	return nil
}

// String implements pflag.Value.
func (c *choice) String() string { return *c.value }

// Type implements pflag.Value.
func (c *choice) Type() string { return "word" }
