package deploy_test

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"
	"github.com/goccy/go-yaml"

	"github.com/sshforward/sshforward/store/dynamo"
)

// schemaOfTable is what makes a table one that a bot can use, in one line each:
// keys, attributes and local indexes, which cannot be added later.
func schemaOfTable() []string {
	in := dynamo.Schema("leases")
	keys := func(all []types.KeySchemaElement) string {
		return aws.ToString(all[0].AttributeName) + "," + aws.ToString(all[1].AttributeName)
	}
	lines := []string{"billing " + string(in.BillingMode), "keys " + keys(in.KeySchema)}
	for _, a := range in.AttributeDefinitions {
		lines = append(lines, fmt.Sprintf("attribute %s %s", *a.AttributeName, a.AttributeType))
	}
	for _, x := range in.LocalSecondaryIndexes {
		p := x.Projection
		lines = append(lines, fmt.Sprintf("index %s %s %s %v", *x.IndexName, keys(x.KeySchema), p.ProjectionType, p.NonKeyAttributes))
	}
	slices.Sort(lines)
	return lines
}

// The template makes the table that the code would make.
func TestTableOfTheTemplate(t *testing.T) {
	type key struct {
		AttributeName string `yaml:"AttributeName"`
		KeyType       string `yaml:"KeyType"`
	}
	var doc struct {
		Resources struct {
			Table struct {
				DeletionPolicy string `yaml:"DeletionPolicy"`
				Properties     struct {
					BillingMode               string `yaml:"BillingMode"`
					DeletionProtectionEnabled bool   `yaml:"DeletionProtectionEnabled"`
					Recovery                  struct {
						Enabled bool `yaml:"PointInTimeRecoveryEnabled"`
					} `yaml:"PointInTimeRecoverySpecification"`
					Encryption struct {
						Enabled bool `yaml:"SSEEnabled"`
					} `yaml:"SSESpecification"`
					Attributes []struct {
						AttributeName string `yaml:"AttributeName"`
						AttributeType string `yaml:"AttributeType"`
					} `yaml:"AttributeDefinitions"`
					KeySchema []key `yaml:"KeySchema"`
					Indexes   []struct {
						IndexName  string `yaml:"IndexName"`
						KeySchema  []key  `yaml:"KeySchema"`
						Projection struct {
							ProjectionType   string   `yaml:"ProjectionType"`
							NonKeyAttributes []string `yaml:"NonKeyAttributes"`
						} `yaml:"Projection"`
					} `yaml:"LocalSecondaryIndexes"`
				} `yaml:"Properties"`
			} `yaml:"Table"`
		} `yaml:"Resources"`
	}
	if err := yaml.Unmarshal([]byte(policyText(t, "cloudformation-replicas.yaml")), &doc); err != nil {
		t.Fatal(err)
	}
	table := doc.Resources.Table
	p := table.Properties
	keys := func(all []key) string { return all[0].AttributeName + "," + all[1].AttributeName }
	lines := []string{"billing " + p.BillingMode, "keys " + keys(p.KeySchema)}
	for _, a := range p.Attributes {
		lines = append(lines, fmt.Sprintf("attribute %s %s", a.AttributeName, a.AttributeType))
	}
	for _, x := range p.Indexes {
		p := x.Projection
		lines = append(lines, fmt.Sprintf("index %s %s %s %v", x.IndexName, keys(x.KeySchema), p.ProjectionType, p.NonKeyAttributes))
	}
	slices.Sort(lines)
	if want := schemaOfTable(); !slices.Equal(lines, want) {
		t.Errorf("the template makes\n%s\nand the code\n%s", strings.Join(lines, "\n"), strings.Join(want, "\n"))
	}
	if table.DeletionPolicy != "Retain" || !p.DeletionProtectionEnabled || !p.Recovery.Enabled || !p.Encryption.Enabled {
		t.Errorf("it is not kept safe: %+v", table)
	}
}

// checkTable holds the table of a plan against that of the code.
func checkTable(t *testing.T, after map[string]any) {
	text := func(m map[string]any, name string) string { return cmp.Or(fmt.Sprint(m[name]), "") }
	lines := []string{"billing " + text(after, "billing_mode"), "keys " + text(after, "hash_key") + "," + text(after, "range_key")}
	for _, a := range after["attribute"].([]any) {
		lines = append(lines, fmt.Sprintf("attribute %s %s", text(a.(map[string]any), "name"), text(a.(map[string]any), "type")))
	}
	for _, x := range after["local_secondary_index"].([]any) {
		x := x.(map[string]any)
		more := x["non_key_attributes"]
		if more == nil {
			more = []any{}
		}
		lines = append(lines, fmt.Sprintf("index %s %s,%s %s %v", text(x, "name"), text(after, "hash_key"), text(x, "range_key"),
			text(x, "projection_type"), more))
	}
	slices.Sort(lines)
	if want := schemaOfTable(); !slices.Equal(lines, want) {
		t.Errorf("the module makes\n%s\nand the code\n%s", strings.Join(lines, "\n"), strings.Join(want, "\n"))
	}
	on := func(name string) bool { return after[name].([]any)[0].(map[string]any)["enabled"] == true }
	if after["deletion_protection_enabled"] != true || !on("point_in_time_recovery") || !on("server_side_encryption") {
		t.Errorf("it is not kept safe: %v", after)
	}
}
