package provisioner

import (
	"crypto/ed25519"
	"crypto/rsa"
	"encoding/base64"
	"encoding/binary"
	"fmt"
	"math/big"
	"slices"
	"strings"
	"testing"

	"golang.org/x/crypto/ssh"
)

const (
	edKey = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIOyzV4q9sr0LAAWgW+L9vY5jBAPe5QKOsmm3IGZEZbON"
	ecKey = "ecdsa-sha2-nistp256 AAAAE2VjZHNhLXNoYTItbmlzdHAyNTYAAAAIbmlzdHAyNTYAAABBBBvEdbazIuB1Zsuq8qcMMl7YRllsThmCln2eRCB6YutW" +
		"+Q5PjgG9+Tg+6IaaAkb7CuJ+drFxLdVid+osEsjwOYo="
	// A point that is not on the curve.
	noKey = "ecdsa-sha2-nistp256 AAAAE2VjZHNhLXNoYTItbmlzdHAyNTYAAAAIbmlzdHAyNTYAAABBBGZha2Vhd3Mg" +
		"ZmFrZWF3cyBmYWtlYXdzIGZha2Vhd3MgZmFrZWF3cyBmYWtlYXdzIGZha2Vhd3MgZmFrZWF3czA="
)

// aKey is the nth of many keys that nobody has.
func aKey(n int) string {
	public := make(ed25519.PublicKey, ed25519.PublicKeySize)
	binary.BigEndian.PutUint32(public, uint32(n))
	return keyLine(public)
}

// aLongKey is one with so many bits.
func aLongKey(n, bits int) string {
	modulus := new(big.Int).Lsh(big.NewInt(1), uint(bits-1))
	return keyLine(&rsa.PublicKey{N: modulus.Add(modulus, big.NewInt(int64(2*n+1))), E: 65537})
}

func keyLine(public any) string {
	key, err := ssh.NewPublicKey(public)
	if err != nil {
		panic(err)
	}
	return key.Type() + " " + base64.StdEncoding.EncodeToString(key.Marshal())
}

func several(n int, key func(int) string) (all []string) {
	for i := range n {
		all = append(all, key(i))
	}
	return all
}

func block(lines ...string) string {
	return strings.Join(slices.Concat([]string{beginHostKeys}, lines, []string{endHostKeys, ""}), "\n")
}

func encoded(console string) string { return base64.StdEncoding.EncodeToString([]byte(console)) }

func TestHostKeys(t *testing.T) {
	long := several(8, func(n int) string { return aLongKey(n, 4096) })
	many := several(12, aKey)
	for name, test := range map[string]struct {
		console string
		want    []string
	}{
		"empty":              {"", nil},
		"no block":           {"[    0.0] Linux version 6.1\n" + edKey + " root@host\n", nil},
		"plain":              {block(ecKey+" root@host", edKey+" root@host"), []string{ecKey, edKey}},
		"no comment":         {block(edKey), []string{edKey}},
		"a comment of words": {block(edKey + " a key of ours"), []string{edKey}},
		"CRLF": {
			strings.ReplaceAll("boot\n"+block(ecKey+" root@host", edKey+" root@host")+"login: ", "\n", "\r\n"),
			[]string{ecKey, edKey},
		},
		"CR CR LF":             {strings.ReplaceAll(block(edKey+" root@host"), "\n", "\r\r\n"), []string{edKey}},
		"prefix of cloud-init": {"ec2: #####\n" + prefixed("ec2: ", block(edKey+" root@host")), []string{edKey}},
		"prefix of syslog": {prefixed("<14>Nov 23 20:40:20 ip-10-1-2-94 cloud-init[1234]: ec2: ",
			block("#############", ecKey+" root@host", edKey+" root@host")), []string{ecKey, edKey}},
		"prefix of the kernel": {prefixed("[   21.512345] cloud-init[812]: ", block(edKey+" root@host")), []string{edKey}},
		"colours": {
			"\x1b[0;32m" + prefixed("\x1b[1mec2:\x1b[0m ", block("\x1b]0;title\x07"+edKey+"\x1b[K root@host")),
			[]string{edKey},
		},
		"control characters": {"\x00\x00" + prefixed("\x07\x00", block(edKey+" root@host")), []string{edKey}},
		"not text":           {"\xff\xfe\xc3" + prefixed("\xff ", block(edKey+" \xff")), []string{edKey}},
		"fingerprints too": {"-----BEGIN SSH HOST KEY FINGERPRINTS-----\n256 SHA256:abc root@host (ED25519)\n" +
			"-----END SSH HOST KEY FINGERPRINTS-----\n" +
			block(edKey), []string{edKey}},
		"other lines":   {block("", "random: crng init done", edKey, "# ssh-rsa", "ssh-rsa"), []string{edKey}},
		"twice":         {block(edKey+" a", ecKey, edKey+" b"), []string{edKey, ecKey}},
		"last boot":     {block(ecKey) + "reboot: Restarting system\n" + block(edKey), []string{edKey}},
		"last has none": {block(ecKey) + block(), nil},
		"last cut off":  {block(ecKey) + beginHostKeys + "\n" + edKey[:40], []string{ecKey}},
		"begun twice":   {beginHostKeys + "\n" + ecKey + "\n" + block(edKey), []string{edKey}},
		"only an end":   {edKey + "\n" + endHostKeys + "\n", nil},
		"no end":        {beginHostKeys + "\n" + edKey + "\n", nil},
		"empty block":   {block(), nil},

		"off the curve":           {block(noKey, edKey), []string{edKey}},
		"another kind than it is": {block("ssh-rsa "+strings.Fields(edKey)[1], ecKey), []string{ecKey}},
		"cut off in the middle":   {block(edKey[:50], ecKey), []string{ecKey}},
		"interrupted":             {block(edKey[:50]+"[   22.1] eth0: link up", edKey[50:], ecKey), []string{ecKey}},
		"not base64":              {block("ssh-ed25519 AAAAC3NzaC1lZDI1NTE5=AAA", ecKey), []string{ecKey}},
		"more than a key":         {block(edKey+"AAAA", ecKey), []string{ecKey}},
		"not a host's": {block("sk-ssh-ed25519@openssh.com AAAA", "ssh-dss AAAAB3NzaC1kc3M=", "ssh-ed25519-cert-v01@openssh.com AAAA", "x"+edKey,
			`command="ssh-rsa`+" "+edKey), []string{edKey}}, // what stands before a key is only noise

		"too many":        {block(many...), many[:8]},
		"many repeated":   {block(slices.Concat(many[:3], many[:3], many[:3])...), many[:3]},
		"too long":        {block(slices.Concat(long, []string{edKey})...), append(slices.Clone(long[:5]), edKey)},
		"one is too long": {block(aLongKey(0, 1<<15), edKey), []string{edKey}},
	} {
		t.Run(name, func(t *testing.T) {
			got := hostKeysIn(encoded(test.console))
			if want := strings.Join(test.want, "\n"); got != want {
				t.Errorf("got\n%s\nwant\n%s", got, want)
			}
			checkHostKeys(t, got)
		})
	}
}

func prefixed(prefix, text string) string {
	return prefix + strings.ReplaceAll(strings.TrimSuffix(text, "\n"), "\n", "\n"+prefix) + "\n"
}

func TestHostKeysEncoding(t *testing.T) {
	good := encoded(block(edKey))
	for name, test := range map[string]struct{ output, want string }{
		"lines":      {good[:76] + "\n" + good[76:] + "\n", edKey},
		"CRLF":       {"\r\n" + good[:60] + "\r\n" + good[60:], edKey},
		"indented":   {"    " + good + "\n  ", edKey},
		"plain text": {block(edKey), ""},
		"cut off":    {good[:len(good)-3], ""},
		"huge":       {encoded(strings.Repeat("x", maxConsole) + block(edKey)), ""},
		"large":      {encoded(strings.Repeat("x\n", 32<<10) + block(edKey)), edKey},
	} {
		if got := hostKeysIn(test.output); got != test.want {
			t.Errorf("%s: %q", name, got)
		}
	}
}

// checkHostKeys holds for whatever a console says.
func checkHostKeys(t *testing.T, got string) {
	t.Helper()
	if got == "" {
		return
	}
	lines := strings.Split(got, "\n")
	if len(got) >= 4<<10 || len(lines) > 8 {
		t.Errorf("%d keys, %d bytes", len(lines), len(got))
	}
	for i, line := range lines {
		key, comment, options, rest, err := ssh.ParseAuthorizedKey([]byte(line))
		if err != nil || comment != "" || len(options)+len(rest) > 0 || line != strings.TrimSpace(string(ssh.MarshalAuthorizedKey(key))) {
			t.Errorf("line %q: %v", line, err)
		}
		if slices.Contains(lines[:i], line) {
			t.Errorf("twice: %q", line)
		}
	}
	// What was read is read again as it is.
	if again := hostKeysIn(encoded(block(lines...))); again != got {
		t.Errorf("read again:\n%s\nwas:\n%s", again, got)
	}
}

// FuzzHostKeys: the console is written by whoever has the instance.
func FuzzHostKeys(f *testing.F) {
	f.Add(block(ecKey+" root@host", edKey+" root@host"))
	f.Add(strings.ReplaceAll(prefixed("<14>Nov 23 20:40:20 ec2: ", block(edKey)), "\n", "\r\n"))
	f.Add(block(ecKey) + "\x1b[0m" + block(edKey, noKey, aLongKey(1, 4096)))
	f.Add(fmt.Sprint(beginHostKeys, "\n", edKey))
	f.Add(block(`command="ssh-rsa AAAA" ` + edKey))
	f.Fuzz(func(t *testing.T, text string) {
		checkHostKeys(t, hostKeysIn(encoded(text)))
		checkHostKeys(t, hostKeysIn(encoded(block(text))))
		checkHostKeys(t, hostKeysIn(text))
	})
}
