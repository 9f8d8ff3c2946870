import t from 'tap'
import type { RolloutOrder } from '../../../protocol/rollout/api.ts'
import { rolloutOf, runOf } from '../../fakes/rollout-status.ts'
import { openRollouts } from './open.ts'

type Sent = Partial<RolloutOrder> & Record<string, unknown>

const orders: readonly (readonly [argv: readonly string[], sent: Sent, said: string])[] = [
  [['promote'], { verb: 'promote', full: false }, 'r17 was promoted; it is paused'],
  [['promote', 'r17', '--full'], { verb: 'promote', full: true }, 'was promoted for all stages to come'],
  [
    ['pause', '-m', 'looking'],
    { verb: 'pause', message: 'looking' },
    '2 hosts on the way finish or go back: web2, web3',
  ],
  [['resume'], { verb: 'resume' }, 'r17 goes on'],
  [['abort'], { verb: 'abort', now: false }, 'is being aborted; it is paused'],
  [['abort', '--now'], { verb: 'abort', now: true }, '2 hosts on the way go back: web2, web3'],
  [['rollback'], { verb: 'rollback', selector: '*', pastIrreversible: false }, 'r17 goes back'],
  [
    ['rollback', '--on', '@web', '--past-irreversible'],
    { verb: 'rollback', selector: '@web', pastIrreversible: true },
    'goes back on @web',
  ],
  [['retry'], { verb: 'retry' }, 'tries again'],
  [['retry', 'r17', 'web1'], { verb: 'retry', host: 'web1' }, 'tries again on web1'],
  [['retry', '--hook', 'migrate'], { verb: 'retry', hook: 'migrate' }, 'tries again, hook migrate'],
  [['skip', 'web1', '-m', 'disk'], { verb: 'skip', host: 'web1', message: 'disk' }, 'leaves web1 out'],
  [
    ['release', 'web1', '-m', 'dead'],
    { verb: 'release', host: 'web1', message: 'dead' },
    'has given up the slot of web1',
  ],
]
const paused = rolloutOf('paused', {
  reason: 'by anna: looking',
  hosts: [runOf('web1', 'failed'), runOf('web2', 'draining'), runOf('web3', 'serving')],
  next: ['guardian ctl rollout resume r17'],
})
for (const [argv, sent, said] of orders) {
  t.test(argv.join(' '), async (t) => {
    const { rollouts, world, ctl } = await openRollouts(t)
    rollouts.statuses.set('r17', paused)
    rollouts.onOrder = () => paused
    t.equal(await ctl(...argv), 0)
    t.match(rollouts.orders, [{ id: 'r17', order: { operator: 'anna', message: '', ...sent } }])
    t.match(world.said(), said)
    t.match(world.said(), '  next: guardian ctl rollout resume r17\n', 'what comes next')
    const json = await openRollouts(t)
    json.rollouts.statuses.set('r17', paused)
    json.rollouts.onOrder = () => paused
    t.equal(await json.ctl(...argv, '--json'), 0)
    t.match(JSON.parse(json.world.said()), { id: 'r17', is: 'paused' })
  })
}

t.test('discard means a plan', async (t) => {
  const { rollouts, world, ctl } = await openRollouts(t)
  rollouts.statuses.set('r16', rolloutOf('planned', { id: 'r16' }))
  rollouts.statuses.set('r17', paused)
  rollouts.onOrder = (id) => rolloutOf('discarded', { id, settled: true })
  t.equal(await ctl('discard'), 0)
  t.match(rollouts.orders, [{ id: 'r16', order: { verb: 'discard' } }])
  t.match(world.said(), 'r16 was discarded; it is discarded')
})

t.test('an order to nothing that is under way', async (t) => {
  const { rollouts, world, ctl } = await openRollouts(t)
  rollouts.statuses.set('r17', rolloutOf('succeeded', { settled: true }))
  t.equal(await ctl('pause'), 2)
  t.match(world.complained(), 'no rollout is under way: the last one, r17, is succeeded')
  rollouts.onOrder = () => rolloutOf('rolling-back')
  t.equal(await ctl('rollback'), 0, 'what is over can be taken back')
  t.match(world.said(), 'watch it: guardian ctl rollout watch r17')
})

t.test('what cannot be taken back wants a reason', async (t) => {
  const { world, ctl } = await openRollouts(t)
  t.equal(await ctl('skip', 'web1'), 2)
  t.match(world.complained(), 'say why web1 is left out: -m REASON')
  t.equal(await ctl('release', 'web1'), 2)
  t.match(world.complained(), 'say why web1 will not come back')
  t.equal(await ctl('release'), 2)
})

t.test('--watch: an end that was asked for is no failure', async (t) => {
  for (const [argv, is, exit] of [
    [['rollback', '-w'], 'rolled-back', 0],
    [['abort', '-w'], 'aborted', 0],
    [['resume', '-w'], 'rolled-back', 4],
    [['rollback', '-w'], 'rollback-failed', 4],
  ] as const) {
    const { api, rollouts, ctl, tell } = await openRollouts(t)
    rollouts.statuses.set('r17', paused)
    rollouts.onOrder = () => rolloutOf('running')
    const ordered = ctl(...argv)
    await api.followed('/v1/rollouts/r17')
    tell(rolloutOf(is, { settled: true, exit: 4 }), `rollout.${is}`)
    t.equal(await ordered, exit, `${argv.join(' ')}: ${is}`)
  }
})

t.test('an order whose answer is lost is not given again', async (t) => {
  const { api, rollouts, world, ctl } = await openRollouts(t)
  rollouts.statuses.set('r17', paused)
  rollouts.onOrder = () => {
    api.cut()
    return paused
  }
  t.equal(await ctl('promote'), 9)
  t.match(world.complained(), 'Whether it took the order is unknown: see guardian ctl rollout status r17')
  t.equal(rollouts.orders.length, 1)
})
