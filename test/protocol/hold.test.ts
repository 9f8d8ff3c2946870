import t from 'tap'
import * as v from 'valibot'
import { gateOf, hold, isAgentOwned, type Owner, owner } from '../../protocol/hold.ts'

const owners: readonly [owner: Owner, gate: string | null, agentOwned: boolean][] = [
  ['v1', null, true],
  ['direct', null, true],
  ['self', null, true],
  ['gate:postgresql', 'postgresql', false],
  ['operator:rik', null, false],
  ['operator:rik@laptop', null, false],
  ['rollout:2026-11-21.1', null, false],
]
for (const [by, gate, agentOwned] of owners) {
  t.equal(v.is(owner, by), true, `${by} is an owner`)
  t.equal(gateOf(by), gate, `gate of ${by}`)
  t.equal(isAgentOwned(by), agentOwned, `${by} is ${agentOwned ? '' : 'not '}the agent's own`)
}
const wrong = [
  '',
  'root',
  'V1',
  'gate',
  'gate:',
  'operator: ',
  'operator:a/b',
  'rollout:a:b',
  'gate:\u0007',
  7,
  null,
  {},
]
for (const by of wrong) t.equal(v.is(owner, by), false, `${JSON.stringify(by)} is no owner`)

t.strictSame(
  v.parse(hold, { id: 'a', owner: 'self', message: '', sinceMs: 0, also: 'dropped' }),
  { id: 'a', owner: 'self', message: '', sinceMs: 0, selector: '*', except: [] },
  'what an older agent did not write is filled in, and no end is invented',
)
t.equal(v.is(hold, { id: 'a', owner: 'self', message: '', sinceMs: 0, remainingMs: 0 }), true, 'an end that is reached')
t.equal(v.is(hold, { id: 'a', owner: 'self', message: '', sinceMs: -1 }), false, 'before 1970')
t.equal(
  v.is(hold, { id: 'a', owner: 'self', message: '', sinceMs: 0, selector: '\u001b[2J' }),
  false,
  'draws on a screen',
)
