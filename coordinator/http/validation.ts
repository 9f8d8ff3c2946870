import * as v from 'valibot'
import { GuardianError } from '../../protocol/errors.ts'

type Verdict = { readonly value: unknown } | { readonly error: GuardianError }

/** Fastify's door to valibot: every schema of a route is a decoder of `protocol/api.ts`. */
export function compileValidator({ schema }: { readonly schema: unknown }): (data: unknown) => Verdict {
  if (!isSchema(schema)) throw new Error('a route without a valibot schema')
  return (data) => {
    const result = v.safeParse(schema, data, { abortEarly: true })
    return result.success ? { value: result.output } : { error: refusalOf(result.issues[0]) }
  }
}

function refusalOf(issue: v.BaseIssue<unknown>): GuardianError {
  const where = v.getDotPath(issue)
  const found = issue.received.length > 80 ? `${issue.received.slice(0, 77)}…` : issue.received
  const wanted = issue.message.startsWith('Invalid ') ? `expected ${issue.expected ?? 'something else'}` : issue.message
  return new GuardianError('bad-request', `${where === null ? '' : `${where}: `}found ${found}, ${wanted}`)
}

function isSchema(schema: unknown): schema is v.GenericSchema {
  return typeof schema === 'object' && schema !== null && 'kind' in schema && schema.kind === 'schema'
}
