package web

import (
	"cmp"
	"slices"

	"github.com/sshforward/sshforward/bot/fakeslack"
)

// recent is how many messages of a channel, and of one person's ephemeral ones,
// a page is given to begin with. A week of soaking has more than it can draw.
const recent = 300

// people is everybody and everything with a name.
type people struct {
	Team     string                `json:"team"`
	Bot      string                `json:"bot"`
	Users    []fakeslack.User      `json:"users"`
	Channels []fakeslack.Channel   `json:"channels"`
	Groups   []fakeslack.UserGroup `json:"groups"`
}

// scene is the whole workspace as a page begins with it. It holds what every
// person sees, since the page can act as any of them; the page shows each one
// only their own.
type scene struct {
	people
	Messages []fakeslack.Message `json:"messages"`
	Views    []fakeslack.View    `json:"views"`
	Homes    []fakeslack.View    `json:"homes"`
	Online   int                 `json:"online"` // Socket Mode connections
}

// channelsOf lists the channels with a DM with the bot for every person. The
// workspace opens those on demand, so a snapshot may not have them yet.
func channelsOf(w *fakeslack.Workspace, s *fakeslack.Snapshot) []fakeslack.Channel {
	all := s.Channels()
	for _, u := range s.Users() {
		if u.IsBot || u.Deleted {
			continue
		}
		id := w.DM(u.ID)
		if !slices.ContainsFunc(all, func(c fakeslack.Channel) bool { return c.ID == id }) {
			all = append(all, fakeslack.Channel{ID: id, IM: true, IMUser: u.ID, BotMember: true, Members: []string{u.ID, w.BotUserID()}})
		}
	}
	return all
}

func peopleOf(w *fakeslack.Workspace, s *fakeslack.Snapshot) people {
	return people{Team: w.TeamID(), Bot: w.BotUserID(), Users: s.Users(), Channels: channelsOf(w, s), Groups: s.UserGroups()}
}

func sceneOf(w *fakeslack.Workspace, s *fakeslack.Snapshot) scene {
	out := scene{people: peopleOf(w, s), Online: len(s.Connections())}
	for _, c := range out.Channels {
		out.Messages = append(out.Messages, last(s.Messages(c.ID))...)
	}
	for _, u := range out.Users {
		out.Messages = append(out.Messages, last(s.Ephemerals(u.ID, ""))...)
		out.Views = append(out.Views, s.Views(u.ID)...)
		if h, ok := s.Home(u.ID); ok {
			out.Homes = append(out.Homes, h)
		}
	}
	slices.SortStableFunc(out.Messages, func(a, b fakeslack.Message) int { return cmp.Compare(a.TS, b.TS) })
	for i := range out.Messages {
		out.Messages[i] = slim(out.Messages[i])
	}
	return out
}

// slim leaves out what the page does not show.
func slim(m fakeslack.Message) fakeslack.Message {
	m.Edits, m.Metadata, m.Attachments = nil, nil, nil
	return m
}

func last(all []fakeslack.Message) []fakeslack.Message {
	return all[max(0, len(all)-recent):]
}
