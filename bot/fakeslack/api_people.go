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
	out := map[string]any{
		"url": "https://" + w.opt.TeamDomain + ".slack.com/", "team": w.opt.TeamName, "team_id": w.opt.TeamID,
		"user": w.opt.BotName, "user_id": w.opt.BotUserID, "bot_id": w.opt.BotID, "is_enterprise_install": w.opt.OrgInstall,
	}
	if w.opt.EnterpriseID != "" {
		out["enterprise_id"] = w.opt.EnterpriseID
	}
	if w.opt.OrgInstall {
		out["team"], out["team_id"] = w.opt.EnterpriseName, w.opt.EnterpriseID
		out["url"] = "https://" + w.opt.TeamDomain + ".enterprise.slack.com/"
	}
	return out, nil
}

func botsInfo(w *Workspace, a args) (map[string]any, *apiError) {
	if id := a.str("bot"); id != "" && id != w.opt.BotID {
		return nil, refused("bot_not_found")
	}
	return map[string]any{"bot": map[string]any{
		"id": w.opt.BotID, "app_id": w.opt.AppID, "user_id": w.opt.BotUserID, "name": w.opt.BotName, "deleted": false,
	}}, nil
}

func usersInfo(w *Workspace, a args) (map[string]any, *apiError) {
	u := w.users.get(a.str("user"))
	if u == nil {
		return nil, refused("user_not_found")
	}
	return map[string]any{"user": w.userWire(u, a.flag("include_locale"))}, nil
}

func usersList(w *Workspace, a args) (map[string]any, *apiError) {
	page, next, err := paged(w.users.list, a)
	if err != nil {
		return nil, err
	}
	members := []any{}
	for _, u := range page {
		members = append(members, w.userWire(u, a.flag("include_locale")))
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
