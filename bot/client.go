package bot

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/url"
	"runtime/debug"
	"slices"
	"strings"
	"sync/atomic"
	"time"

	"github.com/slack-go/slack"
	"golang.org/x/sync/singleflight"

	"github.com/sshforward/sshforward"
	"github.com/sshforward/sshforward/internal/safe"
)

// viewWait bounds views.open; after that the trigger is of no use.
const viewWait = 4 * time.Second

// client is Slack's Web API, as the parts of the bot use it. It keeps tokens
// and response URLs out of errors and logs, and notices when Slack no longer
// takes the bot token.
type client struct {
	api    *slack.Client
	chat   *slack.Client // for messages: as patient as the context
	rates  *rates        // what both keep to
	http   *http.Client
	log    *slog.Logger
	tokens []string
	// invalid gets the reason when Slack no longer takes the bot token.
	invalid chan error
	suspect singleflight.Group
	// answered: Slack was there once, so its address is right.
	answered atomic.Bool
	// answers reports whether this replica is to answer a caller, see Keeper.
	answers func(context.Context, sshforward.Caller) bool
}

func newClient(o Options) *client {
	patient := *o.HTTPClient
	patient.Timeout = 0
	r := newRates()
	return &client{
		api:     newAPI(o, r.over(o.HTTPClient)),
		chat:    newAPI(o, r.over(&patient)),
		rates:   r,
		http:    o.HTTPClient,
		answers: func(context.Context, sshforward.Caller) bool { return true }, // until there is a keeper
		log:     o.Logger,
		tokens:  []string{o.Token, o.AppToken},
		invalid: make(chan error, 1),
	}
}

// newAPI makes slack-go's client for the Web API. Debug stays off: it prints
// what people write, and makes Slack's connections short-lived.
func newAPI(o Options, via interface {
	Do(*http.Request) (*http.Response, error)
}) *slack.Client {
	return slack.New(o.Token, slack.OptionAppLevelToken(o.AppToken), slack.OptionAPIURL(o.APIURL),
		slack.OptionHTTPClient(via), slack.OptionLog(slog.NewLogLogger(o.Logger.Handler(), slog.LevelDebug)))
}

// respond posts to a response URL. slack-go has a function for that, whose
// errors contain the URL.
func (c *client) respond(ctx context.Context, to string, p messagePayload) error {
	if to == "" {
		return fmt.Errorf("no response URL")
	}
	body, err := json.Marshal(p)
	if err != nil {
		return err
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, to, bytes.NewReader(body))
	if err != nil {
		return fmt.Errorf("response URL is malformed")
	}
	req.Header.Set("Content-Type", "application/json; charset=utf-8")
	resp, err := c.http.Do(req)
	if err != nil {
		return c.clean(err)
	}
	defer resp.Body.Close()
	answer, _ := io.ReadAll(io.LimitReader(resp.Body, 1000))
	if resp.StatusCode != http.StatusOK {
		return fmt.Errorf("response URL: %s", resp.Status)
	}
	// Some refusals come with 200: {"ok":false,"error":"used_url"}.
	var result struct {
		OK    *bool  `json:"ok"`
		Error string `json:"error"`
	}
	if json.Unmarshal(answer, &result) == nil && result.OK != nil && !*result.OK {
		return fmt.Errorf("response URL: %s", result.Error)
	}
	return nil
}

// openView spends a trigger, which works once and for 3 s: for the replica that
// answers the caller.
func (c *client) openView(to sshforward.Caller, trigger string, view slack.ModalViewRequest) (id, hash string, err error) {
	if trigger == "" {
		return "", "", errors.New("no trigger")
	}
	ctx, cancel := context.WithTimeout(context.Background(), viewWait)
	defer cancel()
	if !c.answers(ctx, to) {
		return "", "", errors.New("another replica opens it")
	}
	resp, err := c.api.OpenViewContext(ctx, trigger, view)
	if err != nil {
		c.suspectToken(err)
		c.explain("a modal", err)
		return "", "", err
	}
	return resp.ID, resp.Hash, nil
}

// explain logs what Slack finds wrong with a view that it refused.
func (c *client) explain(what string, err error) {
	if e, ok := errors.AsType[slack.SlackErrorResponse](err); ok && e.Err == "invalid_arguments" {
		c.log.Error("Slack refuses "+what, "err", c.clean(err), "why", cut(strings.Join(e.ResponseMetadata.Messages, "; "), 500))
	}
}

// failed is the domain's error for a call to Slack that did not work.
func (c *client) failed(what string, err error) error {
	c.suspectToken(err)
	e := &sshforward.Error{Code: sshforward.EUNAVAILABLE, Message: sshforward.Textf("Slack cannot be reached just now."),
		Err: fmt.Errorf("%s: %w", what, c.clean(err)), RetryAfter: retryAfter(err)}
	switch code := slackCode(err); {
	case e.RetryAfter > 0:
		e.Message = sshforward.Textf("Slack asks me to slow down.")
	case temporary(err):
	case slices.Contains(tokenCodes, code):
		e.Message = sshforward.Textf("Slack no longer takes my token.")
	case code == "not_allowed_token_type":
		e.Code, e.Message = sshforward.EFORBIDDEN, sshforward.Textf("My token for Slack is of another kind than this needs.")
	case code == "team_not_found":
		e.Code, e.Message = sshforward.EFORBIDDEN, sshforward.Textf("Slack does not know the workspace of my token.")
	case code == "plan_upgrade_required":
		e.Code, e.Message = sshforward.EFORBIDDEN, sshforward.Textf("The plan of this Slack workspace does not have this.")
	default:
		e.Code, e.Message = sshforward.EFORBIDDEN, sshforward.Textf("Slack refuses it (%s).", code)
	}
	return e
}

// RefusedError is the cause of the error that [Bot.Run] ends with when Slack does
// not take a token.
type RefusedError struct {
	// Variable is the token's name: SLACK_BOT_TOKEN or SLACK_APP_TOKEN.
	Variable string
	Err      error // what Slack says
}

func (e *RefusedError) Error() string { return e.Err.Error() }
func (e *RefusedError) Unwrap() error { return e.Err }

// badToken returns the error Run ends with if err says that a token, or the
// address it is sent to, is wrong for good; nil otherwise. A 404 says that of the
// address only until Slack has answered there: later it comes from something on
// the way.
func (c *client) badToken(variable string, err error) error {
	refused := &RefusedError{Variable: variable, Err: c.clean(err)}
	if code := slackCode(err); slices.Contains(tokenCodes, code) {
		return &sshforward.Error{Code: sshforward.EFORBIDDEN, Err: refused,
			Message: sshforward.Textf("Slack does not take %s (%s); create a new token in the app's settings", variable, code)}
	}
	switch code := slackCode(err); {
	case code == "not_allowed_token_type":
		return &sshforward.Error{Code: sshforward.EFORBIDDEN, Err: refused,
			Message: sshforward.Textf("%s is a token of another kind; bot tokens begin with xoxb-, app-level ones with xapp-", variable)}
	case code == "team_not_found":
		return &sshforward.Error{Code: sshforward.EFORBIDDEN, Err: refused,
			Message: sshforward.Textf("Slack does not know the workspace of %s (%s); install the app in one workspace and take its token",
				variable, code)}
	case code == "missing_scope" && variable == "SLACK_APP_TOKEN":
		return &sshforward.Error{Code: sshforward.EFORBIDDEN, Err: refused,
			Message: sshforward.Textf("%s lacks connections:write; make an app-level token that has it", variable)}
	}
	if e, ok := errors.AsType[slack.StatusCodeError](err); ok && e.Code == http.StatusNotFound && !c.answered.Load() {
		return &sshforward.Error{Code: sshforward.EINVALID, Err: c.clean(err),
			Message: sshforward.Textf("there is no Slack at the address in SLACK_API_URL")}
	}
	return nil
}

// suspectToken asks Slack about the bot token when a call says that it is bad,
// and ends Run if it is.
func (c *client) suspectToken(err error) {
	if !hasCode(err, tokenCodes) {
		return
	}
	c.suspect.DoChan("auth.test", func() (_ any, err error) {
		defer safe.Recover(&err)
		ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
		defer cancel()
		if _, err := c.api.AuthTestContext(ctx); err != nil {
			if bad := c.badToken("SLACK_BOT_TOKEN", err); bad != nil {
				select {
				case c.invalid <- bad:
				default:
				}
			}
		}
		return nil, nil
	})
}

// clean takes secrets out of an error before it is logged or passed on.
// net/http and net/url put the whole URL into theirs, and a response URL or a
// Socket Mode URL is as good as a token.
func (c *client) clean(err error) error {
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
	for _, token := range c.tokens {
		if len(token) > 4 {
			text = strings.ReplaceAll(text, token, "…")
		}
	}
	if text == err.Error() {
		return err
	}
	return secret{text, err}
}

// recovered is deferred where a panic must not end the process: it logs the
// panic and calls then, which may be nil.
func (c *client) recovered(where string, then func()) {
	r := recover()
	if r == nil {
		return
	}
	c.log.Error("panic", "step", where, "panic", r, "stack", string(debug.Stack()))
	if then != nil {
		then()
	}
}
