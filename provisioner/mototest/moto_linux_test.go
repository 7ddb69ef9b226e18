package mototest_test

import (
	"bufio"
	"fmt"
	"net/http"
	"os"
	"os/exec"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ec2"

	"github.com/sshforward/sshforward/internal/testenv"
	"github.com/sshforward/sshforward/provisioner/mototest"
)

func TestMain(m *testing.M) {
	code := m.Run()
	mototest.Stop()
	testenv.Exit(code)
}

// Whoever asks for the shared server gets the same one, with nothing in it, and
// keeps what they make in it.
func TestSharedIsEmpty(t *testing.T) {
	one, other := mototest.Shared(t), mototest.Shared(t)
	if one.URL != other.URL {
		t.Errorf("a second server at %s, after %s", other.URL, one.URL)
	}
	config := func(way mototest.Transport) aws.Config {
		cfg := mototest.Config(way.URL)
		cfg.HTTPClient = &http.Client{Transport: way}
		return cfg
	}
	in := &ec2.DescribeInstancesInput{InstanceIds: []string{mototest.AddFieldNoteTo(t, config(one)).Web}}
	if _, err := ec2.NewFromConfig(config(other)).DescribeInstances(t.Context(), in); err == nil {
		t.Error("what one test makes is seen by another")
	}
	if _, err := ec2.NewFromConfig(config(one)).DescribeInstances(t.Context(), in); err != nil {
		t.Errorf("what a test has made: %v", err)
	}
}

// A test binary that is killed leaves no server behind.
func TestKilledBinaryLeavesNothing(t *testing.T) {
	if os.Getenv("MOTOTEST_CHILD") != "" {
		fmt.Println("server", mototest.Shared(t).URL)
		time.Sleep(time.Minute)
		return
	}
	mototest.Shared(t) // or skip
	child := exec.Command(os.Args[0], "-test.run=^TestKilledBinaryLeavesNothing$")
	child.Env = append(os.Environ(), "MOTOTEST_CHILD=1")
	out, err := child.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := child.Start(); err != nil {
		t.Fatal(err)
	}
	url := ""
	for lines := bufio.NewScanner(out); url == "" && lines.Scan(); {
		url, _ = strings.CutPrefix(lines.Text(), "server ")
	}
	if err := child.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	_ = child.Wait()
	for range 100 {
		resp, err := http.Get(url + "/moto-api/data.json")
		if err != nil {
			return // nobody listens any more
		}
		_ = resp.Body.Close()
		time.Sleep(50 * time.Millisecond)
	}
	t.Errorf("a moto_server is left at %s", url)
}
