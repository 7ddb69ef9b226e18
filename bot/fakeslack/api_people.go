package fakeslack

import (
	"slices"
	"strconv"
	"strings"
)

func has(l []string, s string) bool { return slices.Contains(l, s) }

func apiTest(_ *Workspace, a args) (map[string]any, *apiError) {
	if code := a.str("error"); code != "" {
		return nil, refused(code)
	}
	return map[string]any{"args": map[string]any(a)}, nil
}

func authTest(w *Workspace, _ args) (map[string]any, *apiError) {
	return map[string]any{
		"url": "https://" + w.opt.TeamDomain + ".slack.com/", "team": w.opt.TeamName, "team_id": w.opt.TeamID,
		"user": w.opt.BotName, "user_id": w.opt.BotUserID, "bot_id": w.opt.BotID, "is_enterprise_install": false,
	}, nil
}

func botsInfo(w *Workspace, a args) (map[string]any, *apiError) {
	if id := a.str("bot"); id != "" && id != w.opt.BotID {
		return nil, refused("bot_not_found")
	}
	return map[string]any{"bot": map[string]any{
		"id": w.opt.BotID, "app_id": w.opt.AppID, "user_id": w.opt.BotUserID, "name": w.opt.BotName, "deleted": false,
	}}, nil
}

// wire is the user as users.info has it. Slack gives the locale only when asked.
func (u *User) wire(locale bool) map[string]any {
	out := map[string]any{
		"id": u.ID, "team_id": u.TeamID, "name": u.Name, "real_name": u.RealName, "deleted": u.Deleted,
		"tz": u.TZ, "tz_label": u.TZ, "tz_offset": u.TZOffset, "is_bot": u.IsBot, "is_admin": u.IsAdmin,
		"profile": map[string]any{"real_name": u.RealName, "display_name": u.Name, "email": u.Email, "team": u.TeamID},
	}
	if locale {
		out["locale"] = u.Locale
	}
	return out
}

func usersInfo(w *Workspace, a args) (map[string]any, *apiError) {
	u := w.users.get(a.str("user"))
	if u == nil {
		return nil, refused("user_not_found")
	}
	return map[string]any{"user": u.wire(a.flag("include_locale"))}, nil
}

func usersList(w *Workspace, a args) (map[string]any, *apiError) {
	page, next, err := paged(w.users.list, a)
	if err != nil {
		return nil, err
	}
	members := []any{}
	for _, u := range page {
		members = append(members, u.wire(a.flag("include_locale")))
	}
	return map[string]any{"members": members, "cache_ts": 0, "response_metadata": map[string]any{"next_cursor": next}}, nil
}

// paged cuts a list with Slack's cursor and limit.
func paged[T any](l []T, a args) (page []T, next string, err *apiError) {
	from := 0
	if c := a.str("cursor"); c != "" {
		n, e := strconv.Atoi(strings.TrimPrefix(c, "next:"))
		if e != nil || n < 0 || n > len(l) {
			return nil, "", refused("invalid_cursor")
		}
		from = n
	}
	limit, _ := strconv.Atoi(a.str("limit"))
	if limit <= 0 || from+limit >= len(l) {
		return l[from:], "", nil
	}
	return l[from : from+limit], "next:" + strconv.Itoa(from+limit), nil
}

func (c *Channel) wire() map[string]any {
	out := map[string]any{
		"id": c.ID, "name": c.Name, "is_channel": !c.Private && !c.IM, "is_group": c.Private, "is_im": c.IM,
		"is_private": c.Private || c.IM, "is_archived": c.Archived, "is_member": c.BotMember,
		"num_members": len(c.Members),
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

func usergroupsList(w *Workspace, a args) (map[string]any, *apiError) {
	groups := []any{}
	for _, g := range w.groups.list {
		if g.Disabled && !a.flag("include_disabled") {
			continue
		}
		out := map[string]any{"id": g.ID, "team_id": w.opt.TeamID, "is_usergroup": true, "handle": g.Handle, "name": g.Name,
			"user_count": len(g.Users), "date_delete": 0}
		if g.Disabled {
			out["date_delete"] = 1
		}
		if a.flag("include_users") {
			out["users"] = g.Users
		}
		groups = append(groups, out)
	}
	return map[string]any{"usergroups": groups}, nil
}

func usergroupsUsersList(w *Workspace, a args) (map[string]any, *apiError) {
	g := w.groups.get(a.str("usergroup"))
	if g == nil || g.Disabled && !a.flag("include_disabled") {
		return nil, refused("no_such_subteam")
	}
	return map[string]any{"users": append([]string{}, g.Users...)}, nil
}
