package fakeslack

import (
	"fmt"
	"slices"
)

// User is a person or a bot.
type User struct {
	ID       string `json:"id"`
	Name     string `json:"name"`
	RealName string `json:"real_name"` // default Name
	Email    string `json:"email,omitempty"`
	Locale   string `json:"locale"`    // default en-US
	TZ       string `json:"tz"`        // default Etc/UTC
	TZOffset int    `json:"tz_offset"` // seconds
	IsBot    bool   `json:"is_bot"`
	IsAdmin  bool   `json:"is_admin"`
	Deleted  bool   `json:"deleted"` // deactivated: can do nothing any more
	// Restricted is a guest in several channels, UltraRestricted one in a
	// single channel (who is Restricted too, as in Slack).
	Restricted      bool `json:"is_restricted"`
	UltraRestricted bool `json:"is_ultra_restricted"`

	// TeamID is the person's own workspace; default the one where the app is
	// installed. Another one makes them a colleague from a sister workspace if
	// EnterpriseID is the workspace's (Options.EnterpriseID), and otherwise a
	// stranger who came by Slack Connect.
	TeamID string `json:"team_id"`
	// EnterpriseID is the organisation the person belongs to; default the
	// workspace's for its own people and none for others.
	EnterpriseID string `json:"enterprise_id,omitempty"`
	// Teams are the workspaces of their organisation the person is in; default TeamID.
	Teams []string `json:"teams,omitempty"`
}

// Channel is a conversation. The default is a public channel.
type Channel struct {
	ID       string   `json:"id"`
	Name     string   `json:"name"`
	Private  bool     `json:"is_private"`
	IM       bool     `json:"is_im"` // a DM; with IMUser it is the bot's, otherwise between two people
	IMUser   string   `json:"user,omitempty"`
	Archived bool     `json:"is_archived"`
	Members  []string `json:"members"`
	// BotMember says whether the bot is in it. Public channels take its posts
	// either way with chat:write.public, private ones do not exist for it otherwise.
	BotMember bool `json:"is_member"`
	// ExtShared is a channel that other companies see too (Slack Connect),
	// PendingExtShared one to which another company is invited.
	ExtShared        bool `json:"is_ext_shared"`
	PendingExtShared bool `json:"is_pending_ext_shared"`
	// PostError, if set, is what every post to it answers, for instance
	// not_in_channel or restricted_action.
	PostError string `json:"-"`
}

// UserGroup is a group that is mentioned as <!subteam^S…>.
type UserGroup struct {
	ID       string   `json:"id"`
	Handle   string   `json:"handle"`
	Name     string   `json:"name"`
	Users    []string `json:"users"`
	Disabled bool     `json:"disabled"`
}

// AddUser adds or replaces a user.
func (w *Workspace) AddUser(u User) {
	if u.RealName == "" {
		u.RealName = u.Name
	}
	if u.Locale == "" {
		u.Locale = "en-US"
	}
	if u.TZ == "" {
		u.TZ = "Etc/UTC"
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	if u.TeamID == "" {
		u.TeamID = w.opt.TeamID
	}
	if u.EnterpriseID == "" && u.TeamID == w.opt.TeamID {
		u.EnterpriseID = w.opt.EnterpriseID
	}
	u.Restricted = u.Restricted || u.UltraRestricted
	u.Teams = slices.Clone(u.Teams)
	w.users.put(u)
	w.note(Change{Kind: ChangePeople, User: u.ID})
}

// AddChannel adds or replaces a channel.
func (w *Workspace) AddChannel(c Channel) {
	c.Members = slices.Clone(c.Members)
	w.mu.Lock()
	defer w.mu.Unlock()
	w.channels.put(c)
	w.note(Change{Kind: ChangePeople, Channel: c.ID})
}

// AddUserGroup adds or replaces a user group.
func (w *Workspace) AddUserGroup(g UserGroup) {
	g.Users = slices.Clone(g.Users)
	w.mu.Lock()
	defer w.mu.Unlock()
	w.groups.put(g)
	w.note(Change{Kind: ChangePeople})
}

// DM is the id of the bot's direct channel with a user, opened if need be.
func (w *Workspace) DM(user string) string {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.dm(user).ID
}

// dm needs mu.
func (w *Workspace) dm(user string) *Channel {
	for _, c := range w.channels.list {
		if c.IM && c.IMUser == user {
			return c
		}
	}
	c := w.channels.put(Channel{ID: w.newID("D"), IM: true, IMUser: user, BotMember: true, Members: []string{user, w.opt.BotUserID}})
	w.note(Change{Kind: ChangePeople, Channel: c.ID})
	return c
}

// sees tells whether a person can see what is in a channel: guests and people
// from outside the organisation only where they were let in. Needs mu.
func (w *Workspace) sees(c *Channel, user string) bool {
	if slices.Contains(c.Members, user) {
		return true
	}
	u := w.users.get(user)
	return u != nil && !c.Private && !c.IM && !u.Restricted && !w.outsider(u)
}

// visibleToBot tells whether the Web API admits that the channel exists. Needs mu.
func (c *Channel) visibleToBot() bool { return c.BotMember || !c.Private && !c.IM }

// slashName is the channel_name of a slash command, which is not the real name
// for anything but a public channel.
func (c *Channel) slashName() string {
	switch {
	case c.IM:
		return "directmessage"
	case c.Private:
		return "privategroup"
	}
	return c.Name
}

// person looks up a user who does something. Needs mu.
func (w *Workspace) person(id string) (*User, error) {
	u, err := w.anybody(id)
	if err == nil && u.Deleted {
		return nil, fmt.Errorf("fakeslack: %s is deactivated and can do nothing", id)
	}
	return u, err
}

// anybody looks up a user for what a forger does in their name. Needs mu.
func (w *Workspace) anybody(id string) (*User, error) {
	u := w.users.get(id)
	if u == nil {
		return nil, fmt.Errorf("fakeslack: no user %q", id)
	}
	return u, nil
}

// table keeps values by id in the order they were added.
type table[T any] struct {
	id   func(*T) string
	list []*T
}

func newTable[T any](id func(*T) string) *table[T] { return &table[T]{id: id} }

func (t *table[T]) get(id string) *T {
	for _, v := range t.list {
		if t.id(v) == id {
			return v
		}
	}
	return nil
}

// put stores a copy. Values are replaced, never changed, since snapshots share them.
func (t *table[T]) put(v T) *T {
	for i, old := range t.list {
		if t.id(old) == t.id(&v) {
			t.list[i] = &v
			return &v
		}
	}
	t.list = append(t.list, &v)
	return &v
}
