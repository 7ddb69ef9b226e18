// Package deploy holds what sshforward init writes: the Slack manifest and the
// IAM policies of this folder.
package deploy

import "embed"

// Files are the manifest and the policies, for the deployment "prod" in the
// account 123456789012 and the region ap-northeast-1.
//
//go:embed slack-manifest.yaml iam-policy.json iam-policy-table.json iam-policy-table-create.json
//go:embed iam-policy-deadman.json iam-deadman-role.json iam-deadman-trust.json
var Files embed.FS
