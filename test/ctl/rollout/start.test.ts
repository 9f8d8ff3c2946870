import t from 'tap'
import { GuardianError } from '../../../protocol/errors.ts'
import { lineOf, planHash, rolloutOf, runOf, stageOf, systemOf } from '../../fakes/rollout-status.ts'
import { openRollouts } from './open.ts'

const waiting = rolloutOf('planned', { settled: true })
const built = ['--systems', `web1=${systemOf('web1')}`]
const running = (is: Parameters<typeof runOf>[1], reason = '') =>
  rolloutOf('running', { hosts: [runOf('web1', is, { reason })] })
const succeeded = rolloutOf('succeeded', {
  settled: true,
  stages: [stageOf('web', 'done')],
  hosts: [runOf('web1', 'done')],
})

t.test('start runs what was planned, a line per transition, to its end', async (t) => {
  const { api, rollouts, world, ctl, tell } = await openRollouts(t)
  tell(waiting, 'rollout.planned')
  const argv = [
    '--max-parallel',
    '2',
    '--skip-stage',
    'rest',
    '--skip-stage',
    'db',
    '--skip-offline',
    '--no-drain',
    '--allow-reboot',
  ]
  const started = ctl('start', 'r17', '-m', 'go', ...argv, '--adopt', 'web1')
  await api.followed('/v1/rollouts/r17')
  tell(running('draining', 'app.service is stopping'), 'host.draining', 'web1')
  await world.saw('web1  draining')
  tell(succeeded, 'rollout.succeeded')
  t.equal(await started, 0)
  t.strictSame(rollouts.starts, [
    {
      id: 'r17',
      request: {
        plan: planHash,
        operator: 'anna',
        message: 'go',
        maxParallel: 2,
        skipStages: ['rest', 'db'],
        skipOffline: true,
        drain: false,
        allowReboot: true,
        adopt: ['web1'],
      },
    },
  ])
  const lines = world.said().split('\n')
  t.match(lines[0], /^\d\d:\d\d:\d\d {2}web1 {2}draining$/, 'what happened while it was planned is not news')
  t.match(lines[1], /r17 {2}succeeded$/)
  t.match(lines[2], 'r17 default  succeeded')
  t.equal(world.complained(), '')
})

t.test('the newest plan is meant where no id is given, and it is said which', async (t) => {
  const { rollouts, world, ctl } = await openRollouts(t)
  for (const [id, is] of [
    ['r15', 'planned'],
    ['r16', 'planned'],
    ['r17', 'running'],
  ] as const)
    rollouts.statuses.set(id, rolloutOf(is, { id }))
  t.equal(await ctl('start', '--detach'), 0)
  t.match(rollouts.starts, [{ id: 'r16' }])
  t.equal(world.complained(), 'r16: default, planned\n')
  t.match(world.said(), 'started r16; nobody watches it here. Watch it: guardian ctl rollout watch r16\n')
  t.equal(await ctl('start', planHash.slice(0, 8), '--detach', '--json'), 0)
  t.match(rollouts.starts[1], { id: 'r15' }, 'by the hash: the newest that is planned')
  for (const word of ['beefbeef', 'web1']) t.equal(await ctl('start', word), 2)
})

t.test('exit codes of what it comes to', async (t) => {
  for (const exit of [0, 3, 4, 5, 6, 10]) {
    const { rollouts, world, ctl } = await openRollouts(t)
    rollouts.statuses.set('r17', waiting)
    rollouts.onStart = () => rolloutOf('paused', { settled: true, exit, next: ['guardian ctl rollout resume r17'] })
    t.equal(await ctl('start', 'r17'), exit)
    t.match(world.said(), 'next: guardian ctl rollout resume r17')
    rollouts.statuses.set('r17', waiting)
    const json = await openRollouts(t)
    json.rollouts.statuses.set('r17', waiting)
    json.rollouts.onStart = rollouts.onStart
    t.equal(await json.ctl('start', 'r17', '--json'), exit)
    t.match(JSON.parse(json.world.said()), { rollout: 'r17', is: 'paused', ending: 'settled', exit })
  }
})

t.test('exit codes of refusals', async (t) => {
  const refusals = [
    ['blocked', 7],
    ['not-persisted', 7],
    ['conflict', 8],
    ['stale', 8],
    ['held', 8],
    ['unauthorised', 8],
    ['superseded', 8],
    ['unknown-rollout', 2],
    ['internal', 1],
    ['deadline', 124],
  ] as const
  for (const [code, exit] of refusals) {
    const { rollouts, world, ctl } = await openRollouts(t)
    rollouts.statuses.set('r17', waiting)
    rollouts.onStart = () => {
      throw new GuardianError(code, 'because')
    }
    t.equal(await ctl('start', 'r17'), exit, code)
    t.equal(world.complained(), 'guardian ctl: because\n')
  }
})

t.test('a host that fails shows the end of its log at once', async (t) => {
  for (const isTTY of [false, true]) {
    const { api, rollouts, world, ctl, tell } = await openRollouts(t, { isTTY, env: { LANG: 'C.UTF-8' } })
    tell(waiting, 'rollout.planned')
    for (let line = 1; line <= 30; line += 1) rollouts.logs.push(lineOf(line, 'web1', `line ${line}.`))
    const started = ctl('start', 'r17', '--yes')
    await api.followed('/v1/rollouts/r17')
    tell(running('failed', 'exit 4'), 'host.failed', 'web1')
    await world.saw('line 30.')
    t.notMatch(world.said(), 'line 10.')
    t.match(world.said(), 'the last 20 lines of web1; all of them: guardian ctl rollout logs r17 web1')
    tell(
      rolloutOf('paused', { settled: true, exit: 3, hosts: [runOf('web1', 'failed', { reason: 'exit 4' })] }),
      'rollout.paused',
    )
    t.equal(await started, 3)
    t.match(world.said(), /its log: guardian ctl rollout logs r17 web1/)
  }
})

t.test('Ctrl-C stops watching, not the rollout', async (t) => {
  const { api, rollouts, world, ctl } = await openRollouts(t)
  rollouts.statuses.set('r17', waiting)
  const started = ctl('start', 'r17')
  await api.followed('/v1/rollouts/r17')
  world.interrupt()
  t.equal(await started, 130)
  const said = world.said().replaceAll(/\s+/g, ' ')
  t.match(
    said,
    'the rollout goes on. Watch again: guardian ctl rollout watch r17 Stop it: guardian ctl rollout pause r17',
  )
})

t.test('--timeout: 124, and the rollout goes on', async (t) => {
  const { rollouts, world, ctl } = await openRollouts(t)
  rollouts.statuses.set('r17', waiting)
  t.equal(await ctl('start', 'r17', '--timeout', '50ms'), 124)
  t.match(world.said(), 'the rollout goes on')
})

t.test('a coordinator that is restarted is waited for; one that stays away is 9', async (t) => {
  const { api, rollouts, world, ctl, tell } = await openRollouts(t, { patienceMs: 5_000 })
  rollouts.statuses.set('r17', waiting)
  const started = ctl('start', 'r17')
  await api.followed('/v1/rollouts/r17')
  await api.vanish()
  await api.comeBack()
  await api.followed('/v1/rollouts/r17')
  tell(succeeded, 'rollout.succeeded')
  t.equal(await started, 0)
  t.match(world.complained(), 'the coordinator is away')
  const gone = await openRollouts(t, { patienceMs: 0 })
  gone.rollouts.statuses.set('r17', waiting)
  const lost = gone.ctl('start', 'r17')
  await gone.api.followed('/v1/rollouts/r17')
  await gone.api.vanish()
  t.equal(await lost, 9)
  t.match(gone.world.said().replaceAll(/\s+/g, ' '), 'outcome unknown: the coordinator went away')
})

t.test('a person is asked, and no is no', async (t) => {
  const no = await openRollouts(t, { isTTY: true, answer: 'n' })
  no.rollouts.statuses.set(
    'r17',
    rolloutOf('planned', {
      stages: [stageOf('db', 'pending', { hooks: [{ name: 'migrate', reversible: false, is: 'pending' }] })],
      hosts: [
        runOf('db1', 'ready', { action: 'reboot' }),
        runOf('db2', 'ready'),
        runOf('db3', 'noop', { action: 'noop' }),
      ],
    }),
  )
  t.equal(await no.ctl('start', 'r17'), 2)
  t.strictSame(no.world.asked, [
    'Start r17, 2 hosts in 1 stage, 1 of them by a reboot, no way back after hook migrate? [y/N] ',
  ])
  t.equal(no.rollouts.starts.length, 0)
  for (const argv of [['--yes'], ['--json']]) {
    const asked = await openRollouts(t, { isTTY: true, answer: 'n' })
    asked.rollouts.statuses.set('r17', waiting)
    t.equal(await asked.ctl('start', 'r17', '--detach', ...argv), 0)
    t.strictSame(asked.world.asked, [])
  }
})

t.test('--policy: plans and starts in one go', async (t) => {
  const nobody = await openRollouts(t)
  t.equal(await nobody.ctl('start', '--policy', 'default', ...built), 2)
  t.match(nobody.world.complained(), 'only with --yes where nobody can be asked')
  t.equal(nobody.rollouts.plans.length, 0)
  t.equal(await nobody.ctl('start', '--policy', 'default', ...built, '--yes', '--detach', '-m', 'nightly'), 0)
  t.match(nobody.rollouts.plans, [{ message: 'nightly', selector: 'web1' }])
  t.match(nobody.rollouts.starts, [{ id: 'r17', request: { message: 'nightly' } }])
  t.match(nobody.world.said(), 'canary  1 host', 'the plan is shown')
  const asked = await openRollouts(t, { isTTY: true, answer: 'yes' })
  t.equal(await asked.ctl('start', '--policy', 'default', ...built, '--detach'), 0)
  t.equal(asked.world.asked.length, 1)
  t.equal(await asked.ctl('start', ...built), 2, 'without a policy it is not known what is meant')
  t.equal(await asked.ctl('start', 'r17', ...built), 2, 'what is planned has its systems')
})

t.test('--policy: what is blocked is not started, unless told to leave it out', async (t) => {
  const { rollouts, ctl } = await openRollouts(t)
  rollouts.onPlan = () => rolloutOf('planned', { settled: true, exit: 7, hosts: [runOf('web1', 'blocked')] })
  const argv = ['start', '--policy', 'default', ...built, '--yes', '--detach']
  t.equal(await ctl(...argv), 7)
  t.equal(rollouts.starts.length, 0)
  t.equal(await ctl(...argv, '--skip-offline'), 0)
  t.equal(rollouts.starts.length, 1)
})

t.test('what has no plan yet cannot be started', async (t) => {
  const { rollouts, world, ctl } = await openRollouts(t)
  t.equal(await ctl('start'), 2)
  t.match(world.complained(), 'there is no rollout yet')
  rollouts.statuses.set('r17', rolloutOf('planning', { plan: null }))
  t.equal(await ctl('start'), 2)
  t.match(world.complained(), 'no rollout is planned: the last one, r17, is planning')
  t.equal(await ctl('start', 'r17'), 8)
  t.equal(await ctl('--direct', '--hosts', 'web1', 'start'), 2)
})
