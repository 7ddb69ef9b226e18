package deploy_test

import (
	"bytes"
	"os"
	"testing"

	"github.com/goccy/go-yaml"
	"github.com/google/go-cmp/cmp"
	"github.com/slack-go/slack"
)

// The manifest has the shape that Slack knows, as far as slack-go knows it,
// and asks for no more than the bot needs.
func TestManifest(t *testing.T) {
	text, err := os.ReadFile("slack-manifest.yaml")
	if err != nil {
		t.Fatal(err)
	}
	var m slack.Manifest
	if err := yaml.NewDecoder(bytes.NewReader(text), yaml.DisallowUnknownField()).Decode(&m); err != nil {
		t.Fatal(err)
	}
	want := slack.OAuthScopes{Bot: []string{
		"commands", "chat:write", "chat:write.public", "users:read", "im:write", "usergroups:read", "channels:read", "groups:read",
	}}
	if diff := cmp.Diff(want, m.OAuthConfig.Scopes); diff != "" {
		t.Errorf("scopes (-want +got):\n%s", diff)
	}
	s := m.Settings
	if !s.SocketModeEnabled || s.Interactivity == nil || !s.Interactivity.IsEnabled {
		t.Error("Socket Mode and interactivity have to be on")
	}
	if s.OrgDeployEnabled || s.TokenRotationEnabled {
		t.Error("org deploy and token rotation have to be off")
	}
	if s.EventSubscriptions == nil || !cmp.Equal(s.EventSubscriptions.BotEvents, []string{"app_home_opened"}) {
		t.Errorf("events: %+v", s.EventSubscriptions)
	}
	if !m.Features.AppHome.HomeTabEnabled {
		t.Error("the app home tab has to be on")
	}
	if c := m.Features.SlashCommands; len(c) != 1 || c[0].Command != "/sshforward" || c[0].UsageHint == "" {
		t.Errorf("slash commands: %+v", c)
	}
}
