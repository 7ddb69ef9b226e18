package fakeaws

import (
	"fmt"
	"net/http"
	"regexp"
	"time"
)

// rolePolicy is what a role demands of those who assume it.
type rolePolicy struct {
	denied     bool
	externalID string
}

var roleRE = regexp.MustCompile(`^arn:aws[a-z-]*:iam::(\d{12}):role/(?:.*/)?([\w+=,.@-]+)$`)

// DenyRole makes AssumeRole of a role answer AccessDenied. Roles that nothing
// is known about may be assumed by anybody.
func (c *Cloud) DenyRole(arn string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	p := c.roles[arn]
	p.denied = true
	c.roles[arn] = p
}

// AllowRole takes DenyRole back.
func (c *Cloud) AllowRole(arn string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	p := c.roles[arn]
	p.denied = false
	c.roles[arn] = p
}

// RequireExternalID makes AssumeRole of a role answer AccessDenied to those
// who do not give this external id.
func (c *Cloud) RequireExternalID(arn, externalID string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	p := c.roles[arn]
	p.externalID = externalID
	c.roles[arn] = p
}

func assumeRole(rq *request) (any, *apiError) {
	arn, name := rq.p.str("RoleArn"), rq.p.str("RoleSessionName")
	m := roleRE.FindStringSubmatch(arn)
	if m == nil || name == "" {
		return nil, errorf("ValidationError", "%s is invalid", arn)
	}
	p := rq.c.roles[arn]
	if p.denied || p.externalID != "" && p.externalID != rq.p.str("ExternalId") {
		return nil, &apiError{status: http.StatusForbidden, code: "AccessDenied",
			message: fmt.Sprintf("User: %s is not authorized to perform: sts:AssumeRole on resource: %s", rq.who.arn, arn)}
	}
	length := seconds(rq.p.num("DurationSeconds", 3600))
	if length < 15*time.Minute || length > 12*time.Hour {
		return nil, errorf("ValidationError", "DurationSeconds must be between 900 and 43200")
	}
	account, role := m[1], m[2]
	id := fmt.Sprintf("AROA%017X", rq.c.rnd.Uint64())[:21]
	s := session{
		identity: identity{
			account: account,
			arn:     "arn:" + partition(rq.r.name) + ":sts::" + account + ":assumed-role/" + role + "/" + name,
			userID:  id + ":" + name,
		},
		token: fmt.Sprintf("fakeaws-session-%016x", rq.c.rnd.Uint64()), expires: rq.now.Add(length),
	}
	// The account stands in the key, as it does, less legibly, at AWS.
	key := fmt.Sprintf("ASIA%s%04X", account, rq.c.nextSeq()&0xffff)
	rq.c.sessions[key] = s
	var out struct {
		Key     string `xml:"Credentials>AccessKeyId"`
		Secret  string `xml:"Credentials>SecretAccessKey"`
		Token   string `xml:"Credentials>SessionToken"`
		Expires string `xml:"Credentials>Expiration"`
		ARN     string `xml:"AssumedRoleUser>Arn"`
		ID      string `xml:"AssumedRoleUser>AssumedRoleId"`
	}
	out.Key, out.Secret, out.Token = key, "secret-of-"+key, s.token
	out.Expires, out.ARN, out.ID = stamp(s.expires), s.arn, s.userID
	return out, nil
}

func getCallerIdentity(rq *request) (any, *apiError) {
	var out struct {
		ARN     string `xml:"Arn"`
		User    string `xml:"UserId"`
		Account string `xml:"Account"`
	}
	out.ARN, out.User, out.Account = rq.who.arn, rq.who.userID, rq.who.account
	return out, nil
}
