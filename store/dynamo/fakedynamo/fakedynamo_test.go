package fakedynamo_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"

	"github.com/sshforward/sshforward/internal/testenv"
	"github.com/sshforward/sshforward/store/dynamo/fakedynamo"
)

func TestMain(m *testing.M) {
	testenv.IsolateAWS()
	testenv.Exit(m.Run())
}

func sdk(db *fakedynamo.DB, name string) *dynamodb.Client {
	return dynamodb.NewFromConfig(aws.Config{
		Region: fakedynamo.DefaultRegion, Credentials: credentials.NewStaticCredentialsProvider("AKIATEST", "secret", ""),
		HTTPClient: db.HTTPClient(name),
	})
}

func text(s string) types.AttributeValue { return &types.AttributeValueMemberS{Value: s} }

func key(sk string) map[string]types.AttributeValue {
	return map[string]types.AttributeValue{"pk": text("a"), "sk": text(sk)}
}

// putNew is a write that must be the first of its key.
func putNew(ctx context.Context, c *dynamodb.Client, sk string) error {
	_, err := c.PutItem(ctx, &dynamodb.PutItemInput{
		TableName: aws.String("leases"), Item: key(sk), ConditionExpression: aws.String("attribute_not_exists(sk)"),
		ReturnValuesOnConditionCheckFailure: types.ReturnValuesOnConditionCheckFailureAllOld,
	})
	return err
}

func has(t *testing.T, c *dynamodb.Client, sk string, consistent bool) bool {
	t.Helper()
	out, err := c.GetItem(t.Context(), &dynamodb.GetItemInput{TableName: aws.String("leases"), Key: key(sk), ConsistentRead: &consistent})
	if err != nil {
		t.Fatal(err)
	}
	return out.Item != nil
}

func TestReadsSeeThePastUnlessTheyAreConsistent(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		db, w := fake(t, fakedynamo.Options{Lag: time.Second})
		w.must("CreateTable", leases)
		c := sdk(db, "a")
		if err := putNew(t.Context(), c, "1"); err != nil {
			t.Fatal(err)
		}
		if !has(t, c, "1", true) || has(t, c, "1", false) {
			t.Error("what was just written is there for a consistent read, and for no other")
		}
		query := `{"TableName": "leases", "KeyConditionExpression": "pk = :p", "ExpressionAttributeValues": {":p": {"S": "a"}}}`
		if n := w.must("Query", query)["Count"]; n != 0.0 {
			t.Errorf("a query that is not consistent finds %v", n)
		}
		time.Sleep(time.Second)
		if n := w.must("Query", query)["Count"]; n != 1.0 || !has(t, c, "1", false) {
			t.Errorf("a second later a query finds %v", n)
		}
	})
}

// The trap for every store on DynamoDB: the SDK repeats a put whose answer was lost,
// and is told that its own write was in the way.
func TestAPutWhoseAnswerIsLostConflictsWithItself(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		db, w := fake(t, fakedynamo.Options{})
		w.must("CreateTable", leases)
		lost := sync.Once{}
		db.SetFault(func(fakedynamo.Call) (f fakedynamo.Fault) {
			lost.Do(func() { f.Lost = true })
			return f
		})
		err := putNew(t.Context(), sdk(db, "a"), "1")
		var failed *types.ConditionalCheckFailedException
		if !errors.As(err, &failed) || failed.Item == nil {
			t.Errorf("is %v, with %v", err, failed)
		}
		calls := db.Calls()
		if n := len(calls); n != 3 || !calls[1].Lost || calls[2].Code != "ConditionalCheckFailedException" || calls[2].Client != "a" {
			t.Errorf("calls: %+v", calls)
		}
	})
}

func TestThrottlingIsTriedAgain(t *testing.T) {
	t.Parallel()
	for name, fault := range map[string]fakedynamo.Fault{
		"table": fakedynamo.Throttled(), "rate": fakedynamo.ThrottledByRate(),
		"500": {Code: "InternalServerError"}, "unsent": {Unsent: true},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				db, w := fake(t, fakedynamo.Options{})
				w.must("CreateTable", leases)
				n := 0
				db.SetFault(func(fakedynamo.Call) fakedynamo.Fault {
					if n++; n <= 2 {
						return fault
					}
					return fakedynamo.Fault{}
				})
				if err := putNew(t.Context(), sdk(db, "a"), "1"); err != nil || n != 3 {
					t.Errorf("after %d tries: %v", n, err)
				}
			})
		})
	}
}

func TestACallArrivesAfterItWasGivenUp(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		db, w := fake(t, fakedynamo.Options{})
		w.must("CreateTable", leases)
		c := sdk(db, "a")
		db.SetFault(func(call fakedynamo.Call) fakedynamo.Fault {
			return fakedynamo.Fault{Delay: 10 * time.Second, Arrives: call.Operation == "PutItem"}
		})
		ctx, cancel := context.WithTimeout(t.Context(), 2*time.Second)
		defer cancel()
		if err := putNew(ctx, c, "1"); err == nil {
			t.Fatal("was answered")
		}
		db.SetFault(nil)
		if has(t, c, "1", true) {
			t.Error("is there before it arrived")
		}
		time.Sleep(9 * time.Second)
		if !has(t, c, "1", true) {
			t.Error("never arrived")
		}
	})
}

func TestOneClientIsCutOff(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		db, w := fake(t, fakedynamo.Options{})
		w.must("CreateTable", leases)
		db.SetFault(func(call fakedynamo.Call) fakedynamo.Fault { return fakedynamo.Fault{Unsent: call.Client == "a"} })
		if err := putNew(t.Context(), sdk(db, "a"), "1"); err == nil {
			t.Error("a gets through")
		}
		if err := putNew(t.Context(), sdk(db, "b"), "1"); err != nil {
			t.Errorf("b does not: %v", err)
		}
	})
}

// TestOldSignature is about a process that was paused: what it sends late has no effect.
func TestOldSignature(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		db, w := fake(t, fakedynamo.Options{})
		w.must("CreateTable", leases)
		w.client.Timeout = 0
		db.SetFault(func(fakedynamo.Call) fakedynamo.Fault { return fakedynamo.Fault{Delay: 5*time.Minute + time.Second} })
		if r := w.call("PutItem", `{"TableName": "leases", "Item": `+a1+`}`); r.Code != "InvalidSignatureException" {
			t.Errorf("is %+v", r)
		}
	})
}

func TestAnIndexFromThePast(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		db, w := fake(t, fakedynamo.Options{})
		w.must("CreateTable", leases)
		due := func() any {
			return w.must("Query", `{"TableName": "leases", "IndexName": "due", "ConsistentRead": true, "KeyConditionExpression": "pk = :p",
				"ExpressionAttributeValues": {":p": {"S": "a"}}}`)["Items"]
		}
		w.must("PutItem", `{"TableName": "leases", "Item": `+whole+`}`)
		time.Sleep(time.Second)
		w.must("UpdateItem", update(a1, "SET due = :d", values+`{":d": {"S": "2027"}}`).body)
		w.must("UpdateItem", update(`{"pk": {"S": "a"}, "sk": {"S": "2"}}`, "SET due = :d", values+`{":d": {"S": "1"}}`).body)
		now := show(due())
		db.SetFault(func(fakedynamo.Call) fakedynamo.Fault { return fakedynamo.Fault{Stale: time.Second} })
		past := show(due())
		db.SetFault(nil)
		if !strings.Contains(past, `"2026"`) || strings.Contains(past, `"2027"`) || strings.Count(past, "sk") != 1 {
			t.Errorf("the past is %s", past)
		}
		if strings.Count(now, "sk") != 2 || show(due()) != now {
			t.Errorf("now is %s", now)
		}
	})
}

// TestChaosIsTheSameAgain also says that everything it can do comes up.
func TestChaosIsTheSameAgain(t *testing.T) {
	t.Parallel()
	var runs [2]string
	for i := range runs {
		c := fakedynamo.NewChaos(7, 0.3)
		disturbed := 0
		for range 1000 {
			f := c.Fault(fakedynamo.Call{Client: "a", Operation: "PutItem"})
			if f.Code != "" || f.Unsent || f.Lost || f.Arrives || f.Unprocessed > 0 {
				disturbed++
				runs[i] += fmt.Sprintln(f.Code, f.Unsent, f.Lost, f.Delay, f.Unprocessed)
			}
		}
		if disturbed < 250 || disturbed > 350 {
			t.Errorf("%d of 1000 calls are disturbed, by %s", disturbed, c)
		}
	}
	if runs[0] != runs[1] {
		t.Error("a seed does not repeat its faults")
	}
}
