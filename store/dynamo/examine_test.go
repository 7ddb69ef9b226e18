package dynamo

import (
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"

	"github.com/sshforward/sshforward"
	"github.com/sshforward/sshforward/store/dynamo/dynalitetest"
	"github.com/sshforward/sshforward/store/dynamo/fakedynamo"
)

// faked is a DynamoDB in this process, which knows what dynalite does not:
// recovery, and protection.
func faked(db *fakedynamo.DB) Options {
	return Options{Table: "leases", HTTPClient: db.HTTPClient("examiner"), AWS: &aws.Config{
		Region: fakedynamo.DefaultRegion, Credentials: credentials.NewStaticCredentialsProvider("AKIATEST", "secret", ""),
	}}
}

func TestExamine(t *testing.T) {
	t.Parallel()
	db := fakedynamo.New(fakedynamo.Options{ClockSkew: 8 * time.Second})
	o := faked(db)
	if _, err := Examine(t.Context(), o); !errors.Is(err, ErrNoTable) {
		t.Fatalf("without a table: %v", err)
	}
	o.Create = true
	s, err := Open(t.Context(), o)
	if err != nil {
		t.Fatal(err)
	}
	defer mustClose(t, s)
	for _, l := range []*sshforward.Lease{{ID: "open", State: sshforward.Open}, {ID: "closed", State: sshforward.Closed}} {
		if err := s.Put(t.Context(), l); err != nil {
			t.Fatal(err)
		}
	}
	if err := s.Beat(t.Context(), sshforward.Member{ID: "one", Beat: 7}); err != nil {
		t.Fatal(err)
	}
	e, err := Examine(t.Context(), o)
	if err != nil {
		t.Fatal(err)
	}
	for what, is := range map[string]bool{
		"the table":     strings.HasSuffix(e.ARN, ":table/leases") && e.Status == "ACTIVE",
		"on demand":     e.OnDemand,
		"protected":     e.Protected,
		"recovery":      e.Recovery && e.RecoveryErr == nil,
		"nothing wrong": len(e.Wrong) == 0 && len(e.Refused) == 0,
		"active":        e.Active == 1,
		"members":       len(e.Members) == 1 && e.Members[0].Beat == 7,
		"the clock":     e.ClockOff > 6*time.Second && e.ClockOff < 10*time.Second,
	} {
		if !is {
			t.Errorf("%s: %+v", what, e)
		}
	}
	// It changes nothing.
	items := 0
	for range s.items(t.Context(), query{pk: pkMeta}) {
		items++
	}
	if _, err := Examine(t.Context(), o); err != nil {
		t.Fatal(err)
	}
	after := 0
	for range s.items(t.Context(), query{pk: pkMeta}) {
		after++
	}
	if items != after {
		t.Errorf("there were %d items, and are %d", items, after)
	}
}

// denying refuses operations as AWS does where a permission is missing.
type denying struct {
	aws.HTTPClient
	operations []string
}

func (d denying) Do(r *http.Request) (*http.Response, error) {
	_, operation, _ := strings.Cut(r.Header.Get("X-Amz-Target"), ".")
	if !slices.Contains(d.operations, operation) {
		return d.HTTPClient.Do(r)
	}
	answer := httptest.NewRecorder()
	answer.Header().Set("Content-Type", "application/x-amz-json-1.0")
	answer.WriteHeader(http.StatusBadRequest)
	fmt.Fprintf(answer, `{"__type":"com.amazon.coral.service#AccessDeniedException","Message":"not authorized to perform %s"}`, operation)
	return answer.Result(), nil
}

func TestExamineSaysWhatIsRefused(t *testing.T) {
	t.Parallel()
	o := faked(fakedynamo.New(fakedynamo.Options{}))
	o.Create = true
	s, err := Open(t.Context(), o)
	if err != nil {
		t.Fatal(err)
	}
	mustClose(t, s)
	want := []string{"BatchGetItem", "DeleteItem", "DescribeContinuousBackups", "GetItem", "PutItem", "Query", "UpdateItem"}
	o.HTTPClient = denying{o.HTTPClient, want}
	e, err := Examine(t.Context(), o)
	if err != nil {
		t.Fatal(err)
	}
	for _, operation := range want {
		if operation != "DescribeContinuousBackups" && codeOf(e.Refused[operation]) != "AccessDeniedException" {
			t.Errorf("%s is refused, and it says %v", operation, e.Refused[operation])
		}
	}
	if codeOf(e.RecoveryErr) != "AccessDeniedException" || len(e.Refused) != 6+3 { // the indexes one by one
		t.Errorf("%+v", e)
	}
}

// A table that somebody else has made can be looked at too.
func TestExamineAnotherTable(t *testing.T) {
	t.Parallel()
	cfg := dynalitetest.Config(dynalitetest.Start(t))
	name := newTable()
	_, err := dynamodb.NewFromConfig(cfg).CreateTable(t.Context(), &dynamodb.CreateTableInput{
		TableName: &name, BillingMode: types.BillingModePayPerRequest,
		AttributeDefinitions: []types.AttributeDefinition{{AttributeName: aws.String("id"), AttributeType: types.ScalarAttributeTypeS}},
		KeySchema:            []types.KeySchemaElement{{AttributeName: aws.String("id"), KeyType: types.KeyTypeHash}},
	})
	if err != nil {
		t.Fatal(err)
	}
	e, err := Examine(t.Context(), Options{Table: name, AWS: &cfg})
	if err != nil || len(e.Wrong) != 4 || e.RecoveryErr == nil { // dynalite knows no recovery
		t.Errorf("%+v, %v", e, err)
	}
}
