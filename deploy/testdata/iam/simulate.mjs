// Reads {policy, policies, under, principal, scp, boundary, requests: [{action,
// resource, context}]} from stdin and writes, for each request, "Allowed", "ImplicitlyDenied",
// "ExplicitlyDenied" or {error}, as one JSON array. The service control policy and
// the permissions boundary may be missing. With policies,
// under says for each request which of them decides it; else the policy does.
import { readFileSync } from 'node:fs'
import { runSimulation } from '@cloud-copilot/iam-simulate'

const { policy, policies, under, principal, scp, boundary, requests } = JSON.parse(readFileSync(0, 'utf8'))
const everything = { Version: '2012-10-17', Statement: [{ Effect: 'Allow', Action: '*', Resource: '*' }] } // FullAWSAccess
const out = []
for (const [i, { action, resource, context }] of requests.entries()) {
  const response = await runSimulation(
    {
      request: {
        principal,
        action,
        resource: { resource, accountId: '123456789012' },
        contextVariables: { 'aws:PrincipalArn': principal, ...context },
      },
      identityPolicies: [{ name: 'sshforward', policy: policies ? policies[under[i]] : policy }],
      serviceControlPolicies: scp
        ? [{ orgIdentifier: 'r-root', policies: [{ name: 'FullAWSAccess', policy: everything }, { name: 'tags', policy: scp }] }]
        : [],
      permissionBoundaryPolicies: boundary ? [{ name: 'boundary', policy: boundary }] : undefined,
      resourceControlPolicies: [],
    },
    {},
  )
  out.push(response.resultType === 'error' ? { error: response.errors } : response.overallResult)
}
console.log(JSON.stringify(out))
