import t from 'tap'
import { outOfService } from '../../../../coordinator/core/rollout/budgets.ts'
import { isEnded, isMoving, runsOf } from '../../../../coordinator/core/rollout/kinds.ts'
import type { FleetState } from '../../../../coordinator/core/state.ts'
import { GuardianError } from '../../../../protocol/errors.ts'
import type { RolloutEvent, RolloutOrder } from '../../../../protocol/rollout/api.ts'
import type { JobReport } from '../../../../protocol/v2/job.ts'
import { seeded } from '../../../protocol/seeded.ts'
import { restarted } from './restart.ts'
import { type Manner, oldSystem, policyOf, Site, well } from './site.ts'

// Fleets that are treated badly in every way at once. Whatever happens, what a rollout promises is kept.

const { seed, below, pick } = seeded()
const min = 60_000
const said = { operator: 'ada', message: '' }
const hosts = ['a1', 'a2', 'b1', 'b2', 'c1']
const sick = { ...well, failed: ['x.service'] }
const isLikely = (percent: number): boolean => below(100) < percent

/** A host that mostly does what it is told. */
function moody(site: Site, name: string): Manner {
  return ({ want, mode }, job) => {
    if (isLikely(8)) return null
    switch (want) {
      case 'prefetched':
        return isLikely(5)
          ? { is: 'blocked', reason: 'full' }
          : { action: pick(['live', 'live', 'reboot', 'noop'] as const) }
      case 'active':
        if (isLikely(10))
          return { is: 'failed', reason: 'exit 1', current: pick([job.previous, job.system]), health: well }
        if (mode === 'reboot') site.reboot(name)
        return isLikely(20) ? { health: sick } : {}
      case 'committed':
        return isLikely(5) ? { is: 'failed', reason: 'loader' } : {}
      case 'reverted':
        if (isLikely(10)) return { is: 'revert-failed', reason: 'no' }
        return isLikely(10) ? { health: sick } : {}
      default:
        return {}
    }
  }
}

function makePolicy() {
  const stage = { maxParallel: 1 + below(3), soak: below(2) * min }
  return policyOf({
    stages: [
      { name: 'a', select: '@a', promote: pick(['auto', 'manual'] as const), ...stage },
      { name: 'rest', select: '*', ...stage },
    ],
    onFailure: pick(['rollback-host-and-pause', 'pause', 'rollback-wave', 'rollback-all'] as const),
    maxFailures: below(3),
    reboot: { allow: pick(['always', 'never'] as const) },
    drain: { onDeadline: pick(['undrain', 'force', 'hold'] as const), enable: isLikely(90) },
    health: { settle: 0, minHealthy: pick([0, 30_000]) },
    offline: pick(['fail', 'skip'] as const),
  })
}

/** Whatever is neither committed nor known to the loader is gone with the power. */
function cutPower(site: Site, name: string): void {
  const machine = site.machine(name)
  site.down(name)
  site.reboot(name)
  for (const [id, job] of machine.jobs) if (job.is !== 'committed') machine.jobs.set(id, goneBack(job))
  if (isLikely(70)) site.back(name)
}

function goneBack(job: JobReport): JobReport {
  if (job.baselineBootId === null || job.is === 'baselined') return job
  return {
    ...job,
    is: 'reverted',
    reason: 'it came back with the old system',
    current: oldSystem,
    profile: oldSystem,
    health: well,
  }
}

function order(): RolloutOrder {
  const host = pick(hosts)
  return pick<RolloutOrder>([
    { verb: 'promote', full: isLikely(50), ...said },
    { verb: 'pause', ...said },
    { verb: 'resume', ...said },
    { verb: 'resume', ...said },
    { verb: 'abort', now: isLikely(50), ...said },
    { verb: 'rollback', selector: pick(['*', host]), pastIrreversible: true, ...said },
    { verb: 'retry', ...(isLikely(50) ? { host } : {}), ...said },
    { verb: 'skip', host, ...said },
    { verb: 'release', host, ...said },
  ])
}

function happen(site: Site): Site {
  const name = pick(hosts)
  const machine = site.machine(name)
  switch (below(12)) {
    case 0:
      return site.down(name)
    case 1:
    case 2:
      site.back(name)
      break
    case 3:
      cutPower(site, name)
      break
    case 4:
      machine.isStuck = !machine.isStuck
      site.report(name)
      break
    case 5:
      for (const [id, job] of machine.jobs)
        machine.jobs.set(id, { ...job, health: job.health === null ? null : pick([well, well, sick]) })
      site.report(name)
      break
    case 6:
      site.fleet.isFull = isLikely(30)
      break
    case 7:
      if (!site.fleet.isFull) restarted(site)
      break
    case 8:
      attempt(() => site.send({ type: 'drain-asked', request: drainOf(name) }))
      break
    case 9:
    case 10:
      attempt(() => site.order(order()))
      break
    default:
      return site.pass(pick([1_000, 30_000, min, 5 * min, 30 * min]))
  }
  return site.settle()
}

const drainOf = (selector: string) => ({
  ...{ id: `${below(2 ** 30)}`.padStart(32, '0'), selector, operator: 'eve', message: '', dryRun: false },
})

function attempt(act: () => void): void {
  try {
    act()
  } catch (cause) {
    if (!(cause instanceof GuardianError)) throw cause
  }
}

/** Nobody is begun, in a rollout or on the way back, where a budget has no room for it. */
function overdrawn(before: FleetState, after: FleetState, events: readonly RolloutEvent[]): string | null {
  const begun = events.filter(({ type, from }) => type.startsWith('host.') && (from === 'waiting' || from === 'done'))
  const was = outOfService(before)
  const fresh = begun.filter(({ host, to }) => (to === 'draining' || to === 'reverting') && !was.has(host ?? ''))
  const trouble = events.some(({ to }) => to === 'failed' || to === 'lost')
  const count = outOfService(after).size
  return fresh.length > 0 && !trouble && count > 2 ? `${fresh.map(({ host }) => host)}: ${count} out of service` : null
}

function live(t: { fail: (text: string) => void }, life: number): void {
  const budgets = { any: { select: '*', maxUnavailable: 2 } } as const
  const site = new Site({ hosts, policy: makePolicy(), budgets })
  for (const name of hosts) site.manners.set(name, moody(site, name))
  const send = site.send.bind(site)
  site.send = (event) => {
    const before = site.fleet.state
    const answer = send(event)
    const told = site.fleet.effects.flatMap((effect) => (effect.type === 'rollout-event' ? [effect.event] : []))
    const over = overdrawn(before, site.fleet.state, told)
    if (over !== null) t.fail(`life ${life}: ${over}`)
    for (const { type, host } of told) if (type === 'host.reverted' && host !== null) judge(host)
    for (const effect of site.fleet.effects)
      if (
        effect.type === 'send-job' &&
        effect.command.want === 'committed' &&
        !isSeenWell(effect.host, effect.command.job)
      )
        t.fail(`life ${life}: ${effect.host} is committed, and is not well`)
    return answer
  }
  const isSeenWell = (host: string, id: string): boolean => {
    const job = site.fleet.state.hosts.get(host)?.jobs?.find(({ job }) => job === id)
    return job?.is !== 'active' || job.health?.failed.length === 0
  }
  const judge = (host: string): void => {
    const run = runsOf(site.fleet.state, site.id).get(host)
    const job = site.fleet.state.hosts.get(host)?.jobs?.find(({ job }) => job === run?.job)
    if (job !== undefined && (job.current !== job.previous || job.profile !== job.previous))
      t.fail(`life ${life}: ${host} is said to be back, and runs ${job.current}`)
  }
  attempt(() => site.plan())
  for (let step = 0; step < 40; step += 1) {
    if (site.fleet.state.rollouts.all.get(site.id)?.now.is === 'planned' && isLikely(60))
      attempt(() => site.start({ skipOffline: true }))
    happen(site)
  }
  calm(site)
  const { now } = site.rollout
  if (!isEnded(site.rollout)) t.fail(`life ${life}: it is ${now.is} for ever: ${site.runs}`)
  const moving = [...runsOf(site.fleet.state, site.id).values()].filter(isMoving)
  if (moving.length > 0) t.fail(`life ${life}: ${moving.map(({ host }) => host)} never comes to rest: ${site.runs}`)
}

/** Everybody is there again and does as he is told: then it comes to its end, whatever has been before. */
function calm(site: Site): void {
  site.fleet.isFull = false
  for (const name of hosts) {
    site.manners.delete(name)
    const machine = site.machine(name)
    machine.isStuck = false
    for (const [id, job] of machine.jobs) machine.jobs.set(id, { ...job, health: job.health === null ? null : well })
    site.back(name)
  }
  for (let count = 0; count < 8; count += 1) site.pass(15 * min)
  attempt(() => site.order({ verb: 'discard', ...said }))
  attempt(() => site.order({ verb: 'abort', now: false, ...said }))
  for (let count = 0; count < 20; count += 1) site.pass(15 * min)
}

t.test('whatever happens, a rollout keeps its promises and comes to its end', async (t) => {
  t.comment(`GUARDIAN_SEED=${seed}`)
  for (let life = 0; life < Number(process.env.GUARDIAN_LIVES ?? 100); life += 1) live(t, life)
  t.pass('every life was lived')
})
