package provisioner

import (
	"maps"
	"strconv"
	"strings"
	"time"
	"unicode"

	"github.com/sshforward/sshforward"
)

// The tags on a lease's security group and its rule in the instance's group;
// the load balancer has the first five, see balancerTags. TagDeployment and
// TagLease prove ownership and stand on the rules of the lease's own group too,
// with TagOwner; the others are what a rebuild needs when the store is lost.
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
	TagTeam         = "sshforward:team"    // Slack workspace
	TagChannel      = "sshforward:channel" // where it was asked for
	TagCard         = "sshforward:card"    // CHANNEL/TS of the durable message, if it was posted by then
)

// Tags is the full set for a lease.
func Tags(deployment string, l *sshforward.Lease) map[string]string {
	t := ownTags(deployment, l)
	maps.Copy(t, clockTags(l))
	set := func(key, value string) {
		if value = tagValue(value); value != "" {
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
	return t
}

// balancerTags is what the load balancer carries: whose it is and until when. Ten
// tags are all that ELB's API reference allows it (the guide says fifty), and
// four of those are for [Account.Tags]. The group, which cannot go before it, has
// the full set.
func balancerTags(deployment string, l *sshforward.Lease) map[string]string {
	t := ownTags(deployment, l)
	maps.Copy(t, clockTags(l))
	return t
}

// ownTags are the tags that never change.
func ownTags(deployment string, l *sshforward.Lease) map[string]string {
	return map[string]string{
		TagDeployment: deployment,
		TagLease:      l.ID,
		TagOwner:      tagValue(l.Owner),
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

// maxTagValue is ELB's limit; EC2 takes one more.
const maxTagValue = 255

// tagValue replaces what ELB does not take in a tag and cuts what is too long.
func tagValue(s string) string {
	s = strings.Map(func(r rune) rune {
		if unicode.IsLetter(r) || unicode.IsDigit(r) || strings.ContainsRune(" +-=._:/@", r) {
			return r
		}
		return '_'
	}, s)
	if r := []rune(s); len(r) > maxTagValue {
		s = string(r[:maxTagValue])
	}
	return strings.TrimSpace(s)
}

// FromTags reads back what Tags wrote, as far as tags can say: a lease that is
// Open if its clock had started and Opening otherwise, with ExpiresAt at what
// the tags say, and neither sources nor resources. It reports false if the
// tags do not belong to a lease of the deployment. defaults fills in what the
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
	return l, true
}
