package dynamo

import (
	"context"
	"fmt"
	"slices"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"
)

// Condition is how a table is, as far as the credentials let that be seen.
type Condition struct {
	Status string // AWS's word: ACTIVE
	ARN    string
	OnDemand,
	// Protected against being deleted.
	Protected bool
	// Recoverable is the point-in-time recovery. RecoveryErr says why that cannot
	// be told: a stand-in does not know it, or it is not allowed.
	Recoverable bool
	RecoveryErr error
	// Schema says what the keys or the indexes lack. It cannot be mended: the
	// table has to be made anew.
	Schema []error
	Items  int64 // about, six hours old
	Bytes  int64
	// Denied are the operations that the credentials do not allow and the bot
	// needs, in the order of their names.
	Denied []string
	// Failed are operations that went wrong otherwise, and how.
	Failed map[string]error
}

// operations are what the bot calls, each with a call that changes nothing.
var operations = map[string]func(context.Context, *Store) error{
	"GetItem": func(ctx context.Context, s *Store) error {
		_, err := s.get(ctx, pkMeta, skStore)
		return err
	},
	"BatchGetItem": func(ctx context.Context, s *Store) error {
		_, err := s.getAll(ctx, pkMeta, []string{skStore})
		return err
	},
	"Query": func(ctx context.Context, s *Store) error {
		for _, x := range []string{"", attrDue, attrAct, attrTell} {
			for _, err := range s.pages(ctx, query{pk: pkLease, index: x, limit: 1}) {
				if err != nil {
					return err
				}
				break
			}
		}
		return nil
	},
	// What is to be written is on condition that something is there which never is.
	"PutItem": func(ctx context.Context, s *Store) error {
		_, err := s.db.PutItem(ctx, &dynamodb.PutItemInput{
			TableName: &s.table, Item: key(pkMeta, skNever), ConditionExpression: aws.String(ifThere),
		})
		return unlessCondition(err)
	},
	"UpdateItem": func(ctx context.Context, s *Store) error {
		_, err := s.db.UpdateItem(ctx, &dynamodb.UpdateItemInput{
			TableName: &s.table, Key: key(pkMeta, skNever), ConditionExpression: aws.String(ifThere),
			UpdateExpression: aws.String("REMOVE " + attrDoc),
		})
		return unlessCondition(err)
	},
	"DeleteItem": func(ctx context.Context, s *Store) error {
		_, err := s.db.DeleteItem(ctx, &dynamodb.DeleteItemInput{
			TableName: &s.table, Key: key(pkMeta, skNever), ConditionExpression: aws.String(ifThere),
		})
		return unlessCondition(err)
	},
}

const (
	skNever = "never"
	ifThere = "attribute_exists(" + attrSK + ")"
)

func unlessCondition(err error) error {
	if isCondition(err) {
		return nil
	}
	return err
}

// Examine looks at a table and tries what the bot needs, and changes nothing.
// [ErrNoTable] if there is none; that cannot be told without DescribeTable.
func Examine(ctx context.Context, o Options) (Condition, error) {
	s, err := newStore(ctx, o)
	if err != nil {
		return Condition{}, err
	}
	defer s.end()
	t, err := s.describe(ctx)
	if err != nil {
		return Condition{}, fmt.Errorf("table %s: %w", o.Table, err)
	}
	c := Condition{
		Status: string(t.TableStatus), ARN: aws.ToString(t.TableArn), Items: aws.ToInt64(t.ItemCount), Bytes: aws.ToInt64(t.TableSizeBytes),
		OnDemand:  t.BillingModeSummary != nil && t.BillingModeSummary.BillingMode == types.BillingModePayPerRequest,
		Protected: aws.ToBool(t.DeletionProtectionEnabled), Schema: schemaErrors(t), Failed: make(map[string]error),
	}
	out, err := s.db.DescribeContinuousBackups(ctx, &dynamodb.DescribeContinuousBackupsInput{TableName: &s.table})
	if err != nil {
		c.RecoveryErr = err
	} else if d := out.ContinuousBackupsDescription; d != nil && d.PointInTimeRecoveryDescription != nil {
		c.Recoverable = d.PointInTimeRecoveryDescription.PointInTimeRecoveryStatus == types.PointInTimeRecoveryStatusEnabled
	}
	if len(c.Schema) > 0 || t.TableStatus == types.TableStatusCreating {
		return c, nil
	}
	for name, try := range operations {
		switch err := try(ctx, s); {
		case err == nil:
		case codeOf(err) == "AccessDeniedException":
			c.Denied = append(c.Denied, name)
		default:
			c.Failed[name] = err
		}
	}
	slices.Sort(c.Denied)
	return c, nil
}
