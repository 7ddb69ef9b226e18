package fakeaws

import "strings"

// partition is the second part of the ARNs of a region.
func partition(region string) string {
	switch {
	case strings.HasPrefix(region, "cn-"):
		return "aws-cn"
	case strings.HasPrefix(region, "us-gov-"):
		return "aws-us-gov"
	}
	return "aws"
}

// arnOf is the ARN of something of a service's in this account and region.
func (r *region) arnOf(service, resource string) string {
	return "arn:" + partition(r.name) + ":" + service + ":" + r.name + ":" + r.account + ":" + resource
}

// inPartition tells whether an ARN is of the region's partition: what is of
// another one does not exist there.
func (r *region) inPartition(arn string) bool {
	return strings.HasPrefix(arn, "arn:"+partition(r.name)+":")
}
