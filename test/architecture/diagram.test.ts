import { join } from 'node:path'
import t from 'tap'
import { begin } from '../../agent/core/begin.ts'
import { dutyState } from '../../agent/core/duty.ts'
import type { AgentEvent } from '../../agent/core/event.ts'
import type { AgentState, TargetView, UnitView } from '../../agent/core/state.ts'
import { step } from '../../agent/core/step.ts'
import type { Authority } from '../../protocol/authority.ts'
import type { Hold } from '../../protocol/hold.ts'
import { rolloutStates, runStates } from '../../protocol/rollout/api.ts'
import { seeded } from '../protocol/seeded.ts'
import { edgesOf } from './pages.ts'
import { allMoves } from './rollout-moves.ts'

const bootId = 'b'.repeat(32)
const target = 'io-databases'
const { seed, below, pick } = seeded()
const authority: Authority = { kind: 'direct', operator: 'rik' }
const hello = { type: 'hello', oldest: 2, newest: 2, authority, build: '' } as const

function fresh(): AgentState {
  const policy = {
    ...{ host: 'web1', build: '', expectCoordinator: false, bootWithoutCoordinatorMs: null },
    ...{ onCoordinatorLost: 'keep' as const, lostAfterMs: 1_000 },
  }
  const spec = { name: target, unit: `${target}.target`, needs: ['redis'], enforce: false, allowLeftovers: [] }
  const records = new Map([[target, { marker: null, opening: null }]])
  const state = begin({ policy, bootId, seen: null, specs: [spec], records, atMs: 0 })
  return step(state, { type: 'greeted', link: 'l', hello, atMs: 0 }).next.state
}

function unit(name: string): UnitView {
  const active = pick(['active', 'active', 'inactive', 'inactive', 'failed', 'activating', 'deactivating'] as const)
  const job = active === 'activating' ? 'start' : active === 'deactivating' ? 'stop' : 'none'
  return { unit: name, active, job, processes: active === 'inactive' || active === 'failed' ? 0 : 1 }
}

function view(state: AgentState): TargetView {
  const { round } = state.duties.get(target) ?? { round: 0 }
  const dependent = { ...unit('web.service'), guarded: true, wanted: true }
  return {
    round: below(4) === 0 ? Math.max(0, round - 1) : round,
    target: unit(`${target}.target`),
    dependents: [dependent],
  }
}

function event(state: AgentState, atMs: number): AgentEvent {
  const id = `direct/${below(3)}`
  const order = { type: 'command', id: 'c', target, authority, limitMs: 5_000 } as const
  const hold: Hold = { id, owner: 'direct', message: '', sinceMs: 0, selector: '*', except: [] }
  switch (below(8)) {
    case 0:
      return { type: 'commanded', link: 'l', atMs, command: { ...order, action: 'drain', holds: [hold], release: [] } }
    case 1:
      return {
        type: 'commanded',
        link: 'l',
        atMs,
        command: { ...order, action: 'undrain', release: [id], allow: true },
      }
    case 2:
      return { type: 'probed', resource: 'redis', ok: below(4) > 0, reason: '', atMs }
    case 3:
    case 4:
      return { type: 'viewed', target, view: view(state), atMs }
    default:
      return { type: 'tick', target, atMs, wallMs: atMs, nonce: 'n' }
  }
}

t.test('every way that a target goes is drawn, and every way that is drawn is gone', async (t) => {
  t.comment(`GUARDIAN_SEED=${seed}`)
  const is = (state: AgentState) => {
    const duty = state.duties.get(target)
    return duty === undefined ? 'none' : dutyState(duty, bootId)
  }
  const seen = new Set<string>()
  for (let life = 0; life < 400; life += 1) {
    let state = fresh()
    for (let atMs = 1_000; atMs < 100_000; atMs += below(2_000)) {
      const { save, next, otherwise } = step(state, event(state, atMs))
      const now = save !== null && below(10) === 0 ? otherwise.state : next.state
      if (is(state) !== is(now)) seen.add(`${is(state)} → ${is(now)}`)
      state = now
    }
  }
  const drawn = (
    await edgesOf(join(import.meta.dirname, '../../ARCHITECTURE.md'), 'What a target on a host is')
  ).filter(({ from }) => from !== '[*]')
  t.strictSame([...seen].sort(), [...new Set(drawn.map(({ from, to }) => `${from} → ${to}`))].sort())
})

t.test('the ways of a rollout and of its hosts are those that are drawn', async (t) => {
  const page = join(import.meta.dirname, '../../ARCHITECTURE.md')
  const moves = allMoves()
  for (const [heading, seen, states] of [
    ['A rollout', moves.rollouts, rolloutStates],
    ['A host in a rollout', moves.runs, runStates],
  ] as const) {
    const edges = await edgesOf(page, heading)
    const drawn = edges.filter(({ from }) => from !== '[*]').map(({ from, to }) => `${from} → ${to}`)
    t.strictSame([...seen].sort(), [...new Set(drawn)].sort(), heading)
    const named = new Set(edges.flatMap(({ from, to }) => [from, to]).filter((state) => state !== '[*]'))
    t.strictSame([...named].sort(), [...states].sort(), heading)
  }
})
