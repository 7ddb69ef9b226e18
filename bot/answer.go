package bot

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"time"

	"github.com/sshforward/sshforward"
)

// recipient is where an answer goes. The response URL is a secret: whoever has
// it can write into the channel for half an hour.
type recipient struct {
	caller      sshforward.Caller
	responseURL string
}

// answer tells the caller, by whatever way is left: the response URL works
// even where the bot may not post, but five times and for 30 minutes only;
// then an ephemeral message in the channel; then a direct message.
func (b *Bot) answer(to recipient, m message, replace bool) {
	if m.Text == "" {
		return
	}
	// Not the command's context: its end is one of the things to tell.
	ctx, cancel := context.WithTimeout(context.Background(), 20*time.Second)
	defer cancel()
	if to.responseURL != "" { // none comes with what happens in a modal or in Home
		err := b.respond(ctx, to.responseURL, ephemeral(m, replace))
		if err == nil {
			return
		}
		b.log.Info("response URL does not work, posting instead", "user", to.caller.User, "err", b.clean(err))
	}
	c := to.caller
	if c.Channel != "" {
		_, err := b.api.PostEphemeralContext(ctx, c.Channel, c.User, m.options()...)
		if err == nil {
			return
		}
		b.suspectToken(err)
	}
	if _, _, err := b.direct(ctx, c.User, m); err != nil {
		b.log.Error("answer lost", "user", c.User, "err", b.clean(err))
	}
}

// respond posts to a response URL. slack-go has a function for that, whose
// errors contain the URL.
func (b *Bot) respond(ctx context.Context, url string, p payload) error {
	if url == "" {
		return fmt.Errorf("no response URL")
	}
	body, err := json.Marshal(p)
	if err != nil {
		return err
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, url, bytes.NewReader(body))
	if err != nil {
		return fmt.Errorf("response URL is malformed")
	}
	req.Header.Set("Content-Type", "application/json; charset=utf-8")
	resp, err := b.opt.HTTPClient.Do(req)
	if err != nil {
		return b.clean(err)
	}
	defer resp.Body.Close()
	said, _ := io.ReadAll(io.LimitReader(resp.Body, 1000))
	if resp.StatusCode != http.StatusOK {
		return fmt.Errorf("response URL: %s", resp.Status)
	}
	// Some refusals come with 200: {"ok":false,"error":"used_url"}.
	var result struct {
		OK    *bool  `json:"ok"`
		Error string `json:"error"`
	}
	if json.Unmarshal(said, &result) == nil && result.OK != nil && !*result.OK {
		return fmt.Errorf("response URL: %s", result.Error)
	}
	return nil
}
