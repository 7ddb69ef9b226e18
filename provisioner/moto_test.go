package provisioner_test

import (
	"cmp"
	"flag"
	"fmt"
	"log/slog"
	"os"
	"runtime/debug"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials/stscreds"
	"github.com/aws/aws-sdk-go-v2/service/ec2"
	"github.com/aws/aws-sdk-go-v2/service/ec2/types"
	"github.com/aws/aws-sdk-go-v2/service/sts"

	"github.com/sshforward/sshforward/internal/testenv"
	"github.com/sshforward/sshforward/provisioner"
	"github.com/sshforward/sshforward/provisioner/mototest"
)

func TestMain(m *testing.M) {
	for _, kv := range os.Environ() {
		if k, _, _ := strings.Cut(kv, "="); strings.HasPrefix(k, "AWS_") {
			_ = os.Unsetenv(k)
		}
	}
	for k, v := range map[string]string{
		"AWS_ACCESS_KEY_ID": "AKIATEST", "AWS_SECRET_ACCESS_KEY": "secret", "AWS_EC2_METADATA_DISABLED": "true",
		"AWS_CONFIG_FILE": os.DevNull, "AWS_SHARED_CREDENTIALS_FILE": os.DevNull,
	} {
		_ = os.Setenv(k, v)
	}
	debug.SetGCPercent(800) // a third of the time would go into garbage
	flag.Parse()
	if err := flag.Set("test.parallel", "6"); err != nil { // moto is waited for most of the time
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	code := m.Run()
	mototest.Stop()
	testenv.Exit(code)
}

// newMoto is a world in an account of its own in moto_server, with the same
// network as fakeaws's FieldNote.
func newMoto(t testing.TB, o worldOptions) *world {
	w := newWorld(t, "moto", nil, mototest.Shared(t), o)
	w.buildMoto(w.config())
	return w
}

// buildMoto makes the field note's network through the API, with the names
// that the instances have in fakeaws.
func (w *world) buildMoto(cfg aws.Config) {
	n := mototest.AddFieldNoteTo(w, cfg)
	w.vpc, w.public, w.private, w.group, w.web, w.app = n.VPC, n.Public, n.Private, n.Group, n.Web, n.App
	for id, name := range map[string]string{w.web: "web-1", w.app: "app-1"} {
		must(ec2.NewFromConfig(cfg).CreateTags(w.ctx, &ec2.CreateTagsInput{
			Resources: []string{id}, Tags: []types.Tag{{Key: aws.String("Name"), Value: aws.String(name)}},
		}))
	}
}

func must[T any](v T, err error) T {
	if err != nil {
		panic(err)
	}
	return v
}

func (o worldOptions) withDefaults() worldOptions {
	if o.accounts == nil {
		o.accounts = []provisioner.Account{{Name: "main", Region: cmp.Or(o.region, "ap-northeast-1"), SSHUser: "ec2-user"}}
	}
	if o.log == nil {
		o.log = slog.DiscardHandler
	}
	o.region = cmp.Or(o.region, o.accounts[0].Region)
	return o
}

// as is the onlooker's configuration in a role.
func (w *world) as(arn string) aws.Config {
	cfg := w.config()
	cfg.Credentials = aws.NewCredentialsCache(stscreds.NewAssumeRoleProvider(sts.NewFromConfig(w.config()), arn))
	return cfg
}
