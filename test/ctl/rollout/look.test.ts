import t from 'tap'
import { eventOf, lineOf, rolloutOf, runOf, stageOf } from '../../fakes/rollout-status.ts'
import { openRollouts } from './open.ts'
import { approval, canary, planLog, plannedBlocked } from './pictures.ts'

t.test('status: one look at the one under way', async (t) => {
  const { rollouts, world, ctl } = await openRollouts(t)
  rollouts.statuses.set('r17', canary)
  rollouts.statuses.set('r18', rolloutOf('planned', { id: 'r18' }))
  t.equal(await ctl('status'), 0)
  t.equal(world.complained(), 'r17: default, running\n')
  t.match(world.said(), 'web1  activating  0:14  restarting nginx.service')
  const json = await openRollouts(t)
  json.rollouts.statuses.set('r17', canary)
  t.equal(await json.ctl('status', 'r17', '--json'), 0)
  t.strictSame(JSON.parse(json.world.said()), canary)
  t.equal(await ctl('status', 'r9'), 2)
  t.equal(await ctl('status', 'seventeen'), 2)
})

t.test('status: at rest it exits with its exit code', async (t) => {
  const { rollouts, world, ctl } = await openRollouts(t)
  rollouts.statuses.set('r17', approval)
  t.equal(await ctl('status'), 6)
  rollouts.statuses.set('r17', plannedBlocked)
  rollouts.logs.push(...planLog)
  t.equal(await ctl('status'), 7)
  t.match(world.said(), 'no way back after this', 'a plan is shown as such')
})

t.test('status --wait: in silence until it rests', async (t) => {
  const { api, rollouts, world, ctl, tell } = await openRollouts(t)
  rollouts.statuses.set('r17', canary)
  const waited = ctl('status', '--wait')
  await api.followed('/v1/rollouts/r17')
  tell(canary, 'host.activating', 'web1')
  tell(approval, 'stage.waiting')
  t.equal(await waited, 6)
  t.match(world.said(), /^r17 default {2}running/)
  t.equal(await ctl('status', '--wait'), 6)
})

t.test('watch: the picture, then what is new', async (t) => {
  const { api, rollouts, world, ctl, tell } = await openRollouts(t)
  rollouts.events.push(eventOf(1, 'rollout.started'))
  rollouts.statuses.set('r17', canary)
  const watched = ctl('watch')
  await api.followed('/v1/rollouts/r17')
  tell(canary, 'slot.taken', 'web1')
  await world.saw('slot taken')
  tell(approval, 'stage.waiting')
  t.equal(await watched, 6)
  t.notMatch(world.said(), 'started')
  t.match(world.said(), /\d {2}web1 {2}slot taken\n/)
  t.match(world.said(), 'stage  waiting')
})

t.test('watch --json: all events, and the end as the last line', async (t) => {
  const { rollouts, world, ctl } = await openRollouts(t)
  rollouts.events.push(eventOf(1, 'rollout.started'), eventOf(2, 'host.draining', { host: 'web1' }))
  rollouts.statuses.set('r17', approval)
  t.equal(await ctl('watch', '--json'), 6)
  const lines = world
    .said()
    .trimEnd()
    .split('\n')
    .map((line) => JSON.parse(line))
  t.match(lines, [
    { seq: 1 },
    { seq: 2, host: 'web1' },
    { rollout: 'r17', is: 'running', exit: 6, next: approval.next },
  ])
})

t.test('watch: a live picture on a terminal, whose place the end takes', async (t) => {
  const { api, rollouts, world, ctl, tell } = await openRollouts(t, { isTTY: true, rows: 30 })
  rollouts.statuses.set('r17', canary)
  const watched = ctl('watch')
  await api.followed('/v1/rollouts/r17')
  await world.saw('restarting nginx.service')
  t.match(world.said(), '\u001b[33mactivating\u001b[0m')
  tell(approval, 'stage.waiting')
  t.equal(await watched, 6)
  t.match(world.said(), /next: guardian ctl rollout rollback r17\n$/)
})

t.test('watch: the reader goes away', async (t) => {
  const { api, rollouts, world, ctl } = await openRollouts(t)
  rollouts.statuses.set('r17', canary)
  const watched = ctl('watch')
  await api.followed('/v1/rollouts/r17')
  world.stopReading()
  t.equal(await watched, 130)
})

t.test('logs', async (t) => {
  const { api, rollouts, world, ctl } = await openRollouts(t)
  rollouts.statuses.set('r17', canary)
  rollouts.logs.push(
    lineOf(1, 'web1', 'activating the configuration...\u001b[2J'),
    lineOf(2, 'web2', 'setting up /etc...'),
    lineOf(3, 'web1', 'nginx: 1 → 2', { stream: 'plan' }),
  )
  rollouts.linesMax = 1
  t.equal(await ctl('logs'), 0)
  t.match(world.said(), /web1 {2}activating the configuration\.\.\.\n.* {2}web2 {2}setting up \/etc\.\.\.\n$/)
  const plan = await openRollouts(t)
  plan.rollouts.statuses.set('r17', canary)
  plan.rollouts.logs.push(...rollouts.logs)
  t.equal(await plan.ctl('logs', 'r17', 'web1', '--stream', 'plan', '--json'), 0)
  t.match(JSON.parse(plan.world.said()), { host: 'web1', text: 'nginx: 1 → 2' })
  t.equal(await plan.ctl('logs', '--stream', 'both'), 2)
  t.equal(await plan.ctl('logs', '--since', '1h'), 0)
  t.equal(plan.world.said().split('\n').length, 2, 'all of it is older')
  const following = ctl('logs', 'web1', '-f')
  await api.followed('/v1/rollouts/r17/logs')
  api.tellLog('r17', lineOf(4, 'web1', 'restarting nginx.service'))
  await world.saw('restarting nginx')
  api.cut()
  await api.followed('/v1/rollouts/r17/logs')
  t.match(api.heard.at(-1), 'after=4', 'goes on behind the last line')
  world.interrupt()
  t.equal(await following, 0)
})

t.test('diff', async (t) => {
  const { rollouts, world, ctl } = await openRollouts(t)
  rollouts.statuses.set('r17', plannedBlocked)
  t.equal(await ctl('diff'), 0)
  t.match(world.said(), 'no host has found anything out yet')
  rollouts.logs.push(...planLog)
  t.equal(await ctl('diff'), 0)
  t.match(world.said(), /^web1, web2, web3$/m)
  t.match(world.said(), 'would restart the following units')
  t.equal(await ctl('diff', 'db1'), 0)
  t.match(
    world.said(),
    /^db1\n {2}db1: \/nix\/store\/1+-nixos-system-db1-25.05\n {4}→ \/nix\/store\/0+-nixos-system-db1-25.11\n {2}linux/m,
  )
  t.equal(await ctl('diff', 'r17', 'web1', '--json'), 0)
  t.equal(await ctl('diff', 'r17', 'web9'), 2)
  t.match(world.complained(), 'web9 has no part in r17')
})

t.test('history', async (t) => {
  const { rollouts, world, ctl } = await openRollouts(t)
  t.equal(await ctl('history'), 0)
  t.equal(world.said(), 'no rollouts\n')
  rollouts.statuses.set(
    'r17',
    rolloutOf('succeeded', { settled: true, stages: [stageOf('web', 'done')], message: 'new kernel' }),
  )
  rollouts.statuses.set('r18', canary)
  t.equal(await ctl('history'), 0)
  t.match(world.said(), /^r17 +succeeded +default +3f2a90c1 +2026-01-02 \d\d:\d\d +1min30s +1\/1 +anna +new k\.\.\.$/m)
  t.equal(await ctl('history', 'web1', '--json'), 0)
  t.equal(await ctl('history', 'web1'), 0)
  t.match(world.said(), /^r17 .* pending +anna/m)
})

t.test('explain', async (t) => {
  const { rollouts, world, ctl } = await openRollouts(t)
  rollouts.explanation = {
    host: 'web3',
    rollout: 'r17',
    is: 'waiting',
    because: [
      { what: 'budget web: 1 of 1 out of service (web2, held by anna)', free: 'guardian ctl undrain --hold 3f2a90c1' },
      { what: 'the window opens Sun 02:00', free: '' },
    ],
    events: [eventOf(7, 'slot.waiting', { host: 'web3', reason: 'web3: budget web' })],
  }
  t.equal(await ctl('explain', 'web3'), 0)
  t.match(
    world.said(),
    /^web3 is waiting in r17\n {2}budget web: .*\n {4}free it: guardian ctl undrain --hold 3f2a90c1\n {2}the window opens Sun 02:00\n\n {2}lately\n {2}.* {2}web3 {2}slot waiting: budget web\n$/,
  )
  rollouts.explanation = { host: 'web3', rollout: null, is: null, because: [], events: [] }
  t.equal(await ctl('explain', 'web3'), 0)
  t.match(world.said(), 'web3 has no part in any rollout\n  nothing holds it up\n')
  t.equal(await ctl('explain', 'web3', '--json'), 0)
  t.equal(await ctl('explain'), 2)
})

t.test('status of a paused one names who is on the way', async (t) => {
  const { rollouts, world, ctl } = await openRollouts(t)
  rollouts.statuses.set('r17', rolloutOf('paused', { hosts: [runOf('web1', 'draining')] }))
  t.equal(await ctl('status'), 0)
  t.match(world.said(), 'web1  draining')
})
