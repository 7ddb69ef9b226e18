// Reads {policy, requests: [{action, resource, context}]} from stdin and writes,
// for each request, "Allowed", "ImplicitlyDenied", "ExplicitlyDenied" or
// {error}, as one JSON array.
import { readFileSync } from 'node:fs'
import { runSimulation } from '@cloud-copilot/iam-simulate'

const { policy, requests } = JSON.parse(readFileSync(0, 'utf8'))
const out = []
for (const { action, resource, context } of requests) {
  const response = await runSimulation(
    {
      request: {
        principal: 'arn:aws:iam::123456789012:role/sshforward',
        action,
        resource: { resource, accountId: '123456789012' },
        contextVariables: context ?? {},
      },
      identityPolicies: [{ name: 'sshforward', policy }],
      serviceControlPolicies: [],
      resourceControlPolicies: [],
    },
    {},
  )
  out.push(response.resultType === 'error' ? { error: response.errors } : response.overallResult)
}
console.log(JSON.stringify(out))
