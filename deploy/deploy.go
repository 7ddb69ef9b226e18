// Package deploy holds what sshforward init writes: the Slack manifest and the
// IAM policies of this folder.
package deploy

import "embed"

// Files are the manifest, the policies and the calls that those are proved by, for
// the deployment "prod" in the account 123456789012 and the region ap-northeast-1.
//
//go:embed slack-manifest.yaml iam-policy.json iam-policy-table.json iam-policy-table-create.json
//go:embed iam-policy-deadman.json iam-deadman-role.json iam-deadman-trust.json calls.json
var Files embed.FS
