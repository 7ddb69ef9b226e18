package main

import (
	"fmt"
	"os"
	"strings"
)

// tokens are the two secrets.
type tokens struct{ bot, app string }

// readTokens takes them from the environment, or from the files that the
// environment names.
func readTokens(env func(string) string) (t tokens, err error) {
	if t.bot, err = secret(env, "SLACK_BOT_TOKEN"); err != nil {
		return t, err
	}
	t.app, err = secret(env, "SLACK_APP_TOKEN")
	return t, err
}

// secret takes one secret, without the blanks and line ends around it that a
// copy brings along.
func secret(env func(string) string, name string) (string, error) {
	if v := strings.TrimSpace(env(name)); v != "" {
		return v, nil
	}
	file := env(name + "_FILE")
	if file == "" {
		return "", fmt.Errorf("%s is not set; set it, or %s_FILE to the name of a file that holds it", name, name)
	}
	text, err := os.ReadFile(file)
	if err != nil {
		return "", fmt.Errorf("read %s_FILE: %w", name, err)
	}
	if v := strings.TrimSpace(string(text)); v != "" {
		return v, nil
	}
	return "", fmt.Errorf("%s, named by %s_FILE, is empty", file, name)
}
