package fakeslack

import "strings"

func (c *Channel) wire() map[string]any {
	out := map[string]any{
		"id": c.ID, "name": c.Name, "is_channel": !c.Private && !c.IM, "is_group": c.Private, "is_im": c.IM,
		"is_private": c.Private || c.IM, "is_archived": c.Archived, "is_member": c.BotMember,
		"num_members": len(c.Members), "is_shared": c.ExtShared, "is_ext_shared": c.ExtShared,
		"is_pending_ext_shared": c.PendingExtShared, "is_org_shared": false,
	}
	if c.IM {
		out["user"] = c.IMUser
		delete(out, "name")
	}
	return out
}

func conversationsInfo(w *Workspace, a args) (map[string]any, *apiError) {
	c := w.channels.get(a.str("channel"))
	if c == nil || !c.visibleToBot() {
		return nil, refused("channel_not_found")
	}
	return map[string]any{"channel": c.wire()}, nil
}

func conversationsMembers(w *Workspace, a args) (map[string]any, *apiError) {
	c := w.channels.get(a.str("channel"))
	if c == nil || !c.visibleToBot() {
		return nil, refused("channel_not_found")
	}
	page, next, err := paged(c.Members, a)
	if err != nil {
		return nil, err
	}
	return map[string]any{"members": append([]string{}, page...), "response_metadata": map[string]any{"next_cursor": next}}, nil
}

func conversationsOpen(w *Workspace, a args) (map[string]any, *apiError) {
	if id := a.str("channel"); id != "" {
		c := w.channels.get(id)
		if c == nil || !c.IM || !c.BotMember {
			return nil, refused("channel_not_found")
		}
		return map[string]any{"channel": map[string]any{"id": c.ID}, "no_op": true, "already_open": true}, nil
	}
	users := strings.Split(a.str("users"), ",")
	if len(users) != 1 || users[0] == "" {
		return nil, refused("users_list_not_supplied") // group DMs are not simulated
	}
	switch u := w.users.get(users[0]); {
	case u == nil:
		return nil, refused("user_not_found")
	case u.Deleted:
		return nil, refused("user_disabled")
	case u.IsBot:
		return nil, refused("cannot_dm_bot")
	}
	c := w.dm(users[0])
	return map[string]any{"channel": map[string]any{"id": c.ID}}, nil
}
