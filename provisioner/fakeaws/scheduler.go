package fakeaws

import (
	"encoding/json"
	"net/http"
	"net/url"
	"regexp"
	"strings"
	"time"
)

// jsonTarget and the types below are the parts of the Scheduler's JSON that
// matter for a one-time schedule with a universal target.
type jsonTarget struct {
	Arn     string
	RoleArn string
	Input   string `json:",omitempty"`
}

type jsonSchedule struct {
	Name                       string `json:",omitempty"`
	GroupName                  string `json:",omitempty"`
	ScheduleExpression         string
	ScheduleExpressionTimezone string `json:",omitempty"`
	FlexibleTimeWindow         struct{ Mode string }
	Target                     jsonTarget
	ActionAfterCompletion      string `json:",omitempty"`
	State                      string `json:",omitempty"`
	Description                string `json:",omitempty"`
	ClientToken                string `json:",omitempty"`

	Arn                  string  `json:",omitempty"` // only in answers, as are these
	CreationDate         float64 `json:",omitempty"`
	LastModificationDate float64 `json:",omitempty"`
}

type jsonTag struct{ Key, Value string }

// schedulerOperation works out from method and path which operation a request
// is. Path and query parameters become Params, the document Params["Body"].
func schedulerOperation(req *http.Request, body []byte) (string, url.Values) {
	p := req.URL.Query()
	if p == nil {
		p = url.Values{}
	}
	if len(body) > 0 {
		p.Set("Body", string(body))
	}
	kind, name, one := strings.Cut(strings.TrimPrefix(req.URL.EscapedPath(), "/"), "/")
	name, err := url.PathUnescape(name)
	if err != nil {
		return "", p
	}
	if one {
		p.Set("Name", name)
	}
	methods := map[string]map[string]string{
		"schedules/":       {"POST": "CreateSchedule", "GET": "GetSchedule", "PUT": "UpdateSchedule", "DELETE": "DeleteSchedule"},
		"schedules":        {"GET": "ListSchedules"},
		"schedule-groups/": {"POST": "CreateScheduleGroup", "GET": "GetScheduleGroup", "DELETE": "DeleteScheduleGroup"},
		"schedule-groups":  {"GET": "ListScheduleGroups"},
		"tags/":            {"POST": "TagResource", "GET": "ListTagsForResource", "DELETE": "UntagResource"},
	}
	if one {
		kind += "/"
	}
	return methods[kind][req.Method], p
}

func (rq *request) document(v any) *apiError {
	if err := json.Unmarshal([]byte(rq.p.str("Body")), v); err != nil {
		return errorf("ValidationException", "malformed document: %v", err)
	}
	return nil
}

var (
	scheduleNameRE = regexp.MustCompile(`^[0-9a-zA-Z\-_.]{1,64}$`)
	atRE           = regexp.MustCompile(`^at\((\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d)\)$`)
)

func scheduleGroupName(s string) string {
	if s == "" {
		return "default"
	}
	return s
}

func (r *region) scheduleARN(group, name string) string {
	return r.arnOf("scheduler", "schedule/"+group+"/"+name)
}

// scheduleAsked reads and checks the schedule of a Create or an Update. What an
// Update leaves out goes back to its default: it replaces, it does not merge.
func (rq *request) scheduleAsked() (*Schedule, string, *apiError) {
	var doc jsonSchedule
	if e := rq.document(&doc); e != nil {
		return nil, "", e
	}
	s := &Schedule{
		Name: rq.p.str("Name"), Group: scheduleGroupName(doc.GroupName), Expression: doc.ScheduleExpression,
		Timezone: doc.ScheduleExpressionTimezone, Target: doc.Target.Arn, Role: doc.Target.RoleArn,
		Input: doc.Target.Input, State: doc.State, DeleteAfter: doc.ActionAfterCompletion == "DELETE",
		Created: rq.now, Modified: rq.now,
	}
	if s.State == "" {
		s.State = "ENABLED"
	}
	if s.Timezone == "" {
		s.Timezone = "UTC"
	}
	zone, err := time.LoadLocation(s.Timezone)
	switch {
	case !scheduleNameRE.MatchString(s.Name):
		return nil, "", errorf("ValidationException", "Name '%s' is invalid", s.Name)
	case err != nil:
		return nil, "", errorf("ValidationException", "Invalid ScheduleExpressionTimezone %s.", s.Timezone)
	case doc.FlexibleTimeWindow.Mode != "OFF" && doc.FlexibleTimeWindow.Mode != "FLEXIBLE":
		return nil, "", errorf("ValidationException", "FlexibleTimeWindow.Mode must be OFF or FLEXIBLE")
	case !roleRE.MatchString(s.Role), !rq.r.inPartition(s.Role):
		return nil, "", errorf("ValidationException", "RoleArn %q is not a role", s.Role)
	case !rq.r.inPartition(s.Target):
		return nil, "", errorf("ValidationException", "Target Arn %q is invalid", s.Target)
	}
	if m := atRE.FindStringSubmatch(s.Expression); m != nil {
		if s.At, err = time.ParseInLocation("2006-01-02T15:04:05", m[1], zone); err != nil {
			return nil, "", errorf("ValidationException", "Invalid Schedule Expression %s.", s.Expression)
		}
		if s.At = s.At.UTC(); s.At.Before(rq.now) {
			return nil, "", errorf("ValidationException", "Invalid Schedule Expression %s: it is in the past.", s.Expression)
		}
	} else if !strings.HasPrefix(s.Expression, "rate(") && !strings.HasPrefix(s.Expression, "cron(") {
		return nil, "", errorf("ValidationException", "Invalid Schedule Expression %s.", s.Expression)
	}
	if _, ok := rq.r.schedGroups.get(s.Group); !ok {
		return nil, "", errorf("ResourceNotFoundException", "Schedule group %s does not exist.", s.Group)
	}
	// Handing a role to the Scheduler takes a permission of its own.
	pass := rq.call
	pass.Service, pass.Operation = "iam", "PassRole"
	if !rq.c.allowed(pass) {
		e := unauthorized(pass, rq.who)
		e.code = "AccessDeniedException"
		return nil, "", e
	}
	return s, doc.ClientToken, rq.checkScheduleRole(s.Role)
}

func createSchedule(rq *request) (any, *apiError) {
	s, token, e := rq.scheduleAsked()
	if e != nil {
		return nil, e
	}
	key := s.Group + "/" + s.Name
	if old, ok := rq.r.schedules.get(key); ok {
		// The SDK gives every call a token of its own and keeps it when it
		// tries again, so a lost answer does not become a conflict.
		if token == "" || token != old.token {
			return nil, errorf("ConflictException", "Schedule %s already exists.", s.Name)
		}
	} else {
		rq.r.schedules.put(key, &schedule{Schedule: *s, seq: rq.c.nextSeq(), token: token})
		rq.r.emit("schedule", key, Created, s.Expression)
	}
	return map[string]string{"ScheduleArn": rq.r.scheduleARN(s.Group, s.Name)}, nil
}

func updateSchedule(rq *request) (any, *apiError) {
	s, _, e := rq.scheduleAsked()
	if e != nil {
		return nil, e
	}
	key := s.Group + "/" + s.Name
	old, ok := rq.r.schedules.get(key)
	if !ok {
		return nil, errorf("ResourceNotFoundException", "Schedule %s does not exist.", s.Name)
	}
	s.Created = old.Created
	old.Schedule, old.done = *s, false
	rq.r.emit("schedule", key, Changed, s.Expression)
	return map[string]string{"ScheduleArn": rq.r.scheduleARN(s.Group, s.Name)}, nil
}

func (rq *request) schedule() (*schedule, *apiError) {
	key := scheduleGroupName(rq.p.str("groupName")) + "/" + rq.p.str("Name")
	s, ok := rq.r.schedules.get(key)
	if !ok {
		return nil, errorf("ResourceNotFoundException", "Schedule %s does not exist.", rq.p.str("Name"))
	}
	return s, nil
}

func getSchedule(rq *request) (any, *apiError) {
	s, e := rq.schedule()
	if e != nil {
		return nil, e
	}
	doc := jsonSchedule{
		Name: s.Name, GroupName: s.Group, ScheduleExpression: s.Expression, ScheduleExpressionTimezone: s.Timezone,
		Target: jsonTarget{Arn: s.Target, RoleArn: s.Role, Input: s.Input}, State: s.State,
		ActionAfterCompletion: "NONE", Arn: rq.r.scheduleARN(s.Group, s.Name),
		CreationDate: epoch(s.Created), LastModificationDate: epoch(s.Modified),
	}
	doc.FlexibleTimeWindow.Mode = "OFF"
	if s.DeleteAfter {
		doc.ActionAfterCompletion = "DELETE"
	}
	return doc, nil
}

// epoch is the time format of the JSON protocol.
func epoch(t time.Time) float64 { return float64(t.UnixMilli()) / 1000 }

func deleteSchedule(rq *request) (any, *apiError) {
	s, e := rq.schedule()
	if e != nil {
		return nil, e
	}
	rq.r.removeSchedule(s)
	return struct{}{}, nil
}

func (r *region) removeSchedule(s *schedule) {
	key := s.Group + "/" + s.Name
	r.schedules.del(key)
	r.emit("schedule", key, Deleted, "")
}

func listSchedules(rq *request) (any, *apiError) {
	type summary struct {
		Arn, GroupName, Name, State        string
		CreationDate, LastModificationDate float64
		Target                             struct{ Arn string }
	}
	var out struct {
		NextToken string `json:",omitempty"`
		Schedules []summary
	}
	out.Schedules = []summary{}
	all := filterSlice(rq.r.schedules.all(), func(s *schedule) bool {
		group, state := rq.p.str("ScheduleGroup"), rq.p.str("State")
		return strings.HasPrefix(s.Name, rq.p.str("NamePrefix")) &&
			(group == "" || group == s.Group) && (state == "" || state == s.State)
	})
	var e *apiError
	all, out.NextToken, e = cut(rq, all, func(s *schedule) int { return s.seq }, rq.p.num("MaxResults", 100),
		rq.p.str("NextToken"), "NextToken")
	if e != nil {
		return nil, errorf("ValidationException", "%s", e.message)
	}
	for _, s := range all {
		x := summary{
			Arn: rq.r.scheduleARN(s.Group, s.Name), GroupName: s.Group, Name: s.Name, State: s.State,
			CreationDate: epoch(s.Created), LastModificationDate: epoch(s.Modified),
		}
		x.Target.Arn = s.Target
		out.Schedules = append(out.Schedules, x)
	}
	return out, nil
}
