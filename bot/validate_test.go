package bot

import (
	"encoding/json"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"strconv"
	"testing"
	"time"
)

// Slack itself says whether it takes every golden message and view. Its validator
// is public and wants no token (https://docs.slack.dev/reference/methods/blocks.validate),
// but this sends some hundred requests to somebody else's server, so it has to be
// asked for.
func TestSlackTakesEveryGoldenFile(t *testing.T) {
	if os.Getenv("SSHFORWARD_BLOCKS_VALIDATE") == "" {
		t.Skip("SSHFORWARD_BLOCKS_VALIDATE is not set")
	}
	for what, pattern := range map[string]string{"message": "testdata/messages/*/*.json", "view": "testdata/views/*/*.json"} {
		files, err := filepath.Glob(pattern)
		if err != nil || len(files) < 10 {
			t.Fatal(files, err)
		}
		for _, file := range files {
			text, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			answer := validate(t, what, string(text))
			if !answer.OK {
				t.Errorf("%s: %s %s", file, answer.Error, answer.Errors)
			}
		}
	}
	// The validator does see what is wrong.
	if validate(t, "message", `{"blocks":[{"type":"section","text":{"type":"nonsense","text":"x"}}]}`).OK {
		t.Error("it takes nonsense")
	}
}

type validation struct {
	OK     bool            `json:"ok"`
	Error  string          `json:"error"`
	Errors json.RawMessage `json:"errors"`
}

// validate asks Slack, as slowly as it wants to be asked.
func validate(t *testing.T, what, payload string) (v validation) {
	t.Helper()
	for range 10 {
		client := http.Client{Timeout: 20 * time.Second}
		resp, err := client.PostForm("https://slack.com/api/blocks.validate", url.Values{what: {payload}})
		if err != nil {
			t.Skip("Slack cannot be reached: ", err)
		}
		err = json.NewDecoder(resp.Body).Decode(&v)
		resp.Body.Close()
		if resp.StatusCode != http.StatusTooManyRequests {
			if err != nil {
				t.Fatal(resp.Status, err)
			}
			return v
		}
		seconds, _ := strconv.Atoi(resp.Header.Get("Retry-After"))
		time.Sleep(time.Duration(max(seconds, 1)) * time.Second)
	}
	t.Fatal("Slack wants to be left alone")
	return v
}
