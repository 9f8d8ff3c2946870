import t from 'tap'
import { begin } from '../../../agent/core/begin.ts'
import {
  dutyState,
  failedUnits,
  isOpened,
  isQuiet,
  isStopLost,
  isStopPending,
  isUp,
  stillRunning,
  stillStarting,
} from '../../../agent/core/duty.ts'
import type { DependentView, Duty, TargetView } from '../../../agent/core/state.ts'
import type { DutyState } from '../../../protocol/v2/report.ts'
import { bootId, dependentOf, holdOf, policy, spec, target, unit, unitOf, viewOf } from './scene.ts'

function dutyOf(change: Partial<Duty> = {}): Duty {
  const state = begin({ policy, bootId, seen: null, specs: [spec], records: new Map(), atMs: 0 })
  const duty = state.duties.get(target)
  if (duty === undefined) throw new Error('no duty')
  return { ...duty, ...change }
}

const opening = (is: 'opening' | 'open', boot = bootId) => ({ marker: null, opening: { bootId: boot, is } })
const held = { marker: [holdOf('h1')], opening: null }

const states: readonly [name: string, change: Partial<Duty>, is: DutyState][] = [
  ['nothing on disk', {}, 'undecided'],
  ['opened by an earlier boot', { record: opening('open', 'c'.repeat(32)) }, 'undecided'],
  ['opening of an earlier boot', { record: opening('opening', 'c'.repeat(32)) }, 'undecided'],
  ['opening', { record: opening('opening') }, 'opening'],
  ['opened', { record: opening('open') }, 'open'],
  ['opened, then stopped by another', { record: opening('open'), drifted: true }, 'drifted'],
  ['an empty marker', { record: { marker: [], opening: null } }, 'released'],
  ['held, never stopped', { record: held }, 'draining'],
  ['held, stopped', { record: held, round: 1, view: viewOf(1, 'inactive') }, 'drained'],
]
for (const [name, change, is] of states) {
  t.test(name, async (t) => t.equal(dutyState(dutyOf(change), bootId), is))
}

const quiet: readonly [name: string, change: Partial<Duty>, is: boolean][] = [
  ['no view', { round: 1 }, false],
  ['no stop was ever sent', { round: 0, view: viewOf(0, 'inactive') }, false],
  ['a view from before the stop', { round: 2, view: viewOf(1, 'inactive') }, false],
  ['a view from after another stop', { round: 1, view: viewOf(2, 'inactive') }, false],
  ['the target inactive', { round: 1, view: viewOf(1, 'inactive') }, true],
  ['the target failed', { round: 1, view: viewOf(1, 'failed') }, true],
  ['the target still stopping', { round: 1, view: viewOf(1, 'deactivating') }, false],
  ['a dependent still stopping', { round: 1, view: viewOf(1, 'inactive', dependentOf('deactivating')) }, false],
  ['a dependent failed', { round: 1, view: viewOf(1, 'inactive', dependentOf('failed')) }, true],
  [
    'a second dependent active',
    { round: 1, view: viewOf(1, 'inactive', dependentOf('inactive'), dependentOf('active')) },
    false,
  ],
  [
    'one process left behind',
    { round: 1, view: viewOf(1, 'inactive', dependentOf('inactive', { processes: 1 })) },
    false,
  ],
  [
    'one process that may stay',
    {
      spec: { ...spec, allowLeftovers: ['app.service'] },
      round: 1,
      view: viewOf(1, 'inactive', dependentOf('inactive', { processes: 1 })),
    },
    true,
  ],
  [
    'a unit that may leave processes must stop all the same',
    {
      spec: { ...spec, allowLeftovers: ['app.service'] },
      round: 1,
      view: viewOf(1, 'inactive', dependentOf('active', { processes: 1 })),
    },
    false,
  ],
]
for (const [name, change, is] of quiet) {
  t.test(`${name} ${is ? 'is' : 'is not'} quiet`, async (t) => t.equal(isQuiet(dutyOf(change)), is))
}

t.test('units that keep a drain waiting', async (t) => {
  t.strictSame(stillRunning(dutyOf()), [unit], 'nothing was seen yet')
  const left = dependentOf('inactive', { unit: 'left.service', processes: 2 })
  const view = viewOf(1, 'deactivating', dependentOf('inactive'), left, dependentOf('active', { unit: 'b.service' }))
  t.strictSame(stillRunning(dutyOf({ view })), [unit, 'left.service', 'b.service'])
})

const late: readonly [name: string, dependent: DependentView, starting: boolean][] = [
  ['a start job', dependentOf('inactive', { job: 'start' }), true],
  ['activating', dependentOf('activating'), true],
  ['deactivating, to be started again', dependentOf('deactivating'), true],
  ['inactive with nothing to come', dependentOf('inactive'), false],
  ['failed', dependentOf('failed'), false],
  ['active', dependentOf('active'), false],
  [
    'a start job of a unit that the target does not pull in',
    dependentOf('inactive', { job: 'start', wanted: false }),
    false,
  ],
]
for (const [name, dependent, starting] of late) {
  t.test(`up: ${name}`, async (t) => {
    t.strictSame(stillStarting(viewOf(0, 'active', dependent)), starting ? ['app.service'] : [])
    t.equal(isUp(viewOf(0, 'active', dependent)), !starting)
    t.strictSame(stillStarting(viewOf(0, 'inactive', dependent)), starting ? [unit, 'app.service'] : [unit])
    t.equal(isUp(viewOf(0, 'inactive', dependent)), false)
  })
}

t.test('failed units are named', async (t) => {
  t.strictSame(failedUnits(dutyOf()), [])
  t.strictSame(failedUnits(dutyOf({ view: viewOf(0, 'failed', dependentOf('failed'), dependentOf('inactive')) })), [
    unit,
    'app.service',
  ])
})

const stops: readonly [name: string, view: TargetView, pending: boolean, lost: boolean][] = [
  ['active, nothing queued', viewOf(0, 'active'), false, true],
  ['stop queued', { ...viewOf(0, 'active'), target: unitOf('active', { job: 'stop' }) }, true, false],
  ['start queued', { ...viewOf(0, 'active'), target: unitOf('active', { job: 'start' }) }, false, true],
  ['deactivating', viewOf(0, 'deactivating'), true, false],
  ['inactive', viewOf(0, 'inactive'), false, false],
  ['failed', viewOf(0, 'failed'), false, false],
  [
    'stop queued for what has stopped',
    { ...viewOf(0, 'inactive'), target: unitOf('inactive', { job: 'stop' }) },
    true,
    false,
  ],
  ['a dependent started again', viewOf(0, 'inactive', dependentOf('activating')), false, true],
]
for (const [name, view, pending, lost] of stops) {
  t.test(`stop: ${name}`, async (t) => {
    t.equal(isStopPending(view), pending, 'pending')
    t.equal(isStopLost(view), lost, 'lost')
  })
}

t.test('opened only by this boot and without a marker', async (t) => {
  t.equal(isOpened(dutyOf({ record: opening('opening') }), bootId), true)
  t.equal(isOpened(dutyOf({ record: opening('open') }), bootId), true)
  t.equal(isOpened(dutyOf({ record: opening('open', 'c'.repeat(32)) }), bootId), false)
  t.equal(isOpened(dutyOf({ record: { marker: [], opening: { bootId, is: 'open' } } }), bootId), false)
  t.equal(isOpened(dutyOf(), bootId), false)
})
