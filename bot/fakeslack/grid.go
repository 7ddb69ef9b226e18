package fakeslack

import (
	"slices"
	"strings"
)

// userWire is the user as users.info has it. Slack gives the locale only when
// asked, and of deactivated people neither rank nor time zone. Needs mu.
func (w *Workspace) userWire(u *User, locale bool) map[string]any {
	out := map[string]any{
		"id": u.ID, "team_id": u.TeamID, "name": u.Name, "real_name": u.RealName, "deleted": u.Deleted, "is_bot": u.IsBot,
		"profile": map[string]any{"real_name": u.RealName, "display_name": u.Name, "email": u.Email, "team": u.TeamID},
	}
	if !u.Deleted {
		out["tz"], out["tz_label"], out["tz_offset"] = u.TZ, u.TZ, u.TZOffset
		out["is_admin"], out["is_restricted"], out["is_ultra_restricted"] = u.IsAdmin, u.Restricted, u.UltraRestricted
	}
	if locale {
		out["locale"] = u.Locale
	}
	if w.isStranger(u) {
		out["is_stranger"] = true
	}
	if u.EnterpriseID != "" {
		teams := u.Teams
		if len(teams) == 0 {
			teams = []string{u.TeamID}
		}
		out["enterprise_user"] = map[string]any{"id": u.ID, "enterprise_id": u.EnterpriseID, "enterprise_name": u.EnterpriseID,
			"is_admin": false, "is_owner": false, "teams": teams}
	}
	return out
}

// isStranger is what users.info calls is_stranger: somebody of another
// workspace who shares no channel with the app. It is not set for a partner
// in a shared channel that the app is in, and so decides nothing by itself
// (https://docs.slack.dev/reference/objects/user-object). Needs mu.
func (w *Workspace) isStranger(u *User) bool {
	return w.outsider(u) && !slices.ContainsFunc(w.channels.list, func(c *Channel) bool {
		return c.BotMember && !c.IM && slices.Contains(c.Members, u.ID)
	})
}

// outsider tells whether somebody is of another company.
func (w *Workspace) outsider(u *User) bool {
	own := u.TeamID == w.opt.TeamID || slices.Contains(u.Teams, w.opt.TeamID)
	sister := u.EnterpriseID != "" && u.EnterpriseID == w.opt.EnterpriseID
	return !own && !sister
}

// enterprise is how payloads name the organisation; nil outside of one.
func (w *Workspace) enterprise() any {
	if w.opt.EnterpriseID == "" {
		return nil
	}
	return map[string]any{"id": w.opt.EnterpriseID, "name": w.opt.EnterpriseName}
}

// domain needs mu.
func (w *Workspace) domain(team string) string {
	if team == w.opt.TeamID {
		return w.opt.TeamDomain
	}
	return strings.ToLower(team)
}
