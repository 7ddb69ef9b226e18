package main

import (
	"fmt"
	"os"
	"reflect"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/sshforward/sshforward"
)

const reference = "../../docs/configuration.md"

// keys says what each key of the configuration is for, in the order of the file.
var keys = []struct{ key, what string }{
	{"deployment", "1 to 12 of `a-z`, `0-9` and `-`, in the name and the tags of everything in AWS; keeps two bots in one " +
		"account apart. Required. Do not change it while anything is open"},
	{"store.bolt", "the file that leases are kept in, on a local disk. Required, or else `dynamodb`"},
	{"store.dynamodb.table", "the DynamoDB table that leases are kept in, which several replicas may share, see [replicas.md](replicas.md)"},
	{"store.dynamodb.region", "where it is"},
	{"store.dynamodb.create", "whether `serve` makes the table if there is none"},
	{"slack.channel", "id of the channel for alarms, and for notices of leases asked for in a direct message"},
	{"slack.admins", "who may close and extend anything: users and user groups"},
	{"slack.language", "of what a channel sees: `en` or `ja`; what one person sees is in their own"},
	{"slack.ask", "how approvers are asked: `dm`, `channel` or `both`"},
	{"slack.cards", "the only channels, besides `channel`, where cards may stand"},
	{"aws", "one entry for each account and region. At least one"},
	{"aws[].name", "what rules and leases call it. Required. Do not change it while anything is open"},
	{"aws[].region", "Required"},
	{"aws[].role_arn", "the role to assume there, if the bot's own credentials do not do"},
	{"aws[].external_id", "sent along when the role is assumed"},
	{"aws[].listener_port", "what the user's ssh dials; 443 passes most firewalls"},
	{"aws[].ssh_user", "in the ssh command that people are shown; the instance's tag `sshforward:user` goes before it"},
	{"aws[].host_key_alias", "under which name ssh looks for host keys: `{id}` and `{name}` are the instance's. Without it the id"},
	{"aws[].wait_dns", "how long opening waits for the name where the load balancer's address cannot be read; `0s`: does not"},
	{"aws[].tags", "on everything that is made; four at most"},
	{"aws[].subnets", "the only ones that load balancers may stand in, whatever their routes say"},
	{"aws[].deadman.role_arn", "the role that EventBridge Scheduler ends access with; without `deadman` there is no such switch"},
	{"aws[].deadman.grace", "how long after the end it does"},
	{"aws[].price.load_balancer", "USD for an hour, in cost estimates, instead of the built-in table"},
	{"aws[].price.address", "USD for an hour of a public address"},
	{"policy.sources.allow", "where people may come from; without it any public address"},
	{"policy.sources.default", "for whoever gives no address and has saved none"},
	{"policy.sources.widest", "the shortest prefix that is accepted"},
	{"policy.leases_per_user", "at a time; `0` is no limit"},
	{"policy.ports", "of instances, that may be asked for"},
	{"policy.prepare", "when what takes long is begun, with nobody let in before the last yes: `never`, `approval` or `prompt`"},
	{"policy.rules", "the first that covers an instance decides about it; no rule, no access. At least one"},
	{"policy.rules[].name", "people read it when it says no. Required"},
	{"policy.rules[].tags", "all of them are on the instance; `any` is every instance. Required"},
	{"policy.rules[].not_tags", "none of them is"},
	{"policy.rules[].accounts", "names from `aws`"},
	{"policy.rules[].vpcs", "ids"},
	{"policy.rules[].instances", "ids"},
	{"policy.rules[].users", "whom it lets in; `everyone`, or nothing at all, is every full member of the workspace"},
	{"policy.rules[].guests", "whether guests of the workspace are let in as well"},
	{"policy.rules[].max", "how long a lease may be"},
	{"policy.rules[].approvers", "who may approve; nobody approves for themselves"},
	{"policy.rules[].approvals", "how many have to: a number, or `[{from: S0DBA, n: 1}, …]`, so many of each group"},
	{"policy.rules[].notify", "who of the approvers is asked; without it all of them, at most 15 directly"},
	{"policy.rules[].prepare", "as `policy.prepare`, for this rule"},
	{"policy.rules[].drill", "whether `sshforward drill` may open what it covers, to measure"},
	{"policy.rules[].reason", "`required` or `optional`"},
	{"policy.rules[].reason_pattern", "a regular expression that the reason has to match"},
	{"policy.rules[].extend_approvals", "how many an extension needs; as many as `approvals` without it, `0` is none"},
	{"policy.rules[].urgent.users", "who may go past the approvers"},
	{"policy.rules[].urgent.max", "for how long in all"},
	{"timing.default", "of a lease, if no duration is given"},
	{"timing.min", "shortest lease"},
	{"timing.confirm", "for the requester's own click"},
	{"timing.approval", "for the approvers'"},
	{"timing.opening", "reachable by then, or rolled back"},
	{"timing.stopped", "for an instance that was stopped while open to run again, or the lease is closed"},
	{"timing.reminders", "before the end"},
	{"timing.sweep", "between looks for what nobody owns"},
	{"timing.keep", "closed leases, for `show`; the audit record is kept for ever"},
	{"audit.stdout", "whether each event is also written to stdout"},
	{"listen", "where `/metrics`, `/healthz` and `/readyz` are served"},
	{"tls.certificate", "file, PEM, with the chain, for `listen`; read again when it changes"},
	{"tls.key", "file, PEM"},
}

// kinds are the types of the configuration as people write them.
var kinds = map[string]string{
	"string": "text", "bool": "`true` or `false`", "int": "number", "float64": "number",
	"main.duration": "duration", "main.pause": "duration or `0s`",
	"main.port": "port", "main.prefix": "network", "main.person": "id of a user or group", "main.people": "ids, or `everyone`",
	"main.tagMap": "tags, or `any`", "main.extraTags": "tags", "main.vpcID": "id", "main.subnetID": "id", "main.instanceID": "id",
	"main.tableName": "name", "main.pattern": "regular expression", "main.quorum": "number, or list", "main.prepareWord": "word",
}

// TestReference writes docs/configuration.md from the types of the configuration
// and what is said about them here, or wants it to be so:
// go test ./cmd/sshforward -run TestReference -update
func TestReference(t *testing.T) {
	c, err := parseConfig([]byte("deployment: prod\nstore: {bolt: /x}\naws: [{name: main, region: x, deadman: {role_arn: 'arn:x'}}]\n" +
		"policy: {rules: [{name: x, tags: any, approvers: [U0X], urgent: {users: [U0X]}}]}\nslack: {channel: C0X}\n"))
	if err != nil {
		t.Fatal(err)
	}
	found := make(map[string]string) // key: kind and default, as a row has them
	var order []string
	walkConfig(t, "", reflect.ValueOf(c).Elem(), func(key, kind, std string) {
		found[key], order = kind+" | "+std, append(order, key)
	})
	var b strings.Builder
	b.WriteString("# Configuration\n\nWritten by a test from the types in the code (`TestReference`). " +
		"[deploy/sshforward.example.yaml](../deploy/sshforward.example.yaml) is all of it as a file. A key that is not known ends the start, " +
		"as does one of a rule that is there and empty. Durations are `45s`, `90m`, `2h`, `1h30m`, `1d`; ids are Slack's " +
		"(`U…`, `S…`, `C…`) and AWS's; `[]` stands for each entry of a list.\n\n" +
		"| key | what it is | kind | if it is left out |\n|---|---|---|---|\n")
	for _, k := range keys {
		row, ok := found[k.key]
		if !ok {
			t.Errorf("%s is explained, and there is no such key", k.key)
		}
		delete(found, k.key)
		fmt.Fprintf(&b, "| `%s` | %s | %s |\n", k.key, strings.ReplaceAll(k.what, "|", `\|`), row)
	}
	for _, key := range order {
		if _, left := found[key]; left {
			t.Errorf("%s is not explained: add it to keys in reference_test.go, and to deploy/sshforward.example.yaml", key)
		}
	}
	b.WriteString("\nSecrets are not in the file but in the environment, or better in files that it names: `SLACK_BOT_TOKEN_FILE`, " +
		"`SLACK_APP_TOKEN_FILE`, `SSHFORWARD_KEY_FILE`; the same without `_FILE` for the secret itself. AWS credentials are found the way " +
		"the AWS command line finds them. `SSHFORWARD_LOG_FORMAT` and `SSHFORWARD_LOG_LEVEL` are the flags of `serve`.\n")
	got, err := os.ReadFile(reference)
	if err == nil && string(got) == b.String() {
		return
	}
	if !*updateFiles {
		t.Fatalf("%s is not what the code says (-update writes it), %v", reference, err)
	}
	if err := os.WriteFile(reference, []byte(b.String()), 0o644); err != nil {
		t.Fatal(err)
	}
}

// walkConfig goes through the keys with what they are where nothing is written.
func walkConfig(t *testing.T, path string, v reflect.Value, each func(key, kind, std string)) {
	for i := range v.NumField() {
		field := v.Type().Field(i)
		name := field.Tag.Get("yaml")
		if name == "" {
			t.Fatalf("%s%s has no key", path, field.Name)
		}
		key, value := path+name, v.Field(i)
		for value.Kind() == reflect.Pointer {
			if value.IsNil() {
				value = reflect.New(value.Type().Elem()).Elem()
			} else {
				value = value.Elem()
			}
		}
		kind, simple := kinds[value.Type().String()]
		switch {
		case simple:
			each(key, kind, standard(key, value))
		case value.Kind() == reflect.Slice && value.Type().Elem().Kind() == reflect.Struct && kinds[value.Type().Elem().String()] == "":
			each(key, "list", "")
			element := reflect.New(value.Type().Elem()).Elem()
			if value.Len() > 0 {
				element = value.Index(0)
			}
			walkConfig(t, key+"[].", element, each)
		case value.Kind() == reflect.Slice:
			of, ok := kinds[value.Type().Elem().String()]
			if !ok {
				t.Fatalf("%s is a list of %s, which has no name in kinds", key, value.Type().Elem())
			}
			each(key, "list: "+of, standard(key, value))
		case value.Kind() == reflect.Struct:
			walkConfig(t, key+".", value, each)
		default:
			t.Fatalf("%s is a %s, which has no name in kinds", key, value.Type())
		}
	}
}

// elsewhere has what is filled in only when it is used.
var elsewhere = map[string]string{
	"aws[].deadman.grace": "`5m`", "policy.sources.widest": "`32`", "policy.leases_per_user": "`3`", "policy.ports": "`22`",
	"policy.prepare":         "`approval`",
	"store.dynamodb.region":  "that of the first of `aws`",
	"policy.rules[].prepare": "as `policy.prepare`",
}

// standard is what a key is without being written, as people would write it.
func standard(key string, v reflect.Value) string {
	given := regexp.MustCompile(`^(deployment|store\.bolt|slack\.channel|aws\[\]\.(name|region|deadman\.role_arn)|` +
		`policy\.rules\[\]\.(name|tags|approvers|approvals|extend_approvals|urgent\.users))$`)
	switch d := v.Interface().(type) {
	case duration:
		return "`" + sshforward.FormatDuration(time.Duration(d)) + "`"
	case pause:
		if d != 0 {
			return "`" + sshforward.FormatDuration(time.Duration(d)) + "`"
		}
	case []duration:
		var all []string
		for _, r := range d {
			all = append(all, sshforward.FormatDuration(time.Duration(r)))
		}
		return "`[" + strings.Join(all, ", ") + "]`"
	}
	if std, ok := elsewhere[key]; ok {
		return std
	}
	if v.IsZero() || given.MatchString(key) {
		return ""
	}
	return fmt.Sprintf("`%v`", v.Interface())
}
