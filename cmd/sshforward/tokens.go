package main

import (
	"crypto/hkdf"
	"crypto/sha256"
	"fmt"
	"log/slog"
	"os"
	"strings"

	"github.com/sshforward/sshforward/provisioner"
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

// signingKey is what tags are signed with: SSHFORWARD_KEY, or SSHFORWARD_KEY_FILE.
// Without one it is derived from the app token, so that nobody has to set it: then
// a lost store can be rebuilt for as long as the app token is the same. A key that
// cannot be read keeps no lease from ending: nothing is signed, or believed.
func signingKey(env func(string) string, t tokens, log *slog.Logger) ([]byte, error) {
	const name = "SSHFORWARD_KEY"
	if strings.TrimSpace(env(name)) == "" && env(name+"_FILE") == "" {
		if t.app == "" {
			return nil, nil
		}
		return hkdf.Key(sha256.New, []byte(t.app), nil, "sshforward tags", provisioner.MinKey)
	}
	key, err := secret(env, name)
	if err != nil {
		log.Error("tags are not signed, and no lease can be rebuilt from them", "err", err)
		return nil, nil
	}
	if len(key) < provisioner.MinKey {
		return nil, fmt.Errorf("%s has %d characters and needs at least %d; make one with: openssl rand -base64 32",
			name, len(key), provisioner.MinKey)
	}
	return []byte(key), nil
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
