package fakeslack

import "slices"

// What changes among people while the app runs. The app is told nothing: it
// asks for no events about people.

// ChangeUser changes a user in place, for instance to make them a guest. A
// user who is not there is left alone.
func (w *Workspace) ChangeUser(id string, change func(*User)) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if u := w.users.get(id); u != nil {
		changed := *u
		change(&changed)
		changed.ID = id
		w.users.put(changed)
		w.note(Change{Kind: ChangePeople, User: id})
	}
}

// Deactivate ends a person's account, as an admin does when somebody leaves the
// company: out of every channel but direct messages, out of every user group,
// modals closed, and able to do nothing. users.info goes on answering for them.
func (w *Workspace) Deactivate(id string) {
	w.ChangeUser(id, func(u *User) { u.Deleted = true })
	w.mu.Lock()
	defer w.mu.Unlock()
	for _, c := range slices.Clone(w.channels.list) {
		if !c.IM && slices.Contains(c.Members, id) {
			changed := *c
			changed.Members = less(c.Members, id)
			w.channels.put(changed)
		}
	}
	for _, g := range slices.Clone(w.groups.list) {
		if slices.Contains(g.Users, id) {
			changed := *g
			changed.Users = less(g.Users, id)
			w.groups.put(changed)
		}
	}
	for _, v := range w.stack(id) {
		w.closeView(v)
	}
	w.note(Change{Kind: ChangePeople, User: id})
}

// Reactivate gives an account back, without the channels and groups it was in.
func (w *Workspace) Reactivate(id string) { w.ChangeUser(id, func(u *User) { u.Deleted = false }) }

// SetGroupUsers replaces the people of a user group.
func (w *Workspace) SetGroupUsers(id string, users ...string) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if g := w.groups.get(id); g != nil {
		changed := *g
		changed.Users = slices.Clone(users)
		w.groups.put(changed)
		w.note(Change{Kind: ChangePeople})
	}
}

// ChangeChannel changes a channel in place, for instance to archive it. A
// channel that is not there is left alone.
func (w *Workspace) ChangeChannel(id string, change func(*Channel)) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if c := w.channels.get(id); c != nil {
		changed := *c
		changed.Members = slices.Clone(c.Members)
		change(&changed)
		changed.ID = id
		w.channels.put(changed)
		w.note(Change{Kind: ChangePeople, Channel: id})
	}
}

// Join puts a person, or the bot, into a channel.
func (w *Workspace) Join(channel, user string) {
	w.ChangeChannel(channel, func(c *Channel) {
		c.Members = append(less(c.Members, user), user)
		c.BotMember = c.BotMember || user == w.opt.BotUserID
	})
}

// Leave takes a person, or the bot, out of a channel.
func (w *Workspace) Leave(channel, user string) {
	w.ChangeChannel(channel, func(c *Channel) {
		c.Members = less(c.Members, user)
		c.BotMember = c.BotMember && user != w.opt.BotUserID
	})
}

func less(l []string, s string) []string {
	return slices.DeleteFunc(slices.Clone(l), func(x string) bool { return x == s })
}
