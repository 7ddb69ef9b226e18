package dynamo

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"
)

// index is a local one: its name is that of the attribute which it sorts by, and
// what lacks that is not in it.
type index struct {
	name    string
	include []string // beside the keys
}

var indexes = []index{{attrDue, []string{attrWorker}}, {attrAct, nil}, {attrTell, nil}}

// Schema is what a call of CreateTable makes the table from.
func Schema(table string) *dynamodb.CreateTableInput {
	keys := func(sk string) []types.KeySchemaElement {
		return []types.KeySchemaElement{
			{AttributeName: aws.String(attrPK), KeyType: types.KeyTypeHash},
			{AttributeName: aws.String(sk), KeyType: types.KeyTypeRange},
		}
	}
	in := &dynamodb.CreateTableInput{TableName: &table, BillingMode: types.BillingModePayPerRequest, KeySchema: keys(attrSK)}
	for _, name := range []string{attrPK, attrSK, attrDue, attrAct, attrTell} {
		in.AttributeDefinitions = append(in.AttributeDefinitions, types.AttributeDefinition{
			AttributeName: aws.String(name), AttributeType: types.ScalarAttributeTypeS,
		})
	}
	for _, x := range indexes {
		p := &types.Projection{ProjectionType: types.ProjectionTypeKeysOnly}
		if len(x.include) > 0 {
			p = &types.Projection{ProjectionType: types.ProjectionTypeInclude, NonKeyAttributes: x.include}
		}
		in.LocalSecondaryIndexes = append(in.LocalSecondaryIndexes, types.LocalSecondaryIndex{
			IndexName: aws.String(x.name), KeySchema: keys(x.name), Projection: p,
		})
	}
	return in
}

func (c *client) describe(ctx context.Context) (*types.TableDescription, error) {
	out, err := c.db.DescribeTable(ctx, &dynamodb.DescribeTableInput{TableName: &c.table})
	if _, ok := errors.AsType[*types.ResourceNotFoundException](err); ok {
		return nil, ErrNoTable
	}
	if err != nil {
		return nil, err
	}
	return out.Table, nil
}

// check reports whether there is a table that can be worked with.
func (c *client) check(ctx context.Context) error {
	t, err := c.describe(ctx)
	if err != nil {
		return err
	}
	return errors.Join(schemaErrors(t)...)
}

// schemaErrors says what a table lacks. Local indexes cannot be added later.
func schemaErrors(t *types.TableDescription) (errs []error) {
	if !slices.Equal(keyNames(t.KeySchema), []string{attrPK, attrSK}) {
		errs = append(errs, fmt.Errorf("%w: its keys are %v", ErrSchema, keyNames(t.KeySchema)))
	}
	for _, x := range indexes {
		i := slices.IndexFunc(t.LocalSecondaryIndexes, func(d types.LocalSecondaryIndexDescription) bool {
			return aws.ToString(d.IndexName) == x.name && slices.Equal(keyNames(d.KeySchema), []string{attrPK, x.name})
		})
		if i < 0 {
			errs = append(errs, fmt.Errorf("%w: it has no local index %s; that cannot be added to a table which exists", ErrSchema, x.name))
		}
	}
	return errs
}

func keyNames(keys []types.KeySchemaElement) (names []string) {
	for _, k := range keys {
		names = append(names, aws.ToString(k.AttributeName))
	}
	return names
}

// create makes the table, unless it is there, and waits until it can be used.
func (c *client) create(ctx context.Context) error {
	_, err := c.describe(ctx)
	isNew := errors.Is(err, ErrNoTable)
	if isNew {
		_, err = c.db.CreateTable(ctx, Schema(c.table))
		if _, ok := errors.AsType[*types.ResourceInUseException](err); ok { // another replica was faster
			isNew, err = false, nil
		}
	}
	if err != nil {
		return err
	}
	if err := c.active(ctx); err != nil {
		return err
	}
	if isNew {
		c.log.Info("the table is made", "table", c.table)
		c.protect(ctx)
	}
	return c.check(ctx)
}

// active waits until the table can be used.
func (c *client) active(ctx context.Context) error {
	for wait := 20 * time.Millisecond; ; wait = min(2*wait, 2*time.Second) {
		t, err := c.describe(ctx)
		if err != nil && !errors.Is(err, ErrNoTable) { // it is not seen at once
			return err
		}
		if err == nil && t.TableStatus != types.TableStatusCreating {
			return nil
		}
		if err := pause(ctx, wait); err != nil {
			return err
		}
	}
}

// protect keeps a new table from being lost. Not every stand-in knows how.
func (c *client) protect(ctx context.Context) {
	_, err := c.db.UpdateTable(ctx, &dynamodb.UpdateTableInput{TableName: &c.table, DeletionProtectionEnabled: aws.Bool(true)})
	if err == nil {
		err = c.active(ctx)
	}
	if err != nil {
		c.log.Warn("the table is not protected against being deleted", "table", c.table, "err", err)
	}
	recovery := &dynamodb.UpdateContinuousBackupsInput{
		TableName:                        &c.table,
		PointInTimeRecoverySpecification: &types.PointInTimeRecoverySpecification{PointInTimeRecoveryEnabled: aws.Bool(true)},
	}
	for range 10 {
		_, err = c.db.UpdateContinuousBackups(ctx, recovery)
		if _, ok := errors.AsType[*types.ContinuousBackupsUnavailableException](err); !ok {
			break
		}
		if pause(ctx, 3*time.Second) != nil { // it is being made ready, for some seconds after the table
			break
		}
	}
	if err != nil {
		c.log.Warn("the table has no point-in-time recovery", "table", c.table, "err", err)
	}
}

// identify reads the store's id, or gives it one.
func (c *client) identify(ctx context.Context) (string, error) {
	for {
		it, err := c.get(ctx, pkMeta, skStore)
		if err != nil {
			return "", err
		}
		if id := textOf(it, attrID); id != "" {
			return id, nil
		}
		it = key(pkMeta, skStore)
		it[attrID] = text(rand.Text())
		if _, err := c.putNew(ctx, it); err != nil {
			return "", err
		}
	}
}

// whole refuses a table that has a part of what is to be in it.
func (c *client) whole(ctx context.Context, toLoad bool) error {
	it, err := c.get(ctx, pkMeta, skLoading)
	if err == nil && it != nil && !toLoad {
		return ErrLoading
	}
	return err
}
