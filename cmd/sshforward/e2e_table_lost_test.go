package main

import (
	"path/filepath"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"

	"github.com/sshforward/sshforward/internal/testenv"
	"github.com/sshforward/sshforward/provisioner/fakeaws"
	"github.com/sshforward/sshforward/store/dynamo"
	"github.com/sshforward/sshforward/store/dynamo/dynalitetest"
)

// The table is deleted under three bots. What is due ends all the same, from memory.
// A backup goes into a new table of the same name, as docs/runbook.md says, and what
// was opened after it was made comes back from its tags.
func TestTableIsLost(t *testing.T) {
	testenv.SkipRaced(t, "TestLostStore and TestReplicas go the same ways")
	t.Parallel()
	f := newFleet(t, worldOptions{}, fakeaws.Options{})
	short := f.open(ann, dev, f.cloud.instance+" 25s from 203.0.113.7")
	known := f.open(bob, dev, f.cloud.instance+" 20m from 203.0.113.8")
	f.opened(short)
	f.opened(known)
	end, copied := f.lease(short).ExpiresAt, filepath.Join(f.dir, "copy.db")
	if out, err := f.command("backup", copied).CombinedOutput(); err != nil {
		t.Fatalf("backup: %v\n%s", err, out)
	}
	later := f.open(ann, dev, f.cloud.instance+" 20m from 203.0.113.9")
	f.opened(later)

	cfg := dynalitetest.Config(dynalitetest.Start(t))
	table, _, _ := strings.Cut(strings.TrimPrefix(f.opts.store, "dynamodb: {table: "), ",")
	if _, err := dynamodb.NewFromConfig(cfg).DeleteTable(t.Context(), &dynamodb.DeleteTableInput{TableName: aws.String(table)}); err != nil {
		t.Fatal(err)
	}
	f.accessGone(short, end, "of a lease whose table was deleted")
	for _, r := range f.bots {
		if status, _ := r.page("/readyz"); status != 503 {
			t.Errorf("%s says with status %d that it is ready", r.name, status)
		}
		if !strings.Contains(r.log.String(), "ResourceNotFoundException") {
			t.Errorf("the log of %s does not say what is wrong", r.name)
		}
		r.terminate()
	}

	out, err := f.command("restore", copied).CombinedOutput()
	if err != nil || !strings.Contains(string(out), later) || strings.Contains(string(out), "knows every lease that AWS has") {
		t.Fatalf("restore: %v\n%s", err, out)
	}
	if f.store, err = dynamo.Open(t.Context(), dynamo.Options{Table: table, AWS: &cfg}); err != nil {
		t.Fatal(err)
	}
	f.launch()
	f.launch()
	for _, id := range []string{known, later} {
		f.opened(id)
		f.slash(carol, dev, "close "+id)
		f.card(dev, id, "*Closed*")
	}
	f.nothingLeftSoon()
}
