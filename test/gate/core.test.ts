import t from 'tap'
import type { CoordinatorConfig } from '../../coordinator/config.ts'
import {
  afterAnswer,
  afterRefusal,
  type GateRecord,
  holdIdOf,
  isWaveOver,
  nextRecord,
  timesOf,
  type WaveFacts,
  wavesOf,
} from '../../gate/core.ts'
import type { ProgressState } from '../../protocol/api.ts'
import { type ErrorCode, GuardianError } from '../../protocol/errors.ts'

const bootId = '0'.repeat(32)
const earlier = 'f'.repeat(32)
const now = { bootId, monotonicMs: 5_000 }

const records: readonly (readonly [
  name: string,
  before: GateRecord | null,
  state: GateRecord['state'],
  after: GateRecord,
])[] = [
  ['no file: begins at the clock', null, 'up', { state: 'up', seq: 5_000, bootId }],
  [
    'of another boot: begins at the clock',
    { state: 'up', seq: 9_999, bootId: earlier },
    'up',
    { state: 'up', seq: 5_000, bootId },
  ],
  ['a change counts at the clock', { state: 'up', seq: 7, bootId }, 'down', { state: 'down', seq: 5_000, bootId }],
  ['and never backwards', { state: 'down', seq: 5_000, bootId }, 'up', { state: 'up', seq: 5_001, bootId }],
  ['down again is the same run', { state: 'down', seq: 8, bootId }, 'down', { state: 'down', seq: 8, bootId }],
  ['up again: a down was lost', { state: 'up', seq: 7, bootId }, 'up', { state: 'up', seq: 5_000, bootId }],
]
for (const [name, before, state, after] of records) {
  t.test(`record: ${name}`, async (t) => t.strictSame(nextRecord(before, state, now), after))
}

t.test('no seq of a boot is given twice, whatever was lost', async (t) => {
  const first = nextRecord(null, 'up', { bootId, monotonicMs: 0 })
  t.equal(holdIdOf('redis', first), `redis/${bootId}/1`)
  const unwritten = nextRecord(first, 'down', { bootId, monotonicMs: 10 })
  const up = nextRecord(first, 'up', { bootId, monotonicMs: 20 })
  t.ok(up.seq > unwritten.seq, 'a down that was told and not recorded')
  t.ok(nextRecord(null, 'down', { bootId, monotonicMs: 30 }).seq > up.seq, 'the whole file')
})

const times: readonly (readonly [limitMs: number, deadlineMs: number, agentDeadlineMs: number, halfMs: number])[] = [
  [90_000, 88_000, 87_500, 45_000],
  [20_000, 18_000, 17_500, 10_000],
  [5_000, 4_500, 4_250, 2_500],
  [100, 90, 85, 50],
]
for (const [limitMs, deadline, agents, half] of times) {
  t.test(`${limitMs} ms of a gate`, async (t) => {
    const found = { deadlineMs: 1_000 + deadline, agentDeadlineMs: 1_000 + agents, halfMs: 1_000 + half }
    t.strictSame(timesOf(1_000, limitMs), found)
  })
}

t.test('what follows from an answer', async (t) => {
  t.strictSame(afterAnswer({ hold: 'redis/0/1' }), { do: 'follow', hold: 'redis/0/1' })
  t.strictSame(afterAnswer({ hold: null }), { do: 'rest' })
  const refusals: readonly (readonly [code: ErrorCode, why: string])[] = [
    ['no-coordinator', 'the coordinator does not answer: text'],
    ['superseded', 'the coordinator has been superseded: text'],
    ['not-local', 'the coordinator runs with another configuration, reload it: text'],
    ['unknown-resource', 'the coordinator runs with another configuration, reload it: text'],
    ['not-persisted', 'the coordinator refuses: text'],
    ['internal', 'the coordinator refuses: text'],
  ]
  for (const [code, why] of refusals)
    t.strictSame(afterRefusal(new GuardianError(code, 'text')), { do: 'direct', why }, code)
})

const hosts = new Map(
  [
    ['web1', ['web'], ['io-databases']],
    ['web2', ['web'], ['io-databases', 'io-storage']],
    ['app1', ['app'], ['io-databases']],
    ['odd1', [], ['io-storage']],
  ].map(([name, tags, targets]) => {
    const spec = {
      name: String(name),
      address: 'x',
      tags: [...(tags ?? [])],
      protocol: 'v2' as const,
      targets: [...(targets ?? [])],
    }
    return [spec.name, spec] as const
  }),
)
const target = (name: string, needs: readonly string[], waves: readonly string[]) =>
  [name, { name, needs, waves, drainLimitMs: 30_000, undrainLimitMs: 30_000 }] as const
const plan: CoordinatorConfig['plan'] = {
  hosts,
  targets: new Map([
    target('io-databases', ['postgresql', 'redis'], ['@web', '@app', '!@web']),
    target('io-storage', ['nfs', 'redis'], ['@web']),
  ]),
  resources: new Map(),
  unreachableGraceMs: 20_000,
  resendMs: 1_000,
  rebuilds: { policies: new Map(), budgets: new Map(), self: null },
}

t.test('waves: every target that needs the resource, each host in its first wave, the others after all', async (t) => {
  const databases = { target: 'io-databases', waves: [['web1', 'web2'], ['app1']], waveLimitMs: 30_000 }
  const storage = { target: 'io-storage', waves: [['web2'], ['odd1']], waveLimitMs: 30_000 }
  t.strictSame(wavesOf(plan, 'postgresql'), [databases])
  t.strictSame(wavesOf(plan, 'redis'), [databases, storage])
  t.strictSame(wavesOf(plan, 'unknown'), [])
})

const facts: WaveFacts = { atMs: 1_000, sinceMs: 0, halfMs: 45_000, waveLimitMs: 30_000, graceMs: 20_000, hosts: [] }
const is = (...states: readonly ProgressState[]) => states.map((state) => ({ is: state }))
const waves: readonly (readonly [name: string, facts: WaveFacts, over: boolean])[] = [
  ['all drained', { ...facts, hosts: is('done', 'done') }, true],
  ['one moves', { ...facts, hosts: is('done', 'moving') }, false],
  [
    'failed, acknowledged and late ones keep nobody waiting',
    { ...facts, hosts: is('failed', 'acknowledged', 'deadline', 'not-persisted', 'held') },
    true,
  ],
  ['one is gone, within grace', { ...facts, hosts: is('done', 'unreachable') }, false],
  ['one is gone, past grace', { ...facts, atMs: 20_000, hosts: is('done', 'unreachable') }, true],
  ['one moves past grace', { ...facts, atMs: 20_000, hosts: is('moving') }, false],
  ['past the wave’s limit', { ...facts, atMs: 30_000, hosts: is('moving') }, true],
  ['at half of the gate’s time', { ...facts, sinceMs: 44_000, atMs: 45_000, hosts: is('moving') }, true],
  ['one tick before', { ...facts, sinceMs: 44_000, atMs: 44_999, hosts: is('moving') }, false],
]
for (const [name, wave, over] of waves) t.test(`wave: ${name}`, async (t) => t.equal(isWaveOver(wave), over))
