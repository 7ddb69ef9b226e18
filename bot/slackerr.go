package bot

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/slack-go/slack"

	"github.com/sshforward/sshforward"
)

// slackCode is Slack's own error code: channel_not_found and the like.
func slackCode(err error) string {
	if e, ok := errors.AsType[slack.SlackErrorResponse](err); ok {
		return e.Err
	}
	return ""
}

// retryAfter is what Slack asks for with a 429.
func retryAfter(err error) time.Duration {
	if e, ok := errors.AsType[*slack.RateLimitedError](err); ok {
		return e.RetryAfter
	}
	return 0
}

var (
	// tokenCodes mean that the token will never work again.
	tokenCodes = []string{"invalid_auth", "account_inactive", "not_authed", "token_revoked", "token_expired"}
	// elsewhere are the codes that forbid posting in one place only.
	elsewhere = []string{"not_in_channel", "channel_not_found", "is_archived", "restricted_action",
		"restricted_action_read_only_channel", "restricted_action_thread_only_channel",
		"restricted_action_non_threadable_channel", "ekm_access_denied", "messages_tab_disabled",
		"team_access_not_granted", "posting_to_general_channel_denied"}
	// vanished are the codes of an update for which there is no message.
	vanished = []string{"message_not_found", "cant_update_message", "edit_window_closed"}
	// noThread are the codes of a reply to a message that is not there.
	noThread = []string{"thread_not_found", "message_not_found", "cannot_reply_to_message", "restricted_action_non_threadable_channel"}
	// passing are the codes of trouble on Slack's side.
	passing = []string{"ratelimited", "rate_limited", "internal_error", "fatal_error", "service_unavailable",
		"request_timeout", "team_added_to_org", "org_login_required", "accesslimited"}
)

func is(err error, codes []string) bool { return slices.Contains(codes, slackCode(err)) }

// failed classifies what Slack or the way to it did to us.
func (b *Bot) failed(what string, err error) error {
	b.suspectToken(err)
	e := &sshforward.Error{Code: sshforward.EUNAVAILABLE, Message: "Slack cannot be reached just now.",
		Err: fmt.Errorf("%s: %w", what, b.clean(err)), RetryAfter: retryAfter(err)}
	switch code := slackCode(err); {
	case e.RetryAfter > 0:
		e.Message = "Slack asks me to slow down."
	case code == "" || slices.Contains(passing, code):
	case slices.Contains(tokenCodes, code):
		e.Message = "Slack no longer takes my token."
	default:
		e.Code, e.Message = sshforward.EFORBIDDEN, "Slack refuses it ("+code+")."
	}
	return e
}

// badToken returns the error Run ends with if err says that a token, or the
// address it is sent to, is wrong for good; nil otherwise.
func (b *Bot) badToken(variable string, err error) error {
	if code := slackCode(err); slices.Contains(tokenCodes, code) {
		return &sshforward.Error{Code: sshforward.EFORBIDDEN, Err: b.clean(err),
			Message: fmt.Sprintf("Slack does not take %s (%s); create a new token in the app's settings", variable, code)}
	}
	if code := slackCode(err); code == "not_allowed_token_type" {
		return &sshforward.Error{Code: sshforward.EFORBIDDEN, Err: b.clean(err),
			Message: variable + " is a token of another kind; bot tokens begin with xoxb-, app-level ones with xapp-"}
	}
	if e, ok := errors.AsType[slack.StatusCodeError](err); ok && e.Code == http.StatusNotFound {
		return &sshforward.Error{Code: sshforward.EINVALID, Err: b.clean(err),
			Message: "there is no Slack at the address in SLACK_API_URL"}
	}
	return nil
}

// suspectToken looks again when a call says that the bot token is bad, and
// ends Run if it is.
func (b *Bot) suspectToken(err error) {
	if !is(err, tokenCodes) {
		return
	}
	b.suspect.DoChan("auth.test", func() (any, error) {
		ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
		defer cancel()
		if _, err := b.api.AuthTestContext(ctx); err != nil {
			if bad := b.badToken("SLACK_BOT_TOKEN", err); bad != nil {
				select {
				case b.invalid <- bad:
				default:
				}
			}
		}
		return nil, nil
	})
}

// secret hides text from an error's message but keeps what it wraps for
// errors.Is and errors.As.
type secret struct {
	text string
	err  error
}

func (s secret) Error() string { return s.text }
func (s secret) Unwrap() error { return s.err }

// clean takes secrets out of an error before it is logged or passed on.
// net/http and net/url put the whole URL into theirs, and a response URL or a
// Socket Mode URL is as good as a token.
func (b *Bot) clean(err error) error {
	if err == nil {
		return nil
	}
	text := err.Error()
	if e, ok := errors.AsType[*url.Error](err); ok {
		host := "the server"
		if u, perr := url.Parse(e.URL); perr == nil && u.Host != "" {
			host = u.Host
		}
		text = e.Op + " " + host + ": " + e.Err.Error()
	}
	for _, token := range []string{b.opt.Token, b.opt.AppToken} {
		if len(token) > 4 {
			text = strings.ReplaceAll(text, token, "…")
		}
	}
	if text == err.Error() {
		return err
	}
	return secret{text, err}
}
