package provisioner

import (
	"context"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/sts"
)

// Identity returns the ARN that the bot has in a configured account.
func (p *Provisioner) Identity(ctx context.Context, name string) (string, error) {
	a, err := p.account(name)
	if err != nil {
		return "", err
	}
	out, err := a.sts.GetCallerIdentity(ctx, &sts.GetCallerIdentityInput{})
	if err != nil {
		return "", a.failed(err, "tell who I am")
	}
	return aws.ToString(out.Arn), nil
}
