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
	c.Flags().Var((*configSource)(file), "config",
		"the bot's configuration `FILE`, or env:NAME for the text in that variable; deploy/sshforward.example.yaml shows all of it")
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

// inVariable is what stands before the name of a variable that holds the
// configuration itself: where containers are started from an image with nothing
// else in it, a secret or a parameter can be put into the environment, and
// nobody is there to make a file of it.
const inVariable = "env:"

// configSource is a file name, or a variable after [inVariable].
type configSource string

// Set implements pflag.Value.
func (s *configSource) Set(to string) error {
	if strings.HasPrefix(to, inVariable) {
		*s = configSource(to)
		return nil
	}
	return (*pathFlag)(s).Set(to)
}

// String implements pflag.Value.
func (s *configSource) String() string { return string(*s) }

// Type implements pflag.Value.
func (s *configSource) Type() string { return "path" }

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
