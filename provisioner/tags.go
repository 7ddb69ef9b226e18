package provisioner

import (
	"maps"
	"net/netip"
	"strconv"
	"strings"
	"time"

	"github.com/sshforward/sshforward"
)

// The tags on a lease's security group and its rule in the instance's group;
// the load balancer has some of them, see balancerTags. TagDeployment, TagLease
// and TagOwner stand on the rules of the lease's own group too; the others are
// what a rebuild needs when the store is lost, and TagProof signs them.
const (
	TagDeployment   = "sshforward:deployment"
	TagLease        = "sshforward:lease"
	TagOwner        = "sshforward:owner"   // Slack user id
	TagExpires      = "sshforward:expires" // RFC 3339, UTC; see Lease.End
	TagOpened       = "sshforward:opened"  // RFC 3339, UTC; only once the clock has started
	TagMax          = "sshforward:max"     // Go duration; what extensions are capped by
	TagUrgent       = "sshforward:urgent"  // "true" if it went past its approvers
	TagAccount      = "sshforward:account" // the configured name
	TagInstance     = "sshforward:instance"
	TagTargetPort   = "sshforward:target-port"
	TagListenerPort = "sshforward:listener-port"
	TagSSHUser      = "sshforward:ssh-user"
	TagTeam         = "sshforward:team"     // Slack workspace
	TagChannel      = "sshforward:channel"  // where it was asked for
	TagCard         = "sshforward:card"     // CHANNEL/TS of the durable message, if it was posted by then
	TagRule         = "sshforward:rule"     // the rule of the policy that it was let in by
	TagApproved     = "sshforward:approved" // Slack user ids of those who said yes, separated by blanks
	TagSources      = "sshforward:sources"  // CIDRs, separated by blanks
	TagStore        = "sshforward:store"    // the id of the store that it is in
	TagProof        = "sshforward:proof"    // see Signing
)

// Tags is the full set for a lease.
func Tags(deployment string, l *sshforward.Lease) map[string]string {
	t := ownTags(deployment, l)
	maps.Copy(t, clockTags(l))
	set := func(key, value string) {
		if value = sshforward.TagValue(value); value != "" {
			t[key] = value
		}
	}
	if l.Max > 0 {
		set(TagMax, l.Max.String())
	}
	if l.Urgent {
		set(TagUrgent, "true")
	}
	set(TagAccount, l.Instance.Account)
	set(TagInstance, l.Instance.ID)
	set(TagTargetPort, strconv.Itoa(l.TargetPort))
	set(TagListenerPort, strconv.Itoa(l.ListenerPort))
	set(TagSSHUser, l.SSHUser)
	set(TagTeam, l.Team)
	set(TagChannel, l.Channel)
	if l.Card.TS != "" {
		set(TagCard, l.Card.Channel+"/"+l.Card.TS)
	}
	set(TagRule, l.Rule)
	set(TagSources, joined(l.Sources, netip.Prefix.String))
	set(TagApproved, joined(l.Approved, func(a sshforward.Approval) string { return a.User }))
	return t
}

func joined[T any](all []T, text func(T) string) string {
	var out []string
	for _, one := range all {
		out = append(out, text(one))
	}
	return strings.Join(out, " ")
}

// balancerKeys are the tags that the load balancer carries, six at most: the API
// reference allows ten on a Classic Load Balancer (the guide says fifty), and four
// of those are for [Account.Tags]. The group, which cannot go before it, has the full set.
var balancerKeys = []string{TagDeployment, TagLease, TagOwner, TagExpires, TagOpened, TagProof}

// balancerTags is what of a lease's tags the load balancer carries.
func balancerTags(all map[string]string) map[string]string {
	t := map[string]string{}
	for _, key := range balancerKeys {
		if value, ok := all[key]; ok {
			t[key] = value
		}
	}
	return t
}

// identityKeys say whose something is.
var identityKeys = []string{TagDeployment, TagLease}

// movable is what is written when the end moves: all but what says whose it is,
// which the bot may not change. It puts right what somebody has made of the rest.
func movable(tags map[string]string) map[string]string {
	t := maps.Clone(tags)
	for _, key := range identityKeys {
		delete(t, key)
	}
	return t
}

// ownTags are the tags that never change.
func ownTags(deployment string, l *sshforward.Lease) map[string]string {
	return map[string]string{
		TagDeployment: deployment,
		TagLease:      l.ID,
		TagOwner:      sshforward.TagValue(l.Owner),
	}
}

// clockTags are the tags that an extension moves.
func clockTags(l *sshforward.Lease) map[string]string {
	t := map[string]string{TagExpires: tagTime(l.End())}
	if !l.OpenedAt.IsZero() {
		t[TagOpened] = l.OpenedAt.UTC().Format(time.RFC3339)
	}
	return t
}

func tagTime(t time.Time) string { return wholeSecond(t).Format(time.RFC3339) }

// wholeSecond rounds up, and to UTC: whoever acts on it must not be early.
func wholeSecond(t time.Time) time.Time {
	if whole := t.Truncate(time.Second); whole.Before(t) {
		t = whole.Add(time.Second)
	}
	return t.UTC()
}

// FromTags reads back what Tags wrote, as far as tags can say: a lease that is
// Open if its clock had started and Opening otherwise, with ExpiresAt at what
// the tags say, and no resources. It reports false if the tags do not belong to
// a lease of the deployment; whether anything in them is true it does not tell. defaults fills in what the
// tags do not say.
func FromTags(deployment string, tags map[string]string, defaults Account) (*sshforward.Lease, bool) {
	id, ok := sshforward.ParseID(tags[TagLease])
	if !ok || id != tags[TagLease] || tags[TagDeployment] != deployment {
		return nil, false
	}
	l := &sshforward.Lease{
		ID:      id,
		State:   sshforward.Opening,
		Owner:   tags[TagOwner],
		Team:    tags[TagTeam],
		Channel: tags[TagChannel],
		Terms: sshforward.Terms{
			Urgent:       tags[TagUrgent] == "true",
			SSHUser:      defaults.SSHUser,
			ListenerPort: defaults.ListenerPort,
			Instance:     sshforward.Instance{Account: defaults.Name, Region: defaults.Region, ID: tags[TagInstance]},
		},
	}
	if u := tags[TagSSHUser]; u != "" {
		l.SSHUser = u
	}
	if n, err := strconv.Atoi(tags[TagListenerPort]); err == nil {
		l.ListenerPort = n
	}
	if n, err := strconv.Atoi(tags[TagTargetPort]); err == nil {
		l.TargetPort = n
	}
	if d, err := time.ParseDuration(tags[TagMax]); err == nil {
		l.Max = d
	}
	if t, err := time.Parse(time.RFC3339, tags[TagExpires]); err == nil {
		l.ExpiresAt, l.Resources.Until = t, t
	}
	if t, err := time.Parse(time.RFC3339, tags[TagOpened]); err == nil {
		l.State, l.OpenedAt = sshforward.Open, t
		l.Duration = l.ExpiresAt.Sub(t)
	}
	if channel, ts, ok := strings.Cut(tags[TagCard], "/"); ok {
		l.Card.Channel, l.Card.TS = channel, ts
	}
	l.Rule = tags[TagRule]
	for _, cidr := range strings.Fields(tags[TagSources]) {
		if p, err := netip.ParsePrefix(cidr); err == nil {
			l.Sources = append(l.Sources, p)
		}
	}
	for _, user := range strings.Fields(tags[TagApproved]) {
		l.Approved = append(l.Approved, sshforward.Approval{User: user, At: l.OpenedAt})
	}
	return l, true
}
