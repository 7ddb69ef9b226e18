package fakedynamo_test

import (
	"fmt"
	"math/rand/v2"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"
	"github.com/google/go-cmp/cmp"

	"github.com/sshforward/sshforward/internal/testenv"
	"github.com/sshforward/sshforward/store/dynamo/fakedynamo"
)

// TestPages reads more than fits into one page, both ways, with writes of others
// between the pages.
func TestPages(t *testing.T) {
	t.Parallel()
	db, w := fake(t, fakedynamo.Options{PageBytes: 1 << 10})
	w.must("CreateTable", leases)
	c := sdk(db, "a")
	item := func(i int) string {
		return fmt.Sprintf(`{"pk": {"S": "a"}, "sk": {"S": "%d"}, "nth": {"N": "%d"}, "doc": {"S": %q}}`, i, 10-i, strings.Repeat("x", 300))
	}
	for i := range 10 {
		w.must("PutItem", `{"TableName": "leases", "Item": `+item(i)+`}`)
	}
	for _, forward := range []bool{true, false} {
		got := ""
		pages := dynamodb.NewQueryPaginator(c, &dynamodb.QueryInput{
			TableName: aws.String("leases"), IndexName: aws.String("nth"), Select: types.SelectAllAttributes, ConsistentRead: aws.Bool(true),
			KeyConditionExpression:    aws.String("pk = :p"),
			ExpressionAttributeValues: map[string]types.AttributeValue{":p": text("a")}, ScanIndexForward: &forward,
		})
		n := 0
		for ; pages.HasMorePages(); n++ {
			page, err := pages.NextPage(t.Context())
			if err != nil {
				t.Fatal(err)
			}
			for _, it := range page.Items {
				got += it["sk"].(*types.AttributeValueMemberS).Value
			}
			// What a page ended with goes and comes again.
			last := int(got[len(got)-1] - '0')
			w.must("DeleteItem", fmt.Sprintf(`{"TableName": "leases", "Key": {"pk": {"S": "a"}, "sk": {"S": "%d"}}}`, last))
			w.must("PutItem", `{"TableName": "leases", "Item": `+item(last)+`}`)
		}
		want := "9876543210"
		if !forward {
			want = "0123456789"
		}
		if got != want || n != 3 {
			t.Errorf("forward %t: %s on %d pages", forward, got, n)
		}
	}
}

// TestManyItems compares a partition with a sorted list, through thousands of
// writes and deletes.
func TestManyItems(t *testing.T) {
	t.Parallel()
	_, w := fake(t, fakedynamo.Options{Lag: -1})
	w.must("CreateTable", leases)
	rnd := rand.New(rand.NewPCG(1, 1))
	there := make(map[int]bool)
	for range testenv.UnlessRaced(8000, 1000) {
		i := rnd.IntN(3000)
		k := fmt.Sprintf(`{"pk": {"S": "a"}, "sk": {"S": "%04d"}}`, i)
		if there[i] = rnd.IntN(3) > 0; there[i] {
			w.must("PutItem", `{"TableName": "leases", "Item": `+k+`}`)
		} else {
			w.must("DeleteItem", `{"TableName": "leases", "Key": `+k+`}`)
		}
	}
	for _, forward := range []bool{true, false} {
		var want, got []string
		for i := 500; i <= 2500; i++ {
			if there[i] {
				want = append(want, fmt.Sprintf("%04d", i))
			}
		}
		body := w.must("Query", fmt.Sprintf(`{"TableName": "leases", "ScanIndexForward": %t,
			"KeyConditionExpression": "pk = :p AND sk BETWEEN :a AND :b",
			"ExpressionAttributeValues": {":p": {"S": "a"}, ":a": {"S": "0500"}, ":b": {"S": "2500"}}}`, forward))
		for _, it := range body["Items"].([]any) {
			got = append(got, it.(map[string]any)["sk"].(map[string]any)["S"].(string))
		}
		if !forward {
			for i, j := 0, len(got)-1; i < j; i, j = i+1, j-1 {
				got[i], got[j] = got[j], got[i]
			}
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("forward %t: %s", forward, diff)
		}
	}
}

// TestWritersMeet has writers raise a number that only the one who read it last may
// raise: not one of them is lost.
func TestWritersMeet(t *testing.T) {
	t.Parallel()
	db, w := fake(t, fakedynamo.Options{})
	w.must("CreateTable", leases)
	w.must("PutItem", `{"TableName": "leases", "Item": {"pk": {"S": "a"}, "sk": {"S": "1"}, "rev": {"N": "0"}}}`)
	server := httptest.NewServer(db)
	defer server.Close()
	var mu sync.Mutex
	var wg sync.WaitGroup
	raised := 0
	for range 8 {
		wg.Go(func() {
			mine := w
			mine.client, mine.url = server.Client(), server.URL
			for range 20 {
				r := mine.call("GetItem", get(a1).body)
				rev := r.Body["Item"].(map[string]any)["rev"].(map[string]any)["N"].(string)
				last := values + `{":one": {"N": "1"}, ":r": {"N": "` + rev + `"}}`
				r = mine.call("UpdateItem", update(a1, "ADD rev :one", given+`"rev = :r"`, last).body)
				if r.Code == "" {
					mu.Lock()
					raised++
					mu.Unlock()
				}
			}
		})
	}
	wg.Wait()
	if got := show(w.must("GetItem", get(a1).body)["Item"]); !strings.Contains(got, fmt.Sprintf(`"N":"%d"`, raised)) || raised == 0 {
		t.Errorf("%d writes were taken, and the item is %s", raised, got)
	}
	if client := db.Calls()[2].Client; client != "AKIATEST" {
		t.Errorf("over a socket the client is %q", client)
	}
}

func TestABatchIsNotDoneAtOnce(t *testing.T) {
	t.Parallel()
	db, w := fake(t, fakedynamo.Options{})
	w.must("CreateTable", leases)
	db.SetFault(func(fakedynamo.Call) fakedynamo.Fault { return fakedynamo.Fault{Unprocessed: 1} })
	one, two := `{"pk": {"S": "a"}, "sk": {"S": "1"}}`, `{"pk": {"S": "a"}, "sk": {"S": "2"}}`
	r := w.must("BatchWriteItem", `{"RequestItems": {"leases": [{"PutRequest": {"Item": `+one+`}}, {"PutRequest": {"Item": `+two+`}}]}}`)
	if got := show(r["UnprocessedItems"]); got != `{"leases":[{"PutRequest":{"Item":{"pk":{"S":"a"},"sk":{"S":"1"}}}}]}` {
		t.Errorf("left of the writes is %s", got)
	}
	r = w.must("BatchGetItem", `{"RequestItems": {"leases": {"ConsistentRead": true, "Keys": [`+one+`, `+two+`]}}}`)
	if got := show(r); got != `{"Responses":{"leases":[{"pk":{"S":"a"},"sk":{"S":"2"}}]},`+
		`"UnprocessedKeys":{"leases":{"ConsistentRead":true,"Keys":[{"pk":{"S":"a"},"sk":{"S":"1"}}]}}}` {
		t.Errorf("of the reads comes %s", got)
	}
}

// TestRemovingFromAList is what dynalite gets wrong: indexes are those of before.
func TestRemovingFromAList(t *testing.T) {
	t.Parallel()
	_, w := fake(t, fakedynamo.Options{})
	w.must("CreateTable", leases)
	w.must("PutItem", `{"TableName": "leases", "Item": {"pk": {"S": "a"}, "sk": {"S": "1"},
		"l": {"L": [{"N": "0"}, {"N": "1"}, {"N": "2"}]}}}`)
	got := show(w.must("UpdateItem", update(a1, "REMOVE l[0], l[2]").body))
	if !strings.Contains(got, `{"L":[{"N":"1"}]}`) {
		t.Errorf("left is %s", got)
	}
}

// TestCapacity is by the developer guide's rules; what it costs is what people pay.
func TestCapacity(t *testing.T) {
	t.Parallel()
	_, w := fake(t, fakedynamo.Options{})
	w.must("CreateTable", leases)
	cost := func(op operation) string {
		c := w.must(op.name, op.body)["ConsumedCapacity"].(map[string]any)
		delete(c, "TableName")
		return show(c)
	}
	const all = `"ReturnConsumedCapacity": "INDEXES"`
	x := func(due string) string {
		return `{"pk": {"S": "a"}, "sk": {"S": "1"}, "due": {"S": "` + due + `"}, "doc": {"S": "` + strings.Repeat("x", 1500) + `"}}`
	}
	for _, c := range []struct {
		op   operation
		want string
	}{
		{put(x("1"), all), `{"CapacityUnits":3,"LocalSecondaryIndexes":{"due":{"CapacityUnits":1}},"Table":{"CapacityUnits":2}}`},
		{put(x("1"), all), `{"CapacityUnits":2,"Table":{"CapacityUnits":2}}`},
		{put(x("2"), all), `{"CapacityUnits":4,"LocalSecondaryIndexes":{"due":{"CapacityUnits":2}},"Table":{"CapacityUnits":2}}`},
		{put(a1, all), `{"CapacityUnits":3,"LocalSecondaryIndexes":{"due":{"CapacityUnits":1}},"Table":{"CapacityUnits":2}}`},
		{get(a1, `"ReturnConsumedCapacity": "TOTAL"`), `{"CapacityUnits":1}`},
		{query("pk = :p", `{":p": {"S": "a"}}`, `"IndexName": "due", "ReturnConsumedCapacity": "TOTAL"`), `{"CapacityUnits":1}`},
	} {
		if got := cost(c.op); got != c.want {
			t.Errorf("%s\ncosts %s\nwant  %s", c.op.body, got, c.want)
		}
	}
}

func TestTheLifeOfATable(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		_, w := fake(t, fakedynamo.Options{CreateTime: 5 * time.Second, BackupsTime: 5 * time.Second})
		const more = `"DeletionProtectionEnabled": true, "Tags": [{"Key": "a", "Value": "1"}], "BillingMode"`
		w.must("CreateTable", strings.Replace(leases, `"BillingMode"`, more, 1))
		const arn = `{"ResourceArn": "arn:aws:dynamodb:ap-northeast-1:123456789012:table/leases"`
		const recovery = `{"TableName": "leases", "PointInTimeRecoverySpecification": {"PointInTimeRecoveryEnabled": true}}`
		for i, step := range []struct {
			wait             time.Duration
			name, body, want string
		}{
			{0, "PutItem", `{"TableName": "leases", "Item": ` + a1 + `}`, "ResourceNotFoundException"},
			{0, "DescribeTable", `{"TableName": "leases"}`, `"TableStatus":"CREATING"`},
			{5 * time.Second, "DescribeTable", `{"TableName": "leases"}`, `"TableStatus":"ACTIVE"`},
			{0, "PutItem", `{"TableName": "leases", "Item": ` + a1 + `}`, `{}`},
			{0, "UpdateContinuousBackups", recovery, "ContinuousBackupsUnavailableException"},
			{5 * time.Second, "UpdateContinuousBackups", recovery, `"PointInTimeRecoveryStatus":"ENABLED"`},
			{0, "DescribeContinuousBackups", `{"TableName": "leases"}`, `"PointInTimeRecoveryStatus":"ENABLED"`},
			{0, "DescribeContinuousBackups", `{"TableName": "nowhere"}`, "TableNotFoundException"},
			{0, "TagResource", arn + `, "Tags": [{"Key": "b", "Value": "2"}]}`, `{}`},
			{0, "ListTagsOfResource", arn + `}`, `{"Tags":[{"Key":"a","Value":"1"},{"Key":"b","Value":"2"}]}`},
			{0, "DeleteTable", `{"TableName": "leases"}`, "ValidationException"},
			{0, "UpdateTable", `{"TableName": "leases", "DeletionProtectionEnabled": false}`, `"DeletionProtectionEnabled":false`},
			{0, "DeleteTable", `{"TableName": "leases"}`, `"TableName":"leases"`},
			{0, "DescribeTable", `{"TableName": "leases"}`, "ResourceNotFoundException"},
			{0, "CreateTable", strings.Replace(leases, `"PAY_PER_REQUEST"`, `"PROVISIONED"`, 1), "ValidationException"},
			{0, "CreateTable", strings.Replace(leases, `"nth", "AttributeType": "N"`, `"other", "AttributeType": "N"`, 1), "ValidationException"},
			{0, "CreateTable", strings.Replace(leases, `"BillingMode"`, `"GlobalSecondaryIndexes": [], "BillingMode"`, 1), "SerializationException"},
		} {
			time.Sleep(step.wait)
			if r := w.call(step.name, step.body); !strings.Contains(r.Code+show(r.Body), step.want) {
				t.Errorf("step %d, %s: %s %s %s, want %s", i, step.name, r.Code, r.Message, show(r.Body), step.want)
			}
		}
	})
}
