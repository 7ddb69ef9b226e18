package fakeslack

import (
	"fmt"
	"slices"
)

// NewAppToken makes one more app-level token, of which an app may have several. The
// connections that are opened with it name it.
func (w *Workspace) NewAppToken() string {
	w.mu.Lock()
	defer w.mu.Unlock()
	token := fmt.Sprintf("%s-%d", w.opt.AppToken, len(w.appTokens)+1)
	w.appTokens = append(w.appTokens, token)
	return token
}

// SetTokenError makes every call with this token fail with a code: token_revoked
// or token_expired, invalid_auth, account_inactive, team_not_found,
// not_allowed_token_type. An empty code heals it.
// Open connections stay, as they do in Slack.
func (w *Workspace) SetTokenError(token, code string) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if code == "" {
		delete(w.tokenErrors, token)
		return
	}
	w.tokenErrors[token] = code
}

// Uninstall takes the app out of the workspace: the bot token answers
// account_inactive, and nothing that people do reaches the app, though its
// Socket Mode connections stay and the app token, which belongs to the app and
// not to the workspace, works.
func (w *Workspace) Uninstall() {
	w.SetTokenError(w.opt.BotToken, "account_inactive")
	w.mu.Lock()
	defer w.mu.Unlock()
	w.uninstalled = true
}

// Reinstall ends Uninstall. In Slack the bot token would be a new one; here it
// stays, so that a running bot can be watched.
func (w *Workspace) Reinstall() {
	w.SetTokenError(w.opt.BotToken, "")
	w.mu.Lock()
	defer w.mu.Unlock()
	w.uninstalled = false
}

// checkToken needs mu. An app token opens connections and does nothing else.
func (w *Workspace) checkToken(token string, app bool) *apiError {
	ofApp := slices.Contains(w.appTokens, token)
	switch {
	case token == "":
		return refused("not_authed")
	case app && ofApp, !app && token == w.opt.BotToken:
		if code := w.tokenErrors[token]; code != "" {
			return refused(code)
		}
		return nil
	case ofApp, token == w.opt.BotToken:
		return refused("not_allowed_token_type")
	}
	return refused("invalid_auth")
}
