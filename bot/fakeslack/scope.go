package fakeslack

import (
	"slices"
	"strings"
)

// Scopes are what the bot token may do.
func (w *Workspace) Scopes() []string {
	w.mu.Lock()
	defer w.mu.Unlock()
	return slices.Clone(w.opt.Scopes)
}

// SetScopes installs the app anew with other scopes. The token stays, as it
// does in Slack.
func (w *Workspace) SetScopes(scopes ...string) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.opt.Scopes = slices.Clone(scopes)
}

// may tells whether the bot token has a scope. Needs mu.
func (w *Workspace) may(scope string) bool { return slices.Contains(w.opt.Scopes, scope) }

func missingScope(needed ...string) *apiError {
	return &apiError{code: "missing_scope", needed: strings.Join(needed, ",")}
}

// checkScope refuses what the token is not allowed, with the scope that it
// lacks and those it has. Needs mu.
func (w *Workspace) checkScope(m method, a args) *apiError {
	if m.scope != "" && !w.may(m.scope) {
		return missingScope(m.scope)
	}
	if m.access == "" {
		return nil
	}
	var all []string
	for _, kind := range []string{"channels", "groups", "mpim", "im"} {
		all = append(all, kind+":"+m.access)
	}
	if !slices.ContainsFunc(all, w.may) {
		return missingScope(all...)
	}
	// One that goes with another kind of conversation: Slack names the one that
	// is missing. Of a private channel that the bot is not in it says nothing.
	if c := w.channels.get(a.str("channel")); c != nil && c.visibleToBot() && !w.may(c.kind()+":"+m.access) {
		return missingScope(c.kind() + ":" + m.access)
	}
	return nil
}

// kind is the first part of the scopes for this kind of conversation.
func (c *Channel) kind() string {
	switch {
	case c.IM:
		return "im"
	case c.Private:
		return "groups"
	}
	return "channels"
}
