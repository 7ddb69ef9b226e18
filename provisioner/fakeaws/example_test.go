package fakeaws_test

import (
	"context"
	"fmt"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/service/ec2"

	"github.com/sshforward/sshforward/provisioner/fakeaws"
)

func ExampleCloud_HTTPClient() {
	cloud := fakeaws.New(fakeaws.Realistic())
	note := cloud.Home().FieldNote()
	client := ec2.NewFromConfig(aws.Config{
		Region:      fakeaws.DefaultRegion,
		Credentials: credentials.NewStaticCredentialsProvider("AKIA", "secret", ""),
		HTTPClient:  cloud.HTTPClient(),
	})
	out, err := client.DescribeInstances(context.Background(), &ec2.DescribeInstancesInput{InstanceIds: []string{note.Web}})
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(*out.Reservations[0].Instances[0].PrivateIpAddress)
	// Output: 10.1.2.94
}
