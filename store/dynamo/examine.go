package dynamo

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	awsmiddleware "github.com/aws/aws-sdk-go-v2/aws/middleware"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"
	"github.com/aws/smithy-go/middleware"

	"github.com/sshforward/sshforward"
)

// Examined is what [Examine] found.
type Examined struct {
	ARN       string
	Status    string // ACTIVE, if all is well
	Items     int64  // as DynamoDB counts them, every six hours
	Bytes     int64
	OnDemand  bool
	Protected bool // against being deleted
	Encrypted bool // with a key of KMS; DynamoDB's own is used otherwise

	// Wrong says what the table lacks that cannot be added: keys, local indexes.
	Wrong []error

	// Recovery is whether there is point-in-time recovery; RecoveryErr why that
	// cannot be told.
	Recovery    bool
	RecoveryErr error

	// Refused are the calls of a bot that were refused, by the operation.
	Refused map[string]error

	// Active is how many leases are not closed, Members are the replicas; if
	// nothing was refused.
	Active  int
	Members []sshforward.Member

	// ClockOff is by how much DynamoDB's clock is ahead, within a second.
	ClockOff time.Duration
}

// Examine looks at a table as a bot would use it, and changes nothing.
// [ErrNoTable] if there is none; what cannot be described is the error that AWS
// answers with.
func Examine(ctx context.Context, o Options) (e Examined, err error) {
	s, err := newStore(ctx, o)
	if err != nil {
		return e, err
	}
	defer s.end()
	out, err := s.db.DescribeTable(ctx, &dynamodb.DescribeTableInput{TableName: &s.table})
	if _, ok := errors.AsType[*types.ResourceNotFoundException](err); ok {
		return e, ErrNoTable
	}
	if err != nil {
		return e, err
	}
	t := out.Table
	e.ClockOff = clockOff(out.ResultMetadata)
	e.ARN, e.Status = aws.ToString(t.TableArn), string(t.TableStatus)
	e.Items, e.Bytes = aws.ToInt64(t.ItemCount), aws.ToInt64(t.TableSizeBytes)
	e.OnDemand = t.BillingModeSummary != nil && t.BillingModeSummary.BillingMode == types.BillingModePayPerRequest
	e.Protected = aws.ToBool(t.DeletionProtectionEnabled)
	e.Encrypted = t.SSEDescription != nil && t.SSEDescription.Status == types.SSEStatusEnabled
	e.Wrong = schemaErrors(t)
	e.Recovery, e.RecoveryErr = s.recovery(ctx)
	if len(e.Wrong) == 0 {
		e.Refused = s.rehearse(ctx)
	}
	if len(e.Wrong) > 0 || len(e.Refused) > 0 {
		return e, nil
	}
	active, err := s.Active(ctx)
	if err != nil {
		return e, err
	}
	e.Active = len(active)
	e.Members, err = s.Members(ctx)
	return e, err
}

// clockOff is by how much the clock of whoever answered is ahead of this one. A
// Date has whole seconds, cut off.
func clockOff(meta middleware.Metadata) time.Duration {
	theirs, ok := awsmiddleware.GetServerTime(meta)
	here, ok2 := awsmiddleware.GetResponseAt(meta)
	if !ok || !ok2 {
		return 0
	}
	return theirs.Add(time.Second / 2).Sub(here)
}

func (s *Store) recovery(ctx context.Context) (bool, error) {
	out, err := s.db.DescribeContinuousBackups(ctx, &dynamodb.DescribeContinuousBackupsInput{TableName: &s.table})
	if err != nil {
		return false, err
	}
	d := out.ContinuousBackupsDescription
	return d != nil && d.PointInTimeRecoveryDescription != nil &&
		d.PointInTimeRecoveryDescription.PointInTimeRecoveryStatus == types.PointInTimeRecoveryStatusEnabled, nil
}

// rehearse makes every call that a bot makes. What would write has a condition
// that is never met: DynamoDB looks at it only for those who may write.
func (s *Store) rehearse(ctx context.Context) map[string]error {
	refused := make(map[string]error)
	note := func(operation string, err error) {
		if err != nil && !isCondition(err) {
			refused[operation] = err
		}
	}
	const nobody = "rehearsal"
	never := aws.String("attribute_exists(" + attrSK + ") AND attribute_not_exists(" + attrSK + ")")
	_, err := s.get(ctx, pkMeta, nobody)
	note("GetItem", err)
	_, err = s.getAll(ctx, pkMeta, []string{nobody})
	note("BatchGetItem", err)
	_, err = s.db.PutItem(ctx, &dynamodb.PutItemInput{TableName: &s.table, Item: key(pkMeta, nobody), ConditionExpression: never})
	note("PutItem", err)
	var u update
	u.set(attrSince, text(nobody))
	_, err = s.db.UpdateItem(ctx, &dynamodb.UpdateItemInput{
		TableName: &s.table, Key: key(pkMeta, nobody), ConditionExpression: never, UpdateExpression: u.expression(),
		ExpressionAttributeNames: u.names, ExpressionAttributeValues: u.values,
	})
	note("UpdateItem", err)
	_, err = s.db.DeleteItem(ctx, &dynamodb.DeleteItemInput{TableName: &s.table, Key: key(pkMeta, nobody), ConditionExpression: never})
	note("DeleteItem", err)
	for _, name := range []string{"", attrDue, attrAct, attrTell} {
		for _, err := range s.items(ctx, query{pk: pkLease, index: name, limit: 1}) {
			operation := "Query"
			if name != "" {
				operation += fmt.Sprintf(" (index %s)", name)
			}
			note(operation, err)
			break
		}
	}
	return refused
}
