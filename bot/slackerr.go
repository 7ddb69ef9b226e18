package bot

import (
	"errors"
	"slices"
	"time"

	"github.com/slack-go/slack"
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
	// messageGoneCodes are the codes of an update for which there is no message.
	messageGoneCodes = []string{"message_not_found"}
	// frozenCodes are the codes of an update of a message that is there and will
	// never change again.
	frozenCodes = []string{"cant_update_message", "edit_window_closed"}
	// blockCodes are the codes of a message whose blocks Slack does not take, and
	// whose text it may.
	blockCodes = []string{"invalid_blocks", "invalid_blocks_format", "msg_blocks_too_long"}
	// threadGoneCodes are the codes of a reply to a message that is not there.
	threadGoneCodes = []string{"thread_not_found", "message_not_found", "cannot_reply_to_message", "restricted_action_non_threadable_channel"}
	// scopeCodes are the codes of a token that works, but not for this.
	scopeCodes = []string{"missing_scope", "not_allowed_token_type"}
	// temporaryCodes are the codes of trouble on Slack's side, and of going too fast.
	temporaryCodes = []string{"ratelimited", "rate_limited", "message_limit_exceeded", "internal_error", "fatal_error",
		"service_unavailable", "request_timeout", "update_failed", "external_channel_migrating",
		"team_added_to_org", "org_login_required", "accesslimited"}
	// requestCodes are the codes of a request that is wrong in itself, and would
	// be in any other place.
	requestCodes = []string{"invalid_blocks", "invalid_blocks_format", "msg_too_long", "msg_blocks_too_long", "no_text",
		"too_many_attachments", "invalid_attachments", "attachment_payload_limit_exceeded", "markdown_text_conflict",
		"invalid_metadata_format", "invalid_metadata_schema", "metadata_too_large", "metadata_must_be_sent_from_app",
		"invalid_arguments", "invalid_arg_name", "invalid_array_arg", "invalid_charset", "invalid_form_data",
		"invalid_json", "json_not_object", "invalid_post_type", "missing_post_type", "missing_charset",
		"unknown_method", "method_deprecated", "deprecated_endpoint"}
)

// temporary reports whether the same may work a little later: nothing was
// refused, or only for now.
func temporary(err error) bool {
	code := slackCode(err)
	return code == "" || slices.Contains(temporaryCodes, code)
}

func hasCode(err error, codes []string) bool { return slices.Contains(codes, slackCode(err)) }

// refusedHere reports whether a message was refused because of the place that it
// was sent to, so that another place may take it. Slack has many codes for that
// and adds more, so every refusal counts that has no other known cause: a card in
// the wrong place is better than one that is tried in the right one for ever.
func refusedHere(err error) bool {
	code := slackCode(err)
	return code != "" && !slices.Contains(slices.Concat(tokenCodes, scopeCodes, temporaryCodes, requestCodes), code)
}

// secret hides text from an error's message but keeps what it wraps for
// errors.Is and errors.As.
type secret struct {
	text string
	err  error
}

func (s secret) Error() string { return s.text }
func (s secret) Unwrap() error { return s.err }
