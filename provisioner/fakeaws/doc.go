// Package fakeaws is a stand-in for the part of AWS that opening and closing
// a forward touches: EC2, classic Elastic Load Balancing, STS, EventBridge
// Scheduler and the little of IAM that a check of permissions asks, over the
// wire protocols that the SDK speaks.
//
// It keeps state and behaves as AWS does where simple fakes do not: a deleted
// load balancer leaves its network interfaces behind for a while and its
// security group answers DependencyViolation until they are gone; a group that
// was just made may not be found yet; instances come into service late, and
// only if the rules on both sides let the health check through, while nobody
// need get in from outside (VPC Block Public Access, routes, network ACLs); an
// unhealthy instance loses its sessions; calls are throttled, fail, take effect
// late, or take effect and lose their answer.
//
// A Cloud is an http.Handler. The production binary runs unmodified against it
// with AWS_ENDPOINT_URL set to a listener that serves it; inside a
// testing/synctest bubble, where sockets do not work, Cloud.HTTPClient runs the
// handler in the caller's goroutine. The package starts no goroutine of its
// own: everything that happens "later" is worked out, from time.Now, when
// somebody looks.
//
//	cloud := fakeaws.New(fakeaws.Realistic())
//	note := cloud.Home().FieldNote()
//	client := ec2.NewFromConfig(aws.Config{
//		Region:      fakeaws.DefaultRegion,
//		Credentials: credentials.NewStaticCredentialsProvider("AKIA", "secret", ""),
//		HTTPClient:  cloud.HTTPClient(),
//	})
//
// The facts it imitates come from the AWS API references and from what
// kubernetes/cloud-provider-aws and terraform-provider-aws had to work around.
package fakeaws
