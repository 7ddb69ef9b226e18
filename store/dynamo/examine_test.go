package dynamo

import (
	"errors"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"
)

func TestExamine(t *testing.T) {
	name := newTable()
	if _, err := Examine(t.Context(), options(t, name)); !errors.Is(err, ErrNoTable) {
		t.Fatalf("without a table: %v", err)
	}
	s := open(t, name)
	c, err := Examine(t.Context(), options(t, name))
	if err != nil {
		t.Fatal(err)
	}
	if c.Status != "ACTIVE" || len(c.Schema) > 0 || len(c.Denied) > 0 || len(c.Failed) > 0 || !c.OnDemand {
		t.Errorf("a good table: %+v", c)
	}
	if it, err := s.get(t.Context(), pkMeta, skNever); err != nil || it != nil {
		t.Errorf("it left %v, %v", it, err)
	}
}

// Local indexes cannot be added later, so a table that lacks one is of no use.
func TestATableThatIsNotOurs(t *testing.T) {
	s := open(t, newTable())
	other := newTable()
	in := Schema(other)
	in.LocalSecondaryIndexes = in.LocalSecondaryIndexes[1:]
	for i, a := range in.AttributeDefinitions {
		if aws.ToString(a.AttributeName) == attrDue {
			in.AttributeDefinitions = append(in.AttributeDefinitions[:i], in.AttributeDefinitions[i+1:]...)
			break
		}
	}
	plain := newTable()
	for _, in := range []*dynamodb.CreateTableInput{in, {
		TableName: &plain, BillingMode: types.BillingModePayPerRequest,
		KeySchema:            []types.KeySchemaElement{{AttributeName: aws.String("id"), KeyType: types.KeyTypeHash}},
		AttributeDefinitions: []types.AttributeDefinition{{AttributeName: aws.String("id"), AttributeType: types.ScalarAttributeTypeS}},
	}} {
		if _, err := s.db.CreateTable(t.Context(), in); err != nil {
			t.Fatal(err)
		}
	}
	for name, lacks := range map[string]int{other: 1, plain: 4} {
		for _, create := range []bool{false, true} {
			o := options(t, name)
			o.Create = create
			if _, err := Open(t.Context(), o); !errors.Is(err, ErrSchema) {
				t.Errorf("%s opens: %v", name, err)
			}
		}
		c, err := Examine(t.Context(), options(t, name))
		if err != nil || len(c.Schema) != lacks {
			t.Errorf("%s: %v, %v", name, c.Schema, err)
		}
	}
	o := options(t, newTable())
	o.Create = false
	if _, err := Open(t.Context(), o); !errors.Is(err, ErrNoTable) {
		t.Errorf("without a table: %v", err)
	}
}
