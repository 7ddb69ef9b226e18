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
	// vanished are the codes of an update for which there is no message.
	vanished = []string{"message_not_found", "cant_update_message", "edit_window_closed"}
	// noThread are the codes of a reply to a message that is not there.
	noThread = []string{"thread_not_found", "message_not_found", "cannot_reply_to_message", "restricted_action_non_threadable_channel"}
	// lacking are the codes of a token that works, but not for this.
	lacking = []string{"missing_scope", "not_allowed_token_type"}
	// passing are the codes of trouble on Slack's side, and of going too fast.
	passing = []string{"ratelimited", "rate_limited", "message_limit_exceeded", "internal_error", "fatal_error",
		"service_unavailable", "request_timeout", "update_failed", "external_channel_migrating",
		"team_added_to_org", "org_login_required", "accesslimited"}
	// ours are the codes of what was sent, which is as wrong in any other place.
	ours = []string{"invalid_blocks", "invalid_blocks_format", "msg_too_long", "msg_blocks_too_long", "no_text",
		"too_many_attachments", "invalid_attachments", "attachment_payload_limit_exceeded", "markdown_text_conflict",
		"invalid_metadata_format", "invalid_metadata_schema", "metadata_too_large", "metadata_must_be_sent_from_app",
		"invalid_arguments", "invalid_arg_name", "invalid_array_arg", "invalid_charset", "invalid_form_data",
		"invalid_json", "json_not_object", "invalid_post_type", "missing_post_type", "missing_charset",
		"unknown_method", "method_deprecated", "deprecated_endpoint"}
)

func is(err error, codes []string) bool { return slices.Contains(codes, slackCode(err)) }

// elsewhere reports whether a message that was refused may be welcome in
// another place. Slack has many codes for a place where one may not write, and
// more to come, so it is every refusal with no other known cause: better a card
// in the wrong place than one that is tried in the right one for ever.
func elsewhere(err error) bool {
	code := slackCode(err)
	return code != "" && !slices.Contains(slices.Concat(tokenCodes, lacking, passing, ours), code)
}

// failed classifies what Slack or the way to it did to us.
func (b *Bot) failed(what string, err error) error {
	b.suspectToken(err)
	e := &sshforward.Error{Code: sshforward.EUNAVAILABLE, Message: sshforward.Textf("Slack cannot be reached just now."),
		Err: fmt.Errorf("%s: %w", what, b.clean(err)), RetryAfter: retryAfter(err)}
	switch code := slackCode(err); {
	case e.RetryAfter > 0:
		e.Message = sshforward.Textf("Slack asks me to slow down.")
	case code == "" || slices.Contains(passing, code):
	case slices.Contains(tokenCodes, code):
		e.Message = sshforward.Textf("Slack no longer takes my token.")
	default:
		e.Code, e.Message = sshforward.EFORBIDDEN, sshforward.Textf("Slack refuses it (%s).", code)
	}
	return e
}

// badToken returns the error Run ends with if err says that a token, or the
// address it is sent to, is wrong for good; nil otherwise.
func (b *Bot) badToken(variable string, err error) error {
	if code := slackCode(err); slices.Contains(tokenCodes, code) {
		return &sshforward.Error{Code: sshforward.EFORBIDDEN, Err: b.clean(err),
			Message: sshforward.Textf("Slack does not take %s (%s); create a new token in the app's settings", variable, code)}
	}
	if code := slackCode(err); code == "not_allowed_token_type" {
		return &sshforward.Error{Code: sshforward.EFORBIDDEN, Err: b.clean(err),
			Message: sshforward.Textf("%s is a token of another kind; bot tokens begin with xoxb-, app-level ones with xapp-", variable)}
	}
	if e, ok := errors.AsType[slack.StatusCodeError](err); ok && e.Code == http.StatusNotFound {
		return &sshforward.Error{Code: sshforward.EINVALID, Err: b.clean(err),
			Message: sshforward.Textf("there is no Slack at the address in SLACK_API_URL")}
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
