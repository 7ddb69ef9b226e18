package playground

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"
)

// command is what a host can do. It reads nothing of the machine it really
// runs on.
type command struct {
	help string
	run  func(ctx context.Context, s *shell, args []string) int
}

var commands map[string]command

func init() {
	say := func(help string, text func(*shell) string) command {
		return command{help, func(_ context.Context, s *shell, _ []string) int {
			fmt.Fprint(s.out, text(s))
			return 0
		}}
	}
	commands = map[string]command{
		"hostname": say("the name of this host", func(s *shell) string { return s.host.hostname() + "\n" }),
		"whoami":   say("who you are", func(s *shell) string { return s.user + "\n" }),
		"id": say("who you are, in numbers", func(s *shell) string {
			return fmt.Sprintf("uid=1000(%[1]s) gid=1000(%[1]s) groups=1000(%[1]s)\n", s.user)
		}),
		"pwd":    say("where you are", func(s *shell) string { return "/home/" + s.user + "\n" }),
		"date":   say("the time", func(*shell) string { return time.Now().UTC().Format("Mon Jan _2 15:04:05 UTC 2006") + "\n" }),
		"ls":     say("what is here", func(*shell) string { return "README  access.log\n" }),
		"uname":  say("the system", func(s *shell) string { return "Linux " + s.host.hostname() + " 6.1.0-playground x86_64 GNU/Linux\n" }),
		"uptime": say("for how long it runs", func(s *shell) string { return s.host.uptime() }),
		"w":      say("who is logged in", (*shell).w),
		"who":    say("the same", (*shell).w),
		"clear":  say("an empty screen", func(*shell) string { return "\x1b[H\x1b[2J" }),
		"true":   say("success", func(*shell) string { return "" }),
		"ip":     {"ip addr: the addresses of this host", ip},
		"cat":    {"cat FILE: /etc/motd, /etc/hostname, /etc/os-release, README, access.log", cat},
		"echo": {"what you say", func(_ context.Context, s *shell, args []string) int {
			fmt.Fprintln(s.out, strings.Join(args, " "))
			return 0
		}},
		"sleep":  {"sleep SECONDS: do nothing for a while", sleep},
		"false":  {"failure", func(context.Context, *shell, []string) int { return 1 }},
		"help":   {"this list", help},
		"exit":   {"leave; Ctrl-D does it too", nil},
		"logout": {"leave", nil},
	}
}

// command runs one, and says whether it was the last.
func (s *shell) command(ctx context.Context, args []string) (code int, quit bool) {
	if len(args) == 0 {
		return 0, false
	}
	c, ok := commands[args[0]]
	switch {
	case !ok:
		fmt.Fprintf(s.out, "bash: %s: command not found (help lists what this host knows)\n", args[0])
		return 127, false
	case c.run == nil:
		if s.terminal != nil {
			fmt.Fprintln(s.out, "logout")
		}
		if len(args) > 1 {
			_, _ = fmt.Sscan(args[1], &code) // not a number: 0
		}
		return code & 0xff, true
	}
	return c.run(ctx, s, args[1:]), false
}

func (h *host) motd() string {
	return fmt.Sprintf("\n  You are on %s (%s), %s, a private instance.\n"+
		"  help lists what it can do. When your lease ends, so does this session.\n\n", h.name, h.id, h.address)
}

func (h *host) uptime() string {
	n := len(h.who())
	up := time.Since(h.booted).Round(time.Second)
	return fmt.Sprintf(" %s up %s,  %d %s,  load average: 0.00, 0.01, 0.05\n",
		time.Now().UTC().Format("15:04:05"), up, n, map[bool]string{true: "user", false: "users"}[n == 1])
}

func (s *shell) w() string {
	var b strings.Builder
	b.WriteString(s.host.uptime())
	fmt.Fprintf(&b, "%-12s %-7s %-16s %-8s %s\n", "USER", "TTY", "FROM", "LOGIN@", "WHAT")
	for _, l := range s.host.who() {
		fmt.Fprintf(&b, "%-12s %-7s %-16s %-8s %s\n", l.user, l.tty, l.from, l.since.UTC().Format("15:04"), l.what)
	}
	return b.String()
}

func ip(_ context.Context, s *shell, args []string) int {
	if len(args) > 0 && args[0] != "a" && args[0] != "addr" && args[0] != "address" {
		fmt.Fprintf(s.out, "ip: %s is unknown here, try ip addr\n", args[0])
		return 1
	}
	fmt.Fprintf(s.out, `1: lo: <LOOPBACK,UP,LOWER_UP> mtu 65536 state UNKNOWN
    inet 127.0.0.1/8 scope host lo
2: ens5: <BROADCAST,MULTICAST,UP,LOWER_UP> mtu 9001 state UP
    inet %s/24 brd 10.1.2.255 scope global dynamic ens5
`, s.host.address)
	return 0
}

func cat(_ context.Context, s *shell, args []string) int {
	h, code := s.host, 0
	files := map[string]string{
		"/etc/motd": h.motd(), "/etc/hostname": h.hostname() + "\n",
		"/etc/os-release": "NAME=\"sshforward playground\"\nID=playground\n",
		"README": "This host has no public address, no agent and no bastion.\n" +
			"You came through a load balancer that exists for you alone, for a while.\n",
		"access.log": "10.1.1.11 - - \"GET /health HTTP/1.1\" 200 2\n",
	}
	for _, f := range args {
		text, ok := files[strings.TrimPrefix(f, "/home/"+s.user+"/")]
		if !ok {
			text, code = "cat: "+f+": No such file or directory\n", 1
		}
		fmt.Fprint(s.out, text)
	}
	return code
}

func sleep(ctx context.Context, s *shell, args []string) int {
	if len(args) != 1 {
		fmt.Fprintln(s.out, "sleep: say for how many seconds")
		return 1
	}
	d, err := time.ParseDuration(args[0] + "s")
	if err != nil {
		if d, err = time.ParseDuration(args[0]); err != nil {
			fmt.Fprintln(s.out, "sleep: "+args[0]+" is no number of seconds")
			return 1
		}
	}
	select {
	case <-time.After(d):
		return 0
	case <-ctx.Done():
		return 130
	}
}

func names() []string {
	var all []string
	for name := range commands {
		all = append(all, name)
	}
	slices.Sort(all)
	return all
}

func help(_ context.Context, s *shell, _ []string) int {
	for _, name := range names() {
		fmt.Fprintf(s.out, "  %-9s %s\n", name, commands[name].help)
	}
	return 0
}

// complete completes the name of a command with Tab.
func complete(line string, pos int, key rune) (string, int, bool) {
	if key != '\t' || pos != len(line) || strings.Contains(line, " ") {
		return "", 0, false
	}
	var found []string
	for _, name := range names() {
		if strings.HasPrefix(name, line) {
			found = append(found, name)
		}
	}
	if line == "" || len(found) != 1 {
		return "", 0, false
	}
	return found[0] + " ", len(found[0]) + 1, true
}
