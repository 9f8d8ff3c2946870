import { readFile } from 'node:fs/promises'
import { connect } from 'node:net'
import t from 'tap'
import { reasonOf } from '../../daemon/reason.ts'

t.test('an absent file and an absent socket are told alike', async (t) => {
  const failures = [
    readFile('/nowhere/file'),
    new Promise((_, reject) => connect('/nowhere/socket').once('error', reject)),
  ]
  const reasons = await Promise.all(failures.map((failure) => failure.catch(reasonOf)))
  t.strictSame(reasons, ['no such file', 'no such file'])
})

t.test('where no words of our own are known, the first line of the error', async (t) => {
  const refused = Object.assign(new Error('connect ECONNREFUSED'), { code: 'ECONNREFUSED' })
  const causes: readonly (readonly [cause: unknown, reason: string])[] = [
    [Object.assign(new Error('EACCES: permission denied, open x'), { code: 'EACCES' }), 'access denied'],
    [new AggregateError([refused, new Error('another')]), 'connection refused'],
    [new AggregateError([], 'none'), 'none'],
    [new Error('one\ntwo'), 'one'],
    ['thrown', 'failed'],
  ]
  for (const [cause, reason] of causes) t.equal(reasonOf(cause), reason)
})
