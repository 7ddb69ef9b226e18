package sshforward

import (
	"fmt"
	"net/netip"
)

// SSHCommand is what the user pastes, and the one place where it is made: what
// came from tags is looked at once more here. HostKeyAlias keeps one known_hosts
// entry per instance whatever the load balancer is called, and with CheckHostIP
// off an OpenSSH before 8.5 does not mind that its address was another one's
// before. ServerAliveInterval keeps the load balancer's idle timeout from ending
// a quiet session, which TCP keepalive would not. While the name does not
// resolve, ssh is told the address.
func (l *Lease) SSHCommand() string {
	user, address := l.SSHUser, ""
	if !SafeUser(user) {
		user = defaultUser
	}
	if a, err := netip.ParseAddr(l.ByAddress()); err == nil {
		address = " -o HostName=" + a.String()
	}
	return fmt.Sprintf("ssh -p %d%s -o HostKeyAlias=%s -o CheckHostIP=no -o ServerAliveInterval=30 %s@%s",
		l.ListenerPort, address, l.KeyAlias(), user, l.Resources.DNSName)
}

// KeyAlias is the name under which ssh looks for the instance's host keys.
func (l *Lease) KeyAlias() string {
	if SafeHostKeyAlias(l.HostKeyAlias) {
		return l.HostKeyAlias
	}
	return l.Instance.ID
}

// ByAddress is the address that ssh needs while the load balancer's name does
// not resolve; "" if it does, or if none is known.
func (l *Lease) ByAddress() string {
	if l.Resources.Resolved {
		return ""
	}
	return l.Resources.Address
}
