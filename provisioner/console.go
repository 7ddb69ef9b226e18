package provisioner

import (
	"encoding/base64"
	"regexp"
	"slices"
	"strings"

	"golang.org/x/crypto/ssh"
)

// What a lease keeps of a console is bounded, because whoever has the instance
// writes there what they like. Hosts have three or four keys, none of which is
// often longer than 0.7 KB, an RSA key of 4096 bits.
const (
	maxHostKeys     = 8
	maxHostKeyBytes = 4<<10 - 1
	// maxConsole is far more than the 64 KB that AWS keeps.
	maxConsole = 1 << 20
)

// cloud-init writes the keys between these lines, at every boot.
const (
	beginHostKeys = "-----BEGIN SSH HOST KEY KEYS-----"
	endHostKeys   = "-----END SSH HOST KEY KEYS-----"
)

var (
	// escapes are a terminal's: colours, cursor movements, titles, bells.
	escapes = regexp.MustCompile(`\x1b(?:\[[0-?]*[ -/]*[@-~]|\][^\x07\x1b\r\n]*(?:\x07|\x1b\\)?|[@-Z\\^_])` +
		`|[\x00-\x08\x0b\x0c\x0e-\x1a\x1c-\x1f\x7f]`)
	// hostKeyRE finds a key behind whatever stands before it: syslog and
	// cloud-init have prefixes of their own ("<14>Nov 23 20:40:20 ec2: "), and
	// the kernel's clock may come in between. The kinds are those that an
	// OpenSSH client of today takes as a host's.
	hostKeyRE = regexp.MustCompile(`(?:^|[\s\]:>])(ssh-ed25519|ssh-rsa|ecdsa-sha2-nistp(?:256|384|521))[ \t]+([A-Za-z0-9+/]+={0,2})(?:\s|$)`)
)

// hostKeysIn reads the host keys from a console's output as GetConsoleOutput
// has it, in base64: "type base64" a line, without comment. What is not
// complete or not a key is as if it were not there.
func hostKeysIn(output string) string {
	if len(output) > 2*maxConsole {
		return ""
	}
	// Line ends are no part of base64, and the decoder skips them.
	console, err := base64.StdEncoding.DecodeString(strings.TrimSpace(output))
	if err != nil || len(console) > maxConsole {
		return ""
	}
	var keys []string
	size := 0
	for _, line := range hostKeyLines(string(console)) {
		key, ok := hostKey(line)
		if !ok || slices.Contains(keys, key) || size+len(key)+1 > maxHostKeyBytes {
			continue
		}
		size += len(key) + 1
		if keys = append(keys, key); len(keys) == maxHostKeys {
			break
		}
	}
	return strings.Join(keys, "\n")
}

// hostKeyLines are those of the last block that has both its ends: every boot
// writes one, and the newest may be cut off where the console was read.
func hostKeyLines(console string) []string {
	console = escapes.ReplaceAllString(console, "")
	var last, block []string
	inside := false
	for _, line := range strings.FieldsFunc(console, func(r rune) bool { return r == '\r' || r == '\n' }) {
		switch {
		case strings.Contains(line, beginHostKeys):
			block, inside = nil, true
		case strings.Contains(line, endHostKeys):
			if inside {
				last = block
			}
			inside = false
		case inside:
			block = append(block, line)
		}
	}
	return last
}

// hostKey is the key in a line, if it has a whole one that is what it says.
func hostKey(line string) (string, bool) {
	m := hostKeyRE.FindStringSubmatch(line)
	if m == nil {
		return "", false
	}
	key, _, options, rest, err := ssh.ParseAuthorizedKey([]byte(m[1] + " " + m[2]))
	if err != nil || len(options) > 0 || len(rest) > 0 || key.Type() != m[1] {
		return "", false
	}
	return key.Type() + " " + base64.StdEncoding.EncodeToString(key.Marshal()), true
}
