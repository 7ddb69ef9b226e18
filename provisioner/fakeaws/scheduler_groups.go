package fakeaws

import (
	"net/url"
	"strings"
)

func (r *region) scheduleGroupARN(name string) string {
	return r.arnOf("scheduler", "schedule-group/"+name)
}

func createScheduleGroup(rq *request) (any, *apiError) {
	var doc struct {
		ClientToken string
		Tags        []jsonTag
	}
	if rq.p.has("Body") {
		if e := rq.document(&doc); e != nil {
			return nil, e
		}
	}
	name := rq.p.str("Name")
	if !scheduleNameRE.MatchString(name) {
		return nil, errorf("ValidationException", "Name '%s' is invalid", name)
	}
	if old, ok := rq.r.schedGroups.get(name); ok {
		if doc.ClientToken == "" || doc.ClientToken != old.token {
			return nil, errorf("ConflictException", "Schedule group %s already exists.", name)
		}
	} else {
		g := &scheduleGroup{seq: rq.c.nextSeq(), token: doc.ClientToken, ScheduleGroup: ScheduleGroup{
			Name: name, Tags: map[string]string{}, Created: rq.now,
		}}
		for _, t := range doc.Tags {
			g.Tags[t.Key] = t.Value
		}
		rq.r.schedGroups.put(name, g)
		rq.r.emit("schedule-group", name, Created, "")
	}
	return map[string]string{"ScheduleGroupArn": rq.r.scheduleGroupARN(name)}, nil
}

type jsonScheduleGroup struct {
	Arn, Name, State                   string
	CreationDate, LastModificationDate float64
}

func (r *region) jsonScheduleGroup(g *scheduleGroup) jsonScheduleGroup {
	return jsonScheduleGroup{
		Arn: r.scheduleGroupARN(g.Name), Name: g.Name, State: "ACTIVE",
		CreationDate: epoch(g.Created), LastModificationDate: epoch(g.Created),
	}
}

func (rq *request) scheduleGroup(name string) (*scheduleGroup, *apiError) {
	g, ok := rq.r.schedGroups.get(name)
	if !ok {
		return nil, errorf("ResourceNotFoundException", "Schedule group %s does not exist.", name)
	}
	return g, nil
}

func getScheduleGroup(rq *request) (any, *apiError) {
	g, e := rq.scheduleGroup(rq.p.str("Name"))
	if e != nil {
		return nil, e
	}
	return rq.r.jsonScheduleGroup(g), nil
}

// deleteScheduleGroup takes its schedules along. At AWS that takes a while,
// during which the group is DELETING; here it is done at once.
func deleteScheduleGroup(rq *request) (any, *apiError) {
	g, e := rq.scheduleGroup(rq.p.str("Name"))
	if e != nil {
		return nil, e
	}
	if g.Name == "default" {
		return nil, errorf("ValidationException", "Default schedule group cannot be deleted.")
	}
	for _, s := range rq.r.schedules.all() {
		if s.Group == g.Name {
			rq.r.removeSchedule(s)
		}
	}
	rq.r.schedGroups.del(g.Name)
	rq.r.emit("schedule-group", g.Name, Deleted, "")
	return struct{}{}, nil
}

func listScheduleGroups(rq *request) (any, *apiError) {
	var out struct {
		NextToken      string `json:",omitempty"`
		ScheduleGroups []jsonScheduleGroup
	}
	out.ScheduleGroups = []jsonScheduleGroup{}
	all := filterSlice(rq.r.schedGroups.all(), func(g *scheduleGroup) bool {
		return strings.HasPrefix(g.Name, rq.p.str("NamePrefix"))
	})
	all, next, e := cut(rq, all, func(g *scheduleGroup) int { return g.seq }, rq.p.num("MaxResults", 100),
		rq.p.str("NextToken"), "NextToken")
	if e != nil {
		return nil, errorf("ValidationException", "%s", e.message)
	}
	out.NextToken = next
	for _, g := range all {
		out.ScheduleGroups = append(out.ScheduleGroups, rq.r.jsonScheduleGroup(g))
	}
	return out, nil
}

// scheduleTagTarget finds the group whose ARN a tagging call names. Schedules
// have ARNs too, but no tags.
func (rq *request) scheduleTagTarget() (*scheduleGroup, *apiError) {
	name, ok := strings.CutPrefix(rq.p.str("Name"), rq.r.scheduleGroupARN(""))
	if !ok {
		return nil, errorf("ValidationException", "Invalid resource ARN: only schedule groups can be tagged.")
	}
	return rq.scheduleGroup(name)
}

func tagScheduleGroup(rq *request) (any, *apiError) {
	g, e := rq.scheduleTagTarget()
	if e != nil {
		return nil, e
	}
	var doc struct{ Tags []jsonTag }
	if e := rq.document(&doc); e != nil {
		return nil, e
	}
	for _, t := range doc.Tags {
		g.Tags[t.Key] = t.Value
	}
	rq.r.emit("schedule-group", g.Name, Changed, "tags")
	return struct{}{}, nil
}

func untagScheduleGroup(rq *request) (any, *apiError) {
	g, e := rq.scheduleTagTarget()
	if e != nil {
		return nil, e
	}
	for _, k := range url.Values(rq.call.Params)["TagKeys"] {
		delete(g.Tags, k)
	}
	rq.r.emit("schedule-group", g.Name, Changed, "tags")
	return struct{}{}, nil
}

func listScheduleGroupTags(rq *request) (any, *apiError) {
	g, e := rq.scheduleTagTarget()
	if e != nil {
		return nil, e
	}
	out := struct{ Tags []jsonTag }{Tags: []jsonTag{}}
	for _, k := range sortedKeys(g.Tags) {
		out.Tags = append(out.Tags, jsonTag{k, g.Tags[k]})
	}
	return out, nil
}
